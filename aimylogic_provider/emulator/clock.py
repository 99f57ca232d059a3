"""The emulator's clock: real time, plus what it was moved by. Keys, jobs, reports and ``Date`` follow it."""

from __future__ import annotations

import math
import time

__all__ = ["VirtualClock"]

_LIMIT = 100 * 366 * 86400.0


class VirtualClock:
    """Seconds of Unix time."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """The time now."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock; backwards too.

        :raises ValueError: if it would leave the century
        """
        moved = self.offset + seconds
        if not math.isfinite(moved) or abs(moved) > _LIMIT:
            raise ValueError(f"the clock can't be moved by {seconds!r} seconds: stay within a hundred years of today")
        self.offset = moved

    def set(self, moment: float) -> None:
        """Set the clock to a Unix time; it runs on from there."""
        self.advance(moment - self.now())

    def reset(self) -> None:
        """Go back to real time."""
        self.offset = 0.0
