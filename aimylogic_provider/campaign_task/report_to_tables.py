"""Bringing a campaign's report home: pages as they are read, rows as they are written, and marks behind whole windows.

Jobs come before attempts: whoever is over when its job is read has all attempts in what is read after that. And what
was open last time comes before what is new, so that nobody is looked at twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Generic, TypeVar

from aimylogic_provider.call_list.report.created_jobs import created_jobs, unsettled_calls
from aimylogic_provider.call_list.store.manifest import Pointer
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.report_kinds import ReportKind
from aimylogic_provider.campaign_report.report_reader import ATTEMPTS, JOBS, ReportReader
from aimylogic_provider.campaign_report.reports_by_id import FoundOrNot, attempts_by_id, jobs_by_id
from aimylogic_provider.campaign_task.action_errors import ActionError
from aimylogic_provider.campaign_task.campaign_reading import CampaignReading, told_at
from aimylogic_provider.campaign_task.report_selection import ReportSelection
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.report_tables.read_marks import ReadMark, ReadMarks
from aimylogic_provider.report_tables.report_rows import ReportRows, Row
from aimylogic_provider.report_tables.report_table import AttemptsTable, JobsTable, ReportTable
from aimylogic_provider.report_tables.upserts import Written

__all__ = ["OpenTables", "ReportToTables"]

Item = TypeVar("Item", bound=CallJob | CallAttempt)
ById = Callable[[Any, Iterable[str]], Iterator[FoundOrNot[Item]]]

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before it no campaign has a report."""
_MARK_HOLDS = timedelta(days=1)
"""For so long a range that a try left half read is gone on with; after that all of it is read anew."""
_NAMED = 5
"""Ids that are named in a message, at most."""


@dataclass(frozen=True, slots=True)
class OpenTables:
    """The tables that are filled: one of them, or both."""

    jobs: JobsTable | None
    attempts: AttemptsTable | None

    def close(self) -> None:
        """Close the connections to their database."""
        for table in (self.jobs, self.attempts):
            if table is not None:
                table.engine.dispose()


@dataclass(slots=True)
class PartCounts:
    """What was read of one kind, and what became of it.

    :param found: of those, the ones that were asked for by their ids
    :param not_found: ids that the report doesn't know: of jobs that were open, or of a list
    :param left: ids of which nothing is known, for too many of those before are not found
    """

    read: int = 0
    written: Written = field(default_factory=Written)
    found: int = 0
    not_found: int = 0
    left: int = 0
    unnumbered: int = 0


