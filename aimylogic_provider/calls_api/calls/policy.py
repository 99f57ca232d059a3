"""A call policy: when, how often and how urgently a number of addPhones is called, validated and in canonical form.

The fields are those of the vendor's page "Calls API" on addPhones; their names there stand in :meth:`.as_item` alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from itertools import pairwise
from numbers import Integral

from aimylogic_provider.calls_api.calls.external_check import checked_address
from aimylogic_provider.calls_api.calls.lawful_hours import LAWFUL_HOURS, lawful_hours
from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.phones.phone import shown

__all__ = ["DEFAULT_DAY", "WEEKDAYS", "AllowedTime", "CallPolicy"]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DEFAULT_DAY = "default"
"""In *allowed_time*: every weekday that isn't named."""

_DAYS = ", ".join(WEEKDAYS)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

AllowedTime = Mapping[str, Sequence[Sequence[str | time]]]
"""From weekday or ``default`` to pairs of local times, as in ``{"default": [("09:00", "18:00")]}``."""


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """When and how often to call. Make it with :meth:`of`, which validates; false if it says nothing.

    :param start: no call before, in UTC
    :param finish: no call after, in UTC
    :param allowed_days: weekdays, in the order of the week
    :param allowed_time: by weekday or ``default``, the pairs of local times (HH:MM) between which to call
    :param retry_interval_minutes: from one attempt to the next
    :param max_attempts: at most so many
    :param priority: 1 (highest) to 5
    :param external_check_url: the address that the server asks before it calls; not for display
    :param external_check_max_retries: how often it asks again at most
    """

    start: datetime | None = None
    finish: datetime | None = None
    allowed_days: tuple[str, ...] = ()
    allowed_time: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    retry_interval_minutes: int | None = None
    max_attempts: int | None = None
    priority: int | None = None
    external_check_url: str | None = field(default=None, repr=False)
    external_check_max_retries: int | None = None

    @classmethod
    def of(
        cls,
        *,
        start: datetime | None = None,
        finish: datetime | None = None,
        allowed_days: Sequence[str] | None = None,
        allowed_time: AllowedTime | str | None = None,
        retry_interval_minutes: int | None = None,
        max_attempts: int | None = None,
        priority: int | None = None,
        external_check_url: str | None = None,
        external_check_max_retries: int | None = None,
    ) -> CallPolicy:
        """Validate what a user wrote and return it in canonical form. What is None is left to the campaign.

        :param start: aware; before *finish*
        :param finish: aware
        :param allowed_days: 1 to 7 of mon, tue, wed, thu, fri, sat, sun
        :param allowed_time: local times of the person called, by weekday or ``default``; the pairs of a day don't
            overlap. Or a name of :data:`.LAWFUL_HOURS`, as in ``RU 230-FZ``
        :param retry_interval_minutes: 1 to 2880
        :param max_attempts: 1 to 50
        :param priority: 1 (highest) to 5
        :param external_check_url: an address (http or https) that the server asks before it calls
        :param external_check_max_retries: how often it asks again at most, if it isn't answered: 0 to 100
        :raises RejectedError: naming the value, the rule and the way out
        """
        policy = cls(
            start=_moment("start", start),
            finish=_moment("finish", finish),
            allowed_days=_days(allowed_days),
            allowed_time=_times(allowed_time),
            retry_interval_minutes=_number("retry_interval_minutes", retry_interval_minutes, 2880),
            max_attempts=_number("max_attempts", max_attempts, 50),
            priority=_number("priority", priority, 5),
            external_check_url=None if external_check_url is None else checked_address(external_check_url),
            external_check_max_retries=_number("external_check_max_retries", external_check_max_retries, 100, least=0),
        )
        if policy.external_check_url is None and policy.external_check_max_retries is not None:
            raise RejectedError(
                "external_check_max_retries has no external_check_url beside it, so that nobody would be asked: give "
                "the address, or leave both out"
            )
        if policy.start is not None and policy.finish is not None and policy.start >= policy.finish:
            raise RejectedError(
                f"start {policy.start.isoformat()} is not before finish {policy.finish.isoformat()}, so that no call "
                "could be made: give a later finish, or leave one of the two out"
            )
        return policy

    def __bool__(self) -> bool:
        return self != _EMPTY

    def as_item(self) -> dict[str, object]:
        """Return the JSON fields of an item of addPhones."""
        fields: dict[str, object] = {
            "startDateTime": self.start and self.start.isoformat(),
            "finishDateTime": self.finish and self.finish.isoformat(),
            "allowedDays": list(self.allowed_days),
            "allowedTime": {
                day: [{"localTimeFrom": start, "localTimeTo": end} for start, end in pairs]
                for day, pairs in self.allowed_time
            },
            "retryIntervalInMinutes": self.retry_interval_minutes,
            "maxAttempts": self.max_attempts,
            "dialerPriority": self.priority,
            "externalCheck": self._external_check(),
        }
        return {name: value for name, value in fields.items() if value}

    def _external_check(self) -> dict[str, object]:
        check = {
            "externalCheckUrl": self.external_check_url,
            "externalCheckMaxRetries": self.external_check_max_retries,
        }
        return {name: value for name, value in check.items() if value is not None}


