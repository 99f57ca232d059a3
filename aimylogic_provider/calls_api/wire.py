"""Requests and responses as plain values. Only :mod:`.address` makes a URL of a request; only a transport sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["Request", "Response"]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the server.

    :param path: with ``{token}`` where the campaign's token belongs, so that no request ever holds a token
    :param query: names and values, not yet percent-encoded
    :param json: the body, if there is one
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = field(default=None, repr=False)


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
            return float(text[:9])
        at, now = _moment(text), self.date
        return None if at is None or now is None else max(0.0, at - now)


def _moment(text: str) -> float | None:
    """Read an HTTP date. One that names no zone is in GMT, as all of HTTP's are, and not in this machine's zone."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
