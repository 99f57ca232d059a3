"""Time zones as the contract allows them, in one canonical form.

The forms are those of the vendor's page "Calls API": ``Z``; ``+h``, ``+hh``, ``±hh:mm``, ``±hhmm``,
``±hh:mm:ss``, ``±hhmmss``; any of these behind ``UTC``, ``GMT`` or ``UT``; an IANA time zone id; from -18:00
to +18:00.
"""

from __future__ import annotations

import re
from functools import cache

from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.phone import shown

__all__ = ["FORMS", "canonical_gmt_zone"]

FORMS = (
    "Z, +h, +hh, ±hh:mm, ±hhmm, ±hh:mm:ss, ±hhmmss, any of these behind UTC, GMT or UT, or an IANA time zone id "
    "such as Europe/Moscow; offsets from -18:00 to +18:00"
)
_OFFSET = re.compile(
    r"""(?:UTC|GMT|UT)?
        (?: (?P<z>Z)
          | \+ (?P<hours>[0-9]{1,2})
          | (?P<sign>[+-]) (?P<hh>[0-9]{2})
            (?: : (?P<mm>[0-9]{2}) (?: : (?P<ss>[0-9]{2}) )? | (?P<mm2>[0-9]{2}) (?P<ss2>[0-9]{2})? )
        )""",
    re.VERBOSE,
)
_LIMIT = 18 * 3600


def canonical_gmt_zone(value: object) -> str | None:
    """Return *value* as ``Z``, ``±hh:mm``, ``±hh:mm:ss`` or an IANA id; None or ``""`` as None.

    :raises RejectedError: for every other form, naming those that are allowed
    """
    if value is None:
        return None
    if not isinstance(value, str):
        kind = type(value).__name__
        raise RejectedTypeError(
            f"gmt_zone {shown(value)} is of type {kind}: give text, one of {FORMS}", what="gmt_zone", kind=kind
        )
    text = value.strip()
    if not text:
        return None
    if match := _OFFSET.fullmatch(text):
        return _offset(match, text)
    if text in _iana_ids():
        return text
    raise RejectedError(f"gmt_zone {shown(text[:64])} is none of the allowed forms: {FORMS}")


def _offset(match: re.Match[str], text: str) -> str:
    part = match.groupdict()
    if part["z"]:
        return "Z"
    hours = int(part["hours"] or part["hh"])
    minutes = int(part["mm"] or part["mm2"] or 0)
    seconds = int(part["ss"] or part["ss2"] or 0)
    if minutes > 59 or seconds > 59 or hours * 3600 + minutes * 60 + seconds > _LIMIT:
        raise RejectedError(f"gmt_zone {shown(text)} lies outside -18:00 to +18:00, or is no time: use {FORMS}")
    canonical = f"{part['sign'] or '+'}{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
    return "Z" if canonical in ("+00:00", "-00:00") else canonical


@cache
def _iana_ids() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones()) - {"Factory", "localtime", "build/etc/localtime"}
