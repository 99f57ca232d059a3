"""Exactly once under a real Airflow: scheduler, API server, task supervisor, processes killed and stopped by signal."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local_servers.airflow import LocalAirflow, wait_for
from tests.airflow.campaign import TOKEN, Campaign
from tests.airflow.processes import alive, parent
from tests.conftest import HAS_RECORD, needs_purge, needs_record

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc")


@pytest.mark.parametrize(
    ("phase", "hours"),
    [
        ("after_commit", 0),
        pytest.param("after_commit", 25, marks=needs_record),
        ("before_commit", 0),
        ("before_commit", 25),
    ],
)
def test_no_answer_then_a_retry(airflow: LocalAirflow, campaign: Campaign, phase: str, hours: int) -> None:
    run = f"{phase}-{hours}"
    lost = campaign.fault(phase, "reset", times=3)
    airflow.trigger("one_call", run, campaign.conf)
    airflow.wait_for_task("one_call", run, "add_phone", ("up_for_retry",))
    assert (lost.hits, len(campaign.jobs)) == (3, phase == "after_commit")
    campaign.emulator.advance(hours=hours)
    task = airflow.wait_for_task("one_call", run, "add_phone", ("success", "failed"), tries=2)
    assert (task["state"], task["try_number"]) == ("success", 2)
    assert task["rendered_fields"]["phone"] == "7912***6789"
    assert [airflow.xcom("one_call", run, "add_phone")] == [job.id for job in campaign.jobs]


@pytest.mark.parametrize("phase", ["after_commit", "before_commit"])
def test_killed_between_request_and_response(airflow: LocalAirflow, campaign: Campaign, phase: str) -> None:
    hanging = campaign.fault(phase, "reset", seconds=600)
    airflow.trigger("one_call", f"killed-{phase}", campaign.conf)
    wait_for("the request", lambda: hanging.hits)
    os.kill(airflow.task("one_call", f"killed-{phase}", "add_phone")["pid"], signal.SIGKILL)
    task = airflow.wait_for_task("one_call", f"killed-{phase}", "add_phone", ("success", "failed"), tries=2)
    assert (task["state"], task["try_number"]) == ("success", 2)
    assert [airflow.xcom("one_call", f"killed-{phase}", "add_phone")] == [job.id for job in campaign.jobs]


@needs_record
def test_cleared_after_25_hours_it_asks_nobody(airflow: LocalAirflow, campaign: Campaign) -> None:
    airflow.trigger("one_call", "cleared", campaign.conf)
    airflow.wait_for_task("one_call", "cleared", "add_phone", ("success",))
    requests = len(campaign.emulator.requests())
    campaign.emulator.advance(hours=25)
    airflow.clear("one_call", "cleared")
    airflow.wait_for_task("one_call", "cleared", "add_phone", ("success",), tries=2)
    assert airflow.xcom("one_call", "cleared", "add_phone") == campaign.jobs[0].id
    assert len(campaign.emulator.requests()) == requests


@pytest.mark.parametrize(
    ("name", "conf", "fault", "message"),
    [
        ("bad phone", {"phone": "123"}, None, "not a possible number"),
        ("redirect", {}, {"phase": "before_commit", "action": "redirect", "path": "", "times": None}, "final address"),
        ("401", {}, {"phase": "before_commit", "action": "status", "status": 401, "path": ""}, "access was denied"),
        ("stopped", {}, None, "the campaign is stopped"),
    ],
)
def test_permanent_failures_burn_no_retry(
    airflow: LocalAirflow, campaign: Campaign, name: str, conf: dict[str, str], fault: dict[str, Any], message: str
) -> None:
    if fault:
        campaign.fault(**fault)
    if name == "stopped":
        campaign.emulator.campaign(status="finished")
    run = f"permanent-{name.replace(' ', '-')}"
    airflow.trigger("one_call", run, {**campaign.conf, **conf})
    task = airflow.wait_for_task("one_call", run, "add_phone", ("failed", "up_for_retry"))
    assert (task["state"], task["try_number"]) == ("failed", 1)
    log = airflow.log("one_call", run, "add_phone", 1)
    assert message in log
    assert TOKEN not in log
    assert campaign.jobs == []


@pytest.mark.parametrize("hours", [1, pytest.param(25, marks=pytest.mark.long)])
def test_a_mapped_list_turned_and_grown(airflow: LocalAirflow, campaign: Campaign, hours: int, tmp_path: Path) -> None:
    people = ["79120000001", "79120000002", "79120000003"]
    dag, run = f"mapped_calls_{hours}", f"mapped-{hours}"

    if hours == 25:
        # The second record was begun by another run, after the time that this one is for: it doesn't tell of all of it,
        # as it would if it were this run's, however old.
        (tmp_path / "list.json").write_text(json.dumps(["79120000000"]))
        airflow.trigger(dag, "before", {"list": str(tmp_path / "list.json"), "conn_id": campaign.conn_id})
        assert airflow.wait_for_run(dag, "before") == "success"
    calls_before = len(campaign.jobs)

    def called() -> list[str]:
        return sorted(job.phone for job in campaign.jobs[calls_before:])

    (tmp_path / "list.json").write_text(json.dumps(people))
    # After a clear, Airflow tells a run's age by run_after alone: it is made as old as the emulator's clock will say.
    body = {
        "dag_run_id": run, "logical_date": None,
        "run_after": (datetime.now(UTC) - timedelta(hours=hours)).isoformat(),
        "conf": {"list": str(tmp_path / "list.json"), "conn_id": campaign.conn_id},
    }  # fmt: skip
    airflow.api("POST", f"/api/v2/dags/{dag}/dagRuns", body)

    def call(index: int) -> dict[str, Any]:
        return airflow.task(dag, run, f"add_phone/{index}")

    assert airflow.wait_for_run(dag, run) == "success"
    assert called() == people
    assert [call(index)["rendered_fields"]["phone"] for index in range(3)] == [
        f"7912***000{number}" for number in (1, 2, 3)
    ]
    campaign.emulator.advance(hours=hours)
    grown = [*reversed(people), "79120000009"]
    (tmp_path / "list.json").write_text(json.dumps(grown))
    airflow.clear(dag, run)
    airflow.wait_for_run(dag, run, 120 if HAS_RECORD else 300)
    # Within the day the key keeps whoever moved from being called twice, and the second record tells that the index is
    # new; later the report tells, and "none" only after its lag. Where there is no record, the try waits for that.
    at_once = not HAS_RECORD or hours == 1
    assert called() == (sorted(grown) if at_once else people), "nobody twice"
    assert call(3)["state"] == ("success" if at_once else "failed")
    campaign.emulator.advance(minutes=15)
    airflow.clear(dag, run)
    airflow.wait_for_run(dag, run)
    assert called() == sorted(grown), "nobody twice, nobody missed"
    # Only what can't be known is parked: within the day the key finds who moved to another index, where the record
    # tells that the run is young; later the one at the same index has a record, and the new one has no job. Where there
    # is no record, whose job is whose can't be known of any.
    states = [call(index)["state"] for index in range(4)]
    moved = "success" if hours == 1 else "failed"
    assert states == ([moved, "success", moved, "success"] if HAS_RECORD else ["failed"] * 4)


POINTS = {
    # Where the first try is stopped: how many requests that may create a job it still makes after it wakes, at most.
    # Without a record nothing tells it that it was replaced, but its key is young.
    "before reading": 0 if HAS_RECORD else 1,
    "before the note": 0 if HAS_RECORD else 1,
    "after the note": 1,
    "after the request": 0,
    "before the answer": 0,
}


@needs_purge
def test_a_replaced_try_makes_no_second_job_wherever_it_was_stopped(
    airflow: LocalAirflow, campaign: Campaign, tmp_path: Path
) -> None:
    runs = {point: f"stopped-{point.replace(' ', '-')}" for point in POINTS}
    phones = {point: f"7912000000{number}" for number, point in enumerate(POINTS)}
    for point, run in runs.items():
        conf = {"phone": phones[point], "conn_id": campaign.conn_id, "point": point, "folder": str(tmp_path)}
        airflow.trigger("stoppable", run, conf)
    stopped: dict[str, tuple[int, int]] = {}
    for point, run in runs.items():
        wait_for(f"the point {point!r}", (tmp_path / f"{point}.reached").exists, 90)
        process = airflow.task("stoppable", run, "add_phone")["pid"]
        stopped[point] = (process, parent(process))
        # The supervisor first: it would else tell Airflow that the task still lives.
        os.kill(stopped[point][1], signal.SIGSTOP)
        os.kill(process, signal.SIGSTOP)
    try:
        for run in runs.values():
            task = airflow.wait_for_task("stoppable", run, "add_phone", ("success", "failed"), tries=2, seconds=120)
            assert task["state"] == "success", run
        ids = {point: airflow.xcom("stoppable", run, "add_phone") for point, run in runs.items()}
        before = {point: _sends(campaign, phone) for point, phone in phones.items()}
        for point in POINTS:
            (tmp_path / f"{point}.go").touch()
        for process, _ in stopped.values():
            os.kill(process, signal.SIGCONT)
        time.sleep(3)
    finally:
        for process, supervisor in stopped.values():
            os.kill(supervisor, signal.SIGCONT)
            os.kill(process, signal.SIGCONT)
    for point, (process, _) in stopped.items():
        wait_for(f"the replaced try at {point!r} to end", lambda process=process: not alive(process), 60)
    for point, phone in phones.items():
        jobs = [job.id for job in campaign.jobs if job.phone == phone]
        assert jobs == [ids[point]], f"{point}: one job, the one that the second try returned"
        assert _sends(campaign, phone) - before[point] <= POINTS[point], f"{point}: sent after it was replaced"


def _sends(campaign: Campaign, phone: str) -> int:
    lines = campaign.emulator.requests()
    return sum(line.endpoint == "addPhone" and line.phone.endswith(phone[-4:]) for line in lines)
