"""Which of our open jobs a query no longer selects. Nothing is cancelled here.

The jobs are read before the query is asked, so that nobody who is added meanwhile counts as not selected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aimylogic_provider.call_list.tables.job_results import RowsOf
from aimylogic_provider.call_list_task.open_jobs.job_spool import JobSpool, SpooledRow
from aimylogic_provider.call_list_task.open_jobs.withdrawal_limit import (
    FEW,
    nobody_selected,
    none_of_ours,
    none_of_task,
)
from aimylogic_provider.call_list_task.open_jobs.withdrawn_jobs import WithdrawnJobs
from aimylogic_provider.call_list_task.results_update import HomeCounts, bring_home
from aimylogic_provider.campaign_task.action_errors import ActionError
from aimylogic_provider.idempotence.ports import Log

if TYPE_CHECKING:
    from aimylogic_provider.call_list_task.open_jobs.job_sources import OpenJobSource
    from aimylogic_provider.call_list_task.open_jobs.people import PeopleBy
    from aimylogic_provider.call_list_task.open_jobs.selected_people import StillToBeCalled
    from aimylogic_provider.campaign_task.job_reports import AskJobs, JobsTold

__all__ = ["OpenJobs"]


class OpenJobs:
    """Open jobs of ours, and whom a query selects of their people.

    :param source: what tells of them
    :param of: whose they are
    :param ask: asks the report
    """

    def __init__(self, source: OpenJobSource, of: RowsOf, by: PeopleBy, ask: AskJobs, log: Log) -> None:
        self._source = source
        self._of = of
        self._by = by
        self._ask = ask
        self._log = log
        self.home = HomeCounts()
        self._starts: set[str] = set()
        """Of phones that are called, if it is by phones: the first three digits, which tell the countries."""

    def read(self, spool: JobSpool, report_lag: float) -> None:
        """Read the jobs that are open by now, as the report shows them, with their people.

        :raises ApiError: if the report can't be asked
        :raises CallListError: if the source can't be read
        """

        def ask(ids: Sequence[str]) -> JobsTold | None:
            told = self._ask(ids)
            if told is not None:
                spool.show(job.id for job in told.jobs if job.is_open)
            return told

        bring_home(self._source, self._of, ask, self.home, report_lag=report_lag)
        for call_list in self._source.lists(self._of):
            for rows in self._source.people(call_list, self._of):
                if self._by.rules is not None:
                    self._starts.update(f"{one.values[0] or ''}"[:3] for one in rows)
                spool.add((SpooledRow(call_list, one.row, one.job), self._by.of_row(one.values)) for one in rows)

    @property
    def not_shown(self) -> int:
        """How many rows are told to be open, and can't be seen in the report."""
        return self.home.not_shown + self.home.not_found + self.home.unreadable + self.home.not_asked

    def part(self, spool: JobSpool, query: StillToBeCalled, *, allow_empty: bool) -> WithdrawnJobs:
        """Ask a query who is still to be called, and part the jobs by that.

        :raises ActionError: if it tells too little to go by
        :raises RejectedError: if it can't be used
        :raises Exception: whatever its database raises
        """
        query.read(spool, self._log, self._starts)
        jobs = WithdrawnJobs(open=spool.open, without_key=spool.without_key, not_shown=self.not_shown)
        if query.nobody:
            raise ActionError(
                f"{query.nobody:,} of the query's {query.rows:,} rows have nothing in {', '.join(query.by.columns)}: "
                "whose calls are to be kept for them can't be told. Nothing is cancelled. Leave those rows out, as by "
                f"where {query.by.columns[0]} is not null",
                retryable=False,
            )
        if query.unreadable:
            self._log.warning(
                "%s of the query's rows have a phone that can't be read (%s): nobody's call is kept for them.",
                f"{query.unreadable:,}", query.first_unreadable,
            )  # fmt: skip
        if jobs.open and not spool.selected and not allow_empty:
            raise ActionError(nobody_selected(jobs.open, query.rows, query.first_unreadable), retryable=True)
        spool.part()
        jobs.deselected = spool.left
        jobs.still_selected = jobs.open - jobs.deselected - jobs.without_key
        if jobs.deselected and not jobs.still_selected and not allow_empty and not self._knows_any(spool):
            told = none_of_ours(spool.selected, jobs.open, " and ".join(query.by.columns))
            raise ActionError(told, retryable=True)
        if jobs.deselected and not allow_empty:
            self._check_each_task(spool)
        return jobs

    def _check_each_task(self, spool: JobSpool) -> None:
        """Check that the query knows somebody of each task whose calls it would have cancelled, but for a few.

        :raises ActionError: if it tells of other tasks' people alone
        """
        lists_of: dict[str, list[str]] = {}
        for call_list in spool.lists():
            lists_of.setdefault(self._source.task_of(call_list), []).append(call_list)
        if len(lists_of) < 2:
            return
        for task, lists in lists_of.items():
            left, selected = spool.left_of(lists)
            if left > FEW and not selected and not self._knows_any_of(spool, lists):
                raise ActionError(none_of_task(task, left), retryable=True)

    def _knows_any(self, spool: JobSpool) -> bool:
        """Whether the query selects anybody of the lists whose jobs are open, called or not."""
        return self._knows_any_of(spool, spool.lists())

    def _knows_any_of(self, spool: JobSpool, lists: Iterable[str]) -> bool:
        return any(
            spool.selects(self._by.of_row(one.values) for one in rows)
            for call_list in lists
            for rows in self._source.people(call_list, self._of, only_open=False)
        )
