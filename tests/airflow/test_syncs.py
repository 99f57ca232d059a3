"""Syncs under a real Airflow: workers killed at random moments, rows changed between two tries, and what a log tells.

``AIMYLOGIC_KILLS`` says how many kills there are in all; ``make prove-kills`` makes it 50.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from demo.local_airflow import AirflowError, LocalAirflow, wait_for
from demo.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import Campaign
from tests.conftest import needs_record

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc")

KILLS = int(os.environ.get("AIMYLOGIC_KILLS", "2"))
SEED = int(os.environ.get("AIMYLOGIC_SEED", "1"))
ROWS = 2400
GOOD = [warehouse_phone(number) for number in range(ROWS) if number % 100 != 99]
MakeSync = Callable[[str, int], dict[str, Any]]


@pytest.fixture
def make_sync(airflow: LocalAirflow, campaign: Campaign, tmp_path: Path) -> MakeSync:
    """A warehouse of its own, and the parameters of a run that syncs it."""

    def make(name: str, rows: int = ROWS) -> dict[str, Any]:
        path = tmp_path / f"{name}.db"
        make_warehouse(path, rows)
        body = {"connection_id": f"warehouse-{name}", "conn_type": "sqlite", "host": str(path)}
        with suppress(Exception):
            airflow.api("DELETE", f"/api/v2/connections/warehouse-{name}")
        airflow.api("POST", "/api/v2/connections", body)
        return {"conn_id": campaign.conn_id, "sql_conn_id": f"warehouse-{name}", "lists": str(tmp_path / "lists")}

    return make


def next_try(airflow: LocalAirflow, dag: str, run: str, after: int) -> tuple[int, int] | None:
    """Process and number of a try later than *after*, once it runs; no process once the task is over."""
    task = airflow.task(dag, run, "sync")
    if task["state"] in ("success", "failed"):
        return 0, task["try_number"]
    running = task["state"] == "running" and task["try_number"] > after and task["pid"]
    return (task["pid"], task["try_number"]) if running else None


@needs_record
@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_killed_at_random_moments(airflow: LocalAirflow, campaign: Campaign, make_sync: MakeSync, method: str) -> None:
    dag, moments = f"sync_{method}", random.Random(f"{SEED}{method}")
    airflow.wait_for_dag(dag)
    killed, number = 0, 0
    left = KILLS // 2
    while killed < left:
        number += 1
        run = f"killed-{method}-{number}"
        campaign.emulator.reset()
        # So that a try takes a few seconds, most of them in the middle of requests.
        if method == "addPhones":
            for phase in ("before_commit", "after_commit"):
                campaign.fault(phase, "delay", path=method, seconds=0.15, times=None)
        else:
            campaign.fault("after_commit", "delay", path=method, seconds=0.01, times=None)
        airflow.trigger(dag, run, make_sync(f"{method}-{number}", ROWS))
        kills = tries = 0
        while killed < left and kills < 6:
            found = wait_for(
                f"try {tries + 1} of {run}",
                lambda run=run, tries=tries: next_try(airflow, dag, run, tries),
                90,
                every=0.05,
            )
            pid, tries = found
            if not pid:
                break
            time.sleep(moments.uniform(0.0, 3.0))
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                kills += 1
                killed += 1
        for _ in range(6):
            with suppress(AirflowError):
                airflow.wait_for_task(dag, run, "sync", ("success", "failed"), seconds=15)
                break
            # Who was killed before writing anything leaves it unsure what was sent: the next try waits out the lag.
            campaign.emulator.advance(minutes=30)
        task = airflow.task(dag, run, "sync")
        assert task["state"] == "success", airflow.log(dag, run, "sync", task["try_number"])[-3000:]
        report = airflow.xcom(dag, run, "sync")
        assert (report["rows"], report["created"], report["rejected"]) == (ROWS, len(GOOD), ROWS - len(GOOD))
        assert Counter(job.phone for job in campaign.jobs) == Counter(GOOD), "each number once"
        keys = Counter(line.key for line in campaign.emulator.requests() if line.endpoint == method)
        again = sum(keys.values()) - len(keys)
        most = {"addPhones": 3, "addPhone": 1000}[method]
        assert again <= kills * most, f"{again} requests were sent again, after {kills} kills"
    print(f"\n{killed} kills in {number} syncs by {method}: each of {len(GOOD):,} numbers once in each sync")


@needs_record
def test_rows_changed_between_two_tries(airflow: LocalAirflow, campaign: Campaign, make_sync: MakeSync) -> None:
    airflow.wait_for_dag("sync_addPhones")
    conf = make_sync("changed", 500)
    campaign.fault("before_commit", "status", path="addPhones", times=None)
    airflow.trigger("sync_addPhones", "changed", conf)
    airflow.wait_for_task("sync_addPhones", "changed", "sync", ("up_for_retry",))
    path = airflow.api("GET", "/api/v2/connections/warehouse-changed")["host"]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("delete from customer where id < 100")
        database.execute("update customer set phone = '79990000001' where id = 200")
        database.execute("insert into customer values (9999, '79990000002', null, 'New', '')")
    campaign.emulator.clear_faults()
    airflow.wait_for_task("sync_addPhones", "changed", "sync", ("success",))
    assert Counter(job.phone for job in campaign.jobs) == Counter(
        warehouse_phone(number) for number in range(500) if number % 100 != 99
    )
    log = airflow.log(
        "sync_addPhones", "changed", "sync", airflow.task("sync_addPhones", "changed", "sync")["try_number"]
    )
    assert "the warehouse is not asked again" in log
    assert "495 of 495 calls are created" in log


def test_prepared_by_one_task_and_sent_in_shards_by_others(
    airflow: LocalAirflow, campaign: Campaign, make_sync: MakeSync
) -> None:
    airflow.wait_for_dag("sync_in_halves")
    airflow.trigger("sync_in_halves", "halves", make_sync("halves", 1000))
    wait_for("the run", lambda: airflow.run_state("sync_in_halves", "halves") in ("success", "failed"), 120)
    assert airflow.run_state("sync_in_halves", "halves") == "success"
    assert Counter(job.phone for job in campaign.jobs) == Counter(
        warehouse_phone(number) for number in range(1000) if number % 100 != 99
    )
