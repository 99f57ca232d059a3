"""The effects of faults: what becomes of an answer, and of the connection that it would go out on.

Which fault strikes is for the world's ``fault_list``.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from aimylogic_provider.emulator.http.exchange import HttpAnswer
from aimylogic_provider.emulator.world.faults import Fault, FaultAction, Phase

__all__ = ["AlreadySent", "answer_of_fault", "apply_to_answer", "close", "is_gone", "reset"]

_HTML = b"<!doctype html><html><body><h1>Please sign in</h1></body></html>"
_GARBAGE = bytes(range(256))
_BREAKS = (FaultAction.RESET, FaultAction.CLOSE)


class AlreadySent(web.Response):
    """Stands for an answer where nothing more is to be sent: the connection was dealt with already."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send nothing."""
        self.force_close()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing."""


def is_gone(request: web.BaseRequest) -> bool:
    """Whether the client has closed the connection."""
    return request.transport is None or request.transport.is_closing()


def answer_of_fault(rule: Fault) -> HttpAnswer | None:
    """The answer that a fault gives instead of the server's, if it gives one."""
    status = rule.status or 200
    headers = {name: value for name, value in rule.headers.items() if name.lower() != "content-type"}
    content_type = next((value for name, value in rule.headers.items() if name.lower() == "content-type"), "")
    match rule.action:
        case FaultAction.STATUS:
            body = b"" if rule.body is None else msgspec.json.encode(rule.body)
            return HttpAnswer(status, body, content_type or ("application/json" if body else "text/plain"), headers)
        case FaultAction.GARBAGE if rule.phase is not Phase.IN_BODY:
            return HttpAnswer(status, _GARBAGE, content_type or "application/octet-stream", headers)
        case FaultAction.HTML:
            return HttpAnswer(status, _HTML, content_type or "text/html; charset=utf-8", headers)
        case FaultAction.REDIRECT:
            location = {} if any(name.lower() == "location" for name in headers) else {"Location": "/elsewhere"}
            return HttpAnswer(status, b"", content_type or "text/plain", {**location, **headers})
    return None


Wait = Callable[[float], Awaitable[bool]]


async def apply_to_answer(
    rule: Fault, request: web.BaseRequest, answer: HttpAnswer, date: Callable[[], str], wait: Wait
) -> HttpAnswer | AlreadySent:
    """Change an answer, or send it wrongly. The fault's wait is over (but for drip, which takes its time here).

    :param wait: waits so many seconds, and tells whether to go on
    """
    match rule.action:
        case FaultAction.TRUNCATED:
            return replace(answer, body=answer.body[: len(answer.body) // 2])
        case FaultAction.WRONG_CONTENT_TYPE:
            return replace(answer, content_type="text/html; charset=utf-8")
        case FaultAction.NO_DATE:
            _write(request, _head(answer, None) + answer.body)
            return close(request)
        case FaultAction.DRIP if rule.phase is Phase.AFTER_COMMIT:
            _write(request, _head(answer, date()))
            await _drip(request, answer.body, rule.seconds or 0.0, wait)
            return close(request)
    if rule.phase is not Phase.IN_BODY:
        return (
            {FaultAction.RESET: reset, FaultAction.CLOSE: close}[rule.action](request)
            if rule.action in _BREAKS
            else answer
        )
    middle = len(answer.body) // 2
    begun, rest = answer.body[:middle], answer.body[middle:]
    _write(request, _head(answer, date()) + begun)
    match rule.action:
        case FaultAction.RESET:
            await asyncio.sleep(0.05)  # else the reset overtakes what was sent
            return reset(request)
        case FaultAction.DELAY:
            if await wait(rule.seconds or 0.0):
                _write(request, rest)
        case FaultAction.DRIP:
            await _drip(request, rest, rule.seconds or 0.0, wait)
        case FaultAction.GARBAGE:
            _write(request, (_GARBAGE * (len(rest) // 256 + 1))[-len(rest) :])
    return close(request)


def reset(request: web.BaseRequest) -> AlreadySent:
    """Break the connection off, so that the client sees a reset and no proper end."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return AlreadySent()


def close(request: web.BaseRequest) -> AlreadySent:
    """Close the connection when all that was written is sent."""
    if request.transport is not None:
        request.transport.close()
    return AlreadySent()


def _head(answer: HttpAnswer, date: str | None) -> bytes:
    headers = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body)), **answer.headers}
    if date is not None:
        headers["Date"] = date
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


def _write(request: web.BaseRequest, content: bytes) -> None:
    if not is_gone(request):
        request.transport.write(content)  # type: ignore[union-attr]  # of WriteTransport


async def _drip(request: web.BaseRequest, content: bytes, seconds: float, wait: Wait) -> None:
    """Send byte by byte."""
    for index in range(len(content)):
        if not await wait(seconds / len(content)):
            return
        _write(request, content[index : index + 1])
