"""The proof in short, as a part of ``make test``; ``make prove`` runs the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aimylogic_provider.call_list.send.decision import MOST_SILENT
from aimylogic_provider.call_list.send.unanswered_sends import UnansweredSends
from tests.conftest import HAS_RECORD
from tests.proof.coverage import missing
from tests.proof.exhaustive import BATCH, CALL, Product, combinations, evenly, exhaustive
from tests.proof.network import NetworkFault
from tests.proof.promise import Promise
from tests.proof.schedules import Happening, Schedule, Step, Tries
from tests.proof.seams import beneath
from tests.proof.simulation import HOUR, Point
from tests.proof.swarm import Level, Reached, play, replayed, shrunk, swarm

pytestmark = pytest.mark.skipif(not HAS_RECORD, reason="the store that is simulated came with Airflow 3.3")

OPERATORS, BENEATH = range(300), range(1_500)


def assert_kept(reached: Reached) -> None:
    assert reached.failures == [], "\n\n".join(
        f"{failure.text}\nlevel {failure.level}, seed {failure.seed} {failure.schedule.combination}\n{failure.schedule}"
        for failure in reached.failures[:3]
    )


@pytest.mark.parametrize(
    ("product", "level", "every"), [(CALL, "beneath", 31), (CALL, "operators", 331), (BATCH, "operators", 149)]
)
def test_a_try_that_stops_anywhere(product: Product, level: Level, every: int) -> None:
    part = evenly(combinations(product), every)
    reached = exhaustive(product, level, part)
    assert_kept(reached)
    assert reached.schedules == len(part)


def test_a_replaced_try_whose_store_was_emptied_leaves_its_successors_list_alone() -> None:
    """Found by a combination: it stood still after it had pointed to its list, and cleared away the next one's."""
    stands_still = Tries(points=(Point(13, 0.9),), next_after=0.446, empties=True)
    with beneath() as now:
        for stopped in (0.3, 0.6, 0.9, 1.2):
            does = replace(stands_still, points=(Point(13, stopped),))
            play("operators", Schedule(2, "list emptied", (Step(0, 0.0, does),), 590.0, people=3), now)


def test_random_schedules_through_operators() -> None:
    assert_kept(swarm("operators", OPERATORS))


def test_random_schedules_beneath() -> None:
    assert_kept(swarm("beneath", BENEATH))


@pytest.mark.parametrize(("level", "seed"), [("beneath", 7), ("operators", 4), ("operators", 5), ("operators", 6)])
def test_a_seed_always_gives_the_same_trace(level: Level, seed: int) -> None:
    with replayed(level, seed) as (schedule, now):
        traces = {play(level, schedule, now).simulation.trace for _ in range(3)}
        others = {play(level, replace(schedule, seed=seed + 70), now).simulation.trace}
    assert len(traces) == 1
    assert traces != others


@pytest.mark.parametrize("seed", [25, 81])
def test_whoever_is_held_back_though_a_key_protects_them_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnansweredSends, "_is_repeated", lambda sends, silent: silent < MOST_SILENT)
    assert [failure.invariant for failure in swarm("operators", [seed]).failures] == ["held back"]


def test_a_failure_shrinks_to_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A death in mid-add and a stopped campaign are planted as a violation: two steps of eight are enough for that."""
    checked = Promise.check

    def check(promise: Promise) -> None:
        counters = promise.simulation.counters
        if counters["stop"] and counters["killed in mid-add"]:
            promise.violated("counts", "planted")
        checked(promise)

    monkeypatch.setattr(Promise, "check", check)
    fault = NetworkFault(1, True, *CALL.faults[3])
    dies = Tries(points=(Point(9),), clears=True)
    quiet = Tries(plan=replace(dies.plan, network=(fault,)), next_after=None)
    does = (quiet, Happening("start"), Happening("stop"), Happening("start"), quiet, Happening("others"), quiet)
    steps = [Step(number, HOUR, one) for number, one in enumerate(does)]
    steps.insert(0, Step(90, 0.0, dies))
    schedule = Schedule(1, "stable", tuple(steps), 300.0, 800.0, (5.0,))
    with beneath() as now:
        shortest = shrunk("beneath", schedule, now, "counts")
    assert [step.does for step in shortest.steps] == [Tries(points=(Point(9),)), Happening("stop")]
    assert (shortest.lag, shortest.airflow_skew, shortest.worker_skews) == (0.0, 0.0, (0.0,))


def test_what_was_never_reached_is_named() -> None:
    assert missing({"killed in mid-add", "fenced"}, {"fenced": 3}) == ["killed in mid-add"]
