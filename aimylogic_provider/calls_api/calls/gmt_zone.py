"""Time zones as the contract allows them, in one canonical form.

The forms of the contract are those of the vendor's page "Calls API": ``Z``; ``+h``, ``+hh``, ``±hh:mm``, ``±hhmm``,
``±hh:mm:ss``, ``±hhmmss``; any of these behind ``UTC``, ``GMT`` or ``UT``; an IANA time zone id; from -18:00
to +18:00. What people and databases write besides, and has one meaning, is brought to one of them.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta, tzinfo
from decimal import Decimal
from difflib import get_close_matches
from functools import cache

from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.masking import shown

__all__ = ["FORMS", "canonical_gmt_zone"]

FORMS = (
    "Z, ±h, ±hh, ±h:mm, ±hh:mm, ±hhmm, ±hh:mm:ss, ±hhmmss, any of these behind UTC, GMT or UT, or an IANA time zone id "
    "such as Europe/Moscow; offsets from -18:00 to +18:00"
)
_OFFSET = re.compile(
    r"""(?:(?P<name>UTC|GMT|UT) \s*)?
        (?: (?P<z>Z)
          | (?P<sign>[+-]) \s*
            (?: (?P<h>[0-9]{1,2}) (?: : (?P<mm>[0-9]{2}) (?: : (?P<ss>[0-9]{2}) )? )?
              | (?P<hh>[0-9]{2}) (?P<mm2>[0-9]{2}) (?P<ss2>[0-9]{2})?
            )
        )""",
    re.VERBOSE | re.IGNORECASE,
)
_LIMIT = 18 * 3600
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")

_ABBREVIATIONS = {
    "ADT": ("America/Halifax",),
    "AEDT": ("Australia/Sydney",),
    "AEST": ("Australia/Sydney", "Australia/Brisbane"),
    "AKST": ("America/Anchorage",),
    "AMT": ("Asia/Yerevan", "America/Manaus"),
    "AST": ("America/Halifax", "Asia/Riyadh"),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "BRT": ("America/Sao_Paulo",),
    "CAT": ("Africa/Maputo",),
    "CDT": ("America/Chicago", "America/Havana"),
    "CEST": ("Europe/Berlin",),
    "CST": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "EAT": ("Africa/Nairobi",),
    "ECT": ("America/Guayaquil", "Europe/Paris"),
    "EDT": ("America/New_York",),
    "EEST": ("Europe/Athens",),
    "GST": ("Asia/Dubai", "Atlantic/South_Georgia"),
    "HKT": ("Asia/Hong_Kong",),
    "ICT": ("Asia/Bangkok",),
    "IRKT": ("Asia/Irkutsk",),
    "IST": ("Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"),
    "JST": ("Asia/Tokyo",),
    "KRAT": ("Asia/Krasnoyarsk",),
    "KST": ("Asia/Seoul",),
    "MDT": ("America/Denver",),
    "MSK": ("Europe/Moscow",),
    "MSD": ("Europe/Moscow",),
    "МСК": ("Europe/Moscow",),
    "NOVT": ("Asia/Novosibirsk",),
    "NZST": ("Pacific/Auckland",),
    "OMST": ("Asia/Omsk",),
    "PDT": ("America/Los_Angeles",),
    "PKT": ("Asia/Karachi",),
    "PST": ("America/Los_Angeles", "Asia/Manila"),
    "SAMT": ("Europe/Samara",),
    "SGT": ("Asia/Singapore",),
    "SST": ("Pacific/Pago_Pago", "Asia/Singapore"),
    "TRT": ("Europe/Istanbul",),
    "VLAT": ("Asia/Vladivostok",),
    "WAT": ("Africa/Lagos",),
    "WIB": ("Asia/Jakarta",),
    "YEKT": ("Asia/Yekaterinburg",),
}
"""Zones that an abbreviation may mean. It is none of the contract's forms, and depends on who writes it."""


