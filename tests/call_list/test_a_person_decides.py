"""Calls of a sync that are parked, and what a person says of them, where a task speaks to its supervisor."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, TaskDeferred
from airflow.sdk import exceptions

from aimylogic_provider.airflow_task import required_actions
from aimylogic_provider.airflow_task.required_actions import LEAVE, SEND_MISSING
from aimylogic_provider.calls_api.http_messages import Response
from aimylogic_provider.emulator.http import calls_routes
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.idempotence.server_time import SystemClock
from tests.answers import said
from tests.call_list.sync import Sync, phone
from tests.conftest import OTHER_TOKEN, connection_json, needs_record
from tests.operators.test_required_action import Questions, questions

__all__ = ["questions"]

pytestmark = needs_record
TaskAwaitingInput: Any = getattr(exceptions, "TaskAwaitingInput", TaskDeferred)
PHONES = [phone(number) for number in range(25)]
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


def park(sync: Sync, method: str) -> dict[str, Any]:
    """The second batch went unanswered, and 25 hours later the report shows jobs of two of its people, one twice."""
    sync.add(PHONES)
    for one in PHONES[10:20] if method == "addPhone" else PHONES[12:13]:
        sync.emulator.fault("before_commit", "reset", path=method, phone=one, times=None)
    with pytest.raises(AirflowException):
        sync.attempt(method=method, concurrency=1)
    sync.emulator.clear_faults()
    for one in (PHONES[10], PHONES[11], PHONES[11]):
        AimylogicHook().add_phone(one, {"other": str(len(sync.emulator.jobs()))})
    sync.emulator.advance(hours=25)
    with pytest.raises(TaskAwaitingInput) as waiting:
        sync.attempt(method=method, on_unknown="ask", concurrency=1)
    assert waiting.value.method_name == "execute_complete"
    kwargs: dict[str, Any] = waiting.value.kwargs
    return kwargs


def answer(sync: Sync, kwargs: dict[str, Any], option: str, method: str) -> dict[str, Any]:
    event = said(option)
    operator = sync.operator(method=method, on_unknown="ask", concurrency=1)
    report: dict[str, Any] = operator.execute_complete(sync.task.context(), event, **kwargs)
    return report


@METHODS
def test_those_without_a_job_are_sent_and_the_others_are_taken_as_they_are(
    sync: Sync, questions: Questions, method: str
) -> None:
    kwargs = park(sync, method)
    (question,) = questions.asked.values()
    assert question.options == ["Take the jobs shown, send nobody", LEAVE]
    assert question.subject.startswith("What is to become of ")
    assert " of the list? (aimylogic_default) [" in question.subject
    assert not any(one in question.body for one in PHONES), "phones are masked"
    assert "on_unknown" not in question.body, "who is asked needs no way to be asked"
    before = sync.calls_by_phone()
    report = answer(sync, kwargs, SEND_MISSING, method)
    assert report["created"] == 25
    after = sync.calls_by_phone()
    assert {one: after[one] - before[one] for one in PHONES if after[one] != before[one]} == dict.fromkeys(
        [one for one in PHONES if not before[one]], 1
    )
    # A clear afterwards: the same, and nobody is asked or called.
    sync.task.clear()
    sync.emulator.advance(hours=25)
    assert sync.attempt(method=method, on_unknown="ask")["created"] == 25
    assert sync.calls_by_phone() == after


@METHODS
def test_left_as_they_are_they_are_neither_sent_nor_asked_about_again(
    sync: Sync, questions: Questions, method: str
) -> None:
    kwargs = park(sync, method)
    before = sync.calls_by_phone()
    with pytest.raises(AirflowFailException, match="Left as they are, as Maria"):
        answer(sync, kwargs, LEAVE, method)
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="Left as they are, as Maria"):
        sync.attempt(method=method, on_unknown="ask")
    assert sync.calls_by_phone() == before


def sent_elsewhere(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have ten calls parked, for the campaign that they were sent to can't be asked any more."""
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(concurrency=1)
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, OTHER_TOKEN))
    with pytest.raises(TaskAwaitingInput) as waiting:
        sync.attempt(on_unknown="ask")
    kwargs: dict[str, Any] = waiting.value.kwargs
    return kwargs


@pytest.mark.parametrize("label", ["Send the 10 without a job", "Send the 11 without a job", SEND_MISSING])
def test_the_answer_bears_a_number_and_is_taken_whatever_number_airflow_kept(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    kwargs = sent_elsewhere(sync, monkeypatch)
    (question,) = questions.asked.values()
    assert question.options == ["Send the 10 without a job", "Leave all 10"]
    assert "1. **Send the 10 without a job**: 10 calls are sent, with new keys. The report is asked" in question.body
    assert answer(sync, kwargs, label, "addPhones")["created"] == 25
    assert sync.calls_by_phone() == Counter([*PHONES, *PHONES[10:20]]), "the person said so"


@pytest.mark.parametrize(
    ("kept", "asks"), [("Send the 11 without a job", True), (SEND_MISSING, True), ("Send the 9 without a job", False)]
)
def test_a_question_of_an_earlier_try_holds_unless_it_speaks_of_fewer(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch, kept: str, asks: bool
) -> None:
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: True)
    sent_elsewhere(sync, monkeypatch)
    (question,) = questions.asked.values()
    question.options[0] = kept
    question.subject = question.subject.replace("What is to become of", "Another wording, of another release:")
    with pytest.raises(AirflowFailException):
        sync.attempt()  # a try that doesn't ask waits for no answer any more
    with pytest.raises(TaskAwaitingInput if asks else AirflowFailException) as end:
        sync.attempt(on_unknown="ask")
    if not asks:
        assert "this one's speaks of fewer calls, 9 rather than 10" in str(end.value)
    assert sync.calls_by_phone() == Counter(PHONES), "nobody was sent meanwhile"


