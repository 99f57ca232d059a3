"""The phones of a list, packed: eight bytes each, and one more for whether it is marked. No query is known here."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

__all__ = ["PhoneMarks", "PhoneSet"]

_PARTITIONS = 64
"""Phones are sorted in so many parts, so that only one of them is held as Python's own numbers at a time."""


class PhoneSet:
    """Some phones, each once.

    :param phones: canonical ones, as numbers
    :param starts: the first three digits of others beside which they were read
    """

    def __init__(self, phones: Iterable[int], starts: Iterable[str] = ()) -> None:
        parts = [array("Q") for _ in range(_PARTITIONS)]
        for phone in phones:
            parts[phone % _PARTITIONS].append(phone)
        self.parts = [array("Q", sorted({*part})) for part in parts]
        self.starts = {*starts, *(str(phone)[:3] for part in self.parts for phone in part)}
        """The first three digits of the phones, and of those."""

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def marks(self) -> PhoneMarks:
        """No phone marked as yet."""
        return PhoneMarks(self)


class PhoneMarks:
    """Which phones of a set are marked.

    :param of: the set
    """

    def __init__(self, of: PhoneSet) -> None:
        self._parts = of.parts
        self._marks = [bytearray(len(part)) for part in of.parts]

    def mark(self, phones: Iterable[int]) -> None:
        """Mark those of some phones that are in the set."""
        for phone in phones:
            number = phone % _PARTITIONS
            part = self._parts[number]
            place = bisect_left(part, phone)
            if place < len(part) and part[place] == phone:
                self._marks[number][place] = 1

    def __contains__(self, phone: int) -> bool:
        part = self._parts[phone % _PARTITIONS]
        place = bisect_left(part, phone)
        return place < len(part) and part[place] == phone and bool(self._marks[phone % _PARTITIONS][place])

    def __len__(self) -> int:
        return sum(map(sum, self._marks))
