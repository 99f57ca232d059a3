"""The decision about calls that were sent together, by enumeration of its rows, and of all that may hold at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from aimylogic_provider.call_list.send.decision import Decision, Found, Unit, UnitAction, decide
from aimylogic_provider.call_list.store.open_batch import NotedSend
from aimylogic_provider.idempotence.time_limits import ClockSource, Limits, Time, send_window

HOUR = 3600.0
BEGAN = 1_800_000_000.0
SERVER, WORKER = ClockSource.SERVER, ClockSource.WORKER
LIMITS = Limits(report_lag=600.0, send_timeout=40.0, sends_left=3, pause=20.0)
"""Three sends of 40 s, two pauses of 20 s and the slack of 60 s make 220 s."""
YOUNG = 24 * HOUR - 220
"""The last second at which a send and its repetitions end while the first key lives."""
SHOWN = 40 + 600 + 60
"""Seconds after a send at which its jobs show in the report: it took 40, the report lags by 600, and 60 are slack."""


def send(at: float = 0.0, clock: ClockSource = SERVER, campaign: str = "here") -> NotedSend:
    """A send *at* seconds, which took effect within 40 seconds or never."""
    return NotedSend(BEGAN + at, BEGAN + at + 40, clock, campaign)


def unit(
    after: float, *sends: NotedSend, clock: ClockSource = SERVER, asked: float | None = None, **known: Any
) -> Unit:
    """What is known *after* seconds; the report is *asked* at once, unless said otherwise."""
    now = BEGAN + after
    return Unit(sends=sends, campaign="here", time=Time(now, now, clock), limits=known.pop("limits", LIMITS),
                asked=now if asked is None else BEGAN + asked, **known)  # fmt: skip


def decided(after: float, *sends: NotedSend, **known: Any) -> Decision:
    return decide(unit(after, *sends, **known))


SEND, ASK, ADOPT, PARK = (
    Decision(one) for one in (UnitAction.SEND, UnitAction.ASK_REPORT, UnitAction.ADOPT, UnitAction.PARK)
)
SEND_SETTLED = Decision(UnitAction.SEND, settled=True)


def wait(until: float) -> Decision:
    return Decision(UnitAction.WAIT, BEGAN + until)


# Nothing is open


@pytest.mark.parametrize("found", [None, *Found])
@pytest.mark.parametrize("clock", ClockSource)
def test_what_was_never_sent_is_sent(clock: ClockSource, found: Found | None) -> None:
    assert decided(1000 * HOUR, clock=clock, found=found) == SEND


@pytest.mark.parametrize("key_lost", [False, True])
def test_a_refusal_with_nothing_open_is_an_outcome(key_lost: bool) -> None:
    assert decided(0, refused=True, key_lost=key_lost) == Decision(UnitAction.REFUSE)


# Another campaign


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("sends", [[send(campaign="there")], [send(), send(9, campaign="there")]])
def test_what_may_have_reached_another_campaign_is_left_to_a_person(sends: list[NotedSend], refused: bool) -> None:
    assert decided(100, *sends, refused=refused) == PARK


# While the key lives


@pytest.mark.parametrize(("after", "then"), [(-60, SEND), (-61, ASK), (0, SEND), (YOUNG, SEND), (YOUNG + 1, ASK)])
def test_young_means_that_all_sends_of_the_try_end_inside_the_window(after: float, then: Decision) -> None:
    assert decided(after, send()) == then


def test_the_age_counts_from_the_first_send_and_by_the_latest_time() -> None:
    assert decided(YOUNG + 1, send(), send(HOUR)) == ASK
    assert decided(YOUNG + 1, send(HOUR), send()) == ASK
    known = unit(YOUNG, send())
    assert decide(replace(known, time=Time(BEGAN, BEGAN + YOUNG + 1))) == ASK


@pytest.mark.parametrize("found", Found)
def test_while_the_key_lives_a_repeat_is_the_surest_answer_whatever_the_report_shows(found: Found) -> None:
    assert decided(YOUNG, send(), found=found) == SEND


@pytest.mark.parametrize(
    "known",
    [{"key_lost": True}, {"clock": WORKER}, {"refused": True}],
    ids=["the key was lost", "by the worker's clock", "refused"],
)
def test_without_the_key_or_after_a_refusal_the_report_is_asked_at_once(known: dict[str, Any]) -> None:
    assert decided(1, send(), **known) == ASK


def test_a_send_by_the_workers_clock_is_young_an_hour_less() -> None:
    assert decided(YOUNG - HOUR, send(clock=WORKER)) == SEND
    assert decided(YOUNG - HOUR + 1, send(clock=WORKER)) == ASK
    assert decided(YOUNG - HOUR + 1, send(HOUR), send(clock=WORKER)) == ASK


# One job for each phone


@pytest.mark.parametrize("known", [{}, {"refused": True}, {"key_lost": True}])
@pytest.mark.parametrize("after", [25 * HOUR, 1000 * HOUR])
def test_one_job_for_each_phone_is_adopted(after: float, known: dict[str, Any]) -> None:
    assert decided(after, send(), found=Found.ALL, **known) == ADOPT


def test_one_job_for_each_phone_is_adopted_at_once_after_a_refusal() -> None:
    assert decided(1, send(), refused=True, found=Found.ALL) == ADOPT


@pytest.mark.parametrize(
    ("sends", "clock"), [([send(clock=WORKER)], SERVER), ([send()], WORKER), ([send(), send(clock=WORKER)], SERVER)]
)
def test_by_a_workers_clock_nothing_is_adopted(sends: list[NotedSend], clock: ClockSource) -> None:
    """Its times widen to hours, in which others may have added the phones."""
    assert decided(25 * HOUR, *sends, clock=clock, found=Found.ALL) == PARK
    early = decided(SHOWN, *sends, clock=clock, found=Found.ALL, key_lost=True)
    assert early == wait(SHOWN + HOUR)


@pytest.mark.parametrize(("takes", "then"), [(LIMITS.span, ADOPT), (LIMITS.span + 1, PARK)])
def test_of_a_send_that_may_have_been_at_any_time_of_hours_nothing_is_adopted(takes: float, then: Decision) -> None:
    """As of one that is known by the list's claim alone: others may have added the phones in that time."""
    vague = NotedSend(BEGAN, BEGAN + takes, SERVER, "here")
    assert decided(25 * HOUR, vague, found=Found.ALL) == then
    assert decided(25 * HOUR, send(), vague, found=Found.ALL) == then


