"""What a task's log ends with: a summary for each operator, one line of why it failed, and its counts as an XCom."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)

from aimylogic_provider import operators, sensors, transfers
from aimylogic_provider.call_list.send.sending import Sending
from aimylogic_provider.calls_api import ListedCall
from aimylogic_provider.decorators.calls_of_function import CallsDecoratedOperator, aimylogic_calls
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.operators import AddPhoneOperator
from aimylogic_provider.task_end import failure_line
from aimylogic_provider.task_end.tells_end import TellsEnd
from tests.answers import said
from tests.call_list.conftest import make_sync
from tests.call_list.sync import CrashError, Sync, phone
from tests.call_list.test_approval import YES, Approval
from tests.conftest import TOKEN, TaskInstance, needs_record
from tests.operators.test_aimylogic_calls import called
from tests.operators.test_required_action import Questions, questions

__all__ = ["make_sync", "questions"]

PHONES = [*map(phone, range(10))]
UNANSWERED: dict[str, Any] = {"phase": "after_commit", "action": "reset", "path": "addPhone", "times": None}
OPERATORS = {
    *(getattr(package, name) for package in (operators, transfers, sensors) for name in dir(package)),
    CallsDecoratedOperator,
}
Log = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def sync(make_sync: Callable[..., Sync]) -> Sync:
    """Ten people who can be called, one who can't, and one whom the server refuses; nobody is rung."""
    made = make_sync(batch_size=5, results_table="calls")
    made.add([*PHONES, "8 912"])
    made.emulator.settings(bad_numbers=PHONES[:1])
    made.emulator.campaign(lines=0)
    return made


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Log:
    """The last lines of what was logged: level and event, of each, in their order."""

    def lines() -> list[tuple[str, str]]:
        written = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
        events = re.split(r"^\d{4}-\d\d-\d\dT\S+Z ", written, flags=re.MULTILINE)[1:]
        found = (re.match(r"\[(\w+) *\] (.*?) *(?:\[airflow\.task|\[aimylogic|$)", one, re.DOTALL) for one in events)
        return [(one[1], one[2]) for one in found if one]

    return lines


def run(operator: Any, task: TaskInstance | None = None, **context: Any) -> Any:
    return operator.execute({**(task or TaskInstance(task_id=operator.task_id, current_try=1)).context(), **context})


def created(sync: Sync) -> Any:
    return TaskInstance().attempt()


def waited_for(sync: Sync) -> Any:
    ids = list(AimylogicHook().add_phones([ListedCall.of(one) for one in PHONES[1:4]]))
    AimylogicHook().cancel_call_jobs(ids=ids)
    return run(sensors.CallJobSensor(task_id="wait", ids=ids, must_reach=False, deferrable=False))


