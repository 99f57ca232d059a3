"""Brakes, the test row and the first calls together: one question for all of them, and one list."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk import exceptions
from cryptography.fernet import Fernet

from aimylogic_provider.airflow_task import required_actions
from aimylogic_provider.airflow_task.required_actions import GO_AHEAD, LEAVE
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.idempotence.server_time import SystemClock
from tests.answers import said
from tests.call_list.sync import Sync, phone
from tests.call_list.test_claims import engine
from tests.conftest import TaskInstance, needs_record
from tests.operators.test_required_action import Questions, questions

__all__ = ["questions"]

TaskAwaitingInput: Any = getattr(exceptions, "TaskAwaitingInput", TaskDeferred)
PHONES = [phone(number) for number in range(25)]
MINE = "79990000001"


@pytest.fixture
def sync(make_sync: Callable[..., Sync], monkeypatch: pytest.MonkeyPatch) -> Sync:
    """A list of 25 calls, which a brake holds; Airflow keeps one question for each task instance."""
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: True)
    sync = make_sync(max_calls=10, on_excess="ask", batch_size=10, results_table="calls", retries=0)
    sync.add(PHONES)
    return sync


def waiting(sync: Sync, **arguments: Any) -> dict[str, Any]:
    with pytest.raises((TaskAwaitingInput, TaskDeferred)) as waits:
        sync.attempt(**arguments)
    kwargs: dict[str, Any] = waits.value.kwargs
    return kwargs


def answer(sync: Sync, kwargs: dict[str, Any], option: str, operator: Any = None, **arguments: Any) -> Any:
    event = said(option)
    return (operator or sync.operator(**arguments)).execute_complete(sync.task.context(), event, **kwargs)


def rung(sync: Sync) -> int:
    return sync.emulator.count("test/addPhone")


@needs_record
def test_what_a_person_said_yes_to_is_sent_though_the_try_then_failed_for_good(
    sync: Sync, questions: Questions
) -> None:
    kwargs = waiting(sync)
    sync.emulator.fault("before_commit", "reset", times=None)
    with pytest.raises(AirflowException):
        answer(sync, kwargs, GO_AHEAD)
    sync.emulator.clear_faults()
    sync.task.clear()
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_after_one_question_the_test_row_is_not_rung_for_another_that_cant_be_put(
    sync: Sync, questions: Questions
) -> None:
    kwargs = waiting(sync, test_phone=MINE, after_test="ask")
    with pytest.raises(AirflowFailException, match=r"(?s)one question.*after_test"):
        answer(sync, kwargs, GO_AHEAD, test_phone=MINE, after_test="ask")
    for _ in range(2):
        sync.task.clear()
        with pytest.raises(AirflowFailException, match=r"(?s)one question.*after_test"):
            sync.attempt(test_phone=MINE, after_test="ask")
    assert rung(sync) == 0
    sync.task.clear()
    assert sync.attempt(test_phone=MINE)["created"] == 25
    assert rung(sync) == 1
    assert sync.calls_by_phone().total() == 26


@needs_record
def test_after_a_no_to_the_test_row_a_clear_does_not_ring_it_in_vain(sync: Sync, questions: Questions) -> None:
    asks = {"test_phone": MINE, "after_test": "ask", "max_calls": None, "on_excess": "fail"}
    kwargs = waiting(sync, **asks)
    with pytest.raises(AirflowFailException, match="Maria"):
        answer(sync, kwargs, LEAVE, **asks)
    for _ in range(2):
        sync.task.clear()
        with pytest.raises(AirflowFailException, match=r"new DAG run"):
            sync.attempt(**asks)
    assert rung(sync) == 1
    assert sync.sends() == 0


@needs_record
def test_first_calls_after_a_question_about_brakes(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: sync.emulator.advance(hours=1))
    sync.emulator.freeze()
    sync.emulator.settings(odds={"noAnswer": 1.0})
    first = {"first": 7, "deferrable": False}
    kwargs = waiting(sync, **first)
    for number in range(3):
        with pytest.raises(AirflowFailException, match=r"(?s)take first out"):
            answer(sync, kwargs, GO_AHEAD, **first) if not number else sync.attempt(**first)
        sync.task.clear()
    assert len(sync.emulator.jobs()) == 7
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_a_yes_to_fewer_than_wait_now_says_what_sends_the_rest_without_a_question(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first calls were 17 when a person was asked about the other 8; meanwhile their DAG has another number."""
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: sync.emulator.advance(hours=1))
    sync.emulator.freeze()
    sync.emulator.settings(odds={"noAnswer": 1.0})
    first = {"first": 7, "deferrable": False, "max_calls": None, "on_excess": "fail"}
    kwargs = waiting(sync, **first)
    with pytest.raises(
        AirflowFailException, match=r"about 8 calls, and 18 would be.*a clear can't ask another.*take first out"
    ):
        answer(sync, kwargs, "Send the other 8 calls", **first)
    assert len(sync.emulator.jobs()) == 7
    sync.task.clear()
    assert sync.attempt(max_calls=None, on_excess="fail")["created"] == 25, "by the way that the error told"
    sync.assert_once(PHONES)


