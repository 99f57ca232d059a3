"""Time ranges of whole milliseconds, which is what reports tell; and how one is halved.

Two halves have the moment between them in common: whether a server takes a limit for part of a range is not stated, so
that a moment is either within a range, or the limit of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aimylogic_provider.calls_api.errors import RejectedError

__all__ = ["TimeRange", "in_words"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From one moment to another, both with a time zone."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, start: datetime, end: datetime) -> TimeRange:
        """Return a range as a user gives it, in UTC, widened to whole milliseconds.

        :raises RejectedError: for a time without a zone, and for an end before the start
        """
        for name, moment in (("start", start), ("end", end)):
            if not isinstance(moment, datetime) or moment.utcoffset() is None:
                raise RejectedError(
                    f"{name} {str(moment)[:40]!r} isn't a datetime with a time zone: give an aware one, as the data "
                    "interval's are"
                )
        if end < start:
            raise RejectedError(f"the time range ends at {in_words(end)}, before it begins at {in_words(start)}")
        first, last = (start - _EPOCH) // _MILLISECOND, -((_EPOCH - end) // _MILLISECOND)
        return cls(_EPOCH + first * _MILLISECOND, _EPOCH + last * _MILLISECOND)

    @classmethod
    def about(cls, moment: datetime, before: float, after: float) -> TimeRange:
        """Return the range from so many seconds after a moment (below 0: before it) to so many after it."""
        return cls.of(moment + timedelta(seconds=before), moment + timedelta(seconds=after))

    @property
    def is_moment(self) -> bool:
        """Whether it is too short to be halved: reports tell nothing shorter than a millisecond."""
        return self.end - self.start <= _MILLISECOND

    def halves(self) -> tuple[TimeRange, TimeRange]:
        """Return both halves, the earlier one first."""
        middle = self.start + (self.end - self.start) // _MILLISECOND // 2 * _MILLISECOND
        return TimeRange(self.start, middle), TimeRange(middle, self.end)

    def holds(self, moment: datetime | None, about: timedelta = timedelta()) -> bool:
        """Whether a moment lies in it, or outside by no more than *about*; a moment that isn't told may."""
        return moment is None or self.start - about <= moment <= self.end + about


def in_words(moment: datetime) -> str:
    """A moment as messages tell it."""
    return f"{moment.astimezone(UTC).isoformat(sep=' ', timespec='milliseconds').removesuffix('+00:00')} UTC"
