"""Withdrawing calls: which of our open jobs a query no longer selects is found out, then those are cancelled.

The jobs are read before the query is asked, so that nobody who is added meanwhile counts as not selected. Some at a
time are noted, cancelled, looked up in the report, and told; a try that ends in between has the next one tell of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list.tables.job_results import RowsOf
from aimylogic_provider.call_list.tables.job_state import JobState
from aimylogic_provider.call_list_task.open_jobs.job_spool import JobSpool, SpooledRow
from aimylogic_provider.call_list_task.open_jobs.withdrawal_limit import (
    FEW,
    WithdrawalLimit,
    nobody_selected,
    none_of_ours,
    none_of_task,
)
from aimylogic_provider.call_list_task.open_jobs.withdrawal_notes import PersonsYes, WithdrawalNotes
from aimylogic_provider.call_list_task.results_update import HomeCounts, bring_home
from aimylogic_provider.calls_api import report_endpoints
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST
from aimylogic_provider.calls_api.statuses import is_cancelled
from aimylogic_provider.campaign_task.action_errors import ActionError, asked
from aimylogic_provider.campaign_task.cancelling_calls import JobCancelling, Some
from aimylogic_provider.campaign_task.job_selection import JobSelection
from aimylogic_provider.idempotence.ports import Log, Store

if TYPE_CHECKING:
    from aimylogic_provider.call_list_task.open_jobs.job_sources import OpenJobSource
    from aimylogic_provider.call_list_task.open_jobs.people import PeopleBy
    from aimylogic_provider.call_list_task.open_jobs.selected_people import StillToBeCalled
    from aimylogic_provider.calls_api.client import CampaignClient
    from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
    from aimylogic_provider.campaign_task.job_reports import AskJobs, JobsTold

__all__ = ["Ask", "OpenJobs", "Withdrawing", "WithdrawnJobs", "check_limit"]

_AT_THE_END = timedelta(seconds=1)
"""An attempt that ended so shortly before its job did was cut off by what ended the job."""


@dataclass(slots=True)
class WithdrawnJobs:
    """What became of open jobs, of all tries together.

    :param open: that were there
    :param still_selected: whose people the query selects
    :param without_key: of which it can't be told whose they are; they are kept
    :param deselected: whose people it doesn't select
    :param withdrawn: that were cancelled before they rang, or between their rings
    :param too_late: that were over before, or rang just then, and were ended
    :param gone: that the campaign knew no more
    :param not_shown: that the table tells are open, and the report doesn't show; they are kept, and not among the open
    """

    open: int = 0
    still_selected: int = 0
    without_key: int = 0
    deselected: int = 0
    withdrawn: int = 0
    too_late: int = 0
    gone: int = 0
    not_shown: int = 0
    withdrawn_ids: Some = field(default_factory=Some)
    too_late_ids: Some = field(default_factory=Some)

    def sum(self, before: WithdrawalNotes, withdrawing: Withdrawing) -> None:
        """Count what became of the jobs, and those of earlier tries.

        :param before: what those did
        """
        notes = withdrawing.notes
        self.withdrawn, self.too_late, self.gone = notes.withdrawn, notes.too_late, notes.gone
        self.open += before.done
        self.deselected += before.done
        self.withdrawn_ids, self.too_late_ids = withdrawing.withdrawn_ids, withdrawing.too_late_ids

    def as_json(self) -> dict[str, Any]:
        """Return it as a task returns it."""
        counts = (
            "open", "still_selected", "without_key", "deselected", "withdrawn", "too_late", "gone", "not_shown"
        )  # fmt: skip
        ids = {"withdrawn_ids": self.withdrawn_ids.first, "too_late_ids": self.too_late_ids.first}
        return {**{name: getattr(self, name) for name in counts}, **ids}


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
                spool.show(job.id for job in told.jobs if not _is_over(job))
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


class Withdrawing:
    """Cancels jobs, and tells what became of each, by the report.

    :param source: that is told of them
    :param ask: asks the report
    :param store: where it is noted what is under way
    :param by: which task withdraws them, in words
    """

    def __init__(
        self, client: CampaignClient, source: OpenJobSource, ask: AskJobs, store: Store, by: str, log: Log
    ) -> None:
        self._client = client
        self._source = source
        self._ask = ask
        self._store = store
        self._by = by
        self._log = log
        self.notes = WithdrawalNotes.read(store)
        self.withdrawn_ids, self.too_late_ids, self.going_on = Some(), Some(), Some()

    def finish_earlier(self) -> None:
        """Tell of the jobs that an earlier try was about to cancel, as far as they are over.

        :raises ApiError: if the report can't be asked
        :raises CallListError: if the results table can't be written
        """
        if self.notes.under_way:
            self._settle(self.notes.under_way, answered=())
            self.going_on = Some()  # not cancelled at all: they count among the open ones
            self.notes.write(self._store)

    def note_asked(self) -> None:
        """Note that a person is asked."""
        self.notes = self.notes.but(asked=True)
        self.notes.write(self._store)

    def note_yes(self, yes: PersonsYes) -> None:
        """Note that a person said yes."""
        self.notes = self.notes.but(yes=yes)
        self.notes.write(self._store)

    def run(self, spool: JobSpool) -> None:
        """Withdraw the jobs that are to be, some at a time.

        :raises ActionError: if the campaign doesn't answer, or jobs go on though it took the request
        :raises ApiError: likewise
        :raises CallListError: if the results table can't be written
        """
        for rows in spool.withdrawn(IDS_PER_REQUEST):
            self.notes = self.notes.but(under_way=rows)
            self.notes.write(self._store)
            ids = tuple(dict.fromkeys(row.job for row in rows))
            cancelling = JobCancelling(self._client, "skip", "skip", most_told=IDS_PER_REQUEST)
            try:
                cancelling.run(JobSelection(ids, (), (), ()))
            except ActionError:
                if not cancelling.jobs.still_open.count:
                    raise
            self._settle(rows, answered=cancelling.jobs.cancelled.first)
        if self.going_on.count:
            raise ActionError(
                f"{self.notes.withdrawn:,} calls are withdrawn, but {self.going_on.count:,} jobs go on, though the "
                f"server took the request ({self.going_on}): the next try asks again",
                retryable=True,
            )

    def _settle(self, rows: Sequence[SpooledRow], *, answered: Iterable[str]) -> None:
        """Tell what became of jobs by now, and have it noted with the next ones.

        :param answered: those which the server said are cancelled
        """
        told = self._shown([*dict.fromkeys(row.job for row in rows)])
        named = {*answered}
        rang = self._rang_at_the_end([job for job, _ in told.values() if is_cancelled(job.status)])
        withdrawn, too_late, gone = list[str](), list[str](), 0
        for id in dict.fromkeys(row.job for row in rows):
            job = told[id][0] if id in told else None
            if job is None and id not in named:
                gone += 1
            elif job is not None and not _is_over(job) and id not in named:
                self.going_on.add([id])
            elif id in rang or (job is not None and _is_over(job) and not is_cancelled(job.status)):
                too_late.append(id)
            else:
                withdrawn.append(id)
        self._tell(rows, told, withdrawn, rang)
        self.withdrawn_ids.add(withdrawn)
        self.too_late_ids.add(too_late)
        notes = self.notes
        self.notes = notes.but(
            under_way=(),
            withdrawn=notes.withdrawn + len(withdrawn),
            too_late=notes.too_late + len(too_late),
            gone=notes.gone + gone,
        )

    def _tell(
        self,
        rows: Sequence[SpooledRow],
        told: dict[str, tuple[CallJob, datetime]],
        withdrawn: Iterable[str],
        rang: Iterable[str],
    ) -> None:
        """Tell the results table, by list: what the report shows, and that it was a withdrawal."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        why = f"the query of {self._by} selects this person no longer"
        words = dict.fromkeys(withdrawn, f"withdrawn {now}: {why}")
        words |= dict.fromkeys(rang, f"withdrawn too late, as it rang, and ended {now}: {why}")
        for call_list in dict.fromkeys(row.call_list for row in rows):
            of_list = [row for row in rows if row.call_list == call_list]
            states = {row.row: JobState.of(told[row.job][0]) for row in of_list if row.job in told}
            if states:
                self._source.update(call_list, states, min(told[row.job][1] for row in of_list if row.job in told))
            for reason in dict.fromkeys(words.values()):
                if numbers := [row.row for row in of_list if words.get(row.job) == reason]:
                    self._source.tell(call_list, numbers, reason)

    def _shown(self, ids: Sequence[str]) -> dict[str, tuple[CallJob, datetime]]:
        """What the report shows of jobs; without those that it doesn't know, or that can't be read."""
        told = self._ask(ids)
        if told is None:
            if len(ids) == 1:
                return {}
            half = len(ids) // 2
            return self._shown(ids[:half]) | self._shown(ids[half:])
        wanted = {*ids}
        return {job.id: (job, told.read_at) for job in told.jobs if job.id in wanted}

    def _rang_at_the_end(self, jobs: Sequence[CallJob]) -> set[str]:
        """Which of some cancelled jobs were just rung, so that somebody heard of it."""
        ends = {job.id: job.finished_at for job in jobs if job.attempts_count != 0 and job.finished_at is not None}
        if not ends:
            return set()
        try:
            attempts = asked(self._client, report_endpoints.call_attempt_report(ids=list(ends))).value
        except ApiError as error:
            if error.retryable:
                raise
            self._log.warning("Which of the jobs rang when they were cancelled can't be told: %s.", error)
            return set()
        return {one.call_job_id for one in attempts if one.call_job_id in ends and _is_cut(one, ends[one.call_job_id])}


