"""What people and programs write for a phone, brought to digits with or without a plus; or why that can't be done.

Only what bears no meaning is dropped, and only what surely is the same number is taken for one. Which number the digits
are is for :mod:`.phone` to say.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from numbers import Integral, Real

from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.masking import mask_phone
from aimylogic_provider.calls_api.phones.spreadsheet_numbers import LONGEST, not_negative, of_spreadsheet

__all__ = ["CUT_OFF", "is_missing", "phone_text"]

_TOO_LARGE = 10**40
_EXACT_FLOAT = 2.0**53
"""Below it every whole float is exactly that number, and no other."""

# Up to the first digit no digits, so that no text, however long, takes more than one reading.
_WRITTEN = re.compile(r"\+?[ ()./\-]*[0-9][0-9 ()./\-]*")
_MINUS = "\u2212"
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_APOSTROPHES = "'\u2018\u2019\u02bc"
"""What a spreadsheet puts before a number to keep it as text."""

_MISSING = frozenset({"none", "null", "(null)", "nil", "nan", "nat", "<na>", "n/a", "#n/a", "\\n", "undefined"})
"""What programs write for a phone that isn't there."""

CUT_OFF = frozenset({str(2**31 - 1), str(2**32 - 1)})
"""What databases make of numbers that are too large for a column of 32 bits."""
_MOST = 18
"""Digits of a phone, with its country code and with what may be dialled before that, or behind it."""

_EXTENSION = re.compile(
    r"(?:ext(?:ension)?|extn|x|доб(?:авочный)?|вн(?:утр)?|durchwahl|poste|anexo|interno|int|#|;)[ .:=]*[0-9]{1,6}",
    re.IGNORECASE,
)
_BEHIND = re.compile(r"[^0-9]*[0-9]{1,6}[ )#]*")
"""A few digits behind something else, to the end."""
_BETWEEN_PHONES = re.compile(r"[,;/|\\&\n\r\t+]+|\b(?:or|and|oder|und|или|и)\b", re.IGNORECASE)
_STRANGE = re.compile(r"[^0-9+ ()./\-]")
_ONE_EACH = "give one, and a row of its own for each further one"
_ALLOWED = "Allowed are digits, one leading plus, spaces, brackets, dots, slashes and dashes"
_FEWEST = 7
"""Digits of what is taken for a phone of its own, where one text seems to hold two."""
_FEWEST_IN_FULL = 10
"""Of what surely is more than a country code and an area code."""


def phone_text(value: object) -> str:
    """Return the digits of a phone, behind a plus if it bears one.

    :param value: text, a whole number, or a float or decimal that surely is one
    :raises RejectedError: if it is anything else, naming the value (masked), the rule and the way out
    """
    text = value if type(value) is str else _from_value(value)
    if not text.isascii():
        text = _plain(text)
    text = text.strip()
    if text[:1] in _APOSTROPHES and text:
        text = text[1:].lstrip()
    if text.casefold() in _MISSING:
        raise RejectedError(
            f"phone is the text {text!r}, which programs write for a missing one: give a number, as in '+79123456789'"
        )
    if not text:
        raise RejectedError("phone is empty: it is missing. Give a number, as in '+79123456789'")
    if not _WRITTEN.fullmatch(text) or "." in text or text[0] == "-":
        text = of_spreadsheet(text)
    if text[0] == "(":
        text = re.sub(r"\( *\+", "+(", text, count=1)  # (+7) is written for +7, too
    if not _WRITTEN.fullmatch(text):
        raise RejectedError(_reason(text))
    if "/" in text or text[-1] == ")" or ".." in text:
        _check_lines(text)
    digits = _digits_of(text)
    if len(digits) > _MOST:
        raise RejectedError(
            f"phone {mask_phone(text)!r} has {len(digits)} digits, more than any phone, so that it may be two phones: "
            f"{_ONE_EACH}"
        )
    if digits in CUT_OFF and text[0] != "+":
        raise RejectedError(
            f"phone {mask_phone(text)!r} is the largest number that a column of 32 bits holds, as databases make of "
            "all that are too large for it: take the number from where it is still text (or write it with a plus and "
            "the country code, if it is right)"
        )
    return f"+{digits}" if text[0] == "+" else digits


