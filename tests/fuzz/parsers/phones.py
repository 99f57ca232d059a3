"""Harness of phones and zones. An input has a line of the region, or nothing, and the text."""

from __future__ import annotations

import re

from aimylogic_provider.calls_api.calls.gmt_zone import canonical_gmt_zone
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import (
    canonical_phone,
    mask_phone,
    quick_phone,
    same_phone,
    shown,
)
from tests.calls_api.parsed import parsed_phone
from tests.fuzz.parsers.harness import Harness, check_told, text

__all__ = ["HARNESS"]

_OFFSET = re.compile(r"Z|([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")


def _check(content: bytes) -> None:
    head, _, rest = content.partition(b"\n")
    region, written = text(head) or None, text(rest)
    _check_phone(written, region)
    _check_phone(int.from_bytes(rest, "big"), region)
    if rest.isdigit() and len(rest) < 4000:
        _check_phone(int(rest), region)
    _check_zone(written)
    _check_shown(written)


def _check_phone(value: str | int, region: str | None) -> None:
    told = value if isinstance(value, str) else hex(value)
    try:
        phone = canonical_phone(value, region)
    except RejectedError as error:
        check_told(error, told)
        return
    assert re.fullmatch(r"[1-9][0-9]{4,19}", phone), phone
    # A number that is possible, and not in use, needs its plus to be told from a national one.
    assert canonical_phone("+" + phone) == phone, "the canonical form is another phone's"
    assert canonical_phone("+" + phone, region) == phone, "a region changes a whole number"
    assert same_phone(phone, phone)
    assert same_phone("+" + phone, phone)
    if (quick := quick_phone(phone)) is not None:
        assert quick == phone == parsed_phone(phone, None), "the quick way is another"
    assert phone not in mask_phone(phone)


def _check_zone(value: str) -> None:
    try:
        zone = canonical_gmt_zone(value)
    except RejectedError as error:
        check_told(error, value)
        return
    if zone is None:
        assert not value.strip()
        return
    assert canonical_gmt_zone(zone) == zone, "the canonical form is another zone's"
    assert zone.isascii()
    if match := _OFFSET.fullmatch(zone):
        hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
        assert minutes < 60
        assert seconds < 60
        assert hours * 3600 + minutes * 60 + seconds <= 18 * 3600, "it lies outside the contract's range"
    else:
        assert zone == value.strip()
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_+\-/]*", zone), zone


def _check_shown(value: str) -> None:
    told = shown(value)
    told.encode()
    assert len(told) < 2000
    for digits in re.findall(r"[0-9]{11,}", value[:100]):
        assert digits not in told, "it tells a phone"


HARNESS = Harness("phones", _check, ("calls_api/phones/phone.py", "calls_api/calls/gmt_zone.py"))
