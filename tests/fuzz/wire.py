"""A client that sends what it is told to, be it HTTP or not, and reads what comes back."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

from tests.conftest import TOKEN

TIMEOUT = 5.0
HOST = b"Host: x\r\n"
CLOSE = HOST + b"Connection: close\r\n"
PHONE = "79123456789"
CRM = f"/api/crmCalls/campaign/{TOKEN}".encode()
CALLS = f"/api/calls/campaign/{TOKEN}".encode()
ADD = CRM + b"/addPhone"
ADD_ONE = ADD + b"?phone=79123456789"
STATUS = CALLS + b"/status"
FORM = b"application/x-www-form-urlencoded"
JSON = b"application/json"


def get(target: bytes, *headers: bytes, method: bytes = b"GET", common: bytes = CLOSE) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return method + b" " + target + b" HTTP/1.1\r\n" + common + lines + b"\r\n"


def post(
    target: bytes, body: bytes, *headers: bytes, kind: bytes = JSON, method: bytes = b"POST", common: bytes = CLOSE
) -> bytes:
    length = b"Content-Length: %d" % len(body)
    return get(target, b"Content-Type: " + kind, length, *headers, method=method, common=common) + body


def chunked(target: bytes, chunks: bytes, *headers: bytes) -> bytes:
    content_type = b"Content-Type: " + FORM
    return get(target, content_type, b"Transfer-Encoding: chunked", *headers, method=b"POST") + chunks


@dataclass
class Reply:
    """An answer; status 0 if the connection was closed, or broken off, without one."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """A connection."""

    def __init__(self, port: int, timeout: float = TIMEOUT) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._read = b""
        self._begun = time.monotonic()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send, as far as the server still takes it."""
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(data)

    def end(self) -> None:
        """Send no more, but go on to read."""
        self._socket.shutdown(socket.SHUT_WR)

    def reply(self, *, to_head: bool = False) -> Reply:
        """Read the next answer that is no interim one.

        :raises TimeoutError: if there is none in time
        """
        while True:
            while b"\r\n\r\n" not in self._read:
                if not self._more():
                    return Reply(0, self._read, b"", time.monotonic() - self._begun)
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            if status >= 200:
                break
        length = 0
        for line in head.lower().split(b"\r\n")[1:]:
            if line.startswith(b"content-length:") and not to_head:
                length = int(line.partition(b":")[2])
        while len(self._read) < length and self._more():
            pass
        body, self._read = self._read[:length], self._read[length:]
        return Reply(status, head, body, time.monotonic() - self._begun)

    def is_closed(self) -> bool:
        """Whether the server closes the connection, and says nothing more, before the timeout."""
        return not self._more() and not self._read

    def _more(self) -> bool:
        try:
            chunk = self._socket.recv(65536)
        except ConnectionError:
            return False
        self._read += chunk
        return bool(chunk)


def ask(port: int, data: bytes, *, to_head: bool = False) -> Reply:
    """Send one request, read one answer."""
    with Wire(port) as wire:
        wire.send(data)
        return wire.reply(to_head=to_head)
