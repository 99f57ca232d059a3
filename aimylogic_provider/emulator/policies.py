"""Call policies: an item of addPhones read and checked by the contract, and when a policy lets a number be rung."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from aimylogic_provider.calls_api.errors import UnreadableError
from aimylogic_provider.calls_api.values import read_time
from aimylogic_provider.emulator.bodies import LocalTimes
from aimylogic_provider.emulator.exchange import Refusal, bad_request
from aimylogic_provider.emulator.jobs import Job, Policy

__all__ = ["next_opening", "policy_of", "zone_of"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_DAY, _MINUTE, _NONE = timedelta(days=1), timedelta(minutes=1), timedelta()


def policy_of(
    *,
    start: str | None,
    finish: str | None,
    days: Sequence[str] | None,
    times: Mapping[str, Sequence[LocalTimes]] | None,
    retry_minutes: int | None,
    max_attempts: int | None,
    priority: int | None,
) -> Policy | None:
    """Return the policy that an item names, None if it names none.

    :raises Refusal: ``invalid.dialer_priority``, ``invalid.call.allowed.time``; or the emulator's own type, where no
        source names one
    """
    if priority is not None and not 1 <= priority <= 5:
        raise Refusal(400, "invalid.dialer_priority", "dialerPriority is not one of 1 (highest) to 5")
    if retry_minutes is not None and not 1 <= retry_minutes <= 2880:
        raise bad_request("retryIntervalInMinutes is not one of 1 to 2880")
    if max_attempts is not None and not 1 <= max_attempts <= 50:
        raise bad_request("maxAttempts is not one of 1 to 50")
    begins, ends = _moment(start, "startDateTime"), _moment(finish, "finishDateTime")
    if begins is not None and ends is not None and begins >= ends:
        raise _bad_time("startDateTime is not before finishDateTime")
    policy = Policy(
        start=begins,
        finish=ends,
        days=None if days is None else _days(days),
        times=None if times is None else _times(times),
        retry_interval=None if retry_minutes is None else retry_minutes * 60.0,
        max_attempts=max_attempts,
        priority=priority or 3,
    )
    return None if policy == Policy() else policy


def _bad_time(message: str) -> Refusal:
    return Refusal(400, "invalid.call.allowed.time", message)


def _moment(text: str | None, name: str) -> float | None:
    """Text without a zone is taken as UTC: no source says."""
    if text is None:
        return None
    try:
        moment = None if text.isdigit() else read_time(text)
    except UnreadableError:
        moment = None
    if moment is None:
        raise _bad_time(f"{name} is not a time as ISO 8601 writes it")
    return moment.timestamp()


def _days(days: Sequence[str]) -> tuple[int, ...]:
    numbers = [_DAYS.index(day) for day in days if day in _DAYS]
    if len(numbers) != len(days) or not 1 <= len(numbers) <= 7 or len(set(numbers)) != len(numbers):
        raise _bad_time(f"allowedDays are not 1 to 7 of {', '.join(_DAYS)}, each once")
    return tuple(sorted(numbers))


def _times(times: Mapping[str, Sequence[LocalTimes]]) -> tuple[tuple[tuple[int, int], ...] | None, ...]:
    if unknown := times.keys() - {*_DAYS, "default"}:
        raise _bad_time(f"allowedTime names {len(unknown)} that are neither a weekday ({', '.join(_DAYS)}) nor default")
    spans = {day: _spans(day, written) for day, written in times.items()}
    return tuple(spans.get(day, spans.get("default")) for day in _DAYS)


def _spans(day: str, written: Sequence[LocalTimes]) -> tuple[tuple[int, int], ...]:
    if not all(_TIME.fullmatch(span.begins) and _TIME.fullmatch(span.ends) for span in written):
        raise _bad_time(f"allowedTime of {day} holds a time that is not HH:MM")
    spans = sorted((_minutes(span.begins), _minutes(span.ends)) for span in written)
    if not spans or any(begins >= ends for begins, ends in spans):
        raise _bad_time(f"allowedTime of {day} is empty, or holds a span whose localTimeFrom is not before localTimeTo")
    if any(ends > begins for (_, ends), (begins, _) in pairwise(spans)):
        raise _bad_time(f"allowedTime of {day} overlaps")
    return tuple(spans)


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def next_opening(policy: Policy | None, zone: tzinfo | None, moment: float) -> float | None:
    """The first moment from *moment* on at which a policy lets a number be rung; None if there is none.

    :param zone: the number's; looked at where the policy names days or times
    """
    if policy is None:
        return moment
    if policy.start is not None:
        moment = max(moment, policy.start)
    opening: float | None = moment
    if zone is not None and (policy.days is not None or policy.times is not None):
        opening = _allowed(policy, zone, moment)
    return None if opening is None or (policy.finish is not None and opening >= policy.finish) else opening


def _allowed(policy: Policy, zone: tzinfo, moment: float) -> float | None:
    try:
        return _first_allowed(policy, zone, moment)
    except (OverflowError, ValueError):  # after the last day of the calendar
        return None


def _first_allowed(policy: Policy, zone: tzinfo, moment: float) -> float | None:
    midnight = datetime.fromtimestamp(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(15):  # a week, and one more if a zone leaps over the only time
        day = midnight.weekday()
        if policy.days is None or day in policy.days:
            spans = policy.times[day] if policy.times is not None else None
            for begins, ends in ((0, 1440),) if spans is None else spans:
                opening, closing = max(_at(midnight, begins), moment), _at(midnight, ends)
                if opening < closing:
                    return opening
        midnight += _DAY
    return None


def _at(midnight: datetime, minutes: int) -> float:
    """The moment of a day's local time: of one that is shown twice the first, of one leapt over the leap's end."""
    local = midnight + timedelta(minutes=minutes)
    while (local.utcoffset() or _NONE) < (local.replace(fold=1).utcoffset() or _NONE):
        local += _MINUTE
    return local.timestamp()


def zone_of(job: Job) -> tzinfo:
    """A job's zone: the one that it names, or else its number's own."""
    if job.gmt_zone is not None:
        return _named_zone(job.gmt_zone)
    from phonenumbers.tzdata import TIMEZONE_LONGEST_PREFIX

    return _numbers_zone(job.phone[:TIMEZONE_LONGEST_PREFIX])


@lru_cache(65536)
def _numbers_zone(beginning: str) -> tzinfo:
    """The zone of the numbers that begin so; of several, the first."""
    from phonenumbers import parse
    from phonenumbers.timezone import time_zones_for_geographical_number

    return _named_zone(time_zones_for_geographical_number(parse(f"+{beginning}"))[0])


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
    except (LookupError, OSError, ValueError):  # a number whose zone phonenumbers doesn't know: Etc/Unknown
        return UTC
