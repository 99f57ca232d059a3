"""Countries of phones: as libphonenumber says, and which may be called."""

from __future__ import annotations

import random
from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones import numbering_plans
from aimylogic_provider.calls_api.phones.countries import CallsByCountry, by_country, country_of, region_of
from aimylogic_provider.calls_api.phones.phone import PhoneRules, canonical_phone
from tests.calls_api.parsed import parsed_phone

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def examples() -> Iterator[tuple[str, str]]:
    for region in REGIONS:
        for kind in phonenumbers.PhoneNumberType.values():
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                yield region, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def told(phone: str) -> str | None:
    """As libphonenumber tells."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse("+" + phone, None))
    return region if region in phonenumbers.SUPPORTED_REGIONS else None


def test_every_regions_numbers_are_of_the_country_that_libphonenumber_says() -> None:
    for _, phone in examples():
        assert region_of(phone) == country_of(phone) == told(phone), phone


def test_so_are_their_neighbours_of_other_last_digits() -> None:
    """Of codes that countries share: by what begins alike, never another country's."""
    chance = random.Random(18)
    for _, phone in examples():
        if phone[0] in "17" or phone[:2] in ("44", "61", "47", "39") or phone[:3] in ("262", "590", "358", "212"):
            for _ in range(5):
                other = phone[:-4] + "".join(chance.choice("0123456789") for _ in range(4))
                if (country := told(other)) is not None:
                    assert country_of(other) == country, other


def test_calls_are_counted_by_country() -> None:
    counted = CallsByCountry()
    for phone in ("79123456789", "79123456780", "77012345678", "12015550123", "12045061234", "88012345678"):
        counted.add(phone)
    counted.add("4915123456789")
    counted.take_off("4915123456789")
    assert counted.counts() == {"RU": 2, "BD": 1, "CA": 1, "KZ": 1, "US": 1}
    assert by_country({"RU": 1234, "": 2}) == "RU 1,234, of no country 2"


@pytest.mark.parametrize(
    ("countries", "phone"),
    [
        (["RU"], "+79123456789"),
        (("ru", "kz"), "79123456789"),
        (frozenset({"KZ"}), "+7 701 234 56 78"),
        (["RU"], "8 (912) 345-67-89"),
        (["US"], "+1 201 555 0123"),
        (["GG"], "+44 7781 123456"),
    ],
)
def test_numbers_of_the_countries_that_may_be_called_are_taken(countries: list[str], phone: str) -> None:
    assert canonical_phone(phone, "RU", countries=countries)
    rules = PhoneRules(region="RU", countries=countries)
    assert rules.quick(phone) in (None, canonical_phone(phone, "RU"))


@pytest.mark.parametrize(
    ("countries", "phone", "where"),
    [
        (["RU"], "+7 701 234 56 78", "of KZ, and only RU may"),
        (["KZ"], "79123456789", "of RU, and only KZ may"),
        (["RU", "KZ"], "+91 91234 56789", "of IN, and only KZ, RU may"),
        (["US"], "+1 204 506 1234", "of CA"),
        (["GB"], "+44 7781 123456", "of GG"),
        (["RU"], "+800 1234 5678", "of no country"),
    ],
)
def test_those_of_others_are_rejected(countries: list[str], phone: str, where: str) -> None:
    with pytest.raises(RejectedError, match=where) as error:
        canonical_phone(phone, countries=countries)
    assert "".join(filter(str.isdigit, phone)) not in str(error.value)
    assert PhoneRules(countries=countries).quick(phone.replace(" ", "")) is None


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"countries": "RU"}, "give a list, as in"),
        ({"countries": {"RU": 1}}, "give a list, as in"),
        ({"countries": 7}, "give a list, as in"),
        ({"countries": []}, "nobody may be called"),
        ({"countries": ["Russia"]}, "two-letter code"),
        ({"countries": [7]}, "two-letter code"),
        ({"region": "XX"}, "two-letter code"),
        ({"reading": "domestic"}, "'either', 'international' or 'national'"),
        ({"reading": "national"}, "needs phone_region"),
        ({"check": "valid"}, "'in use' or 'possible'"),
    ],
)
def test_rules_that_can_not_be_used_are_told(rules: dict[str, object], reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        PhoneRules(**rules)  # type: ignore[arg-type]


NATIONAL = st.sampled_from(["RU", "KZ", "US", "CA", "DE", "IT", "BR", "AR", "MX", "GB", "FR", "IN", "HU", "JP"])


def parsed(digits: str, region: str) -> str | None:
    try:
        return parsed_phone(digits, region)
    except RejectedError:
        return None


@settings(max_examples=2000)
@given(NATIONAL, st.sampled_from(["", "0", "8", "1", "9", "06", "15", "44", "01"]), st.text("0123456789", max_size=12))
@example("RU", "8", "9123456789")
@example("HU", "06", "201234567")
@example("AR", "0", "91123456789")
@example("BR", "0", "1161234567")
def test_a_national_number_that_is_told_fast_is_as_if_parsed(region: str, start: str, rest: str) -> None:
    quick = numbering_plans.national(start + rest, region)
    assert quick is None or quick == parsed(start + rest, region)


def test_every_regions_national_numbers_that_are_told_fast_are_as_if_parsed() -> None:
    quick = total = 0
    for region, phone in examples():
        number = phonenumbers.parse("+" + phone, None)
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        for digits in ("".join(filter(str.isdigit, written)), phonenumbers.national_significant_number(number)):
            told_fast = numbering_plans.national(digits, region)
            assert told_fast in (None, parsed(digits, region)), (region, digits)
            total += 1
            quick += told_fast is not None
    assert quick > 0.3 * total