@needs_record
def test_after_a_question_about_brakes_parked_calls_are_told_with_a_way_out_that_needs_no_question(
    sync: Sync, questions: Questions
) -> None:
    kwargs = waiting(sync, on_unknown="ask")
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[12], times=None)
    with pytest.raises(AirflowException):
        answer(sync, kwargs, GO_AHEAD, on_unknown="ask", concurrency=1)
    sync.emulator.clear_faults()
    for one in (PHONES[11], PHONES[11]):
        AimylogicHook().add_phone(one, {"other": str(len(sync.emulator.jobs()))})
    sync.emulator.advance(hours=25)
    with pytest.raises(AirflowFailException) as told:
        sync.attempt(on_unknown="ask")
    assert "Nobody could be asked: until 3.4 Airflow keeps one question" in str(told.value)
    assert "is about something else: “Make 25 calls?" in str(told.value)
    assert "can be called by a new DAG run" in str(told.value)
    assert "set on_unknown='ask'" not in str(told.value), "which leads nowhere"


@needs_record
@pytest.mark.parametrize("given", [79990000001, "+79990000001", 79990000001.0])
def test_phones_as_native_templates_make_them(sync: Sync, given: Any) -> None:
    operator = sync.operator(test_phone="{{ x }}", max_calls=None, on_excess="fail")
    operator.test_phone = given
    sync.task.current_try += 1
    operator.execute(sync.task.context())
    assert rung(sync) == 1


@pytest.mark.parametrize("bound", ["min_reached", "max_refused"])
def test_a_whole_one_is_no_share(sync: Sync, bound: str) -> None:
    with pytest.raises(ValueError, match=r"as a float from 0\.0 to 1\.0"):
        sync.operator(first=7, **{bound: 1})


@needs_record
def test_whom_that_list_let_go_another_run_may_call_and_nobody_is_called_twice(
    sync: Sync, questions: Questions
) -> None:
    kwargs = waiting(sync)
    sync.emulator.fault("before_commit", "reset", times=None)
    with pytest.raises(AirflowException):
        answer(sync, kwargs, GO_AHEAD)
    sync.emulator.clear_faults()
    first = sync.task
    sync.task = TaskInstance(task_id="sync", run_id="the_next")
    sql = "select id, phone, name from customer where id not in (select id from calls) and id <= 8 order by id"
    assert sync.attempt(sql=sql)["created"] == 8
    sync.task = first
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="let go of"):
        sync.attempt()
    assert sync.calls_by_phone().total() == 8 + 15
    assert sync.calls_by_phone().most_common(1)[0][1] == 1


@needs_record
def test_what_was_created_before_a_question_about_the_rest_is_told_with_it(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: sync.emulator.advance(hours=1))
    sync.emulator.freeze()
    sync.emulator.settings(odds={"noAnswer": 1.0})
    first = {"first": 7, "deferrable": False, "max_calls": None, "on_excess": "fail"}
    kwargs = waiting(sync, **first)
    operator = sync.operator(**first)
    assert answer(sync, kwargs, GO_AHEAD, operator)["created"] == 25
    assert operator._created_now == 25, "as the campaign's asset is told"


def claimed_persons() -> int:
    with closing(engine().connect()) as connection:
        return int(connection.exec_driver_sql("select count(*) from aimylogic_person_calls").scalar_one())


@needs_record
def test_whom_nobody_called_has_no_call_claimed(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of a list that a brake held, nor of the rest that a person left: another DAG may call them."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: sync.emulator.advance(hours=1))
    sync.emulator.freeze()
    sync.emulator.settings(odds={"noAnswer": 1.0})
    sync.arguments |= {"max_calls_per_person": {"calls": 1, "days": 7}}
    with pytest.raises(AirflowSkipException):
        answer(sync, waiting(sync), LEAVE)
    first = {"first": 7, "deferrable": False, "max_calls": None, "on_excess": "fail"}
    sync.task = TaskInstance(task_id="sync", run_id="the_next")
    kwargs = waiting(sync, **first)
    with pytest.raises(AirflowFailException, match="Maria"):
        answer(sync, kwargs, LEAVE, **first)
    assert claimed_persons() == 7
    other = TaskInstance(dag_id="spring_sale", task_id="sync")
    sync.task = other
    report = sync.attempt(max_calls=None, on_excess="fail")
    assert (report["created"], report["capped"]) == (18, 7)
    sync.assert_once(PHONES)


@needs_record
def test_first_calls_that_are_all_excluded_by_then_have_a_person_asked(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aimylogic_provider.transfers import SqlToAimylogicOperator

    sync.execute("create table no(phone text)")
    frozen = SqlToAimylogicOperator._freeze

    def says_no(self: Any, *arguments: Any, **more: Any) -> Any:
        pointer = frozen(self, *arguments, **more)
        for one in PHONES[:7]:
            sync.execute(f"insert into no values ('{one}')")
        return pointer

    monkeypatch.setattr(SqlToAimylogicOperator, "_freeze", says_no)
    first = {
        "first": 7,
        "deferrable": False,
        "max_calls": None,
        "on_excess": "fail",
        "exclude_sql": "select phone from no",
    }
    kwargs = waiting(sync, **first)
    assert sync.emulator.jobs() == []
    report = answer(sync, kwargs, GO_AHEAD, **first)
    assert (report["created"], report["excluded"]) == (18, 7)
    sync.assert_once(PHONES[7:])
