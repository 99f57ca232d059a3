"""Shards under a real Airflow: four tasks side by side, one of them killed in mid-send, and one cleared afterwards."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local_servers.airflow import LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import Campaign
from tests.conftest import needs_record

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc")

DAG, SHARDS, KILLED, CLEARED = "sync_in_shards", 4, 2, 1
ROWS = 2000
GOOD = [warehouse_phone(number) for number in range(ROWS) if number % 100 != 99]


def batches(lists: Path, shard: int) -> tuple[int, int]:
    """How many batches of a shard are done, and how many there are."""
    (made,) = lists.rglob("list.json")
    names = {batch["name"] for batch in json.loads(made.read_text())["batches"] if batch["shard"] == shard}
    return len(names & {file.name.partition(".")[0] for file in made.parent.glob("done/*")}), len(names)


@needs_record
@pytest.mark.long
def test_a_killed_shard_is_retried_alone(airflow: LocalAirflow, campaign: Campaign, tmp_path: Path, run: str) -> None:
    lists, warehouse = tmp_path / "lists", tmp_path / "warehouse.db"
    make_warehouse(warehouse, ROWS)
    airflow.connect_sqlite(warehouse, "warehouse-shards")
    airflow.wait_for_dag(DAG)
    # Until one is killed: so that none is done before all have begun, and each is in the middle of a request.
    for phase in ("before_commit", "after_commit"):
        campaign.fault(phase, "delay", path="addPhones", seconds=2.0, times=None)
    conf = {"conn_id": campaign.conn_id, "sql_conn_id": "warehouse-shards", "lists": str(lists)}
    airflow.trigger(DAG, run, conf)

    def tasks() -> list[dict[str, Any]]:
        return [airflow.task(DAG, run, f"send/{shard}") for shard in range(SHARDS)]

    airflow.wait_for_task(DAG, run, "prepare", ("success",))
    wait_for("all to be sent in part", lambda: all(batches(lists, shard)[0] for shard in range(SHARDS)), every=0.05)
    side_by_side = [task["state"] for task in tasks()]
    os.kill(tasks()[KILLED]["pid"], signal.SIGKILL)
    campaign.emulator.clear_faults()
    finished, of = batches(lists, KILLED)
    airflow.wait_for_task(DAG, run, "report", ("success", "failed", "upstream_failed"), seconds=90)
    assert side_by_side == ["running"] * SHARDS
    assert 1 <= finished < of, "it was killed in mid-send"
    assert [task["try_number"] for task in tasks()] == [2 if shard == KILLED else 1 for shard in range(SHARDS)]
    report = airflow.xcom(DAG, run, "report")
    bad = ROWS - len(GOOD)
    counts = {"rows": ROWS, "created": len(GOOD), "doubles": 0, "rejected": bad, "refused": 0, "unknown": 0}
    assert {name: report[name] for name in counts} == counts
    assert Counter(job.phone for job in campaign.jobs) == Counter(GOOD), "each number once"
    jobs = {job.phone: job.id for job in campaign.jobs}
    with closing(sqlite3.connect(warehouse)) as database:
        told = database.execute("select outcome, call_job_id from calls order by row_number").fetchall()
    assert told == [
        ("rejected", None) if number % 100 == 99 else ("created", jobs[warehouse_phone(number)])
        for number in range(ROWS)
    ]

    requests = campaign.emulator.count("addPhones")
    wait_for("the run to end", lambda: airflow.run_state(DAG, run) == "success")
    airflow.api(
        "POST",
        f"/api/v2/dags/{DAG}/clearTaskInstances",
        {"dry_run": False, "dag_run_id": run, "task_ids": [["send", CLEARED]], "only_failed": False,
         "include_downstream": True},
    )  # fmt: skip
    airflow.wait_for_task(DAG, run, "report", ("success", "failed", "upstream_failed"), tries=2)
    assert [task["try_number"] for task in tasks()] == [1, 2, 2, 1]
    again = airflow.xcom(DAG, run, "report")
    assert {name: again[name] for name in counts} == counts
    assert campaign.emulator.count("addPhones") == requests, "nobody is called again"
