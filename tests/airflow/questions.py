"""Airflow's required actions, as a person finds them in the browser."""

from __future__ import annotations

import os
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from local_servers.airflow import LocalAirflow
from tests.conftest import HAS_RECORD

__all__ = ["WAITING", "check_buttons_in_sight", "question_in", "shot"]

WAITING = ("awaiting_input", "deferred")
"""The states of a task that asks; before 3.3 it defers."""


def question_in(page: Page, airflow: LocalAirflow, subject: str) -> Locator:
    """The row of a question, among all of them: Airflow shows fifty, the oldest first, unless it is searched for."""
    page.goto(f"{airflow.url}/required_actions?subject_search={quote(subject)}")
    return page.get_by_role("row").filter(has_text=subject)


def check_buttons_in_sight(page: Page, button: str) -> None:
    """On a small screen, without scrolling; but Airflow before 3.3 leaves a question less room."""
    if not HAS_RECORD:
        expect(page.get_by_role("button", name=button)).to_be_visible()
        return
    before = page.viewport_size
    page.set_viewport_size({"width": 1280, "height": 900})
    try:
        expect(page.get_by_role("button", name=button)).to_be_in_viewport(ratio=1)
    finally:
        page.set_viewport_size(before or {"width": 1280, "height": 1300})


def shot(page: Page, name: str) -> None:
    """Keep a picture of what a test sees, in the folder AIMYLOGIC_SHOTS; without it none is taken."""
    if folder := os.environ.get("AIMYLOGIC_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
