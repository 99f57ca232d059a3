"""The table of what becomes of calls beyond the bounds: that it is whole, and that it can show harm, and none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof.beyond import ENDS, play, run, table
from tests.proof.beyond_world import BeyondWorld, Break
from tests.proof.bounds import BOUNDS, Bound, Family, draw
from tests.proof.seams import Beneath, beneath
from tests.proof.tally import Tally, tally


@pytest.fixture(scope="module")
def now() -> Iterator[Beneath]:
    with beneath() as now:
        yield now


def _dies_with_store() -> tuple[Bound, Family]:
    (bound,) = (bound for bound in BOUNDS if bound.number == 1)
    (family,) = (one for one in bound.families if one.kind == "stable" and "then it dies" in one.breaks)
    return bound, family


def test_every_family_runs_and_every_call_has_one_end() -> None:
    rows = [(bound, family, run(bound, family, range(1))) for bound in BOUNDS for family in bound.families]
    assert all(found.calls >= found.schedules == 1 and found.ends.keys() <= {*ENDS} for _, _, found in rows)
    assert len(table(rows).splitlines()) == 2 + len(rows)
    assert [bound.number for bound in BOUNDS] == list(range(1, 11))


def test_a_process_that_stands_still_before_its_send_does_harm(now: Beneath) -> None:
    found = sum((tally(play(*_dies_with_store(), seed, now)) for seed in range(10)), Tally())
    assert found.ends["twice"] == found.doubled_jobs == found.fenced == 10


def test_the_same_schedules_within_the_bounds_do_none(now: Beneath) -> None:
    found = Tally()
    for seed in range(10):
        schedule, _ = draw(*_dies_with_store(), seed)
        world = BeyondWorld(schedule, Break(dies=True), now)
        world.run()
        found += tally(world)
    assert found.ends == {"fine": 10}


def test_the_same_seed_gives_the_same_trace(now: Beneath) -> None:
    bound = BOUNDS[8]
    one, other = (play(bound, bound.families[0], 7, now).simulation.trace for _ in range(2))
    assert one == other
