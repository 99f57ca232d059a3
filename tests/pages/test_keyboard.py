"""The pages by keyboard alone, in a browser: Tab, Enter, Space and Esc do what a mouse does, and the focus shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence import retry
from tests.call_list.sync import Sync, phone
from tests.conftest import PATIENCE, TOKEN
from tests.pages.airflow_rows import AirflowRows
from tests.pages.people import session_token
from tests.pages.sent_list import RUN, SentList
from tests.pages.waiting_rows import Rows

FOCUSED = """() => {
  const one = document.activeElement, look = getComputedStyle(one);
  return {tag: one.localName, words: (one.innerText || one.ariaLabel || "").slice(0, 60),
          shows: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0};
}"""


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """Uma's, or whoever's name is put into the cookie."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def open_as(page: Page, name: str, address: str, path: str) -> None:
    root = address.removesuffix("/aimylogic")
    page.context.add_cookies([{"name": "_token", "value": session_token(name), "url": root}])
    page.goto(f"{address}/{path}")


def tab_to(page: Page, wanted: Locator, *, most: int = 30) -> None:
    """Press Tab until it has the focus; each stop on the way shows that it has it."""
    expect(wanted).to_be_visible()
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        assert stop["shows"] or stop["tag"] == "body", stop
        if wanted.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"Tab doesn't come to {wanted} within {most} stops")


def test_a_campaign_is_paused_and_a_no_by_escape_changes_nothing(
    page: Page, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(tokens={TOKEN: "Winter sale"}) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_WINTER_SALE", emulator.connection(TOKEN))
        open_as(page, "otto", address, "campaigns")
        pause = page.get_by_role("button", name="Pause")
        tab_to(page, pause)
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Don't")).to_be_focused()  # a no is nearest
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(pause).to_be_focused()
        assert emulator.campaign().status == "inProgress"
        page.keyboard.press("Space")
        expect(dialog).to_be_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("The campaign is paused")
        assert emulator.campaign().status == "paused"
        expect(page.get_by_role("button", name="Resume")).to_be_focused()


def test_who_is_asked_anew_at_once_after_a_no_is_heard(page: Page, address: str) -> None:
    """A dialog tells that it was closed only after the next one may be open."""
    open_as(page, "uma", address, "waiting")
    answers = page.evaluate(
        """async () => {
          const dialog = document.getElementById("ask"), moment = () => new Promise((go) => setTimeout(go, 50));
          const first = Aimylogic.confirmed("Pause?", "", "Pause");
          await moment();
          dialog.close("no");
          const second = Aimylogic.confirmed("Pause?", "", "Pause");
          await moment();
          document.getElementById("ask-yes").click();
          return [await first, await second];
        }"""
    )
    assert answers == [False, True]


def test_parked_calls_are_chosen_and_answered_in_bulk(page: Page, address: str, session: Any) -> None:
    rows = Rows(session)
    tasks = [rows.call(*["77"[: index + 1]], map_index=index, phone=f"7912***{index:04}") for index in range(2)]
    tasks.append(rows.call(map_index=2, phone="7912***0002"))
    session.commit()
    answered: list[tuple[str, Any]] = []

    def answer(route: Route) -> None:
        answered.append((route.request.url.rpartition("/taskInstances/")[2], json.loads(route.request.post_data or "")))
        rows.answered(tasks[int(route.request.url.split("/")[-2])])
        route.fulfill(status=200, json={})

    page.route("**/hitlDetails", answer)
    open_as(page, "uma", address, "waiting")
    everything, dialog = page.get_by_role("checkbox", name="All 3"), page.get_by_role("dialog")
    tab_to(page, everything)
    page.keyboard.press("Space")
    adopt = page.get_by_role("button", name="Adopt 2 that have exactly one job")
    tab_to(page, adopt, most=1)
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("2 calls are taken as created")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(adopt).to_be_focused()
    assert answered == []
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("2 were answered")
    assert [place for place, _ in answered] == ["add_phone/0/hitlDetails", "add_phone/1/hitlDetails"]
    expect(page.get_by_role("checkbox", name="This one")).to_be_focused()  # of what is left of the group
    tab_to(page, page.locator("summary").first)
    page.keyboard.press("Enter")
    leave = page.get_by_role("group", name="Answers").get_by_role("button", name="Leave it")
    tab_to(page, leave)
    page.keyboard.press("Space")
    expect(dialog).to_contain_text("Leave it?")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_text("Nothing waits for a person")).to_be_focused()
    assert len(answered) == 3


def test_a_list_is_found_opened_and_cancelled(
    page: Page,
    address: str,
    tmp_path: Path,
    emulator: Emulator,
    connections: None,
    no_pauses: None,
    monkeypatch: pytest.MonkeyPatch,
    session: Any,
) -> None:
    monkeypatch.setattr(retry, "_jitter", lambda state: 0.0)
    rows = AirflowRows(session)
    rows.task("another", RUN, "sync")
    sent = SentList(Sync(tmp_path, emulator, monkeypatch), rows)
    sent.sync.add(phone(number) for number in range(500))
    with ThreadPoolExecutor() as elsewhere:  # for here runs the browser's event loop
        sent.tell(elsewhere.submit(sent.sync.attempt).result())
    open_as(page, "uma", address, "lists")
    tab_to(page, page.get_by_label("DAG"))
    page.keyboard.type("winter")
    page.keyboard.press("Enter")
    page.wait_for_url("**/lists?dag=winter")
    expect(page.get_by_role("link", name="another")).to_have_count(0)
    tab_to(page, page.get_by_role("link", name="sync"))
    page.keyboard.press("Enter")
    cancel = page.get_by_role("button", name="Cancel 500 calls")
    tab_to(page, cancel)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#told-text")).to_contain_text("That is all")
    expect(page.get_by_role("button", name="Go through all 500 again")).to_be_focused()
    assert "cancelledByUser" in {job.status for job in emulator.jobs()}


def test_the_focus_stays_where_it_is_while_a_page_is_read_again(page: Page, address: str, session: Any) -> None:
    AirflowRows(session).task("winter_sale", RUN, "sync", state="running")
    open_as(page, "vera", address, f"lists/winter_sale/{RUN}")
    link = page.get_by_role("link", name="sync", exact=True)
    tab_to(page, link)
    page.evaluate("() => Aimylogic.reload(document.querySelector('main'))")
    expect(link).to_be_focused()
