"""The filter of *Waiting for a person*, in a browser: what stands in its address, and what is answered by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.people import session_token
from tests.pages.waiting_rows import Rows


@pytest.fixture
def page(chromium: Browser, address: str, session: Any) -> Iterator[Page]:
    """Ada's, with three questions that wait."""
    rows = Rows(session)
    for number, end in enumerate((6701, 6789, 6790)):
        rows.call(phone=f"7912***{end}", task_id=f"add_{number}")
    session.commit()
    context = chromium.new_context()
    root = address.removesuffix("/aimylogic")
    context.add_cookies([{"name": "_token", "value": session_token("ada"), "url": root}])
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


@pytest.mark.parametrize("written", ["8 (912) 345-67-89", "+79123456789"])
def test_a_phone_that_is_looked_for_is_found_and_stands_in_no_address(page: Page, address: str, written: str) -> None:
    page.goto(f"{address}/waiting")
    page.get_by_label("Text").fill(written)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#waiting-sum")).to_contain_text("1 waits, of 3", timeout=20_000)
    assert page.url.endswith("text=***6789")
    assert page.get_by_text("7912***6789").count() == 1


def test_an_address_that_names_a_filter_twice_answers_what_it_shows(page: Page, address: str) -> None:
    page.goto(f"{address}/waiting?text=&text=***6789")
    expect(page.locator("#waiting-sum")).to_contain_text("1 waits, of 3", timeout=20_000)
    page.get_by_label("This one").check()
    page.get_by_role("button", name="Leave it").click()
    expect(page.get_by_role("dialog")).to_contain_text("Leave it?")
    expect(page.get_by_role("dialog")).to_contain_text("1 call is left")
