"""What no page of ours would ask: odd characters, numbers and bodies, odd headers; each is refused in words."""

from __future__ import annotations

import time
from typing import Any

import pytest

from aimylogic_provider.pages.request_bounds import MOST_BYTES
from tests.pages.airflow_rows import AirflowRows
from tests.pages.conftest import Client
from tests.pages.people import session_token
from tests.pages.sent_list import RUN

LIST = f"lists/winter_sale/{RUN}/sync/-1"
NUL = (
    f"lists/%00/{RUN}", "lists/winter_sale/a%00b", f"lists/%00/{RUN}/sync/-1", "lists/winter_sale/%00/sync/-1/state",
    f"lists/winter_sale/{RUN}/%00/-1/results.csv", f"{LIST}?list=%00", "lists?dag=%00", "waiting?text=%00",
    "campaigns/state/%00", "campaigns/day/winter%00sale", "waiting/question/%00",
)  # fmt: skip


def test_a_nul_is_in_no_name_and_no_database_is_asked_for_it(session: Any, client: Client) -> None:
    AirflowRows(session).task("winter_sale", RUN, "sync")
    for address in NUL:
        answer = client("ada").get(address)
        assert answer.status_code == 400, address
        assert "There is a NUL in the address" in answer.text


BEYOND = (
    "waiting?page=-1", "waiting?page=1000000000", "waiting?page=1e9", "lists?before=9223372036854775808",
    f"lists/winter_sale/{RUN}?skip=-1", "lists?before=x", "waiting?kind=" + "k" * 30,
)  # fmt: skip


def test_a_number_or_word_out_of_bounds_is_told_on_a_page(session: Any, client: Client) -> None:
    for address in BEYOND:
        answer = client("ada").get(address)
        assert answer.status_code == 422, address
        assert answer.headers["content-type"].startswith("text/html")
        assert "What was asked for can&#39;t be read" in answer.text
        assert "k" * 30 not in answer.text


BODIES = {
    "no number": b'{"way": NaN}', "endless": b'{"way": 1e999}', "half a letter": b'{"way": "\\ud800"}',
    "half a letter within": b'{"chosen": [{"id": "\\ud800", "mark": "x"}]}',
    "half a letter in a filter": b'{"way": "leave", "all_of": {"text": "\\udfff"}}', "nothing": b"", "cut": b"{",
    "a list": b"[]", "a phone": b'{"chosen": "79123456789"}', "of no text": b"\xff\xfe",
}  # fmt: skip


def test_a_body_that_is_no_answer_is_refused_in_words_and_not_repeated(session: Any, client: Client) -> None:
    for name, body in BODIES.items():
        answer = client("ada").post("waiting/plan", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, name
        assert answer.json()["detail"].startswith("What was asked for can't be read (")
        assert "79123456789" not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_json_in_a_form_of_another_sites_is_no_request(kind: str, session: Any, client: Client) -> None:
    answer = client("ada").post("waiting/plan", content=b'{"way": "leave"}', headers={"Content-Type": kind})
    assert answer.status_code == 422


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000, b'{"way":' + b"9" * 5000 + b"}"])
def test_a_deep_body_breaks_nothing(deep: bytes, session: Any, client: Client) -> None:
    answer = client("ada").post("waiting/plan", content=deep, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize("name", [None, "ada"])
@pytest.mark.parametrize("told", [True, False], ids=["of a length that is told", "in pieces"])
def test_a_body_of_many_megabytes_is_not_read(told: bool, name: str | None, session: Any, client: Client) -> None:
    piece = b" " * 1_000_000
    content: Any = 10 * piece if told else iter([piece] * 10)
    answer = client(name).post("waiting/plan", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert f"longer than {MOST_BYTES:,} bytes" in answer.json()["detail"]


def test_a_hundred_thousand_ids_take_no_time_and_five_thousand_are_read(session: Any, client: Client) -> None:
    one = b'{"id":"01a22e7a-5d4a-73c0-bb0a-3dffb1e20f7d","mark":"0123456789abcdef"}'
    headers = {"Content-Type": "application/json"}
    browser = client("ada")
    began = time.monotonic()
    for count, status in ((100_000, 413), (20_000, 422), (5_000, 200)):
        body = b'{"way":"leave","chosen":[' + b",".join([one] * count) + b"]}"
        assert browser.post("waiting/plan", content=body, headers=headers).status_code == status, count
    assert time.monotonic() - began < 30


def test_a_bearer_beside_the_cookie_is_no_proof_of_being_meant(session: Any, client: Client) -> None:
    # Airflow 3.1 and 3.2 go by the cookie then, whatever the bearer is.
    browser = client("ada", page=False)
    bearer = {"Authorization": f"Bearer {session_token('ada')}"}
    assert browser.post("waiting/plan", json={"way": "leave"}, headers=bearer).status_code == 403
    assert client().post("waiting/plan", json={"way": "leave"}, headers=bearer).status_code == 200


def test_nothing_but_the_look_is_kept_on_the_way(session: Any, client: Client) -> None:
    AirflowRows(session).task("winter_sale", RUN, "sync")
    browser = client("ada")
    for address in ("", "lists", LIST, "waiting", "waiting/count", "waiting?page=0", "nothing", "campaigns/state/no"):
        assert browser.get(address).headers["cache-control"] == "no-store", address
        assert "etag" not in browser.get(address).headers
    assert browser.post("waiting/plan", json={"way": "leave"}).headers["cache-control"] == "no-store"
    assert client().get("waiting/count").headers["cache-control"] == "no-store"


def test_no_other_method_does_anything(session: Any, client: Client) -> None:
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
        for address in ("waiting/plan", "campaigns/pause/no", f"{LIST}/cancel", "lists"):
            assert client("ada").request(method, address).status_code == 405, (method, address)


def test_a_header_makes_no_other_method_of_one(session: Any, client: Client) -> None:
    headers = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
    assert client("ada").get("campaigns/pause/no", headers=headers).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "["}, {"Host": "a/b?c#d"},
     {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript", "X-Forwarded-Prefix": "//evil.example"}],
    ids=str,
)  # fmt: skip
def test_no_header_leads_anybody_elsewhere(headers: dict[str, str], session: Any, client: Client) -> None:
    browser = client("ada")
    assert browser.get("", headers=headers).headers["location"] == "/aimylogic/lists"
    if "evil" in str(headers):  # of what is no host, older versions of Starlette make a path of the same site
        for address in ("lists/", "waiting/"):
            assert browser.get(address, headers=headers).headers["location"] == f"/aimylogic/{address.strip('/')}"
    for address in ("lists", "waiting", "campaigns"):
        shown = browser.get(address, headers=headers)
        assert shown.status_code == 200
        assert "evil" not in shown.text
        assert f'/aimylogic/{address}" aria-current="page"' in shown.text
    told = client().get("waiting", headers=headers | {"Sec-Fetch-Dest": "document"})
    assert 'next=%2Faimylogic%2Fwaiting"' in told.text
