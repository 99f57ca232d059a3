"""Text that a person pastes, line by line: what parts its cells, which of them is the phone, and what each line holds.

Nothing of a person's is dropped in silence: what can't be told for sure is refused with the way out, and a line is read
by itself, so that a stray quote swallows no others. What a phone is, is for ``calls_api`` to say.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from aimylogic_provider.calls_api.errors import RejectedError

__all__ = ["MOST_LINES", "PastedCall", "PastedLine", "PastedList", "calls_of_text", "read_pasted"]

MOST_LINES = 5_000
"""Lines that may be pasted, at most: of more, a warehouse or a file is the place."""

_SEPARATORS = {"\t": "tab", ";": "semicolon", ",": "comma"}
_LOOKED_AT = 200
"""Lines by which the separator is told."""
_ABOVE = 6
"""Within so many lines a header is looked for that doesn't stand first."""
_MOST_JOINED = 20
"""Lines that one quoted cell may go over, at most."""
_SEP = re.compile(r"\"?sep=(.)\"?[;,\t]*", re.IGNORECASE)
"""What a spreadsheet writes before the first line, to say what parts the cells."""

_SURELY = frozenset({
    "phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "msisdn", "phonenumber", "telephonenumber",
    "mobilephone", "mobilenumber", "телефон", "телефоны", "тел", "мобильный", "мобильныйтелефон", "сотовый",
    "сотовыйтелефон", "номертелефона", "телефонныйномер",
})  # fmt: skip
_PERHAPS = frozenset({"number", "numbers", "номер", "номера", "contact", "контакт"})
"""What the phone's column may be called; and what it is called only where no other is."""
_LIKE_A_PHONE = re.compile(r"['\u2018\u2019\u02bc]?\+?[ ()./\-]*[0-9](?:[ ()./\-]*[0-9]){6,17}[ )]*(?:[.,]0+)?")
_PHONE_WITHIN = re.compile(r"(?<![0-9])[0-9](?:[ ()./\-]*[0-9]){9,14}(?![0-9])")
"""What could be a phone among other words, as in ``mob. 8 912 345-67-89``."""
_EXPONENT = re.compile(r"\+?[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")
_DATE = re.compile(r"[0-9]{4}[-./][01]?[0-9][-./][0-3]?[0-9]|[0-3]?[0-9][-./][01]?[0-9][-./][0-9]{4}")


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


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    cells: list[str]


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
    lines, separator = _lines_and_separator(text)
    filled = sum(1 for line in lines if line.strip())
    if filled > most + 1:  # one may be a header
        raise _too_many(filled, most)
    separator = separator or _separator_of([line for line in lines if line.strip()][:_LOOKED_AT])
    rows = [row for row in _rows(lines, separator, offset=_offset(text)) if any(row.cells)]
    if not rows:
        raise RejectedError("the list is empty: paste a line for each person, with a phone in it")
    header = _header_of(rows, len(columns))
    data = rows[1:] if header else rows
    if len(data) > most:
        raise _too_many(len(data), most)
    if not data:
        raise RejectedError("the list has a header and no line below it: paste a line for each person, too")
    names, phone = _named(data, header, columns)
    _check_no_other_header(data, phone)
    seconds = _columns_of_second_numbers(data, names, phone, has_header=header is not None)
    parted = f"cells parted by {'a ' + _SEPARATORS.get(separator, repr(separator)) if separator else 'nothing'}"
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


# How the text is cut


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _lines_and_separator(text: str) -> tuple[list[str], str]:
    """The lines, and what parts cells if the first one says so; that one is none of them."""
    lines = _plain(text).split("\n")
    found = _SEP.fullmatch(lines[0].strip(" "))
    return (lines[1:], found[1]) if found else (lines, "")


def _offset(text: str) -> int:
    """The number of the first line."""
    return 2 if _SEP.fullmatch(_plain(text).split("\n", 1)[0].strip(" ")) else 1


def _separator_of(lines: Sequence[str]) -> str:
    """What parts the cells: whichever gives most lines one same number of them; empty if there is none."""
    best, most = "", 0
    parted = [line for line in lines if not _is_like_a_phone(line.strip())]  # the comma of 8,91E+10 parts nothing
    for separator in _SEPARATORS:
        counts = Counter(len(_cells(line, separator)) for line in parted)
        lines_with_it = max((count for cells, count in counts.items() if cells > 1), default=0)
        if lines_with_it > most:
            best, most = separator, lines_with_it
    return best


