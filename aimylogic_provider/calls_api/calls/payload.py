"""Payloads, which the campaign's script reads: flat ones of strings for addPhone, nested ones for addPhones.

In a flat payload values become strings in one way: text as it is; ``True`` and ``False`` as ``true`` and ``false``;
integers, whole floats and decimals in plain digits; other floats in the shortest form that reads back the same; dates
and times in ISO 8601; UUIDs, network addresses and ranges as their database writes them. In a nested one, JSON's own
kinds of values are kept, and only what JSON has no kind for becomes a string, the same one.
Names and text are brought to Unicode's normal form C, so that what looks the same is the same.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from numbers import Integral
from typing import Any

from aimylogic_provider.calls_api.calls.database_values import database_text
from aimylogic_provider.calls_api.endpoint_table import KEY_HEADER
from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.phones.phone import shown

__all__ = ["MAX_DEPTH", "RESERVED", "flat_payload", "nested_payload", "nested_value"]

RESERVED = frozenset({"phone", "gmtZone", KEY_HEADER})
"""Names that addPhone reads itself, so that no payload can bear them."""

MAX_DEPTH = 32
"""Objects and lists within each other, the payload itself counted."""

_FLAT_WAY_OUT = ". addPhone takes a flat object of strings; addPhones takes nested ones"
_EXACT_FLOAT = 2.0**53
"""Below it every whole float is exactly that number, and no other."""
_MOST_DIGITS = 4300
"""Of a decimal, before the point or behind it: Python's own limit for integers."""


def flat_payload(payload: Mapping[str, object] | None) -> dict[str, str]:
    """Return *payload* as text by name, sorted by name; empty for None.

    :raises RejectedError: for nested values, None, reserved or empty names, text that is not Unicode or holds a
        null character
    """
    if payload is None:
        return {}
    _check_object(payload, _FLAT_WAY_OUT)
    flat: dict[str, str] = {}
    for name, value in payload.items():
        text = _name(name, "payload")
        if text in RESERVED or text.casefold() == "idempotence-key":
            raise RejectedError(
                f"payload has the name {shown(text)}, which addPhone reads itself: rename it, or use addPhones, where "
                "the payload stands apart"
            )
        if text in flat:
            raise _twice(text, "payload")
        flat[text] = _flat(f"payload {shown(text)}", value)
    return dict(sorted(flat.items()))


def nested_payload(payload: Mapping[str, object] | None) -> dict[str, object]:
    """Return *payload* as JSON's own kinds of values, the names of each object sorted; empty for None.

    Whole floats become integers where both are the same number exactly, for JSON knows but one kind of number.

    :raises RejectedError: for other kinds of values, numbers that are not finite, names that are empty or no text, text
        that is not Unicode or holds a null character, and objects and lists more than :data:`MAX_DEPTH` deep
    """
    if payload is None:
        return {}
    _check_object(payload, "")
    return _object("payload", payload, 1)


def nested_value(name: str, value: object) -> object:
    """Return one value of a nested payload, as :func:`nested_payload` does.

    :param name: one that is checked
    """
    return _nested(f"payload {shown(name)}", value, 2)


def _object(what: str, value: Mapping[Any, object], depth: int) -> dict[str, object]:
    content: dict[str, object] = {}
    for name, inner in value.items():
        text = _name(name, what)
        if text in content:
            raise _twice(text, what)
        content[text] = _nested(f"{what} {shown(text)}", inner, depth + 1)
    return dict(sorted(content.items()))


def _nested(what: str, value: object, depth: int) -> object:
    value = _plain_scalar(value)
    match value:
        case None | bool():
            return value
        case str():
            return _unicode(value, what)
        case Integral():
            _digits(what, value)  # JSON writes them in no other way
            return int(value)
        case float() if math.isfinite(value):
            return int(value) if _is_whole(value) else float(value)
        case Mapping() | list() | tuple() if depth > MAX_DEPTH:
            raise RejectedError(
                f"{_shortened(what)} lies more than {MAX_DEPTH} objects and lists deep: make it flatter, or send it as "
                "text (it may also hold itself)"
            )
        case Mapping():
            return _object(what, value, depth)
        case list() | tuple():
            return [_nested(f"{what}[{place}]", item, depth + 1) for place, item in enumerate(value)]
        case _:
            return _text(what, value, "text, a number, a boolean, None, a date, a list or a dictionary")


