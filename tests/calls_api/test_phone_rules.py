"""How a number without a plus is read: with its country code or without, in use or only possible."""

from __future__ import annotations

import phonenumbers
import pytest

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import AmbiguousPhoneError, canonical_phone

KINDS = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("(000) 000-00-00", "RU"),
        ("0740521234", "US"),
        ("8912345678", "RU"),  # a digit lost
        ("912345678", "RU"),
        ("891234567890", "RU"),  # one too many
        ("1234567890", "RU"),
        ("0000000000", "KZ"),
        ("555 0100", "US"),
        ("1112223333", "US"),
        ("123456", "DE"),
    ],
)
def test_a_number_that_is_only_possible_is_rejected_with_a_region_as_without(written: str, region: str) -> None:
    with pytest.raises(RejectedError):
        canonical_phone(written, region)


@pytest.mark.parametrize(
    ("written", "region", "phone"),
    [
        ("0740521234", "US", None),
        ("+70000000000", None, "70000000000"),
        ("70000000000", None, "70000000000"),
        ("1112223333", "US", "11112223333"),
    ],
)
def test_it_stays_sayable_with_a_plus_and_by_an_argument(written: str, region: str | None, phone: str | None) -> None:
    if phone is None:  # with a country code it would be another one
        with pytest.raises(RejectedError):
            canonical_phone(written, region)
        return
    assert canonical_phone("+" + phone, region) == phone
    assert canonical_phone(written, region, check="possible") == phone


@pytest.mark.parametrize(
    ("written", "region", "reading", "phone"),
    [
        ("4917612345678", "DE", "international", "4917612345678"),
        ("017612345678", "DE", "national", "4917612345678"),
        ("17612345678", "DE", "national", "4917612345678"),
        ("+4917612345678", "DE", "national", "4917612345678"),
        ("79123456789", "RU", "international", "79123456789"),
        ("8 912 345-67-89", "RU", "national", "79123456789"),
        ("9123456789", "RU", "national", "79123456789"),
        ("4930123456", "BR", "international", "4930123456"),
        ("4930123456", "BR", "national", "554930123456"),
        ("0044 7400 123456", "DE", "international", "447400123456"),
        ("0044 7400 123456", "DE", "national", "447400123456"),
        ("2015550123", "US", "national", "12015550123"),
    ],
)
def test_a_column_that_says_what_it_holds_is_read_so(written: str, region: str, reading: str, phone: str) -> None:
    assert canonical_phone(written, region, reading=reading) == phone  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "region", "reading"),
    [("9123456789", "RU", "international"), ("89123456789", "RU", "international"), ("79123456789", "US", "national"),
     ("12015550123456", "US", "national")],
)  # fmt: skip
def test_and_never_in_the_other_way(written: str, region: str, reading: str) -> None:
    with pytest.raises(RejectedError):
        canonical_phone(written, region, reading=reading)  # type: ignore[arg-type]


def test_the_error_of_an_ambiguous_number_names_the_argument() -> None:
    with pytest.raises(
        AmbiguousPhoneError, match=r"phone_reading: 'international' if all.*'national' if none"
    ) as error:
        canonical_phone("4930123456", "BR")
    assert (error.value.international, error.value.national) == ("4930123456", "554930123456")


def test_our_own_canonical_form_is_read_in_every_region_that_says_so() -> None:
    """Of each region's example numbers."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in KINDS:
            number = phonenumbers.example_number_for_type(region, kind)
            if number is None:
                continue
            phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
            assert canonical_phone(phone, region, reading="international") == phone
            assert canonical_phone("+" + phone, region, reading="national") == phone
            national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
            try:
                assert canonical_phone(national, region, reading="national") == phone
            except RejectedError:
                assert kind == phonenumbers.PhoneNumberType.FIXED_LINE or region in ("AX", "CC", "CX", "SJ"), region
