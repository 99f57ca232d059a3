"""An answer that nobody asked for is not taken for the next request's: whoever is answered for would not be called."""

from __future__ import annotations

import asyncio
import socket

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport, TransportSettings
from tests.security.hostile import TRANSPORTS, hostile

SETTINGS = TransportSettings(connect_timeout=2, read_timeout=2)
REQUESTS = [endpoints.add_phone(Call.of(f"7903555667{n}"), idempotence_key=f"k{n}") for n in range(3)]


def reply(number: int) -> bytes:
    return b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"%d"' % number


def two_at_once(connection: socket.socket) -> None:
    """Answer the first request twice, by one packet, and each further one once."""
    connection.sendall(reply(1) + reply(9))
    while connection.recv(65536):
        connection.sendall(reply(2))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_second_answer_to_one_request_is_of_no_other(transport: str) -> None:
    async def by_aiohttp(url: str) -> list[bytes]:
        async with AiohttpTransport(SETTINGS, connections=1) as sending:
            return [(await sending.send(request, url)).body for request in REQUESTS]

    def by_requests(url: str) -> list[bytes]:
        sending = RequestsTransport(SETTINGS)
        try:
            return [sending.send(request, url).body for request in REQUESTS]
        finally:
            sending.close()

    with hostile(two_at_once) as server:
        bodies = asyncio.run(by_aiohttp(server.url)) if transport == "aiohttp" else by_requests(server.url)
    assert b'"9"' not in bodies
