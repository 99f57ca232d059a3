"""The report of jobs that are named by their ids, as a task asks it: of one campaign, in parts where it must be.

What the campaign's script tells is anybody's JSON: where it can't be read, it is kept as text, as in the tables of
reports (``campaign_report.readable_rows``). A job of which more than that can't be read is told as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.idempotence.ports import Log

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.client import Answer
    from aimylogic_provider.calls_api.reports import CallJob
    from aimylogic_provider.campaign_report.readable_rows import ReadableRows
    from aimylogic_provider.campaign_task.campaign_reading import CampaignReading

__all__ = ["AskJobs", "JobReports", "JobsTold"]


@dataclass(frozen=True, slots=True)
class JobsTold:
    """What the report tells of jobs.

    :param jobs: those that it shows
    :param read_at: when, by the server's time
    :param unreadable: of which of them it can't be read what it tells, with the reason
    """

    jobs: Sequence[CallJob]
    read_at: datetime
    unreadable: Mapping[str, str] = field(default_factory=dict)


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
        from aimylogic_provider.campaign_task.campaign_reading import CampaignReading, told_at

        if self._reading is None:
            self._reading = CampaignReading(self._conn_id, self._log)
        try:
            answer = self._answer(self._reading, ids)
        except ApiError as error:
            if error.is_too_large and len(ids) == 1:
                return JobsTold((), told_at(error.date), {ids[0]: "larger than any answer is read"})
            if error.is_unknown_id or error.is_too_large:
                return None
            raise
        aside = {one.id: one.reason for one in answer.value.aside}
        if None in aside and len(ids) > 1:
            return None
        unreadable = {ids[0] if id is None else id: reason for id, reason in aside.items()}
        return JobsTold(answer.value.rows, told_at(answer.date), unreadable)

    def _answer(self, reading: CampaignReading, ids: Sequence[str]) -> Answer[ReadableRows[CallJob]]:
        from aimylogic_provider.campaign_report.readable_rows import readable_rows
        from aimylogic_provider.campaign_report.report_kinds import JOBS

        request = JOBS.by_id(ids)
        parse: Any = lambda body: readable_rows(JOBS, body, request.parse)  # noqa: E731
        by_row: Any = replace(request, parse=parse)
        return reading.ask(by_row)
