"""How a pasted text is cut: what parts its cells, and which lines are one row.

A line is read by itself, so that a stray quote swallows no others.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aimylogic_provider.call_list.pasted.cell_looks import is_like_a_phone

__all__ = ["SEPARATORS", "PastedRow", "lines_and_separator", "number_of_first_line", "rows_of", "separator_of"]

SEPARATORS = {"\t": "tab", ";": "semicolon", ",": "comma"}
_LOOKED_AT = 200
"""Lines by which the separator is told."""
_MOST_JOINED = 20
"""Lines that one quoted cell may go over, at most."""
_SEP = re.compile(r"\"?sep=(.)\"?[;,\t]*", re.IGNORECASE)
"""What a spreadsheet writes before the first line, to say what parts the cells."""


@dataclass(frozen=True, slots=True)
class PastedRow:
    """A row: the number of its first line in the text, and its cells."""

    number: int
    cells: list[str]


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def lines_and_separator(text: str) -> tuple[list[str], str]:
    """The lines, and what parts cells if the first one says so; that one is none of them."""
    lines = _plain(text).split("\n")
    found = _SEP.fullmatch(lines[0].strip(" "))
    return (lines[1:], found[1]) if found else (lines, "")


def number_of_first_line(text: str) -> int:
    """The number of the first line."""
    return 2 if _SEP.fullmatch(_plain(text).split("\n", 1)[0].strip(" ")) else 1


def separator_of(lines: Sequence[str]) -> str:
    """What parts the cells: whichever gives most lines one same number of them; empty if there is none."""
    best, most = "", 0
    filled = [line for line in lines if line.strip()][:_LOOKED_AT]
    parted = [line for line in filled if not is_like_a_phone(line.strip())]  # the comma of 8,91E+10 parts nothing
    for separator in SEPARATORS:
        counts = Counter(len(_cells(line, separator)) for line in parted)
        lines_with_it = max((count for cells, count in counts.items() if cells > 1), default=0)
        if lines_with_it > most:
            best, most = separator, lines_with_it
    return best


def rows_of(lines: Sequence[str], separator: str, *, offset: int) -> Iterator[PastedRow]:
    """The rows of the text, blank ones, too.

    :param offset: the number of the first line
    """
    number = 0
    while number < len(lines):
        taken = _lines_of_a_cell(lines, number, separator)
        yield PastedRow(number + offset, _cells("\n".join(lines[number : number + taken]), separator))
        number += taken


def _lines_of_a_cell(lines: Sequence[str], start: int, separator: str) -> int:
    """How many lines one row goes over: more than one only if a quoted cell ends lines, and holds nobody besides."""
    if not separator or lines[start].count('"') % 2 == 0:
        return 1
    for more in range(2, min(_MOST_JOINED, len(lines) - start) + 1):
        joined = "\n".join(lines[start : start + more])
        if joined.count('"') % 2 == 0:
            parsed = _strictly(joined, separator)
            people = sum(bool(_somebody(line, separator)) for line in lines[start : start + more])
            return more if parsed is not None and people <= 1 else 1
    return 1


def _somebody(line: str, separator: str) -> bool:
    return any(is_like_a_phone(cell.strip(' "')) for cell in line.split(separator))


def _cells(line: str, separator: str) -> list[str]:
    """The cells of a line: by CSV's quotes, or letter by letter if those don't fit."""
    if not separator:
        return [_unquoted(line.strip())]
    cells = _strictly(line, separator)
    return [cell.strip() for cell in (line.split(separator) if cells is None else cells)]


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"').strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _strictly(line: str, separator: str) -> list[str] | None:
    """The cells by CSV's rules; None if the line breaks them."""
    if '"' not in line:
        return line.split(separator)
    try:
        found = [*csv.reader([one + "\n" for one in line.split("\n")], delimiter=separator, strict=True)]
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None