_EMPTY = CallPolicy()


def _moment(name: str, value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise RejectedTypeError(
            f"{name} {shown(value)} is of type {type(value).__name__}: give an aware datetime, as in "
            "datetime(2026, 1, 2, 9, 0, tzinfo=UTC)",
            what=name,
            kind=type(value).__name__,
        )
    if value != value:
        raise RejectedError(f"{name} {shown(value)} isn't a time: leave it out")
    if value.utcoffset() is None:
        raise RejectedTypeError(
            f"{name} {value.isoformat()} has no time zone: give an aware datetime, as in "
            "datetime(2026, 1, 2, 9, 0, tzinfo=UTC)",
            what=name,
            kind="datetime without a time zone",
        )
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise RejectedError(f"{name} {value.isoformat()} is outside the years 1 to 9999: leave it out") from None
    # A plain datetime, whatever subclass (pendulum's, pandas') it came as.
    return datetime(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond, UTC
    )


def _days(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise RejectedTypeError(
            f"allowed_days {shown(value)} is of type {type(value).__name__}: give a list of {_DAYS}",
            what="allowed_days",
            kind=type(value).__name__,
        )
    days = list(value)
    if not days:
        raise RejectedError(f"allowed_days is empty, so that no call could be made: give 1 to 7 of {_DAYS}, or None")
    for day in days:
        if day not in WEEKDAYS:
            raise RejectedError(f"allowed_days has {shown(day)}, which isn't a weekday: use {_DAYS}")
        if days.count(day) > 1:
            raise RejectedError(f"allowed_days has {shown(day)} twice: name each weekday once")
    return tuple(day for day in WEEKDAYS if day in days)


def _times(value: object) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = _lawful_times(value)
    if not isinstance(value, Mapping):
        raise RejectedTypeError(
            f"allowed_time {shown(value)} is of type {type(value).__name__}: give a dictionary, as in "
            "{'default': [('09:00', '18:00')]}",
            what="allowed_time",
            kind=type(value).__name__,
        )
    if not value:
        raise RejectedError(
            "allowed_time is empty, so that no call could be made: give {'default': [('09:00', '18:00')]}, say, or None"
        )
    for day in value:
        if day not in (*WEEKDAYS, DEFAULT_DAY):
            raise RejectedError(f"allowed_time has {shown(day)}, which isn't a weekday: use {_DAYS} or {DEFAULT_DAY}")
    return tuple((day, _pairs(day, value[day])) for day in (*WEEKDAYS, DEFAULT_DAY) if day in value)


def _lawful_times(name: str) -> Mapping[str, object]:
    hours = lawful_hours(name)
    if hours is None:
        raise RejectedError(
            f"allowed_time {shown(name)} names no hours that are known: use one of {', '.join(LAWFUL_HOURS)}, or give "
            "times of the day, as in {'default': [('09:00', '18:00')]}"
        )
    return hours.times


def _pairs(day: str, value: object) -> tuple[tuple[str, str], ...]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise RejectedError(
            f"allowed_time of {day} {shown(value)} is of type {type(value).__name__}: give a list of pairs, as in "
            "[('09:00', '18:00')]"
        )
    pairs = sorted(_pair(day, pair) for pair in value)
    if not pairs:
        raise RejectedError(
            f"allowed_time of {day} is empty: give a list of pairs, as in [('09:00', '18:00')], or leave {day} out, "
            "with allowed_days for the days without calls"
        )
    for (start, end), (next_start, next_end) in pairwise(pairs):
        if next_start < end:
            raise RejectedError(
                f"allowed_time of {day} has {start}-{end} and {next_start}-{next_end}, which overlap: make one of them"
            )
    return tuple(pairs)


def _pair(day: str, value: object) -> tuple[str, str]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise RejectedError(
            f"allowed_time of {day} has {shown(value)}, which isn't a pair of times: give a list of pairs, as in "
            "[('09:00', '18:00')]"
        )
    start, end = (_clock(day, part) for part in value)
    if start >= end:
        raise RejectedError(
            f"allowed_time of {day} has {start}-{end}, whose end is not after its start: swap them, or, for calls past "
            "midnight, give two pairs on two days"
        )
    return start, end


def _clock(day: str, value: object) -> str:
    if isinstance(value, time):
        if value.tzinfo is not None:
            raise RejectedError(
                f"allowed_time of {day} has {value.isoformat()} with a time zone: give a local time, without one"
            )
        if value.second or value.microsecond:
            raise RejectedError(
                f"allowed_time of {day} has {value.isoformat()}, and times are whole minutes: leave the seconds out"
            )
        return f"{value.hour:02}:{value.minute:02}"
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        return value
    raise RejectedError(
        f"allowed_time of {day} has {shown(value)}, which isn't a time of day from 00:00 to 23:59: write HH:MM, as in "
        "'09:00'"
    )


def _number(name: str, value: object, most: int, *, least: int = 1) -> int | None:
    if value is None:
        return None
    message = f"{name} {shown(value)} isn't a whole number from {least} to {most}: give one, or None"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise RejectedTypeError(message, what=name, kind=type(value).__name__)
    if not least <= int(value) <= most:
        raise RejectedError(message)
    return int(value)