def _digits_of(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _from_value(value: object) -> str:
    if is_missing(value):
        raise RejectedError("phone is None: it is missing. Give a number, as in '+79123456789'")
    if isinstance(value, str):  # a driver's, or NumPy's, own kind of text
        return str.__str__(value)
    if isinstance(value, Integral) and not _is_no_number(value):
        if abs(int(value)) >= _TOO_LARGE:
            raise RejectedError("phone is a whole number of more than 40 digits, which no phone has: correct it")
        return not_negative(int(value))
    if isinstance(value, Decimal):
        return _from_decimal(value)
    if isinstance(value, float):
        if value.is_integer() and abs(value) < _EXACT_FLOAT:
            return not_negative(int(value))
        raise RejectedError(
            f"phone {mask_phone(value)!r} is a float that isn't a whole number, or too large to be exactly one, as "
            "spreadsheets make of phones: take the number from where it is still text"
        )
    raise RejectedTypeError(_of_other_type(value), what="phone", kind=type(value).__name__)


def _from_decimal(value: Decimal) -> str:
    _, digits, exponent = value.as_tuple()
    # A decimal with an exponent above 0 was rounded, or at least it can't be told that it wasn't.
    if isinstance(exponent, int) and exponent <= 0 and len(digits) <= 60 and value == value.to_integral_value():
        return not_negative(int(value))
    raise RejectedError(
        f"phone {mask_phone(value)!r} is a decimal that isn't a whole number, or has lost digits to an exponent, as "
        "spreadsheets make of phones: take the number from where it is still text"
    )


def is_missing(value: object) -> bool:
    """None, and what data frames have in its place."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()  # a signalling one can't be compared
    return isinstance(value, Real) and bool(value != value)


def _is_no_number(value: object) -> bool:
    """Whether it is a boolean or a duration, which Python or NumPy takes for a number."""
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool", "timedelta64")


def _of_other_type(value: object) -> str:
    kind = type(value).__name__
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"phone is of type {kind}: decode it to text"
    if isinstance(value, (list, tuple, set, frozenset)):
        return (
            f"phone is a {kind} of {len(value)}, and not one number: give one. For each of several, map the task over "
            "them"
        )
    if isinstance(value, Real) and not _is_no_number(value):
        return (
            f"phone {mask_phone(value)!r} is of type {kind}, which does not hold all digits of a phone exactly: take "
            "the number from where it is still text"
        )
    return f"phone {mask_phone(value)!r} is of type {kind}: give text or a whole number"


def _plain(text: str) -> str:
    """Without what bears no meaning, any script's digits as 0 to 9, dashes and spaces of one kind each."""
    # A raised or circled digit is a footnote's: as a digit of the phone it could make it another person's.
    if footnote := next((c for c in text if c.isnumeric() and not c.isdecimal()), None):
        raise RejectedError(
            f"phone {mask_phone(text)!r} holds characters that aren't part of a phone number: {_named(footnote)}. "
            "Remove it"
        )
    text = _VARIATION.sub("", "".join(c for c in text if unicodedata.category(c) != "Cf"))
    return "".join(_plain_character(c) for c in unicodedata.normalize("NFKC", text))


def _plain_character(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character == _MINUS or unicodedata.category(character) == "Pd":
        return "-"
    return " " if unicodedata.category(character) == "Zs" else character


def _reason(text: str) -> str:
    """Why a text can't be a phone, in words."""
    return f"phone {mask_phone(text)!r} {_fault(text)}"


def _fault(text: str) -> str:
    """Which rule a text breaks, in words; the way out stands behind a colon, for the rule may be told alone."""
    strangely = "holds characters that aren't part of a phone number"
    short = text[:LONGEST]
    if sum(len(_digits_of(part)) >= _FEWEST for part in _BETWEEN_PHONES.split(short)) > 1:
        return f"is two phones: {_ONE_EACH}"
    if any(len(_digits_of(short[: found.start()])) >= _FEWEST - 1 for found in _EXTENSION.finditer(short)):
        return "bears an extension, which can't be dialled: give the number alone"
    if (strange := _STRANGE.search(text)) is not None:
        named, start = _named(strange[0]), strange.start()
        if len(_digits_of(short[:start])) >= _FEWEST and _BEHIND.fullmatch(short, start):
            return (
                f"{strangely}, and digits behind them, as of an extension or a second line: {named}. Give the number "
                "of one line alone"
            )
        return f"{strangely}: {named}. Remove what isn't part of the number. {_ALLOWED}"
    if not re.search("[0-9]", text):
        return f"has no digits: give a number, as in '+79123456789'. {_ALLOWED}"
    return f"has a plus that is not its first character: write one number, with its plus before it. {_ALLOWED}"


def _check_lines(text: str) -> None:
    """A slash may part an area code from a number, but not two numbers, nor the last digits of a second line.

    Nor does a number end in brackets, or have two dots for *up to*.
    """
    before, _, after = text.replace("..", "/").rpartition("/")
    counts = [len(_digits_of(part)) for part in (before, after)]
    if min(counts) >= _FEWEST:
        raise RejectedError(f"phone {mask_phone(text)!r} is two phones, parted by a slash: {_ONE_EACH}")
    if (counts[0] >= _FEWEST and 1 <= counts[1] <= 3) or (counts[0] >= _FEWEST_IN_FULL and counts[1]):
        behind = "a slash" if "/" in text else "dots"
        raise RejectedError(
            f"phone {mask_phone(text)!r} names two lines, or an extension, behind {behind}: give the number of one line"
        )
    before, _, after = text.rpartition("(")
    if text[-1] == ")" and len(_digits_of(before)) >= _FEWEST:
        raise RejectedError(
            f"phone {mask_phone(text)!r} bears an extension in brackets, which can't be dialled: give the number alone"
        )


def _named(character: str) -> str:
    """A character as a message may name it."""
    names = {"\n": "a line break", "\r": "a line break", "\t": "a tab"}
    if character in names:
        return names[character]
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    return f"{character!r} ({name})" if character.isprintable() and not character.isdigit() else name
