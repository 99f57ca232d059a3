"""Jobs, or attempts, on their way home: what of them is read, the table that they come to, and the mark behind both.

A mark stays behind the server's clock by the report's lag, for a new job may take as long to show. One that is ahead of
it was made by a clock that was wrong, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.readable_rows import SetAside
from aimylogic_provider.campaign_report.report_errors import ReportNotReadError
from aimylogic_provider.campaign_report.report_kinds import ReportKind
from aimylogic_provider.campaign_report.report_reader import ReportReader
from aimylogic_provider.campaign_report.reports_by_id import MORE_REQUESTS, FoundOrNot
from aimylogic_provider.campaign_task.campaign_reading import CampaignReading, told_at
from aimylogic_provider.campaign_task.report_selection import ReportSelection
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.report_tables.read_marks import ReadMark, ReadMarks
from aimylogic_provider.report_tables.report_rows import Row
from aimylogic_provider.report_tables.report_table import ReportTable
from aimylogic_provider.report_tables.written_rows import Written

__all__ = ["PartCounts", "ReportPart", "some_of"]

Item = TypeVar("Item", bound=CallJob | CallAttempt)

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before it no campaign has a report."""
_MARK_HOLDS = timedelta(days=1)
"""For so long a range that a try left half read is gone on with; after that all of it is read anew."""
_ALL_OF_FEW = 10
"""If more rows than that can't be read, and not one can, that isn't theirs, but the report's."""
_NAMED = 5
"""Ids that are named in a message, at most."""


@dataclass(slots=True)
class PartCounts:
    """What was read of one kind, and what became of it.

    :param found: of those, the ones that were asked for by their ids
    :param not_found: ids that the report doesn't know: of jobs that were open, or of a list
    :param left: ids of which nothing is known, for too many of those before are not found
    :param unnumbered: attempts without a number
    :param unnumbered_of: the ids of their jobs
    :param unread: rows that can't be read, by what tells them apart
    """

    read: int = 0
    written: Written = field(default_factory=Written)
    found: int = 0
    not_found: int = 0
    left: int = 0
    unnumbered: int = 0
    unnumbered_of: set[str] = field(default_factory=set)
    unread: set[str | int] = field(default_factory=set)


