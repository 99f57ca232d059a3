"""Call jobs, their attempts and their policies, as values. Times are Unix seconds.

How they come to be stands in ``campaign``, how they go on in ``dialling``; these classes are saved in snapshots as they
are.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct

__all__ = [
    "DEFAULT_PRIORITY", "Attempt", "Check", "CheckAnswer", "Policy", "Result", "ServedJob", "Span", "Spans", "State",
]  # fmt: skip

_END_OF_TIME = 253402300800.0
"""The year 10000."""


class Result(StrEnum):
    """How an attempt ends, and with the last one the job."""

    LONG_CALL_WITH_RESULT = "longCallWithResult"
    LONG_CALL_WITH_NO_RESULT = "longCallWithNoResult"
    NO_ANSWER = "noAnswer"
    NONEXISTENT_NUMBER = "nonexistentNumber"
    TECHNICAL_ERROR = "technicalError"


class State(StrEnum):
    """What a job is while it is open, and what else it can end as."""

    PLANNED = "planned"
    IN_PROCESS = "inProcess"
    ON_RETRY = "onRetry"
    NOT_DONE = "notDone"
    CANCELLED = "cancelled"


DEFAULT_PRIORITY = 3

Spans = tuple[tuple[int, int], ...]
"""Minutes of a day, from and to which a number may be rung."""


class Check(Struct, frozen=True):
    """An address that is asked before each ring.

    :param url: may bear a secret, and is shown nowhere
    :param retries: how often it is asked again, if it gives no answer
    """

    url: str
    retries: int = 0


class CheckAnswer(Struct, frozen=True, gc=False):
    """What an address said before a ring.

    :param at: the emulator's time
    :param says: ``none`` if it gave no answer that could be understood
    :param requests: how often it was asked for that
    :param reason: what came of the last request
    """

    at: float
    says: Literal["call", "don't call", "none"]
    requests: int
    reason: str


class Policy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When and how often a number may be rung.

    :param start: not before
    :param finish: not from this moment on
    :param days: 0 is Monday
    :param times: for each day from Monday, the minutes from and to which it may be rung; None where no time is named
    :param retry_interval: seconds between attempts
    :param priority: 1 is the highest
    :param check: who is asked before each ring
    """

    start: float | None = None
    finish: float | None = None
    days: tuple[int, ...] | None = None
    times: tuple[Spans | None, ...] | None = None
    retry_interval: float | None = None
    max_attempts: int | None = None
    priority: int = DEFAULT_PRIORITY
    check: Check | None = None

    def __post_init__(self) -> None:
        limits = [moment for moment in (self.start, self.finish) if moment is not None]
        spans = [span for day in self.times or () for span in day or ()]
        if (
            not all(abs(moment) < _END_OF_TIME for moment in limits)
            or not all(day in range(7) for day in self.days or ())
            or (self.times is not None and len(self.times) != 7)
            or not all(0 <= begins < ends <= 1440 for begins, ends in spans)
            or not 1 <= self.priority <= 5
            or (self.retry_interval or 0.0) < 0
        ):
            raise ValueError("a policy isn't one that addPhones could have made")


class Attempt(Struct, gc=False):
    """One ring. Its end is known from its beginning, and shown once it has come.

    :param talk: seconds of talk
    :param cut: whether a cancel ended it
    """

    number: int
    started: float
    ended: float
    result: Result
    talk: int = 0
    cut: bool = False


class ServedJob(Struct, gc=False, omit_defaults=True):
    """A call job. Without garbage collection, for it never refers back to itself.

    :param campaign: the campaign's number
    :param payload: JSON text, or None for none
    :param key: the idempotence key that it was added with
    :param ready: when it may be rung next
    :param finished: when it was over; None while it is open
    :param ending: what it ended as
    :param redial: which repeat of another job it is, by the campaign's script
    :param last: whether the campaign was stopped during its call, so that no further one begins
    :param checks: what its address said, each time that it was asked
    """

    number: int
    campaign: int
    phone: str
    created: float
    payload: str | None = None
    gmt_zone: str | None = None
    key: str | None = None
    policy: Policy | None = None
    test: bool = False
    ready: float = 0.0
    attempts: list[Attempt] | None = None
    finished: float | None = None
    ending: str = ""
    redial: int | None = None
    last: bool = False
    checks: list[CheckAnswer] | None = None

    @property
    def id(self) -> str:
        """Its id: a decimal string."""
        return str(self.number)

    def attempts_by(self, now: float) -> list[Attempt]:
        """The attempts that have begun."""
        return [attempt for attempt in self.attempts or () if attempt.started <= now]

    def finished_by(self, now: float) -> float | None:
        """When it was over, if it is."""
        return self.finished if self.finished is not None and self.finished <= now else None

    def state(self, now: float) -> str:
        """What it is: a :class:`State` or a :class:`Result`."""
        if self.finished_by(now) is not None:
            return self.ending
        attempts = self.attempts_by(now)
        if not attempts:
            return State.PLANNED
        return State.IN_PROCESS if attempts[-1].ended > now else State.ON_RETRY

    def rings(self) -> bool:
        """Whether the person has been, or may yet be, rung by it."""
        return self.finished is None or bool(self.attempts)


class Span(NamedTuple):
    """A time range, both ends included; None for no end."""

    start: float | None = None
    end: float | None = None

    def holds(self, moment: float | None) -> bool:
        """Whether a moment lies in it."""
        if moment is None:
            return self.start is self.end is None
        return (self.start is None or moment >= self.start) and (self.end is None or moment <= self.end)

    def until(self, moment: float) -> tuple[float, float]:
        """Its start, and its end up to a moment at most."""
        return (
            float("-inf") if self.start is None else self.start,
            moment if self.end is None else min(self.end, moment),
        )
