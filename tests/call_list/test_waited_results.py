"""A list that is waited for: its results table tells what became of the calls, also where the wait ends badly."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseHook, TaskDeferred

from aimylogic_provider.call_list.tables import job_results, results_table
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, told

PHONES = [phone(number) for number in range(25)]
WAITS = {"wait_for_completion": True, "deferrable": False, "results_table": "calls"}


@pytest.fixture(autouse=True)
def time_passes(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    sync.emulator.freeze()
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: sync.emulator.advance(hours=1))


@pytest.fixture
def engine() -> sa.Engine:
    engine: sa.Engine = BaseHook.get_hook("warehouse").get_sqlalchemy_engine()
    return engine


def assert_home(sync: Sync, engine: sa.Engine) -> None:
    """The table tells of all jobs what the emulator does."""
    known = {job.id: (job.status, job.attempts, job.finished is not None) for job in sync.emulator.jobs()}
    rows = told(engine, "call_job_id", "job_status", "attempts", "finished_at")
    assert {id: (status, attempts, over is not None) for id, status, attempts, over in rows} == known


def deferred(sync: Sync, **arguments: Any) -> tuple[Any, dict[str, Any]]:
    """A sync that waits in the triggerer, and what it is resumed with."""
    operator = sync.operator(**{**WAITS, "deferrable": True, **arguments})
    sync.task.current_try += 1
    with pytest.raises(TaskDeferred) as raised:
        operator.execute(sync.task.context())
    return operator, dict(raised.value.kwargs or {})


def test_once_the_wait_is_over_the_table_tells_how_the_calls_ended(sync: Sync, engine: sa.Engine) -> None:
    report = sync.attempt(**WAITS)
    sent = sync.sends()
    assert_home(sync, engine)
    assert {row[0] for row in told(engine, "job_status")} == {*report["jobs"]}
    assert all(isinstance(row[0], datetime) for row in told(engine, "finished_at"))
    before = told(engine, "updated_at")
    assert sync.attempt(**WAITS)["jobs"] == report["jobs"]
    assert (told(engine, "updated_at"), sync.sends()) == (before, sent), "a repeat changes nothing, and sends nothing"


def test_so_it_does_after_a_trigger(sync: Sync, engine: sa.Engine) -> None:
    _, kwargs = deferred(sync)
    assert told(engine, "job_status") == [(None,)] * 25
    sync.emulator.advance(days=1)
    end = WaitEnd(WaitOutcome.OVER, {"noAnswer": 25}).as_event()
    anew = sync.operator(**WAITS, results_conn_id="  ")  # in another process, with its fields rendered anew
    anew.execute_after_wait(sync.task.context(), end, **kwargs)
    assert_home(sync, engine)


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (WaitEnd(WaitOutcome.TIMEOUT, {"noAnswer": 3}, open=22), "still open after"),
        (WaitEnd(WaitOutcome.FAILED, {"noAnswer": 3}, open=22, message="the campaign is paused"), "campaign is paused"),
        (WaitEnd(WaitOutcome.OVER, {"technicalError": 25}), "nobody was reached"),
    ],
)
def test_what_is_known_is_told_though_the_wait_fails(sync: Sync, engine: sa.Engine, end: WaitEnd, message: str) -> None:
    operator, kwargs = deferred(sync)
    sync.emulator.advance(minutes=3)
    with pytest.raises(AirflowFailException, match=message):
        operator.execute_after_wait(sync.task.context(), end.as_event(), **kwargs)
    assert_home(sync, engine)
    assert None in {row[0] for row in told(engine, "finished_at")}


def test_of_a_wait_that_fails_its_own_error_is_told(
    sync: Sync, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    operator, kwargs = deferred(sync)
    sync.emulator.fault("before_commit", "status", path="callJob/getReport", status=503, times=None)
    end = WaitEnd(WaitOutcome.TIMEOUT, open=25).as_event()
    with pytest.raises(AirflowFailException, match="still open after"):
        operator.execute_after_wait(sync.task.context(), end, **kwargs)
    assert "can't be told in calls, for the report can't be asked" in capsys.readouterr().out


def test_a_wait_that_ended_well_is_tried_again_if_the_table_could_not_be_told(
    sync: Sync, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, kwargs = deferred(sync)
    sync.emulator.advance(days=1)
    end = WaitEnd(WaitOutcome.OVER, {"noAnswer": 25}).as_event()

    def failing(*_: Any) -> int:
        raise sa.exc.TimeoutError("QueuePool limit")

    with monkeypatch.context() as patched:
        patched.setattr(job_results, "write_states", failing)
        with pytest.raises(AirflowException, match="can't be written") as failure:
            operator.execute_after_wait(sync.task.context(), end, **kwargs)
    assert not isinstance(failure.value, AirflowFailException)
    sent = sync.sends()
    sync.attempt(**WAITS)
    assert_home(sync, engine)
    assert sync.sends() == sent
    sync.assert_once(PHONES)


def test_on_a_table_of_the_former_shape_it_warns_and_goes_on(
    sync: Sync, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results_table, "job_columns", list)
    assert sum(sync.attempt(**WAITS)["jobs"].values()) == 25
    assert "alter table calls add column finished_at DATETIME;" in capsys.readouterr().out
    assert "job_status" not in {one["name"] for one in sa.inspect(engine).get_columns("calls")}


def test_so_it_does_where_a_key_column_has_such_a_name(
    sync: Sync, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "select id, phone, name, 'mine' as tag_name from customer order by id"
    report = sync.attempt(sql=sql, key_columns=["id", "tag_name"], **WAITS)
    assert sum(report["jobs"].values()) == 25
    assert "tag_name as customer_tag_name" in capsys.readouterr().out
    assert {row[0] for row in told(engine, "tag_name")} == {"mine"}


def test_a_shard_tells_of_its_own_calls(sync: Sync, engine: sa.Engine) -> None:
    table = {"results_table": "calls", "results_conn_id": "warehouse"}
    prepared = PrepareCallListOperator(
        task_id="prepare", sql="select * from customer", sql_conn_id="warehouse", key_columns=["id"], shards=2,
        batch_size=10, call_list_path=str(sync.lists), **table,
    )  # fmt: skip
    pointer = prepared.execute(TaskInstance(task_id="prepare", current_try=1).context())
    sent: list[tuple[Any, Any, dict[str, Any]]] = []
    for shard in range(2):
        context = TaskInstance(task_id="send", map_index=shard, current_try=1).context()
        operator = SendCallListOperator(
            task_id="send", call_list=pointer, shard=shard, wait_for_completion=True, deferrable=True, **table
        )
        with pytest.raises(TaskDeferred) as raised:
            operator.execute(context)
        sent.append((operator, context, dict(raised.value.kwargs or {})))
    sync.emulator.advance(days=1)
    end = WaitEnd(WaitOutcome.OVER, {"noAnswer": 1}).as_event()
    for shard, (operator, context, kwargs) in enumerate(sent):
        report = operator.execute_after_wait(context, end, **kwargs)
        untold = sum(row[0] is None for row in told(engine, "job_status"))
        assert untold == (25 - report["created"] if shard == 0 else 0)
    assert_home(sync, engine)
