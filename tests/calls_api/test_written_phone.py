"""Which phone a report means by what it writes, country by country: never "somebody else's" for one that is ours."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from aimylogic_provider.calls_api.phones.report_phones import WrittenPhones

OURS = "79151234567"


def example(region: str, kind: int) -> phonenumbers.PhoneNumber | None:
    return phonenumbers.example_number_for_type(region, kind)


def digits(number: phonenumbers.PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def national_writings(number: phonenumbers.PhoneNumber, region: str) -> set[str]:
    """What phonenumbers itself writes in a country, and reads there as that very number."""
    written = {
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL),
        phonenumbers.format_out_of_country_calling_number(number, region),
        phonenumbers.format_number_for_mobile_dialing(number, region, False) or "",
        phonenumbers.format_number_for_mobile_dialing(number, region, True) or "",
    }
    bare = phonenumbers.national_significant_number(number)
    written |= {prefix + bare for prefix in ("", "0", "1", "8", "80", "06", "01", "044", "015", "031")}

    def reads_back(text: str) -> bool:
        try:
            return digits(phonenumbers.parse(text, region)) == digits(number)
        except phonenumbers.NumberParseException:
            return False

    return {text for text in written if reads_back(text)}


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_national_writing_may_be_the_phone(region: str) -> None:
    tried = 0
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        number = example(region, kind)
        if number is None:
            continue
        written = WrittenPhones([digits(number)])
        for text in national_writings(number, region):
            assert written.meant(text).could_be(digits(number)), f"{text} may be +{digits(number)}"
            tried += 1
    assert tried


@pytest.mark.parametrize(
    ("phone", "text"),
    [
        ("375291234567", "8 029 123-45-67"),
        ("375291234567", "80291234567"),
        ("36201234567", "06 20 123 4567"),
        ("5491123456789", "011 15 2345-6789"),
        ("5511961234567", "015 11 96123-4567"),
        (OURS, "8 (915) 123-45-67"),
    ],
)
def test_what_a_country_writes_in_one_way_is_that_phone(phone: str, text: str) -> None:
    assert WrittenPhones([phone]).meant(text).surely == phone


@pytest.mark.parametrize(
    ("phone", "text"),
    [
        ("5491123456789", "+54 11 2345-6789"),
        ("541123456789", "+54 9 11 2345-6789"),
        ("525512345678", "+52 1 55 1234 5678"),
        ("5215512345678", "55 1234 5678"),
        ("390612345678", "+39 6 12345678"),
        ("37061234567", "8 612 34567"),
        (OURS, "9151234567"),
        (OURS, "7915***4567"),
    ],
)
def test_what_could_be_the_phone_is_not_taken_for_it(phone: str, text: str) -> None:
    meant = WrittenPhones([phone]).meant(text)
    assert meant.surely is None
    assert meant.could_be(phone)


@pytest.mark.parametrize(
    "text", ["79161234567", "+7 916 123-45-67", "8 (916) 123-45-67", "+44 20 7946 0958", "4915112345678", "7916***4567"]
)
def test_somebody_else_s_is_none_of_ours(text: str) -> None:
    meant = WrittenPhones([OURS]).meant(text)
    assert (meant.surely, list(meant.maybe)) == (None, [])