def _flat(what: str, value: object) -> str:
    value = _plain_scalar(value)
    match value:
        case str():
            return _unicode(value, what)
        case bool():
            return "true" if value else "false"
        case Integral():  # numpy's integers too
            return _digits(what, value)
        case float() if math.isfinite(value):
            if _is_whole(value):
                return str(int(value))
            return float.__repr__(value)  # a subclass, such as NumPy's, may write itself otherwise
        case None:
            raise RejectedError(f"{what} is None: leave the name out, or send an empty text{_FLAT_WAY_OUT}")
        case _:
            return _text(what, value, f"text, a number, a boolean or a date{_FLAT_WAY_OUT}")


def _is_whole(value: float) -> bool:
    """Whether a float is a whole number exactly, and no other."""
    return value.is_integer() and abs(value) < _EXACT_FLOAT


def _plain_scalar(value: object) -> object:
    """What NumPy's and pandas' own scalars are; anything else as it is."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    if package == "pandas" and kind.__name__ in ("NAType", "NaTType"):
        return None
    if package != "numpy":
        return value
    scalar: Any = value
    match getattr(getattr(scalar, "dtype", None), "kind", ""):
        case "b":
            return bool(scalar)
        case "m":
            return timedelta()  # which can't be sent either; NumPy takes it for a whole number
        case "f" if not isinstance(scalar, float):
            return float(str(scalar))  # in the digits that it shows, not in those of a longer float
    return value


def _text(what: str, value: object, allowed: str) -> str:
    """What becomes text in every payload; all else is refused."""
    match value:
        case Decimal() if value.is_finite():
            if abs(value.adjusted()) > _MOST_DIGITS:  # 1E+999999999 takes a gigabyte
                raise _too_long(what)
            return format(value, "f")
        case datetime() | date() | time() if value == value:
            return value.isoformat()
        case float() | Decimal():
            raise RejectedError(f"{_shortened(what)} is {value}: only finite numbers can be sent")
        case _ if (text := database_text(value)) is not None:
            return text
        case _:
            kind = type(value).__name__
            raise RejectedTypeError(f"{_shortened(what)} is a {kind}: make it {allowed}", what=what, kind=kind)


def _digits(what: str, value: Integral) -> str:
    try:
        return str(int(value))
    except ValueError:  # Python's own limit on digits
        raise _too_long(what) from None


def _too_long(what: str) -> RejectedError:
    return RejectedError(f"{_shortened(what)} is too long a number to be written: send it as text")


def _check_object(payload: object, way_out: str) -> None:
    if not isinstance(payload, Mapping):
        raise RejectedError(
            f"payload is of type {type(payload).__name__}: give a dictionary of names and values{way_out}"
        )


def _name(name: object, what: str) -> str:
    if not isinstance(name, str) or not name:
        raise RejectedError(f"{_shortened(what)} has the name {shown(name)}: names are text that is not empty")
    return _unicode(name, f"{what} name {shown(name)}")


def _twice(name: str, what: str) -> RejectedError:
    return RejectedError(f"{_shortened(what)} names {shown(name)} twice, in two Unicode forms: keep one")


def _unicode(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RejectedError(
            f"{_shortened(what)} holds a lone surrogate, which isn't a character: clean the text"
        ) from None
    if "\0" in text:
        raise RejectedError(
            f"{_shortened(what)} holds a null character, which servers and databases refuse: clean the text"
        )
    return unicodedata.normalize("NFC", str.__str__(text))  # of a kind of its own it may show itself otherwise


def _shortened(what: str) -> str:
    return what if len(what) <= 200 else f"{what[:150]}…{what[-40:]}"