# None in the report


def test_none_in_the_report_once_it_must_show_is_sent_anew() -> None:
    assert decided(25 * HOUR, send(), found=Found.NONE) == SEND_SETTLED
    assert decided(SHOWN, send(), key_lost=True, found=Found.NONE) == SEND_SETTLED


def test_none_in_the_report_proves_something_only_when_asked_after_the_lag() -> None:
    """It counts when the report was asked, and not what time it is by now."""
    assert decided(25 * HOUR, send(), key_lost=True, found=Found.NONE, asked=SHOWN - 1) == wait(SHOWN)
    assert decided(25 * HOUR, send(), send(24 * HOUR), found=Found.NONE, key_lost=True, asked=24 * HOUR) == wait(
        24 * HOUR + SHOWN
    )


def test_none_in_the_report_before_the_lag_is_sent_while_an_unseen_jobs_key_lives() -> None:
    late = (send(), send(25 * HOUR))
    assert decided(25 * HOUR + 100, *late, found=Found.NONE) == SEND, "a job that isn't shown is minutes old"
    slow = replace(LIMITS, report_lag=24 * HOUR)
    assert decided(25 * HOUR + 100, *late, found=Found.NONE, limits=slow) == wait(25 * HOUR + 100 + 24 * HOUR)


@pytest.mark.parametrize(("since", "then"), [(YOUNG - 600, SEND), (YOUNG - 599, None)])
def test_the_time_since_the_report_was_asked_counts_for_an_unseen_job(since: float, then: Decision | None) -> None:
    late = (send(), send(25 * HOUR))
    asked = 25 * HOUR + 100
    decision = decided(asked + since, *late, found=Found.NONE, asked=asked)
    assert decision == (then or wait(25 * HOUR + SHOWN))