class ReportPart(Generic[Item]):
    """One kind of report, and its table.

    :param row: makes a row; None of what can't be kept
    """

    def __init__(
        self,
        campaign: CampaignReading,
        table: ReportTable,
        kind: ReportKind[Item],
        by_id: ById[Item],
        row: Callable[[Item], Row | None],
        log: Log,
    ) -> None:
        self._campaign = campaign
        self._table = table
        self._kind = kind
        self._by_id = by_id
        self._row = row
        self._log = log
        self.counts = PartCounts()

    def write(self, items: Sequence[Item], read_at: datetime) -> None:
        """Write what was read.

        :param read_at: when the server told it
        """
        rows, unnumbered = [], []
        for item in items:
            row = self._row(item)
            if row is None:
                unnumbered.append(self._kind.job(item))
            else:
                rows.append(row)
        self.counts.read += len(items)
        if rows:
            self.counts.written.add(self._table.write(rows, read_at))
        if unnumbered:
            self.counts.unnumbered += len(unnumbered)
            self._log.warning(
                "Attempts without a number aren't kept, for nothing tells them apart: %s, of the jobs %s.",
                len(unnumbered), _some(unnumbered),
            )  # fmt: skip

    def by_ids(self, ids: Iterable[str]) -> Iterator[FoundOrNot[Item]]:
        """Read and write what some jobs have, request by request; yield it."""
        for told in self._by_id(self._campaign.ask, ids):
            self.write(told.found, told_at(told.date))
            self.counts.found += len(told.found)
            self.counts.not_found += len(told.unknown)
            self.counts.left += len(told.left)
            yield told

    def by_time(self, selection: ReportSelection, settled: datetime) -> None:
        """Read and write what is new, or of a range, window by window.

        :param settled: until when the report surely shows all
        """
        marks, mark = self._mark(selection)
        start = selection.start or _BEGINNING if mark is None else mark.read_until
        end = selection.end or self._campaign.began_at
        is_mine = True
        reader = ReportReader(self._kind, self._campaign.ask, self._log)
        for window in reader.windows(start, end) if start < end else ():
            before = self.counts.read
            for items in window.pages():
                self.write(items, told_at(getattr(items, "date", None)))
            if read := self.counts.read - before:
                self._log.info("Read %s %s until %s.", f"{read:,}", self._kind.name, f"{window.end:%Y-%m-%d %H:%M:%S}")
            until = min(window.end, settled) if selection.kind == "since_last" else window.end
            if is_mine and (mark is None or until > mark.read_until) and until > start:
                moved = marks.move(mark, ReadMark(selection.start, until, self._campaign.began_at))
                is_mine, mark = moved is not None, moved or mark
        if selection.kind != "since_last":
            marks.forget()

    def _mark(self, selection: ReportSelection) -> tuple[ReadMarks, ReadMark | None]:
        """The marks of a reading, and how far it came before."""
        since = selection.kind == "since_last"
        bounds = f"{selection.start:%Y-%m-%dT%H:%M:%S.%f}/" if selection.start else ""
        reading = "since_last" if since else bounds + (f"{selection.end:%Y-%m-%dT%H:%M:%S.%f}" if selection.end else "")
        marks = ReadMarks(self._table, self._campaign.id, reading)
        mark = marks.read()
        if mark is None:
            return marks, None
        if not since and self._campaign.began_at - mark.noted_at > _MARK_HOLDS:
            marks.forget()
            return marks, None
        if since and _begins_earlier(selection.start, mark.read_from):
            self._log.info("first_from is earlier than before: all %s from then on are read again.", self._kind.name)
            marks.forget()
            return marks, None
        self._log.info("%s are known until %s: going on from there.", self._kind.name.capitalize(), mark.read_until)
        return marks, mark


