"""What a person's no returns, and what it has Airflow skip, where a task speaks to its supervisor."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSkipException,
    DownstreamTasksSkipped,
    MappedOperator,
)
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task_group
from airflow.sdk.execution_time import task_runner

from aimylogic_provider.call_list.store.manifest import Pointer
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.operators import AddPhoneOperator, ApproveCallListOperator, SendCallListOperator
from tests.answers import said
from tests.call_list.sync import phone
from tests.call_list.test_approval import Approval, approval
from tests.conftest import TaskInstance
from tests.operators.test_required_action import questions

__all__ = ["approval", "questions"]

PHONES = [phone(number) for number in range(5)]
BY = "Maria (7)"
_SKIP = ApproveCallListOperator.skip


def mapped() -> DAG:
    """Two lists, each with an approval of its own; mapped tasks and others behind it."""
    with DAG("dag", schedule=None) as dag:
        approved = ApproveCallListOperator.partial(task_id="approve").expand(call_list=[{}, {}])
        SendCallListOperator.partial(task_id="send").expand(call_list=approved.output)
        approved >> SendCallListOperator.partial(task_id="send_others").expand(call_list=[{}, {}])
        approved >> AddPhoneOperator.partial(task_id="call_each").expand(phone=["1", "2"])
        approved >> [AddPhoneOperator(task_id="call_once", phone="1"), EmptyOperator(task_id="gather")]
        approved >> EmptyOperator(task_id="tidy").as_teardown()
    return dag


def grouped() -> DAG:
    with DAG("dag", schedule=None) as dag:

        @task_group
        def each(call_list: Any) -> None:
            approved = ApproveCallListOperator(task_id="approve", call_list=call_list)
            SendCallListOperator(task_id="send", call_list=approved.output, trigger_rule="all_done")
            approved >> [AddPhoneOperator(task_id="call", phone="1"), EmptyOperator(task_id="log")]

        each.expand(call_list=[{}, {}])
    return dag


def plain(follow: Callable[[Any], object]) -> DAG:
    with DAG("dag", schedule=None) as dag:
        follow(ApproveCallListOperator(task_id="approve", call_list={}))
    return dag


class Said:
    """An approval of a DAG's, to which somebody says no."""

    def __init__(self, approval: Approval, dag: DAG, call_list: dict[str, Any], index: int = -1) -> None:
        self.approval, self.call_list = approval, call_list
        (name,) = (one for one in dag.task_dict if one.endswith("approve"))
        task: Any = dag.get_task(name)
        self.operator = task.unmap({"call_list": call_list}) if isinstance(task, MappedOperator) else task
        self.operator.call_list = call_list
        self.instance = TaskInstance(task_id=name, map_index=index, run=approval.sync.task.run, current_try=1)

    def context(self) -> dict[str, Any]:
        return {**self.instance.context(), "task": self.operator}

    def no(self, **event: Any) -> Any:
        return self.operator.execute_complete(self.context(), said("Reject", **event), self.call_list)

    def again(self) -> Any:
        self.instance.current_try += 1
        return self.operator.execute(self.context())


@pytest.fixture
def frozen(approval: Approval) -> dict[str, Any]:
    approval.sync.add(PHONES)
    return approval.prepare()


@pytest.fixture
def skipped(monkeypatch: pytest.MonkeyPatch, approval: Approval) -> list[Any]:
    """What Airflow was told to skip at once."""
    monkeypatch.setattr(ApproveCallListOperator, "skip", _SKIP)  # which the approval's fixture put another for
    told: list[Any] = []
    monkeypatch.setattr(
        task_runner, "SUPERVISOR_COMMS", SimpleNamespace(send=lambda msg: told.extend(msg.tasks)), raising=False
    )
    return told


def test_a_no_of_a_mapped_approval_keeps_its_place_and_only_its_own_index_is_skipped(
    approval: Approval, frozen: dict[str, Any], skipped: list[Any]
) -> None:
    said = Said(approval, mapped(), frozen, index=0)
    for end in (said.no, said.again):
        skipped.clear()
        said.instance.pushed.clear()
        assert end() == {**frozen, "said_no": BY}, "the mapped tasks behind it keep their indexes"
        assert sorted(said.instance.pushed["skipmixin_key"]["skipped"]) == ["call_each", "send_others"]
        assert skipped == ["call_once"]


def test_a_no_in_a_mapped_task_group_ends_as_skipped_and_skips_its_index_whatever_the_trigger_rule(
    approval: Approval, frozen: dict[str, Any], skipped: list[Any]
) -> None:
    said = Said(approval, grouped(), frozen, index=1)
    for end in (said.no, said.again):
        skipped.clear()
        said.instance.pushed.clear()
        with pytest.raises(AirflowSkipException):
            end()
        assert sorted(skipped) == [("each.call", 1), ("each.log", 1), ("each.send", 1)]
        assert said.instance.pushed["return_value"] == {**frozen, "said_no": BY}


