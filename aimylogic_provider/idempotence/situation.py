"""What is known when a decision is due, as values: the server's time, the report, the limits, and all in one."""

from __future__ import annotations

from dataclasses import dataclass

from aimylogic_provider.idempotence.keys import Parameters
from aimylogic_provider.idempotence.record.records import ClockSource, Entry, Record

__all__ = ["Report", "ReportedJob", "Situation", "Terms", "Time"]


@dataclass(frozen=True, slots=True)
class Time:
    """The server's time now, in Unix seconds: an interval, for ``Date`` took a while to come and tells whole seconds.

    :param clock: whose clock told it
    """

    earliest: float
    latest: float
    clock: ClockSource = ClockSource.SERVER


@dataclass(frozen=True, slots=True)
class ReportedJob:
    """A job of our phone in the report.

    :param created: Unix seconds, or None if the report doesn't say
    :param ours: whether it can be ours alone: its phone surely is, and no other task is known that may have added it
    """

    id: str
    created: float | None
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """The jobs of our phone in the campaign, and the server's time, at the earliest, when they were asked for."""

    jobs: tuple[ReportedJob, ...]
    asked: float


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits that hold, in seconds.

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


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known when a decision is due.

    :param record: what is recorded of this call
    :param others: the task instance's other records
    :param parameters: as they are now
    :param person: digest of the person who is to be called
    :param phone: digest of the phone
    :param refused: whether the last recorded send has just now been refused
    :param clear_number: how often the DAG run was cleared
    :param looped: whether the task is in a loop, whose other iterations may have added the person in the same minutes
    :param first: whether this try began the entry, surely before any send of its task instance
    :param unseen: whether what was sent before the run was cleared may stand nowhere: the clear may have discarded it
    :param unclear: records of this run, or of one that was deleted and had the same id
    """

    entry: Entry
    parameters: Parameters
    person: str
    phone: str
    terms: Terms
    record: Record | None = None
    others: tuple[Record, ...] = ()
    mapped: bool = False
    looped: bool = False
    time: Time | None = None
    report: Report | None = None
    refused: bool = False
    first: bool = False
    clear_number: int = 0
    unseen: bool = False
    unclear: tuple[Record, ...] = ()
