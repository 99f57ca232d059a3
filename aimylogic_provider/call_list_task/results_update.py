"""What became of a results table's rows, brought home: open rows are read, the report is asked, and they are told.

Some rows at a time, and each answer is written before the next one is asked for. Only reports are asked: nothing is
sent that could add a call. Which ids are asked about together, ``watched_jobs`` says, as for a wait.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.calls_api.errors import UnreadableError
from aimylogic_provider.calls_api.json_values import read_id
from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST
from aimylogic_provider.idempotence.ports import Log

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.telemetry.task_telemetry import TaskTelemetry
    from aimylogic_provider.call_list.tables.job_results import OpenRow, RowsOf
    from aimylogic_provider.call_list.tables.job_state import JobState
    from aimylogic_provider.calls_api.reports import CallJob
    from aimylogic_provider.campaign_task.job_reports import AskJobs

__all__ = ["HomeCounts", "TellsOpenRows", "bring_home", "counting_updated"]

_MORE_REQUESTS = 5000
"""Requests of a run beyond those that its rows take: to find ids that the report doesn't know, or can't be read of."""
_NAMED = 5
_ALL_OF_FEW = 10
"""If more jobs than that can't be read, or aren't known, and not one is, that isn't theirs, but the report's."""
_FAIL_FOR = timedelta(days=3)
"""So long after its call a job that isn't known is reason to fail; then it is told, and holds up nobody else."""


class TellsOpenRows(Protocol):
    """What tells of open rows, and is told what the report shows: a results table, as ``JobResults`` has it."""

    def lists(self, of: RowsOf) -> list[str]:
        """The ids of the lists that have open rows."""

    def open_rows(self, call_list: str, of: RowsOf) -> Iterator[list[OpenRow]]:
        """The open rows of a list, some at a time."""

    def update(self, call_list: str, shown: Mapping[int, JobState], read_at: datetime) -> int:
        """Tell of rows what the report shows of their jobs; return how many changed."""


@dataclass(slots=True)
class HomeCounts:
    """What became of the open rows: each is finished now, open or not found.

    :param rows: how many were looked at
    :param updated: how many tell something new
    :param finished: how many are finished now, by status
    :param not_found: of how many the report doesn't know the job, though it must have shown it
    :param not_shown: of how many it doesn't show it yet; they count as open
    :param unreadable: of how many it can't be read what it tells of the job; they count as open
    :param not_asked: how many were not asked about to the end; they count as open
    :param named: the first ids that were not found
    :param unreadable_named: the first ids that could not be read, with the reason
    """

    rows: int = 0
    updated: int = 0
    finished: Counter[str] = field(default_factory=Counter)
    not_found: int = 0
    not_shown: int = 0
    unreadable: int = 0
    not_asked: int = 0
    named: list[str] = field(default_factory=list)
    unreadable_named: list[str] = field(default_factory=list)

    @property
    def open(self) -> int:
        """How many are open."""
        return self.rows - self.finished.total() - self.not_found

    def as_json(self) -> dict[str, Any]:
        """Return it as a task returns it."""
        return {
            "rows": self.rows,
            "updated": self.updated,
            "finished": dict(self.finished.most_common()),
            "open": self.open,
            "not_found": self.not_found,
            "unreadable": self.unreadable,
        }

    def in_words(self) -> str:
        """Return it in words."""
        ends = ", ".join(f"{status} {count:,}" for status, count in self.finished.most_common()) or "none"
        return (
            f"{self.rows:,} rows were open: finished now are {ends}; open are {self.open:,}, not found "
            f"{self.not_found:,}; {self.updated:,} rows were updated"
        )

    def tell(self, log: Log) -> None:
        """Tell of it in the log."""
        log.info("%s.", self.in_words())
        self.warn(log)

    def warn(self, log: Log) -> None:
        """Tell what else there is to know, and to do."""
        if self.not_shown:
            log.info("The report doesn't show %s young jobs yet: the next run asks for them.", f"{self.not_shown:,}")
        if self.not_found:
            more = ", …" if self.not_found > len(self.named) else ""
            log.warning(
                "The campaign's report doesn't know the jobs of %s rows (ids %s%s), which stay as they are: they are "
                "another campaign's, or no longer kept. Is the connection that of the campaign that called?",
                f"{self.not_found:,}", ", ".join(self.named), more,
            )  # fmt: skip
        if self.unreadable:
            more = ", …" if self.unreadable > len(self.unreadable_named) else ""
            log.warning(
                "What the report tells of the jobs of %s rows can't be read (%s%s). They stay open, nobody is called "
                "again for them by a query that leaves out open calls, and the next run asks again. Look at those "
                "calls in the campaign itself.",
                f"{self.unreadable:,}", ", ".join(self.unreadable_named), more,
            )  # fmt: skip
        if self.not_asked:
            log.warning(
                "%s rows were not asked about to the end, for too many ids are not known, or can't be read: choose "
                "rows of one campaign, by task_ids or call_list.", f"{self.not_asked:,}",
            )  # fmt: skip


@contextmanager
def counting_updated(telemetry: TaskTelemetry, counts: HomeCounts) -> Iterator[None]:
    """Tell as metrics what the block brings home, however it ends: what is written stays."""
    from aimylogic_provider.airflow_task.telemetry import metric_names

    with telemetry.during("aimylogic.results", metric_names.RESULTS_DURATION) as span:
        try:
            yield
        finally:
            telemetry.count(metric_names.RESULTS_UPDATED, counts.updated)
            span.tell(rows=counts.rows, rows__updated=counts.updated)


