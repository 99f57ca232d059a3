"""The page *Waiting for a person* in a real Chromium, in Airflow's frame: parked calls, answered many at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import FrameLocator, Page, expect

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from tests.airflow.campaign import TOKEN, Campaign, random_token
from tests.airflow.questions import WAITING, shot
from tests.conftest import HAS_RECORD

TOKEN_OF_NOW = random_token()
"""Of the campaign to which a connection leads since."""


@pytest.fixture
def campaign(airflow: LocalAirflow) -> Iterator[Campaign]:
    with Emulator(tokens=(TOKEN, TOKEN_OF_NOW)) as emulator, Campaign(airflow, emulator) as campaign:
        yield campaign


def phone(index: int) -> str:
    return f"7912000{index:04}"


def instances(airflow: LocalAirflow, dag: str, run: str) -> list[dict[str, Any]]:
    path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=100"
    found: list[dict[str, Any]] = airflow.api("GET", path)["task_instances"]
    return sorted(found, key=lambda one: int(one["map_index"]))


def all_in(airflow: LocalAirflow, dag: str, run: str, calls: int, *states: str) -> bool:
    found = [one["state"] for one in instances(airflow, dag, run)]
    return len(found) == calls and set(found) <= set(states)


def pause(airflow: LocalAirflow, dag: str, *, paused: bool) -> None:
    airflow.api("PATCH", f"/api/v2/dags/{dag}", {"is_paused": paused})


def park(airflow: LocalAirflow, campaign: Campaign, dag: str, run: str, *, one: int, none: int, several: int) -> None:
    """Have calls parked: of the first ones the report shows a job, of the next none, of the last two each.

    Those with none were sent to a campaign that can't be asked any more: the token of the connection has changed.
    """
    calls = one + none + several
    moved = f"{campaign.conn_id}_moved"
    airflow.connect(campaign.emulator.url, TOKEN, moved)
    lost = [
        campaign.fault("before_commit" if one <= index < one + none else "after_commit", "reset", times=None,
                       phone=phone(index))
        for index in range(calls)
    ]  # fmt: skip
    airflow.wait_for_dag(dag)
    airflow.trigger(dag, run, {"conn_id": campaign.conn_id, "moved_id": moved})
    wait_for("each to be tried", lambda: all(fault.hits for fault in lost), 120)
    pause(airflow, dag, paused=True)
    wait_for("each to wait for its retry", lambda: all_in(airflow, dag, run, calls, "up_for_retry", "scheduled"), 120)
    campaign.emulator.clear_faults()
    add = f"{campaign.emulator.url}/api/crmCalls/campaign/{TOKEN}/addPhone"
    for index in range(one + none, calls):
        headers = {"Idempotence-Key": f"theirs {index}"}
        requests.post(add, params={"phone": phone(index)}, headers=headers, timeout=5).raise_for_status()
    airflow.connect(campaign.emulator.url, TOKEN_OF_NOW, moved)
    campaign.emulator.advance(hours=25)
    pause(airflow, dag, paused=False)
    wait_for("each to wait", lambda: all_in(airflow, dag, run, calls, "awaiting_input", "deferred"), 120)
    time.sleep(2.5)  # before, Airflow may not have seen the workers' ends, and the page answers nothing


def waiting_page(page: Page, airflow: LocalAirflow) -> FrameLocator:
    """The page, in Airflow's frame, as a person gets there."""
    page.goto(f"{airflow.url}/plugin/aimylogic")
    shot(page, "waiting-way")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Waiting for a person").click()
    expect(frame.get_by_role("heading", name="Waiting for a person", level=1)).to_be_visible()
    return frame


def leave(airflow: LocalAirflow, dag: str, run: str, index: int) -> None:
    """Somebody else answers one of them."""
    path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/add_phone/{index}/hitlDetails"
    airflow.api("PATCH", path, {"chosen_options": ["Leave it"], "params_input": {}})


