"""The first call's payload goes to one's own phone before anybody is called: once for a list, and in no count."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, TaskDeferred
from airflow.sdk import DAG, exceptions
from airflow.sdk.execution_time.task_runner import _serialize_rendered_fields

from aimylogic_provider.airflow_task import required_actions
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.http.admin_types import JobView
from aimylogic_provider.operators import AddPhonesOperator, PrepareCallListOperator, SendCallListOperator
from tests.answers import said
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import TaskInstance, needs_record
from tests.operators.test_required_action import Questions, questions

__all__ = ["questions"]

TaskAwaitingInput: Any = getattr(exceptions, "TaskAwaitingInput", TaskDeferred)
PHONES = [phone(number) for number in range(25)]
MINE = "79990000001"
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


def own_jobs(sync: Sync) -> list[JobView]:
    return [job for job in sync.emulator.jobs() if job.phone == MINE]


@METHODS
def test_ones_own_phone_is_called_before_anybody_with_the_first_rows_payload(sync: Sync, method: str) -> None:
    sync.add(PHONES)
    report = sync.attempt(test_phone="8 (999) 000-00-01", phone_region="RU", method=method)
    assert (report["rows"], report["created"]) == (25, 25), "it is in no count"
    first, *others = sync.emulator.jobs()
    assert (first.phone, first.payload) == (MINE, {"name": "Alex"})
    assert sorted(job.phone for job in others) == PHONES
    adding = [line.endpoint for line in sync.emulator.requests() if "addPhone" in line.endpoint]
    assert (adding[0], set(adding[1:])) == ("test/addPhone", {method})
    sync.task.clear()
    sync.attempt(test_phone=MINE, method=method)
    assert len(own_jobs(sync)) == 1


def test_a_refusal_stops_before_anybody_is_called_and_is_no_call(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.settings(bad_numbers=[MINE])
    with pytest.raises(
        AirflowFailException, match=r"test_phone 7999\*\*\*0001 was refused, so nobody .* leave test_phone"
    ):
        sync.attempt(test_phone=MINE)
    assert sync.emulator.jobs() == []
    sync.emulator.settings(bad_numbers=[])
    sync.task.clear()
    sync.attempt(test_phone=MINE)
    assert len(sync.emulator.jobs()) == 26


def test_a_wrong_token_stops_before_anything_is_noted(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    right = sync.emulator.connection()
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", sync.emulator.connection("1.2.nobody"))
    with pytest.raises(AirflowFailException, match=r"invalid\.token|token"):
        sync.attempt(test_phone=MINE)
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", right)
    sync.task.clear()
    sync.attempt(test_phone=MINE)
    assert len(own_jobs(sync)) == 1


@pytest.mark.parametrize("phase", ["before_commit", "after_commit"])
def test_unanswered_it_is_not_called_again(sync: Sync, phase: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sync.add(PHONES)
    sync.emulator.fault(phase, "reset", path="test/addPhone", times=None)
    with pytest.raises(AirflowException, match=r"isn't known, and nobody of the list was.*not called again") as failed:
        sync.attempt(test_phone=MINE)
    assert not isinstance(failed.value, AirflowFailException), "the next try can go on"
    assert sync.sends() == 0
    assert sync.attempt(test_phone=MINE)["created"] == 25
    assert sync.emulator.count("test/addPhone") == 1
    assert "whether it rang isn't known" in capsys.readouterr().out


@needs_record
def test_killed_right_after_it_left_it_is_not_called_again(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    from aimylogic_provider.calls_api.client import CampaignClient

    add = CampaignClient.add_phone

    def dies(self: CampaignClient, *args: Any, **kwargs: Any) -> Any:
        add(self, *args, **kwargs)
        raise CrashError

    with monkeypatch.context() as killed:
        killed.setattr(CampaignClient, "add_phone", dies)
        with pytest.raises(CrashError):
            sync.attempt(test_phone=MINE)
    assert sync.sends() == 0
    assert sync.attempt(test_phone=MINE)["created"] == 25
    assert len(own_jobs(sync)) == 1


def answer(sync: Sync, kwargs: dict[str, Any], option: str) -> dict[str, Any]:
    event = said(option)
    operator = sync.operator(test_phone=MINE, after_test="ask")
    report: dict[str, Any] = operator.execute_complete(sync.task.context(), event, **kwargs)
    return report


def ask(sync: Sync) -> dict[str, Any]:
    sync.add(PHONES)
    with pytest.raises(TaskAwaitingInput) as waiting:
        sync.attempt(test_phone=MINE, after_test="ask")
    assert sync.operator(test_phone=MINE, after_test="ask").max_active_tis_per_dag is None
    kwargs: dict[str, Any] = waiting.value.kwargs
    return kwargs


@needs_record
@pytest.mark.parametrize("killed", [False, True])
def test_a_person_says_go_on(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch, *, killed: bool
) -> None:
    kwargs = ask(sync)
    (question,) = questions.asked.values()
    assert "Make 25 calls?" in question.subject
    assert MINE not in question.subject + question.body
    assert sync.sends() == 0
    if killed:
        monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: True)
        with pytest.raises(TaskDeferred):
            sync.attempt(test_phone=MINE, after_test="ask")
    assert answer(sync, kwargs, "Send")["created"] == 25
    assert len(own_jobs(sync)) == 1


@needs_record
def test_a_person_says_no_and_nobody_is_called(sync: Sync, questions: Questions) -> None:
    kwargs = ask(sync)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"Maria.*said to leave it after the test call: nobody"):
            answer(sync, kwargs, "Leave it")
    assert sync.sends() == 0


def test_no_calls_no_test_call(sync: Sync) -> None:
    assert sync.attempt(test_phone=MINE)["rows"] == 0
    sync.add(PHONES)
    sync.operator(dry_run=True, test_phone=MINE).execute(TaskInstance(task_id="rehearsal", current_try=1).context())
    assert sync.emulator.jobs() == []


def test_a_blank_template_is_no_test_but_no_go_ahead_either(sync: Sync) -> None:
    sync.add(PHONES)
    with pytest.raises(AirflowFailException, match="needs test_phone, which is blank"):
        sync.attempt(test_phone=" ", after_test="ask")
    assert sync.attempt(test_phone=" ")["created"] == 25


@pytest.mark.parametrize("number", ["12", "8 (999) 000-00-01", "call me"])
def test_a_phone_that_is_none_stops_it(sync: Sync, number: str) -> None:
    sync.add(PHONES)
    with pytest.raises(AirflowFailException, match="test_phone can't be called, so that nobody was"):
        sync.attempt(test_phone=number)
    assert sync.emulator.jobs() == []


def add_phones(emulator: Emulator, folder: Any, payload: dict[str, Any], **arguments: Any) -> Any:
    operator = AddPhonesOperator(
        task_id="add", calls=[{"phone": PHONES[0], "payload": payload}], call_list_path=str(folder), test_phone=MINE,
        **arguments,
    )  # fmt: skip
    return operator.execute(TaskInstance(task_id="add", current_try=1).context())


def test_a_nested_payload_goes_as_its_json_and_says_so(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    payload = {"name": "Ада", "debts": [{"sum": 10.5}], "yes": True, "count": 3, "nothing": None}
    add_phones(sync.emulator, sync.lists, payload)
    (job,) = own_jobs(sync)
    assert job.payload == {"name": "Ада", "debts": '[{"sum": 10.5}]', "yes": "true", "count": "3"}
    told = capsys.readouterr().out
    assert "(debts)" in told
    assert "(nothing)" in told
    assert MINE not in told


def test_a_payload_that_can_not_go_there_stops_it_with_the_way_out(sync: Sync) -> None:
    for payload in ({"phone": "1"}, {"name": "x" * 100_000}):
        with pytest.raises(AirflowFailException, match=r"row 1 can't be tried on test_phone.*leave test_phone out"):
            add_phones(sync.emulator, sync.lists, payload)
    assert sync.emulator.jobs() == []


def test_half_a_sync_calls_it_too_but_no_shard_does(sync: Sync) -> None:
    sync.add(PHONES)

    def prepare(shards: int) -> dict[str, Any]:
        operator = PrepareCallListOperator(
            task_id=f"prepare{shards}", sql="select * from customer", sql_conn_id="warehouse", shards=shards,
            call_list_path=str(sync.lists),
        )  # fmt: skip
        pointer: dict[str, Any] = operator.execute(TaskInstance(task_id=f"prepare{shards}", current_try=1).context())
        return pointer

    def send(pointer: dict[str, Any], task_id: str, **arguments: Any) -> Any:
        operator = SendCallListOperator(task_id=task_id, call_list=pointer, test_phone=f"+{MINE}", **arguments)
        return operator.execute(TaskInstance(task_id=task_id, current_try=1).context())

    with pytest.raises(AirflowFailException, match=r"2 shards.*test_call=True"):
        send(prepare(2), "send2", shard=0)
    assert sync.emulator.jobs() == []
    assert send(prepare(1), "send1")["created"] == 25
    assert len(own_jobs(sync)) == 1


def test_a_list_that_was_begun_is_not_tried_any_more(sync: Sync) -> None:
    sync.add(PHONES)
    sync.attempt()
    sync.task.clear()
    sync.attempt(test_phone=MINE)
    assert own_jobs(sync) == []


@pytest.mark.parametrize("answered", [True, False])
def test_its_job_is_never_taken_for_a_call_of_the_list(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, *, answered: bool
) -> None:
    """One's own phone stands in the list, too, and the request for it goes unanswered in the same minute."""
    sync.add([MINE, *PHONES])
    if not answered:
        sync.emulator.fault("after_commit", "reset", path="test/addPhone", times=None)
        with pytest.raises(AirflowException):
            sync.attempt(test_phone=MINE)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=MINE, times=None)
    with pytest.raises(AirflowException):
        sync.attempt(test_phone=MINE)
    sync.emulator.clear_faults()
    sync.emulator.advance(hours=30)
    if answered:
        assert sync.attempt(test_phone=MINE)["created"] == 26
        assert len(own_jobs(sync)) == 2
    else:
        with pytest.raises(AirflowFailException, match="parked"):
            sync.attempt(test_phone=MINE)


@pytest.mark.parametrize("native", [False, True])
def test_airflow_shows_it_masked(sync: Sync, *, native: bool) -> None:
    pointer = {"path": "file:///lists/1", "sha256": "0", "rows": 1, "calls": 1, "doubles": 0, "rejected": 0}
    with DAG("winter_sale", schedule=None, render_template_as_native_obj=native):
        operators = [
            SendCallListOperator(task_id="send", call_list="{{ pointer }}", test_phone="+{{ mine }}"),
            sync.operator(test_phone="+{{ mine }}"),
            AddPhonesOperator(task_id="add", calls=[PHONES[0]], test_phone="+{{ mine }}"),
        ]
    for operator in operators:
        operator.render_template_fields({"mine": MINE, "pointer": pointer})
        shown = str(_serialize_rendered_fields(operator))
        assert "7999***0001" in shown
        assert MINE not in shown
        assert str(operator.test_phone).removeprefix("+") == MINE
    assert operators[0].call_list == (pointer if native else str(pointer)), "as it was before"
