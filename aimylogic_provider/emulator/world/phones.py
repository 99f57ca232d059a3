"""Phones as the emulated server takes them: with country code, with or without a plus; and as reports write them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import canonical_phone, mask_phone

_WRITTEN = re.compile(r"\+?[ ()./\-]*[0-9][0-9 ()./\-]*")

_EIGHT = re.compile("8[0-9]{10}")

__all__ = ["PhonesAs", "canonical_if_phone", "phone_in_reports", "server_phone"]

PhonesAs = Literal["digits", "plus", "national", "masked", "none"]
"""How reports write phones."""


def server_phone(text: str, *, eight: bool = True) -> str:
    """Return a phone in canonical form.

    :param eight: whether a Russian number may begin with 8, where that isn't a country code
    :raises RejectedError: if it isn't a possible number
    """
    if not _WRITTEN.fullmatch(text):
        raise RejectedError("no digits, with or without a plus")
    digits = re.sub("[^0-9]", "", text)
    try:
        return canonical_phone("+" + digits)
    except RejectedError:
        if not eight or not _EIGHT.fullmatch(digits):
            raise
        return canonical_phone(f"+7{digits[1:]}")


def canonical_if_phone(text: str) -> str:
    """Return a phone in canonical form, or what is none as it is."""
    try:
        return server_phone(text)
    except RejectedError:
        return text


def phone_in_reports(phone: str, way: PhonesAs) -> str | None:
    """A canonical phone as reports write it."""
    match way:
        case "digits":
            return phone
        case "plus":
            return f"+{phone}"
        case "national":
            return _national(phone)
        case "masked":
            return mask_phone(phone)
        case "none":
            return None


@lru_cache(4096)
def _national(phone: str) -> str:
    import phonenumbers

    number = phonenumbers.parse(f"+{phone}", None)
    region = phonenumbers.region_code_for_number(number)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region) if region else None
    prefix = "" if metadata is None else metadata.national_prefix or ""
    return f"{prefix}{phonenumbers.national_significant_number(number)}"