class ReportPart(Generic[Item]):
    """One kind of report, and its table.

    :param by_id: reads the rows of jobs by their ids
    :param row: makes a row; None of what can't be kept
    :param selection: what is read
    :param lag: how long a new job may take to show
    """

    def __init__(
        self,
        campaign: CampaignReading,
        table: ReportTable,
        kind: ReportKind[Item],
        by_id: Callable[..., Iterator[FoundOrNot[Item]]],
        row: Callable[[Item], Row | None],
        selection: ReportSelection,
        *,
        lag: timedelta,
        log: Log,
    ) -> None:
        self._campaign = campaign
        self._table = table
        self._kind = kind
        self._by_id = by_id
        self._row = row
        self._selection = selection
        self._lag = lag
        self._log = log
        self.counts = PartCounts()
        self._marks = ReadMarks(table, campaign.id, self._reading())
        self._marks.forget_of_empty_table()
        self.mark = None if selection.call_list is not None else self._counting_mark()
        """How far a reading came before; None if it begins anew."""
        self.start: datetime = selection.start or _BEGINNING if self.mark is None else self.mark.read_until
        """From when on it is read by time; before that, all is home that will be."""
        self.end: datetime = min(selection.end or campaign.began.at, campaign.began.latest)

    def write(self, items: Sequence[Item], read_at: datetime) -> None:
        """Write what was read.

        :param read_at: when the server told it
        :raises TablesError: if the database fails
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
            self.counts.unnumbered_of.update(unnumbered)
            self._log.warning(
                "Attempts without a number aren't kept, for nothing tells them apart: %s, of the jobs %s.",
                len(unnumbered), some_of(unnumbered),
            )  # fmt: skip

    def by_ids(self, ids: Iterable[str], *, more_requests: int = MORE_REQUESTS) -> Iterator[FoundOrNot[Item]]:
        """Read what some jobs have, request by request; yield it, to be written.

        :param more_requests: to find ids that the report doesn't know
        :raises ApiError: if a request was not answered
        """
        for told in self._by_id(self._campaign.ask, ids, more_requests=more_requests):
            self.counts.found += len(told.found)
            self.counts.not_found += len(told.unknown)
            self.counts.left += len(told.left)
            self._note_aside(told.aside)
            yield told

    def by_time(self, reader: ReportReader[Item], write: Callable[[Sequence[Item], datetime], bool]) -> None:
        """Read and write what is new, or of a range, window by window.

        What of a window can't be read holds up no later one, but the mark, which stays before it.

        :param write: writes a page, of which the server told at a time; returns whether all of it
        :raises ReportNotReadError: at the end, if some could not be read
        :raises ApiError: if a page was not answered
        :raises TablesError: if the database fails
        """
        start, mark, is_mine = self.start, self.mark, True
        read_from = self._selection.start if mark is None else mark.read_from
        settled = self._campaign.began.earliest - self._lag
        not_read: ReportNotReadError | None = None
        for window in reader.windows(start, self.end) if start < self.end else ():
            before = self.counts.read
            try:
                for items in window.pages():
                    self._note_aside(getattr(items, "aside", ()))
                    is_mine &= write(items, told_at(getattr(items, "date", None)))
            except ReportNotReadError as error:
                is_mine, not_read = False, not_read or error
            if read := self.counts.read - before:
                self._log.info("Read %s %s until %s.", f"{read:,}", self._kind.name, f"{window.end:%Y-%m-%d %H:%M:%S}")
            until = min(window.end, settled)
            if is_mine and until > start and (mark is None or until > mark.read_until):
                moved = self._marks.move(mark, ReadMark(read_from, until, self._campaign.began.at))
                is_mine, mark = moved is not None, moved or mark
        if not_read is not None:
            raise not_read
        if self._selection.kind != "since_last":
            self._marks.forget()

    def check_readable(self) -> None:
        """Check that it isn't the report that can't be read, but some rows.

        :raises ReportNotReadError: if none of many could be
        """
        if len(self.counts.unread) > _ALL_OF_FEW and not self.counts.read:
            raise ReportNotReadError(
                f"None of {len(self.counts.unread):,} {self._kind.name} can be read in the campaign's report, the "
                f"first of them {some_of([str(one) for one in self.counts.unread])}",
                retryable=True,
            )

    def report(self) -> dict[str, Any]:
        """What became of it, as the task returns it."""
        counts = self.counts
        return {
            "read": counts.read,
            "new": counts.written.new,
            "changed": counts.written.changed,
            "unchanged": counts.written.unchanged,
            "open": self._table.count_open(self._campaign.id),
            "not_found": counts.not_found + counts.left,
            "unread": len(counts.unread),
        }

    def _note_aside(self, aside: Sequence[SetAside]) -> None:
        new = {one.id or one.identity: one.id or "of an unknown job" for one in aside}
        for known in self.counts.unread:
            new.pop(known, None)
        if new:
            self.counts.unread.update(new)
            self._log.warning(
                "%s %s can't be read, and are set aside: %s. What the report tells of them isn't in the table.",
                len(new), self._kind.name, some_of([*new.values()]),
            )  # fmt: skip

    def _reading(self) -> str:
        """What is read, in a few words. Who waits for jobs to show for less long knows of less."""
        given = self._selection
        if given.kind == "since_last":
            return f"since_last/{self._lag.total_seconds():g}"
        start, end = (f"{one:%Y-%m-%dT%H:%M:%S.%f}" if one else "" for one in (given.start, given.end))
        return f"{start}/{end}"

    def _counting_mark(self) -> ReadMark | None:
        """The mark of this reading, if it counts."""
        mark, began, since = self._marks.read(), self._campaign.began, self._selection.kind == "since_last"
        if mark is None:
            return None
        name = self._kind.name
        if mark.read_until > began.latest - self._lag:
            self._log.warning(
                "%s are said to be known until %s, which is later than the server's clock allows: that was wrong when "
                "they were read, or is now. All are read again.", name.capitalize(), mark.read_until,
            )  # fmt: skip
        elif not since and abs(began.at - mark.noted_at) > _MARK_HOLDS:
            pass
        elif since and _begins_earlier(self._selection.start, mark.read_from):
            self._log.info("first_from is earlier than before: all %s from then on are read again.", name)
        else:
            self._log.info("%s are known until %s: going on from there.", name.capitalize(), mark.read_until)
            return mark
        self._marks.forget()
        return None


def some_of(ids: Sequence[str]) -> str:
    """Some ids, in words."""
    return ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")


def _begins_earlier(start: datetime | None, before: datetime | None) -> bool:
    return before is not None and (start is None or start < before)
