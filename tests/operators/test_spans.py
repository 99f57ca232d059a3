"""Spans beneath the one that Airflow makes of a task, by OpenTelemetry's own SDK; and none where nothing is traced."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from aimylogic_provider.airflow_task.telemetry import task_telemetry
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import UpdateResultsOperator
from aimylogic_provider.transfers import AimylogicToSqlOperator
from tests.call_list.conftest import make_sync, sync
from tests.call_list.sync import Sync, phone
from tests.conftest import TOKEN, TaskInstance, needs_record

__all__ = ["make_sync", "sync"]

PHONES = [phone(number) for number in range(25)]


class Kept(SpanExporter):
    """Keeps what it is to export."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Any) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS

    def names(self) -> list[str]:
        return [one.name for one in self.spans]

    def told(self, name: str) -> list[dict[str, Any]]:
        """The attributes of those of a name."""
        return [dict(one.attributes or {}) for one in self.spans if one.name == name]

    def parent(self, span: ReadableSpan) -> str | None:
        ids = {one.context.span_id: one.name for one in self.spans if one.context is not None}
        return None if span.parent is None else ids.get(span.parent.span_id)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    exporter, provider = Kept(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


@contextmanager
def traced() -> Iterator[None]:
    """As Airflow's task runner does it."""
    with trace.get_tracer("airflow").start_as_current_span("worker", record_exception=False):
        yield


def test_a_sync_has_a_span_of_its_freeze_and_its_sending_and_each_batch(sync: Sync, kept: Kept) -> None:
    sync.add([*PHONES, "nonsense"])
    sync.emulator.settings(bad_numbers=PHONES[:1])
    with traced():
        sync.attempt()
    parents = {(one.name, kept.parent(one)) for one in kept.spans}
    assert parents == {
        ("aimylogic.freeze", "worker"),
        ("aimylogic.send", "worker"),
        ("aimylogic.batch", "aimylogic.send"),
        ("worker", None),
    }
    conn_id = {"aimylogic.conn_id": "aimylogic_default"}
    assert kept.told("aimylogic.freeze") == [
        {**conn_id, "aimylogic.rows": 26, "aimylogic.calls": 25, "aimylogic.calls.rejected": 1}
    ]
    counts = {"aimylogic.calls.created": 24, "aimylogic.calls.refused": 1, "aimylogic.calls.expired": 0,
              "aimylogic.calls.excluded": 0, "aimylogic.calls.capped": 0}  # fmt: skip
    assert kept.told("aimylogic.send") == [{**conn_id, "aimylogic.batches": 3, **counts}]
    batches = kept.told("aimylogic.batch")
    assert sorted(one["aimylogic.calls"] for one in batches) == [5, 10, 10]
    assert sum(one["aimylogic.calls.created"] for one in batches) == 24
    for one in kept.spans:
        assert one.start_time is not None
        assert one.end_time is not None
        assert one.start_time < one.end_time


@needs_record
def test_an_error_is_told_by_its_kind_and_parked_calls_by_their_number(sync: Sync, kept: Kept) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[12], times=None)
    with traced(), pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    sync.emulator.advance(hours=25)
    with traced(), pytest.raises(AirflowFailException):
        sync.attempt(aimylogic_conn_id="aimylogic_other")
    ends = [one for one in kept.spans if one.name == "aimylogic.send"]
    assert [(one.status.status_code.name, one.status.description) for one in ends] == [
        ("ERROR", "NotAddedError"), ("ERROR", "UnknownCallsError"),
    ]  # fmt: skip
    assert kept.told("aimylogic.send")[1]["aimylogic.calls.parked"] == 10
    assert not any(one.events for one in ends), "messages may tell of people"


def test_spans_bear_no_phone_no_payload_and_no_token(
    sync: Sync, task: TaskInstance, emulator: Emulator, kept: Kept
) -> None:
    sync.add(PHONES, name="Xenia")
    with traced():
        sync.attempt(results_table="calls")
        task.attempt(phone=PHONES[0], payload={"name": "Xenia"})
        emulator.advance(days=1)
        UpdateResultsOperator(
            task_id="update", results_table="calls", results_conn_id="warehouse", dag_ids="winter_sale"
        ).execute(sync.task.context())
        AimylogicToSqlOperator(task_id="home", sql_conn_id="warehouse").execute(sync.task.context())
    emulator.campaign(status="finished")
    with traced(), pytest.raises(AirflowFailException):
        TaskInstance(task_id="another").attempt(phone=PHONES[1], payload={"name": "Xenia"})
    assert {*kept.names()} == {
        "aimylogic.freeze", "aimylogic.send", "aimylogic.batch", "aimylogic.add_phone", "aimylogic.results",
        "aimylogic.report", "worker",
    }  # fmt: skip
    assert kept.told("aimylogic.results")[0]["aimylogic.rows.updated"] == 25
    assert kept.told("aimylogic.report")[0]["aimylogic.rows.jobs"] == 26
    for one in kept.spans:
        shown = one.to_json()
        assert not any(secret in shown for secret in (*PHONES, TOKEN, "Xenia", "http://", "79120***"))


def test_so_many_batches_have_a_span_and_no_more(sync: Sync, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_telemetry, "_BATCH_SPANS", 2)
    sync.add(PHONES)
    with traced():
        sync.attempt()
    assert kept.names().count("aimylogic.batch") == 2
    assert kept.told("aimylogic.send")[0]["aimylogic.batches"] == 3


def test_where_airflow_traces_no_task_there_are_none(sync: Sync, task: TaskInstance, kept: Kept) -> None:
    sync.add(PHONES)
    sync.attempt()
    task.attempt()
    assert kept.spans == []


@pytest.mark.parametrize("what", ["start_span", "set_attributes", "end"])
def test_a_tracer_that_raises_fails_nothing(sync: Sync, kept: Kept, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    from opentelemetry.sdk.trace import Span, Tracer

    sync.add(PHONES)
    with traced(), monkeypatch.context() as patched:
        patched.setattr(Tracer if what == "start_span" else Span, what, _raises)
        assert sync.attempt()["created"] == 25


def _raises(*arguments: object, **more: object) -> None:
    raise RuntimeError("a tracer that is broken")


def test_it_is_not_imported_by_us() -> None:
    code = (
        "import sys, logging; from aimylogic_provider.airflow_task.telemetry import task_metrics, task_spans\n"
        "with task_spans.span('aimylogic.send') as told: told.tell(batches=1); told.tell_past('aimylogic.batch', 1)\n"
        "print([one for one in sys.modules if one.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
