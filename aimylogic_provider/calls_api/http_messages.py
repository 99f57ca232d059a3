"""What goes over the wire, as plain values: requests, responses, and the ways of not answering.

Only :mod:`.address` makes a URL of a request; only a transport sends it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import Generic, TypeVar

from aimylogic_provider.calls_api.endpoint_table import KEY_HEADER, Endpoint

__all__ = ["NoResponse", "NoResponseKind", "Request", "Response"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """What is asked of an endpoint.

    :param parse: from the body of a 200 to the result; raises UnreadableError
    :param query: names and values, not yet percent-encoded
    :param json: the body, or None for none
    :param ready_json: the body, as JSON that stands ready, instead
    :param key: the idempotence key, or None for none
    :param check: raises UnreadableError for a result that can't be the answer to this very request, or None where any
        result can
    """

    endpoint: Endpoint
    method: str
    parse: Callable[[bytes], T] = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = field(default=None, repr=False)
    ready_json: bytes | None = field(default=None, repr=False)
    key: str | None = None
    check: Callable[[T], None] | None = field(default=None, repr=False, compare=False)

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers, with the key."""
        return {**self.headers, **({} if self.key is None else {KEY_HEADER: self.key})}

    @property
    def body(self) -> bytes | None:
        """The bytes to send, or None for none."""
        if self.ready_json is not None:
            return self.ready_json
        return None if self.json is None else json.dumps(self.json).encode()

    def read(self, body: bytes) -> T:
        """Return the result that the *body* of a 200 bears.

        :raises UnreadableError: if it bears none, or one that can't be the answer to this request
        """
        result = self.parse(body)
        if self.check is not None:
            self.check(result)
        return result


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: status, headers with lower-case names, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def date(self) -> float | None:
        """The server's time by its ``Date`` header, in Unix seconds, or None where it can't be read."""
        return _moment(self.headers.get("date", ""))

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait by the ``Retry-After`` header (a number or a date), or None."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text.lstrip("0")[:9] or 0)
        at, now = _moment(text), self.date
        return None if at is None or now is None else max(0.0, at - now)


class NoResponseKind(Enum):
    """The ways of not answering."""

    UNREACHABLE = "the server could not be reached"
    TIMEOUT = "the server did not answer in time"
    RESET = "the connection broke off before the answer was complete"
    PROXY = "the proxy did not let the request through"
    TLS = "no TLS connection could be made; if the server speaks plain http, write http:// before the host"
    CERTIFICATE = "the server's certificate can't be trusted"
    TOO_LARGE = "the answer was larger than any that the contract knows"
    TOO_SLOW = "the answer did not end in time"
    UNDECODABLE = "the answer's content encoding could not be read"


class NoResponse(Exception):
    """What a transport raises when no whole response came. Bears neither URL nor phone.

    :param kind: in which way
    :param detail: the kind of the error beneath
    """

    def __init__(self, kind: NoResponseKind, detail: str) -> None:
        super().__init__(f"{kind.value} ({detail})")
        self.kind = kind
        self.detail = detail


@lru_cache(maxsize=16)
def _moment(text: str) -> float | None:
    """Read an HTTP date. One that names no zone is in GMT, as all of HTTP's are, and not in this machine's zone."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
