"""Airflow's required actions, as a person finds them in the browser."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Locator, Page

from local_servers.airflow import LocalAirflow

__all__ = ["question_in"]


def question_in(page: Page, airflow: LocalAirflow, subject: str) -> Locator:
    """The row of a question, among all of them: Airflow shows fifty, the oldest first, unless it is searched for."""
    page.goto(f"{airflow.url}/required_actions?subject_search={quote(subject)}")
    return page.get_by_role("row").filter(has_text=subject)
