"""Phone numbers: one canonical form for the wire, the key and the reports, and the masked form for people.

Canonical: digits with country code, no plus (``79123456789``), as the vendor's page "Adding phone numbers
from CRM systems" writes them.
"""

from __future__ import annotations

import re
import unicodedata
from numbers import Integral
from typing import TYPE_CHECKING

from aimylogic_provider.calls_api.errors import RejectedError

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

__all__ = ["canonical_phone", "mask_phone", "same_phone"]

_WRITTEN = re.compile(r"\+?[0-9 ()./\-]*[0-9][0-9 ()./\-]*")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")


def mask_phone(value: object) -> str:
    """Return a phone as it may be logged: ``7912***6789``.

    Of a shorter one, and of a value that is no phone, only two characters at each end are shown, or none.
    """
    text = str(value)
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) >= 11 and _WRITTEN.fullmatch(text):
        return f"{digits[:4]}***{digits[-4:]}"
    return f"{text[:2]}***{text[-2:]}" if len(text) >= 7 else "***"


def canonical_phone(value: object, region: str | None = None) -> str:
    """Return *value* as digits with country code and without a plus.

    :param value: a number as people write it: ``+7 912 345-67-89``, ``79123456789``, an integer, or, with
        *region*, a national number such as ``8 (912) 345-67-89``
    :param region: the two-letter code (ISO 3166-1) of the country whose national numbers are understood
    :raises RejectedError: if it is no possible number, or could be two different ones; without plus and *region* also
        if it is no number in use, for then its country code may be missing
    """
    import phonenumbers

    text = _written(value)
    if region is not None:
        region = _checked_region(region)
    digits = re.sub(r"[^0-9]", "", text)
    if text.startswith("+") or region is None:
        number = _read("+" + digits, None)
        if number is None:
            raise RejectedError(
                f"phone {mask_phone(text)!r} is not a possible number with a country code: write it in full, as "
                "in +79123456789"
                + ("" if region else ", or set phone_region (as in 'RU') if your numbers are national ones")
            )
        if not text.startswith("+") and not phonenumbers.is_valid_number(number):
            raise RejectedError(
                f"phone {mask_phone(text)!r} is no number in use, if its first digits are a country code: write it "
                "with a plus and the country code if it is right, or set phone_region (as in 'RU') if your numbers "
                "are national ones"
            )
        return _digits(number)

    readings = {
        _digits(number): number for number in (_read("+" + digits, None), _read(digits, region)) if number is not None
    }
    if not readings:
        raise RejectedError(
            f"phone {mask_phone(text)!r} is not a possible number, neither with a country code nor in region "
            f"{region}: correct it, or write it in full, as in +79123456789"
        )
    if len(readings) > 1:
        valid = {text for text, number in readings.items() if phonenumbers.is_valid_number(number)}
        if len(valid) != 1:
            one, other = (mask_phone(text) for text in sorted(readings))
            raise RejectedError(
                f"phone {mask_phone(text)!r} is ambiguous in region {region}: it could be {one} or {other}. "
                "Write it with a plus and the country code"
            )
        return valid.pop()
    return next(iter(readings))


def same_phone(written: str, phone: str) -> bool:
    """Whether *written*, as a server writes it, is surely the canonical *phone*."""
    try:
        return re.sub(r"[^0-9]", "", written) == phone or canonical_phone(written) == phone
    except RejectedError:
        return False


def _written(value: object) -> str:
    if value is None:
        raise RejectedError("phone is None: give a number, as in '+79123456789'")
    if isinstance(value, bool) or not isinstance(value, (str, Integral)):
        raise RejectedError(
            f"phone {mask_phone(value)!r} is of type {type(value).__name__}: give text or an integer (a number "
            "that went through a float has lost its digits' meaning; cast the column to text)"
        )
    text = unicodedata.normalize("NFKC", str(value)).translate(_DASHES).strip()
    if not text:
        raise RejectedError("phone is empty: give a number, as in '+79123456789'")
    if not _WRITTEN.fullmatch(text):
        raise RejectedError(
            f"phone {mask_phone(text)!r} holds characters that are no part of a phone number: allowed are digits, "
            "one leading plus, spaces, brackets, dots, slashes and dashes"
        )
    return text


def _checked_region(region: str) -> str:
    import phonenumbers

    if not isinstance(region, str) or region.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise RejectedError(
            f"phone_region {region!r} is not a region with phone numbers: give a two-letter code, as in 'RU'"
        )
    return region.upper()


def _read(text: str, region: str | None) -> PhoneNumber | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # Not those that are possible within their area alone: nobody can be called so from outside.
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    return number if possible else None


def _digits(number: PhoneNumber) -> str:
    import phonenumbers

    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