class ReportToTables:
    """Brings a campaign's report home.

    :param full_phones: whether phones are kept in full, and not masked
    :param lag: how long a new job may take to show in the report
    """

    def __init__(
        self, campaign: CampaignReading, tables: OpenTables, *, full_phones: bool, lag: timedelta, log: Log
    ) -> None:
        rows = ReportRows(campaign.id, campaign.name, full_phones=full_phones)
        self._campaign = campaign
        self._tables = tables
        self._lag = lag
        self._log = log
        self._jobs = None if tables.jobs is None else ReportPart(campaign, tables.jobs, JOBS, jobs_by_id, rows.job, log)
        self._attempts = (
            None
            if tables.attempts is None
            else ReportPart(campaign, tables.attempts, ATTEMPTS, attempts_by_id, rows.attempt, log)
        )
        self._vanished = 0

    def run(self, selection: ReportSelection) -> dict[str, Any]:
        """Read and write what is selected; return a report.

        :raises ReportNotReadError: if the report can't be read whole
        :raises ActionError: if the interval isn't over
        :raises ApiError: if the campaign could not be asked
        :raises CallListError: if the call list can't be read
        :raises TablesError: if the database fails
        """
        began = time.monotonic()
        now = self._campaign.began_at
        if selection.kind == "data_interval" and selection.end is not None and selection.end > now + self._lag:
            raise ActionError(
                f"The data interval isn't over: it ends at {selection.end:%Y-%m-%d %H:%M:%S} UTC, and by the server's "
                f"clock it is {now:%Y-%m-%d %H:%M:%S}. Have the run begin after it",
                retryable=True,
            )
        if selection.call_list is not None:
            self._list_of(selection.call_list)
        else:
            if selection.is_incremental:
                self._look_again()
            for part in (self._jobs, self._attempts):
                if part is not None:
                    part.by_time(selection, now - self._lag)
        return self._report(selection, round(time.monotonic() - began, 1))

    def _look_again(self) -> None:
        """Look at what was open last time, until it is over."""
        campaign, jobs, attempts = self._campaign.id, self._tables.jobs, self._tables.attempts
        if jobs is not None:
            self._by_ids(chain.from_iterable(jobs.open_ids(campaign)))
        if attempts is not None:
            self._attempts_of(chain.from_iterable(attempts.open_ids(campaign, self._campaign.began_at, jobs)))

    def _list_of(self, pointer: Pointer) -> None:
        if left := unsettled_calls(pointer):
            self._log.warning(
                "%s calls of the list aren't settled, so that no job is known of them yet: run this task behind the "
                "one that sends the list.", f"{left:,}",
            )  # fmt: skip
        self._by_ids(created_jobs(pointer))
        part = self._attempts if self._jobs is None else self._jobs
        counts = part.counts if part is not None else PartCounts()
        if counts.not_found and not counts.found:
            raise ActionError(
                f"The report knows none of the list's {counts.not_found + counts.left:,} jobs: is aimylogic_conn_id "
                "the campaign that they were added to? If it is, and they are young, the next try finds them",
                retryable=True,
            )

    def _by_ids(self, ids: Iterable[str]) -> None:
        """Read and write some jobs, and then their attempts."""
        if self._jobs is None or self._tables.jobs is None:
            self._attempts_of(ids)
            return
        for told in self._jobs.by_ids(ids):
            if told.unknown:
                self._note_vanished(self._tables.jobs, told.unknown, told_at(told.date))
            if told.left:
                self._log.warning(
                    "%s jobs were not looked at, for too many of those before them aren't in the report: the next run "
                    "looks at them.", f"{len(told.left):,}",
                )  # fmt: skip
            self._attempts_of(job.id for job in told.found if job.attempts_count != 0)

    def _attempts_of(self, ids: Iterable[str]) -> None:
        """Read and write the attempts of some jobs."""
        if self._attempts is not None:
            for _ in self._attempts.by_ids(ids):
                pass

    def _note_vanished(self, table: JobsTable, ids: Sequence[str], read_at: datetime) -> None:
        noted = table.note_vanished(self._campaign.id, ids, read_at)
        self._vanished += noted
        self._log.warning(
            "The report doesn't know the jobs %s%s", _some(ids),
            ": they stay in the table, with vanished_at." if noted else ".",
        )  # fmt: skip

    def _report(self, selection: ReportSelection, seconds: float) -> dict[str, Any]:
        parts: tuple[tuple[str, Any, ReportTable | None], ...] = (
            ("jobs", self._jobs, self._tables.jobs),
            ("attempts", self._attempts, self._tables.attempts),
        )
        of_list = selection.call_list is not None
        end = None if of_list else selection.end or self._campaign.began_at
        report: dict[str, Any] = {
            "campaign": self._campaign.id,
            "from": None if selection.start is None else selection.start.isoformat(),
            "to": None if end is None else end.isoformat(),
        }
        for name, part, table in parts:
            if part is None or table is None:
                report[name] = None
                continue
            counts: PartCounts = part.counts
            report[name] = {
                "read": counts.read,
                "new": counts.written.new,
                "changed": counts.written.changed,
                "unchanged": counts.written.unchanged,
                "open": table.count_open(self._campaign.id),
                "not_found": counts.not_found + counts.left,
                **({"vanished": self._vanished} if name == "jobs" else {"unnumbered": counts.unnumbered}),
            }
        return {**report, "seconds": seconds}


def _begins_earlier(start: datetime | None, before: datetime | None) -> bool:
    return before is not None and (start is None or start < before)


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")
