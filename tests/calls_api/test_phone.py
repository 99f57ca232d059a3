"""Phones: one canonical form, clear errors, masked values."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import canonical_phone, mask_phone, quick_phone, shown
from tests.calls_api.parsed import parsed_phone


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("79123456789", None),
        (79123456789, None),
        ("+79123456789", None),
        ("+7 (912) 345-67-89", None),
        ("  +7.912.345.67.89 ", None),
        ("+7\u00a0912\u2011345\u201367\u201389", None),
        ("\uff0b\uff17 912 345 67 89", None),
        ("8 (912) 345-67-89", "RU"),
        ("89123456789", "ru"),
        ("9123456789", "RU"),
        ("79123456789", "RU"),
        ("+79123456789", "DE"),
    ],
)
def test_one_person_has_one_form(written: object, region: str | None) -> None:
    assert canonical_phone(written, region) == "79123456789"


@pytest.mark.parametrize(
    ("written", "region", "message"),
    [
        (None, None, "phone is None"),
        ("", None, "phone is empty"),
        ("   ", "RU", "phone is empty"),
        ("-", None, "has no digits: give a number"),
        ("+", None, "has no digits: give a number"),
        ("7912345678a", None, "characters that aren't part"),
        ("1-800-FLOWERS", "US", "characters that aren't part"),
        ("+7 912 345 67 89 ext. 5", None, "bears an extension, which can't be dialled: give"),
        ("7+9123456789", None, "has a plus that is not its first character: write"),
        ("79123456789\n79123456780", None, "is two phones: give one"),
        ("123", None, "not a possible number with a country code"),
        ("+7912345678901", None, "not a possible number"),
        ("89123456789", None, "phone_region"),
        ("9123456789", None, "phone_region"),
        ("+7 123 4567", None, "not a possible number"),
        ("71234567890", None, "isn't a number in use"),
        ("12", "RU", "neither with a country code nor in region RU"),
        (79123456789.5, None, "float"),
        (True, None, "bool"),
        ("79123456789", "Russia", "two-letter code"),
    ],
)
def test_a_bad_number_is_rejected_in_words_that_help(written: object, region: str | None, message: str) -> None:
    with pytest.raises(RejectedError, match=message) as error:
        canonical_phone(written, region)
    if len(str(written)) >= 7 and "79123456789" not in str(written):
        assert str(written) not in str(error.value), "the value is shown masked"


def test_a_number_valid_in_two_readings_is_ambiguous() -> None:
    # 49 30 is Berlin with its country code, and a national number of Brazil's area 49.
    with pytest.raises(RejectedError, match=r"ambiguous in region BR: .*49\*\*\*56 or 5549\*\*\*3456"):
        canonical_phone("4930123456", "BR")
    assert canonical_phone("+4930123456", "BR") == "4930123456"
    assert canonical_phone("+554930123456", "BR") == "554930123456"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("79123456789", "7912***6789"),
        ("+7 (912) 345-67-89", "7912***6789"),
        ("4930123456", "49***56"),
        ("secret name 79123456789", "se***89"),
        ("12345", "***"),
        (None, "***"),
    ],
)
def test_masks(value: object, masked: str) -> None:
    assert mask_phone(value) == masked


@given(st.one_of(st.text(max_size=40), st.integers(), st.text("+0123456789 ()-.", max_size=25)))
def test_any_value_is_a_number_or_a_clear_error(value: object) -> None:
    try:
        phone = canonical_phone(value)
    except RejectedError as error:
        assert str(error)
    else:
        assert phone.isascii()
        assert phone.isdigit()
        assert canonical_phone("+" + phone) == phone


CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
TELLING = [39, 54, 52, 55, 800, 883, 979, 1, 7, 44, 49]
"""Leading zeros, mobile tokens, carrier codes, no country, shared codes, lengths of all sorts."""


def parsed(text: str) -> str | None:
    try:
        return parsed_phone(text, None)
    except RejectedError:
        return None


def check(text: str) -> None:
    """The quick way gives no other answer than parsing does; canonical_phone gives the same, errors included."""
    expected = parsed(text)
    assert quick_phone(text) in (None, expected)
    try:
        assert canonical_phone(text) == expected
    except RejectedError:
        assert expected is None


@settings(max_examples=1500)
@given(
    st.sampled_from(["+", ""]),
    st.sampled_from(TELLING) | st.sampled_from(CODES),
    st.sampled_from(["", "0", "00", "1", "8", "9", "15", "011", "044"]),
    st.text("0123456789", min_size=0, max_size=14),
)
@example("+", 7, "8", "005553535")
@example("+", 54, "", "91123456789")
@example("+", 39, "0", "236618300")
@example("+", 1, "1", "2015550123")
def test_plain_numbers_are_as_if_parsed(plus: str, code: int, start: str, rest: str) -> None:
    check(f"{plus}{code}{start}{rest}")


@settings(max_examples=1000)
@given(st.text("+0123456789", max_size=20) | st.text("0123456789\u0663\uff11\u00b2 -", max_size=14))
def test_any_text_is_as_if_parsed(text: str) -> None:
    plain = quick_phone(text)
    assert plain is None or plain == parsed(text)


@pytest.mark.parametrize("plus", ["+", ""])
def test_every_regions_numbers_are_as_if_parsed(plus: str) -> None:
    quick = total = 0
    kinds = phonenumbers.PhoneNumberType.values()
    numbers = [phonenumbers.example_number_for_type(region, kind) for region in phonenumbers.SUPPORTED_REGIONS
               for kind in kinds]  # fmt: skip
    numbers += [phonenumbers.example_number_for_non_geo_entity(code) for code in (800, 808, 870, 878, 881, 883, 979)]
    for number in numbers:
        if number is None:
            continue
        digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
        for text in (digits, digits[:-1], digits + "0"):
            check(plus + text)
        total += 1
        quick += quick_phone(plus + digits) is not None
    assert total > 1000
    assert quick > 0.8 * total, "the quick way is the usual one"


@pytest.mark.parametrize("text", ["+79123456789", "79123456789", "+390236618300", "+12015550123", "+80012345678"])
def test_usual_numbers_need_no_parsing(text: str) -> None:
    assert quick_phone(text) == text.removeprefix("+")


@pytest.mark.parametrize(
    "text", ["", "+", "+7", "12", "89123456789", "+78005553535", "+7912345678", "71234567890", "++79123456789",
             "+0123456789", "+7912345678a", "\uff17\uff19123456789", "+999123456789"],
)  # fmt: skip
def test_unusual_text_is_left_to_parsing(text: str) -> None:
    assert quick_phone(text) is None


def test_a_bad_region_is_rejected_even_with_a_plain_number() -> None:
    with pytest.raises(RejectedError, match="two-letter code"):
        canonical_phone("+79123456789", "Russia")


@pytest.mark.parametrize("value", [10**5000, -(10**5000)], ids=["above", "below"])
def test_a_number_too_long_to_be_written_is_refused_as_others_are(value: int) -> None:
    with pytest.raises(RejectedError, match="more than 40 digits"):
        canonical_phone(value)
    assert "too long" in shown(value)
    assert "too long" in shown([value])


def test_a_long_text_is_read_in_one_go() -> None:
    """Or it takes minutes, for each of its digits could be the first."""
    text = "9" * 100_000 + "x"
    assert len(shown(text)) < 200
    with pytest.raises(RejectedError, match="characters that aren't part"):
        canonical_phone(text)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("0145-45-6789", "'01***89'"),  # and no date
        ("2026-01-02", "'2026-01-02'"),
        ("2026-01-02 09:30", "'2026-01-02 09:30'"),
        (["8 912 345-67-89", "x"], "\"['8912***6789', 'x']\""),
        ("call +7 (912) 345-67-89 now", "'call 7912***6789 now'"),
    ],
)
def test_what_could_be_a_phone_is_masked_wherever_it_stands(value: object, told: str) -> None:
    assert shown(value) == told


def test_a_number_that_reads_otherwise_each_time_is_none() -> None:
    """Of 0036… one national prefix is read off, and of what is left another: two keys for one person."""
    assert canonical_phone("+43 0 36825401") == "4336825401"
    with pytest.raises(RejectedError, match="not a possible number"):
        canonical_phone("+430036825401")
