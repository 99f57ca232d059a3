"""Phones that a spreadsheet or a database took for numbers: those that surely are whole, and why others are none.

Such a number may bear a fraction of zeros, separators of thousands or an exponent; and it may have lost digits to them.
"""

from __future__ import annotations

import re

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.masking import mask_phone

__all__ = ["LONGEST", "not_negative", "of_spreadsheet"]

LONGEST = 200
"""Characters of a text in which more than digits are looked for."""
_FEWEST = 7
"""Digits of a phone in another writing, of which the last may be a fraction."""
_FRACTION = re.compile(r"(\+?[0-9]{5,})[.,]([0-9]+)")
_GROUPED = re.compile(r"(\+?[0-9]{1,3}(?:([.,'\u2019])[0-9]{3})(?:\2[0-9]{3})+)(?:(?!\2)[.,]([0-9]+))?")
_GROUPED_BY_SPACES = re.compile(r"(\+?[1-9][0-9]{0,2}(?: [0-9]{3})+)(?:\.([0-9]{1,2})|,([0-9]+))")
_GROUPED_IN_INDIA = re.compile(r"(\+?[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3})(?:\.([0-9]+))?")
_EXPONENT = re.compile(r"(\+?)([0-9]+)(?:[.,]([0-9]*))? ?[eE] ?([+-]?[0-9]{1,3})")
_NEGATIVE = re.compile(r"-[0-9]{5,}(?:[.,][0-9]*)?")
# Of a number in any other writing: a single dot and a digit, or only zeros; a dot and a zero; a comma and digits.
_LIKE_A_FRACTION = re.compile(r"[^.,]*\.(?:[0-9]|0+)|.*\.0|[^.,]*,0+")


def of_spreadsheet(text: str) -> str:
    """A number as a spreadsheet writes it, as the whole number that it surely is; any other text as it is.

    :raises RejectedError: if it is one of a spreadsheet, and not surely a whole number
    """
    if len(text) > LONGEST:
        return text
    if _NEGATIVE.fullmatch(text):
        raise RejectedError(_negative(text))
    if found := _FRACTION.fullmatch(text):
        whole, fraction = found.groups()
    elif found := _GROUPED.fullmatch(text):
        if found[2] == "." and found[3] is None:
            return text  # dots may be anybody's
        whole, fraction = _ungrouped(found[1]), found[3] or ""
    elif found := _GROUPED_BY_SPACES.fullmatch(text) or _GROUPED_IN_INDIA.fullmatch(text):
        whole, fraction = _ungrouped(found[1]), next(filter(None, found.groups()[1:]), "")
    elif found := _EXPONENT.fullmatch(text):
        whole, fraction = _without_exponent(text, *found.groups())
    elif _LIKE_A_FRACTION.fullmatch(text) and sum(c.isdigit() for c in text) > _FEWEST:
        whole, fraction = text, "…"  # it may also be a phone, with the digits behind
    else:
        return text
    if fraction.strip("0"):
        raise RejectedError(
            f"phone {mask_phone(text)!r} has a fraction, as spreadsheets make of numbers, and no phone has one: "
            "take it from a column of text"
        )
    return whole


def _ungrouped(text: str) -> str:
    return re.sub(r"[^0-9+]", "", text)


def _without_exponent(text: str, plus: str, before: str, behind: str | None, exponent: str) -> tuple[str, str]:
    """The whole part and the fraction of a number with an exponent.

    :raises RejectedError: if not all its digits are there
    """
    digits, point = before + (behind or ""), len(before) + int(exponent)
    if point > len(digits):
        raise RejectedError(
            f"phone {mask_phone(text)!r} is a number as a spreadsheet shortens it, and has lost its last digits: "
            "take it from where it is still whole, from a column of text"
        )
    if point <= 0:
        return "0", "…"
    whole = digits[:point]
    return plus + (whole.lstrip("0") if before == "0" else whole), digits[point:]


def not_negative(number: int) -> str:
    """The digits of a number.

    :raises RejectedError: if it is negative
    """
    if number < 0:
        raise RejectedError(_negative(number))
    return str(number)


def _negative(value: object) -> str:
    return (
        f"phone {mask_phone(value)!r} is a negative number, as databases make of one that is too large for its column: "
        "take it from where it is still text"
    )
