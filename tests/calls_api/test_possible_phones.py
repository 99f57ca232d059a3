"""What is written for a phone, as all the phones that it may be: whoever said no is found, however it is written."""

from __future__ import annotations

from decimal import Decimal

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimylogic_provider.calls_api.phones.possible_phones import PossiblePhones, UnreadablePhoneError

PHONE = 79123456789
RUSSIA = PossiblePhones(["791"])


@pytest.mark.parametrize(
    "written",
    [
        "+79123456789", "79123456789", "8 (912) 345-67-89", "89123456789", "9123456789", "+7 (912) 345-67-89",
        "8‑912‑345‑67‑89", "810 7 912 345 67 89", "00 7 912 345-67-89", "٨٩١٢٣٤٥٦٧٨٩", "'+79123456789",
        "(+7) 9123456789", "+8 912 345-67-89", "89123456789\n", "79123456789.0", "7.9123456789E+10",
        "79 123 456 789,00",
        79123456789, 89123456789, 9123456789, 79123456789.0, Decimal(79123456789), Decimal("79123456789.00"),
        b"+79123456789", ["+79123456789", None], ("8 912 345-67-89",),
        "8 (912) 345-67-89 доб. 12", "+7 912 345-67-89 (12)", "тел. 8(912)345-67-89 (жена)", "79123456789;",
        "8 912 345 67 89, 8 913 345 67 89", "79123456789/79133456789", "8 913 345 67 89 или 8 912 345 67 89",
        "<a href='tel:+79123456789'>",
    ],
)  # fmt: skip
def test_one_phone_in_many_writings(written: object) -> None:
    assert PHONE in RUSSIA.of(written)


@pytest.mark.parametrize(
    "nothing", [None, "", "  ", "null", "NaN", "нет", "-", "no phone", float("nan"), Decimal("NaN"), [], [None]]
)
def test_nothing_is_no_phone(nothing: object) -> None:
    assert list(RUSSIA.of(nothing)) == []


@pytest.mark.parametrize(
    "written",
    [
        "12", "12345", "abc123", True, False, object(), 0, "0", -79123456789, 1.5, "2147483647", 4294967295,
        "7.912E+10", 7.912e30, Decimal("7.9E+10"), "+7 912 345", "8 912 345 67", "12.05.2024", "2024-05-12",
        "8 912 345-67-8O", "89123О56789", "8 912 З45-67-89", "8 912 345-67-8o, 8 913 345 67 89", "+7 912 345-67-8",
        "+791234567 8",
    ],
)  # fmt: skip
def test_what_is_no_phone_is_told_and_masked(written: object) -> None:
    with pytest.raises(UnreadablePhoneError) as told:
        RUSSIA.of(written)
    assert "9123" not in str(told.value).replace("7912***", "")


def test_digits_that_could_be_two_numbers_are_both() -> None:
    """A number of Munich with its country code, or one of Moscow."""
    assert set(RUSSIA.of("4951234567")) == {4951234567, 74951234567}
    assert set(RUSSIA.of("+4951234567")) == {4951234567}, "behind a plus it is itself"


def test_numbers_of_each_country_that_the_list_calls() -> None:
    both = PossiblePhones(["791", "380"])
    assert 380671234567 in both.of("067 123-45-67")
    assert PHONE in both.of("8 912 345-67-89")


def test_a_country_that_the_list_does_not_call_can_be_told_too() -> None:
    with pytest.raises(UnreadablePhoneError):
        PossiblePhones(["380"]).of("8 912 345-67-89")
    assert PHONE in PossiblePhones(["380"], "RU").of("8 912 345-67-89")


def test_numbers_that_only_libphonenumber_can_read() -> None:
    assert 5491112345678 in PossiblePhones(["549"]).of("011 15 1234-5678")
    assert 525512345678 in PossiblePhones(["525"]).of("55 1234 5678")


def test_a_number_of_former_days_is_told_for_nobody_knows_whose_it_is_today() -> None:
    with pytest.raises(UnreadablePhoneError):
        PossiblePhones(["842"]).of("+84 120 123 4567")


REGIONS = ["RU", "KZ", "UA", "DE", "US", "GB", "FR", "IT", "IN", "BR", "CN", "TR", "IL", "PL", "AU", "JP", "UZ", "BY"]
FORMATS = [
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
]


@settings(max_examples=300)
@given(st.sampled_from(REGIONS), st.integers(0, 10**7), st.sampled_from(FORMATS), st.booleans())
def test_any_number_in_any_writing_of_its_country_is_found(region: str, more: int, form: int, bare: bool) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    digits = f"{example.country_code}{example.national_number}"
    phone = digits[: -len(str(more))] + str(more) if more else digits
    number = phonenumbers.parse("+" + phone, None)
    if not phonenumbers.is_valid_number(number):
        return
    canonical = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    written = phonenumbers.format_number(number, form)
    if bare:
        written = "".join(one for one in written if one.isdigit())
    assert int(canonical) in PossiblePhones([canonical[:3]]).of(written), (canonical, written)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(["791", "771", "380", "155", "493", "447", "393", "549", "521", "919", "861"]), min_size=1
    ),
    st.sampled_from(["", "+", "8", "0", "00", "810", "011"]),
    st.sampled_from(["7912", "7095", "214748", "429496", "380", "1555", "5491115", "5215", "91", "9", "8", "495"]),
    st.integers(0, 10**8),
    st.integers(0, 10**8),
)
def test_what_is_learnt_of_one_number_holds_for_the_next(
    starts: list[str], before: str, start: str, one: int, other: int
) -> None:
    """Of numbers that begin alike the second is read by what the first one told: as if it were the first."""
    learning, fresh = PossiblePhones(starts), PossiblePhones(starts)
    read(learning, f"{before}{start}{one:08}")
    written = f"{before}{start}{other:08}"
    assert read(learning, written) == read(fresh, written)


def read(phones: PossiblePhones, written: str) -> set[int] | None:
    try:
        return set(phones.of(written))
    except UnreadablePhoneError:
        return None
