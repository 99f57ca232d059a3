"""Phones as hurried people and their databases write them: what may be two numbers is none, and each is told why."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import PhoneRules, canonical_phone

ALEX = "79123456789"


@pytest.mark.parametrize(
    ("written", "region", "phone"),
    [
        # A spreadsheet's number formats, with spaces of any kind, and India's groups.
        ("9 123 456 789.00", "RU", ALEX),
        ("9\u00a0123\u00a0456\u00a0789,00", "RU", ALEX),
        ("9\u202f123\u202f456\u202f789,0", "RU", ALEX),
        ("79 123 456 789,00", None, ALEX),
        ("+79 123 456 789.00", None, ALEX),
        ("612 345 678.00", "FR", "33612345678"),
        ("9,12,34,56,789", "RU", ALEX),
        ("79,12,34,56,789.00", None, ALEX),
        # Exponents, as other programs than spreadsheets write them.
        ("9123456789E0", "RU", ALEX),
        ("9123456789.0E+0", "RU", ALEX),
        ("91234.56789e5", "RU", ALEX),
        ("0.79123456789E11", None, ALEX),
        ("7.9123456789 E+10", None, ALEX),
        ("791234567890E-1", None, ALEX),
        ("+7.9123456789E+10", None, ALEX),
        # What only looks like a fraction.
        ("912.345.67.00", "RU", "79123456700"),
        ("06.12.34.56.00", "FR", "33612345600"),
        ("8 912 345 67.89", "RU", ALEX),
        ("201 555.0123", "US", None),
        # A plus within the brackets.
        ("(+7) 912 345-67-89", None, ALEX),
        ("(+7 912) 345-67-89", None, ALEX),
        ("( +7)9123456789", None, ALEX),
        # A slash between a long area code and a short number.
        ("+49 34927/1234", None, "49349271234"),
        ("030/1234567-0", "DE", "493012345670"),
    ],
)
def test_what_surely_is_one_number_is_that_number(written: str, region: str | None, phone: str | None) -> None:
    reading = "either" if phone else "national"
    assert canonical_phone(written, region, reading=reading) == (phone or "12015550123")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "region", "reason"),
    [
        # Each of these was a number abroad, with the zeros for its last digits.
        ("912-345-67-89.00", "RU", "fraction, as spreadsheets"),
        ("(912) 345-67-89.00", "RU", "fraction, as spreadsheets"),
        ("(201) 555-0123.0", "US", "fraction, as spreadsheets"),
        ("201.555.0123.0", "US", "fraction, as spreadsheets"),
        ("6 12 34 56 78.00", "FR", "fraction, as spreadsheets"),
        ("912 345 67 89,0", "RU", "fraction, as spreadsheets"),
        ("912 345 67 89.5", "RU", "fraction, as spreadsheets"),
        ("9 123 456 789,50", "RU", "fraction, as spreadsheets"),
        ("9.1234E-5", "RU", "fraction, as spreadsheets"),
        ("7912E8", None, "lost its last digits"),
        ("7.91235 E+10", None, "lost its last digits"),
        # What columns of 32 bits make of phones: somebody in Texas, and anybody in America.
        ("2147483647", "US", "32 bits"),
        ("2147483647.0", "US", "32 bits"),
        ("2,147,483,647", "DE", "32 bits"),
        (2147483647, "US", "32 bits"),
        (4294967295, "DE", "32 bits"),
        (-2139417173, "US", "negative"),
        (-2139417173.0, "US", "negative"),
        (Decimal(-79123456789), None, "negative"),
        ("-2139417173", "US", "negative"),
        ("\u22122139417173", "US", "negative"),
        ("-9123456789.00", "RU", "negative"),
        (Decimal("sNaN"), None, "missing"),
        # Lines and extensions without a word for it.
        ("+49 30 1234567/1234", None, "two lines, or an extension"),
        ("+49 30 1234567..9", None, "two lines, or an extension"),
        ("+49 30 1234567 (8)", None, "extension in brackets"),
        ("8 912 345 67 89 (5)", "RU", "extension in brackets"),
        ("+49 30 1234567, 8", None, "extension or a second line: .*COMMA"),
        ("+49 30 1234567 oder 8", None, "extension or a second line"),
        ("+49 30 1234567 App. 8", None, "extension or a second line"),
        ("+49 30 1234567,,,8#", None, "extension or a second line"),
        ("+49 30 1234567 \u5185\u7dda8", None, "extension or a second line"),
        ("8 912 345 67 89 внутренний 12", "RU", "extension or a second line"),
        ("8 912 345 67 89 доб.№8", "RU", "extension or a second line"),
        ("89123456789 89123456780", "RU", "two phones"),
        ("9123456789 9123456780", "RU", "two phones"),
        ("8912345678989123456780", "RU", "two phones"),
        ("89123456789 & 89123456780", "RU", "two phones"),
        ("89123456789\\89123456780", "RU", "two phones"),
        # And what is no extension isn't called one.
        (";9123456789", "RU", "SEMICOLON"),
        ("&#43;79123456789", None, "AMPERSAND"),
        ("912О345678", "RU", "CYRILLIC CAPITAL LETTER O"),
        ("#N/A", None, "missing"),
        ("\\N", None, "missing"),
        ("(null)", None, "missing"),
        # Forms of former days, behind a plus too: nobody is reached by them.
        ("+55 11 8765-4321", None, "former days. .*a 9"),
        ("551187654321", None, "former days"),
        ("(11) 8765-4321", "BR", "former days"),
        ("+84 120 345 6789", None, "former days"),
        ("+225 07 12 34 56", None, "former days"),
        ("+229 97 12 34 56", None, "former days"),
        ("+52 044 55 1234 5678", None, "former days"),
        ("044 55 1234 5678", "MX", "former days"),
        ("5215512345678", "MX", "former days"),
        ("549 11 15 2345-6789", "AR", "former days"),
    ],
)
def test_what_is_not_surely_one_number_is_rejected_with_the_reason(
    written: object, region: str | None, reason: str
) -> None:
    with pytest.raises(RejectedError, match=reason) as error:
        canonical_phone(written, region)
    assert ALEX not in str(error.value).replace("as in '+79123456789'", "")


@pytest.mark.parametrize(
    ("written", "region", "phone"),
    [
        ("55 1234 5678", "MX", "525512345678"),
        ("+54 11 15 2345-6789", None, "5491123456789"),
        ("011 15 2345-6789", "AR", "5491123456789"),
        ("(11) 98765-4321", "BR", "5511987654321"),
        ("+55 11 7765-4321", None, "551177654321"),
        ("+55 11 3765-4321", None, "551137654321"),
        ("+55 0 15 11 98765-4321", None, "5511987654321"),
        ("+225 07 01 23 45 67", None, "2250701234567"),
        ("+229 01 97 12 34 56", None, "2290197123456"),
        ("+84 70 345 6789", None, "84703456789"),
        ("+12147483647", "US", "12147483647"),
        ("(214) 748-3647", "MX", None),
    ],
)
def test_the_forms_of_today_are_taken(written: str, region: str | None, phone: str | None) -> None:
    if phone is None:
        with pytest.raises(RejectedError, match="32 bits"):
            canonical_phone(written, region)
    else:
        assert canonical_phone(written, region) == phone


@pytest.mark.parametrize("region", ["US", "DE", "MX", "RU"])
def test_the_quick_reading_of_rows_knows_what_a_column_cut_off(region: str) -> None:
    assert PhoneRules(region=region).quick("2147483647") is None
    assert PhoneRules(region=region).quick("4294967295") is None
    assert PhoneRules().quick("+551187654321") is None
