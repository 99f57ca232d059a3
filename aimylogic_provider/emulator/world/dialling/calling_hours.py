"""When a number may be rung by the clock on its wall: the days and times of a policy, in the number's zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from aimylogic_provider.emulator.world.jobs import ServedJob, Spans

__all__ = ["Hours", "hours_of"]

_DAY = timedelta(days=1)
_ALL_DAY = ((0, 1440),)


class Hours(NamedTuple):
    """Days and times in a zone. Jobs with the same open and close together.

    :param days: 0 is Monday; None for every day
    :param times: for each day from Monday, the minutes from and to which it is open; None for all day
    """

    days: tuple[int, ...] | None
    times: tuple[Spans | None, ...] | None
    zone: tzinfo

    def next_opening(self, moment: float) -> float | None:
        """The first moment from *moment* on at which they are open; None if there is none."""
        try:
            midnight = datetime.fromtimestamp(moment, self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
            for _ in range(15):  # a week, and one more if a zone leaps over the only time
                opening = self._of_day(midnight, moment)
                if opening is not None:
                    return opening
                midnight += _DAY
        except (OverflowError, OSError, ValueError):  # after the last day of the calendar
            pass
        return None

    def _of_day(self, midnight: datetime, moment: float) -> float | None:
        end = midnight + _DAY
        if midnight.utcoffset() != end.utcoffset():
            return self._of_odd_day(midnight.timestamp(), end.timestamp(), moment)
        for begins, ends in self._spans(midnight.weekday()):
            opening = max((midnight + timedelta(minutes=begins)).timestamp(), moment)
            if opening < (midnight + timedelta(minutes=ends)).timestamp():
                return opening
        return None

    def _of_odd_day(self, start: float, end: float, moment: float) -> float | None:
        """On a day on which the clocks are changed: look at them minute by minute."""
        candidate = max(start, moment)
        while candidate < end:
            shown = datetime.fromtimestamp(candidate, self.zone)
            minute = shown.hour * 60 + shown.minute
            if any(begins <= minute < ends for begins, ends in self._spans(shown.weekday())):
                return candidate
            candidate = candidate // 60 * 60 + 60
        return None

    def _spans(self, day: int) -> Spans:
        if self.days is not None and day not in self.days:
            return ()
        spans = self.times[day] if self.times is not None else None
        return _ALL_DAY if spans is None else spans


def hours_of(job: ServedJob) -> Hours | None:
    """The hours in which a job may be rung; None for any."""
    policy = job.policy
    if policy is None or (policy.days is None and policy.times is None):
        return None
    return Hours(policy.days, policy.times, _zone(job))


def _zone(job: ServedJob) -> tzinfo:
    """The zone that a job names, or else its number's own."""
    if job.gmt_zone is not None:
        return _named_zone(job.gmt_zone)
    from phonenumbers.tzdata import TIMEZONE_LONGEST_PREFIX

    return _numbers_zone(job.phone[:TIMEZONE_LONGEST_PREFIX])


@lru_cache(65536)
def _numbers_zone(beginning: str) -> tzinfo:
    """The zone of the numbers that begin so; of several, the first; of those without any, UTC."""
    from phonenumbers import NumberParseException, parse
    from phonenumbers.timezone import time_zones_for_geographical_number

    try:
        return _named_zone(time_zones_for_geographical_number(parse(f"+{beginning}"))[0])
    except NumberParseException:
        return UTC


@lru_cache(1024)
def _named_zone(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    if text[0] in "+-":
        hours, minutes, *seconds = (int(part) for part in text[1:].split(":"))
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)
        return timezone(offset if text[0] == "+" else -offset)
    try:
        return ZoneInfo(text)
    except (LookupError, OSError, ValueError):  # Etc/Unknown
        return UTC
