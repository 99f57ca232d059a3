"""Hostile servers on real sockets, and requests sent to them by either transport."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aimylogic_provider.calls_api.http_messages import Request, Response
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport, TransportSettings

__all__ = ["TRANSPORTS", "Behaviour", "Hostile", "answer", "hostile", "send"]

TRANSPORTS = ("requests", "aiohttp")
Behaviour = Callable[[socket.socket], None]
"""What a server does with a connection, once a request's head has come."""


@dataclass
class Hostile:
    """A server.

    :param url: its scheme, host and port
    :param requests: what it was sent, by connection, until it had seen a head's end or the connection's
    """

    url: str
    requests: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def hostile(behave: Behaviour, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Hostile]:
    """A server that does the same with every connection, each in a thread of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    scheme = "http" if tls is None else "https"
    server = Hostile(f"{scheme}://{host}:{listening.getsockname()[1]}")

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            spoken = connection if tls is None else tls.wrap_socket(connection, server_side=True)
            with spoken:
                head = b""
                while b"\r\n\r\n" not in head and (more := spoken.recv(65536)):
                    head += more
                server.requests.append(head)
                if head:
                    behave(spoken)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def answer(body: bytes = b'"1"', status: str = "200 OK", *headers: str) -> Behaviour:
    """Answer in full, and close."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return lambda connection: connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def send(transport: str, request: Request[Any], url: str, settings: TransportSettings) -> Response:
    """Send one request, by ``requests`` or by ``aiohttp``.

    :raises NoResponse: if no whole answer came
    """
    if transport == "requests":
        by_requests = RequestsTransport(settings)
        try:
            return by_requests.send(request, url)
        finally:
            by_requests.close()

    async def run() -> Response:
        async with AiohttpTransport(settings, connections=1) as by_aiohttp:
            return await by_aiohttp.send(request, url)

    return asyncio.run(run())
