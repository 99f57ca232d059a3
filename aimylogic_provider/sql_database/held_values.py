"""Values of a report as any database holds them: texts without what none can keep, JSON as its text, numbers in range.

What is replaced is replaced by the same in all databases, so that a row reads alike in each.
"""

from __future__ import annotations

import json
import math
import re

__all__ = ["held_json", "held_number", "held_text"]

_NOT_HELD = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL doesn't take, and halves of characters, which no UTF-8 has."""
_DEEPEST = 30
"""Levels of JSON: MariaDB takes 32."""
_MOST = 2**63


def held_text(value: object) -> str | None:
    """A value of the script's as text: what is none is written as JSON."""
    if value is None or isinstance(value, str):
        return None if value is None else _NOT_HELD.sub("\ufffd", value)
    return held_json(value)


def held_json(value: object) -> str | None:
    """A value as JSON, always written the same way; None for null.

    What is nested deeper than 30 levels is kept as the text of its JSON, and a number that is none by its name.
    """
    if value is None:
        return None
    return json.dumps(_held(value, 0), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def held_number(value: object) -> int | None:
    """A whole number, also one that is written as text, if 64 bits hold it; else None."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -_MOST <= value < _MOST:
        return value
    return None


def _held(value: object, depth: int) -> object:
    match value:
        case str():
            return _NOT_HELD.sub("\ufffd", value)
        case float() if not math.isfinite(value):
            return str(value)
        case dict() | list() if depth >= _DEEPEST:
            return _as_text(value)
        case dict():
            return {_NOT_HELD.sub("\ufffd", str(name)): _held(one, depth + 1) for name, one in value.items()}
        case list():
            return [_held(one, depth + 1) for one in value]
    return value


def _as_text(value: object) -> str:
    try:
        return _NOT_HELD.sub("\ufffd", json.dumps(value, ensure_ascii=False, sort_keys=True))
    except RecursionError:
        return "nested too deeply to be written"
