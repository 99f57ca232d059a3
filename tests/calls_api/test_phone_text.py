"""Phones as spreadsheets, telephones, drivers and people write them: one person, or the reason why it is none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import canonical_phone

ALEX = "79123456789"


class DriversText(str):
    """A driver's own kind of text, which shows itself otherwise."""

    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


@pytest.mark.parametrize(
    ("written", "region"),
    [
        # Spreadsheets, and columns of floats cast to text.
        ("79123456789.0", None),
        ("9123456789.0", "RU"),
        ("9123456789.00", "RU"),
        ("89123456789.0", "RU"),
        ("+79123456789.0", None),
        ("79123456789,0", None),
        ("7.9123456789E+10", None),
        ("7,9123456789E+10", None),
        ("7.9123456789e10", None),
        ("9.123456789E9", "RU"),
        ("79,123,456,789", None),
        ("79,123,456,789.00", None),
        ("79.123.456.789,00", None),
        ("79'123'456'789", None),
        ("79\u00a0123\u00a0456\u00a0789", None),
        # Numbers.
        (79123456789, None),
        (79123456789.0, None),
        (9123456789.0, "RU"),
        (Decimal(79123456789), None),
        (Decimal("79123456789.00"), None),
        (Decimal("9123456789"), "RU"),
        (DriversText("+7 912 345-67-89"), None),
        # What is copied along, and can't be seen.
        ("\u202a+7 912 345-67-89\u202c", None),
        ("\u2066+79123456789\u2069", None),
        ("\u200e+79123456789", None),
        ("7912\u200b3456789", None),
        ("\ufeff79123456789", None),
        ("7912\u00ad3456789", None),
        ("7912\u2060345\u200d67\u200c89", None),
        ("'79123456789", None),
        ("' +79123456789", None),
        ("\u2019+7 912 345-67-89", None),
        ("7\ufe0f9123456789", None),
        ("\t+79123456789\r\n", None),
        ("+7\u2009912\u202f345\u300067 89", None),
        ("+7 912 345\u2013\u200967\u2014\u208b89".replace("\u208b", ""), None),
        ("+7\u2010912\u2011345\u221267\ufe6389", None),
        # Digits of other scripts.
        ("\u0667\u0669\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669", None),
        ("\u06f7\u06f9\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9", None),
        ("\u096d\u096f\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e\u096f", None),
        ("\uff17\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19", None),
        ("\U0001d7d5\U0001d7d7123456789", None),
        # Prefixes.
        ("+7 (8) 912 345-67-89", None),
        ("007 912 345-67-89", None),
        ("007 912 345-67-89", "DE"),
    ],
)
def test_what_surely_is_one_number_is_that_number(written: object, region: str | None) -> None:
    assert canonical_phone(written, region) == ALEX


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("79123456789.5", "spreadsheet"),
        ("9123456789.25", "spreadsheet"),
        ("7.91235E+10", "spreadsheet.*lost its last digits.*column of text"),
        ("7.9E10", "spreadsheet"),
        ("7E+10", "spreadsheet"),
        ("7.91234567891E+10", "spreadsheet"),
        (79123456789.5, "float.*spreadsheets"),
        (7.9e20, "float.*spreadsheets"),
        (float("inf"), "float"),
        (float("nan"), "missing"),
        (Decimal("7.91235E+10"), "spreadsheet"),
        (Decimal("79123456789.5"), "spreadsheet"),
        (Decimal("NaN"), "missing"),
        (Decimal("Infinity"), "decimal"),
        ("+49 30 1234567/8", "two lines, or an extension"),
        ("030 1234567/68", "two lines, or an extension"),
        ("+49 30 1234567/1234568", "two phones"),
        ("+7 912 345-67-89, +7 912 345-67-80", "two phones"),
        ("+7 912 345-67-89; 8 912 345-67-80", "two phones"),
        ("+7 912 345-67-89 or +7 912 345-67-80", "two phones"),
        ("+7 912 345-67-89 или 8 912 345-67-80", "two phones"),
        ("+7 912 345-67-89\n+7 912 345-67-80", "two phones"),
        ("+79123456789+79123456780", "two phones"),
        ("+7 912 345-67-89 ext. 5", "an extension"),
        ("+7 912 345-67-89 x12", "an extension"),
        ("+7 912 345-67-89 доб. 12", "an extension"),
        ("+7 912 345-67-89#12", "an extension"),
        ("+7 912 345-67-89;ext=5", "an extension"),
        ("79123456789²", "SUPERSCRIPT TWO"),
        ("①79123456789", "CIRCLED DIGIT ONE"),
        ("79123456789Ⅷ", "ROMAN NUMERAL EIGHT"),
        ("7912345678О", "CYRILLIC CAPITAL LETTER O"),
        ("+7 912 345-67-89~", "TILDE"),
        ("=79123456789", "EQUALS SIGN"),
        ('"79123456789"', "QUOTATION MARK"),
        ("+7 912\t345-67-89", "a tab"),
        ("7+9123456789", "a plus that is not its first character"),
        ("None", "missing"),
        ("nan", "missing"),
        ("NULL", "missing"),
        ("\u200b", "empty"),
        ("'", "empty"),
        (b"79123456789", "bytes.*decode"),
        (["+79123456789"], "list of 1.*one number"),
        ((), "tuple of 0"),
        ({"phone": 1}, "dict"),
        (True, "bool"),
        ("+5215512345678", r"former days. Behind \+52"),
        ("+54 9 11 15 2345-6789", r"former days. Behind \+54 9"),
    ],
)
def test_what_is_not_surely_one_number_is_rejected_with_the_reason(written: object, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason) as error:
        canonical_phone(written)
    assert "79123456789" not in str(error.value).replace("as in '+79123456789'", "")
    assert "cast" not in str(error.value), "a cast is what loses digits"


def test_scalars_of_numpy_and_pandas_are_what_they_are() -> None:
    numpy = pytest.importorskip("numpy")
    assert canonical_phone(numpy.int64(79123456789)) == ALEX
    assert canonical_phone(numpy.float64(79123456789.0)) == ALEX
    assert canonical_phone(numpy.str_("+7 912 345-67-89")) == ALEX
    for value, reason in ((numpy.float32(79123456789.0), "float32"), (numpy.float64("nan"), "missing"),
                          (numpy.bool_(True), "bool"),
                          (numpy.timedelta64(79123456789, "s"), "timedelta64"),
                          (numpy.datetime64("NaT"), "missing|datetime64")):  # fmt: skip
        with pytest.raises(RejectedError, match=reason):
            canonical_phone(value)
    pandas = pytest.importorskip("pandas")
    with pytest.raises(RejectedError, match="missing"):
        canonical_phone(pandas.NA)
    with pytest.raises(RejectedError, match="missing"):
        canonical_phone(pandas.NaT)
