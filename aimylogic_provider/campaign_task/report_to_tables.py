"""Bringing a campaign's report home: what was open last time, and what is new; each job's attempts before it is over.

Jobs are read before attempts: whoever is over when its job is read has all attempts in what is read after that. By ids,
they are written after their attempts: a job that is over in its table is not looked at again. By time, attempts come
home after the jobs, behind a mark of their own, so that a try that fails in between has the next one bring them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from aimylogic_provider.call_list.report.created_jobs import created_jobs, unsettled_calls
from aimylogic_provider.call_list.store.manifest import Pointer
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.report_errors import ReportNotReadError
from aimylogic_provider.campaign_report.report_reader import ATTEMPTS, JOBS, ReportReader
from aimylogic_provider.campaign_report.reports_by_id import MORE_REQUESTS, attempts_by_id, jobs_by_id
from aimylogic_provider.campaign_task.action_errors import ActionError
from aimylogic_provider.campaign_task.campaign_reading import CampaignReading, told_at
from aimylogic_provider.campaign_task.report_part import ReportPart, some_of
from aimylogic_provider.campaign_task.report_selection import ReportSelection
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.report_tables.attempts_table import AttemptsTable
from aimylogic_provider.report_tables.jobs_table import JobsTable
from aimylogic_provider.report_tables.report_rows import ReportRows

__all__ = ["OpenTables", "ReportToTables"]

_VANISHED_AT_ONCE = 400
"""Jobs that vanished, of which a run asks again."""
_FOR_VANISHED = 60
"""Requests, to find those of them that the report still doesn't know."""
_ATTEMPTS_SHOW = timedelta(days=1)
"""So long after a job was over its attempts are waited for."""
_ATTEMPTS_MAY_LACK = timedelta(days=3)
"""So long after a job was over attempts are looked for that its report counts, and that aren't home."""


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


