"""Metrics as a StatsD listener gets them from Airflow's own stats: counted once, whatever a task goes through."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, TaskDeferred
from airflow.sdk import DAG

from aimylogic_provider.airflow_task.telemetry import task_metrics
from aimylogic_provider.airflow_task.telemetry.metric_names import CALLS_CREATED, METRICS
from aimylogic_provider.airflow_task.telemetry.task_metrics import TaskMetrics
from aimylogic_provider.airflow_task.telemetry.task_telemetry import TaskTelemetry
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import (
    AddPhoneOperator,
    AddPhonesOperator,
    PrepareCallListOperator,
    SendCallListOperator,
    UpdateResultsOperator,
)
from aimylogic_provider.transfers import AimylogicToSqlOperator
from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome
from local_servers.statsd import StatsdListener, airflows_stats
from tests.call_list.conftest import make_sync, sync
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import TaskInstance, needs_record

pytest.importorskip("statsd", reason="Airflow's StatsD client is absent: `make mariadb` installs tests/optional.lock")

__all__ = ["make_sync", "sync"]

LOST = {"phase": "after_commit", "action": "reset", "path": "addPhone", "times": 3}
PHONES = [phone(number) for number in range(25)]


@pytest.fixture
def statsd() -> Iterator[StatsdListener]:
    with StatsdListener() as listener, airflows_stats(listener.settings):
        yield listener


class TestOneCall:
    def test_it_is_counted_by_the_try_that_finds_it_out_and_by_no_other(
        self, task: TaskInstance, emulator: Emulator, statsd: StatsdListener
    ) -> None:
        emulator.fault(**LOST)
        with pytest.raises(AirflowException, match="not known"):
            task.attempt()
        assert statsd.counters() == {}
        emulator.clear_faults()
        task.attempt()
        assert statsd.counters() == {"calls.created": 1}
        assert len(statsd.timers()["add_phone.duration"]) == 2

    @needs_record
    def test_a_clear_counts_nothing_again(self, task: TaskInstance, statsd: StatsdListener) -> None:
        task.attempt()
        task.clear()
        task.attempt()
        assert statsd.counters() == {"calls.created": 1}

    def test_refused_and_rejected(self, task: TaskInstance, emulator: Emulator, statsd: StatsdListener) -> None:
        emulator.campaign(status="finished")
        with pytest.raises(AirflowFailException, match="refused"):
            task.attempt()
        assert statsd.counters() == {"calls.refused": 1}
        with pytest.raises(AirflowFailException, match="Rejected"):
            task.attempt(phone="nonsense")
        assert statsd.counters() == {"calls.refused": 1, "calls.rejected": 1}

    @needs_record
    def test_parked(self, task: TaskInstance, emulator: Emulator, statsd: StatsdListener) -> None:
        emulator.fault(**LOST)
        with pytest.raises(AirflowException):
            task.attempt()
        with pytest.raises(AirflowFailException, match="parked"):
            task.attempt(aimylogic_conn_id="aimylogic_other")
        assert statsd.counters(conn_id="aimylogic_other") == statsd.counters() == {"calls.parked": 1}

    def test_a_deferred_wait_counts_it_before_and_not_after(
        self, task: TaskInstance, emulator: Emulator, statsd: StatsdListener
    ) -> None:
        operator, context = task.start(phone="79123456789", wait_for_completion=True, deferrable=True)
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(context)
        assert statsd.counters() == {"calls.created": 1}
        emulator.advance(days=1)
        event = WaitEnd(WaitOutcome.OVER, {"noAnswer": 1}).as_event()
        operator.execute_after_wait(context, event=event, **deferred.value.kwargs)
        assert statsd.counters() == {"calls.created": 1}

    def test_tags_tell_the_task_and_the_campaign_and_nothing_of_a_person(
        self, task: TaskInstance, statsd: StatsdListener
    ) -> None:
        with DAG("winter_sale", schedule=None):
            operator = AddPhoneOperator(task_id="add_phone", phone="79123456789", payload={"name": "Alex"})
        task.current_try = 1
        operator.execute(task.context())
        assert statsd.read()
        for one in statsd.read():
            assert one.tags == {"dag_id": "winter_sale", "task_id": "add_phone", "conn_id": "aimylogic_default"}


class TestCallList:
    @pytest.mark.parametrize("method", ["addPhones", "addPhone"])
    def test_rows_are_counted_as_the_report_counts_them(self, sync: Sync, statsd: StatsdListener, method: str) -> None:
        sync.add([*PHONES, "nonsense", PHONES[3], ""])
        sync.execute(f"insert into customer values (99, '{PHONES[4]}', 'Maria')")
        sync.emulator.settings(bad_numbers=PHONES[:3])
        report = sync.attempt(method=method)
        told = {name: report[name] for name in ("created", "refused", "rejected", "doubles", "capped")}
        assert told == {"created": 22, "refused": 3, "rejected": 2, "doubles": 1, "capped": 1}
        assert statsd.counters() == {f"calls.{name}": count for name, count in {**told, "frozen": 25}.items()}
        assert {name: len(told) for name, told in statsd.timers().items()} == {
            "freeze.duration": 1, "send.duration": 1,
        }  # fmt: skip

    @needs_record
    @pytest.mark.parametrize("method", ["addPhones", "addPhone"])
    def test_each_try_counts_what_it_settled_itself(self, sync: Sync, statsd: StatsdListener, method: str) -> None:
        sync.add([*PHONES, PHONES[0]])
        sync.emulator.fault("after_commit", "reset", path=method, phone=PHONES[12], times=3)
        with pytest.raises(AirflowException):
            sync.attempt(method=method)
        first = statsd.counters()
        assert 0 < first["calls.created"] < 25
        assert sync.attempt(method=method)["created"] == 25
        in_all = {"calls.frozen": 25, "calls.doubles": 1, "calls.created": 25}
        assert statsd.counters() == in_all
        sync.task.clear()
        assert sync.attempt(method=method)["created"] == 25
        assert statsd.counters() == in_all, "a second look at what is settled"
        assert len(statsd.timers()["freeze.duration"]) == 1
        assert len(statsd.timers()["send.duration"]) == 2

    @needs_record
    def test_a_try_that_was_killed_told_of_the_batches_before(
        self, sync: Sync, statsd: StatsdListener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from aimylogic_provider.call_list.store.stored_list import CallList

        write_done, written = CallList.write_done, 0

        def dies(call_list: CallList, *arguments: Any) -> Any:
            nonlocal written
            written += 1
            if written == 3:
                raise CrashError
            return write_done(call_list, *arguments)

        sync.add(PHONES)
        with monkeypatch.context() as patched:
            patched.setattr(CallList, "write_done", dies)
            with pytest.raises(CrashError):
                sync.attempt(concurrency=1)
        assert statsd.counters()["calls.created"] == 20
        sync.attempt(concurrency=1)
        assert statsd.counters()["calls.created"] == 25

    @needs_record
    def test_refusals_that_end_the_try_are_not_counted_again_once_more_are_allowed(
        self, sync: Sync, statsd: StatsdListener
    ) -> None:
        phones = [phone(number) for number in range(60)]
        sync.add(phones)
        sync.emulator.settings(bad_numbers=phones[::5])
        with pytest.raises(AirflowFailException, match="6 rows are rejected or refused"):
            sync.attempt(max_rejected=5, concurrency=1)
        assert statsd.counters()["calls.refused"] == 6
        sync.task.clear()
        sync.attempt(max_rejected=0.2)
        assert statsd.counters() == {"calls.frozen": 60, "calls.refused": 12, "calls.created": 48}

    @needs_record
    def test_calls_are_parked_once_though_tries_before_left_them(self, sync: Sync, statsd: StatsdListener) -> None:
        sync.add(PHONES)
        sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[12], times=None)
        with pytest.raises(AirflowException):
            sync.attempt(concurrency=1)
        sync.emulator.clear_faults()
        sync.emulator.advance(hours=25)
        with pytest.raises(AirflowFailException, match="Of 10 calls it can't be known"):
            sync.attempt(aimylogic_conn_id="aimylogic_other")
        assert statsd.counters()["calls.parked"] == 10

    @pytest.mark.parametrize("arguments", [{"max_rejected": 0}, {}], ids=["too many", "all"])
    def test_rows_of_which_no_list_comes_are_counted_as_rejected(
        self, sync: Sync, statsd: StatsdListener, arguments: dict[str, Any]
    ) -> None:
        sync.add(["nonsense", ""] if not arguments else ["nonsense", "", PHONES[0]])
        with pytest.raises(AirflowFailException):
            sync.attempt(**arguments)
        assert statsd.counters() == {"calls.rejected": 2}

    def test_a_dry_run_counts_nothing(self, sync: Sync, statsd: StatsdListener) -> None:
        sync.add([*PHONES, "nonsense"])
        assert sync.operator(dry_run=True).execute(sync.task.context())["calls"] == 25
        assert statsd.counters() == {}

    def test_the_halves_of_a_sync_and_its_shards_each_count_their_own(self, sync: Sync, statsd: StatsdListener) -> None:
        sync.add([*PHONES, PHONES[0]])
        prepare = PrepareCallListOperator(
            task_id="prepare", sql="select phone from customer", sql_conn_id="warehouse", shards=2,
            call_list_path=str(sync.lists),
        )  # fmt: skip
        pointer = prepare.execute(TaskInstance(task_id="prepare", current_try=1).context())
        assert statsd.counters(task_id="prepare") == {"calls.frozen": 25, "calls.doubles": 1}
        for shard in range(2):
            send = SendCallListOperator(task_id="send", call_list=pointer, shard=shard)
            send.execute(TaskInstance(task_id="send", map_index=shard, current_try=1).context())
        assert statsd.counters(task_id="send") == {"calls.created": 25}

    def test_calls_that_a_dag_gives(self, sync: Sync, statsd: StatsdListener) -> None:
        calls = AddPhonesOperator(task_id="calls", calls=[*PHONES[:3], "nonsense"], call_list_path=str(sync.lists))
        calls.execute(TaskInstance(task_id="calls", current_try=1).context())
        assert statsd.counters() == {"calls.frozen": 3, "calls.rejected": 1, "calls.created": 3}


def test_rows_that_come_home_are_counted_once(sync: Sync, statsd: StatsdListener) -> None:
    sync.add(PHONES[:5])
    sync.attempt(results_table="calls")
    sync.emulator.advance(days=1)
    for _ in range(2):
        UpdateResultsOperator(
            task_id="update", results_table="calls", results_conn_id="warehouse", dag_ids="winter_sale"
        ).execute(sync.task.context())
        AimylogicToSqlOperator(task_id="home", sql_conn_id="warehouse").execute(sync.task.context())
    attempts = sum(job.attempts for job in sync.emulator.jobs())
    assert statsd.counters(task_id="update") == {"results.updated": 5}
    assert statsd.counters(task_id="home") == {"report.jobs": 5, "report.attempts": attempts}
    assert {"results.duration", "report.duration"} <= statsd.timers().keys()


class TestNeverAFailure:
    def test_a_backend_that_raises_fails_nothing(
        self, sync: Sync, statsd: StatsdListener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from statsd import StatsClient

        tried = []

        def refuses(client: StatsClient, data: str) -> None:
            tried.append(data)
            raise RuntimeError(data)

        monkeypatch.setattr(StatsClient, "_send", refuses)
        sync.add(PHONES)
        assert sync.attempt()["created"] == 25
        assert 0 < len(tried) <= 3, "once by what freezes, by what counts rows, by what sends"

    @pytest.mark.parametrize("fault", ["raises", "is slow"])
    def test_a_backend_is_given_up_and_a_line_for_debugging_says_so(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
    ) -> None:
        from aimylogic_provider.airflow_task import airflow_imports

        tried = []

        class Backend:
            @staticmethod
            def incr(name: str, count: int, *, tags: dict[str, str]) -> None:
                tried.append(name)
                if fault == "raises":
                    raise OSError("no route to 10.0.0.1")

        monkeypatch.setattr(airflow_imports, "Stats", Backend, raising=False)
        if fault == "is slow":
            monkeypatch.setattr(task_metrics, "_MOST_SECONDS", -1.0)
        metrics = TaskMetrics({"dag_id": "d"}, logging.getLogger("task"))
        with caplog.at_level(logging.DEBUG):
            for _ in range(3):
                metrics.count(CALLS_CREATED, 1)
        assert tried == ["aimylogic.calls.created"]
        (line,) = caplog.records
        assert (line.levelname, "tells no more metrics" in line.getMessage()) == ("DEBUG", True)

    def test_a_slow_backend_holds_up_a_try_once_whatever_the_try_does(
        self, sync: Sync, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from aimylogic_provider.airflow_task import airflow_imports

        tried = []

        def tell(name: str, value: float, *, tags: dict[str, str]) -> None:
            tried.append(name)

        monkeypatch.setattr(airflow_imports, "Stats", SimpleNamespace(incr=tell, timing=tell), raising=False)
        monkeypatch.setattr(task_metrics, "_MOST_SECONDS", -1.0)
        sync.add(PHONES)
        assert sync.attempt()["created"] == 25
        assert len(tried) == 1

    def test_a_host_that_has_no_address_is_looked_up_once(self, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
        asked, look_up = [], socket.getaddrinfo

        def looked_up(host: Any, *arguments: Any, **more: Any) -> Any:
            if host == "statsd.invalid":
                asked.append(host)
                raise socket.gaierror("no address")
            return look_up(host, *arguments, **more)

        monkeypatch.setattr(socket, "getaddrinfo", looked_up)
        sync.add(PHONES)
        with StatsdListener() as listener:
            settings = {**listener.settings, "AIRFLOW__METRICS__STATSD_HOST": "statsd.invalid"}
            with airflows_stats(settings):
                assert sync.attempt()["created"] == 25
        assert asked == ["statsd.invalid"]

    def test_nobody_listens(self, task: TaskInstance) -> None:
        with StatsdListener() as listener:
            settings = listener.settings
        with airflows_stats(settings):
            assert task.attempt()

    def test_a_list_of_allowed_names_is_heeded(self, task: TaskInstance) -> None:
        with StatsdListener() as listener:
            with airflows_stats({**listener.settings, "AIRFLOW__METRICS__METRICS_ALLOW_LIST": r"aimylogic\.calls"}):
                task.attempt()
            assert [one.name for one in listener.read()] == ["airflow.aimylogic.calls.created"]

    def test_without_tags_the_names_are_plain(self, task: TaskInstance) -> None:
        with StatsdListener() as listener:
            with airflows_stats({**listener.settings, "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "False"}):
                task.attempt()
            assert "airflow.aimylogic.calls.created:1|c" in (listener.read() and listener.lines)

    @pytest.mark.parametrize(
        ("dag_id", "shown"),
        [
            ("winter_sale.v2-b", "winter_sale.v2-b"),
            ("Обзвон", "______-ddf3b1"),
            ("x" * 240, "x" * 53 + "-718df6"),
        ],
        ids=["plain", "not ASCII", "long"],
    )
    def test_names_that_airflow_would_drop_are_told_otherwise(
        self, statsd: StatsdListener, dag_id: str, shown: str
    ) -> None:
        with DAG(dag_id, schedule=None):
            operator = AddPhoneOperator(task_id="y" * 200, phone="79123456789")
        telemetry = TaskTelemetry(operator, "z" * 200)
        for metric in METRICS:
            telemetry.count(metric, 1)
        assert len(statsd.read()) == len(METRICS)
        assert {one.tags["dag_id"] for one in statsd.read()} == {shown}