def canonical_gmt_zone(value: object) -> str | None:
    """Return *value* as ``Z``, ``±hh:mm``, ``±hh:mm:ss`` or an IANA id; None for what is missing or blank.

    :param value: text, an offset as a timedelta, or one of Python's own zones
    :raises RejectedError: for every other form, naming those that are allowed
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType") or _is_nan(value):
        return None
    if isinstance(value, timedelta):
        return _of_seconds(value.total_seconds(), value)
    if isinstance(value, tzinfo):
        return canonical_gmt_zone(getattr(value, "key", None) or getattr(value, "zone", None) or str(value))
    if not isinstance(value, str):
        kind = type(value).__name__
        raise RejectedTypeError(
            f"gmt_zone {shown(value)} is of type {kind}: give text, one of {FORMS}", what="gmt_zone", kind=kind
        )
    text = str.__str__(value)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DASHES)
        text = "".join(_plain_character(c) for c in text if unicodedata.category(c) != "Cf")
    text = text.strip()
    if text[:1] == "'":  # by which a spreadsheet keeps +5 as text
        text = text[1:].lstrip()
    if not text:
        return None
    if text in _iana_ids():
        return text
    if text.upper() in ("UTC", "GMT", "UT"):
        return "Z"
    if match := _OFFSET.fullmatch(text):
        return _offset(match, text)
    if (zone := _folded_ids().get("_".join(text.casefold().split()))) is not None:
        return zone
    raise RejectedError(_not_allowed(text))


def _plain_character(character: str) -> str:
    return str(unicodedata.decimal(character)) if character.isdecimal() else character


def _is_nan(value: object) -> bool:
    return value.is_nan() if isinstance(value, Decimal) else isinstance(value, float) and value != value


def _of_seconds(seconds: float, value: object) -> str:
    if abs(seconds) > _LIMIT or seconds % 1:
        raise RejectedError(f"gmt_zone {shown(str(value))} lies outside -18:00 to +18:00: use {FORMS}")
    whole = abs(int(seconds))
    return _written("-" if seconds < 0 else "+", whole // 3600, whole // 60 % 60, whole % 60)


def _offset(match: re.Match[str], text: str) -> str:
    part = match.groupdict()
    if part["z"]:
        return "Z"
    hours = int(part["h"] or part["hh"])
    minutes = int(part["mm"] or part["mm2"] or 0)
    seconds = int(part["ss"] or part["ss2"] or 0)
    if minutes > 59 or seconds > 59 or hours * 3600 + minutes * 60 + seconds > _LIMIT:
        raise RejectedError(f"gmt_zone {shown(text)} lies outside -18:00 to +18:00, or isn't a time: use {FORMS}")
    return _written(part["sign"], hours, minutes, seconds)


def _written(sign: str, hours: int, minutes: int, seconds: int) -> str:
    canonical = f"{sign}{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
    return "Z" if canonical in ("+00:00", "-00:00") else canonical


def _not_allowed(text: str) -> str:
    what = f"gmt_zone {shown(text[:64])}"
    if candidates := _ABBREVIATIONS.get(text.upper()):
        meant = "one zone by some, but is" if len(candidates) == 1 else f"{len(candidates)} zones, and is"
        return (
            f"{what} is an abbreviation that means {meant} none of the contract's forms: write {_any_of(candidates)}. "
            f"Allowed are {FORMS}"
        )
    words = text.casefold().replace("\\", "/").replace(" ", "_")
    near = [zone for zone in sorted(_iana_ids()) if zone.casefold().rpartition("/")[2] == words]
    near = near or [_folded_ids()[one] for one in get_close_matches(words[:64], _folded_ids(), n=3, cutoff=0.8)]
    hint = f". Did you mean {_any_of(near)}?" if near else ""
    return f"{what} is none of the allowed forms: {FORMS}{hint}"


def _any_of(zones: tuple[str, ...] | list[str]) -> str:
    return " or ".join(zones)


@cache
def _iana_ids() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones()) - {"Factory", "localtime", "build/etc/localtime"}


@cache
def _folded_ids() -> dict[str, str]:
    """The ids as written in any capitals."""
    return {zone.casefold(): zone for zone in sorted(_iana_ids())}
