"""The example ``approved_campaign`` under a real Airflow: the question in the browser, a yes, a no, and clears."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import TOKEN
from tests.airflow.questions import WAITING, check_buttons_in_sight, question_in, shot
from tests.conftest import CLEAR_FORGETS, HAS_RECORD

DAG = "approved_campaign"
ROWS = 300
GOOD = [warehouse_phone(number) for number in range(ROWS) if number % 100 != 99]
MARKUP = "{{ 1/0 }} <script>alert(1)</script> **x**"


@pytest.fixture
def emulator(airflow: LocalAirflow) -> Iterator[Emulator]:
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        yield emulator


@pytest.fixture
def warehouse(airflow: LocalAirflow, tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.db"
    make_warehouse(path, ROWS)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("update customer set name = ? where id = 1", (MARKUP,))
        database.execute("update customer set gmt_zone = ? where id = 100", (MARKUP,))
        database.execute("update customer set phone = ? where id = 100", (warehouse_phone(99),))
    airflow.connect_sqlite(path, "warehouse")
    return path


def wait_to_be_asked(airflow: LocalAirflow, run: str, tries: int = 1) -> None:
    airflow.wait_for_task(DAG, run, "ask_whether_to_call", WAITING, tries=tries)
    airflow.wait_for_workers_ends(DAG, run, "ask_whether_to_call")


def path(run: str) -> str:
    return f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/ask_whether_to_call/-1/hitlDetails"


def ended(airflow: LocalAirflow, run: str) -> tuple[str, str, str]:
    """How the run, its question and its sending ended."""
    state = airflow.wait_for_run(DAG, run)
    return state, *(airflow.task(DAG, run, task)["state"] for task in ("ask_whether_to_call", "send"))


def folder_of(airflow: LocalAirflow, run: str) -> Path:
    return Path(airflow.xcom(DAG, run, "prepare")["path"].removeprefix("file://"))


@pytest.mark.usefixtures("warehouse")
@pytest.mark.long
@pytest.mark.parametrize("answer", ["Approve", "Reject"])
def test_seen_and_answered_in_the_browser_and_cleared_afterwards(
    airflow: LocalAirflow, emulator: Emulator, run: str, page: Page, answer: str
) -> None:
    airflow.wait_for_dag(DAG)
    airflow.trigger(DAG, run)
    wait_to_be_asked(airflow, run)
    subject = airflow.api("GET", path(run))["subject"]
    row = question_in(page, airflow, subject)
    expect(row).to_contain_text("Required")
    shot(page, f"{answer}-1-actions")
    row.get_by_role("link", name="Make 297 calls?").click()
    page.get_by_role("button", name=answer).wait_for()
    expect(page.get_by_role("listitem").filter(has_text="297 of 300 rows").first).to_contain_text("891 rings at most")
    for text in (
        "297 calls",
        "is running: 0 of 0 numbers done",
        "every day 09:00–20:00",
        "phone is not a possible number with a country code",
        "gmt_zone is none of the allowed forms",
        f"7915***{GOOD[0][-4:]}",
        "2026-12-01",
    ):
        expect(page.get_by_text(text).first).to_be_visible()
    check_buttons_in_sight(page, answer)
    shot(page, f"{answer}-2-question")
    for hidden in (*GOOD[:5], "Customer 2", "{{ 1/0", "alert(1)"):
        assert hidden not in page.content()
    assert emulator.jobs() == [], "nobody is called before the answer"
    page.get_by_role("button", name=answer).click()
    wait_for("the answer", lambda: airflow.api("GET", path(run))["response_received"])
    folder = folder_of(airflow, run)
    called = Counter(GOOD) if answer == "Approve" else Counter()
    tasks = ("success", "success" if answer == "Approve" else "skipped")
    assert ended(airflow, run) == ("success", *tasks)
    page.goto(f"{airflow.url}/dags/{DAG}/runs/{run}")
    expect(page.get_by_text("send").first).to_be_visible()
    shot(page, f"{answer}-3-run")
    assert Counter(job.phone for job in emulator.jobs()) == called
    if answer == "Approve":
        return
    assert [one.name for one in folder.rglob("*")] == ["deleted.json"]
    assert not any(one.encode() in (folder / "deleted.json").read_bytes() for one in GOOD)
    body = {"dry_run": False, "dag_run_id": run, "task_ids": ["ask_whether_to_call", "send"], "only_failed": False,
            "reset_dag_runs": True}  # fmt: skip
    airflow.api("POST", f"/api/v2/dags/{DAG}/clearTaskInstances", body)
    airflow.wait_for_task(DAG, run, "ask_whether_to_call", ("skipped",), tries=2)
    assert ended(airflow, run) == ("success", "skipped", "skipped"), "a no remains one, and nobody is asked"
    assert emulator.jobs() == []


@pytest.mark.long
def test_a_clear_of_the_whole_run_takes_no_answer_for_a_list_that_nobody_saw(
    airflow: LocalAirflow, emulator: Emulator, warehouse: Path, run: str
) -> None:
    airflow.wait_for_dag(DAG)
    airflow.trigger(DAG, run)
    wait_to_be_asked(airflow, run)
    airflow.api("PATCH", path(run), {"chosen_options": ["Approve"], "params_input": {}})
    assert ended(airflow, run) == ("success", "success", "success")
    with closing(sqlite3.connect(warehouse)) as database, database:
        database.execute("insert into customer values (9999, '79990000002', null, 'New', '')")
    airflow.clear(DAG, run)
    if CLEAR_FORGETS:  # the old answer is gone, and the question is one about the list of now
        airflow.wait_for_task(DAG, run, "ask_whether_to_call", ("awaiting_input",), tries=2)
        assert Counter(job.phone for job in emulator.jobs()) == Counter(GOOD)
        return
    if not HAS_RECORD:  # nor is there a question about the list of now: Airflow shows the old one, and no answer counts
        assert ended(airflow, run) == ("failed", "failed", "upstream_failed")
        assert "Nobody can be asked about the call list" in airflow.log(DAG, run, "ask_whether_to_call", 2)
        assert Counter(job.phone for job in emulator.jobs()) == Counter(GOOD)
        return
    # It stays with the list that was sent, as the sending task does; whoever is new is left to the next run, aloud.
    airflow.wait_for_task(DAG, run, "ask_whether_to_call", ("success",), tries=2)
    assert ended(airflow, run) == ("success", "success", "success")
    assert "it is gone on with. Since then another one was frozen" in airflow.log(DAG, run, "ask_whether_to_call", 2)
    assert Counter(job.phone for job in emulator.jobs()) == Counter(GOOD)
