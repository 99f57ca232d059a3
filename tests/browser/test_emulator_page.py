"""The emulator's page in a real Chromium: what it shows, what its buttons do, what it never shows."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from aimylogic_provider.emulator import DEFAULT_TOKEN, Emulator

PHONE = "79123456789"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
expect.set_options(timeout=5_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "Chromium is absent: `make chromium` installs Debian's"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, emulator: Emulator) -> Iterator[Page]:
    """The page; nothing may be said in its console, no dialog may come up, nothing may be fetched from elsewhere."""
    context = chromium.new_context()
    context.set_default_timeout(5_000)
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    page.on(
        "request", lambda request: trouble.append(request.url) if not request.url.startswith(emulator.url) else None
    )
    page.goto(emulator.url)
    expect(page.locator("#connection")).to_have_text("live")
    yield page
    context.close()
    assert [text for text in trouble if not text.startswith("data:")] == []


def add(emulator: Emulator, key: str | None = "a", **query: str) -> Any:
    url = f"{emulator.url}/api/crmCalls/campaign/{DEFAULT_TOKEN}/addPhone"
    headers = {} if key is None else {"Idempotence-Key": key}
    return requests.post(url, params={"phone": PHONE, **query}, headers=headers, timeout=5).json()


def test_a_click_on_25_hours_changes_what_add_phone_does(emulator: Emulator, page: Page) -> None:
    first = add(emulator)
    assert add(emulator) == first
    page.get_by_role("button", name="+25 h").click()
    expect(page.locator("#skew")).to_contain_text("25 h")
    assert add(emulator) != first, "the key has expired"
    expect(page.locator("#jobs tr")).to_have_count(2)


def test_the_other_buttons_of_the_clock(emulator: Emulator, page: Page) -> None:
    page.get_by_role("button", name="stand still").click()
    expect(page.locator("#skew")).to_contain_text("stands still")
    before = emulator.now()
    page.get_by_role("button", name="+1 min").click()
    page.get_by_role("button", name="+1 h").click()
    expect(page.locator("#skew")).to_contain_text("1 h 1 min ahead")
    assert (emulator.now() - before).total_seconds() == pytest.approx(3660)
    page.get_by_role("button", name="run", exact=True).click()
    expect(page.locator("#skew")).not_to_contain_text("still")
    page.get_by_role("button", name="back to real time").click()
    expect(page.locator("#skew")).to_have_text("real time")


def test_it_shows_jobs_requests_and_campaigns_as_they_come(emulator: Emulator, page: Page) -> None:
    expect(page.locator("#jobs-empty")).to_be_visible()
    expect(page.locator("#example")).to_contain_text(f"{emulator.url}/api/crmCalls/campaign/<TOKEN>/addPhone")
    number = add(emulator, name="Alex")
    row = page.locator("#jobs tr")
    expect(row).to_contain_text(re.compile(rf"{number}.*7912\*\*\*6789.*inProcess"))
    expect(page.locator("#requests tr")).to_contain_text(re.compile(r"POST addPhone.*7912\*\*\*6789.*200"))
    expect(page.locator(".campaign").first).to_contain_text("Emulated campaign 1")
    expect(page.locator(".campaign").first).to_contain_text("inProcess 1")
    emulator.advance(hours=1)
    expect(row).not_to_contain_text("inProcess")


def test_what_callers_send_is_escaped(emulator: Emulator, page: Page) -> None:
    bad = "<img src=x onerror=alert(1)>"
    emulator.campaign(1, name=bad)
    add(emulator, bad, phone=PHONE, **{bad: bad})
    add(emulator, bad + "2", phone=bad)
    requests.get(f"{emulator.url}/{bad}", timeout=5)
    expect(page.locator("#requests tr")).to_have_count(3)
    expect(page.locator("#jobs")).to_contain_text(bad)
    expect(page.locator(".campaign").first).to_contain_text(bad)
    assert page.locator("img").count() == 0


def test_neither_tokens_nor_phones_are_shown(emulator: Emulator, page: Page) -> None:
    phone = "79005554433"  # not the one of the hint
    add(emulator, phone=phone)
    emulator.fault("before_commit", "reset", phone=phone)
    expect(page.locator("#faults tr")).to_contain_text("7900***4433")
    expect(page.locator("#jobs tr")).to_have_count(1)
    overview = requests.get(f"{emulator.url}/_emulator/overview", timeout=5).text
    for shown in (page.content(), overview):
        assert DEFAULT_TOKEN not in shown
        assert phone not in shown


def test_faults_are_shown_with_their_hits_and_dropped(emulator: Emulator, page: Page) -> None:
    emulator.fault("before_commit", "status", path="addPhone", times=3, status=429)
    add_all = f"{emulator.url}/api/crmCalls/campaign/{DEFAULT_TOKEN}/addPhone"
    requests.post(add_all, params={"phone": PHONE}, timeout=5)
    expect(page.locator("#faults tr")).to_contain_text(re.compile(r"before_commit.*status 429.*addPhone.*1 of 3"))
    page.get_by_role("button", name="drop all").click()
    expect(page.locator("#faults-empty")).to_be_visible()
    assert emulator.faults() == []


def test_forgetting_all_asks_once_more(emulator: Emulator, page: Page) -> None:
    add(emulator)
    page.get_by_role("button", name="Forget all").click()
    sure = page.get_by_role("button", name="Really forget all")
    expect(sure).to_be_visible()
    assert len(emulator.jobs()) == 1
    sure.click()
    expect(page.locator("#jobs-empty")).to_be_visible()
    assert emulator.jobs() == []


def test_a_refresh_keeps_what_a_person_does(emulator: Emulator, page: Page) -> None:
    add(emulator)
    row = page.locator("#jobs tr").first
    expect(row).to_be_visible()
    row.evaluate("row => { row.mark = 'kept'; }")
    page.get_by_role("button", name="+1 h").focus()
    add(emulator, "b")
    expect(page.locator("#jobs tr")).to_have_count(2)
    assert page.locator("#jobs tr").nth(1).evaluate("row => row.mark") == "kept", "rows are not built anew"
    assert page.evaluate("document.activeElement.textContent") == "+1 h"


def test_it_says_when_the_emulator_is_gone_and_finds_it_again(chromium: Browser) -> None:
    with chromium.new_context() as context:
        page = context.new_page()
        with Emulator() as first:
            page.goto(first.url)
            expect(page.locator("#connection")).to_have_text("live")
        expect(page.locator("#connection")).to_contain_text("can't be reached")
        with Emulator(port=first.port):
            expect(page.locator("#connection")).to_have_text("live")


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(244, 245, 248)"), ("dark", "rgb(17, 20, 27)")])
@pytest.mark.parametrize("width", [1280, 400])
def test_both_colour_schemes_at_two_widths(
    emulator: Emulator, page: Page, scheme: Any, background: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    add(emulator, "k" * 70)
    expect(page.locator("#jobs tr")).to_have_count(1)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "only tables scroll sideways"
