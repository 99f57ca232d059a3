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

    :param phones: canonical ones
    """

    def __init__(self, phones: Iterable[str]) -> None:
        parts = [array("Q") for _ in range(_PARTITIONS)]
        self.starts: set[str] = set()
        """The first three digits of the phones."""
        for phone in phones:
            number = int(phone)
            parts[number % _PARTITIONS].append(number)
            self.starts.add(phone[:3])
        self.parts = [array("Q", sorted({*part})) for part in parts]

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

    def __contains__(self, phone: str) -> bool:
        number = int(phone)
        part = self._parts[number % _PARTITIONS]
        place = bisect_left(part, number)
        return place < len(part) and part[place] == number and bool(self._marks[number % _PARTITIONS][place])

    def __len__(self) -> int:
        return sum(map(sum, self._marks))
