"""When a next try can help, as spans of time: what an error tells of it whose task is to be tried again.

Only values. Times of the server's clock are made into spans by whoever knows what that clock shows; when the next try
comes is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aimylogic_provider.idempotence.server_time import Clock, Reading

__all__ = ["NextTry", "seconds_until"]

_WHOLE_SECONDS = 1.0
"""``Date`` tells whole seconds: a second later, what is to have passed has passed by it, too."""


def seconds_until(moment: float, now: float) -> float:
    """Return how long to wait until a clock's time has surely passed, which showed *now*."""
    return max(0.0, moment - now + _WHOLE_SECONDS)


@dataclass(frozen=True, slots=True)
class NextTry:
    """When a next try can help, in seconds from when this was told.

    :param asked: the server asks to wait so long; 0 if it doesn't
    :param shown: before that the report proves nothing, and nothing else is left to be done; 0 if something is
    :param within: until then what went unanswered can be repeated by its key; None if nothing did, or no key protects
    :param told: when this was told, by the worker's clocks; None for at the end of the try
    :param all_shown: from then on the report proves something of all that waits for it, *shown* being of the first
    """

    asked: float = 0.0
    shown: float = 0.0
    within: float | None = None
    told: Reading | None = None
    all_shown: float = 0.0

    @classmethod
    def at(
        cls,
        now: float,
        told: Reading,
        *,
        asked: float = 0.0,
        shown: float | None = None,
        all_shown: float | None = None,
        within: float | None = None,
    ) -> NextTry:
        """Make it of times of one clock, in Unix seconds.

        :param now: what that clock shows, at the earliest
        :param told: the worker's clocks then
        """
        first, last = (0.0 if time is None else seconds_until(time, now) for time in (shown, all_shown))
        until = None if within is None else within - now - _WHOLE_SECONDS
        return cls(asked, first, until, told, max(first, last))

    def from_now(self, clock: Clock) -> NextTry:
        """The same, from now on: a key's time is shorter by what has passed, and no wait is."""
        if self.within is None or self.told is None:
            return self
        return replace(self, within=self.within - self.told.elapsed(clock)[1], told=None)

    @property
    def says_anything(self) -> bool:
        """Whether anything is known."""
        return bool(self.asked or self.shown) or self.within is not None
