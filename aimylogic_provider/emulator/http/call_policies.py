"""Call policies: an item of addPhones checked by the contract, and read into the world's policy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from urllib.parse import urlsplit

from aimylogic_provider.calls_api.errors import UnreadableError
from aimylogic_provider.calls_api.json_values import read_time
from aimylogic_provider.emulator.http.request_bodies import ExternalCheck, LocalTimes
from aimylogic_provider.emulator.world.jobs import DEFAULT_PRIORITY, Check, Policy
from aimylogic_provider.emulator.world.refusal import Refusal, bad_request

__all__ = ["policy_of"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_MOST_RETRIES, _LONGEST_URL = 100, 2000
_MIDNIGHT = "24:00"
"""The end of a day, where the older form names none."""


def policy_of(
    *,
    start: str | None,
    finish: str | None,
    days: Sequence[str] | None,
    times: Mapping[str, Sequence[LocalTimes]] | None,
    retry_minutes: int | None,
    max_attempts: int | None,
    priority: int | None,
    begins: str | None = None,
    ends: str | None = None,
    check: ExternalCheck | None = None,
) -> Policy | None:
    """Return the policy that an item names, None if it names none.

    :param begins: of every day, where *times* are none: the older form
    :param ends: the same
    :param check: who is asked before each ring
    :raises Refusal: ``invalid.dialer_priority``, ``invalid.call.allowed.time``; or the emulator's own type, where no
        source names one
    """
    if priority is not None and not 1 <= priority <= 5:
        raise Refusal(400, "invalid.dialer_priority", "dialerPriority is not one of 1 (highest) to 5")
    if retry_minutes is not None and not 1 <= retry_minutes <= 2880:
        raise bad_request("retryIntervalInMinutes is not one of 1 to 2880")
    if max_attempts is not None and not 1 <= max_attempts <= 50:
        raise bad_request("maxAttempts is not one of 1 to 50")
    if times is None and (begins is not None or ends is not None):
        times = {"default": [LocalTimes(begins or "00:00", ends or _MIDNIGHT)]}
    first, last = _moment(start, "startDateTime"), _moment(finish, "finishDateTime")
    if first is not None and last is not None and first >= last:
        raise _bad_time("startDateTime is not before finishDateTime")
    policy = Policy(
        start=first,
        finish=last,
        days=None if days is None else _days(days),
        times=None if times is None else _times(times),
        retry_interval=None if retry_minutes is None else retry_minutes * 60.0,
        max_attempts=max_attempts,
        priority=priority or DEFAULT_PRIORITY,
        check=None if check is None else _check(check),
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


def _check(check: ExternalCheck) -> Check:
    """Without the address in the refusal: it may bear a secret."""
    try:
        parts = urlsplit(check.url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or len(check.url) > _LONGEST_URL:
        raise bad_request(f"externalCheckUrl is not an address of http or https, of up to {_LONGEST_URL} characters")
    retries = check.retries or 0
    if not 0 <= retries <= _MOST_RETRIES:
        raise bad_request(f"externalCheckMaxRetries is not one of 0 to {_MOST_RETRIES}")
    return Check(check.url, retries)


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
    if not all(
        _TIME.fullmatch(span.begins) and (span.ends is _MIDNIGHT or _TIME.fullmatch(span.ends)) for span in written
    ):
        raise _bad_time(f"allowedTime of {day} holds a time that is not HH:MM")
    spans = sorted((_minutes(span.begins), _minutes(span.ends)) for span in written)
    if not spans or any(begins >= ends for begins, ends in spans):
        raise _bad_time(f"allowedTime of {day} is empty, or holds a span whose localTimeFrom is not before localTimeTo")
    if any(ends > begins for (_, ends), (begins, _) in pairwise(spans)):
        raise _bad_time(f"allowedTime of {day} overlaps")
    return tuple(spans)


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])
