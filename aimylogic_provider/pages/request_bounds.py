"""What a request may be at most, and of what, before anything is made of it: how long its body, which characters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from fastapi import HTTPException, Request

__all__ = ["MOST_BYTES", "BoundedBodies", "check_characters"]

MOST_BYTES = 2 * 1024 * 1024
"""Of a body. That of five thousand questions, each with its answer, has half of it."""
_Message = MutableMapping[str, Any]


class BoundedBodies:
    """Refuses a body once it is too long: it would be read and parsed before it is known who sends it."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Any) -> None:
        """Pass a request on, with a body that ends in an error where it is too long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = _told_length(scope.get("headers", ()))
        read = 0

        async def receive_so_much() -> _Message:
            nonlocal read
            _check_length(told)
            message = await receive()
            read += len(message.get("body", b""))
            _check_length(read)
            return message

        await self._app(scope, receive_so_much, send)


def _told_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    value = next((value for name, value in headers if name == b"content-length"), b"0")
    return int(value) if value.isdigit() and len(value) < 20 else 0


def _check_length(length: int) -> None:
    if length > MOST_BYTES:
        raise HTTPException(413, f"What was sent is longer than {MOST_BYTES:,} bytes: send fewer questions at once")


def check_characters(request: Request) -> None:
    """Refuse an address with a character of which no name has any, and at which some databases fail.

    :raises HTTPException: 400
    """
    if any("\0" in text for text in (request.scope.get("path", ""), *request.query_params.values())):
        raise HTTPException(400, "There is a NUL in the address, and in no name that Airflow has: leave it out")
