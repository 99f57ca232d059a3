"""The emulator's page in a real Chromium: what it shows, what its buttons do, what it never shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Request, expect

from aimylogic_provider.emulator import DEFAULT_TOKEN, Emulator
from local_servers.airflow import free_port
from tests.conftest import PATIENCE

PHONE = "79123456789"


@pytest.fixture
def page(chromium: Browser, emulator: Emulator) -> Iterator[Page]:
    """The page; nothing may be said in its console, no dialog may come up, nothing may be fetched from elsewhere."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    trouble: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        trouble.append(dialog.message)
        dialog.dismiss()

    def look(request: Request) -> None:
        if not request.url.startswith((f"{emulator.url}/", "data:,")):
            trouble.append(request.url)

    def hear(message: ConsoleMessage) -> None:
        if "400 (Bad Request)" not in message.text:  # what the emulator refuses, the page tells
            trouble.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", dismiss)
    page.on("request", look)
    page.goto(emulator.url)
    expect(page.locator("#connection")).to_have_text("live")
    yield page
    context.close()
    assert trouble == []


def add(emulator: Emulator, key: str | None = "a", **query: str) -> Any:
    url = f"{emulator.url}/api/crmCalls/campaign/{DEFAULT_TOKEN}/addPhone"
    headers = {} if key is None else {"Idempotence-Key": key}
    answer = requests.post(url, params={"phone": PHONE, **query}, headers=headers, timeout=5)
    return answer.json() if answer.ok else None


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
    expect(page.locator("#requests tr")).to_contain_text(re.compile(r"POST addPhone.*200.*7912\*\*\*6789"))
    expect(page.locator(".campaign").first).to_contain_text("Emulated campaign 1")
    expect(page.locator(".campaign").first).to_contain_text("inProcess 1")
    emulator.advance(hours=1)
    expect(row).not_to_contain_text("inProcess")
    expect(page.locator(".campaign .bar").first.locator("i")).to_have_count(1)


def test_a_test_call_is_told_from_others(emulator: Emulator, page: Page) -> None:
    add(emulator)
    address = f"{emulator.url}/api/crmCalls/campaign/{DEFAULT_TOKEN}/test/addPhone"
    assert requests.get(address, params={"phone": PHONE}, timeout=5).ok
    expect(page.locator("#jobs tr")).to_have_count(2)
    expect(page.locator("#jobs tr").first.locator("td").first).to_have_attribute("title", "a test call")
    expect(page.locator("#jobs td[title='a test call']")).to_have_count(1)


def test_what_callers_send_is_escaped(emulator: Emulator, page: Page) -> None:
    bad = "<img src=x onerror=alert(1)>"
    emulator.campaign(1, name=bad)
    add(emulator, bad, phone=PHONE, **{bad: bad})
    add(emulator, bad + "2", phone=bad)
    requests.get(f"{emulator.url}/{bad}", timeout=5)
    emulator.fault("before_commit", "reset", path="addPhone", key=bad)
    expect(page.locator("#requests tr")).to_have_count(3)
    for place in ("#jobs", "#requests", "#faults", ".campaign >> nth=0"):
        expect(page.locator(place)).to_contain_text(bad)
    assert page.locator("img, [onerror]").count() == 0


def test_neither_tokens_nor_phones_are_shown(emulator: Emulator, page: Page) -> None:
    phone = "79005554433"  # not the one of the hint
    add(emulator, f"call-{phone}", phone=phone)
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


def test_a_fault_is_ordered_by_the_keyboard_alone(emulator: Emulator, page: Page) -> None:
    page.get_by_label("Request").focus()
    page.keyboard.press("Tab")  # of addPhone, as it was
    page.keyboard.press("ArrowUp")  # from after the commit to before it
    page.keyboard.press("Tab")
    for _ in range(3):  # from a reset to a status
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("429")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("2")
    page.keyboard.press("Tab")
    page.keyboard.type("+7 912 345-67-89")
    page.keyboard.press("Enter")
    expect(page.locator("#faults tr")).to_contain_text(
        re.compile(r"before_commit.*status 429.*addPhone.*7912\*\*\*6789.*0 of 2")
    )
    assert add(emulator) is None
    assert add(emulator) is None
    assert add(emulator) is not None, "two were struck"
    (rule,) = emulator.faults()
    assert (rule.status, rule.hits, rule.phone) == (429, 2, PHONE)


