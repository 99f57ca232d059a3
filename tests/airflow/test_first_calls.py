"""The first calls of a list under a real Airflow: deferred, asked about, answered, and no slot held meanwhile."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from local_servers.airflow import LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import Campaign

DAG, TASK = "first_calls", "sync"
ROWS, MINE = 60, "79990000001"
PHONES = [warehouse_phone(number) for number in range(ROWS)]


def question(airflow: LocalAirflow, run: str) -> Any:
    return airflow.api("GET", f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/{TASK}/-1/hitlDetails")


@pytest.mark.long
@pytest.mark.parametrize("option", ["Send", "Leave it"])
def test_waited_for_in_the_triggerer_and_then_decided_by_a_person(
    airflow: LocalAirflow, campaign: Campaign, tmp_path: Path, run: str, option: str
) -> None:
    make_warehouse(tmp_path / "warehouse.db", ROWS)
    sql_conn_id = f"warehouse_{run}"
    airflow.connect_sqlite(tmp_path / "warehouse.db", sql_conn_id)
    conf = {"conn_id": campaign.conn_id, "sql_conn_id": sql_conn_id, "lists": str(tmp_path / "lists"), "mine": MINE}
    emulator = campaign.emulator
    emulator.settings(odds={"noAnswer": 1.0})
    emulator.freeze()
    airflow.wait_for_dag(DAG)
    airflow.trigger(DAG, run, conf)
    airflow.wait_for_task(DAG, run, TASK, ("deferred",), seconds=90)
    wait_for("a poll", lambda: emulator.count("callJob/getReport"), 60)

    def called() -> Counter[str]:
        return Counter(job.phone for job in emulator.jobs())

    first = Counter([MINE, *PHONES[:7]])
    assert called() == first
    # Nobody waits for a slot that this one holds: its people are another run's by now.
    airflow.trigger(DAG, f"{run}-next", conf)
    airflow.wait_for_task(DAG, f"{run}-next", TASK, ("success",), seconds=60)
    assert airflow.xcom(DAG, f"{run}-next", TASK)["claimed"] == ROWS
    assert airflow.task(DAG, run, TASK)["state"] == "deferred"
    emulator.advance(days=1)
    airflow.wait_for_task(DAG, run, TASK, ("awaiting_input",), seconds=60)
    airflow.wait_for_workers_ends(DAG, run, TASK)
    told = question(airflow, run)
    assert f"make the other {ROWS - 7} calls?" in told["subject"]
    assert "0 of 7 (0.0%) reached somebody" in told["body"]
    assert called() == first
    path = f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/{TASK}/-1/hitlDetails"
    assert told["options"] == [f"Send the other {ROWS - 7} calls", "Leave it: none of these is called"]
    (chosen,) = (one for one in told["options"] if one.startswith(option))
    airflow.api("PATCH", path, {"chosen_options": [chosen], "params_input": {}})
    ended = airflow.wait_for_task(DAG, run, TASK, ("success", "failed"), seconds=60)
    if option == "Send":
        assert ended["state"] == "success"
        assert airflow.xcom(DAG, run, TASK)["created"] == ROWS
        assert called() == Counter([MINE, *PHONES])
    else:
        assert (ended["state"], ended["try_number"]) == ("failed", 1), "no retry is of use"
        assert called() == first
        assert f"{ROWS - 7} calls of this list are not made" in airflow.log(DAG, run, TASK, 1)
    assert MINE not in str(
        airflow.api("GET", f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/{TASK}")["rendered_fields"]
    )
    assert MINE not in airflow.log(DAG, run, TASK, 1)