def test_none_in_the_report_by_a_workers_clock_is_never_sent() -> None:
    assert decided(SHOWN, send(), clock=WORKER, found=Found.NONE) == wait(SHOWN + HOUR)
    assert decided(SHOWN + HOUR, send(), clock=WORKER, found=Found.NONE) == PARK


def test_a_refusal_is_an_outcome_once_the_report_must_show_what_was_sent_before() -> None:
    assert decided(SHOWN - 1, send(), refused=True, found=Found.NONE) == wait(SHOWN)
    assert decided(SHOWN, send(), refused=True, found=Found.NONE) == Decision(UnitAction.REFUSE, settled=True)


# Barred: forbidden, or too late to be sent


@pytest.mark.parametrize("refused", [False, True])
def test_what_is_barred_and_was_never_sent_is_set_aside(refused: bool) -> None:
    assert decided(0, barred=True, refused=refused) == Decision(UnitAction.SET_ASIDE)


@pytest.mark.parametrize("after", [0, YOUNG, 25 * HOUR])
def test_what_is_barred_is_not_repeated_by_its_key_but_looked_for_in_the_report(after: float) -> None:
    assert decided(after, send(), barred=True) == ASK
    assert decided(after, send(), barred=True, found=Found.ALL) == ADOPT


def test_what_is_barred_is_set_aside_once_the_report_must_show_what_was_sent_before() -> None:
    assert decided(SHOWN - 1, send(), barred=True, found=Found.NONE) == wait(SHOWN)
    assert decided(SHOWN, send(), barred=True, found=Found.NONE) == Decision(UnitAction.SET_ASIDE, settled=True)
    assert decided(SHOWN, send(), barred=True, found=Found.SOME) == PARK
    assert decided(SHOWN, send(campaign="there"), barred=True, found=Found.NONE) == PARK


# Some in the report


@pytest.mark.parametrize("known", [{}, {"refused": True}, {"key_lost": True}])
def test_some_in_the_report_wait_for_the_lag_after_the_last_send_and_are_left_to_a_person(
    known: dict[str, Any],
) -> None:
    late = (send(), send(25 * HOUR))
    shown = 25 * HOUR + SHOWN
    assert decided(shown - 1, *late, found=Found.SOME, **known) == wait(shown)
    assert decided(shown, *late, found=Found.SOME, **known) == PARK


# What is never answered, while others are


def test_what_is_never_answered_is_repeated_until_its_first_send_must_show() -> None:
    assert decided(SHOWN - 1, send(), silent=1) == SEND
    assert decided(SHOWN, send(), silent=1) == ASK
    assert decided(SHOWN, send(), silent=1, found=Found.ALL) == ADOPT, "no day needs to pass"
    assert decided(SHOWN, send(), silent=1, found=Found.NONE) == SEND


@pytest.mark.parametrize("known", [{"silent": 1}, {"silent": 2}, {"other_key": True}, {"other_key": True, "silent": 1}])
@pytest.mark.parametrize("key_lost", [False, True])
def test_new_keys_wait_twice_the_lag(known: dict[str, Any], key_lost: bool) -> None:
    twice = SHOWN + 600
    assert decided(25 * HOUR, send(25 * HOUR - twice), found=Found.NONE, key_lost=key_lost, **known) == SEND_SETTLED
    late = decided(25 * HOUR, send(), send(25 * HOUR - twice + 1), found=Found.NONE, key_lost=key_lost, **known)
    assert late == (SEND if known == {"silent": 1} and not key_lost else wait(25 * HOUR + 1))


def test_what_two_tries_left_unanswered_waits_for_the_report() -> None:
    """A repeat would only make the wait longer."""
    assert decided(1, send(), silent=2) == ASK
    assert decided(SHOWN, send(), silent=2, found=Found.NONE) == wait(SHOWN + 600)
    assert decided(SHOWN + 600, send(), silent=2, found=Found.NONE) == SEND_SETTLED


