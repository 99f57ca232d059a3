"""What the pages' script tells in a browser: of an Airflow that doesn't answer, of an answer that came too late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.pages.airflow_rows import AirflowRows
from tests.pages.people import session_token
from tests.pages.sent_list import RUN
from tests.pages.waiting_rows import Rows


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """Uma's."""
    context = chromium.new_context()
    context.add_cookies([{"name": "_token", "value": session_token("uma"), "url": address.removesuffix("/aimylogic")}])
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def ask_for_approval(session: Any) -> None:
    Rows(session).ask("Make 297 calls? [2]", ["Approve", "Reject"], operator="ApproveCallListOperator")
    session.commit()


def open_question(page: Page, address: str) -> None:
    page.goto(f"{address}/waiting")
    page.locator("summary").first.click()
    page.get_by_role("button", name="Reject").click()


def test_a_page_says_that_airflow_does_not_answer_and_what_is_shown_is_older(page: Page, address: str) -> None:
    page.clock.install()
    page.goto(f"{address}/waiting")
    hanging: list[Route] = []
    page.route("**/waiting/questions", lambda route: hanging.append(route))
    with page.expect_request("**/waiting/questions"):
        page.clock.fast_forward(5_500)
    questions = page.locator("#questions")
    expect(questions).not_to_have_attribute("data-stale", "Airflow hasn't answered yet: what is shown is older")
    page.clock.fast_forward(10_500)
    expect(questions).to_have_attribute("data-stale", "Airflow hasn't answered yet: what is shown is older")
    hanging[0].continue_()
    expect(questions).not_to_have_attribute("data-stale", "Airflow hasn't answered yet: what is shown is older")


def test_who_pressed_a_button_is_told_that_airflow_does_not_answer_yet(page: Page, address: str, session: Any) -> None:
    ask_for_approval(session)
    page.clock.install()
    hanging: list[Route] = []
    page.route("**/waiting/plan", lambda route: hanging.append(route))
    with page.expect_request("**/waiting/plan"):
        open_question(page, address)
    told = page.locator("#told")
    expect(told).to_be_hidden()
    page.clock.fast_forward(5_500)
    expect(told).to_contain_text("Airflow hasn't answered yet")
    page.clock.fast_forward(9_000)
    expect(told).to_be_visible()
    hanging[0].continue_()
    expect(page.get_by_role("dialog")).to_contain_text("Nobody of the list is called, and it is deleted.")
    expect(told).to_be_hidden()


def test_whose_answer_was_too_late_is_told_what_was_answered_by_whom(page: Page, address: str, session: Any) -> None:
    ask_for_approval(session)
    known: dict[str, Any] = {"chosen_options": ["Approve"], "responded_by_user": {"id": "1", "name": "Anna"}}

    def taken(route: Route) -> None:
        is_answer = route.request.method == "PATCH"
        route.fulfill(status=409 if is_answer else 200, json={"detail": "taken"} if is_answer else known)

    page.route("**/hitlDetails", taken)
    open_question(page, address)
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    told = "Your answer wasn't taken: the question was answered by somebody else meanwhile"
    expect(page.locator("#told-text")).to_have_text(f"{told}: “Approve”, by Anna.")
    known["chosen_options"] = None
    page.locator("button[data-option=Reject]").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator("#told")).to_be_hidden()  # what was told before is not of this
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(page.locator("#told-text")).to_have_text(f"{told}, or changed.")


def test_no_page_is_wider_than_its_window_whatever_a_dag_is_called(page: Page, address: str, session: Any) -> None:
    dag = "winter_sale_" * 17
    reason = {"reason": f"Failed: {'x' * 300}"}
    AirflowRows(session).task(dag, RUN, "sync", state="failed", xcoms={"report": reason})
    Rows(session).ask("Make 297 calls? [2]", ["Approve", "Reject"], dag_id=dag, run_id=RUN, task_id="approve",
                      operator="ApproveCallListOperator", body="y" * 300)  # fmt: skip
    session.commit()
    wide = {}
    for path in ("lists", f"lists/{dag}/{RUN}", f"lists/{dag}/{RUN}/sync/-1", "waiting"):
        page.goto(f"{address}/{path}")
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 800})
            wide[path, width] = page.evaluate("() => document.documentElement.scrollWidth")
    assert {place: one for place, one in wide.items() if one > place[1]} == {}
