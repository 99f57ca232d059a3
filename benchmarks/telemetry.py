"""What metrics and spans cost a sync: its freeze and send without them, with metrics, and with both, in turn.

Each is told by Airflow's own stats to a StatsD socket, and by OpenTelemetry's SDK to an exporter that drops its spans.
All runs are of one process, against an emulator beside it. Run: python -m benchmarks.telemetry
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import tempfile
import time
from contextlib import ExitStack, closing, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from local_servers.emulator import LocalEmulator
from local_servers.statsd import StatsdListener, airflows_stats

__all__: list[str] = []

WAYS = ("neither", "metrics", "metrics and spans")


def run(folder: Path, way: str, number: int) -> tuple[float, float]:
    """Freeze a list and send it; return the seconds that this took, by the clock and of the processor."""
    from airflow.sdk import DAG
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    from aimylogic_provider.transfers import SqlToAimylogicOperator

    class Dropped(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    ti = SimpleNamespace(
        dag_id="bench", task_id="sync", run_id=f"run-{number}", map_index=-1, try_number=1, id=uuid4(), max_tries=0,
        task=SimpleNamespace(retries=0), xcom_push=lambda key, value: None,
    )  # fmt: skip
    dag_run = SimpleNamespace(clear_number=0, start_date=datetime.now(UTC), run_after=datetime.now(UTC))
    with DAG("bench", schedule=None):
        operator = SqlToAimylogicOperator(
            task_id="sync", sql="select phone, name from customer", sql_conn_id="warehouse", batch_size=200,
            call_list_path=str(folder / "lists"),
        )  # fmt: skip
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Dropped()))
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(StringIO()))
        if way != "neither":
            listener = stack.enter_context(StatsdListener())
            stack.enter_context(airflows_stats(listener.settings))
        if way == "metrics and spans":
            trace._TRACER_PROVIDER = provider
            stack.enter_context(provider.get_tracer("airflow").start_as_current_span("worker"))
        clock, processor = time.perf_counter(), time.process_time()
        context: Any = {"ti": ti, "dag_run": dag_run, "run_id": ti.run_id}
        operator.execute(context)
        took = time.perf_counter() - clock, time.process_time() - processor
    provider.shutdown()
    return took


def main() -> None:
    """Print the medians, and what they are of those without."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--numbers", type=int, default=20_000)
    arguments.add_argument("--runs", type=int, default=9)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as home, LocalEmulator() as emulator:
        folder = Path(home)
        with closing(sqlite3.connect(folder / "warehouse.db")) as database, database:
            database.execute("create table customer(phone text, name text)")
            rows = ((f"79{number + 120_000_000:09}", f"Client {number}") for number in range(chosen.numbers))
            database.executemany("insert into customer values (?, ?)", rows)
        os.environ["AIRFLOW_HOME"] = home
        os.environ["AIRFLOW_CONN_AIMYLOGIC_DEFAULT"] = emulator.connection()
        os.environ["AIRFLOW_CONN_WAREHOUSE"] = json.dumps({"conn_type": "sqlite", "host": f"{folder}/warehouse.db"})
        took: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        for number in range(-1, chosen.runs):
            for place in range(len(WAYS)):
                way = WAYS[(number + place) % len(WAYS)]
                emulator.reset()
                figures = run(folder, way, number * len(WAYS) + place)
                if number >= 0:  # the first of each loads modules
                    took[way].append(figures)
    without = [median(one[kind] for one in took["neither"]) for kind in (0, 1)]
    print(
        f"{chosen.numbers:,} numbers, {chosen.runs} runs of each; medians of seconds by the clock, and of the processor"
    )
    for way, runs in took.items():
        clock, processor = (median(one[kind] for one in runs) for kind in (0, 1))
        print(f"{way:20}{clock:8.2f} ({clock / without[0]:.3f}){processor:8.2f} ({processor / without[1]:.3f})")


if __name__ == "__main__":
    main()
