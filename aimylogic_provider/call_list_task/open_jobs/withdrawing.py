"""Withdrawing calls: open jobs that a query no longer selects are cancelled, and it is told what became of each.

Some at a time are noted, cancelled, looked up in the report, and told; a try that ends in between has the next one tell
of them. Which jobs they are, ``deselected_jobs`` finds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aimylogic_provider.call_list.tables.job_state import JobState
from aimylogic_provider.call_list_task.open_jobs.job_spool import JobSpool, SpooledRow
from aimylogic_provider.call_list_task.open_jobs.withdrawal_notes import PersonsYes, WithdrawalNotes
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
    from aimylogic_provider.calls_api.client import CampaignClient
    from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
    from aimylogic_provider.campaign_task.job_reports import AskJobs

__all__ = ["Withdrawing"]

_AT_THE_END = timedelta(seconds=1)
"""An attempt that ended so shortly before its job did was cut off by what ended the job."""


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
            elif job is not None and job.is_open and id not in named:
                self.going_on.add([id])
            elif id in rang or (job is not None and not job.is_open and not is_cancelled(job.status)):
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
