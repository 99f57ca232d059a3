"""Phones: one canonical form, clear errors, masked values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phone import canonical_phone, mask_phone


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
        ("-", None, "characters that are no part"),
        ("+", None, "characters that are no part"),
        ("7912345678a", None, "characters that are no part"),
        ("1-800-FLOWERS", "US", "characters that are no part"),
        ("+7 912 345 67 89 ext. 5", None, "characters that are no part"),
        ("7+9123456789", None, "characters that are no part"),
        ("79123456789\n79123456780", None, "characters that are no part"),
        ("123", None, "not a possible number with a country code"),
        ("+7912345678901", None, "not a possible number"),
        ("89123456789", None, "phone_region"),
        ("9123456789", None, "phone_region"),
        ("+7 123 4567", None, "not a possible number"),
        ("71234567890", None, "no number in use"),
        ("12", "RU", "neither with a country code nor in region RU"),
        (79123456789.0, None, "float"),
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
