"""A server that answers bit by bit, without end, holds a request no longer than the total timeout allows."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from itertools import repeat

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind
from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
from tests.security.hostile import TRANSPORTS, Behaviour, hostile, send

SETTINGS = TransportSettings(connect_timeout=0.2, read_timeout=0.2)
HEAD = b"HTTP/1.1 200 OK\r\n"


def bit_by_bit(first: bytes, bits: Iterable[bytes], pause: float = 0.05) -> Behaviour:
    """Send bits for ever; the pause is shorter than the read timeout."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(first)
        for bit in bits:
            connection.sendall(bit)
            time.sleep(pause)

    return behave


SLOW = {
    "status line": bit_by_bit(b"HTTP/1.1 200 ", repeat(b"O")),
    "a header": bit_by_bit(HEAD + b"X-Long: ", repeat(b"x")),
    "headers": bit_by_bit(HEAD, (b"X-%d: y\r\n" % number for number in range(90))),  # fewer than a client refuses
    "interim answers": bit_by_bit(b"", repeat(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "interim answers in a flood": bit_by_bit(b"", repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), pause=0),
    "body": bit_by_bit(HEAD + b"Content-Length: 99999\r\n\r\n", repeat(b"1")),
    "body until the end": bit_by_bit(HEAD + b"\r\n", repeat(b"1")),
    "chunks": bit_by_bit(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", repeat(b"1\r\n1\r\n")),
    "a chunk's extension": bit_by_bit(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;x=", repeat(b"x")),
    "trailers": bit_by_bit(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n", repeat(b"X: y\r\n")),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("behave", SLOW.values(), ids=SLOW.keys())
def test_no_trickle_outlives_the_total_timeout(transport: str, behave: Behaviour) -> None:
    """No clock is asked: without an end, each of them lasts for ever, but for the headers, which end after seconds."""
    with hostile(behave) as server, pytest.raises(NoResponse) as error:
        send(transport, endpoints.status(), server.url, SETTINGS)
    assert error.value.kind in (NoResponseKind.TOO_SLOW, NoResponseKind.TIMEOUT)
    assert len(server.requests) == 1
