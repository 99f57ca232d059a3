"""The server's time, told between its answers by the worker's own clocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aimylogic_provider.idempotence.decision import Time
from aimylogic_provider.idempotence.records import ClockSource

__all__ = ["Clock", "Reading", "Timebase"]


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

    def elapsed(self, clock: Clock) -> float:
        """Seconds since, by the clock that shows more: one stands still in a suspended machine, one can be set back."""
        return max(clock.wall() - self.wall, clock.monotonic() - self.monotonic, 0.0)

    def clocks_agree(self, clock: Clock) -> bool:
        """Whether both clocks show the same time since, to within two seconds."""
        return abs((clock.wall() - self.wall) - (clock.monotonic() - self.monotonic)) <= 2.0


@dataclass(frozen=True, slots=True)
class Timebase:
    """The server's time at a moment of the worker's."""

    at: float
    clock: ClockSource
    reading: Reading

    def now(self, clock: Clock) -> Time:
        """The server's time now."""
        return Time(self.at + self.reading.elapsed(clock), self.clock)

    def is_fresh(self, clock: Clock) -> bool:
        """Whether it can still be told from here: for a minute, unless a clock was set or stood still meanwhile."""
        return self.reading.elapsed(clock) <= 60.0 and self.reading.clocks_agree(clock)
