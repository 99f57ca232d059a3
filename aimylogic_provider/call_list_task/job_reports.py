"""The report of jobs that are named by their ids, as a task asks it: of one campaign, in parts where it must be.

An answer about our jobs that can't be read is no failure of all of them: the ids are asked for in parts, and one that
can't be read alone is told as such. An answer that is about none of them is a failure, as of something between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aimylogic_provider.calls_api.errors import ApiError, UnreadableError
from aimylogic_provider.idempotence.ports import Log

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.reports import CallJob
    from aimylogic_provider.campaign_task.campaign_reading import CampaignReading

__all__ = ["AskJobs", "JobReports", "JobsTold"]


@dataclass(frozen=True, slots=True)
class JobsTold:
    """What the report tells of jobs.

    :param jobs: those that it shows
    :param read_at: when, by the server's time; None if it could not be read
    :param unreadable: why the one job that was asked for can't be read; None if all could
    """

    jobs: Sequence[CallJob] = ()
    read_at: datetime | None = None
    unreadable: str | None = None


AskJobs = Callable[[Sequence[str]], JobsTold | None]
"""Asks for jobs by ids; None if they are to be asked for in parts, or the report doesn't know a single one."""


class JobReports:
    """The report of a campaign's jobs, by a connection, which is looked up anew once access is denied.

    :param conn_id: of the campaign, which is asked which one it is before its first report
    """

    def __init__(self, conn_id: str, log: Log) -> None:
        self._conn_id = conn_id
        self._log = log
        self._reading: CampaignReading | None = None

    def ask(self, ids: Sequence[str]) -> JobsTold | None:
        """Ask for jobs. As :data:`AskJobs`.

        :raises ApiError: if it was not answered, nor repeated with success
        :raises ActionError: if the connection names another campaign by now
        """
        from aimylogic_provider.calls_api.endpoint_table import CALL_JOB_REPORT
        from aimylogic_provider.calls_api.request_fields import phones_and_ids, post_json
        from aimylogic_provider.campaign_task.campaign_reading import CampaignReading, told_at

        if self._reading is None:
            self._reading = CampaignReading(self._conn_id, self._log)
        request = post_json(CALL_JOB_REPORT, _jobs_or_why_not(ids), phones_and_ids((), ids))
        try:
            answer = self._reading.ask(request)
        except ApiError as error:
            if error.is_too_large and len(ids) == 1:
                return JobsTold(unreadable="larger than any answer is read")
            if error.is_unknown_id or error.is_too_large:
                return None
            raise
        if not isinstance(answer.value, str):
            return JobsTold(answer.value, told_at(answer.date))
        return JobsTold(unreadable=answer.value) if len(ids) == 1 else None


def _jobs_or_why_not(ids: Sequence[str]) -> Callable[[bytes], tuple[CallJob, ...] | str]:
    """What reads an answer about these jobs; why it can't be read, if it is about them all the same."""
    from aimylogic_provider.calls_api.reports import parse_call_jobs

    def read(body: bytes) -> tuple[CallJob, ...] | str:
        try:
            return parse_call_jobs(body)
        except UnreadableError as error:
            ends = body.strip()
            is_whole = (ends[:1], ends[-1:]) in ((b"[", b"]"), (b"{", b"}"))
            if is_whole and any(id.encode() in body for id in ids):
                return str(error)
            raise

    return read
