"""A task that Airflow ends while its request is under way: the send is on record, and the next try finds out."""

from __future__ import annotations

from local_servers.airflow import LocalAirflow, wait_for
from tests.airflow.campaign import Campaign
from tests.airflow.processes import alive
from tests.conftest import HAS_RECORD


def test_execution_timeout(airflow: LocalAirflow, campaign: Campaign, run: str) -> None:
    held = campaign.fault("after_commit", "delay", seconds=600)
    airflow.trigger("timed", run, campaign.conf)
    task = airflow.wait_for_task("timed", run, "add_phone", ("success", "failed"), tries=2)
    assert (held.hits, task["state"]) == (1, "success")
    assert task["try_number"] >= 2, "on a busy machine the time of the second may be up, too"
    assert [airflow.xcom("timed", run, "add_phone")] == [job.id for job in campaign.jobs]
    log = airflow.log("timed", run, "add_phone", 1)
    assert "AirflowTaskTimeout" in log
    assert "Whether a call job was created for 7912***6789 is not known; the next try finds out." in log


def test_marked_as_failed_then_cleared(airflow: LocalAirflow, campaign: Campaign, run: str) -> None:
    # Long enough to be ended in, and over soon enough for a repetition, if there were one.
    held = campaign.fault("before_commit", "reset", seconds=4, times=None)
    airflow.trigger("one_call", run, campaign.conf)
    wait_for("the request", lambda: held.hits)
    airflow.api("PATCH", f"/api/v2/dags/one_call/dagRuns/{run}/taskInstances/add_phone", {"new_state": "failed"})
    ended = "The task is being ended. Whether a call job was created for 7912***6789 is not known"
    wait_for("the task to be told", lambda: ended in airflow.log("one_call", run, "add_phone", 1))
    process = airflow.task("one_call", run, "add_phone")["pid"]
    wait_for("its process to end", lambda: not alive(process), 30)
    campaign.emulator.clear_faults()
    assert campaign.emulator.count("addPhone") == 1, "nothing is sent from then on"
    airflow.clear("one_call", run)
    if not HAS_RECORD:  # the report is asked instead, and waited for: too long for a test, so that ends it
        waits = "The run was cleared, and no record tells what was sent before: the report shows no job for 7912***6789"
        airflow.wait_for_task("one_call", run, "add_phone", ("running",), tries=2)
        wait_for("the next try to wait", lambda: waits in airflow.log("one_call", run, "add_phone", 2), 60)
        airflow.api("PATCH", f"/api/v2/dags/one_call/dagRuns/{run}/taskInstances/add_phone", {"new_state": "failed"})
        process = airflow.task("one_call", run, "add_phone")["pid"]
        wait_for("its process to end", lambda: not alive(process), 30)
        assert campaign.emulator.count("addPhone") == 1
        return
    task = airflow.wait_for_task("one_call", run, "add_phone", ("success", "failed"), tries=2)
    assert task["state"] == "success"
    assert [airflow.xcom("one_call", run, "add_phone")] == [job.id for job in campaign.jobs]
