"""The pages of an Airflow whose address has a path: all that they lead to, or load, lies beneath it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pages.airflow_rows import AirflowRows
from tests.pages.people import session_token
from tests.pages.waiting_rows import Rows

LEADS = re.compile(r'(?:href|src|action|data-(?:refresh|send|count|cancel|question|airflow|root))="([^"]*)"')


@pytest.fixture
def browser(app: Any, session: Any) -> Any:
    """A browser, at an API server that lies beneath /team/airflow, as Airflow makes it of ``[api] base_url``."""
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    server = FastAPI(root_path="/team/airflow")
    server.mount("/aimylogic", app.routes[-1].app)
    return TestClient(server, base_url="http://localhost/team/airflow/aimylogic", follow_redirects=False)


@pytest.fixture
def signed_in(browser: Any) -> Any:
    browser.cookies.set("_token", session_token("ada"))
    return browser


def test_each_link_lies_beneath_it(signed_in: Any, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = '{"conn_type": "aimylogic", "host": "http://127.0.0.1", "port": 9, "password": "1.2.3"}'
    monkeypatch.setenv("AIRFLOW_CONN_WINTER_SALE", told)
    Rows(session).call("77")
    session.commit()
    lists = AirflowRows(session)
    lists._dags |= {"sale"}
    lists.task("sale", "run+1", "sync")
    question = re.search(r'data-id="([^"]+)"', signed_in.get("waiting").text)
    assert question is not None
    pages = ["campaigns", "campaigns/state/winter_sale", "lists", "lists/sale/run%2B1", "lists/sale/run%2B1/sync/-1",
             "waiting", "waiting/unasked", f"waiting/question/{question[1]}", "no-such-page"]  # fmt: skip
    for path in pages:
        leads = LEADS.findall(signed_in.get(path).text)
        assert len(leads) > 5, path
        assert [lead for lead in leads if not re.match(r"/team/airflow(/|$)|#", lead)] == [], path


def test_the_first_page_leads_on_beneath_it(signed_in: Any) -> None:
    assert signed_in.get("").headers["location"] == "/team/airflow/aimylogic/lists"


def test_a_slash_too_many_leads_to_the_page_by_whichever_host_and_scheme_the_browser_has(signed_in: Any) -> None:
    answer = signed_in.get("lists/", params={"dag": "sale"})
    assert answer.headers["location"] == "/team/airflow/aimylogic/lists?dag=sale"


def test_scripts_and_downloads_are_found_there(signed_in: Any) -> None:
    assert signed_in.get("static/page.js").status_code == 200
    assert "Airflow has no DAG sale" in signed_in.get("lists/sale/run/sync/-1/results.csv").text


def test_whoever_signs_in_comes_back_beneath_it(browser: Any) -> None:
    framed, alone = browser.get("waiting"), browser.get("waiting", headers={"Sec-Fetch-Dest": "document"})
    sign_in = 'href="/team/airflow/api/v2/auth/login?next='
    assert f"{sign_in}%2Fteam%2Fairflow%2Fplugin%2Faimylogic" in framed.text
    assert f"{sign_in}%2Fteam%2Fairflow%2Faimylogic%2Fwaiting" in alone.text
