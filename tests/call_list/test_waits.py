"""A list that is waited for: its report tells what became of its calls, and neither wait nor retry sends anything."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from airflow.sdk import DAG

from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from aimylogic_provider.sensors import CallJobSensor
from aimylogic_provider.transfers import SqlToAimylogicOperator
from aimylogic_provider.waiting.job_source import JobSource
from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance

PHONES = [phone(number) for number in range(25)]


def over(jobs: dict[str, int]) -> int:
    """How many jobs are over, and none is anything else."""
    assert not {"open", "not_found"} & set(jobs), jobs
    return sum(jobs.values())


WAITS = {"wait_for_completion": True, "deferrable": False}


@pytest.fixture(autouse=True)
def time_passes(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(_: SystemClock, seconds: float) -> None:
        sync.emulator.advance(hours=1)

    monkeypatch.setattr(SystemClock, "sleep", wait)


def test_the_report_tells_how_the_calls_ended(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.freeze()
    report = sync.attempt(**WAITS)
    assert (report["created"], over(report["jobs"])) == (25, 25)
    sync.assert_once(PHONES)


def test_nobody_to_call_is_nobody_to_wait_for(sync: Sync) -> None:
    report = sync.attempt(**WAITS)
    assert (report["rows"], report["jobs"]) == (0, {})
    assert "jobs" not in sync.operator(dry_run=True, **WAITS).execute(sync.task.context())


def test_a_retry_waits_on_and_sends_nothing(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    sync.emulator.freeze()
    with monkeypatch.context() as killed:
        killed.setattr(SystemClock, "sleep", lambda self, seconds: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sync.attempt(**WAITS)
    sent = sync.sends()
    sync.emulator.advance(days=2)
    assert over(sync.attempt(**WAITS)["jobs"]) == 25
    assert sync.sends() == sent
    sync.assert_once(PHONES)


def test_by_a_trigger_which_is_told_where_the_list_lies(sync: Sync) -> None:
    sync.add(PHONES)
    operator = sync.operator(wait_for_completion=True, deferrable=True)
    sync.task.current_try += 1
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(sync.task.context())
    arguments = deferred.value.trigger.serialize()[1]
    assert set(arguments["jobs"]) == {"call_list", "shard"}
    assert len([*JobSource.of_json(arguments["jobs"]).read_ids()]) == 25
    assert not any(number in str(arguments) + str(deferred.value.kwargs) for number in PHONES)
    end = WaitEnd(WaitOutcome.OVER, {"noAnswer": 20, "technicalError": 5})
    report = operator.execute_after_wait(sync.task.context(), end.as_event(), **deferred.value.kwargs)
    assert (report["created"], report["jobs"]) == (25, {"noAnswer": 20, "technicalError": 5})
    strict = sync.operator(wait_for_completion=True, deferrable=True, fail_on=["technicalError"])
    with pytest.raises(AirflowFailException, match="technicalError 5"):
        strict.execute_after_wait(sync.task.context(), end.as_event(), **deferred.value.kwargs)


def test_a_shard_waits_for_its_own_calls(sync: Sync) -> None:
    sync.add(PHONES)
    prepared = PrepareCallListOperator(
        task_id="prepare", sql="select * from customer", sql_conn_id="warehouse", key_columns=["id"], shards=2,
        batch_size=10, call_list_path=str(sync.lists),
    )  # fmt: skip
    pointer = prepared.execute(TaskInstance(task_id="prepare", current_try=1).context())
    reports = [
        SendCallListOperator(task_id="send", call_list=pointer, shard=shard, **WAITS).execute(
            TaskInstance(task_id="send", map_index=shard, current_try=1).context()
        )
        for shard in range(2)
    ]
    assert [over(report["jobs"]) for report in reports] == [report["created"] for report in reports]
    assert sum(report["created"] for report in reports) == 25


def test_a_sensor_waits_for_the_list_that_a_task_sent(sync: Sync) -> None:
    sync.add(PHONES)
    report = sync.attempt()
    sync.emulator.advance(days=1)
    sensor = CallJobSensor(task_id="wait", call_list=report, deferrable=False, poke_interval=0.05, timeout=20)
    assert over(sensor.execute(sync.task.context())) == 25


def test_ended_by_a_person_it_cancels_if_that_is_wished(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    sync.emulator.freeze()
    operator = sync.operator(cancel_on_kill=True, **WAITS)

    def ended(_: SystemClock, seconds: float) -> None:
        operator.on_kill()
        raise KeyboardInterrupt

    monkeypatch.setattr(SystemClock, "sleep", ended)
    sync.task.current_try += 1
    with pytest.raises(KeyboardInterrupt):
        operator.execute(sync.task.context())
    jobs = AimylogicHook().get_call_jobs(ids=[job.id for job in sync.emulator.jobs()])
    assert {job.status for job in jobs} == {"cancelledByUser"}


def test_a_wait_holds_nobodys_slot_unless_that_is_said() -> None:
    def limit(**arguments: Any) -> int | None:
        found: int | None = SqlToAimylogicOperator(
            task_id="a", sql="select 1", sql_conn_id="b", **arguments
        ).max_active_tis_per_dag
        return found

    assert limit() == 1
    assert limit(wait_for_completion=True) is None
    assert limit(wait_for_completion=True, max_active_tis_per_dag=1) == 1
    mapped = SqlToAimylogicOperator.partial(task_id="m", sql_conn_id="b", wait_for_completion=True)
    assert "max_active_tis_per_dag" not in mapped.kwargs
    with DAG("mapped", schedule=None):
        mapped.expand(sql=["select 1"])


def test_two_runs_at_once_are_warned_of_where_nothing_keeps_them_apart(
    sync: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.add(PHONES)
    sync.attempt(results_table="calls", **WAITS)
    assert "keeps two runs at once" not in capsys.readouterr().out
    sync.task = TaskInstance(task_id="sync", run_id="another")
    sync.attempt(**WAITS)
    assert "keeps two runs at once from calling the same people" in capsys.readouterr().out


def test_a_share_that_reached_nobody_is_not_green(sync: Sync) -> None:
    sync.add(PHONES)
    operator = sync.operator(wait_for_completion=True, deferrable=True, completed_share=0.5)
    end = WaitEnd(WaitOutcome.OVER, {"notDone": 13}, open=12)
    with pytest.raises(AirflowFailException, match="nobody was reached: notDone 13, open 12"):
        operator.execute_after_wait(sync.task.context(), end.as_event(), {"created": 25})


def test_the_list_must_outlive_the_wait() -> None:
    given: Any = {"task_id": "a", "call_list": {}, "wait_for_completion": True}
    with pytest.raises(ValueError, match="the list is needed until its calls are over"):
        SendCallListOperator(**given, keep_call_list=timedelta(0))
    SendCallListOperator(**given, keep_call_list=None)
