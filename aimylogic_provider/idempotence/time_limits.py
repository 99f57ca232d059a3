"""Until when what holds: how long a key protects, and from when on the report shows what came of a send.

For a call and for a batch alike: both decisions ask here. Only numbers and clocks; what follows from them is decided
elsewhere. Each limit is kept with a margin: a minute, and an hour besides where a worker's clock told a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

__all__ = [
    "AIRFLOW_SLACK",
    "CALL_AGAIN_AFTER",
    "GUARD_BAND",
    "KEY_WINDOW",
    "SLACK",
    "ClockSource",
    "Limits",
    "Time",
    "ends_in_window",
    "key_still_lives",
    "latest_repeat",
    "margin",
    "send_window",
    "shown_at",
]

KEY_WINDOW = 24 * 3600.0
"""Seconds from a key's first use, within which the server answers a repeat with the first job's id."""

SLACK = 60.0
"""Seconds taken off each limit: for ``Date``, which counts whole seconds, and for the way there."""

AIRFLOW_SLACK = 900.0
"""Seconds by which Airflow's clock, by which a run's age is taken, may differ from the server's."""

GUARD_BAND = 3600.0
"""Seconds taken off each limit besides, where a time was told by the worker's clock instead of the server's."""

CALL_AGAIN_AFTER = 600.0
"""Seconds. Whom others called so long before a run was triggered, and earlier, that run may call again on purpose.

The person who triggers it can have known of those calls. Of later ones that person can't, as a second click by mistake.
"""


class ClockSource(StrEnum):
    """Whose clock told a time."""

    SERVER = "server"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Time:
    """The server's time now, in Unix seconds: an interval, for ``Date`` took a while to come and tells whole seconds.

    :param clock: whose clock told it
    """

    earliest: float
    latest: float
    clock: ClockSource = ClockSource.SERVER


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a try, in seconds.

    :param report_lag: how long a new job may take to show in the report
    :param send_timeout: the longest that one send takes
    :param sends_left: how many sends this try may still make, the next one included
    :param pause: the longest pause between two of them
    """

    report_lag: float
    send_timeout: float
    sends_left: int
    pause: float

    @property
    def span(self) -> float:
        """How long the next send and its repetitions take at most."""
        return self.sends_left * self.send_timeout + max(0, self.sends_left - 1) * self.pause


class SendTimes(Protocol):
    """When a send was noted, before it left, and when it had taken effect at the latest; by whose clock."""

    @property
    def at(self) -> float:
        """Unix seconds."""

    @property
    def until(self) -> float:
        """Unix seconds."""

    @property
    def clock(self) -> ClockSource:
        """Whose clock told both."""


def margin(clocks: Iterable[ClockSource]) -> float:
    """Return what is taken off a limit, by the worst of the clocks that told its times."""
    return SLACK + (GUARD_BAND if ClockSource.WORKER in clocks else 0.0)


def ends_in_window(age: float, limits: Limits, taken_off: float) -> bool:
    """Return whether the next send and its repetitions end inside the key window.

    :param age: of the key's first use; a negative one means that a clock was set back
    :param taken_off: the margin
    """
    return age >= -SLACK and age + limits.span + taken_off <= KEY_WINDOW


def latest_repeat(first: float, limits: Limits, taken_off: float) -> float:
    """Return the time up to which a send and its repetitions can begin, so that they end inside the key window.

    :param first: of the key's first use
    :param taken_off: the margin
    """
    return first + KEY_WINDOW - limits.span - taken_off


def key_still_lives(time: Time, asked: float, limits: Limits, taken_off: float) -> bool:
    """Return whether the key of a job that the report didn't show yet, and that is so younger than its lag, protects.

    :param asked: when the report was asked, at the earliest
    :param taken_off: the margin
    """
    unseen = time.latest - asked + limits.report_lag
    return unseen + limits.span + taken_off <= KEY_WINDOW


def shown_at(until: float, limits: Limits, taken_off: float) -> float:
    """Return the server's time from which on the report shows whatever came of a send.

    :param until: when the send had taken effect, at the latest
    :param taken_off: the margin
    """
    return until + limits.report_lag + taken_off


def send_window(send: SendTimes, taken_off: float | None = None) -> tuple[float, float]:
    """Return the times within which a job of a send was created, if one was.

    :param taken_off: the margin; by the send's own clock if left out
    """
    aside = margin((send.clock,)) if taken_off is None else taken_off
    return send.at - aside, send.until + aside
