"""Phone numbers: one canonical form for the wire, the key and the reports, and the masked form for people.

Canonical: digits with country code, no plus (``79123456789``), as the vendor's page "Adding phone numbers
from CRM systems" writes them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError

if TYPE_CHECKING:
    from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberDesc

__all__ = ["as_text", "canonical_phone", "mask_phone", "same_phone", "shown"]

# Up to the first digit no digits, so that no text, however long, takes more than one reading.
_WRITTEN = re.compile(r"\+?[ ()./\-]*[0-9][0-9 ()./\-]*")
_DATE = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9](?: [0-2][0-9])?")
_WRITTEN_WITHIN = re.compile(r"\+?\(?[0-9](?:[ ()./\-]{0,3}[0-9]){6,}")
_TOO_LARGE = 10**40
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")


def mask_phone(value: object) -> str:
    """Return a phone as it may be logged: ``7912***6789``.

    Of a shorter one, and of a value that is no phone, only two characters at each end are shown, or none.
    """
    text = as_text(value)
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) >= 11 and _WRITTEN.fullmatch(text):
        return f"{digits[:4]}***{digits[-4:]}"
    return f"{text[:2]}***{text[-2:]}" if len(text) >= 7 else "***"


def shown(value: object) -> str:
    """Return a value as an error may name it: like ``repr``, but with what could be a phone masked.

    A phone may stand where something else is meant to, as when two arguments are swapped.
    """
    if isinstance(value, bool) or value is None:
        return repr(value)
    text = as_text(value)
    if len(re.sub(r"[^0-9]", "", text)) >= 7 and _WRITTEN.fullmatch(text) and not _DATE.fullmatch(text):
        return repr(mask_phone(text))
    masked = _WRITTEN_WITHIN.sub(_masked_unless_date, text[:100])
    return repr(masked) if isinstance(value, str) or masked != text else as_text(value, repr)


def _masked_unless_date(found: re.Match[str]) -> str:
    return found[0] if _DATE.fullmatch(found[0]) else mask_phone(found[0])


def as_text(value: object, write: Callable[[object], str] = str) -> str:
    """A value as text, also one that holds a number with more digits than Python writes."""
    try:
        return write(value)
    except (ValueError, RecursionError):
        return f"{type(value).__name__} too long to be written"


def canonical_phone(value: object, region: str | None = None) -> str:
    """Return *value* as digits with country code and without a plus.

    :param value: a number as people write it: ``+7 912 345-67-89``, ``79123456789``, an integer, or, with
        *region*, a national number such as ``8 (912) 345-67-89``
    :param region: the two-letter code (ISO 3166-1) of the country whose national numbers are understood
    :raises RejectedError: if it is no possible number, or could be two different ones; without plus and *region* also
        if it is no number in use, for then its country code may be missing
    """
    if type(value) is str and region is None and (phone := quick_phone(value)) is not None:
        return phone
    text = _written(value)
    if region is not None:
        region = _checked_region(region)
    plus = "+" if text.startswith("+") else ""
    text = plus + re.sub(r"[^0-9]", "", text)
    if (plus or region is None) and (phone := quick_phone(text)) is not None:
        return phone
    return parsed_phone(text, region)


def quick_phone(text: str) -> str | None:
    """Return the canonical form of digits, with or without a plus, if it can be told without parsing; else None.

    Many times faster than :func:`parsed_phone`, and never another answer: where the digits behind the country code
    could begin with a national prefix, are of an unusual number, or fail any check, it is left to that.
    """
    plus = text[:1] == "+"
    digits = text[1:] if plus else text
    if not (digits.isdigit() and digits.isascii()):
        return None
    plan = _plans[digits[:3]]
    if plan is None:
        return None
    if plan.in_use(digits) or (plus and len(digits) in plan.lengths and not plan.doubtful(digits, plan.code_length)):
        return digits
    return None


def parsed_phone(text: str, region: str | None) -> str:
    """Return the canonical form of digits, with or without a plus, as ``phonenumbers`` reads them.

    :param region: of those that have phone numbers, in capitals, or None
    :raises RejectedError: as :func:`canonical_phone` does
    """
    import phonenumbers

    digits = text.removeprefix("+")
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
    """Whether *written*, as a server writes it, is surely the canonical *phone*: see :mod:`.written_phone`."""
    from aimylogic_provider.calls_api.written_phone import WrittenPhones

    return written == phone or WrittenPhones((phone,)).meant(written).surely == phone


@dataclass(frozen=True, slots=True)
class _Plan:
    """What must be known of a country code to read its plain numbers.

    :param lengths: of its numbers, the country code included
    :param doubtful: matches in a number, from the country code's end, what may be a national prefix
    :param in_use: matches numbers, country code included, that are in use in its main region and bear no such prefix
    """

    code_length: int
    lengths: frozenset[int]
    doubtful: Callable[[str, int], object]
    in_use: Callable[[str], object]


class _Plans(dict[str, _Plan | None]):
    """Plans by the first three digits of a number, each looked up once: all at once take a tenth of a second."""

    def __missing__(self, start: str) -> _Plan | None:
        plan = self[start] = _plan(start)
        return plan


_plans = _Plans()


def _plan(start: str) -> _Plan | None:
    """The plan of the country code that *start* begins with. No code is the beginning of another."""
    import phonenumbers

    for length in range(1, len(start) + 1):
        code = int(start[:length])
        if start[0] != "0" and (regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code)):
            break
    else:
        return None
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    possible = {*metadata.general_desc.possible_length} - {*metadata.general_desc.possible_length_local_only}
    prefix = metadata.national_prefix_for_parsing
    return _Plan(
        code_length=length,
        lengths=frozenset(length + rest for rest in possible),
        doubtful=re.compile(prefix).match if prefix else _no_match,
        in_use=re.compile(_in_use(start[:length], metadata)).fullmatch,
    )


def _in_use(code: str, region: PhoneMetadata) -> str:
    """A pattern of the numbers that ``phonenumbers`` calls valid: each is one in general, and of a kind besides.

    Of a code's first region alone, and of those without leading zeros, which are told apart by parsing alone.
    """
    kinds = (
        region.mobile, region.fixed_line, region.toll_free, region.premium_rate, region.shared_cost, region.voip,
        region.personal_number, region.pager, region.uan, region.voicemail,
    )  # fmt: skip
    patterns = [pattern for kind in kinds if kind is not None and (pattern := _of_kind(kind))]
    general = None if region.general_desc is None else _of_kind(region.general_desc)
    if not patterns or general is None:
        return r"(?!)"  # matches nothing
    prefix = f"(?!{region.national_prefix_for_parsing})" if region.national_prefix_for_parsing else ""
    leading = f"(?={region.leading_digits})" if region.leading_digits else ""
    return rf"{code}(?!0){prefix}{leading}(?={general}\Z)(?:{'|'.join(patterns)})"


def _of_kind(kind: PhoneNumberDesc) -> str | None:
    """A pattern of the numbers of a kind, without the country code."""
    if not kind.national_number_pattern:
        return None
    lengths = "|".join(rf"\d{{{length}}}\Z" for length in kind.possible_length)
    return (f"(?={lengths})" if lengths else "") + f"(?:{kind.national_number_pattern})"


def _no_match(digits: str, start: int) -> None:
    return None


def _written(value: object) -> str:
    if value is None:
        raise RejectedError("phone is None: give a number, as in '+79123456789'")
    if isinstance(value, bool) or not isinstance(value, (str, Integral)):
        raise RejectedTypeError(
            f"phone {mask_phone(value)!r} is of type {type(value).__name__}: give text or an integer (a number "
            "that went through a float has lost its digits' meaning; cast the column to text)",
            what="phone",
            kind=type(value).__name__,
        )
    if isinstance(value, Integral) and abs(int(value)) >= _TOO_LARGE:
        raise RejectedError("phone is a whole number of more than 40 digits, which no phone has: correct it")
    text = unicodedata.normalize("NFKC", str(value)).translate(_DASHES).strip()
    if not text:
        raise RejectedError("phone is empty: give a number, as in '+79123456789'")
    # A raised or circled digit is a footnote's: as a digit of the phone it could make it another person's.
    raised = not str(value).isascii() and any(c.isnumeric() and not c.isdecimal() for c in str(value))
    if raised or not _WRITTEN.fullmatch(text):
        raise RejectedError(
            f"phone {mask_phone(text)!r} holds characters that are no part of a phone number: allowed are digits, "
            "one leading plus, spaces, brackets, dots, slashes and dashes"
        )
    return text


def _checked_region(region: str) -> str:
    import phonenumbers

    if not isinstance(region, str) or region.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise RejectedError(
            f"phone_region {shown(region)} is not a region with phone numbers: give a two-letter code, as in 'RU'"
        )
    return region.upper()


def _read(text: str, region: str | None) -> PhoneNumber | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # Not those that are possible within their area alone: nobody can be called so from outside.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    # Nor those of which a further national prefix is read off each time: one number would be two.
    international = "+" + _digits(number)
    return number if international == text or phonenumbers.parse(international, None) == number else None


def _digits(number: PhoneNumber) -> str:
    import phonenumbers

    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
