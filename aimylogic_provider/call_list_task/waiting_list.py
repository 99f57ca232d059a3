"""How a task that sends a list waits until the list's calls are over, and what it then returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.argument_checks import check_share
from aimylogic_provider.call_list_task.call_list_base import CallListBase
from aimylogic_provider.waiting_task.waiting_operator import WaitsForJobs

if TYPE_CHECKING:
    from datetime import timedelta

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.waiting.jobs_wait import WaitEnd

__all__ = ["WaitsForList"]


class WaitsForList(WaitsForJobs, CallListBase):
    """What sends a list, and may wait until its calls are over."""

    report_lag: timedelta | float

    def __init__(self, *, completed_share: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_share("completed_share", completed_share)
        self.completed_share = completed_share

    def execute_after_wait(
        self, context: Context, event: dict[str, Any], report: dict[str, Any], created_now: int | None = None
    ) -> dict[str, Any]:
        """Go on once the trigger has waited for the list's calls; return the report. Airflow calls it.

        :param event: how the wait ended
        :param report: on what was sent
        :param created_now: how many calls of them that try created which sent; None if an earlier version deferred
        :raises AirflowFailException: if it didn't end well, or a job ended as ``fail_on`` forbids
        :raises AirflowException: if another try may end better
        """
        self._take_blank_as_nothing()  # what Airflow rendered anew
        self._asked = True  # by the same try, before it was deferred
        # Airflow forgets what a task told of its assets by then.
        self._tell_added(context, report, report.get("created", 0) if created_now is None else created_now)
        return self._with_jobs(report, self._waited(event))

    def _tell_added(self, context: Context, report: dict[str, Any], created_now: int) -> None:
        """Tell whoever observes what was added."""
        raise NotImplementedError

    def _waited_for(self, context: Context, report: dict[str, Any], created_now: int) -> dict[str, Any]:
        """The report on what was sent; if its calls are waited for, with what became of them."""
        self._tell_added(context, report, created_now)
        if not self.wait_for_completion or report.get("dry_run"):
            return report
        if not report["created"]:
            return {**report, "jobs": {}}
        from aimylogic_provider.waiting.job_source import JobSource

        with self._ending():
            jobs = JobSource.of_call_list(report, report.get("shard"))
            end = self._wait_for(
                jobs,
                method="execute_after_wait",
                kwargs={"report": report, "created_now": created_now},
                share=self.completed_share,
                report_lag=self.report_lag,
            )
        return self._with_jobs(report, end)

    def _with_jobs(self, report: dict[str, Any], end: WaitEnd) -> dict[str, Any]:
        try:
            self._check_end(end)
        except Exception:
            try:
                self._tell_jobs(report)
            except Exception as another:  # noqa: BLE001 - the first one is to be told
                self.log.warning("%s.", another)
            raise
        with self._ending():
            self._tell_jobs(report)
        return {**report, "jobs": end.counts}

    def _tell_jobs(self, report: dict[str, Any]) -> None:
        """Write what became of the jobs into the results table, if there is one.

        :raises CallListError: if the database or the server fails
        """
        from aimylogic_provider.airflow_task.argument_checks import report_lag_seconds
        from aimylogic_provider.call_list_task.results_of_task import tell_jobs

        if table := report.get("results_table"):
            lag = report_lag_seconds(self.report_lag)
            telemetry = self._telemetry()
            tell_jobs(report, table, self._results_conn_id(), self.aimylogic_conn_id, lag, self.log, telemetry)