def _rows(lines: Sequence[str], separator: str, *, offset: int) -> Iterator[_Row]:
    number = 0
    while number < len(lines):
        taken = _lines_of_a_cell(lines, number, separator)
        yield _Row(number + offset, _cells("\n".join(lines[number : number + taken]), separator))
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
    return any(_is_like_a_phone(cell.strip(' "')) for cell in line.split(separator))


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


# What stands where


def _plain_cell(cell: str) -> str:
    """With blanks and dashes of one kind each, and without what isn't seen: as a phone is read."""
    if cell.isascii():
        return cell
    kinds = {"Zs": " ", "Pd": "-", "Cf": ""}
    return "".join(kinds.get(unicodedata.category(character), character) for character in cell).strip()


def _is_like_a_phone(cell: str) -> bool:
    cell = _plain_cell(cell)
    return bool((_LIKE_A_PHONE.fullmatch(cell) and not _DATE.fullmatch(cell)) or _EXPONENT.fullmatch(cell))


def _may_hold_a_phone(cell: str) -> bool:
    """Whether a phone may stand in a cell, perhaps among words."""
    return _is_like_a_phone(cell) or bool(_PHONE_WITHIN.search(_DATE.sub("", _plain_cell(cell))))


def _is_another_phone(cell: str, phone: str) -> bool:
    """Whether a cell holds a number as the phone on its line is written: perhaps somebody else's."""
    if not (_is_like_a_phone(cell) and _is_like_a_phone(phone)):
        return False
    one, other = (re.sub("[^0-9]", "", text) for text in (cell, phone))
    return "+" in cell or (len(one) == len(other) and ("+" in phone or one[0] == other[0]))


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _speaks_of_a_phone(name: str) -> bool:
    """Whether one of its words does, as in ``Моб. телефон`` or ``Phone 1``."""
    return any(word in _SURELY for word in re.findall(r"[^\W\d_]+", name.casefold()))


def _header_of(rows: Sequence[_Row], named: int) -> list[str] | None:
    """The names in the first row, if it is a header: none may be a phone, and one is named so, or all are words.

    :param named: how many columns somebody named in case that there is none: so many words may be somebody's line
    """
    cells = rows[0].cells
    for row in rows[1:_ABOVE]:
        if any(_folded(cell) in _SURELY for cell in row.cells) and not any(map(_is_like_a_phone, row.cells)):
            raise RejectedError(
                f"line {row.number} looks like the header, and something stands above it: delete the lines above"
            )
    if any(map(_may_hold_a_phone, cells)):
        return None
    if any(_folded(cell) in _SURELY | _PERHAPS or _speaks_of_a_phone(cell) for cell in cells):
        return cells
    words = all(cell and not re.search("[0-9]", cell) for cell in cells)
    return cells if len(cells) > 1 and words and len(rows) > 1 and len(cells) != named else None


def _check_no_other_header(data: Sequence[_Row], phone: int) -> None:
    """Make sure that no second list follows whose phones stand in another column."""
    for row in data:
        names = [_folded(cell) in _SURELY for cell in row.cells]
        are_words = all(cell and not re.search("[0-9]", cell) for cell in row.cells)
        if are_words and any(names) and not any(names[phone : phone + 1]):
            raise RejectedError(
                f"line {row.number} looks like another header, and names another column for the phone's than column "
                f"{phone + 1}: paste the lists one by one, each into a run of its own"
            )


def _named(data: Sequence[_Row], header: list[str] | None, columns: Sequence[str]) -> tuple[list[str], int]:
    """The names of the columns, and which is the phone's."""
    if header is not None:
        names = _checked(header, data)
        phone = _phone_named(names)
        if phone is None:
            return names, _phone_by_values(data, names)
        if _folded(names[phone]) not in _SURELY:
            _check_no_other(data, names, phone)
        return names, phone
    if columns:
        names = [name.strip() for name in columns]
        phone = _phone_named(names)
        if phone is None:
            raise RejectedError(
                f"none of the columns {', '.join(names)} is the phone's: name it phone, as in phone, name"
            )
        if not any(_counts(data)[phone : phone + 1]):
            _check_no_other(data, names, phone)
        return _checked(names, data), phone
    width = max(len(row.cells) for row in data)
    names = [f"column_{number}" for number in range(1, width + 1)]
    return names, _phone_by_values(data, [])


