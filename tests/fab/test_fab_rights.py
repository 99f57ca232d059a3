"""Whom the FAB auth manager lets do what on the pages: roles of one's own, one DAG alone, and those who don't sign in.

That its own roles (Viewer, User, Op, Admin) may what those of the simple auth manager may, tests/pages/test_access.py
shows by the same routes.
"""

from __future__ import annotations

from typing import Any

import pytest

from aimylogic_provider.pages.csrf import HEADER, token_for
from tests.pages.airflow_rows import AirflowRows
from tests.pages.conftest import Client
from tests.pages.people import add_fab_user
from tests.pages.test_access import address, routes
from tests.pages.waiting_rows import Rows

WEBSITE = ("can_read", "Website")
OF_ONE_DAG = [WEBSITE, ("can_read", "DAG:sale"), ("can_read", "DAG Runs"), ("can_read", "HITL Detail")]
MORE_OF_IT = [("can_edit", "DAG:sale"), ("can_edit", "DAG Runs"), ("can_edit", "HITL Detail")]


@pytest.fixture(scope="module", autouse=True)
def people(airflow_database: Any) -> None:
    """Of one DAG: Rita may read it, Ed also change it, Dora no run of it; Paul has the role Public, and no right."""
    add_fab_user("rita", "Reader of one DAG", *OF_ONE_DAG)
    add_fab_user("ed", "Editor of one DAG", *OF_ONE_DAG, *MORE_OF_IT)
    add_fab_user("dora", "Reader of no run", WEBSITE, ("can_read", "DAG:sale"))
    add_fab_user("olga", "Reader of one DAG's runs", WEBSITE, ("can_read", "DAG:sale"), ("can_read", "DAG Run:sale"))
    add_fab_user("paul", "Public")


@pytest.fixture
def two_dags(session: Any) -> Rows:
    rows = Rows(session)
    for dag in ("sale", "other"):
        rows.call("77", dag_id=dag, phone="7912***6789")
    session.commit()
    lists = AirflowRows(session)
    lists._dags |= {"sale", "other"}  # which are there
    for dag in ("sale", "other"):
        lists.task(dag, "run", "sync")
    return rows


@pytest.mark.parametrize(("method", "path", "right"), routes(), ids=lambda one: str(one))
def test_a_role_without_rights_sees_nothing(method: str, path: str, right: object, client: Client) -> None:
    assert client("paul").request(method, address(path), json={}).status_code == 403


def test_who_may_read_one_dag_sees_its_lists_and_questions_alone(two_dags: Rows, client: Client) -> None:
    for page in ("lists", "waiting"):
        shown = client("rita").get(page)
        assert shown.status_code == 200
        assert "sale" in shown.text
        assert "other" not in shown.text
    assert client("rita").get("waiting/count").json() == {"count": 1}
    assert client("rita").get("lists/sale/run").status_code == 200
    assert client("rita").get("lists/sale/run/sync/-1").status_code == 200
    for path in ("lists/other/run", "lists/other/run/sync/-1", "lists/other/run/sync/-1/state"):
        assert client("rita").get(path).status_code == 403


def test_who_may_read_a_dag_and_not_its_runs_sees_no_list_of_it(two_dags: Rows, client: Client) -> None:
    for name, seen in (("dora", False), ("olga", True)):
        shown = client(name).get("lists")
        assert shown.status_code == 200
        assert ("lists/sale/run" in shown.text) == seen, name
        assert "other" not in shown.text
        assert client(name).get("lists/sale/run").status_code == (200 if seen else 403)


def test_who_may_read_it_changes_nothing_and_who_may_edit_it_does_so_in_it_alone(
    two_dags: Rows, client: Client
) -> None:
    question = {one.dag_id: one for one in questions(two_dags.session)}
    for name, status in (("rita", 403), ("ed", 404)):  # the list isn't there: past the right, that is told
        assert client(name).get("lists/sale/run/sync/-1/results.csv").status_code == status
    assert client("ed").get("lists/other/run/sync/-1/results.csv").status_code == 403
    assert client("ed").post("lists/other/run/sync/-1/cancel", json={}).status_code == 403
    chosen = [{"id": one.id, "mark": one.mark} for one in question.values()]
    answers = {
        name: client(name).post("waiting/plan", json={"way": "leave", "chosen": chosen}).json()["answers"]
        for name in ("rita", "ed", "uma")
    }
    assert [len(answers[name]) for name in answers] == [0, 1, 2]
    assert "/dags/sale/" in answers["ed"][0]["path"]


def questions(session: Any) -> list[Any]:
    from aimylogic_provider.pages.waiting.questions import read_questions

    return read_questions(session, {"sale", "other"})


def test_a_connection_is_nobodys_of_one_dag(client: Client) -> None:
    for name in ("rita", "ed"):
        assert client(name).get("campaigns/state/winter_sale").status_code == 403
        assert client(name).post("campaigns/pause/winter_sale").status_code == 403


@pytest.fixture
def public_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever isn't signed in has the role Viewer."""
    monkeypatch.setenv("AIRFLOW__FAB__AUTH_ROLE_PUBLIC", "Viewer")


def test_where_nobody_has_to_sign_in_they_see_what_the_role_says_and_change_nothing(
    public_role: None, two_dags: Rows, app: Any
) -> None:
    from airflow.providers.fab.auth_manager.middleware import FabAuthRolePublicMiddleware
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    server = FastAPI()
    server.mount("/", app)
    server.add_middleware(FabAuthRolePublicMiddleware)
    nobody = TestClient(server, base_url="http://localhost/aimylogic", headers={HEADER: token_for("None")})
    assert "sale" in nobody.get("lists").text
    shown = nobody.get("waiting")
    assert "You may not answer these" in shown.text
    assert "<button data-way" not in shown.text
    assert nobody.get("lists/sale/run/sync/-1/results.csv").status_code == 403
    assert nobody.post("lists/sale/run/sync/-1/cancel", json={}).status_code == 403
    assert nobody.post("campaigns/pause/winter_sale").status_code == 403
