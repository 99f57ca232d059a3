"""The server's time, told between its answers by the worker's own clocks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aimylogic_provider.idempotence.time_limits import ClockSource, Time

if TYPE_CHECKING:
    pass

__all__ = ["Clock", "Reading", "SystemClock", "Timebase"]


class Clock(Protocol):
    """The worker's clocks, in seconds."""

    def wall(self) -> float:
        """Unix time."""

    def monotonic(self) -> float:
        """A clock that is never set."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Both of the worker's clocks at one moment."""

    wall: float
    monotonic: float

    @classmethod
    def of(cls, clock: Clock) -> Reading:
        """Read both."""
        return cls(clock.wall(), clock.monotonic())

    def elapsed(self, clock: Clock) -> tuple[float, float]:
        """Seconds since, at the least and at the most: a clock stands still in a suspended machine, or can be set."""
        wall, monotonic = self._differences(clock)
        return max(0.0, min(wall, monotonic)), max(0.0, wall, monotonic)

    def is_within(self, seconds: float, clock: Clock) -> bool:
        """Whether no more than so many seconds have passed since, by either clock. Is asked before each of many."""
        return clock.monotonic() - self.monotonic <= seconds and clock.wall() - self.wall <= seconds

    def clocks_agree(self, clock: Clock) -> bool:
        """Whether both clocks show the same time since, to within two seconds."""
        wall, monotonic = self._differences(clock)
        return abs(wall - monotonic) <= 2.0

    def _differences(self, clock: Clock) -> tuple[float, float]:
        return clock.wall() - self.wall, clock.monotonic() - self.monotonic


@dataclass(frozen=True, slots=True)
class Timebase:
    """The server's time as one answer told it, and the worker's clocks before its request and after it.

    :param date: Unix seconds, whole ones
    """

    date: float
    clock: ClockSource
    before: Reading
    after: Reading

    def now(self, clock: Clock) -> Time:
        """The server's time now."""
        least, _ = self.after.elapsed(clock)
        _, most = self.before.elapsed(clock)
        return Time(self.date + least, self.date + 1.0 + most, self.clock)

    def is_fresh(self, clock: Clock) -> bool:
        """Whether it can still be told from here: for a minute, unless a clock was set or stood still meanwhile."""
        return self.before.clocks_agree(clock) and self.after.elapsed(clock)[1] <= 60.0


class SystemClock:
    """The worker's own clocks."""

    def wall(self) -> float:
        """Unix time."""
        return time.time()

    def monotonic(self) -> float:
        """A clock that is never set."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
