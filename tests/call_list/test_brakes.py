"""Brakes: a list with too many calls, or too few, is sent by nobody, or once a person has said so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from aimylogic_provider.call_list.runs.brakes import Brakes, Usual
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance

THOUSANDS = Usual((1000, 990, 1010, 1000, 1200))


@pytest.mark.parametrize(
    ("most", "calls", "held"),
    [(10, 0, False), (10, 10, False), (10, 11, True), (1, 1, False), (1, 2, True)],
)
def test_more_than_so_many_calls_are_held(most: int, calls: int, held: bool) -> None:
    assert (Brakes(max_calls=most).why_held(calls, Usual()) is not None) is held


@pytest.mark.parametrize(
    ("change", "usual", "calls", "held"),
    [
        (0.5, (1000, 1000, 1000), 500, False),
        (0.5, (1000, 1000, 1000), 499, True),
        (0.5, (1000, 1000, 1000), 1500, False),
        (0.5, (1000, 1000, 1000), 1501, True),
        (0.5, (1000, 1000, 1000), 0, True),
        (1.0, (1000, 1000, 1000), 0, False),
        (1.0, (1000, 1000, 1000), 2001, True),
        (3.0, (1000, 1000, 1000), 0, False),
        (3.0, (1000, 1000, 1000), 4000, False),
        (3.0, (1000, 1000, 1000), 4001, True),
        (0.29, (100, 100, 100), 129, False),
        (0.29, (100, 100, 100), 71, False),
        (0.29, (100, 100, 100), 70, True),
        (0.0, (7, 7, 7), 7, False),
        (0.0, (7, 7, 7), 8, True),
        # One run of fifty times as many doesn't move what is usual.
        (0.5, (50_000, 1000, 1000, 1000), 50_000, True),
        (0.5, (10, 11, 12, 13), 17, False),
        (0.5, (10, 11, 12, 13), 18, True),
        # Of fewer than three runs it isn't known.
        (0.5, (1000, 1000), 50_000, False),
        (0.5, (), 50_000, False),
    ],
)
def test_what_differs_too_much_from_what_was_usual_is_held(
    change: float, usual: Sequence[int], calls: int, held: bool
) -> None:
    assert (Brakes(max_change=change).why_held(calls, Usual(usual)) is not None) is held


def test_the_reason_says_the_numbers_and_what_was_usual() -> None:
    both = Brakes(max_calls=10_000, max_change=0.5)
    assert both.why_held(50_000, THOUSANDS) == (
        "50,000 calls are more than the 10,000 that max_calls allows; usual are 1,000 (the median of its last 5 runs; "
        "the most were 1,200)"
    )
    assert both.why_held(2000, THOUSANDS) == (
        "2,000 calls are more than max_change=0.5 allows, 500 to 1,500; usual are 1,000 (the median of its last 5 "
        "runs; the most were 1,200)"
    )
    assert both.why_held(1, THOUSANDS) == (
        "1 call is fewer than max_change=0.5 allows, 500 to 1,500; usual are 1,000 (the median of its last 5 runs; "
        "the most were 1,200)"
    )


def run(sync: Sync, number: int, calls: int, **arguments: Any) -> dict[str, Any]:
    """A DAG run of its own, whose query selects so many people."""
    begin(sync, number)
    sync.execute("delete from customer")
    sync.add(phone(1000 * number + one) for one in range(calls))
    return sync.attempt(**arguments)


def begin(sync: Sync, number: int) -> None:
    sync.task = TaskInstance(task_id="sync", run_id=f"scheduled__{number}")


def tell_usual(sync: Sync, *calls: int) -> None:
    for number, count in enumerate(calls, 1):
        run(sync, number, count)


def test_a_broken_where_calls_nobody_and_a_clear_asks_the_query_anew(
    make_sync: Callable[..., Sync], capsys: pytest.CaptureFixture[str]
) -> None:
    sync = make_sync(max_change=0.5)
    tell_usual(sync, 10, 12, 10)
    added = sync.calls_by_phone().total()
    with pytest.raises(AirflowFailException) as failed:
        run(sync, 4, 500)
    assert (
        "500 calls are more than max_change=0.5 allows, 5 to 15; usual are 10 (the median of its last 3 runs; the "
        in str(failed.value)
    )
    assert (sync.calls_by_phone().total(), added) == (32, 32), "nothing was sent"
    assert [one.name for one in sync.lists.rglob("*.jsonl") if "scheduled__4" in str(one)] == [], "and the list is gone"
    sync.execute("delete from customer where id > 9")
    assert sync.attempt()["created"] == 9, "a clear asks the corrected query"
    assert "Brakes: 9 calls: max_change=0.5 allows 5 to 15; usual are 10" in capsys.readouterr().out
