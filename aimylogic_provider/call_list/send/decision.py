"""What to do next about calls that were sent together: one pure function, by the rows that hold for a single call.

A *unit* is what the server takes or refuses as one: a batch's request of addPhones, or one number of addPhone. Its list
was frozen by this very task, so every send of its key is noted, and its times tell its jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from aimylogic_provider.call_list.store.open_batch import NotedSend
from aimylogic_provider.idempotence.time_limits import (
    SLACK,
    ClockSource,
    Limits,
    Time,
    ends_in_window,
    key_still_lives,
    margin,
    shown_at,
)

__all__ = ["MOST_SILENT", "Decision", "Found", "Unit", "UnitAction", "decide"]


class Found(StrEnum):
    """What the report shows of a unit's phones, within the times of its sends."""

    NONE = "none"
    ALL = "all"
    """One job for each phone."""
    SOME = "some"
    """Neither: a phone has no job, or more than one."""


class UnitAction(StrEnum):
    """What to do."""

    SEND = "send"
    ASK_REPORT = "ask the report"
    ADOPT = "adopt the jobs that the report shows"
    WAIT = "wait until the report proves something"
    PARK = "leave it to a person"
    REFUSE = "take the refusal for the outcome"
    SET_ASIDE = "set aside what must not be sent"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do.

    :param until: of WAIT: the server's time before which the report proves nothing
    :param settled: of SEND, REFUSE and SET_ASIDE: whether the report showed that nothing came of the sends so far
    :param elsewhere: of PARK: whether it was sent to another campaign, whose report can't be asked
    """

    action: UnitAction
    until: float = 0.0
    settled: bool = False
    elsewhere: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known of calls that were sent together.

    :param sends: those whose answer isn't known
    :param campaign: digest of where calls are sent now
    :param time: the server's time
    :param refused: whether the last send has just now been refused
    :param barred: whether a call of it must not be sent any more: a rule forbids it, or it is too late, so that a job
        made of it would never be dialled
    :param key_lost: whether an answer showed that the idempotence key did not reach the server
    :param other_key: whether it would be sent with another key than it was
    :param silent: after how many earlier tries' requests for it there was no answer
    :param found: what the report showed, or None if it wasn't asked
    :param asked: the server's time, at the earliest, when the report was asked
    """

    sends: Sequence[NotedSend]
    campaign: str
    time: Time
    limits: Limits
    refused: bool = False
    barred: bool = False
    key_lost: bool = False
    other_key: bool = False
    silent: int = 0
    found: Found | None = None
    asked: float = 0.0


MOST_SILENT = 2
"""Tries. What went unanswered in so many is repeated no more as it is, while that could make its wait longer."""


def decide(known: Unit) -> Decision:
    """Return what to do next."""
    if not known.sends:
        unsent = UnitAction.REFUSE if known.refused else UnitAction.SEND
        return Decision(UnitAction.SET_ASIDE if known.barred else unsent)
    if any(send.campaign != known.campaign for send in known.sends):
        return Decision(UnitAction.PARK, elsewhere=True)  # the other campaign can't be asked
    # A repeat of what must not be sent would find the jobs, or make them: the report finds them too.
    repeats = not known.refused and not known.barred and known.silent < MOST_SILENT and _young(known)
    if known.found is None:
        # What is never answered may be there all the same: its first send shows by now, if it came to a job.
        shows = known.silent and known.time.earliest >= _shown(known, min(send.until for send in known.sends))
        if repeats and not shows:
            return Decision(UnitAction.SEND)
        return Decision(UnitAction.ASK_REPORT)
    if repeats and not known.silent:
        return Decision(UnitAction.SEND)
    if known.found is Found.ALL and _exact(known):
        return Decision(UnitAction.ADOPT)
    shown = _shown(known, max(send.until for send in known.sends))
    proven = known.asked >= shown
    if known.found is Found.NONE:
        # Under another key the server knows nothing of those sends: so twice the lag must show nothing of them.
        anew = shown + known.limits.report_lag if known.other_key or known.silent else shown
        if known.barred:
            aside = Decision(UnitAction.SET_ASIDE, settled=True)  # and the others have another key then
            return aside if known.asked >= anew else Decision(UnitAction.WAIT, anew)
        if known.refused:
            return Decision(UnitAction.REFUSE, settled=True) if proven else Decision(UnitAction.WAIT, shown)
        if known.time.clock is ClockSource.WORKER:
            return Decision(UnitAction.PARK) if proven else Decision(UnitAction.WAIT, shown)
        if known.asked >= anew:
            return Decision(UnitAction.SEND, settled=True)
        # A job that the report doesn't show yet is younger than its lag, so its key still lives.
        if repeats or (known.silent < MOST_SILENT and _key_lives(known)):
            return Decision(UnitAction.SEND)
        return Decision(UnitAction.WAIT, anew)
    if repeats:
        return Decision(UnitAction.SEND)
    return Decision(UnitAction.PARK) if proven else Decision(UnitAction.WAIT, shown)


def _young(known: Unit) -> bool:
    age = known.time.latest - min(send.at for send in known.sends)
    heeded = not known.key_lost and not known.other_key and known.time.clock is ClockSource.SERVER
    return heeded and ends_in_window(age, known.limits, _margin(known))


def _key_lives(known: Unit) -> bool:
    lives = key_still_lives(known.time, known.asked, known.limits, _margin(known))
    return lives and not known.key_lost and not known.other_key


def _shown(known: Unit, until: float) -> float:
    """The server's time from which on the report shows whatever came of a send that had taken effect *until* then."""
    return shown_at(until, known.limits, _margin(known))


def _exact(known: Unit) -> bool:
    """Whether times are the server's, and of a send each: else they are hours, in which others may add the phone."""
    return _margin(known) == SLACK and all(send.until - send.at <= known.limits.span for send in known.sends)


def _margin(known: Unit) -> float:
    return margin({known.time.clock, *(send.clock for send in known.sends)})
