"""What a cell of a pasted text looks like: a phone, another phone, or words with one among them."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["is_another_phone", "is_like_a_phone", "may_hold_a_phone"]

_LIKE_A_PHONE = re.compile(r"['\u2018\u2019\u02bc]?\+?[ ()./\-]*[0-9](?:[ ()./\-]*[0-9]){6,17}[ )]*(?:[.,]0+)?")
_PHONE_WITHIN = re.compile(r"(?<![0-9])[0-9](?:[ ()./\-]*[0-9]){9,14}(?![0-9])")
"""What could be a phone among other words, as in ``mob. 8 912 345-67-89``."""
_EXPONENT = re.compile(r"\+?[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")
_DATE = re.compile(r"[0-9]{4}[-./][01]?[0-9][-./][0-3]?[0-9]|[0-3]?[0-9][-./][01]?[0-9][-./][0-9]{4}")


def _plain_cell(cell: str) -> str:
    """With blanks and dashes of one kind each, and without what isn't seen: as a phone is read."""
    if cell.isascii():
        return cell
    kinds = {"Zs": " ", "Pd": "-", "Cf": ""}
    return "".join(kinds.get(unicodedata.category(character), character) for character in cell).strip()


def is_like_a_phone(cell: str) -> bool:
    """Whether a cell looks like a phone and nothing else; also as a spreadsheet spoils one, as in 8,91E+10."""
    cell = _plain_cell(cell)
    return bool((_LIKE_A_PHONE.fullmatch(cell) and not _DATE.fullmatch(cell)) or _EXPONENT.fullmatch(cell))


def may_hold_a_phone(cell: str) -> bool:
    """Whether a phone may stand in a cell, perhaps among words."""
    return is_like_a_phone(cell) or bool(_PHONE_WITHIN.search(_DATE.sub("", _plain_cell(cell))))


def is_another_phone(cell: str, phone: str) -> bool:
    """Whether a cell holds a number as the phone on its line is written: perhaps somebody else's."""
    if not (is_like_a_phone(cell) and is_like_a_phone(phone)):
        return False
    one, other = (re.sub("[^0-9]", "", text) for text in (cell, phone))
    return "+" in cell or (len(one) == len(other) and ("+" in phone or one[0] == other[0]))