def sent_in_halves(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> Any:
    approval = Approval(sync, monkeypatch)
    return approval.send(approval.prepare())


def approved(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> Any:
    approval = Approval(sync, monkeypatch)
    kwargs = approval.ask(approval.prepare())
    operator, context = approval._approve(kwargs["call_list"]), approval.tasks["approve"].context()
    return operator.resume_execution("execute_complete", {"event": said(YES), **kwargs}, {**context, "task": operator})


def summed(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> Any:
    report = sent_in_halves(sync, monkeypatch)
    return run(operators.SumReportsOperator(task_id="sum", reports=[report]))


def by_a_function(sync: Sync) -> Any:
    @aimylogic_calls(call_list_path=str(sync.lists))
    def remind() -> Iterator[Any]:
        yield from map(called, PHONES)

    return run(remind().operator)


def withdrawn(sync: Sync) -> Any:
    sync.attempt()
    sync.execute("update customer set name = 'paid' where id in (2, 3)")
    by = {"sql": "select id from customer where name <> 'paid'", "key_columns": ["id"], "sql_conn_id": "warehouse"}
    task = TaskInstance(task_id="withdraw", current_try=1)
    return run(operators.WithdrawCallsOperator(task_id="withdraw", results_table="calls", **by), task)


def updated(sync: Sync) -> Any:
    sync.attempt()
    sync.emulator.advance(minutes=30)
    return run(operators.UpdateResultsOperator(task_id="u", results_table="calls", results_conn_id="warehouse"))


def cancelled(sync: Sync) -> Any:
    return run(operators.CancelCallsOperator(task_id="cancel", call_list=sync.attempt()))


def home(sync: Sync) -> Any:
    sync.attempt()
    sync.emulator.advance(minutes=30)
    return run(transfers.AimylogicToSqlOperator(task_id="home", sql_conn_id="warehouse", start="2020-01-01T00:00:00Z"))


class End(NamedTuple):
    """How an operator comes to its end, and what its log's last line is then, but for the time."""

    run: Callable[..., Any]
    words: str


def acts(kind: type[Any], **arguments: Any) -> Callable[[Sync], Any]:
    return lambda sync: run(kind(task_id="act", **arguments))


ENDS: dict[type[Any], End] = {
    AddPhoneOperator: End(created, r"call job \d+ for 7912\*\*\*6789 is created"),
    operators.AddPhonesOperator: End(
        acts(operators.AddPhonesOperator, calls=PHONES),
        r"10 rows: 9 calls created, 0 rejected, 1 refused, 0 unknown",
    ),
    transfers.SqlToAimylogicOperator: End(
        lambda sync: sync.attempt(),
        r"11 rows: 9 calls created, 1 rejected, 1 refused, 0 unknown\.\n"
        r"Which rows are rejected, and why: file:///\S+/rejected\.csv",
    ),
    operators.PrepareCallListOperator: End(
        lambda sync, monkeypatch: Approval(sync, monkeypatch).prepare(),
        r"nothing is sent yet; 11 rows: 10 calls in the list, 1 rejected\.\nWhich rows .*\.csv",
    ),
    operators.PrepareCallsOperator: End(
        acts(operators.PrepareCallsOperator, calls=PHONES),
        r"nothing is sent yet; 10 rows: 10 calls in the list, 0 rejected",
    ),
    operators.ApproveCallListOperator: End(
        approved, r"the answer was yes: 10 calls may be sent, of the list file:///\S+"
    ),
    operators.SendCallListOperator: End(
        sent_in_halves, r"11 rows: 9 calls created, 1 rejected, 1 refused, 0 unknown\.\nWhich rows .*\.csv"
    ),
    operators.SumReportsOperator: End(
        summed, r"all 1 shards are sent: 11 rows: 9 calls created, 1 rejected, 1 refused, 0 unknown.*"
    ),
    CallsDecoratedOperator: End(by_a_function, r"10 rows: 9 calls created, 0 rejected, 1 refused, 0 unknown"),
    operators.WithdrawCallsOperator: End(withdrawn, r"9 open calls: 7 still selected, 2 withdrawn, 0 too late"),
    operators.UpdateResultsOperator: End(
        updated, r"9 rows were open: 0 are over, 9 still open, 0 not found; 9 rows updated"
    ),
    operators.CancelCallsOperator: End(
        cancelled, r"9 call jobs cancelled, 0 had ended before, 0 ids or phones unknown in the campaign"
    ),
    transfers.AimylogicToSqlOperator: End(
        home, r"jobs: 9 new, 0 changed, 0 unchanged, 9 still open; attempts: 0 new, 0 changed, 0 unchanged"
    ),
    operators.GetCampaignOperator: End(acts(operators.GetCampaignOperator), r"campaign 'Emulated campaign 1' is .*"),
    operators.PauseCampaignOperator: End(
        acts(operators.PauseCampaignOperator), r"the campaign is paused; before, it had the status inProgress"
    ),
    operators.ResumeCampaignOperator: End(
        acts(operators.ResumeCampaignOperator), r"the campaign is running already, and nothing was asked for"
    ),
    operators.StopCampaignOperator: End(
        acts(operators.StopCampaignOperator), r"the campaign is stopped; before, it had the status inProgress"
    ),
    sensors.CallJobSensor: End(waited_for, r"3 call jobs: cancelledByUser 3"),
    sensors.CampaignStatusSensor: End(
        acts(sensors.CampaignStatusSensor, status="inProgress", deferrable=False), r"the campaign is inProgress"
    ),
}


def test_the_end_of_each_operator_is_looked_at() -> None:
    assert {*ENDS} == OPERATORS
    assert [one for one in OPERATORS if not issubclass(one, TellsEnd)] == []


@pytest.mark.parametrize("operator", ENDS, ids=lambda one: one.__name__)
def test_the_last_line_says_what_became_of_it(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch, log: Log, operator: type[Any]
) -> None:
    end = ENDS[operator]
    (end.run(sync, monkeypatch) if end.run.__code__.co_argcount == 2 else end.run(sync))
    level, line = log()[-1]
    assert level == "info"
    assert re.fullmatch(rf"Done in \d+(?:\.\d)? s: {end.words}\.", line, re.DOTALL), line


class TestOfATaskThatFails:
    def failed(self, sync: Sync, error: type[BaseException] = AirflowException, **arguments: Any) -> None:
        with pytest.raises(error):
            sync.attempt(**arguments)

    def test_why_is_told_once_right_before_the_error_and_the_counts_before_that(self, sync: Sync, log: Log) -> None:
        sync.emulator.fault("after_commit", "status", path="addPhones", status=401, times=None)
        self.failed(sync, concurrency=1)  # or the second batch's 401 may end the task before the first one is refused
        lines = log()
        assert [one for one in lines if one[0] == "error"] == lines[-1:]
        assert lines[-1][1].splitlines()[-1] == "Correct the connection aimylogic_default, and clear the task."
        assert (
            lines[-2][1]
            .partition(": ")[2]
            .startswith("11 rows: 0 calls created, 1 rejected, 1 refused, 0 unknown, 9 not settled yet.\nWhich rows")
        )
        assert TOKEN not in str(lines)
        assert [one for one in PHONES if one in str(lines)] == []

    def test_its_counts_are_left_as_an_xcom(self, sync: Sync) -> None:
        for place in (2, 3):
            sync.emulator.fault("after_commit", "reset", path="addPhones", nth=place)
        sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[9], times=None)
        self.failed(sync, concurrency=1)
        report = sync.task.pushed["report"]
        assert (report["ended"], report["kind"], report["rows"], report["calls"]) == ("failed", "unanswered", 11, 10)
        assert report["created"] + report["refused"] + report["left"] == 10
        assert report["left"] >= 5
        assert report["reason"].startswith("Failed: ")
        assert all(one not in str(report) for one in PHONES)

    def test_of_a_list_that_was_given_up_the_counts_are_known_all_the_same(self, sync: Sync, log: Log) -> None:
        self.failed(sync, max_calls=3)
        assert "11 rows: 10 calls in the list, 1 rejected" in log()[-2][1]
        assert sync.task.pushed["report"]["calls"] == 10

    def test_a_shard_tells_of_itself_alone(self, sync: Sync, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
        approval = Approval(sync, monkeypatch)
        call_list = approval.prepare(batch_size=5, shards=2)
        sync.emulator.fault("before_commit", "reset", path="addPhones", times=None)
        with pytest.raises(AirflowException):
            approval.send(call_list, shard=1)
        assert "6 rows: 0 calls created, 0 unknown, 6 not settled yet" in log()[-2][1]

    def test_a_parked_call_is_told_as_unknown(self, task: TaskInstance, emulator: Emulator, log: Log) -> None:
        emulator.fault(**UNANSWERED)
        with pytest.raises(AirflowException):
            task.attempt()
        assert task.pushed["report"]["unknown"] == 1
        assert log()[-2][1].endswith("1 call: unknown.")

    def test_a_try_that_is_made_again_warns_only(self, task: TaskInstance, emulator: Emulator, log: Log) -> None:
        emulator.fault(**UNANSWERED)
        task.most_tries = 3
        with pytest.raises(AirflowException):
            task.attempt()
        level, line = log()[-1]
        assert (level, line.splitlines()[-1]) == ("warning", "Nothing to do: the next try comes by itself.")
        assert task.pushed["report"]["ended"] == "to be tried again"

    def test_a_task_that_takes_too_long_tells_it(self, sync: Sync, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
        def too_long(*_: Any, **__: Any) -> None:
            raise AirflowTaskTimeout

        monkeypatch.setattr(Sending, "run", too_long)
        self.failed(sync, AirflowTaskTimeout)
        assert "execution_timeout is over" in log()[-1][1]

    def test_a_worker_that_dies_tells_nothing(self, sync: Sync, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
        def dies(*_: Any, **__: Any) -> None:
            raise CrashError

        monkeypatch.setattr(Sending, "run", dies)
        self.failed(sync, CrashError)
        assert not any(line.startswith(("Done", "Ended", "Failed")) for _, line in log())
        assert sync.task.pushed == {}

    def test_who_wants_no_xcom_gets_none(self, sync: Sync) -> None:
        self.failed(sync, max_calls=3, do_xcom_push=False)
        assert sync.task.pushed == {}


class TestItOnlyTells:
    """Whatever goes wrong with telling, the task ends as it would have without."""

    @pytest.fixture(params=["result", "counts", "line", "words"])
    def broken(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: Any, **__: Any) -> Any:
            raise RuntimeError("telling fails")

        monkeypatch.setattr(*{
            "result": (AddPhoneOperator, "_result_in_words", fails),
            "counts": (AddPhoneOperator, "_counts_so_far", fails),
            "line": (failure_line, "_kind", fails),
            "words": (AddPhoneOperator, "_counts_in_words", fails),
        }[request.param])  # fmt: skip

    @pytest.mark.usefixtures("broken")
    def test_a_task_that_is_done_is_done(self, task: TaskInstance) -> None:
        assert task.attempt().isdigit()

    @pytest.mark.usefixtures("broken")
    def test_a_task_that_fails_fails_by_its_own_error(self, task: TaskInstance) -> None:
        with pytest.raises(AirflowFailException, match="Rejected before any request"):
            task.attempt(phone="8 912")

    def test_so_it_does_if_the_counts_can_not_be_left(self, task: TaskInstance, log: Log) -> None:
        operator, context = task.start(phone="8 912")
        del context["ti"].xcom_push
        with pytest.raises(AirflowFailException, match="Rejected before any request"):
            operator.execute(context)
        assert log()[-1][1].startswith("Failed: Rejected before any request")


class TestAWait:
    def test_it_tells_how_far_it_is_and_then_the_end(self, task: TaskInstance, log: Log) -> None:
        operator, context = task.start(phone="79123456789", wait_for_completion=True, deferrable=True)
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(context)
        assert re.fullmatch(r"Waiting, after \d\.\d s: 1 call: created\.", log()[-1][1])
        assert task.pushed == {}, "an XCom of a try that goes on would be taken for an earlier try's"
        event = {"outcome": "timeout", "ends": {}, "open": 1, "not_found": 0, "named": [], "message": ""}
        event |= {"retryable": False}
        again, context = task.start(phone="79123456789", wait_for_completion=True)
        with pytest.raises(AirflowFailException):
            again.resume_execution("execute_after_wait", {"event": event, **deferred.value.kwargs}, context)
        assert log()[-1][1].startswith("Failed: Call jobs are still open after 7 days")

    def test_a_trigger_that_failed_is_told_too(self, task: TaskInstance, log: Log) -> None:
        operator, context = task.start(phone="79123456789")
        with pytest.raises(AirflowException):
            operator.resume_execution("__fail__", {"error": "Trigger failure"}, context)
        assert log()[-1][1].startswith("Failed: TaskDeferralError")


def test_a_persons_no_is_told_as_a_skip(sync: Sync, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    approval = Approval(sync, monkeypatch)
    call_list = approval.prepare()
    with pytest.raises(AirflowSkipException):
        approval.send({**call_list, "said_no": "Maria"})
    assert re.match(r"Skipped after \d\.\d s: Nobody is called: ", log()[-1][1])


@needs_record
def test_what_a_subclass_runs_beneath_is_told_once(task: TaskInstance, log: Log) -> None:
    class Mine(AddPhoneOperator):
        def execute(self, context: Any) -> Any:
            return super().execute(context)

    run(Mine(task_id="mine", phone="79123456789"), task)
    assert sum(line.startswith("Done in") for _, line in log()) == 1


class _Interrupted(TellsEnd):
    """A task at whose end, while it is told, its time is over."""

    _tells_now = False
    log = logging.getLogger(__name__)

    def __init__(self, ends: BaseException | None, by: BaseException) -> None:
        self.ends, self.by = ends, by

    def execute(self, context: Any) -> str:
        if self.ends is not None:
            raise self.ends
        return "done"

    def _result_in_words(self, result: Any) -> str:
        raise self.by

    def _counts_so_far(self, error: BaseException | None) -> Any:
        raise self.by


@pytest.mark.parametrize("by", [AirflowTaskTimeout("over"), SystemExit(1), KeyError("x")], ids=repr)
@pytest.mark.parametrize(
    "ends", [AirflowFailException("for good"), TaskDeferred(trigger=None, method_name="x")], ids=repr
)
def test_a_limit_that_passes_while_the_end_is_told_does_not_change_how_the_task_ends(
    ends: BaseException, by: BaseException
) -> None:
    with pytest.raises(type(ends)) as raised:
        _Interrupted(ends, by).execute(TaskInstance().context())
    assert raised.value is ends, "another one could be tried again"


def test_what_is_done_stays_done_though_its_time_is_over_while_that_is_told() -> None:
    assert _Interrupted(None, AirflowTaskTimeout("over")).execute(TaskInstance().context()) == "done"
    with pytest.raises(SystemExit):
        _Interrupted(None, SystemExit(1)).execute(TaskInstance().context())
