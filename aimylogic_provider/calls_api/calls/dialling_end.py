"""Until when a call can be dialled, by its own policy: its start and finish, and the days and times that are allowed.

Where it is unsure which clock is meant, the one by which there is most time left counts: a call that is said to be too
late is so by every reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from math import inf
from zoneinfo import ZoneInfo

from aimylogic_provider.calls_api.calls.policy import DEFAULT_DAY, WEEKDAYS

__all__ = ["LEAST", "Times", "dialled_until"]

LEAST = 60.0
"""Seconds that a call can use at least: allowed times are whole minutes, and the shortest is one."""

Times = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
"""By weekday or ``default``, the pairs of local times (HH:MM) between which to call."""

_DAYS_BACK = 9
"""Days that are looked at: a week has each weekday, and the first and the last of them may be cut short."""

_EVERYWHERE = tuple(timezone(timedelta(hours=hours)) for hours in range(-12, 15))


def dialled_until(
    start: str | None, finish: str, days: tuple[str, ...], times: Times, zone: str | None, phone: str
) -> float:
    """Return the last moment (Unix seconds) at which a call still has a minute to be dialled in.

    :param start: ISO 8601
    :param finish: ISO 8601
    :param days: that are allowed; all if empty
    :param times: that are allowed; all if empty
    :param zone: in canonical form; None for the number's own
    :param phone: digits with country code
    :returns: minus infinity if no allowed day and time lies between start and finish
    """
    zones: tuple[tzinfo, ...] = (UTC,)
    if days or times:
        zones = _zones_of(phone) if zone is None else (_named(zone),)
    return _until(start, finish, days, times, zones)


@lru_cache(4096)
def _until(start: str | None, finish: str, days: tuple[str, ...], times: Times, zones: tuple[tzinfo, ...]) -> float:
    begins = -inf if start is None else datetime.fromisoformat(start).timestamp()
    ends = datetime.fromisoformat(finish).timestamp()
    found = (
        min(closes, ends) - LEAST
        for zone in zones
        for opens, closes in _allowed(ends, days, dict(times), zone)
        if min(closes, ends) - max(opens, begins) >= LEAST
    )
    return max(found, default=-inf)


def _allowed(
    until: float, days: tuple[str, ...], times: dict[str, tuple[tuple[str, str], ...]], zone: tzinfo
) -> Iterator[tuple[float, float]]:
    """When calls are allowed, on the day of a moment and on those before."""
    if not days and not times:
        yield -inf, until
        return
    try:
        midnight = datetime.fromtimestamp(until, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        for _ in range(_DAYS_BACK):
            day = WEEKDAYS[midnight.weekday()]
            if not days or day in days:
                for begins, ends in times.get(day, times.get(DEFAULT_DAY, (("00:00", "24:00"),))):
                    # On a day on which clocks are changed a time may be read in two ways: the wider one counts.
                    yield min(_readings(midnight, begins, zone)), max(_readings(midnight, ends, zone))
            midnight -= timedelta(days=1)
    except OverflowError:  # at an end of the calendar
        yield -inf, until


def _readings(midnight: datetime, time: str, zone: tzinfo) -> tuple[float, float]:
    wall = (midnight + timedelta(hours=int(time[:2]), minutes=int(time[3:]))).replace(tzinfo=zone)
    return wall.timestamp(), wall.replace(fold=1).timestamp()


def _zones_of(phone: str) -> tuple[tzinfo, ...]:
    """All zones that a number may lie in; all there are, if none is known."""
    from phonenumbers.tzdata import TIMEZONE_LONGEST_PREFIX

    return _zones_from(phone[:TIMEZONE_LONGEST_PREFIX])


@lru_cache(65536)
def _zones_from(beginning: str) -> tuple[tzinfo, ...]:
    from phonenumbers import NumberParseException, parse
    from phonenumbers.timezone import time_zones_for_geographical_number

    try:
        return tuple(map(ZoneInfo, time_zones_for_geographical_number(parse(f"+{beginning}")))) or _EVERYWHERE
    except (NumberParseException, LookupError, OSError, ValueError):  # Etc/Unknown
        return _EVERYWHERE


@lru_cache(1024)
def _named(zone: str) -> tzinfo:
    if zone == "Z":
        return UTC
    if zone[0] not in "+-":
        return ZoneInfo(zone)
    hours, minutes, *seconds = (int(part) for part in zone[1:].split(":"))
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)
    return timezone(offset if zone[0] == "+" else -offset)
