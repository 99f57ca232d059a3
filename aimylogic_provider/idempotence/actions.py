"""What may be done next about one call: the actions, each with the row of the table that says so. Values alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Action", "Adopt", "AskReport", "AskTime", "Clash", "Leave", "Park", "Refuse", "Return", "Row", "SendNow", "Wait",
]  # fmt: skip


class Row(StrEnum):
    """The rows of the table, by the names that logs and tests use."""

    CREATED_SAME = "created, same parameters"
    CREATED_CHANGED = "created, other parameters"
    LEFT = "left by a person"
    MAPPED_CHANGED = "mapped, the same person with other parameters"
    UNANSWERED_ELSEWHERE = "unanswered sends, another campaign"
    UNCLEAR_RUN = "a record of this run, or of one that was deleted"
    NOTED_AHEAD = "unanswered sends, noted at a time to come"
    TIME = "time not known"
    SEND_AGAIN = "sent again by a person's word"
    FIRST_SURE = "surely nothing open before"
    FIRST_RUN_YOUNG = "nothing open known, run young"
    FIRST_RUN_OLD = "nothing open known, run old"
    FIRST_CLEARED = "nothing open known, run cleared, and no second record"
    UNANSWERED_YOUNG = "unanswered sends, young"
    UNANSWERED_OLD = "unanswered sends, old"
    SHARED_RUN_YOUNG = "unanswered sends, mapped or unsure, run young"
    SHARED_RUN_OLD = "unanswered sends, mapped or unsure, run old"
    REFUSED_SURE = "refused, and surely nothing open"
    REFUSED_OPEN = "refused, with unanswered sends"
    REFUSED_SHARED = "refused, mapped or unsure"


@dataclass(frozen=True, slots=True)
class Action:
    """What to do, and the row that says so."""

    row: Row


@dataclass(frozen=True, slots=True)
class Return(Action):
    """Return the recorded job; ask nobody."""

    job: str


@dataclass(frozen=True, slots=True)
class Clash(Action):
    """Fail: a job was created, with other parameters than those of now."""

    job: str


@dataclass(frozen=True, slots=True)
class Leave(Action):
    """Fail: a person said to leave the call as it is."""


@dataclass(frozen=True, slots=True)
class AskTime(Action):
    """Ask for the campaign's status, which proves the token and tells the server's time."""


@dataclass(frozen=True, slots=True)
class AskReport(Action):
    """Ask for the jobs of this phone."""


@dataclass(frozen=True, slots=True)
class SendNow(Action):
    """Note a send, then send, with the recorded key if there is one."""


@dataclass(frozen=True, slots=True)
class Adopt(Action):
    """Take a reported job for ours."""

    job: str


@dataclass(frozen=True, slots=True)
class Park(Action):
    """Leave it to a person: it can't be known whether the job exists, or which one is ours."""

    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait(Action):
    """Let another try ask again: before the server's time *until*, the report proves nothing."""

    until: float
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse(Action):
    """The server refused the call, and surely no job came of it."""