def _is_cut(attempt: CallAttempt, job_ended: datetime | None) -> bool:
    """Whether an attempt was under way when its job ended."""
    if job_ended is None:
        return False
    return attempt.finished_at is None or attempt.finished_at >= job_ended - _AT_THE_END


def _is_over(job: CallJob) -> bool:
    return job.finished or is_cancelled(job.status)


Ask = Callable[[WithdrawnJobs, str], None]
"""Has a person asked whether so many may be withdrawn; returns if one said yes."""


def check_limit(limit: WithdrawalLimit, jobs: WithdrawnJobs, notes: WithdrawalNotes, ask: Ask | None) -> None:
    """Check that no more are to be withdrawn than may be, those of earlier tries with them.

    :param ask: None if nobody is asked
    :raises ActionError: if there are more
    """
    total, open = jobs.deselected + notes.done, jobs.open + notes.done
    excess = limit.excess(total, open) if jobs.deselected else None
    if excess is None or (notes.yes is not None and not notes.yes.is_old and total <= notes.yes.most):
        return
    if notes.yes is not None:
        meant = "that yes is more than a day old" if notes.yes.is_old else f"{total:,} are more than that"
        excess += f". {notes.yes.by} said yes to {notes.yes.most:,}, but {meant}"
    elif ask is not None:
        ask(jobs, excess)
        return
    raise ActionError(
        f"{excess}. Nothing{'' if not notes.done else ' more'} is cancelled. If they are right, set max_withdrawn, a "
        "count or a share, or on_excess='ask' to have a person asked; if not, correct the query. Start a new run then",
        retryable=True,
    )