def test_the_form_offers_what_can_be_and_tells_what_cannot(emulator: Emulator, page: Page) -> None:
    actions = page.get_by_label("What happens").locator("option")
    expect(actions).to_have_count(11)
    page.get_by_label("When").select_option("in_body")
    expect(actions).to_have_count(5)
    page.get_by_label("Request").select_option("")
    page.get_by_label("How often").select_option("chance")
    page.get_by_label("n", exact=True).fill("50")
    page.get_by_role("button", name="order the fault").click()
    expect(page.locator("#faults tr")).to_contain_text("probability 0.5")
    page.get_by_label("Only this phone").fill("<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="order the fault").click()
    expect(page.locator("#said")).to_contain_text("Not done: phone isn't a number with a country code")
    assert len(emulator.faults()) == 1


def test_a_campaign_is_paused_and_resumed(emulator: Emulator, page: Page) -> None:
    bad = "<script>alert(1)</script>"
    emulator.campaign(2, name=bad)
    page.get_by_role("button", name=f"pause {bad}").press("Enter")
    expect(page.locator("#said")).to_have_text(f"{bad} is paused.")
    assert [campaign.status for campaign in emulator.campaigns()] == ["inProgress", "paused"]
    resume = page.get_by_role("button", name=f"resume {bad}")
    expect(resume).to_be_focused()
    resume.press("Enter")
    expect(page.get_by_role("button", name=f"pause {bad}")).to_be_visible()
    assert emulator.campaign(2).status == "inProgress"


def test_jobs_are_looked_for_among_60_000_and_turned_over_page_by_page(emulator: Emulator, page: Page) -> None:
    first = add(emulator, "<b>the first</b>", phone="12025550123")
    emulator.campaign(lines=0)
    items = [{"phone": f"7912{number:07}"} for number in range(59_999)]
    address = f"{emulator.url}/api/calls/campaign/{DEFAULT_TOKEN}/addPhones"
    assert requests.post(address, json=items, timeout=30).ok
    rows, count = page.locator("#jobs tr"), page.locator("#jobs-count")
    expect(count).to_have_text("1–50 of 60,000")
    page.get_by_role("button", name="older").click()
    expect(count).to_have_text("51–100 of 60,000")
    shown = rows.first.inner_text()
    add(emulator, "meanwhile", phone="12025550124")
    expect(count).to_have_text("51–100 of 60,000")
    page.wait_for_timeout(1_200)
    assert rows.first.inner_text() == shown, "an older page stays as it is, though jobs come in"
    page.get_by_role("button", name="newest").click()
    expect(rows.first).to_contain_text("1202***0124")
    search = page.get_by_label("Phone, id or key")
    for text, found in (
        ("+7 912 005-99-98", 1), ("7912***0042", 6), (first, 1), ("<b>the first</b>", 1), ("12025550123", 1),
    ):  # fmt: skip
        search.fill(text)
        expect(count).to_contain_text(f"{found} found, of 60,001")
    expect(rows).to_contain_text("<b>the first</b>")
    search.fill("")
    page.locator("#status").select_option("planned")
    expect(count).to_contain_text("60,000 found")
    search.fill("nobody's")
    expect(page.locator("#jobs-none")).to_be_visible()
    page.get_by_role("button", name="show all").click()
    expect(count).to_have_text("1–50 of 60,001")
    expect(search).to_be_focused()


def test_forgetting_all_asks_once_more(emulator: Emulator, page: Page) -> None:
    add(emulator)
    expect(page.locator("#jobs tr")).to_have_count(1)
    page.get_by_role("button", name="Forget all").dblclick()
    sure = page.get_by_role("button", name="Really forget all")
    expect(sure).to_be_visible()
    page.keyboard.press("Escape")
    expect(sure).to_be_hidden()
    page.keyboard.press("Enter")
    expect(sure).to_be_focused()
    assert len(emulator.jobs()) == 1
    sure.click()
    expect(page.locator("#said")).to_have_text("All is forgotten.")
    expect(page.locator("#jobs-empty")).to_be_visible()
    assert emulator.jobs() == []


def top(where: Locator) -> float:
    box = where.bounding_box()
    assert box is not None
    return box["y"]


def test_a_refresh_keeps_focus_selection_and_scroll_position(emulator: Emulator, page: Page) -> None:
    for number in range(25):
        add(emulator, f"key {number}")
    rows = page.locator("#jobs tr")
    expect(rows).to_have_count(25)
    where = page.locator("#jobs tr", has_text="key 8")
    where.evaluate("row => getSelection().selectAllChildren(row.lastChild)")
    page.locator("#jobs-box").evaluate("box => { box.scrollTop = 300; }")
    page.get_by_role("button", name="+1 h").focus()
    before = top(where)
    add(emulator, "one more")
    expect(rows).to_have_count(26)
    assert top(where) == pytest.approx(before, abs=1), "nothing moves under the eyes"
    assert page.evaluate("getSelection().toString().trim()") == "key 8"
    expect(page.get_by_role("button", name="+1 h")).to_be_focused()


def test_it_asks_nothing_while_its_tab_is_hidden(emulator: Emulator, page: Page) -> None:
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); " \
        "document.dispatchEvent(new Event('visibilitychange')); }"  # fmt: skip
    page.evaluate(hide, True)
    page.wait_for_timeout(200)  # for what was under way
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    add(emulator)
    page.wait_for_timeout(1_500)
    assert asked == []
    page.evaluate(hide, False)
    expect(page.locator("#jobs tr")).to_have_count(1)


