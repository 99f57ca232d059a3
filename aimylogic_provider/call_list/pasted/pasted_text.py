"""Text that a person pastes, line by line: what parts its cells, which of them is the phone, and what each line holds.

Nothing of a person's is dropped in silence: what can't be told for sure is refused with the way out, and a line is read
by itself, so that a stray quote swallows no others. What a phone is, is for ``calls_api`` to say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from aimylogic_provider.call_list.pasted.pasted_rows import (
    SEPARATORS,
    PastedRow,
    lines_and_separator,
    number_of_first_line,
    rows_of,
    separator_of,
)
from aimylogic_provider.call_list.pasted.phone_column import (
    check_no_other_header,
    columns_of_second_numbers,
    header_of,
    named_columns,
    other_numbers,
)
from aimylogic_provider.calls_api.errors import RejectedError

__all__ = ["MOST_LINES", "PastedCall", "PastedLine", "PastedList", "calls_of_text", "read_pasted"]

MOST_LINES = 5_000
"""Lines that may be pasted, at most: of more, a warehouse or a file is the place."""


class PastedCall(TypedDict):
    """A call, as ``AddPhonesOperator`` takes it; its key is its line."""

    phone: str
    payload: dict[str, str]
    key: int


@dataclass(frozen=True, slots=True)
class PastedLine:
    """One line: somebody to call, or what can't be.

    :param number: of the text, from 1, as an editor shows it
    :param phone: as it is written; empty if there is none
    :param payload: the other cells that hold something, by the names of their columns
    :param fault: what it has, and why it can't be a call, whatever its phone is; empty if nothing speaks against it
    """

    number: int
    phone: str = field(repr=False)
    payload: dict[str, str] = field(default_factory=dict, repr=False)
    fault: str = ""


@dataclass(frozen=True, slots=True)
class PastedList:
    """A text, as it is read.

    :param told: how it was read, in words: what parts the cells, and which column is the phone
    """

    lines: Sequence[PastedLine]
    told: str


def read_pasted(text: str, columns: Sequence[str] = (), *, most: int = MOST_LINES) -> PastedList:
    """Read a text: a phone a line, or lines of cells parted by tabs, semicolons or commas, with a header or without.

    Which column is the phone, its name in the header says (``phone``, ``телефон``, ``number`` …), or *columns*, or the
    column whose values alone look like phones. Blank lines count for nothing.

    :param columns: names of the columns of a list without a header, in their order; ``phone`` among them
    :param most: lines with something on them, at most
    :raises RejectedError: if it is no text, or holds nothing, or too much; or if it isn't clear which column is the
        phone, or what a column is called; naming the line or the column, and the way out
    """
    if not isinstance(text, str):
        raise RejectedError(f"the list is of type {type(text).__name__}: paste text, a line for each person")
    lines, separator = lines_and_separator(text)
    filled = sum(1 for line in lines if line.strip())
    if filled > most + 1:  # one may be a header
        raise _too_many(filled, most)
    separator = separator or separator_of(lines)
    rows = [row for row in rows_of(lines, separator, offset=number_of_first_line(text)) if any(row.cells)]
    if not rows:
        raise RejectedError("the list is empty: paste a line for each person, with a phone in it")
    header = header_of(rows, len(columns))
    data = rows[1:] if header else rows
    if len(data) > most:
        raise _too_many(len(data), most)
    if not data:
        raise RejectedError("the list has a header and no line below it: paste a line for each person, too")
    names, phone = named_columns(data, header, columns)
    check_no_other_header(data, phone)
    seconds = columns_of_second_numbers(data, names, phone, has_header=header is not None)
    parted = f"cells parted by {'a ' + SEPARATORS.get(separator, repr(separator)) if separator else 'nothing'}"
    head = f"line {rows[0].number} is the header" if header else "no header"
    lines_told = "1 line" if len(data) == 1 else f"{len(data):,} lines"
    told = f"{lines_told}; {head}; {parted}; the phone is in column {phone + 1}"
    return PastedList([_line(row, names, phone, seconds) for row in data], told)


def calls_of_text(text: str, columns: Sequence[str] = (), *, most: int = MOST_LINES) -> list[PastedCall]:
    """Return the calls of a pasted text, as ``AddPhonesOperator`` takes them: the ``key`` of each is its line.

    A phone that can't be called is among them, for whoever adds it to reject.

    :param columns: and *most*: as of :func:`read_pasted`
    :raises RejectedError: as :func:`read_pasted`, and if a line has more cells than there are columns
    """
    lines = read_pasted(text, columns, most=most).lines
    if faults := [line for line in lines if line.fault]:
        raise RejectedError(f"nobody is called: line {faults[0].number} has {faults[0].fault}")
    return [{"phone": line.phone, "payload": line.payload, "key": line.number} for line in lines]


def _line(row: PastedRow, names: Sequence[str], phone: int, seconds: Collection[int]) -> PastedLine:
    cells = row.cells
    written = cells[phone] if phone < len(cells) else ""
    if strays := [number for number in other_numbers(cells, phone) if number not in seconds]:
        column = repr(names[strays[0]]) if strays[0] < len(names) else str(strays[0] + 1)
        fault = f"another number, in column {column}, that would not be called: paste a line for each number"
        return PastedLine(row.number, written, {}, fault)
    beyond = [cell for cell in cells[len(names) :] if cell]
    if beyond:
        fault = (
            f"{len(cells)} cells, and there are {len(names)} columns: put a cell that holds the separator in "
            'quotes, as in "Petrov, Ivan"; or name the columns in a header'
        )
        return PastedLine(row.number, written, {}, fault)
    payload = {
        name: cell for number, (name, cell) in enumerate(zip(names, cells, strict=False)) if cell and number != phone
    }
    return PastedLine(row.number, written, payload)


def _too_many(lines: int, most: int) -> RejectedError:
    return RejectedError(
        f"the list has {lines:,} lines, and at most {most:,} can be pasted: nobody is called. Paste it in parts, each "
        "into a run of its own, or have it read from a table (PrepareCallListOperator)"
    )