class ReportToTables:
    """Brings a campaign's report home.

    :param selection: what of it
    :param full_phones: whether phones are kept in full, and not masked
    :param lag: how long a new job may take to show in the report
    :raises TablesError: if the database fails
    """

    def __init__(
        self,
        campaign: CampaignReading,
        tables: OpenTables,
        selection: ReportSelection,
        *,
        full_phones: bool,
        lag: timedelta,
        log: Log,
    ) -> None:
        rows = ReportRows(campaign.id, campaign.name, full_phones=full_phones)
        self._campaign = campaign
        self._tables = tables
        self._selection = selection
        self._lag = lag
        self._log = log
        self._jobs: ReportPart[CallJob] | None = None
        self._attempts: ReportPart[CallAttempt] | None = None
        self._check_is_over()
        if tables.jobs is not None:
            self._jobs = ReportPart(campaign, tables.jobs, JOBS, jobs_by_id, rows.job, selection, lag=lag, log=log)
        if tables.attempts is not None:
            self._attempts = ReportPart(
                campaign, tables.attempts, ATTEMPTS, attempts_by_id, rows.attempt, selection, lag=lag, log=log
            )
        self._vanished = 0
        self._without_attempts: list[str] = []
        """Jobs that are over, and of whose attempts the report doesn't tell."""

    def run(self) -> dict[str, Any]:
        """Read and write what is selected; return a report.

        :raises ReportNotReadError: if the report can't be read whole
        :raises ActionError: if the interval isn't over, or some attempts aren't told
        :raises ApiError: if the campaign could not be asked
        :raises CallListError: if the call list can't be read
        :raises TablesError: if the database fails
        """
        began = time.monotonic()
        if self._selection.call_list is not None:
            self._list_of(self._selection.call_list)
        else:
            self._look_again()
            self._read_by_time()
        for part in (self._jobs, self._attempts):
            if part is not None:
                part.check_readable()
        if self._without_attempts:
            raise ActionError(
                f"The report of attempts doesn't tell of the jobs {some_of(self._without_attempts)}, which are over, "
                "and were rung: they are left as they were. All else is home; the next try asks again",
                retryable=True,
            )
        return self._report(round(time.monotonic() - began, 1))

    def rows_told(self) -> tuple[int, int]:
        """How many rows of jobs, and of attempts, are new or changed until now."""
        parts = (self._jobs, self._attempts)
        written = [None if part is None else part.counts.written for part in parts]
        jobs, attempts = (0 if one is None else one.new + one.changed for one in written)
        return jobs, attempts

    def _check_is_over(self) -> None:
        end, now = self._selection.end, self._campaign.began.at
        if self._selection.kind == "data_interval" and end is not None and end > now + self._lag:
            raise ActionError(
                f"The data interval isn't over: it ends at {end:%Y-%m-%d %H:%M:%S} UTC, and by the server's clock it "
                f"is {now:%Y-%m-%d %H:%M:%S}. Have the run begin after it",
                retryable=True,
            )

    # By time

    def _read_by_time(self) -> None:
        """Read jobs, and attempts; what of the jobs can't be read holds up no attempts."""
        not_read: ReportNotReadError | None = None
        if self._jobs is not None:
            try:
                self._jobs.by_time(self._reader_of_jobs(), self._write_new_jobs)
            except ReportNotReadError as error:
                not_read = error
        if self._attempts is not None:
            self._attempts.by_time(self._reader_of_attempts(), self._write_attempts)
        self._fill_attempts()
        if not_read is not None:
            raise not_read

    def _reader_of_jobs(self) -> ReportReader[CallJob]:
        table, campaign = self._tables.jobs, self._campaign.id
        assert table is not None
        return ReportReader(
            JOBS,
            self._campaign.ask,
            self._log,
            known_ids=lambda range: chain.from_iterable(table.known_ids(campaign, range.start, range.end)),
            count_known=lambda: table.count_added(campaign),
        )

    def _reader_of_attempts(self) -> ReportReader[CallAttempt]:
        table, campaign = self._tables.jobs, self._campaign.id
        if table is None:
            return ReportReader(ATTEMPTS, self._campaign.ask, self._log)
        return ReportReader(
            ATTEMPTS,
            self._campaign.ask,
            self._log,
            known_ids=lambda range: chain.from_iterable(table.rung_ids(campaign, range.start, range.end)),
        )

    def _write_attempts(self, attempts: Sequence[CallAttempt], read_at: datetime) -> bool:
        if self._attempts is not None:
            self._attempts.write(attempts, read_at)
        return True

    def _write_new_jobs(self, jobs: Sequence[CallJob], read_at: datetime) -> bool:
        """Write jobs of a page; before that, attempts of those that are over that reading by time won't bring.

        Returns whether all of them were written.
        """
        attempts = self._attempts

        def is_left_out(job: CallJob) -> bool:
            return (
                attempts is not None
                and job.finished_at is not None
                and (job.finished_at > attempts.end or (job.created_at or attempts.start) < attempts.start)
            )

        return self._write_jobs(jobs, read_at, [job for job in jobs if is_left_out(job)])

    # By ids

    def _look_again(self) -> None:
        """Look at what was open last time, until it is over; of a range that is gone on with, at what is home of it."""
        campaign, jobs, attempts = self._campaign.id, self._tables.jobs, self._tables.attempts
        if not self._selection.is_incremental:
            if jobs is not None and self._jobs is not None and self._jobs.mark is not None:
                home = (self._selection.start or self._jobs.start, self._jobs.mark.read_until)
                self._by_ids(chain.from_iterable(jobs.open_ids(campaign, home)))
            return
        if jobs is not None:
            vanished = jobs.vanished_ids(campaign, _VANISHED_AT_ONCE)
            self._by_ids(chain.from_iterable(jobs.open_ids(campaign)))
            # Not the same ones first each time: some are gone for good.
            self._by_ids(random.sample(vanished, len(vanished)), more_requests=_FOR_VANISHED)
        if attempts is not None:
            for _ in self._attempts_of(chain.from_iterable(attempts.open_ids(campaign, self._campaign.began.at, jobs))):
                pass

    def _list_of(self, pointer: Pointer) -> None:
        if left := unsettled_calls(pointer):
            self._log.warning(
                "%s calls of the list aren't settled, so that no job is known of them yet: run this task behind the "
                "one that sends the list.", f"{left:,}",
            )  # fmt: skip
        self._by_ids(created_jobs(pointer), more_requests=max(MORE_REQUESTS, 2 * pointer.calls))
        part = self._attempts if self._jobs is None else self._jobs
        if part is not None and part.counts.not_found and not part.counts.found:
            raise ActionError(
                f"The report knows none of the list's {part.counts.not_found + part.counts.left:,} jobs: is "
                "aimylogic_conn_id the campaign that they were added to? If it is, and they are young, the next try "
                "finds them",
                retryable=True,
            )
        if part is not None and part.counts.left:
            raise ActionError(
                f"{part.counts.left:,} of the list's jobs were not looked at, for too many of those before them aren't "
                "in the report: all others are home. The next try asks again",
                retryable=True,
            )

    def _by_ids(self, ids: Iterable[str], *, more_requests: int = MORE_REQUESTS) -> None:
        """Read and write some jobs, and their attempts."""
        if self._jobs is None or self._tables.jobs is None:
            for _ in self._attempts_of(ids):
                pass
            return
        for told in self._jobs.by_ids(ids, more_requests=more_requests):
            if told.unknown:
                self._note_vanished(self._tables.jobs, told.unknown, told_at(told.date))
            if told.left and more_requests == MORE_REQUESTS and self._selection.call_list is None:
                self._log.warning(
                    "%s jobs were not looked at, for too many of those before them aren't in the report: the next run "
                    "looks at them.", f"{len(told.left):,}",
                )  # fmt: skip
            self._write_jobs(told.found, told_at(told.date), told.found)

    def _write_jobs(self, jobs: Sequence[CallJob], read_at: datetime, with_attempts: Sequence[CallJob]) -> bool:
        """Write jobs, and before them the attempts of some of them: of whom they aren't told, that isn't over.

        One that was over a day ago is written without them: they won't be told any more. Returns whether all were.
        """
        missing = {
            id for ids in self._attempts_of(job.id for job in with_attempts if job.attempts_count != 0) for id in ids
        }
        untold = [job for job in with_attempts if job.finished_at is not None and job.id in missing]
        young = self._campaign.began.at - _ATTEMPTS_SHOW
        left = [job.id for job in untold if job.finished_at is not None and job.finished_at > young]
        self._without_attempts += left
        if gone := [job.id for job in untold if job.id not in left]:
            self._log.warning(
                "Of jobs that were over a day ago the report tells no attempts: %s are home without.", some_of(gone),
            )  # fmt: skip
        if self._jobs is not None and jobs:
            self._jobs.write([job for job in jobs if job.id not in left], read_at)
        return not left

    def _attempts_of(self, ids: Iterable[str]) -> Iterator[Sequence[str]]:
        """Read and write the attempts of some jobs, and yield the ids of which the report doesn't tell."""
        if self._attempts is not None:
            for told in self._attempts.by_ids(ids):
                self._attempts.write(told.found, told_at(told.date))
                yield (*told.unknown, *told.left)

    def _fill_attempts(self) -> None:
        """Look again at jobs that were over lately, and had more attempts than are home: some show late."""
        jobs, attempts, since = self._tables.jobs, self._tables.attempts, self._campaign.began.at - _ATTEMPTS_MAY_LACK
        if jobs is None or attempts is None or self._attempts is None or not self._selection.is_incremental:
            return
        never = self._attempts.counts.unnumbered_of
        lacking = chain.from_iterable(attempts.lacking(self._campaign.id, jobs, since))
        ids = [id for id in lacking if id not in never]
        for _ in self._attempts_of(ids):
            pass
        if ids and (left := sum(map(len, attempts.lacking(self._campaign.id, jobs, since)))):
            self._log.info(
                "The report doesn't tell all attempts of %s jobs that are over: those that it tells by the next runs, "
                "within three days, come home then.", f"{left:,}",
            )  # fmt: skip

    def _note_vanished(self, table: JobsTable, ids: Sequence[str], read_at: datetime) -> None:
        noted = table.note_vanished(self._campaign.id, ids, read_at)
        self._vanished += noted
        if noted:
            self._log.warning(
                "The report doesn't know the jobs %s: they stay in the table, with vanished_at, and are asked for "
                "again.", some_of(ids),
            )  # fmt: skip
        elif self._selection.call_list is not None:
            self._log.warning("The report doesn't know the jobs %s.", some_of(ids))

    def _report(self, seconds: float) -> dict[str, Any]:
        selection = self._selection
        start = selection.start
        end = None if selection.call_list is not None else selection.end or self._campaign.began.at
        return {
            "campaign": self._campaign.id,
            "from": None if start is None else start.isoformat(),
            "to": None if end is None else end.isoformat(),
            "jobs": None if self._jobs is None else {**self._jobs.report(), "vanished": self._vanished},
            "attempts": (
                None
                if self._attempts is None
                else {**self._attempts.report(), "unnumbered": self._attempts.counts.unnumbered}
            ),
            "seconds": seconds,
        }
