"""When a next try can help, as spans: made of times of one clock, and told later than they were made."""

from __future__ import annotations

from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.next_try import NextTry
from aimylogic_provider.idempotence.server_time import Reading, SystemClock
from aimylogic_provider.retries.task_failures import failed


def reading(seconds_ago: float) -> Reading:
    clock = SystemClock()
    return Reading(clock.wall() - seconds_ago, clock.monotonic() - seconds_ago)


def test_they_are_the_same_by_any_clock() -> None:
    for now in (0.0, 1_800_000_000.0):
        when = NextTry.at(now, reading(0), asked=5, shown=now + 600, within=now + 3600)
        assert (when.asked, when.shown, when.within) == (5, 601, 3599), "Date tells whole seconds"
        assert NextTry.at(now, reading(0), shown=now - 60).shown == 0


def test_what_the_task_still_did_since_takes_of_the_keys_time_and_of_no_wait() -> None:
    """A results table of a million rows is written before the task ends."""
    when = NextTry.at(0.0, reading(300), asked=90, shown=600, within=3601)
    later = when.from_now(SystemClock())
    assert (later.asked, later.shown) == (90, 601)
    assert later.within is not None
    assert 3290 < later.within <= 3300
    told = vars(failed(NotAddedError("told", retryable=True, next_try=when)))
    assert (told["retry_after"], told["shown_after"]) == (90, 601)
    assert 3290 < told["retry_within"] <= 3300


def test_where_nothing_is_known_it_is_an_error_as_any() -> None:
    for when in (None, NextTry(), NextTry.at(0.0, reading(0))):
        assert vars(failed(NotAddedError("told", retryable=True, next_try=when))) == {}
