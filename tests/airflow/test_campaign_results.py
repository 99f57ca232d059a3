"""The circle of the example `campaign_results` under a real Airflow, on the emulator's clock; by its own account."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import TOKEN

pytestmark = pytest.mark.long

DAG = "campaign_results"
ROWS = 60
AGAIN = {"noAnswer", "notDone", "technicalError"}
SILENT = warehouse_phone(0)


@pytest.fixture
def emulator(airflow: LocalAirflow) -> Iterator[Emulator]:
    with Emulator(tokens=(TOKEN,)) as emulator:
        emulator.settings(outcomes={SILENT: ["noAnswer"]})
        airflow.connect(emulator.url, TOKEN)
        yield emulator


@pytest.fixture
def warehouse(airflow: LocalAirflow, tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.db"
    make_warehouse(path, ROWS)
    airflow.connect_sqlite(path, "warehouse")
    return path


def ends(emulator: Emulator) -> dict[str, list[str]]:
    """How the jobs of each phone ended, oldest first."""
    found = defaultdict(list)
    for job in emulator.jobs():
        found[job.phone].append(job.status if job.finished is not None else "open")
    return found


def due(emulator: Emulator) -> set[str]:
    """Whom the next run is to call again."""
    return {phone for phone, of in ends(emulator).items() if len(of) < 3 and of[-1] in AGAIN}


def rung_since(emulator: Emulator, before: dict[str, list[str]]) -> set[str]:
    return {phone for phone, of in ends(emulator).items() if len(of) > len(before.get(phone, ()))}


def assert_home(emulator: Emulator, warehouse: Path) -> None:
    """What the table tells of finished calls is what the emulator holds, job by job."""
    with closing(sqlite3.connect(warehouse)) as database:
        told = database.execute(
            "select call_job_id, job_status, attempts, round((julianday(finished_at) - 2440587.5) * 86400) "
            "from aimylogic_results where finished_at is not null order by 1"
        ).fetchall()
    jobs = {job.id: job for job in emulator.jobs()}
    assert told
    for id, status, attempts, over in told:
        job = jobs[id]
        assert (status, attempts) == (job.status, job.attempts)
        assert job.finished is not None
        assert abs(over - job.finished) <= 1


def test_day_by_day(airflow: LocalAirflow, emulator: Emulator, warehouse: Path) -> None:
    """By ``dag.test()``; the scheduler leaves the DAG alone, for it is paused."""
    for day in range(5, 8):
        last_day = emulator.now().timestamp()
        before, expected = ends(emulator), due(emulator)
        code = (
            f"from datetime import UTC, datetime; from {DAG} import dag\n"
            f"print(dag.test(run_after=datetime(2026, 1, {day}, 7, tzinfo=UTC)).state)"
        )
        folder = airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]
        done = subprocess.run(
            [sys.executable, "-c", code], env={**airflow.environment, "PYTHONPATH": folder},
            cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1:] == ["success"], done.stdout[-3000:] + done.stderr[-3000:]
        rung = rung_since(emulator, before)
        assert len(rung) == ROWS if day == 5 else rung == expected
        emulator.advance(days=1)
    assert len(ends(emulator)[SILENT]) == 3
    assert_home(emulator, warehouse)
    with closing(sqlite3.connect(warehouse)) as database:
        home = {
            job for (job,) in database.execute("select call_job_id from aimylogic_jobs where finished_at is not null")
        }
    assert {job.id for job in emulator.jobs() if job.created < last_day} <= home <= {job.id for job in emulator.jobs()}


def test_triggered_twice_too_early_and_on_the_next_days(
    airflow: LocalAirflow, emulator: Emulator, warehouse: Path
) -> None:
    def until_ended(*runs: str) -> None:
        def states() -> set[str]:
            return {airflow.run_state(DAG, run) for run in runs}

        wait_for("the runs to end", lambda: states() <= {"success", "failed"}, 180)
        assert states() == {"success"}

    emulator.campaign(lines=0)
    airflow.wait_for_dag(DAG)  # and unpaused, it runs for the last seven o'clock
    (made,) = wait_for("its run", lambda: [
        one for one in airflow.api("GET", f"/api/v2/dags/{DAG}/dagRuns")["dag_runs"] if one["run_type"] == "scheduled"
    ])  # fmt: skip
    airflow.trigger(DAG, "beside-the-schedule")
    until_ended(made["dag_run_id"], "beside-the-schedule")
    emulator.advance(days=1)
    airflow.trigger(DAG, "while-open")
    until_ended("while-open")
    assert airflow.xcom(DAG, "while-open", "bring_results_home")["open"] == ROWS
    assert sorted(map(len, ends(emulator).values())) == [1] * ROWS
    emulator.campaign(lines=10)
    for day in (3, 4):
        emulator.advance(days=1)
        before, expected = ends(emulator), due(emulator)
        runs = [f"day-{day}-{which}" for which in ("first", "second")]
        for run in runs:
            airflow.trigger(DAG, run)
        until_ended(*runs)
        assert rung_since(emulator, before) == expected
        assert sum(airflow.xcom(DAG, run, "call_customers")["created"] for run in runs) == len(expected)
        assert_home(emulator, warehouse)
    assert max(map(len, ends(emulator).values())) <= 3
