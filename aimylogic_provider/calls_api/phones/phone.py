"""Phone numbers: one canonical form for the wire, the key and the reports.

Canonical: digits with country code, no plus (``79123456789``), as the vendor's page "Adding phone numbers
from CRM systems" writes them. How digits are got out of what people write stands in :mod:`.phone_text`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.masking import as_text, mask_phone, shown
from aimylogic_provider.calls_api.phones import numbering_plans
from aimylogic_provider.calls_api.phones.countries import country_of, region_of
from aimylogic_provider.calls_api.phones.former_numbers import today
from aimylogic_provider.calls_api.phones.numbering_plans import international as quick_phone
from aimylogic_provider.calls_api.phones.phone_text import phone_text

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

__all__ = [
    "AmbiguousPhoneError", "PhoneCheck", "PhoneReading", "PhoneRules", "as_text", "canonical_phone", "mask_phone",
    "possible_phone", "quick_phone", "region_of", "same_phone", "shown",
]  # fmt: skip

PhoneReading = Literal["either", "international", "national"]
"""Whether numbers without a plus bear their country code."""

PhoneCheck = Literal["in use", "possible"]
"""Whether a number without a plus must be in use, or may be any that is long enough."""


class AmbiguousPhoneError(RejectedError):
    """Digits that are one number with their country code, and another one of the region.

    :param international: the one with the country code
    :param national: the one of the region
    """

    def __init__(self, text: str, region: str, international: str, national: str) -> None:
        super().__init__(
            f"phone {mask_phone(text)!r} is ambiguous in region {region}: it could be {mask_phone(international)} or "
            f"{mask_phone(national)}. Write it with a plus and the country code, or set phone_reading: 'international' "
            "if all your numbers bear the country code, 'national' if none does"
        )
        self.international = international
        self.national = national


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRules:
    """How phones are read, and which are taken.

    :param region: the two-letter code (ISO 3166-1) of the country whose national numbers are understood
    :param reading: of numbers without a plus: ``international`` if all bear the country code, ``national`` if none
        does, ``either`` if some do
    :param check: whether a number without a plus must be ``in use`` by libphonenumber's metadata, or only ``possible``,
        for ranges newer than those. Behind a plus possible is enough
    :param countries: two-letter codes of the countries that may be called; None for all
    :raises RejectedError: if one of them can't be used
    """

    region: str | None = None
    reading: PhoneReading = "either"
    check: PhoneCheck = "in use"
    countries: Collection[str] | None = None

    def __post_init__(self) -> None:
        if self.region is not None:
            object.__setattr__(self, "region", _checked_region("phone_region", self.region))
        if self.reading not in ("either", "international", "national"):
            raise RejectedError(
                f"phone_reading {shown(self.reading)} can't be used: give 'either', 'international' or 'national'"
            )
        if self.reading == "national" and self.region is None:
            raise RejectedError("phone_reading 'national' needs phone_region, the country of the numbers, as in 'RU'")
        if self.check not in ("in use", "possible"):
            raise RejectedError(f"phone_check {shown(self.check)} can't be used: give 'in use' or 'possible'")
        if self.countries is not None:
            if isinstance(self.countries, (str, Mapping)) or not isinstance(self.countries, Collection):
                raise RejectedError(f"countries {shown(self.countries)} can't be used: give a list, as in ['RU', 'KZ']")
            if not self.countries:
                raise RejectedError("countries is empty, so nobody may be called: leave it out for all countries")
            checked = frozenset(_checked_region("countries", one) for one in self.countries)
            object.__setattr__(self, "countries", checked)

    @property
    def takes_what_is_in_use(self) -> bool:
        """Whether digits that are in use with a country code, and possible ones behind a plus, are taken as such."""
        return (self.region is None or self.reading == "international") and self.countries is None

    def canonical(self, value: object) -> str:
        """Return a phone as digits with country code and without a plus.

        :raises RejectedError: as :func:`canonical_phone` does
        """
        phone = self._read(phone_text(value))
        if self.countries is not None and (country := country_of(phone)) not in self.countries:
            where = f"of {country}" if country else "of no country that its digits tell"
            raise RejectedError(
                f"phone {mask_phone(phone)!r} is {where}, and only {', '.join(sorted(self.countries))} may be called: "
                "correct it, or add its country to countries"
            )
        return phone

    def quick(self, text: str) -> str | None:
        """Return the same for plain digits, with or without a plus, where that can be told fast; else None."""
        if text[:1] == "+" or self.region is None or self.reading == "international":
            phone = quick_phone(text)
        elif text.isdigit() and text.isascii():
            phone = numbering_plans.national(text, self.region)
        else:
            return None
        return phone if self.countries is None or phone is None or country_of(phone) in self.countries else None

    def _read(self, text: str) -> str:
        plus = text.startswith("+")
        if plus or self.region is None or self.reading == "international":
            if plus or self.check == "in use":
                phone = quick_phone(text)
                if phone is not None:
                    return phone
            return _international(text, self)
        if (phone := numbering_plans.national(text, self.region)) is not None:
            return phone
        return _of_region(text, self.region, self)


def canonical_phone(
    value: object,
    region: str | None = None,
    *,
    reading: PhoneReading = "either",
    check: PhoneCheck = "in use",
    countries: Collection[str] | None = None,
) -> str:
    """Return *value* as digits with country code and without a plus.

    :param value: a number as people write it: ``+7 912 345-67-89``, ``79123456789``, an integer, or, with
        *region*, a national number such as ``8 (912) 345-67-89``
    :param region: and the others: as of :class:`PhoneRules`
    :raises RejectedError: if it isn't a possible number, or could be two different ones; without a plus also if it
        isn't in use, unless *check* is ``possible``; if its country is none of *countries*
    :raises AmbiguousPhoneError: if it could be two different ones
    """
    if countries is None:
        if type(value) is str and region is None and reading == "either" and (phone := quick_phone(value)) is not None:
            return phone
        return _rules(region, reading, check).canonical(value)
    return PhoneRules(region=region, reading=reading, check=check, countries=countries).canonical(value)


@lru_cache(maxsize=64)
def _rules(region: str | None, reading: PhoneReading, check: PhoneCheck) -> PhoneRules:
    return PhoneRules(region=region, reading=reading, check=check)


def possible_phone(text: str, region: str | None = None) -> str | None:
    """Return the canonical form of a number that is possible, in use or not; None if it isn't.

    :param text: digits; behind a plus if they bear their country code
    :param region: whose national numbers are understood, in capitals
    """
    number = _parsed(text, region)
    return None if number is None else _digits(number)


def same_phone(written: str, phone: str) -> bool:
    """Whether *written*, as a server writes it, is surely the canonical *phone*: see :mod:`.report_phones`."""
    from aimylogic_provider.calls_api.phones.report_phones import WrittenPhones

    return written == phone or WrittenPhones((phone,)).meant(written).surely == phone


def _international(text: str, rules: PhoneRules) -> str:
    digits = text.removeprefix("+")
    plus = text.startswith("+")
    number = _parsed("+" + digits, None)
    if number is None and digits.startswith("00") and not plus:
        # 00 is dialled for another country from most, and no country code begins so.
        number = _parsed("+" + digits[2:], None)
    if number is None:
        raise RejectedError(_not_possible(text, rules))
    if (words := today(_digits(number))) and not _valid(number):
        raise RejectedError(_old_form(text, words))
    if not plus and rules.check == "in use" and not _valid(number):
        raise RejectedError(
            f"phone {mask_phone(text)!r} isn't a number in use, if its first digits are a country code: write it "
            "with a plus and the country code if it is right"
            + (
                ", or set phone_region (as in 'RU') if your numbers are national ones"
                if rules.region is None
                else ", or set phone_check='possible' if its range is a new one"
            )
        )
    return _digits(number)


def _not_possible(text: str, rules: PhoneRules) -> str:
    if words := today(text.removeprefix("+")):
        return _old_form(text, words)
    way_out = "" if rules.region else ", or set phone_region (as in 'RU') if your numbers are national ones"
    return (
        f"phone {mask_phone(text)!r} is not a possible number with a country code: write it in full, as in "
        f"+79123456789{way_out}"
    )


def _old_form(text: str, words: str) -> str:
    return f"phone {mask_phone(text)!r} is in a form of former days. {words}: correct it"


def _of_region(digits: str, region: str, rules: PhoneRules) -> str:
    """The one reading of digits without a plus, where national numbers are understood."""
    national = _parsed_national(digits, region)
    foreign = None
    if rules.reading == "either":
        foreign = _parsed("+" + digits, None)
        if foreign is None and digits.startswith("00"):
            foreign = _parsed("+" + digits[2:], None)
    readings = {_digits(number): number for number in (foreign, national) if number is not None}
    if not any(map(_valid, readings.values())) and rules.check == "in use":
        import phonenumbers

        code = f"{phonenumbers.country_code_for_region(region)}"
        if words := today(digits) if digits.startswith(code) and rules.reading == "either" else today(code + digits):
            raise RejectedError(_old_form(digits, words))
    if not readings:
        either = "neither with a country code nor in region" if rules.reading == "either" else "in region"
        raise RejectedError(
            f"phone {mask_phone(digits)!r} is not a possible number, {either} {region}: correct it, or write it in "
            "full, as in +79123456789"
        )
    valid = [phone for phone, number in readings.items() if _valid(number)]
    if len(valid) == 1:
        return valid[0]
    if len(valid) == 2 or (rules.check == "possible" and len(readings) == 2):
        international, of_region = readings
        raise AmbiguousPhoneError(digits, region, international, of_region)
    if rules.check == "possible":
        return next(iter(readings))
    raise RejectedError(
        f"phone {mask_phone(digits)!r} isn't a number in use in region {region}"
        + (", nor with a country code" if rules.reading == "either" else "")
        + ": a digit may be missing, or be one too many. Correct it; or, if it is right and its range is a new one, "
        "write it with a plus and the country code, or set phone_check='possible'"
    )


def _checked_region(name: str, region: object) -> str:
    import phonenumbers

    if not isinstance(region, str) or region.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise RejectedError(
            f"{name} {shown(region)} is not a region with phone numbers: give a two-letter code, as in 'RU'"
        )
    return region.upper()


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
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


def _parsed_national(digits: str, region: str) -> PhoneNumber | None:
    """A national number; not one of a neighbour with the same code for which the national prefix counts as a digit.

    Behind Kazakhstan's prefix 8 a number that lost a digit would else be one of Russia.
    """
    import phonenumbers

    number = _parsed(digits, region)
    if number is None:
        return None
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    prefix = "" if metadata is None else metadata.national_prefix or ""
    kept = bool(prefix) and digits.startswith(prefix) and phonenumbers.national_significant_number(number) == digits
    return None if kept and phonenumbers.region_code_for_number(number) not in (region, None) else number


def _valid(number: PhoneNumber) -> bool:
    import phonenumbers

    return numbering_plans.in_use(_digits(number)) or phonenumbers.is_valid_number(number)


def _digits(number: PhoneNumber) -> str:
    import phonenumbers

    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
