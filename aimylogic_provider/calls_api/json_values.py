"""Reading what the server writes: JSON with numbers kept as text, ids, times. Every doubt is an UnreadableError.

What the fields of a report mean stands in ``reports``.
"""

from __future__ import annotations

import codecs
import json
import re
from datetime import UTC, datetime
from typing import Any

from aimylogic_provider.calls_api.errors import UnreadableError

__all__ = ["read_count", "read_id", "read_json", "read_time"]

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""In JSON; of a pair, which is a character, or a lone one."""


def _object(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(fields)
    if len(content) < len(fields):
        raise ValueError("a field twice")
    return content


_decoder = json.JSONDecoder(object_pairs_hook=_object)


def read_json(body: bytes) -> object:
    """Parse a JSON body; integers become ``int``, of any length that Python reads.

    A lone surrogate, as is left of a character cut in two, becomes ``?``: no text can be written that holds one.

    :raises UnreadableError: if it is empty, not UTF-8 or not JSON, or an object in it names a field twice
    """
    try:
        content = _decoder.decode(body.removeprefix(codecs.BOM_UTF8).decode())
        if _SURROGATE.search(body):
            content = json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
        return content
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise UnreadableError("the body is not JSON") from None


def read_count(value: object) -> int | None:
    """Return a whole number, whether it came as one or as its digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_id(value: object) -> str:
    """Return an id as the decimal string that it is, whether it came as text or as a whole number.

    :raises UnreadableError: for anything else, floats and booleans included
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**40 else ""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 40:
        return value
    raise UnreadableError("the body bears no call job id, which is a decimal string")


def read_time(value: object) -> datetime | None:
    """Read a time: Unix milliseconds as a number (or digits), or ISO 8601 text; None as None.

    :returns: with time zone UTC; ISO text without a zone is taken as UTC
    :raises UnreadableError: for anything else
    """
    try:
        match value:
            case None | "":
                return None
            case bool():
                pass
            case int() | float():
                return datetime.fromtimestamp(value / 1000, UTC)
            case str() if value.isascii() and value.isdigit():
                return datetime.fromtimestamp(int(value) / 1000, UTC)
            case str():
                moment = datetime.fromisoformat(value)
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise UnreadableError("a time is neither Unix milliseconds nor ISO 8601 text")