def test_it_says_when_the_emulator_is_gone_and_finds_it_again(chromium: Browser) -> None:
    with chromium.new_context() as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        with Emulator(port=free_port()) as first:  # one that the system gives nobody else meanwhile
            page.goto(first.url)
            expect(page.locator("#connection")).to_have_text("live")
        expect(page.locator("#connection")).to_contain_text("can't be reached")
        expect(page.locator("#gone")).to_contain_text("has not answered since")
        page.get_by_role("button", name="+1 h").click()
        expect(page.locator("#said")).to_have_text("Not done: the emulator did not answer.")
        with Emulator(port=first.port):
            expect(page.locator("#connection")).to_have_text("live")
            expect(page.locator("#gone")).to_be_hidden()


CONTRASTS = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? behind(node.parentElement) : colour;
  };
  const told = "h1, h2, p, th, td, td span, li, button:enabled, a, label, select";
  return Object.fromEntries([...document.querySelectorAll(told)]
    .filter((node) => node.offsetParent && node.textContent.trim())
    .map((node) => {
      const [low, high] = [light(getComputedStyle(node).color), light(behind(node))].sort((one, other) => one - other);
      return [`${node.tagName} ${node.className} ${node.textContent}`, (high + 0.05) / (low + 0.05)];
    }));
}"""


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(244, 245, 248)"), ("dark", "rgb(17, 20, 27)")])
def test_both_colour_schemes_can_be_read_at_two_widths(
    emulator: Emulator, page: Page, scheme: Any, background: str
) -> None:
    results = ["longCallWithResult", "longCallWithNoResult", "noAnswer", "nonexistentNumber", "technicalError"]
    phones = [f"7912345678{number}" for number in range(len(results))]
    emulator.settings(outcomes={phone: [result] for phone, result in zip(phones, results, strict=True)})
    for phone in phones:
        add(emulator, None, phone=phone)
    emulator.advance(hours=1)
    emulator.campaign(lines=1)
    emulator.fault("before_commit", "status", path="addPhone", key="refused")
    for key in ("k" * 70, "b", "refused"):
        add(emulator, key)
    page.emulate_media(color_scheme=scheme)
    expect(page.locator("#jobs tr")).to_have_count(7)
    expect(page.locator(".counts").first.locator("li")).to_have_count(7)
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "only tables scroll sideways"
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert {text: contrast for text, contrast in contrasts.items() if contrast < 4.5} == {}
