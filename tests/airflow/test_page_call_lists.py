"""The page of a call list in Airflow's frame and a real Chromium: followed live, and rejected rows downloaded."""

from __future__ import annotations

import csv
import io
import os
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from local_servers.airflow import LocalAirflow
from local_servers.warehouse import make_warehouse
from tests.airflow.campaign import Campaign
from tests.conftest import AIRFLOW, needs_record

DAG, TASK = "sync_addPhones", "sync"
PICTURES = os.environ.get("AIMYLOGIC_PICTURES", "")
"""A folder for pictures of what the tests see; none are taken without it."""


@pytest.fixture
def warehouse(airflow: LocalAirflow, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    name = f"warehouse-{abs(hash(request.node.name))}"
    airflow.connect_database(make_warehouse(tmp_path / "warehouse.db", getattr(request, "param", 600)), name)
    return name


def begin(airflow: LocalAirflow, campaign: Campaign, warehouse: str, lists: Path, run: str) -> None:
    airflow.wait_for_dag(DAG)
    conf: dict[str, Any] = {
        "conn_id": campaign.conn_id, "sql_conn_id": warehouse, "results_conn_id": warehouse, "lists": str(lists),
    }  # fmt: skip
    airflow.trigger(DAG, run, conf)


def tab(page: Page, airflow: LocalAirflow, run: str) -> FrameLocator:
    """The tab *Calls* of the task's page, as a person opens it."""
    page.goto(f"{airflow.url}/dags/{DAG}/runs/{quote(run)}/tasks/{TASK}")
    page.get_by_role("link", name="Calls", exact=True).click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name=f"Call list of {TASK}")).to_be_visible()
    return frame


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def followed(airflow: LocalAirflow, page: Page, run: str, rows: int) -> list[int]:
    """How many calls the page said to be created, each time that it said another number, until the task was over."""
    airflow.wait_for_task(DAG, run, TASK, ("running", "success"), seconds=120)
    frame = tab(page, airflow, run)
    frame.locator("body").evaluate("body => { body.dataset.same = 'page'; }")
    seen: list[int] = []
    end, good = time.monotonic() + 480, rows - rows // 100
    while time.monotonic() < end and (not seen or seen[-1] < good):
        found = re.search(r"([\d,]+) created", frame.locator("section.card, div.card").first.inner_text())
        count = int(found[1].replace(",", "")) if found else 0
        if not seen or count != seen[-1]:
            seen.append(count)
            if 0 < count < good:
                picture(page, f"list-live-{run}")
        time.sleep(0.1)
    airflow.wait_for_task(DAG, run, TASK, ("success",), seconds=180)
    expect(frame.get_by_text("success", exact=True).first).to_be_visible()
    expect(frame.get_by_text(f"{good:,} of {good:,} calls")).to_be_visible()
    assert frame.locator("body").get_attribute("data-same") == "page", "it wasn't loaded anew as a whole"
    expect(frame.get_by_role("heading", name="Rate over time")).to_be_visible()
    expect(frame.get_by_role("heading", name="By country")).to_be_visible()
    picture(page, f"list-over-{run}")
    return seen


@needs_record
@pytest.mark.parametrize("warehouse", [6000], indirect=True)
def test_a_list_is_followed_live_through_6_000_rows(
    airflow: LocalAirflow, campaign: Campaign, warehouse: str, tmp_path: Path, run: str, page: Page
) -> None:
    campaign.fault("before_commit", "delay", path="addPhones", seconds=0.6, times=None)  # as a server far away
    begin(airflow, campaign, warehouse, tmp_path / "lists", run)
    seen = followed(airflow, page, run, 6000)
    assert seen == sorted(seen)
    assert len([count for count in seen if 0 < count < 5940]) >= 2, seen


@needs_record
@pytest.mark.long
@pytest.mark.parametrize("warehouse", [60_000], indirect=True)
def test_a_list_is_followed_live_through_60_000_rows(
    airflow: LocalAirflow, campaign: Campaign, warehouse: str, tmp_path: Path, run: str, page: Page
) -> None:
    campaign.fault("before_commit", "delay", path="addPhones", seconds=0.3, times=None)  # as a server far away
    begin(airflow, campaign, warehouse, tmp_path / "lists", run)
    seen = followed(airflow, page, run, 60_000)
    assert seen == sorted(seen)
    assert len([count for count in seen if 0 < count < 59_400]) >= 3, seen


def test_rejected_rows_are_downloaded(
    airflow: LocalAirflow, campaign: Campaign, warehouse: str, tmp_path: Path, run: str, page: Page
) -> None:
    begin(airflow, campaign, warehouse, tmp_path / "lists", run)
    airflow.wait_for_task(DAG, run, TASK, ("success",), seconds=120)
    frame = tab(page, airflow, run)
    with page.expect_download() as download:
        frame.get_by_role("link", name="Rejected rows (CSV)").click()
    assert download.value.suggested_filename == f"{DAG}.{run}.{TASK}.rejected.csv"
    content = Path(download.value.path()).read_bytes()
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert head == ["row", "id", "reason"]
    assert [row[0] for row in rows] == [str(number) for number in range(100, 601, 100)]
    if PICTURES:
        _pictures(page, airflow, run)


@pytest.mark.long
def test_the_tab_is_there_for_operators_that_have_lists(
    airflow: LocalAirflow, campaign: Campaign, warehouse: str, tmp_path: Path, run: str, page: Page
) -> None:
    other = ("add_phone_by_hand", "add_phone")
    begin(airflow, campaign, warehouse, tmp_path / "lists", run)
    airflow.trigger(other[0], run, {"phone": "none"})
    airflow.wait_for_task(other[0], run, other[1], ("failed",))
    for dag, task in ((DAG, TASK), other):
        page.goto(f"{airflow.url}/dags/{dag}/runs/{quote(run)}/tasks/{task}")
        tab_of_airflow = page.get_by_role("link", name=re.compile("Rendered Templates")).first
        expect(tab_of_airflow).to_be_visible()
        found = page.get_by_role("link", name="Calls", exact=True)
        if task == TASK or AIRFLOW.release < (3, 4):
            expect(found).to_be_visible()
        else:
            page.wait_for_timeout(1500)  # the tab comes once Airflow has asked which operator it is
            expect(found).to_have_count(0)


def _pictures(page: Page, airflow: LocalAirflow, run: str) -> None:
    for theme in ("light", "dark"):
        page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 900})
            for name, path in {
                "all": "lists",
                "run": f"lists/{DAG}/{run}",
                "one": f"lists/{DAG}/{run}/{TASK}/-1",
            }.items():
                page.goto(f"{airflow.url}/aimylogic/{path}")
                page.wait_for_timeout(1500)
                picture(page, f"{name}-{theme}-{width}")
