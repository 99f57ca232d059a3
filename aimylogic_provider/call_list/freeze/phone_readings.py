"""How a column's numbers are read, so that it can be told when one reading would settle those that are ambiguous.

Counts only: how a number is read is ``calls_api``'s affair.
"""

from __future__ import annotations

import re

__all__ = ["PhoneReadings"]

_NO_DIGITS = re.compile(r"[^0-9]+")


class PhoneReadings:
    """Counts in which reading numbers without a plus were taken, and how many could be two numbers.

    :param way_out: what to do where no one reading would settle all
    """

    def __init__(self, way_out: str = "Have the query write a plus before those that bear it") -> None:
        self._way_out = way_out
        self.international = 0
        self.national = 0
        self.ambiguous = 0

    def add(self, written: object, phone: str) -> None:
        """Count a number.

        :param phone: what it was taken for
        """
        text = written if type(written) is str else str(written)
        if text[:1] == "+" or "+" in text:
            return
        if text == phone or _NO_DIGITS.sub("", text).removeprefix("00") == phone:
            self.international += 1
        else:
            self.national += 1

    def hint(self) -> str:
        """Which reading would settle all that are ambiguous, in words; empty if none is, or no one reading does."""
        if not self.ambiguous:
            return ""
        many = f"{self.ambiguous:,} numbers are ambiguous"
        if self.international and self.national:
            return (
                f"{many}, and of the others {self.international:,} bear their country code and {self.national:,} "
                f"don't: no one phone_reading would settle all. {self._way_out}"
            )
        if self.international or self.national:
            reading = "international" if self.international else "national"
            bear = "bear their country code" if self.international else "are national ones"
            return f"{many}, and all others without a plus {bear}: phone_reading='{reading}' would settle all"
        return (
            f"{many}, and no other number tells which reading is meant: phone_reading='international' (with country "
            "code) or 'national' (without it) would settle all"
        )