def planned(page: Page) -> list[str]:
    """The requests that ask the server what would be answered, from now on."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if request.url.endswith("/waiting/plan") else None)
    return seen


def answer_all(
    frame: FrameLocator, page: Page, way: str, told: str, left: int, meanwhile: Callable[[], object] = lambda: None
) -> str:
    """Choose all that wait, press a button, say yes; return what is asked before.

    :param left: how many wait afterwards
    :param meanwhile: what others do before the yes
    """
    frame.locator("[data-all]").check()
    shot(page, f"waiting-chosen-{way.split()[0]}")
    frame.get_by_role("button", name=way, exact=True).click()
    dialog = frame.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{way}?")
    shot(page, f"waiting-asked-{way.split()[0]}")
    text = dialog.inner_text()
    meanwhile()
    dialog.get_by_role("button", name=way, exact=True).click()
    expect(frame.locator("[data-all]")).to_have_count(1 if left else 0)
    if left:
        expect(frame.locator("section[data-total]")).to_have_attribute("data-total", str(left))
        expect(frame.locator("[data-all]")).not_to_be_checked()
    expect(frame.get_by_role("status")).to_contain_text(told)
    return text


@pytest.mark.skipif(not HAS_RECORD, reason="calls without a candidate are parked by a record: that a token moved")
@pytest.mark.parametrize(
    ("one", "none", "several"), [(2, 2, 2), pytest.param(8, 7, 5, marks=pytest.mark.long)], ids=["6", "20"]
)
def test_twenty_parked_calls_are_told_apart_and_answered_in_bulk_three_ways(
    airflow: LocalAirflow, campaign: Campaign, run: str, page: Page, one: int, none: int, several: int
) -> None:
    calls = one + none + several
    dag = f"parked_{calls}"
    park(airflow, campaign, dag, run, one=one, none=none, several=several)
    before = campaign.emulator.count("addPhone")
    frame = waiting_page(page, airflow)
    frame.get_by_label("DAG").select_option(dag)
    frame.get_by_role("button", name="Show", exact=True).click()
    for index in range(calls):
        row = frame.get_by_role("row").filter(has_text=f"Was the call to 7912***{index:04} added?")
        expect(row).to_have_count(1)
        expect(row).to_contain_text(campaign.conn_id)
    assert "7912000" not in frame.locator("body").inner_text()
    shot(page, "waiting-list")
    first = frame.get_by_text("Was the call to 7912***0000 added?")
    first.click()
    expect(frame.locator("details[open]")).to_contain_text("Requests so far")
    shot(page, "waiting-opened")
    first.click()
    page.route("**/hitlDetails*", lambda route: route.fulfill(status=401, json={"detail": "Not authenticated"}))
    answer_all(
        frame,
        page,
        f"Leave all {calls}",
        f"0 of {calls} were answered. {calls} wait still: you are no longer signed in",
        calls,
    )
    page.unroute("**/hitlDetails*")
    asked_before = planned(page)
    page.route("**/hitlDetails*", lambda route: route.fulfill(status=503, json={"detail": "locked"}), times=1)
    asked = answer_all(frame, page, f"Adopt {one} that have exactly one job", f"{one} were answered", none + several)
    assert len(asked_before) == 3, "at the press, before the answers, and before the one that is repeated"
    assert f"{none + several} others stay as they are" in asked
    asked = answer_all(frame, page, f"Send the {none} without a job", f"{none} were answered", several)
    assert "is called twice" in asked
    told = f"{several - 1} of {several} were answered. 1 was answered by somebody else meanwhile"
    answer_all(frame, page, f"Leave all {several}", told, 0, lambda: leave(airflow, dag, run, calls - 1))
    wait_for("each to end", lambda: all_in(airflow, dag, run, calls, "success", "failed"), 120)
    states = [found["state"] for found in instances(airflow, dag, run)]
    assert states == ["success"] * (one + none) + ["failed"] * several
    rung = [campaign.emulator.rings(phone(index)) for index in range(calls)]
    assert rung == [1] * (one + none) + [2] * several, "nobody is called twice by us, and nobody is missed"
    assert campaign.emulator.count("addPhone") - before == none, "sent is what was to be sent, once"
    log = airflow.api("GET", f"/api/v2/eventLogs?dag_id={dag}&event=update_hitl_detail&limit=1")
    assert log["total_entries"] >= calls, "each answer stands in Airflow's audit log"


@pytest.mark.long
def test_lists_are_approved_on_the_page_in_two_tabs_by_double_clicks(
    airflow: LocalAirflow, campaign: Campaign, run: str, page: Page
) -> None:
    airflow.connect(campaign.emulator.url, TOKEN)  # that the example names
    airflow.wait_for_dag("call_a_list")
    runs = {f"{run}-{word}": f"7912000{number:04}" for number, word in enumerate(("first", "second"))}
    for one, called in runs.items():
        airflow.trigger("call_a_list", one, {"people": f"+{called}"})
    for one in runs:
        airflow.wait_for_task("call_a_list", one, "may_they_be_called", WAITING)
    time.sleep(2.5)  # as above
    first = waiting_page(page, airflow)
    other = page.context.new_page()
    second = waiting_page(other, airflow)
    asked = [frame.get_by_role("row").filter(has_text="Make 1 call?") for frame in (first, second)]
    questions = [rows.filter(has_text=run) for rows in asked]  # others may have left theirs
    for rows in questions:
        for one in runs:
            row = rows.filter(has_text=one)
            expect(row.locator("[data-label='Campaign']")).to_have_text("aimylogic_default")
            row.locator("summary").click()
            expect(row.locator(".answer time").first).to_have_attribute("data-local", "")
    shot(page, "waiting-approvals")
    yes, no = runs
    questions[0].filter(has_text=yes).get_by_role("button", name="Approve").dblclick()
    first.get_by_role("dialog").get_by_role("button", name="Approve").dblclick()
    expect(first.get_by_role("status")).to_have_text("1 was answered.")
    expect(questions[0].filter(has_text=yes)).to_have_count(0)
    questions[1].filter(has_text=yes).get_by_role("button", name="Reject").click()
    expect(second.get_by_role("status")).to_contain_text("This question waits no longer")
    shot(other, "waiting-answered-elsewhere")
    second.get_by_role("button", name="Close this message").click()
    expect(second.get_by_role("status")).to_have_count(0)
    row = questions[1].filter(has_text=no)
    expect(row.get_by_role("button", name="Reject")).to_be_visible()  # it stays open, though the list was read again
    row.get_by_role("button", name="Reject").focus()
    row.evaluate("() => Aimylogic.reload(document.getElementById('questions'))")
    expect(row.get_by_role("button", name="Reject")).to_be_focused()  # nor does the keyboard lose its place
    row.locator("summary").focus()
    for _ in range(2):
        other.keyboard.press("Tab")
    other.keyboard.press("Enter")
    expect(second.get_by_role("dialog")).to_contain_text("Reject?")
    other.keyboard.press("Tab")
    other.keyboard.press("Enter")
    expect(second.get_by_role("status")).to_have_text("1 was answered.")
    expect(questions[1]).to_have_count(0)
    other.close()
    wait_for("both runs", lambda: {airflow.run_state("call_a_list", one) for one in runs} == {"success"}, 90)
    assert [job.phone for job in campaign.emulator.jobs()] == [runs[yes]]
