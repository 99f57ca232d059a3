"""All pages in both themes, and on a narrow screen: nothing serious to axe-core, nothing that runs out of the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse
from tests.airflow.accessibility import serious_findings
from tests.airflow.campaign import TOKEN

CONN_ID, WAREHOUSE = "looked_at", "warehouse_looked_at"
SYNC, ASKING = "sync_addPhones", "braked_halves"
RUN = "looked__2026-01-01T00:00:00+00:00"
"""With the plus and the colons that the ids of scheduled runs have."""
PAGES = {
    "campaigns": ("campaigns", CONN_ID),
    "call lists": ("lists", SYNC),
    "a list": (f"lists/{SYNC}/{RUN}/sync/-1", "By country"),
    "waiting": ("waiting", "Make 297 calls?"),
}


@pytest.fixture(scope="module")
def looked_at(airflow: LocalAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A campaign with a day behind it, a list that was sent, and one that waits for a person."""
    folder = tmp_path_factory.mktemp("looked_at")
    with Emulator(tokens={TOKEN: "Winter sale"}) as emulator:
        emulator.live_through(jobs=300)
        airflow.connect(emulator.url, TOKEN, CONN_ID)
        airflow.connect_database(make_warehouse(folder / "warehouse.db", 300), WAREHOUSE)
        conf = {"conn_id": CONN_ID, "sql_conn_id": WAREHOUSE, "results_conn_id": WAREHOUSE, "lists": str(folder)}
        for dag in (SYNC, ASKING):
            airflow.wait_for_dag(dag)
            airflow.trigger(dag, RUN, {**conf, "where": "1 = 1"})
        waiting = f"/api/v2/dags/{ASKING}/dagRuns/{RUN}/taskInstances/prepare"
        states = ("awaiting_input", "deferred")
        wait_for("a question", lambda: airflow.api("GET", waiting)["state"] in states, 120)
        airflow.wait_for_task(SYNC, RUN, "sync", ("success",), seconds=120)
        yield


@pytest.fixture
def plain(page: Page) -> Iterator[Page]:
    """The page as it was before, afterwards."""
    before = page.viewport_size
    yield page
    page.evaluate("localStorage.removeItem('theme')")
    if before:
        page.set_viewport_size(before)


@pytest.mark.usefixtures("looked_at")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everybody_in_both_themes_and_at_400_px(airflow: LocalAirflow, plain: Page, name: str) -> None:
    path, there = PAGES[name]
    found: list[str] = []
    for theme, width in (("light", 1280), ("dark", 400)):
        plain.set_viewport_size({"width": width, "height": 900})
        plain.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        plain.goto(f"{airflow.url}/aimylogic/{path}")
        expect(plain.locator("main")).to_contain_text(there)
        plain.wait_for_load_state("networkidle")
        assert plain.locator("html").get_attribute("data-theme") == theme
        found += [f"{theme}: {one}" for one in serious_findings(plain)]
        wide = int(plain.evaluate("document.documentElement.scrollWidth"))
        assert wide <= width, f"it is {wide} px wide on a screen of {width}"
    assert found == []


@pytest.mark.usefixtures("looked_at")
def test_a_page_follows_the_theme_of_the_page_around_it(airflow: LocalAirflow, plain: Page) -> None:
    for theme in ("dark", "light"):
        plain.goto(airflow.url)
        plain.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        plain.goto(f"{airflow.url}/plugin/aimylogic")
        expect(plain.frame_locator("iframe").locator("html")).to_have_attribute("data-theme", theme)
