"""Waits under a real Airflow: a triggerer that is killed, tasks that a person ends, and the example."""

from __future__ import annotations

import json
from math import ceil
from pathlib import Path

import pytest
import requests

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse
from tests.airflow.campaign import TOKEN, Campaign
from tests.conftest import HAS_RECORD

SENDING = ("addPhone", "addPhones", "callJob/cancel", "control/pause", "control/resume", "control/stop")


def sends(emulator: Emulator) -> int:
    return sum(emulator.count(path) for path in SENDING)


def added(emulator: Emulator, count: int) -> list[str]:
    items = [{"phone": f"7912{number:07}"} for number in range(count)]
    path = f"/api/calls/campaign/{requests.utils.quote(TOKEN, safe='')}/addPhones"
    answer = requests.post(emulator.url + path, json=items, timeout=60)
    ids: list[str] = answer.json()
    assert len(ids) == count, answer.text[:200]
    return ids


@pytest.mark.long
def test_a_triggerer_that_is_killed_loses_nothing_and_sends_nothing(
    airflow: LocalAirflow, campaign: Campaign, tmp_path: Path
) -> None:
    count, kills = 10_000, 3
    emulator, run = campaign.emulator, f"killed-{count}"
    emulator.freeze()
    ids = added(emulator, count)
    (tmp_path / "ids.json").write_text(json.dumps(ids))
    sent = sends(emulator)
    airflow.wait_for_dag("many_jobs")
    folder = str(tmp_path / "lists")
    airflow.trigger(
        "many_jobs", run, {"ids": str(tmp_path / "ids.json"), "conn_id": campaign.conn_id, "folder": folder}
    )
    airflow.wait_for_task("many_jobs", run, "wait", ("deferred",), seconds=90)

    def polled(more: int = 1) -> None:
        before = emulator.count("status")
        wait_for("a poll", lambda: emulator.count("status") >= before + more, 90)

    polled()
    for _ in range(kills):
        airflow.kill("triggerer")
        airflow.restart()
        polled(2)
    assert airflow.task("many_jobs", run, "wait")["state"] == "deferred"
    polls, asked = emulator.count("status"), emulator.count("callJob/getReport")
    assert asked <= (polls + 1) * (ceil(count / 200) + 10)
    emulator.advance(days=2)
    airflow.wait_for_task("many_jobs", run, "wait", ("success", "failed"), seconds=120)
    ended = airflow.xcom("many_jobs", run, "wait")
    assert (sum(ended.values()), "open" in ended) == (count, False)
    assert sends(emulator) == sent
    assert list((tmp_path / "lists").rglob("ids-*.json")) == [], "nobody waits by the file any more"


@pytest.mark.parametrize("where", [pytest.param("worker", marks=pytest.mark.long), "triggerer"])
def test_what_a_person_ends_is_cancelled(airflow: LocalAirflow, campaign: Campaign, where: str) -> None:
    dag, emulator = f"waited_call_in_{where}", campaign.emulator
    emulator.freeze()
    airflow.wait_for_dag(dag)
    airflow.trigger(dag, "ended", campaign.conf)
    airflow.wait_for_task(dag, "ended", "call", ("running",) if where == "worker" else ("deferred",), seconds=90)
    wait_for("a poll", lambda: emulator.count("callJob/getReport"), 60)
    airflow.api("PATCH", f"/api/v2/dags/{dag}/dagRuns/ended/taskInstances/call", {"new_state": "failed"})
    if where == "triggerer" and not HAS_RECORD:  # before 3.3 a trigger isn't told why it ends
        airflow.wait_for_task(dag, "ended", "call", ("failed",))
        assert emulator.count("callJob/cancel") == 0
        return
    wait_for("the job to be cancelled", lambda: emulator.count("callJob/cancel"), 60)
    assert [job.status for job in campaign.jobs] == ["cancelledByUser"]


@pytest.mark.long
def test_the_example(airflow: LocalAirflow, tmp_path: Path) -> None:
    dag, warehouse = "wait_for_calls", tmp_path / "warehouse.db"
    make_warehouse(warehouse, 60)
    airflow.connect_sqlite(warehouse, "warehouse")
    with Emulator(tokens=(TOKEN,)) as emulator:
        emulator.run(3600)
        airflow.connect(emulator.url, TOKEN)
        airflow.wait_for_dag(dag)  # and unpaused, it runs for the last nine o'clock
        (made,) = wait_for("its run", lambda: airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns")["dag_runs"])
        run = made["dag_run_id"]
        task = airflow.wait_for_task(dag, run, "call_the_team", ("success", "failed", "upstream_failed"), seconds=120)
        told = airflow.xcom(dag, run, "how_many_were_reached")
        (team,) = [job for job in emulator.jobs() if job.payload and "result" in job.payload]
        assert len(emulator.jobs()) == 61
    assert team.payload == {"result": told}
    assert told.endswith("were reached")
    if task["state"] == "success":
        assert airflow.xcom(dag, run, "call_the_team")["call_job_id"] == team.id
    else:
        assert team.status in ("nonexistentNumber", "technicalError")