def call(approved: Any) -> None:
    approved >> AddPhoneOperator(task_id="call", phone="1")


def call_each(approved: Any) -> None:
    approved >> AddPhoneOperator.partial(task_id="call").expand(phone=["1", "2"])


def send_in_shards(approved: Any) -> None:
    SendCallListOperator.partial(task_id="send", call_list=approved.output).expand(shard=[0, 1])


def call_in_group(approved: Any) -> None:
    @task_group
    def each(phone: str) -> None:
        AddPhoneOperator(task_id="call", phone=phone)

    approved >> each.expand(phone=["1", "2"])


def test_a_no_ends_as_airflows_does_where_nothing_is_mapped(
    approval: Approval, frozen: dict[str, Any], skipped: list[Any]
) -> None:
    said = Said(approval, plain(call), frozen)
    with pytest.raises(DownstreamTasksSkipped) as told:
        said.no()
    assert told.value.tasks == ["call"]
    assert said.instance.pushed["return_value"] == {**frozen, "said_no": BY}
    with pytest.raises(AirflowSkipException, match="deleted, for a person said no to it"):
        said.again()
    assert skipped == ["call"], "after a clear too, whatever its trigger rule"


@pytest.mark.parametrize("follow", [call_each, send_in_shards, call_in_group])
def test_a_no_ends_as_skipped_where_mapped_tasks_follow(
    approval: Approval, frozen: dict[str, Any], skipped: list[Any], follow: Callable[[Any], object]
) -> None:
    """Airflow 3.1 skips none of those that are mapped already."""
    said = Said(approval, plain(follow), frozen)
    for end in (said.no, said.again):
        with pytest.raises(AirflowSkipException):
            end()
        assert said.instance.pushed["return_value"] == {**frozen, "said_no": BY}


def test_a_no_with_fail_on_reject_fails_for_good_and_after_a_clear_again(
    approval: Approval, frozen: dict[str, Any], skipped: list[Any]
) -> None:
    said = Said(approval, plain(call), frozen)
    said.operator.fail_on_reject = True
    for end in (said.no, said.again):
        with pytest.raises(AirflowFailException, match="said no"):
            end()


@pytest.mark.parametrize(
    ("event", "by"),
    [
        ({}, BY),
        ({"responded_by_user": None, "timedout": True}, "the default answer (nobody gave one in time)"),
        ({"responded_by_user": None}, "somebody unnamed"),
    ],
)
def test_whoever_sends_the_list_skips_it_and_tells_who_said_no(
    approval: Approval, frozen: dict[str, Any], skipped: list[Any], event: dict[str, Any], by: str
) -> None:
    no = Said(approval, mapped(), frozen, index=0).no(**event)
    for call_list in (no, str(no), frozen):
        assert approval.tasks["send"].rows == {}, "nothing is noted of what is not begun"
        with pytest.raises(AirflowSkipException) as told:
            approval.send(call_list)
        assert f"{by} said " in str(told.value)
    assert approval.sync.sends() == 0


def test_a_list_that_is_kept_for_its_report_is_not_sent_by_what_follows_the_no(
    approval: Approval, frozen: dict[str, Any], skipped: list[Any]
) -> None:
    approval.sync.emulator.fault("before_commit", "status", path="addPhones", times=None)
    with pytest.raises(Exception, match="addPhones"):
        approval.send(frozen)
    approval.sync.emulator.clear_faults()
    no = Said(approval, mapped(), frozen, index=0).no()
    with pytest.raises(AirflowSkipException, match="said no"):
        approval.send(no)
    assert approval.sync.calls_by_phone() == {}


def test_what_an_older_version_left_of_a_list_is_told_as_a_no_too(
    approval: Approval, frozen: dict[str, Any], skipped: list[Any]
) -> None:
    assert CallList.discard(Pointer.of(frozen), "for a person said no to it")
    with pytest.raises(AirflowSkipException, match="a person said so"):
        approval.send(frozen)


def test_a_list_that_was_deleted_for_its_age_fails_whoever_sends_it(
    approval: Approval, frozen: dict[str, Any], skipped: list[Any]
) -> None:
    CallList.open(Pointer.of(frozen)).delete()
    said = Said(approval, mapped(), frozen, index=0)
    assert said.again() == frozen, "the other lists are sent"
    with pytest.raises(AirflowFailException, match="older than keep_call_list"):
        approval.send(frozen)
