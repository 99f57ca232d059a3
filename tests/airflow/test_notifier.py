"""AimylogicNotifier under a real Airflow: by the emulator's own account, whoever runs its callbacks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter

import pytest

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from tests.airflow.campaign import ENVIRONMENT_PORT, TOKEN, Campaign
from tests.conftest import HAS_RECORD


def rung(campaign: Campaign) -> Counter[str]:
    """What people were told, and how many jobs told it."""
    told = [job.payload for job in campaign.jobs]
    return Counter(payload.get("words") or f"{payload['event']} {payload.get('task_id')}" for payload in told)


def sends(campaign: Campaign) -> int:
    return campaign.emulator.count("addPhone")


@pytest.mark.long
def test_callbacks_of_a_task_and_its_dag_that_run_three_times_ring_once_each_and_again_once_it_is_cleared(
    airflow: LocalAirflow, campaign: Campaign, run: str
) -> None:
    dag = "rings_on_failure"
    airflow.wait_for_dag(dag)
    airflow.trigger(dag, run, campaign.conf)
    wait_for("the callbacks of the task and of its DAG", lambda: sends(campaign) == 6, 60)
    assert rung(campaign) == {"failed fails": 1, "failed None": 1}
    airflow.clear(dag, run)
    wait_for("the callbacks after the clear", lambda: sends(campaign) == 12, 60)
    assert rung(campaign) == {"failed fails": 2, "failed None": 2}


@pytest.mark.long
def test_mapped_tasks_and_their_dag_ring_once_for_their_run(
    airflow: LocalAirflow, campaign: Campaign, run: str
) -> None:
    airflow.wait_for_dag("rings_once_a_run")
    airflow.trigger("rings_once_a_run", run, campaign.conf)
    wait_for("all callbacks", lambda: sends(campaign) == 4, 60)
    assert rung(campaign) == {"rings_once_a_run failed": 1}


@pytest.mark.long
def test_a_task_that_is_killed_is_told_of_by_the_dag_processor(
    airflow: LocalAirflow, campaign: Campaign, run: str
) -> None:
    """Airflow may do so twice by itself: its heartbeat stays away, and its executor says that it failed."""
    airflow.wait_for_dag("rings_for_the_killed")
    airflow.trigger("rings_for_the_killed", run, campaign.conf)
    wait_for("the callbacks", lambda: sends(campaign) >= 3, 90)
    wait_for("the run's end", lambda: airflow.run_state("rings_for_the_killed", run) == "failed", 30)
    time.sleep(2)  # for those that Airflow may ask for besides
    assert rung(campaign) == {"failed is_killed": 1}


@pytest.mark.long
def test_deadlines_that_are_missed_ring_once_each(airflow: LocalAirflow, campaign: Campaign, run: str) -> None:
    dag = "misses_deadlines_told_by_triggerer"
    airflow.wait_for_dag(dag)
    airflow.trigger(dag, run, campaign.conf)
    wait_for("the callbacks", lambda: sends(campaign) == 2, 60)
    assert rung(campaign) == {"deadline None": 2}

    def logs() -> str:
        return "".join(path.read_text(errors="replace") for path in airflow.home.rglob("*.log"))

    wait_for("the callback that can't ring anybody", lambda: "for connection not_there can't be used" in logs())
    wait_for("Airflow's own word of it", lambda: "An error occurred during execution of the callable" in logs())
    assert "345-67-88" not in logs(), "a phone that is written out shows in the log"


@pytest.mark.long
@pytest.mark.skipif(not HAS_RECORD, reason="Airflow's executors run callbacks of deadlines from 3.2 on")
def test_a_deadline_is_told_by_the_executor_too(airflow: LocalAirflow, campaign: Campaign, run: str) -> None:
    dag = "misses_deadlines_told_by_executor"
    airflow.wait_for_dag(dag)
    with Emulator(port=ENVIRONMENT_PORT, tokens=(TOKEN,)) as emulator:
        airflow.trigger(dag, run, campaign.conf)
        wait_for("the callback", lambda: emulator.count("addPhone"), 60)
        assert emulator.rings("79123456789") == 1


@pytest.mark.long
def test_runs_of_dag_test_ring_nobody(airflow: LocalAirflow, campaign: Campaign) -> None:
    """Neither their tasks' callbacks nor their DAG's, whichever command makes them."""
    # Of a DAG that isn't paused, the scheduler may take the run's tasks before the command does.
    airflow.api("PATCH", "/api/v2/dags/rings_on_failure", {"is_paused": True})
    done = subprocess.run(
        [
            f"{sys.executable.rpartition('/')[0]}/airflow", "dags", "test", "rings_on_failure",
            "--conf", json.dumps(campaign.conf),
        ], env=airflow.environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    written = done.stdout + done.stderr
    assert written.count("Nobody is rung, for this is a test run") == 6, written[-3000:]
    assert sends(campaign) == 0
    airflow.wait_for_dag("rings_on_failure")  # and let it run again