def test_what_was_sent_with_another_key_is_never_repeated_while_that_is_open() -> None:
    assert decided(1, send(), other_key=True) == ASK
    assert decided(SHOWN, send(), other_key=True, found=Found.NONE) == wait(SHOWN + 600)
    assert decided(SHOWN, send(), other_key=True, found=Found.SOME) == PARK


# The times of a send


@pytest.mark.parametrize(("clock", "margin"), [(SERVER, 60.0), (WORKER, 60.0 + HOUR)])
def test_the_window_of_a_send_is_as_wide_as_its_clock_is_wrong(clock: ClockSource, margin: float) -> None:
    assert send_window(send(clock=clock)) == (BEGAN - margin, BEGAN + 40 + margin)


# Whatever holds at once


def situations() -> Iterator[Unit]:
    moments = [-HOUR, -61, -60, 0, SHOWN - 1, SHOWN, SHOWN + HOUR, YOUNG - HOUR, YOUNG, YOUNG + 1, 25 * HOUR, 30 * HOUR]
    sends = [(), (send(),), (send(clock=WORKER),), (send(), send(24 * HOUR)), (send(campaign="there"), send())]
    parts = [{}, {"silent": 1}, {"silent": 2}, {"other_key": True}, {"other_key": True, "silent": 3}]
    for after, sent, clock, refused, barred, key_lost, found, part in product(
        moments, sends, ClockSource, [False, True], [False, True], [False, True], [None, *Found], parts
    ):
        asked = [after, after - 30] if found else [after]
        for at in asked:
            told = {"refused": refused, "barred": barred, "key_lost": key_lost, "found": found, **part}
            yield unit(after, *sent, clock=clock, asked=at, **told)


def test_whatever_holds_nothing_is_called_twice_or_given_up() -> None:
    """What must be true of every decision, said apart from how it is made."""
    seen = set()
    for known in situations():
        decision = decide(known)
        seen.add(decision.action)
        shown = max((one.until for one in known.sends), default=0.0) + LIMITS.report_lag
        proven = known.found is Found.NONE and known.asked >= shown
        oldest = min((one.at for one in known.sends), default=known.time.latest)
        by_server = {known.time.clock, *(one.clock for one in known.sends)} == {SERVER}
        living = known.time.latest - oldest + LIMITS.span <= 24 * HOUR and not known.key_lost
        lagging = known.time.latest - known.asked + LIMITS.report_lag + LIMITS.span <= 24 * HOUR and not known.key_lost
        unseen = known.found is Found.NONE and lagging
        match decision.action:
            case UnitAction.SEND:
                assert not known.refused
                assert not known.barred
                # None was sent, or nothing came of it, or a repeat is told the first one's jobs.
                assert not known.sends or proven or living or unseen, known
                assert not known.sends or known.time.clock is SERVER, known
                if known.other_key and known.sends:
                    assert known.asked >= shown + LIMITS.report_lag, (
                        "under another key the server knows nothing of them"
                    )
            case UnitAction.REFUSE:
                assert known.refused
                assert not known.sends or proven, known
            case UnitAction.SET_ASIDE:
                assert known.barred
                assert not known.sends or proven, known
            case UnitAction.ADOPT:
                assert known.found is Found.ALL
                assert by_server, known
            case UnitAction.ASK_REPORT:
                assert known.found is None, "it would be asked for ever"
            case UnitAction.WAIT:
                assert known.found is not None
                assert decision.until > known.asked, "it would wait for what is past"
            case UnitAction.PARK:
                elsewhere = any(one.campaign != "here" for one in known.sends)
                assert elsewhere or known.asked >= shown, "the report may yet tell"
        assert not decision.settled or proven, known
    assert seen == set(UnitAction)


def test_a_decision_after_the_wait_is_never_to_wait_again() -> None:
    for known in situations():
        decision = decide(known)
        if decision.action is UnitAction.WAIT:
            at = decision.until
            later = replace(known, asked=at, time=Time(at, at, known.time.clock))
            assert decide(later).action is not UnitAction.WAIT, known
