"""The first calls of a list: cut apart, sent before all others, waited for, and judged before the rest follows."""

from __future__ import annotations

import pytest

from aimylogic_provider.call_list.send.first_calls import Bounds, FirstFigures, held_back
from aimylogic_provider.call_list.store.manifest import Batch
from aimylogic_provider.call_list.store.outcomes import Counts


def batches(*calls: int) -> list[Batch]:
    return [Batch(f"{number:05}", count, 0, 0, "") for number, count in enumerate(calls, 1)]


@pytest.mark.parametrize(
    ("first", "begun", "held"),
    [
        (7, (), {"00002", "00003"}),
        (8, (), {"00003"}),
        (18, (), set()),
        (1, ("00003",), {"00002"}),
    ],
)  # fmt: skip
def test_batches_go_whole_and_what_was_begun_waits_no_more(first: int, begun: tuple[str, ...], held: set[str]) -> None:
    assert held_back(batches(7, 10, 1), first, begun) == held


@pytest.mark.parametrize(
    ("counts", "ends", "broken"),
    [
        (Counts(created=9, refused=1), {"longCallWithResult": 1}, ""),
        (Counts(created=9, refused=1), {"longCallWithNoResult": 1}, ""),
        (Counts(created=9, refused=1), {"noAnswer": 9}, "0 of 10 (0.0%) reached somebody, and min_reached is 0.1"),
        (Counts(created=8, refused=2), {"longCallWithResult": 8},
         "the server refused 2 of 10 (20.0%), and max_refused allows 0.1"),
        (Counts(expired=10), {}, "none of them was sent, so that nothing is known"),
    ],
)  # fmt: skip
def test_the_bounds_are_shares_of_what_was_sent(counts: Counts, ends: dict[str, int], broken: str) -> None:
    assert "; ".join(Bounds(0.1, 0.1).broken(FirstFigures(counts, ends))) == broken


@pytest.mark.parametrize("share", [0.07, 0.29, 0.57, 0.58])
def test_a_share_that_is_a_whole_count_is_that_count(share: float) -> None:
    """0.29 of a hundred is 29, whatever floats make of it."""
    most = round(share * 100)
    figures = FirstFigures(Counts(created=100 - most, refused=most), {"longCallWithResult": most})
    assert Bounds(min_reached=share, max_refused=share).broken(figures) == []


def test_no_bound_is_no_bound() -> None:
    assert Bounds(None, None).broken(FirstFigures(Counts(refused=10), {})) == []
