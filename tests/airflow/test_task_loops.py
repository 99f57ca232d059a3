"""Task loops of Airflow 3.4, under a real one: an iteration is called once, retried, cleared or made anew."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local_servers.airflow import LocalAirflow
from tests.airflow.campaign import Campaign
from tests.conftest import AIRFLOW

pytestmark = pytest.mark.skipif(AIRFLOW.release < (3, 4), reason="task loops came with Airflow 3.4")

CALLS, CALL, SYNCS, SYNC = "looped_calls", "calls.add_phone", "looped_syncs", "syncs.sync"


def instances(airflow: LocalAirflow, dag: str, run: str, task: str) -> list[dict[str, Any]]:
    """The live task instances of a task, by iteration."""
    found = airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=100")["task_instances"]
    return sorted((one for one in found if one["task_id"] == task), key=lambda one: one["region_index"])


def clear(airflow: LocalAirflow, dag: str, run: str, *ids: str, reset_dag_runs: bool = True) -> None:
    body = {"dry_run": False, "dag_run_id": run, "only_failed": False, "reset_dag_runs": reset_dag_runs,
            "task_instance_ids": list(ids)}  # fmt: skip
    airflow.api("POST", f"/api/v2/dags/{dag}/clearTaskInstances", body)


def jobs_of(airflow: LocalAirflow, run: str) -> list[Any]:
    """What the live task instances returned, by iteration."""
    return [
        airflow.api("GET", f"/api/v2/dags/{CALLS}/dagRuns/{run}/taskInstances/{CALL}/xcomEntries/return_value"
                    f"?region_id={one['region_id']}&region_index={one['region_index']}")["value"]
        for one in instances(airflow, CALLS, run, CALL)
    ]  # fmt: skip


def looped(airflow: LocalAirflow, campaign: Campaign, run: str, **conf: Any) -> list[str]:
    """Run a loop of three iterations with the same person; return the jobs, by iteration."""
    airflow.wait_for_dag(CALLS)
    airflow.trigger(CALLS, run, {**campaign.conf, **conf})
    assert airflow.wait_for_run(CALLS, run) == "success"
    return [job.id for job in campaign.jobs]


def test_the_same_person_is_called_once_an_iteration(airflow: LocalAirflow, campaign: Campaign, run: str) -> None:
    jobs = looped(airflow, campaign, run)
    assert len(set(jobs)) == 3
    assert jobs_of(airflow, run) == jobs


def test_an_iteration_that_is_retried_is_one_call(airflow: LocalAirflow, campaign: Campaign, run: str) -> None:
    lost = campaign.fault("after_commit", "reset", times=3)
    jobs = looped(airflow, campaign, run)
    assert (lost.hits, len(set(jobs))) == (3, 3)
    assert [one["try_number"] for one in instances(airflow, CALLS, run, CALL)] == [2, 1, 1]


@pytest.mark.parametrize("reset_dag_runs", [True, False], ids=["clear", "clear without its run"])
@pytest.mark.parametrize("hours", [0, 25])
def test_iterations_that_a_clear_of_the_gate_makes_anew(
    airflow: LocalAirflow, campaign: Campaign, run: str, hours: int, reset_dag_runs: bool
) -> None:
    jobs = looped(airflow, campaign, run)
    before = instances(airflow, CALLS, run, CALL)
    campaign.emulator.advance(hours=hours)
    clear(airflow, CALLS, run, instances(airflow, CALLS, run, "calls.enough")[0]["id"], reset_dag_runs=reset_dag_runs)
    if not reset_dag_runs:  # a run that is over stays so, unless somebody sets it going
        airflow.api("PATCH", f"/api/v2/dags/{CALLS}/dagRuns/{run}", {"state": "queued"})
    state = airflow.wait_for_run(CALLS, run)
    after = instances(airflow, CALLS, run, CALL)
    assert after[0]["region_id"] == before[0]["region_id"]
    assert after[1]["region_id"] != before[1]["region_id"], "else this test shows nothing"
    assert [job.id for job in campaign.jobs] == jobs, "nobody is called twice"
    print(state, [(one["state"], one["try_number"]) for one in after])
    if state == "success":
        assert jobs_of(airflow, run) == jobs, "green is nobody without a job"


def test_a_sync_an_iteration(airflow: LocalAirflow, campaign: Campaign, run: str, tmp_path: Path) -> None:
    phones = [f"7912000{number:04}" for number in range(20)]
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as database, database:
        database.execute("create table customer(id integer, phone text)")
        database.executemany("insert into customer values (?, ?)", enumerate(phones))
    airflow.connect_sqlite(tmp_path / "warehouse.db", "looped_warehouse")
    airflow.wait_for_dag(SYNCS)
    airflow.trigger(SYNCS, run, {**campaign.conf, "warehouse": "looped_warehouse", "iterations": 2})
    assert airflow.wait_for_run(SYNCS, run) == "success"
    assert Counter(job.phone for job in campaign.jobs) == dict.fromkeys(phones, 2), "an iteration, a list"
    campaign.emulator.advance(hours=25)
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as database, database:
        database.execute("update customer set id = id + 100")
    clear(airflow, SYNCS, run, instances(airflow, SYNCS, run, "syncs.enough")[0]["id"])
    assert airflow.wait_for_run(SYNCS, run) == "success", "it goes on with the list that the iteration froze"
    assert len(campaign.jobs) == 2 * len(phones), "nobody is called twice"
