"""The decision, row by row, by name: what each row is for, in a situation that anyone can picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aimylogic_provider.idempotence.actions import (
    Action,
    Adopt,
    AskReport,
    AskTime,
    Clash,
    Park,
    Refuse,
    Return,
    Row,
    SendNow,
    Wait,
)
from aimylogic_provider.idempotence.decision import decide
from aimylogic_provider.idempotence.keys import Parameters
from aimylogic_provider.idempotence.record.records import (
    ClockSource,
    CreatedBy,
    Entry,
    Record,
    RecordedJob,
    Send,
    SendOutcome,
)
from aimylogic_provider.idempotence.situation import Report, ReportedJob, Situation
from aimylogic_provider.idempotence.time_limits import Limits, Time

HOUR = 3600.0
BEGAN = 1_800_000_000.0
HERE = Parameters("campaign", False, "payload", "zone")
LIMITS = Limits(report_lag=600.0, send_timeout=40.0, sends_left=3, pause=20.0)
SURE = Entry(sure=True, server_time=BEGAN, run_age=5.0)
UNSURE = replace(SURE, sure=False)
UNANSWERED, REFUSED = SendOutcome.UNANSWERED, SendOutcome.REFUSED


def send(at: float, outcome: SendOutcome = SendOutcome.UNANSWERED, **more: Any) -> Send:
    """A send *at* seconds, which took effect within 40 seconds or never."""
    return Send(BEGAN + at, BEGAN + at + 40, outcome=outcome, **more)


def record(*outcomes: SendOutcome, sure: bool = True, job: str | None = None, **more: Any) -> Record:
    sends = tuple(send(60 * number, outcome) for number, outcome in enumerate(outcomes))
    found = None if job is None else RecordedJob(job, CreatedBy.ANSWER)
    return Record("key", "person", "phone", "7912***6789", sure, HERE, sends, found, **more)


def decided(after: float | None, *, report: list[float] | None = None, **known: Any) -> Action:
    """Decide *after* seconds since the first send; *report* lists jobs by seconds since then."""
    now = None if after is None else BEGAN + after
    return decide(
        Situation(
            **{
                "entry": SURE,
                "parameters": HERE,
                "person": "person",
                "phone": "phone",
                "limits": LIMITS,
                "time": None if now is None else Time(now, now, known.pop("clock", ClockSource.SERVER)),
                "report": None
                if report is None or now is None
                else Report(tuple(ReportedJob(f"j{at:g}", BEGAN + at) for at in report), now),
                **known,
            }
        )
    )


# --- step 1 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [None, 0, 400 * 24 * HOUR])
def test_created_with_the_same_parameters_returns_its_job_however_old(after: float | None) -> None:
    assert decided(after, record=record(UNANSWERED, job="7")) == Return(Row.CREATED_SAME, "7")


@pytest.mark.parametrize("name", ["campaign", "payload", "gmt_zone", "test_call"])
def test_created_with_other_parameters_fails(name: str) -> None:
    changed = replace(HERE, **{name: True if name == "test_call" else "other"})
    assert decided(None, record=record(job="7"), parameters=changed) == Clash(Row.CREATED_CHANGED, "7")


@pytest.mark.parametrize("name", ["campaign", "test_call"])
def test_unanswered_and_elsewhere_now_is_parked(name: str) -> None:
    changed = replace(HERE, **{name: True if name == "test_call" else "other"})
    assert decided(None, record=record(UNANSWERED), parameters=changed) == Park(Row.UNANSWERED_ELSEWHERE)


def test_refused_with_a_record_that_proves_nothing_and_elsewhere_now_is_parked() -> None:
    changed = replace(HERE, campaign="other")
    assert decided(None, record=record(REFUSED, sure=False), parameters=changed) == Park(Row.UNANSWERED_ELSEWHERE)
    assert decided(None, record=record(REFUSED), parameters=changed) == AskTime(Row.TIME)


def test_mapped_and_the_same_person_with_other_parameters_is_parked() -> None:
    for other in (record(job="7"), record(UNANSWERED)):
        assert decided(None, mapped=True, others=(other,)).row is Row.MAPPED_CHANGED
    assert decided(None, mapped=True, others=(record(REFUSED),)).row is Row.TIME
    assert decided(None, mapped=True, others=(replace(record(job="7"), person="another"),)).row is Row.TIME


def test_the_age_is_taken_at_its_most_and_the_report_at_its_least() -> None:
    unanswered = {"record": record(UNANSWERED)}
    known: dict[str, Any] = {
        "entry": SURE,
        "parameters": HERE,
        "person": "p",
        "phone": "phone",
        "limits": LIMITS,
        **unanswered,
    }
    for latest, action in ((24 * HOUR - 220, SendNow), (24 * HOUR - 219, AskReport)):
        assert isinstance(decide(Situation(time=Time(BEGAN, BEGAN + latest), **known)), action)
    refused = {**known, "record": record(UNANSWERED, REFUSED), "refused": True}
    time = Time(BEGAN + 690, BEGAN + 900)
    assert isinstance(decide(Situation(time=time, report=Report((), time.earliest), **refused)), Wait)


def test_otherwise_the_time_is_asked_for() -> None:
    assert decided(None) == AskTime(Row.TIME)
    assert decided(None, record=record(UNANSWERED)) == AskTime(Row.TIME)


# --- step 2: no open send ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [None, record(), record(REFUSED)])
@pytest.mark.parametrize("after", [0, 40 * HOUR])
def test_surely_none_before_is_sent(known: Record | None, after: float) -> None:
    assert decided(after, record=known) == SendNow(Row.FIRST_SURE)


@pytest.mark.parametrize("known", [{"mapped": True}, {"entry": UNSURE}])
def test_no_open_send_and_the_run_young_is_sent(known: dict[str, Any]) -> None:
    assert decided(23 * HOUR, **known) == SendNow(Row.FIRST_RUN_YOUNG)


@pytest.mark.parametrize("known", [{"mapped": True}, {"entry": UNSURE}])
def test_no_open_send_and_the_run_old(known: dict[str, Any]) -> None:
    assert decided(25 * HOUR, **known) == AskReport(Row.FIRST_RUN_OLD)
    assert decided(25 * HOUR, report=[], **known) == SendNow(Row.FIRST_RUN_OLD)
    assert decided(25 * HOUR, report=[-HOUR], **known) == SendNow(Row.FIRST_RUN_OLD), "from before the run"
    assert decided(25 * HOUR, report=[9 * HOUR], **known) == Park(Row.FIRST_RUN_OLD, ("j32400",))


def test_a_run_whose_age_is_not_known_is_old() -> None:
    entry = replace(UNSURE, run_age=None)
    assert decided(0, entry=entry) == AskReport(Row.FIRST_RUN_OLD)
    assert decided(0, entry=entry, report=[-999 * HOUR]).row is Row.FIRST_RUN_OLD


# --- step 2: unanswered sends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "action"), [(0, SendNow), (24 * HOUR - 220, SendNow), (24 * HOUR - 219, AskReport)])
def test_young_means_that_all_sends_of_the_try_end_inside_the_window(after: float, action: type[Action]) -> None:
    """Three sends of 40 s, two pauses of 20 s and the slack of 60 s make 220 s."""
    assert type(decided(after, record=record(UNANSWERED))) is action


def test_the_age_counts_from_the_first_unanswered_send() -> None:
    assert type(decided(24 * HOUR, record=record(UNANSWERED, UNANSWERED))) is AskReport
    assert type(decided(24 * HOUR - 180, record=record(REFUSED, UNANSWERED))) is SendNow


def test_a_crash_between_note_and_answer_counts_as_unanswered() -> None:
    assert decided(1, record=record(SendOutcome.NOTED)) == SendNow(Row.UNANSWERED_YOUNG)
    assert decided(25 * HOUR, record=record(SendOutcome.NOTED)) == AskReport(Row.UNANSWERED_OLD)


@pytest.mark.parametrize("at", [-59, 0, 41, 99])
def test_old_with_one_job_in_the_minutes_of_a_send_adopts_it(at: float) -> None:
    assert decided(25 * HOUR, record=record(UNANSWERED), report=[at]) == Adopt(Row.UNANSWERED_OLD, f"j{at:g}")


@pytest.mark.parametrize("at", [-61, 101, 2 * HOUR])
def test_old_with_a_job_outside_those_minutes_sends_the_recorded_key(at: float) -> None:
    assert decided(25 * HOUR, record=record(UNANSWERED), report=[at]) == SendNow(Row.UNANSWERED_OLD)


def test_old_with_a_job_reported_with_another_phone_is_parked_if_its_time_fits() -> None:
    for at, action in ((1.0, Park), (2 * HOUR, SendNow)):
        report = Report((ReportedJob("7", BEGAN + at, ours=False),), BEGAN + 25 * HOUR)
        now = Time(BEGAN + 25 * HOUR, BEGAN + 25 * HOUR)
        situation = Situation(SURE, HERE, "person", "phone", LIMITS, record=record(UNANSWERED), time=now, report=report)
        assert isinstance(decide(situation), action)


def test_a_run_is_taken_for_a_quarter_of_an_hour_older_as_airflows_clock_may_differ() -> None:
    assert decided(24 * HOUR - 900 - 230, mapped=True) == SendNow(Row.FIRST_RUN_YOUNG)
    assert decided(24 * HOUR - 900, mapped=True) == AskReport(Row.FIRST_RUN_OLD)


def test_old_with_two_jobs_is_parked() -> None:
    assert decided(25 * HOUR, record=record(UNANSWERED), report=[1, 2]) == Park(Row.UNANSWERED_OLD, ("j1", "j2"))


def test_old_with_a_job_that_another_record_could_have() -> None:
    rival, owner = replace(record(UNANSWERED), person="b"), replace(record(job="j1"), person="b")
    known = {"record": record(UNANSWERED), "report": [1.0]}
    assert decided(25 * HOUR, others=(rival,), **known) == Park(Row.UNANSWERED_OLD, ("j1",))
    assert decided(25 * HOUR, others=(replace(rival, phone="another"),), **known) == Adopt(Row.UNANSWERED_OLD, "j1")
    assert decided(25 * HOUR, others=(owner,), **known) == SendNow(Row.UNANSWERED_OLD)


def test_old_and_unclear_waits_for_the_lag_after_the_last_send() -> None:
    late = replace(record(UNANSWERED), sends=(send(0), send(25 * HOUR)))
    action = decided(25 * HOUR + 100, record=late, report=[1, 2])
    assert isinstance(action, Wait)
    assert action.until == BEGAN + 25 * HOUR + 40 + 600 + 60
    assert decided(25 * HOUR + 700, record=late, report=[1, 2]) == Park(Row.UNANSWERED_OLD, ("j1", "j2"))


def test_none_in_the_report_is_sent_only_while_an_unseen_job_would_have_a_living_key() -> None:
    slow = replace(LIMITS, report_lag=24 * HOUR)
    late = replace(record(UNANSWERED), sends=(send(0), send(25 * HOUR)))
    assert isinstance(decided(25 * HOUR + 1, record=late, report=[], limits=slow), Wait)
    assert decided(49 * HOUR + 100, record=late, report=[], limits=slow) == SendNow(Row.UNANSWERED_OLD)


@pytest.mark.parametrize("known", [{"mapped": True}, {"entry": UNSURE, "record": record(UNANSWERED, sure=False)}])
def test_mapped_or_unsure_goes_by_the_run(known: dict[str, Any]) -> None:
    known = {"record": record(UNANSWERED), **known}
    assert decided(23 * HOUR, **known) == SendNow(Row.SHARED_RUN_YOUNG)
    assert decided(25 * HOUR, **known) == AskReport(Row.SHARED_RUN_OLD)
    assert decided(25 * HOUR, report=[], **known) == SendNow(Row.SHARED_RUN_OLD)
    assert decided(25 * HOUR, report=[1], **known) == Park(Row.SHARED_RUN_OLD, ("j1",)), "nothing is adopted"


# --- step 2: without the server's time ------------------------------------------------------------------------------


def test_without_date_nothing_is_sent_after_an_unanswered_send() -> None:
    known: dict[str, Any] = {"record": record(UNANSWERED), "clock": ClockSource.WORKER}
    assert decided(60, **known) == AskReport(Row.UNANSWERED_OLD)
    assert isinstance(decided(60, report=[], **known), Wait)
    assert isinstance(decided(700 + 3599, report=[], **known), Wait)
    assert decided(700 + 3600, report=[], **known) == Park(Row.UNANSWERED_OLD)
    assert decided(700 + 3600, report=[1], **known) == Park(Row.UNANSWERED_OLD, ("j1",)), "nothing is adopted"


def test_without_date_the_run_is_young_an_hour_less() -> None:
    known: dict[str, Any] = {"mapped": True, "clock": ClockSource.WORKER}
    assert decided(22 * HOUR, **known) == SendNow(Row.FIRST_RUN_YOUNG)
    assert decided(23 * HOUR, **known) == AskReport(Row.FIRST_RUN_OLD)


# --- step 2: refusals -----------------------------------------------------------------------------------------------


def test_a_refusal_with_nothing_open_is_an_outcome() -> None:
    assert decided(1, record=record(REFUSED), refused=True) == Refuse(Row.REFUSED_SURE)


def test_a_refusal_in_a_mapped_task_is_an_outcome_in_the_first_try_alone() -> None:
    known: dict[str, Any] = {"record": record(REFUSED), "refused": True, "mapped": True}
    assert decided(1, first=True, **known) == Refuse(Row.REFUSED_SURE)
    assert decided(1, **known) == AskReport(Row.REFUSED_SHARED)


def test_a_refusal_with_an_unanswered_send_is_none_yet() -> None:
    known: dict[str, Any] = {"record": record(UNANSWERED, REFUSED), "refused": True}
    assert decided(100, **known) == AskReport(Row.REFUSED_OPEN)
    assert decided(100, report=[1], **known) == Adopt(Row.REFUSED_OPEN, "j1")
    assert decided(100, report=[], **known) == Wait(Row.REFUSED_OPEN, BEGAN + 700)
    assert decided(700, report=[], **known) == Refuse(Row.REFUSED_OPEN)
    assert decided(700, report=[1, 2], **known) == Park(Row.REFUSED_OPEN, ("j1", "j2"))


@pytest.mark.parametrize("known", [{"mapped": True}, {"entry": UNSURE}])
def test_a_refusal_of_an_unsure_record_is_none_yet(known: dict[str, Any]) -> None:
    known = {"record": record(REFUSED, sure=False), "refused": True, **known}
    assert decided(100, **known) == AskReport(Row.REFUSED_SHARED)
    assert decided(100, report=[1], **known) == Park(Row.REFUSED_SHARED, ("j1",))
    assert isinstance(decided(100, report=[], **known), Wait)
    assert decided(700, report=[], **known) == Refuse(Row.REFUSED_SHARED)


# --- where the server doesn't heed the key --------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["test call", "key lost", "other payload", "other zone"])
def test_without_the_key_an_unanswered_send_is_never_repeated_blindly(case: str) -> None:
    """No source states what the server does with the same key and other parameters."""
    here = replace(HERE, test_call=case == "test call")
    known: dict[str, Any] = {
        "record": replace(record(UNANSWERED), parameters=here, sends=(send(0, key_lost=case == "key lost"),)),
        "parameters": replace(
            here, **{"other payload": {"payload": "x"}, "other zone": {"gmt_zone": "x"}}.get(case, {})
        ),
    }
    assert decided(1, **known) == AskReport(Row.UNANSWERED_OLD)
    assert isinstance(decided(1, report=[], **known), Wait)
    assert decided(700, report=[], **known) == SendNow(Row.UNANSWERED_OLD)
    assert decided(1, report=[1], **known) == Adopt(Row.UNANSWERED_OLD, "j1")
