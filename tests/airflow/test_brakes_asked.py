"""A broken WHERE under a real Airflow: the question as a person sees it in the browser, a yes, a no, and clears."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from aimylogic_provider.airflow_task.required_actions import GO_AHEAD, LEAVE
from local_servers.airflow import LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import Campaign
from tests.airflow.questions import WAITING, question_in, shot
from tests.conftest import CLEAR_FORGETS, HAS_RECORD

pytestmark = pytest.mark.long

ROWS = 300
GOOD = [warehouse_phone(number) for number in range(ROWS) if number % 100 != 99]


class Warehouse:
    """A warehouse of its own, and runs of a DAG that select people of it."""

    def __init__(self, airflow: LocalAirflow, campaign: Campaign, folder: Path) -> None:
        self.airflow, self.campaign, self.path = airflow, campaign, folder / "warehouse.db"
        self.lists = folder / "lists"
        conn_id = f"braked-{campaign.conn_id}"
        airflow.connect_database(make_warehouse(self.path, ROWS), conn_id)
        self.conf = {"conn_id": campaign.conn_id, "sql_conn_id": conn_id, "lists": str(self.lists)}

    def delete(self, which: str) -> None:
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(f"delete from customer where {which}")

    def trigger(self, dag: str, run: str, where: str) -> None:
        self.airflow.wait_for_dag(dag)
        self.airflow.trigger(dag, run, {**self.conf, "where": where})

    def called(self) -> Counter[str]:
        return Counter(job.phone for job in self.campaign.jobs)


@pytest.fixture
def warehouse(airflow: LocalAirflow, campaign: Campaign, tmp_path: Path) -> Warehouse:
    return Warehouse(airflow, campaign, tmp_path)


def wait_to_be_asked(airflow: LocalAirflow, dag: str, run: str, task: str, tries: int) -> None:
    airflow.wait_for_task(dag, run, task, WAITING, tries=tries)
    airflow.wait_for_workers_ends(dag, run, task)


def question(airflow: LocalAirflow, dag: str, run: str, task: str) -> Any:
    return airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/-1/hitlDetails")


def answer(airflow: LocalAirflow, page: Page, dag: str, run: str, task: str, option: str) -> None:
    """Open the question from the list of all of them, and answer it."""
    row = question_in(page, airflow, question(airflow, dag, run, task)["subject"])
    row.get_by_role("link", name="Make 297 calls?").click()
    page.get_by_role("button", name=option).wait_for()
    for text in ("A brake holds this list", "297 calls", "each added to the campaign once", f"7915***{GOOD[0][-4:]}"):
        expect(page.get_by_text(text).first).to_be_visible()
    for hidden in (*GOOD[:5], "Customer 2"):
        assert hidden not in page.content()
    shot(page, f"brakes-question-{option.replace(' ', '-')}")
    page.get_by_role("button", name=option).click()
    wait_for("the answer", lambda: question(airflow, dag, run, task)["response_received"])


def test_a_broken_where_waits_for_a_person_through_a_clear_and_a_yes_sends_that_list_once(
    airflow: LocalAirflow, campaign: Campaign, warehouse: Warehouse, run: str, page: Page
) -> None:
    dag, task = "braked_sync", "sync"
    for number in range(3):
        warehouse.trigger(dag, f"{run}-{number}", f"id between {number * 6 + 1} and {number * 6 + 6}")
    for number in range(3):
        airflow.wait_for_task(dag, f"{run}-{number}", task, ("success",))
    warehouse.trigger(dag, run, "id > 0 or 1 = 1")
    wait_to_be_asked(airflow, dag, run, task, 1)
    assert warehouse.called() == Counter(GOOD[:18]), "nobody is called before the answer"
    tries = 1
    if HAS_RECORD and not CLEAR_FORGETS:
        body = {"dry_run": False, "dag_run_id": run, "only_failed": False, "reset_dag_runs": True}
        warehouse.delete("id > 50")
        airflow.api("POST", f"/api/v2/dags/{dag}/clearTaskInstances", {**body, "task_ids": [task]})
        tries = 2
        wait_to_be_asked(airflow, dag, run, task, tries)
    requests = campaign.emulator.count("addPhones")
    answer(airflow, page, dag, run, task, GO_AHEAD)
    airflow.wait_for_task(dag, run, task, ("success",), tries=tries)
    assert airflow.xcom(dag, run, task)["created"] == 297, "the list that was asked about, and not the rows of now"
    assert warehouse.called() == Counter(GOOD) + Counter(GOOD[:18])
    assert campaign.emulator.count("addPhones") == requests + 1


def test_a_no_calls_nobody_and_the_corrected_where_is_asked_anew(
    airflow: LocalAirflow, campaign: Campaign, warehouse: Warehouse, run: str, page: Page
) -> None:
    dag, task = "braked_halves", "prepare"
    warehouse.trigger(dag, run, "1 = 1")
    wait_to_be_asked(airflow, dag, run, task, 1)
    answer(airflow, page, dag, run, task, LEAVE)
    airflow.wait_for_task(dag, run, task, ("skipped",))
    airflow.wait_for_task(dag, run, "send", ("skipped",))
    assert campaign.jobs == []
    assert [file.name for file in warehouse.lists.rglob("*.*") if file.is_file()] == ["deleted.json"]
    warehouse.delete("id > 7")
    airflow.clear(dag, run)
    airflow.wait_for_task(dag, run, "send", ("success",), tries=1)
    assert warehouse.called() == Counter(GOOD[:7])
