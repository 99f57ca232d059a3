"""The emulator's clock. Keys, jobs, reports and ``Date`` follow it; the delays of faults run on real time.

It shows a moment and runs on from there, at a rate: 1 is real time, 0 stands still.
"""

from __future__ import annotations

import math
import time

from msgspec import Struct

__all__ = ["ClockReading", "VirtualClock"]

_CENTURY = 100 * 366 * 86400.0
_FASTEST = 1e5


class ClockReading(Struct, frozen=True, kw_only=True):
    """What the clock shows.

    :param now: Unix seconds
    :param rate: virtual seconds in a real one; 0 while it stands still
    :param skew: seconds by which it is ahead of real time
    """

    now: float
    rate: float
    skew: float


class VirtualClock:
    """Seconds of Unix time."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Go back to real time."""
        self._shown = time.time()
        self._since = time.monotonic()
        self._rate = 1.0

    def now(self) -> float:
        """The time now. A clock that has run for a hundred years runs no faster than real time."""
        return min(self._shown + (time.monotonic() - self._since) * self._rate, time.time() + _CENTURY)

    @property
    def rate(self) -> float:
        """Virtual seconds in a real one."""
        return self._rate

    def reading(self) -> ClockReading:
        """All that it shows."""
        now = self.now()
        return ClockReading(now=now, rate=self._rate, skew=now - time.time())

    def set(self, moment: float) -> None:
        """Set the clock to a Unix time; it runs on from there.

        :raises ValueError: if that is over a hundred years from today
        """
        if not math.isfinite(moment) or abs(moment - time.time()) > _CENTURY:
            raise ValueError(f"the clock can't be set to {moment!r}: stay within a hundred years of today")
        self._shown, self._since = moment, time.monotonic()

    def advance(self, seconds: float) -> None:
        """Move the clock; backwards too."""
        self.set(self.now() + seconds)

    def skew(self, seconds: float) -> None:
        """Set the clock ahead of real time, or behind it if negative."""
        self.set(time.time() + seconds)

    def run(self, rate: float) -> None:
        """Run at a rate: 1 is real time, 0 stands still.

        :raises ValueError: if it isn't a rate from 0 to 100,000
        """
        if not 0 <= rate <= _FASTEST:
            raise ValueError(f"the clock can't run at the rate {rate!r}: give 0 (it stands still) to {_FASTEST:,.0f}")
        self._shown, self._since, self._rate = self.now(), time.monotonic(), rate

    def put_back(self, reading: ClockReading) -> None:
        """Show and run again as it did when it was read."""
        self._shown, self._since, self._rate = reading.now, time.monotonic(), reading.rate
