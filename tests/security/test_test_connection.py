"""The button *Test* against a hostile server. Airflow shows what it says as it is, and masks nothing of it."""

from __future__ import annotations

import gzip
import json
import socket

import pytest

from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.hooks import AimylogicHook
from tests.secrets.leaks import leaks
from tests.security.hostile import Behaviour, answer, hostile

TOKEN = "123.456.bAYxokdzmkWBZP2Tjcf4W0nz"
SECRET = TOKEN.rpartition(".")[2]


def campaign(**fields: object) -> Behaviour:
    return answer(json.dumps({"id": 1, "name": "Winter sale", "status": "inProgress", **fields}).encode())


def failed(status: str, **fields: object) -> Behaviour:
    return answer(json.dumps(fields).encode(), status)


def flood(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"name": "')
    while True:
        connection.sendall(b"x" * 65536)


ANSWERS: dict[str, Behaviour] = {
    "the token as a name": campaign(name=TOKEN),
    "the token in a name": campaign(name=f"Sale {TOKEN} of winter"),
    "a token's part as a name": campaign(name=SECRET),
    "the token as a status": campaign(status=TOKEN),
    "a token's part as a status": campaign(status=SECRET),
    "an element as a name": campaign(name="<img src=x onerror=alert(1)>" * 100),
    "a short element as a name": campaign(name="<b>Sale"),
    "a long name": campaign(name="x" * 1_000_000),
    "a long status": campaign(status="x" * 1_000_000),
    "lines in a name": campaign(name="Sale\n\nPress here: https://evil.example\x1b[31m"),
    "turned around": campaign(name="Sale \u202e gnp.exe"),
    "a lone surrogate": campaign(name="\ud800"),
    "a huge number": campaign(shortReport={"totalNumbers": 10**4000, "processedNumbers": -(10**4000)}),
    "an error that is the token": failed("400 Bad", type=TOKEN, message=TOKEN),
    "an error that is a token's part": failed("400 Bad", type=SECRET, message=SECRET),
    "an error in words": failed("500 Bad", error=SECRET, message=TOKEN),
    "a page": answer(f"<html><script>alert('{TOKEN}')</script></html>".encode(), "502 Bad Gateway"),
    "the token in the status line": answer(b"", f"400 {TOKEN} <script>"),
    "the token in headers": answer(
        b"", "429 Slow down", f"Retry-After: {TOKEN}", f"Date: {TOKEN}", f"Location: {TOKEN}"
    ),
    "a redirect to the token": answer(b"", "302 Found", f"Location: https://evil.example/{TOKEN}"),
    "a packed page": answer(gzip.compress(TOKEN.encode()), "200 OK", "Content-Encoding: gzip"),
    "a coding that is the token": answer(b"x", "200 OK", f"Content-Encoding: {SECRET}"),
    "gigabytes": flood,
    "no HTTP": lambda connection: connection.sendall(f"{TOKEN}\r\n\r\n".encode()),
}


@pytest.fixture
def no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)


@pytest.mark.usefixtures("no_naps")
@pytest.mark.parametrize("behave", ANSWERS.values(), ids=ANSWERS.keys())
def test_it_says_little_and_nothing_that_harms(behave: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(behave) as server:
        extra = {"connect_timeout": 0.3, "read_timeout": 0.4}
        connection = {"conn_type": "aimylogic", "host": server.url, "password": TOKEN, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", json.dumps(connection))
        _, told = AimylogicHook().test_connection()
    assert len(told) < 400
    assert told.isprintable()
    assert not any(sign in told for sign in "<>")
    assert leaks({"told": told.encode()}, TOKEN) == {}


@pytest.mark.usefixtures("no_naps")
@pytest.mark.parametrize("field", ["type", "error"])
def test_no_error_bears_a_part_of_the_token(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words are as those of the contract: letters and digits."""
    with hostile(failed("400 Bad", **{field: SECRET, "message": "no"})) as server:
        connection = {"conn_type": "aimylogic", "host": server.url, "password": TOKEN}
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", json.dumps(connection))
        for call in (AimylogicHook().pause_campaign, lambda: AimylogicHook().add_phone("79123456789")):
            with pytest.raises(ApiError) as error:
                call()
            assert leaks({"error": f"{error.value} {error.value.type}".encode()}, TOKEN) == {}
