"""A redirect is never followed, wherever it points: the token is the URL's, and would go along."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind
from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
from aimylogic_provider.hooks import AimylogicHook
from tests.conftest import TOKEN
from tests.security.hostile import TRANSPORTS, Behaviour, answer, hostile, send

POST = endpoints.add_phone(Call.of("79123456789"), idempotence_key="k")
SETTINGS = TransportSettings(connect_timeout=0.5, read_timeout=1)


def elsewhere(status: int, location: str) -> Behaviour:
    return answer(b"", f"{status} Elsewhere", f"Location: {location}")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    ["{other}/api?x=1", "//127.0.0.1:{port}/api", "https://127.0.0.1:{port}/api", "/again", "ftp://127.0.0.1:{port}/",
     "file:///etc/passwd", "http://[", "\x01"],
)  # fmt: skip
def test_nobody_else_is_asked(transport: str, status: int, location: str) -> None:
    with (
        hostile(answer()) as other,
        hostile(elsewhere(status, location.format(other=other.url, port=other.port))) as server,
    ):
        assert send(transport, POST, f"{server.url}/api/{TOKEN}/addPhone", SETTINGS).status == status
    assert len(server.requests) == 1
    assert other.requests == []


CALLS: dict[str, Callable[[AimylogicHook], object]] = {
    "add_phone": lambda hook: hook.add_phone("79123456789", idempotence_key="k"),
    "get_campaign": lambda hook: hook.get_campaign(),
    "get_campaign_status": lambda hook: hook.get_campaign_status(),
    "get_call_jobs": lambda hook: hook.get_call_jobs(phones=["79123456789"]),
    "cancel_call_jobs": lambda hook: hook.cancel_call_jobs(ids=["1"]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_the_hook_asks_once_and_names_the_way_out(
    call: Callable[[AimylogicHook], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with hostile(answer()) as other, hostile(elsewhere(308, f"{other.url}/{TOKEN}")) as server:
        connection = {"conn_type": "aimylogic", "host": server.url, "password": TOKEN}
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", json.dumps(connection))
        with pytest.raises(ApiError, match="redirect, which is not followed") as error:
            call(AimylogicHook())
    assert (error.value.known, error.value.retryable) == (Known.UNANSWERED, False)
    assert len(server.requests) == 1
    assert other.requests == []


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 99999999999\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_redirect_without_end_is_given_up(transport: str) -> None:
    """``requests`` would read its body whole, to know where it points."""
    with hostile(endless) as server, pytest.raises(NoResponse) as error:
        send(transport, POST, server.url, TransportSettings(connect_timeout=5, read_timeout=20, max_body=2**20))
    assert error.value.kind is NoResponseKind.TOO_LARGE
