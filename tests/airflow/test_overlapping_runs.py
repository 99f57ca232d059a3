"""Runs of a DAG that overlap, under a real Airflow: two clicks, a click beside the schedule, a backfill of three.

In each the worker of one run is killed between freezing and sending. Each person is called once, and each of them is.
``AIMYLOGIC_OVERLAPS`` is a file to which the figures are added, as rows of a table.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import AirflowError, LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import TOKEN
from tests.conftest import needs_record

pytestmark = [
    needs_record,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc"),
]

ROWS = 90
EVERYBODY = Counter(warehouse_phone(number) for number in range(ROWS))
EXAMPLES = Path(__file__).parents[2] / "dags"
HALVES = ("prepare", "send")


@pytest.fixture(scope="module")
def dags(airflow: LocalAirflow) -> None:
    """The examples, each under a name of its own, on a schedule of twenty minutes; some without the aid."""
    folder = airflow.home.parent / "dags"
    for name, example, task in (
        ("overlap_triggered", "warehouse_to_campaign", "SqlToAimylogicOperator"),
        ("overlap_unaided", "warehouse_to_campaign", "SqlToAimylogicOperator"),
        ("overlap_scheduled", "warehouse_to_campaign", "SqlToAimylogicOperator"),
        ("overlap_backfilled", "warehouse_to_campaign", "SqlToAimylogicOperator"),
        ("overlap_sharded", "warehouse_to_campaign_sharded", "PrepareCallListOperator"),
    ):
        text = (EXAMPLES / f"{example}.py").read_text()
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        start = f"datetime({hour.year}, {hour.month}, {hour.day}) - timedelta(days=1)"
        changes = [
            (f'dag_id="{example}"', f'dag_id="{name}"'),
            ("start_date=datetime(2026, 1, 1)", f"start_date={start}"),
        ]
        if name != "overlap_scheduled":
            changes.append(('schedule="0 7 * * *"', 'schedule="*/20 * * * *"'))
        if name in ("overlap_triggered", "overlap_unaided", "overlap_sharded"):
            changes.append(('schedule="*/20 * * * *"', "schedule=None"))
        if name != "overlap_triggered":  # so that the runs truly go on beside each other
            changes.append((f"{task}(\n", f"{task}(\n        max_active_tis_per_dag=None,\n"))
        for old, new in changes:
            assert text.count(old) >= 1, (name, old)
            text = text.replace(old, new)
        (folder / f"{name}.py").write_text(text)


@pytest.fixture
def emulator(airflow: LocalAirflow, dags: None) -> Iterator[Emulator]:
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN, read_timeout=30)
        yield emulator


@pytest.fixture
def warehouse(airflow: LocalAirflow, tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.db"
    make_warehouse(path, ROWS)
    airflow.connect_sqlite(path, "warehouse")
    return path


def runs_of(airflow: LocalAirflow, dag: str) -> list[str]:
    return [one["dag_run_id"] for one in airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns?limit=100")["dag_runs"]]


def asked(warehouse: Path, what: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(warehouse, timeout=30)) as database, suppress(sqlite3.OperationalError):
        return database.execute(what).fetchall()
    return []


def kill_who_has_frozen(airflow: LocalAirflow, warehouse: Path, dag: str, task: str) -> str:
    """Kill the worker of a run that has frozen its list, and sends nothing yet; return the run."""

    def frozen() -> str | None:
        found = asked(warehouse, "select run_id from aimylogic_calls where outcome = 'pending' limit 1")
        return found[0][0] if found else None

    run: str = wait_for("a list to be frozen", frozen, 120, every=0.05)
    for instance in airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns/{run.replace('+', '%2B')}/taskInstances")[
        "task_instances"
    ]:
        if instance["task_id"] == task and instance["state"] == "running" and instance["pid"]:
            os.kill(instance["pid"], signal.SIGKILL)
    return run


def start_twice(airflow: LocalAirflow, dag: str) -> None:
    for name in ("first", "second"):
        airflow.trigger(dag, name)


def start_beside_the_schedule(airflow: LocalAirflow, dag: str) -> None:
    airflow.trigger(dag, "by_hand")


def start_backfill(airflow: LocalAirflow, dag: str) -> None:
    now = datetime.now(UTC)
    body = {
        "dag_id": dag, "from_date": (now - timedelta(minutes=59)).isoformat(), "to_date": now.isoformat(),
        "run_backwards": False, "dag_run_conf": {}, "reprocess_behavior": "none", "max_active_runs": 3,
    }  # fmt: skip

    def begun() -> bool:
        with suppress(AirflowError):  # SQLite was locked
            airflow.api("POST", "/api/v2/backfills", body)
            return True
        return False

    wait_for("the backfill", begun, 60, every=0.5)


WAYS: list[Any] = [
    pytest.param("overlap_unaided", start_twice, "call_customers", 2, marks=pytest.mark.long),
    pytest.param("overlap_sharded", start_twice, "send", 2, marks=pytest.mark.long),
]
if os.environ.get("AIMYLOGIC_PROOF") == "whole":
    WAYS += [
        ("overlap_triggered", start_twice, "call_customers", 2),
        ("overlap_scheduled", start_beside_the_schedule, "call_customers", 2),
        ("overlap_backfilled", start_backfill, "call_customers", 3),
    ]


@pytest.mark.parametrize(("dag", "start", "task", "runs"), WAYS)
def test_each_person_is_called_once(
    airflow: LocalAirflow,
    emulator: Emulator,
    warehouse: Path,
    dag: str,
    start: Callable[[LocalAirflow, str], None],
    task: str,
    runs: int,
) -> None:
    # The first that asks for the campaign's status waits: its list is frozen then, and nothing is sent.
    emulator.fault("before_commit", "delay", path="status", seconds=20, times=4 if task == "send" else 1)
    if start is start_backfill:
        wait_for("the DAG", lambda: known(airflow, dag), 120)
        start(airflow, dag)
        airflow.wait_for_dag(dag)
    else:
        airflow.wait_for_dag(dag)
        start(airflow, dag)
    killed = kill_who_has_frozen(airflow, warehouse, dag, task)
    emulator.clear_faults()
    wait_for(
        "all runs to end",
        lambda: (
            len(runs_of(airflow, dag)) >= runs
            and all(airflow.run_state(dag, run) in ("success", "failed") for run in runs_of(airflow, dag))
        ),
        240,
    )
    states = Counter(airflow.run_state(dag, run) for run in runs_of(airflow, dag))
    told = dict(asked(warehouse, "select outcome, count(*) from aimylogic_calls group by outcome"))
    jobs = Counter(job.phone for job in emulator.jobs())
    if path := os.environ.get("AIMYLOGIC_OVERLAPS"):
        with open(path, "a") as file:
            file.write(f"| {dag} | {states} | killed {killed} | {len(EVERYBODY)} | {jobs.total()} | {told} |\n")
    assert jobs == EVERYBODY
    assert states == {"success": len(runs_of(airflow, dag))}
    assert told["created"] == ROWS
    assert asked(warehouse, "select count(*) from aimylogic_claims where ended is null") == [(0,)]


def known(airflow: LocalAirflow, dag: str) -> bool:
    try:
        return airflow.api("GET", f"/api/v2/dags/{dag}") is not None
    except AirflowError:  # not yet
        return False
