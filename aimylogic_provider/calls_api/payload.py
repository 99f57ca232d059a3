"""The payload of addPhone: a flat object of strings, which the campaign's script reads.

Values become strings in one way: text as it is; ``True`` and ``False`` as ``true`` and ``false``; integers and
decimals in plain digits; floats in the shortest form that reads back the same; dates and times in ISO 8601.
Names and text are brought to Unicode's normal form C, so that what looks the same is the same.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from numbers import Integral

from aimylogic_provider.calls_api.errors import RejectedError

__all__ = ["RESERVED", "flat_payload"]

RESERVED = frozenset({"phone", "gmtZone", "Idempotence-Key"})
"""Names that addPhone reads itself, so that no payload can bear them."""

_WAY_OUT = "addPhone takes a flat object of strings; addPhones takes nested ones"


def flat_payload(payload: Mapping[str, object] | None) -> dict[str, str]:
    """Return *payload* as text by name, sorted by name; empty for None.

    :raises RejectedError: for nested values, None, reserved or empty names, text that is not Unicode
    """
    if payload is None:
        return {}
    if not isinstance(payload, Mapping):
        raise RejectedError(
            f"payload is of type {type(payload).__name__}: give a dictionary of names and values. {_WAY_OUT}"
        )
    flat: dict[str, str] = {}
    for name, value in payload.items():
        text = _name(name)
        if text in flat:
            raise RejectedError(f"payload names {text!r} twice, in two Unicode forms: keep one")
        flat[text] = _text(text, value)
    return dict(sorted(flat.items()))


def _name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise RejectedError(f"payload has the name {name!r}: names are text that is not empty")
    text = _unicode(name, f"payload name {name!r}")
    if text in RESERVED or text.casefold() == "idempotence-key":
        raise RejectedError(
            f"payload has the name {text!r}, which addPhone reads itself: rename it, or use addPhones, where the "
            "payload stands apart"
        )
    return text


def _text(name: str, value: object) -> str:
    match value:
        case str():
            return _unicode(value, f"payload {name!r}")
        case bool():
            return "true" if value else "false"
        case Integral():  # numpy's integers too
            return str(int(value))
        case float() if math.isfinite(value):
            return float.__repr__(value)  # a subclass, such as NumPy's, may write itself otherwise
        case Decimal() if value.is_finite():
            return format(value, "f")
        case datetime() | date() | time() if value == value:
            return value.isoformat()
        case float() | Decimal():
            raise RejectedError(f"payload {name!r} is {value}: only finite numbers can be sent")
        case None:
            raise RejectedError(f"payload {name!r} is None: leave the name out, or send an empty text. {_WAY_OUT}")
        case _:
            raise RejectedError(
                f"payload {name!r} is a {type(value).__name__}: make it text, a number, a boolean or a date. {_WAY_OUT}"
            )


def _unicode(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RejectedError(f"{what} holds a lone surrogate, which is no character: clean the text") from None
    return unicodedata.normalize("NFC", text)
