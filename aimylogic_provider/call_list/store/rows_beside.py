"""The rows of a list that were set aside because of a call of it: its doubles, and those that it caps.

Which calls those are is asked by row number; neither the numbers nor the rows are in memory as objects.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, Literal

from aimylogic_provider.call_list.store.list_reader import ListReader

__all__ = ["RowNumbers", "rows_beside"]

_KINDS: tuple[tuple[Literal["doubles", "capped"], str], ...] = (("doubles", "double_of"), ("capped", "called"))
"""Their files, and by what name these tell the row of the call."""


class RowNumbers(Container[int]):
    """Numbers of rows, a bit each: a list has millions of them."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, row: int) -> None:
        """Add a number."""
        place = row >> 3
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits)))
        self._bits[place] |= 1 << (row & 7)

    def __contains__(self, row: object) -> bool:
        """Whether a number was added."""
        place = row >> 3 if isinstance(row, int) else len(self._bits)
        return 0 <= place < len(self._bits) and bool(self._bits[place] >> (row & 7) & 1)  # type: ignore[operator]


def rows_beside(
    call_list: ListReader, calls: Container[int]
) -> Iterator[tuple[Literal["doubles", "capped"], list[dict[str, Any]]]]:
    """The lines of rows that were set aside because of some calls, a file at a time.

    :param calls: their row numbers
    :raises CallListError: if a file is gone, unreachable, or not what was frozen
    """
    for kind, name in _KINDS:
        for lines in call_list.parts(kind):
            if beside := [line for line in lines if line.get(name) in calls]:
                yield kind, beside
