"""The page *Campaigns* within Airflow's own page, in a real Chromium: as a person uses it, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import AirflowError, LocalAirflow
from tests.airflow.campaign import TOKEN

CONN_ID = "a_winter_sale"


@pytest.fixture
def winter_sale(airflow: LocalAirflow) -> Iterator[Emulator]:
    with Emulator(tokens={TOKEN: "Winter sale"}) as emulator:
        airflow.connect(emulator.url, TOKEN, CONN_ID)
        yield emulator
        with suppress(AirflowError):
            airflow.api("DELETE", f"/api/v2/connections/{CONN_ID}")


def campaigns(airflow: LocalAirflow, page: Page) -> FrameLocator:
    """Airflow's page, with ours in its frame, as the navigation leads there."""
    page.goto(f"{airflow.url}/plugin/aimylogic")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Campaigns").click()
    return frame


def card(frame: FrameLocator, conn_id: str = CONN_ID) -> Locator:
    return frame.get_by_role("article", name=conn_id, exact=True)


def test_a_campaign_is_paused_and_resumed(airflow: LocalAirflow, winter_sale: Emulator, page: Page) -> None:
    row = card(campaigns(airflow, page))
    expect(row).to_contain_text("Winter sale")
    expect(row).to_contain_text("Running")
    row.get_by_role("button", name="Pause").click()
    question = page.frame_locator("iframe").get_by_role("dialog")
    expect(question).to_contain_text(f"Pause Winter sale ({CONN_ID})?")
    expect(question).to_contain_text("Nobody more is called until it is resumed: 0 numbers are not done yet")
    question.get_by_role("button", name="Don't").click()
    assert winter_sale.campaign().status == "inProgress", "a no changes nothing"

    row.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # from "Don't", where the focus is first
    page.keyboard.press("Enter")
    expect(page.frame_locator("iframe").get_by_role("status")).to_contain_text("The campaign is paused")
    expect(row).to_contain_text("Paused")
    assert winter_sale.campaign().status == "paused"
    expect(row.get_by_role("button", name="Resume")).to_be_focused()

    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("Running")
    assert winter_sale.campaign().status == "inProgress"
    logged = airflow.api("GET", "/api/v2/eventLogs?order_by=-id&limit=100")["event_logs"]
    events = [one["event"] for one in logged if one["event"].endswith("_campaign")][:2]
    assert events == ["aimylogic.resume_campaign", "aimylogic.pause_campaign"]


def test_a_wrong_token_is_told_with_the_way_out(airflow: LocalAirflow, winter_sale: Emulator, page: Page) -> None:
    token = "1234.5678.thisisnotatoken"
    airflow.connect(winter_sale.url, token, CONN_ID)
    frame = campaigns(airflow, page)
    row = card(frame)
    expect(row).to_contain_text("copy the token again")
    expect(row.get_by_role("button")).to_have_count(0)
    for conn_id in ("in_environment", "aimylogic_pasted"):
        card(frame, conn_id).scroll_into_view_if_needed()
        expect(card(frame, conn_id)).to_contain_text("Connection in the environment")
    expect(card(frame, "aimylogic_pasted")).to_contain_text("without a path")
    shown = frame.locator("html").evaluate("page => page.outerHTML")
    assert token not in shown
    assert TOKEN not in shown
    row.get_by_role("link", name="Airflow's connections").click()
    page.wait_for_url("**/connections")
    expect(page.get_by_role("row").filter(has_text=CONN_ID)).to_be_visible()


@pytest.mark.long
def test_a_stopped_server_is_told_and_the_last_state_stays(
    airflow: LocalAirflow, winter_sale: Emulator, page: Page
) -> None:
    row = card(campaigns(airflow, page))
    expect(row).to_contain_text("Running")
    winter_sale.fault("before_commit", "reset", times=None)
    expect(row).to_contain_text("could not be reached")
    expect(row).to_contain_text("what it told last")
    expect(row).to_contain_text("Winter sale")
    winter_sale.clear_faults()
    expect(row).not_to_contain_text("could not be reached")
