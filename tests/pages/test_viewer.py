"""What a viewer meets in a browser: pages that say which right is missing, and no button that would need it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.people import session_token


def opened(chromium: Browser, address: str, name: str) -> Page:
    context = chromium.new_context()
    context.add_cookies([{"name": "_token", "value": session_token(name), "url": address.removesuffix("/aimylogic")}])
    page = context.new_page()
    page.goto(f"{address}/campaigns")
    return page


def test_a_viewer_without_rights_sees_no_campaign_and_may_do_nothing(
    chromium: Browser, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "1.2.thisisnotatoken"
    told = f'{{"conn_type": "aimylogic", "host": "http://127.0.0.1", "port": 1, "password": "{secret}"}}'
    monkeypatch.setenv("AIRFLOW_CONN_WINTER_SALE", told)
    page = opened(chromium, address, "otto")
    expect(page.get_by_role("article", name="winter_sale")).to_be_visible()
    page.context.close()

    page = opened(chromium, address, "vera")
    expect(page.locator("main")).to_contain_text("read")
    expect(page.get_by_role("article")).to_have_count(0)
    expect(page.locator("main").get_by_role("button")).to_have_count(0)
    assert "winter_sale" not in page.content()
    csrf = page.evaluate("document.querySelector('meta[name=aimylogic-csrf]').content")
    assert page.goto(f"{address}/campaigns/state/winter_sale").status == 403  # type: ignore[union-attr]
    expect(page.locator("main")).to_contain_text("You may not read this connection")
    assert secret not in page.content()
    done = page.evaluate(
        "async ([url, csrf]) => (await fetch(url, {method: 'POST', headers: {'X-Aimylogic-CSRF': csrf}})).text()",
        [f"{address}/campaigns/pause/winter_sale", csrf],
    )
    assert "You may not edit this connection" in done
    page.context.close()
