"""Nobody sees or does what they may not: each route, as nobody, as a viewer, and as an operator."""

from __future__ import annotations

import re
from typing import Any

import pytest

from aimylogic_provider.pages.access import _MARK, Right, needs
from aimylogic_provider.pages.app import make_app
from tests.pages.conftest import Client
from tests.pages.people import PEOPLE, person, session_token

MAY = {
    Right.SIGNED_IN: {"vera", "uma", "otto", "ada"},
    Right.SEE_RUN: {"vera", "uma", "otto", "ada"},
    Right.CHANGE_RUN: {"uma", "otto", "ada"},
    Right.SEE_CAMPAIGN: {"otto", "ada"},
    Right.CHANGE_CAMPAIGN: {"otto", "ada"},
}


LOOK = "/static/{name}"
"""What is open to everybody: the pages' own scripts and styles."""


def routes() -> list[tuple[str, str, Right | None]]:
    """Method, path and right of each route."""
    return [
        (method, route.path, getattr(route.endpoint, _MARK, None))
        for route in make_app().routes
        if route.path != LOOK
        for method in sorted(getattr(route, "methods", {"GET"}) - {"HEAD"})
    ]


def address(path: str) -> str:
    return re.sub(r"\{(\w+)(:path)?\}", r"no-\1", path).replace("no-map_index", "-1")


@pytest.mark.parametrize(("method", "path", "right"), routes(), ids=lambda one: str(one))
def test_each_route_is_open_to_whom_its_right_says(method: str, path: str, right: Right | None, client: Client) -> None:
    assert right is not None, "a route that names no right"
    assert client().request(method, address(path)).status_code == 401, "to nobody"
    for name in PEOPLE:
        status = client(name).request(method, address(path), json={}).status_code
        assert (status not in (401, 403)) == (name in MAY[right]), (name, status)


def test_a_route_that_names_no_right_is_closed_to_everybody(client: Client) -> None:
    from fastapi.testclient import TestClient

    app = make_app()
    app.add_api_route("/forgotten", lambda: "seen")
    answer = TestClient(app).get("/forgotten", headers={"Authorization": f"Bearer {session_token('ada')}"})
    assert answer.status_code == 403
    assert "seen" not in answer.text


def test_only_the_look_of_a_page_is_open_to_nobody_in_particular(client: Client) -> None:
    shown = client().get("lists").text
    look = re.findall(r'"/aimylogic/(static/[^"]+)"', shown)
    assert {name.partition("?")[0] for name in look} == {"static/page.css", "static/theme.js", "static/page.js"}
    for name in look:
        answer = client().get(name)
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] in ("text/css", "text/javascript")
    for name in ("static/../app.py", "static/%2e%2e%2fapp.py", "static/layout.html"):
        assert client().get(name).status_code in (401, 404), name
    assert client().post("static/page.css").status_code == 405


def app_that_counts() -> tuple[Any, list[str]]:
    app, done = make_app(), []

    @app.post("/count")
    @needs(Right.SIGNED_IN)
    def count() -> dict[str, str]:
        done.append("once")
        return {}

    return app, done


@pytest.mark.parametrize("kept", ["nothing", "another's", "another site's"])
def test_what_changes_something_must_come_from_a_page_of_that_person(kept: str, client: Client) -> None:
    from fastapi.testclient import TestClient

    from aimylogic_provider.pages.csrf import HEADER, token_for

    client("ada")
    app, done = app_that_counts()
    browser = TestClient(app, cookies={"_token": session_token("ada")})
    good = {HEADER: token_for(str(person("ada").get_id())), "Sec-Fetch-Site": "same-origin"}
    bad = {
        "nothing": {},
        "another's": {**good, HEADER: token_for(str(person("vera").get_id()))},
        "another site's": {**good, "Sec-Fetch-Site": "cross-site"},
    }[kept]
    answer = browser.post("/count", headers=bad)
    assert (answer.status_code, done) == (403, [])
    assert "load the page again" in answer.json()["detail"]
    assert browser.post("/count", headers=good).status_code == 200
    assert done == ["once"]


def test_a_page_that_stood_open_since_yesterday_changes_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastapi.testclient import TestClient
    from itsdangerous import TimestampSigner

    from aimylogic_provider.pages.csrf import HEADER, token_for

    client("ada")
    app, done = app_that_counts()
    browser, now = TestClient(app, cookies={"_token": session_token("ada")}), TimestampSigner.get_timestamp
    for hours, status in ((11, 200), (13, 403)):
        with monkeypatch.context() as patched:
            patched.setattr(TimestampSigner, "get_timestamp", lambda signer, ago=hours: now(signer) - ago * 3600)
            of_then = token_for(str(person("ada").get_id()))
        assert browser.post("/count", headers={HEADER: of_then}).status_code == status
    assert done == ["once"]


def test_whoever_bears_the_token_of_the_rest_api_needs_no_page(client: Client) -> None:
    from fastapi.testclient import TestClient

    client("ada")
    app, done = app_that_counts()
    bearer = {"Authorization": f"Bearer {session_token('ada')}"}
    assert TestClient(app).post("/count", headers=bearer).status_code == 200
    assert done == ["once"]


@pytest.mark.parametrize("name", ["token", "access_token", "Password"])
def test_a_secret_in_the_address_is_refused_and_not_repeated(name: str, client: Client) -> None:
    answer = client("ada").get("lists", params={name: "8231.7056.secret"})
    assert answer.status_code == 400
    assert "8231" not in answer.text
    assert "would stand in logs" in answer.text


def test_a_token_in_the_address_signs_nobody_in(client: Client) -> None:
    assert client().get("lists", params={"token": session_token("ada")}).status_code == 401


def test_nobody_is_led_to_the_sign_in(client: Client) -> None:
    answer = client().get("lists")
    assert answer.status_code == 401
    assert 'href="/api/v2/auth/login?next=%2Fplugin%2Faimylogic"' in answer.text, "and on to the page in its frame"
    assert "You are not signed in to Airflow, or no longer: sign in" in answer.text


def test_nobody_who_opens_a_page_by_itself_comes_back_to_it(client: Client) -> None:
    answer = client().get("waiting", headers={"Sec-Fetch-Dest": "document"})
    assert 'href="/api/v2/auth/login?next=%2Faimylogic%2Fwaiting"' in answer.text


def test_whoever_is_signed_out_meanwhile_is_told_so(client: Client) -> None:
    told = client().post("waiting/plan", json={"way": "leave"}).json()["detail"]
    assert told.startswith("You are not signed in to Airflow, or no longer: sign in")
    fragment = client().get("waiting/questions", headers={"X-Aimylogic-Fragment": "1"})
    assert (fragment.status_code, fragment.json()["detail"]) == (401, told)


def test_each_answer_keeps_strangers_frames_and_scripts_out(client: Client) -> None:
    for answer in (client("vera").get("lists"), client().get("lists"), client("vera").get("no-such-page")):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
