"""Finishes of calls: until when each may be sent, so that the campaign could still dial it; and how that is told.

A job that is created too late is never dialled, and the server says nothing of it: it counts as created, and ends as
``notDone``. So what can't be dialled any more isn't sent.

The times themselves are ``calls_api``'s; no call is set aside here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from aimylogic_provider.call_list.store.stored_call import decode_times
from aimylogic_provider.calls_api.calls.dialling_end import dialled_until
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.idempotence.time_limits import GUARD_BAND, ClockSource, Time

__all__ = ["Arrival", "Finishes", "as_moment", "finish_of", "sendable_until"]

_FINISH = b'"finishDateTime"'


def sendable_until(call: bytes) -> float:
    """Return until when (Unix seconds) the server may get a call, so that a minute is left to dial it in.

    :param call: an item of addPhones, as JSON
    :returns: infinity if it has no finish; minus infinity if no allowed day and time lies between start and finish
    """
    if _FINISH not in call:
        return inf
    item = decode_times(call)
    if item.finish is None:  # the name stands in the payload
        return inf
    times = tuple((day, tuple((span.start, span.end) for span in spans)) for day, spans in item.times.items())
    return dialled_until(item.start, item.finish, item.days, times, item.zone, item.phone)


def finish_of(call: bytes) -> str:
    """Return the finish of a call that has one, as it is written there."""
    return decode_times(call).finish or ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When what is sent now arrives.

    :param time: the server's time now
    :param send_timeout: seconds that a send takes at most
    """

    time: Time
    send_timeout: float

    @property
    def latest(self) -> float:
        """At the latest; without the server's time an hour later, as every limit is then kept an hour early."""
        band = GUARD_BAND if self.time.clock is ClockSource.WORKER else 0.0
        return self.time.latest + self.send_timeout + band

    def why_late(self, call: bytes) -> str:
        """Return why a call can't be sent any more."""
        finish = finish_of(call)
        if sendable_until(call) == -inf:
            return _never(finish)
        passed = self.time.earliest >= datetime.fromisoformat(finish).timestamp()
        what = "has passed" if passed else "leaves no minute of the allowed days and times"
        return f"finish {finish} {what}: {_clock(self.time)}. Give a later finish or call_before"


class Finishes:
    """The finishes of the calls of a list that is being frozen.

    :param arrival: of what is sent now; None if the server wasn't asked for its time
    """

    def __init__(self, arrival: Arrival | None = None) -> None:
        self._arrival = arrival
        self.earliest, self.latest = inf, -inf
        """Until when the first and the last of the calls that have one can be sent."""

    @property
    def told(self) -> tuple[float, float] | None:
        """Both; None if no call has one."""
        return (self.earliest, self.latest) if self.latest > -inf else None

    def check(self, call: bytes) -> None:
        """Take a call in that isn't too late.

        :raises RejectedError: if it is
        """
        until = sendable_until(call)
        if until == inf:
            return
        if until == -inf:
            raise RejectedError(_never(finish_of(call)))
        if self._arrival is not None and until < self._arrival.latest:
            raise RejectedError(self._arrival.why_late(call))
        self.earliest, self.latest = min(self.earliest, until), max(self.latest, until)


def _never(finish: str) -> str:
    return f"finish {finish} leaves no allowed day and time after start: allow others, or give a later finish"


def _clock(time: Time) -> str:
    whose = "the server's time" if time.clock is ClockSource.SERVER else "the time by this worker's clock"
    return f"{whose} is {as_moment(time.earliest)}"


def as_moment(seconds: float) -> str:
    """Return a moment in ISO 8601, by whole seconds in UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()