def test_a_retry_waits_for_the_answer(sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: True)
    kwargs = park(sync, "addPhones")
    with pytest.raises(TaskDeferred) as waiting:
        sync.attempt(on_unknown="ask")
    assert waiting.value.kwargs == kwargs
    sends = sync.sends()
    assert answer(sync, kwargs, SEND_MISSING, "addPhones")["created"] == 25
    assert sync.sends() == sends, "the only one of whom it can't be known has jobs"


def test_a_retry_asks_anew_where_a_question_is_that_of_one_try(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Airflow 3.4, where it would wait for ever for what nobody is shown."""
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: False)
    park(sync, "addPhones")
    before = sync.sends()
    questions.asked.clear()  # the next try is another task instance to Airflow
    with pytest.raises(TaskAwaitingInput):
        sync.attempt(on_unknown="ask")
    assert len(questions.asked) == 1
    assert sync.sends() == before


def test_the_same_answer_twice_sends_once(sync: Sync, questions: Questions) -> None:
    kwargs = park(sync, "addPhones")
    answer(sync, kwargs, SEND_MISSING, "addPhones")
    held = sync.calls_by_phone()
    assert answer(sync, kwargs, SEND_MISSING, "addPhones")["created"] == 25
    assert sync.calls_by_phone() == held


@METHODS
def test_what_was_sent_by_a_persons_word_and_went_unanswered_is_found_by_its_new_key(
    sync: Sync, questions: Questions, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parked without a job, for answers bore no Date."""
    ahead = 0.0
    monkeypatch.setattr(SystemClock, "wall", lambda self: time.time() + ahead)
    monkeypatch.setattr(SystemClock, "monotonic", lambda self: time.monotonic() + ahead)
    sync.add(PHONES[:3])
    sync.emulator.fault("before_commit", "reset", path=method, times=None)
    with monkeypatch.context() as proxy:
        proxy.setattr(Response, "date", property(lambda self: None))
        with pytest.raises(AirflowException):
            sync.attempt(method=method, concurrency=1)
        sync.emulator.clear_faults()
        ahead = 3 * 3600.0
        sync.emulator.advance(hours=3)
        with pytest.raises(TaskAwaitingInput) as waiting:
            sync.attempt(method=method, on_unknown="ask", concurrency=1)
    sync.emulator.fault("after_commit", "reset", path=method, times=9)
    with pytest.raises(AirflowException):
        answer(sync, waiting.value.kwargs, SEND_MISSING, method)
    sync.emulator.clear_faults()
    assert sync.attempt(method=method, on_unknown="ask")["created"] == 3
    sync.assert_once(PHONES[:3])


@METHODS
def test_a_state_that_is_wiped_after_the_answer_has_nobody_sent_by_the_keys_from_before_it(
    sync: Sync, questions: Questions, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parked within the day, for answers bore no Date; sent again for a person said so, and unanswered."""
    ahead = 0.0
    monkeypatch.setattr(SystemClock, "wall", lambda self: time.time() + ahead)
    monkeypatch.setattr(SystemClock, "monotonic", lambda self: time.monotonic() + ahead)
    sync.add(PHONES[:3])
    sync.emulator.fault("before_commit", "reset", path=method, times=None)
    with monkeypatch.context() as proxy:
        proxy.setattr(Response, "date", property(lambda self: None))
        with pytest.raises(AirflowException):
            sync.attempt(method=method, concurrency=1)
        sync.emulator.clear_faults()
        ahead = 3 * 3600.0
        sync.emulator.advance(hours=3)
        with pytest.raises(TaskAwaitingInput) as waiting:
            sync.attempt(method=method, on_unknown="ask", concurrency=1)
        sync.emulator.fault("after_commit", "reset", path=method, times=None)
        with pytest.raises(AirflowException):
            answer(sync, waiting.value.kwargs, SEND_MISSING, method)
    sync.emulator.clear_faults()
    called = sync.calls_by_phone()
    assert called
    assert set(called.values()) == {1}
    sync.task.rows.clear()
    for _ in range(2):
        ahead += 900
        sync.emulator.advance(minutes=15)
        with pytest.raises(AirflowException):
            sync.attempt(method=method)
    assert {one: number for one, number in sync.calls_by_phone().items() if number > 1} == {}


@METHODS
def test_whoever_had_a_job_when_a_person_said_send_nobody_is_not_sent_though_the_report_lacks_it_now(
    sync: Sync, questions: Questions, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kwargs = park(sync, method)
    (question,) = questions.asked.values()
    assert question.options[0] == "Take the jobs shown, send nobody"
    before = sync.calls_by_phone()
    shown = calls_routes._rows

    def lacks_jobs(campaign: Any, now: float, jobs: Any, page: Any = None) -> Any:
        return shown(campaign, now, [job for job in jobs if job.phone not in PHONES[10:20]], page)

    with monkeypatch.context() as replica:
        replica.setattr(calls_routes, "_rows", lacks_jobs)
        for end in (lambda: answer(sync, kwargs, question.options[0], method), lambda: sync.attempt(method=method)):
            with pytest.raises(
                AirflowFailException, match=r"it showed call job \d+.* before, and lacks it now"
            ) as told:
                end()
            assert "A clear reads the report again, and follows what a person said" in str(told.value)
            sync.task.clear()
    assert sync.calls_by_phone() == before, "nobody was sent"
    assert sync.attempt(method=method)["created"] == 25, "the report shows them again: what the person said is done"
    assert {one: count for one, count in sync.calls_by_phone().items() if count != before[one]} == {}
