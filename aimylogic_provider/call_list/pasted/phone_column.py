"""Which column of a pasted text is the phone's, and what the others are called; what isn't clear is refused.

Its name in a header says so, or whoever pasted, or the column whose values alone look like phones.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from aimylogic_provider.call_list.pasted.cell_looks import is_another_phone, is_like_a_phone, may_hold_a_phone
from aimylogic_provider.call_list.pasted.pasted_rows import PastedRow
from aimylogic_provider.calls_api.errors import RejectedError

__all__ = ["check_no_other_header", "columns_of_second_numbers", "header_of", "named_columns", "other_numbers"]

_ABOVE = 6
"""Within so many lines a header is looked for that doesn't stand first."""
_SURELY = frozenset({
    "phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "msisdn", "phonenumber", "telephonenumber",
    "mobilephone", "mobilenumber", "телефон", "телефоны", "тел", "мобильный", "мобильныйтелефон", "сотовый",
    "сотовыйтелефон", "номертелефона", "телефонныйномер",
})  # fmt: skip
_PERHAPS = frozenset({"number", "numbers", "номер", "номера", "contact", "контакт"})
"""What the phone's column may be called; and what it is called only where no other is."""


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _speaks_of_a_phone(name: str) -> bool:
    """Whether one of its words does, as in ``Моб. телефон`` or ``Phone 1``."""
    return any(word in _SURELY for word in re.findall(r"[^\W\d_]+", name.casefold()))


def header_of(rows: Sequence[PastedRow], named: int) -> list[str] | None:
    """The names in the first row, if it is a header: none may be a phone, and one is named so, or all are words.

    :param named: how many columns somebody named in case that there is none: so many words may be somebody's line
    """
    cells = rows[0].cells
    for row in rows[1:_ABOVE]:
        if any(_folded(cell) in _SURELY for cell in row.cells) and not any(map(is_like_a_phone, row.cells)):
            raise RejectedError(
                f"line {row.number} looks like the header, and something stands above it: delete the lines above"
            )
    if any(map(may_hold_a_phone, cells)):
        return None
    if any(_folded(cell) in _SURELY | _PERHAPS or _speaks_of_a_phone(cell) for cell in cells):
        return cells
    words = all(cell and not re.search("[0-9]", cell) for cell in cells)
    return cells if len(cells) > 1 and words and len(rows) > 1 and len(cells) != named else None


def check_no_other_header(data: Sequence[PastedRow], phone: int) -> None:
    """Make sure that no second list follows whose phones stand in another column."""
    for row in data:
        names = [_folded(cell) in _SURELY for cell in row.cells]
        are_words = all(cell and not re.search("[0-9]", cell) for cell in row.cells)
        if are_words and any(names) and not any(names[phone : phone + 1]):
            raise RejectedError(
                f"line {row.number} looks like another header, and names another column for the phone's than column "
                f"{phone + 1}: paste the lists one by one, each into a run of its own"
            )


def named_columns(data: Sequence[PastedRow], header: list[str] | None, columns: Sequence[str]) -> tuple[list[str], int]:
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


def _checked(names: list[str], data: Sequence[PastedRow]) -> list[str]:
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


def _counts(data: Sequence[PastedRow], holds: Callable[[str], bool] = is_like_a_phone) -> list[int]:
    """On how many lines each column holds what looks like a phone."""
    return [
        sum(len(row.cells) > number and holds(row.cells[number]) for row in data)
        for number in range(max(len(row.cells) for row in data))
    ]


def _check_no_other(data: Sequence[PastedRow], names: Sequence[str], phone: int) -> None:
    """Make sure that no other column than the one that is meant looks like the phone's."""
    for number, count in enumerate(_counts(data, may_hold_a_phone)):
        if number != phone and count * 2 > len(data):
            other = repr(names[number]) if number < len(names) else str(number + 1)
            raise RejectedError(
                f"column {names[phone]!r} is taken for the phone's, but what looks like phones stands in column "
                f"{other}: put a header above the list, and name the phone's column phone"
            )


def _phone_by_values(data: Sequence[PastedRow], names: Sequence[str]) -> int:
    """Which column's values look like phones.

    Where another column may hold phones among words, it isn't clear: a tax number looks like a phone, too.
    """
    counts = _counts(data)
    if len(counts) == 1:
        return 0
    found = [number for number, count in enumerate(counts) if count * 2 > len(data)]
    within = [number for number, count in enumerate(_counts(data, may_hold_a_phone)) if count * 2 > len(data)]
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


def other_numbers(cells: Sequence[str], phone: int) -> list[int]:
    """In which other columns of a line another number stands."""
    written = cells[phone] if phone < len(cells) else ""
    return [number for number, cell in enumerate(cells) if number != phone and is_another_phone(cell, written)]


def columns_of_second_numbers(
    data: Sequence[PastedRow], names: Sequence[str], phone: int, *, has_header: bool
) -> Collection[int]:
    """The columns that hold another number on most lines, and so belong to whoever the line is about.

    :raises RejectedError: if there is one and no header that names it: whose numbers they are isn't clear
    """
    counts = Counter(number for row in data for number in other_numbers(row.cells, phone))
    found = {number for number, count in counts.items() if count * 2 > len(data)}
    if found and not has_header:
        raise RejectedError(
            f"more than one number stands on {counts[min(found)]:,} of {len(data):,} lines: paste a line for each "
            f"number. Or, if column {min(found) + 1} isn't to be called, put a header above the list, and name the "
            "phone's column phone"
        )
    return found
