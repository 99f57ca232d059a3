"""Rows of an answer of which one can't be read: cut apart, so that all others are read, and that one as far as it goes.

What the campaign's script tells is anybody's JSON. A field of it that can't be read is kept as text, with the reason;
a row of which more than that can't be read is set aside. Whoever settles calls by a report reads it whole or not at
all, as ``calls_api.reports`` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

from aimylogic_provider.calls_api.errors import UnreadableError
from aimylogic_provider.calls_api.json_values import read_id, read_json
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.report_kinds import ReportKind

__all__ = ["ReadableRows", "SetAside", "readable_rows"]

Row = TypeVar("Row", bound=CallJob | CallAttempt)

_TEXT = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(_TEXT + rb"|[\[\]{},]", re.DOTALL)
_NAME = re.compile(rb"\s*(" + _TEXT + rb")\s*:\s*", re.DOTALL)
_NEEDED = frozenset(
    {"callJobId", "phone", "createdAt", "startedAt", "finishedAt", "attemptNumber", "jobStatus", "attemptsCount"}
)
"""Fields without which a row isn't what it says."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that can't be read.

    :param id: its job's, if that can be read
    :param identity: a whole number, the same for the same row
    :param reason: why not
    """

    id: str | None
    identity: int
    reason: str = "larger than any answer is read"


@dataclass(frozen=True, slots=True)
class ReadableRows(Generic[Row]):
    """The rows of an answer, and those of them that can't be read."""

    rows: tuple[Row, ...]
    aside: tuple[SetAside, ...] = ()


def readable_rows(kind: ReportKind[Row], body: bytes, parse: Callable[[bytes], tuple[Row, ...]]) -> ReadableRows[Row]:
    """Read an answer, whole if that can be.

    :param parse: reads it whole or not at all
    :raises UnreadableError: if it isn't a list of rows, or a page of one
    """
    try:
        return ReadableRows(parse(body))
    except UnreadableError:
        given = list(_rows(body))
    rows: list[Row] = []
    aside: list[SetAside] = []
    for row in given:
        try:
            rows += parse(b"[%b]" % _mended(row))
        except UnreadableError as error:
            aside.append(_set_aside(kind, row, str(error)))
    return ReadableRows(tuple(rows), tuple(aside))


def _rows(body: bytes) -> Sequence[bytes]:
    """The rows of a list, or of a page that holds one as ``items``, as they are written."""
    text = body.strip()
    if not text.startswith(b"{"):
        return _parts(text)
    lists = [value for name, value in _members(text) if name == "items"]
    if len(lists) != 1:
        raise UnreadableError("the report is not a list")
    return _parts(lists[0])


def _mended(row: bytes) -> bytes:
    """A row, with what the script tells as text where it can't be read."""
    fields = []
    for name, value in _members(row):
        reason = None if name in _NEEDED else _why_unread(value)
        if reason is not None:
            value = json.dumps({"reason": reason, "unread": value.decode("utf-8", "replace")}).encode()
        fields.append(b"%b:%b" % (json.dumps(name).encode(), value))
    return b"{%b}" % b",".join(fields)


def _why_unread(value: bytes) -> str | None:
    """Why a value can't be read; None if it can."""
    try:
        read_json(value)
    except UnreadableError:
        pass
    else:
        return None
    try:
        json.loads(value)
    except RecursionError:
        return "it is nested so deeply that it can't be read"
    except ValueError:
        return "it can't be read as JSON"
    return "an object in it names a field twice"


def _set_aside(kind: ReportKind[Row], row: bytes, reason: str) -> SetAside:
    try:
        identity = kind.identities(b'{"items":[%b]}' % row)[0]
    except UnreadableError:
        identity = -int.from_bytes(sha256(row).digest()[:8], "big") - 1  # no row's that can be read
    try:
        ids = [read_id(read_json(value)) for name, value in _members(row) if name == "callJobId"]
    except UnreadableError:
        ids = []
    return SetAside(ids[0] if len(ids) == 1 else None, identity, reason)


def _members(text: bytes) -> Iterator[tuple[str, bytes]]:
    """The fields of an object: their names, and their values as they are written."""
    if not text.strip().startswith(b"{"):
        raise UnreadableError("the report holds an entry that isn't an object")
    for part in _parts(text):
        name = _NAME.match(part)
        if name is None:
            raise UnreadableError("the body is not JSON")
        yield str(read_json(name[1])), part[name.end() :].strip()


def _parts(text: bytes) -> list[bytes]:
    """What stands between the commas of a list or of an object, however deep it is."""
    text = text.strip()
    parts: list[bytes] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth == 1:
                    start = token.end()
            case b"]" | b"}":
                depth -= 1
                if depth == 0 and token.end() == len(text):
                    last = text[start : token.start()].strip()
                    return [*parts, last] if last or parts else parts
                if depth <= 0:
                    break
            case b"," if depth == 1:
                parts.append(text[start : token.start()].strip())
                start = token.end()
    raise UnreadableError("the body is not JSON")