def _checked(names: list[str], data: Sequence[_Row]) -> list[str]:
    """Make sure that each column that holds something has a name of its own."""
    folded = [name.casefold() for name in names]
    if twice := next((name for name in names if name and folded.count(name.casefold()) > 1), None):
        raise RejectedError(
            f"two columns are called {twice[:50]!r}, and it isn't clear which one is meant: give each a name of its own"
        )
    for number, name in enumerate(names):
        if not name and any(row.cells[number : number + 1] not in ([], [""]) for row in data):
            raise RejectedError(
                f"column {number + 1} holds something and has no name: name it in the header, or delete it"
            )
    return names


def _phone_named(names: Sequence[str]) -> int | None:
    """Which column is called so; None if none is."""
    for is_known in (_SURELY.__contains__, _PERHAPS.__contains__, None):
        found = [
            number
            for number, name in enumerate(names)
            if (_speaks_of_a_phone(name) if is_known is None else is_known(_folded(name)))
        ]
        if len(found) > 1:
            raise RejectedError(
                f"the columns {' and '.join(repr(names[number]) for number in found)} may both be the phone's: name "
                "the one to be called phone, and the other otherwise, or delete it. For two phones of one person, "
                "paste two lines"
            )
        if found:
            return found[0]
    return None


def _counts(data: Sequence[_Row], holds: Callable[[str], bool] = _is_like_a_phone) -> list[int]:
    """On how many lines each column holds what looks like a phone."""
    return [
        sum(len(row.cells) > number and holds(row.cells[number]) for row in data)
        for number in range(max(len(row.cells) for row in data))
    ]


def _check_no_other(data: Sequence[_Row], names: Sequence[str], phone: int) -> None:
    """Make sure that no other column than the one that is meant looks like the phone's."""
    for number, count in enumerate(_counts(data, _may_hold_a_phone)):
        if number != phone and count * 2 > len(data):
            other = repr(names[number]) if number < len(names) else str(number + 1)
            raise RejectedError(
                f"column {names[phone]!r} is taken for the phone's, but what looks like phones stands in column "
                f"{other}: put a header above the list, and name the phone's column phone"
            )


def _phone_by_values(data: Sequence[_Row], names: Sequence[str]) -> int:
    """Which column's values look like phones.

    Where another column may hold phones among words, it isn't clear: a tax number looks like a phone, too.
    """
    counts = _counts(data)
    if len(counts) == 1:
        return 0
    found = [number for number, count in enumerate(counts) if count * 2 > len(data)]
    within = [number for number, count in enumerate(_counts(data, _may_hold_a_phone)) if count * 2 > len(data)]
    some = [number for number, count in enumerate(counts) if count or number in within]
    if len(found) == 1 and some == found:
        return found[0]
    way_out = "Put a header above the list, and name the phone's column phone"
    if not some:
        raise RejectedError(f"no column holds what looks like phones. {way_out}")
    told = ", ".join(repr(names[number]) if number < len(names) else str(number + 1) for number in some)
    raise RejectedError(
        f"it isn't clear which column is the phone's: what looks like phones stands in the columns {told}. {way_out}"
        if len(some) > 1
        else f"column {told} holds phones on {counts[some[0]]:,} of {len(data):,} lines only. {way_out}"
    )


def _other_numbers(cells: Sequence[str], phone: int) -> list[int]:
    """In which other columns of a line another number stands."""
    written = cells[phone] if phone < len(cells) else ""
    return [number for number, cell in enumerate(cells) if number != phone and _is_another_phone(cell, written)]


def _columns_of_second_numbers(
    data: Sequence[_Row], names: Sequence[str], phone: int, *, has_header: bool
) -> Collection[int]:
    """The columns that hold another number on most lines, and so belong to whoever the line is about.

    :raises RejectedError: if there is one and no header that names it: whose numbers they are isn't clear
    """
    counts = Counter(number for row in data for number in _other_numbers(row.cells, phone))
    found = {number for number, count in counts.items() if count * 2 > len(data)}
    if found and not has_header:
        raise RejectedError(
            f"more than one number stands on {counts[min(found)]:,} of {len(data):,} lines: paste a line for each "
            f"number. Or, if column {min(found) + 1} isn't to be called, put a header above the list, and name the "
            "phone's column phone"
        )
    return found


def _line(row: _Row, names: Sequence[str], phone: int, seconds: Collection[int]) -> PastedLine:
    cells = row.cells
    written = cells[phone] if phone < len(cells) else ""
    if strays := [number for number in _other_numbers(cells, phone) if number not in seconds]:
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