def bring_home(
    results: TellsOpenRows,
    of: RowsOf,
    ask: AskJobs,
    counts: HomeCounts,
    *,
    report_lag: float,
    only: Collection[str] | None = None,
    fails_if_none_known: bool = True,
) -> None:
    """Update rows whose jobs are open, as far as the table tells, by what the report shows of them.

    :param counts: takes what became of them, also of those before a failure
    :param report_lag: seconds that a new job may take to show
    :param only: ids of jobs; None for all
    :param fails_if_none_known: else that is warned of alone
    :raises ApiError: if the report can't be asked; what is written stays
    :raises ActionError: if the connection names another campaign meanwhile, likewise
    :raises CallListError: if the database fails, nothing of the report can be read, or it knows no job, likewise
    """
    home = _Home(results, ask, counts, report_lag)
    for call_list in results.lists(of):
        for rows in results.open_rows(call_list, of):
            chosen = [row for row in rows if only is None or row.job in only]
            if chosen:
                home.look_at(call_list, chosen)
    home.check_readable()
    if fails_if_none_known:
        home.check_some_known()


class _Home:
    def __init__(self, results: TellsOpenRows, ask: AskJobs, counts: HomeCounts, report_lag: float) -> None:
        self._results = results
        self._ask = ask
        self._counts = counts
        self._report_lag = report_lag
        self._more_requests = _MORE_REQUESTS
        self._read_any = False
        self._young_not_found = 0

    def check_readable(self) -> None:
        """Check that it isn't the report that can't be read.

        :raises CallListError: if none of many jobs could be
        """
        if self._counts.unreadable > _ALL_OF_FEW and not self._read_any:
            raise CallListError(
                f"None of {self._counts.unreadable:,} jobs can be read in the campaign's report "
                f"({self._counts.unreadable_named[0]}, and so on)",
                retryable=True,
            )

    def check_some_known(self) -> None:
        """Check that it isn't another campaign's report.

        :raises CallListError: if it knows none of many jobs that are young
        """
        if self._young_not_found > _ALL_OF_FEW and not self._read_any and not self._counts.unreadable:
            raise CallListError(
                f"The campaign's report knows none of the jobs of {self._counts.not_found:,} rows (ids "
                f"{', '.join(self._counts.named)}, …): is aimylogic_conn_id the campaign that called? Of a table that "
                "several campaigns share, choose the rows of one, by task_ids or call_list. Of jobs that are no longer "
                "kept, set finished_at, so that their rows count as over; once all are older than three days, they "
                "hold up nothing any more",
                retryable=True,
            )

    def look_at(self, call_list: str, rows: Sequence[OpenRow]) -> None:
        """Ask for the jobs of some rows of a list, and tell of each answer at once."""
        from aimylogic_provider.waiting.watched_jobs import WatchedJobs

        self._counts.rows += len(rows)
        of_job: defaultdict[str, list[OpenRow]] = defaultdict(list)
        for row in rows:
            of_job[row.job].append(row)
        watched = WatchedJobs(job for job in of_job if _is_id(job))
        polled = watched.poll(must_show=True, more_requests=min(self._more_requests, 2 * watched.total))
        seen: dict[str, JobState | None] = {}
        asked = 0
        try:
            ids = next(polled)
            while True:
                asked += 1
                ids = polled.send(self._told(call_list, of_job, ids, seen))
        except StopIteration:
            pass
        finally:
            polled.close()
            for job, state in seen.items():
                if state is not None and state.is_over:
                    self._counts.finished[state.job_status] += len(of_job[job])
        self._more_requests -= max(0, asked - -(-watched.total // IDS_PER_REQUEST))
        unknown = {*watched.not_found, *(job for job in of_job if not _is_id(job))}
        self._note_unknown(row for job in unknown for row in of_job[job])
        self._counts.not_asked += sum(len(of_job[job]) for job in of_job.keys() - unknown - seen.keys())

    def _told(
        self, call_list: str, of_job: dict[str, list[OpenRow]], ids: Sequence[str], seen: dict[str, JobState | None]
    ) -> Sequence[CallJob] | None:
        """Ask for some ids, and write what is shown of them."""
        from aimylogic_provider.call_list.tables.job_state import JobState

        answer = self._ask(ids)
        if answer is None:
            return None
        wanted = {*ids}
        states = {job.id: JobState.of(job) for job in answer.jobs if job.id in wanted}
        if states:
            shown = {row.row_number: state for job, state in states.items() for row in of_job[job]}
            self._counts.updated += self._results.update(call_list, shown, answer.read_at)
            seen.update((job, replace(state, report_data=None)) for job, state in states.items())
            self._read_any = True
        unread = {job: why for job, why in answer.unreadable.items() if job in wanted}
        return [*answer.jobs, *self._set_aside(unread, of_job, seen)]

    def _set_aside(
        self, unread: Mapping[str, str], of_job: dict[str, list[OpenRow]], seen: dict[str, JobState | None]
    ) -> list[CallJob]:
        """Count jobs that can't be read. The report knows them, and as far as that is known they are open."""
        from aimylogic_provider.calls_api.reports import CallJob

        for job, why in unread.items():
            seen[job] = None
            self._counts.unreadable += len(of_job[job])
            if len(self._counts.unreadable_named) < _NAMED:
                self._counts.unreadable_named.append(f"{job}: {why}")
        return [CallJob(job, "") for job in unread]

    def _note_unknown(self, rows: Iterable[OpenRow]) -> None:
        now = datetime.now(UTC)
        for row in rows:
            if (now - row.told_at).total_seconds() < self._report_lag:
                self._counts.not_shown += 1
                continue
            self._counts.not_found += 1
            self._young_not_found += now - row.told_at < _FAIL_FOR
            if len(self._counts.named) < _NAMED:
                self._counts.named.append(row.job)


def _is_id(text: str) -> bool:
    try:
        return bool(read_id(text))
    except UnreadableError:
        return False
