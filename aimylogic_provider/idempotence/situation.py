"""What is known when a decision is due, as values: the server's time, the report, the limits, and all in one."""

from __future__ import annotations

from dataclasses import dataclass

from aimylogic_provider.idempotence.keys import Parameters
from aimylogic_provider.idempotence.record.records import Entry, Record
from aimylogic_provider.idempotence.time_limits import Limits, Time

__all__ = ["Report", "ReportedJob", "Situation"]


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
    limits: Limits
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
