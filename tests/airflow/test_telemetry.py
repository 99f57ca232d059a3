"""What a StatsD listener and an OpenTelemetry collector receive from a real Airflow: a retried call, and a sync."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local_servers.airflow import LocalAirflow, wait_for
from local_servers.statsd import StatsdListener
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import TOKEN, Campaign
from tests.conftest import AIRFLOW

pytest.importorskip("statsd", reason="Airflow's StatsD client is absent: `make mariadb` installs tests/optional.lock")

pytestmark = pytest.mark.long
ROWS = 1000
REFUSED = [warehouse_phone(number) for number in (7, 307, 607)]


class Collector:
    """Takes spans as OTLP over HTTP; use it as a context manager."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                collector.received.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Collector:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self, task: str) -> list[Any]:
        """Those of the traces in which Airflow's worker ran a task."""
        all_spans = [
            span
            for request in list(self.received)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        traces = {span.trace_id for span in all_spans if span.name == f"worker.{task}"}
        return [span for span in all_spans if span.trace_id in traces]

    def tree(self, task: str) -> list[tuple[str, str]]:
        """Our spans of it, each with the name of the one above."""
        spans = self.spans(task)
        names = {span.span_id: span.name for span in spans}
        return sorted(
            (span.name, names.get(span.parent_span_id, "")) for span in spans if span.name.startswith("aimylogic.")
        )


@pytest.fixture(scope="module")
def statsd() -> Iterator[StatsdListener]:
    with StatsdListener() as listener:
        yield listener


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, statsd: StatsdListener, collector: Collector
) -> Iterator[LocalAirflow]:
    """An Airflow of its own, that is watched."""
    settings = {
        **statsd.settings,
        "AIRFLOW__TRACES__OTEL_ON": "True",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_TRACES_EXPORTER": "otlp_proto_http",
    }
    home = tmp_path_factory.mktemp("watched")
    running = LocalAirflow(home / "home", Path(__file__).parent / "dags", settings=settings)
    try:
        running.start()
        for dag in ("one_call", "sync_addPhones"):
            running.wait_for_dag(dag)
        yield running
    finally:
        running.stop()


def settled(statsd: StatsdListener, **tags: str) -> dict[str, int]:
    """The counters, once nothing more comes."""
    before: dict[str, int] = {}
    for _ in range(20):
        time.sleep(0.2)
        if (now := statsd.counters(**tags)) == before and now:
            break
        before = now
    return before


def shown(statsd: StatsdListener, since: int, spans: list[Any]) -> None:
    """What was received, for whoever runs this with -s."""
    if os.environ.get("AIMYLOGIC_SHOW"):
        print("\n".join(line for line in statsd.lines[since:] if "aimylogic." in line))
        for span in spans:
            told = {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
            print(span.name, {name: value for name, value in told.items() if name.startswith("aimylogic")})


def test_a_call_that_is_retried_is_counted_once(
    airflow: LocalAirflow, campaign: Campaign, statsd: StatsdListener, collector: Collector
) -> None:
    began = len(statsd.lines)
    campaign.fault("after_commit", "reset", times=3)
    airflow.trigger("one_call", "watched", campaign.conf)
    airflow.wait_for_task("one_call", "watched", "add_phone", ("success",), tries=2)
    tags = {"dag_id": "one_call", "task_id": "add_phone", "conn_id": campaign.conn_id}
    assert settled(statsd, **tags) == {"calls.created": 1}
    assert len(statsd.timers()["add_phone.duration"]) == 2
    shown(statsd, began, collector.spans("add_phone"))
    if AIRFLOW.release >= (3, 2):
        wait_for("the spans", lambda: len(collector.tree("add_phone")) >= 2)
        (parent,) = {above for _, above in collector.tree("add_phone")}
        assert parent == "worker.add_phone"


def test_a_sync_tells_its_rows(
    airflow: LocalAirflow, campaign: Campaign, statsd: StatsdListener, collector: Collector, tmp_path: Path
) -> None:
    began = len(statsd.lines)
    airflow.connect_database(make_warehouse(tmp_path / "warehouse.db", ROWS), "watched_warehouse")
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as database, database:
        database.executemany(
            "insert into customer select ?, phone, gmt_zone, name, due from customer where id = ?",
            [(ROWS + number, number) for number in (1, 2)],
        )
    campaign.emulator.settings(bad_numbers=REFUSED)
    campaign.fault("after_commit", "reset", path="addPhones", phone=warehouse_phone(500), times=3)
    conf = {
        "conn_id": campaign.conn_id, "sql_conn_id": "watched_warehouse", "results_conn_id": "watched_warehouse",
        "lists": str(tmp_path / "lists"),
    }  # fmt: skip
    airflow.trigger("sync_addPhones", "watched", conf)
    airflow.wait_for_task("sync_addPhones", "watched", "sync", ("success",), tries=2)
    report = airflow.xcom("sync_addPhones", "watched", "sync")
    told = {name: report[name] for name in ("created", "refused", "rejected", "doubles")}
    assert told == {"created": 987, "refused": 3, "rejected": 10, "doubles": 2}
    tags = {"dag_id": "sync_addPhones", "task_id": "sync", "conn_id": campaign.conn_id}
    assert settled(statsd, **tags) == {f"calls.{name}": count for name, count in {**told, "frozen": 990}.items()}
    shown(statsd, began, collector.spans("sync"))
    if AIRFLOW.release >= (3, 2):
        wait_for("the spans", lambda: ("aimylogic.send", "worker.sync") in collector.tree("sync"))
        assert {*collector.tree("sync")} == {
            ("aimylogic.freeze", "worker.sync"),
            ("aimylogic.send", "worker.sync"),
            ("aimylogic.batch", "aimylogic.send"),
        }
    phones = {job.phone for job in campaign.jobs}
    for request in collector.received:
        text = str(request)
        assert TOKEN not in text
        assert not any(phone in text for phone in phones)
