"""Mutations of an input that holds JSON: mostly of its values, so that it stays JSON; at times of its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

__all__ = ["mutated"]

Bytes = Callable[[bytes, Random], bytes]

_ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.0, -0.0, 0.5, 1e308, float("nan"), float("inf"), -float("inf"), 2**53, 2**63, 2**64,
    -(2**63) - 1, 10**40, 10**400, "", "0", "1", "true", "null", "NaN", " ", "\0", "\ud800", "😀", "é", "e\u0301",
    "²", "٣", "1e5", "1_0", "../..", "2026-01-01", "2026-01-01T00:00:00+03:00", "0001-01-01T00:00:00+18:00",
    "79123456789",
    "+7 912 345-67-89", "https://x/TOKEN", "9" * 50, "9" * 5000, [], {}, [[]], {"": 0}, [None], ["mon", "mon"],
    {"kind": "power", "of": 5000}, {"kind": "decimal", "of": "1E+5000"}, {"kind": "decimal", "of": "sNaN"},
    {"kind": "datetime", "of": "2026-01-01"}, {"kind": "bytes", "of": "x"}, {"kind": "text", "of": "x"},
    {"kind": "tuple", "of": ["09:00", "18:00"]},
)  # fmt: skip
_PIECES = (b"\0", b"\xff", b"\xed\xa0\x80", b"\\ud800", b'"', b"{", b"}", b"[", b"]", b",", b":", b"NaN", b"-0",
           b"\xef\xbb\xbf", b"\n", b"\r\n", b"9" * 30, b"+", b" ", b"[" * 2000)  # fmt: skip


def mutated(content: bytes, head: int, random: Random, mutate_bytes: Bytes | None = None) -> bytes:
    """Return *content* with a change or several.

    :param head: how many of its lines stand before the JSON
    :param mutate_bytes: changes bytes; atheris has its own
    """
    change = mutate_bytes or _bytes
    lines = content.split(b"\n", head)
    if len(lines) <= head:
        return change(content, random)
    if head and random.random() < 0.3:
        place = random.randrange(head)
        lines[place] = change(lines[place], random)
        return b"\n".join(lines)
    try:
        value: Any = [json.loads(lines[head].decode("utf-8", "replace"))]
    except (ValueError, RecursionError):
        return change(content, random)
    if random.random() < 0.2:
        return change(content, random)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        _change(value, random, change)
    try:
        lines[head] = json.dumps(value[0], ensure_ascii=random.random() < 0.7).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return change(content, random)
    return b"\n".join(lines)


def _change(root: list[Any], random: Random, change: Bytes) -> None:
    """One change at one place of the value that *root* holds."""
    places = list(_places(root))
    holder, at = random.choice(places)
    match random.randrange(7):
        case 0 | 1:
            holder[at] = deepcopy(random.choice(_ODD))
        case 2:
            other, place = random.choice(places)
            holder[at] = deepcopy(other[place])
        case 3 if holder is not root and isinstance(holder, dict):
            name = at if random.random() < 0.5 else str(random.choice(_ODD))
            holder[name + random.choice(("", "x", " ", "\ud800"))] = holder.pop(at)
        case 3 | 4 if holder is not root:
            del holder[at]
        case 5 if isinstance(holder, list) and holder is not root:
            holder.insert(at, deepcopy(holder[at]))
        case _:
            holder[at] = _edited(holder[at], random, change)


def _edited(value: Any, random: Random, change: Bytes) -> Any:
    match value:
        case str():
            return change(value.encode("utf-8", "surrogatepass"), random).decode("utf-8", "replace")
        case bool() | None:
            return not value
        case int() | float():
            small = abs(value) < 2**53
            return random.choice((-value, value + 1, value * 1000, value / 3 if small else 0, str(value)[:4000]))
        case _:
            return [value]


def _places(holder: Any) -> Any:
    """All places of a value: holders, and the name or index in them. Without recursion: it may be deep."""
    waiting = [holder]
    while waiting:
        one = waiting.pop()
        for at, value in list(one.items() if isinstance(one, dict) else enumerate(one)):
            yield one, at
            if isinstance(value, (dict, list)):
                waiting.append(value)


def _bytes(content: bytes, random: Random) -> bytes:
    at, end = sorted(random.randrange(len(content) + 1) for _ in range(2))
    match random.randrange(5):
        case 0:
            return content[:at] + content[min(end, at + 8) :]
        case 1:
            return content[:at] + random.choice(_PIECES) + content[at:]
        case 2:
            return content[:at] + content[at:end] * 2 + content[end:]
        case 3:
            return content[:at] + bytes([random.randrange(256)]) + content[at + 1 :]
        case _:
            return content[:at]
