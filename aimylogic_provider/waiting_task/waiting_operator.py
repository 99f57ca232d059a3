"""What operators have that may wait until the call jobs that they created are over."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from aimylogic_provider.airflow_task.airflow_imports import AirflowTaskTimeout, OperatorMixin
from aimylogic_provider.airflow_task.argument_checks import (
    check_choice,
    check_deferrable,
    check_seconds,
    is_deferrable,
    report_lag_seconds,
)

if TYPE_CHECKING:
    from aimylogic_provider.hooks.aimylogic import AimylogicHook
    from aimylogic_provider.waiting.job_source import JobSource
    from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitTerms

__all__ = ["WaitsForJobs"]


_CANCEL_WITHIN = 4.0
"""Seconds. Airflow kills a task five seconds after it has told it to end."""


class WaitsForJobs(OperatorMixin):
    """What operators have that may wait for the call jobs that they created."""

    aimylogic_conn_id: str
    _call_once_more: ClassVar[str] = "start a new DAG run"
    """What has people called again whose calls ended as they must not."""

    def __init__(
        self,
        *,
        wait_for_completion: bool = False,
        deferrable: bool | None = None,
        poll_interval: timedelta | float = timedelta(minutes=1),
        wait_timeout: timedelta | float = timedelta(days=7),
        fail_on: Collection[str] = (),
        on_paused: Literal["wait", "fail"] = "wait",
        cancel_on_kill: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, flag in (("wait_for_completion", wait_for_completion), ("cancel_on_kill", cancel_on_kill)):
            if not isinstance(flag, bool):
                raise ValueError(f"{name} {flag!r} can't be used: give True or False")
        check_deferrable(deferrable)
        check_seconds("poll_interval", poll_interval)
        check_seconds("wait_timeout", wait_timeout)
        check_choice("on_paused", on_paused, "wait", "fail")
        if fail_on:
            from aimylogic_provider.calls_api.statuses import checked_ends

            checked_ends("fail_on", fail_on)
        if not wait_for_completion and (fail_on or cancel_on_kill):
            name = "fail_on" if fail_on else "cancel_on_kill"
            raise ValueError(f"{name} is heeded while the task waits for its calls: set wait_for_completion=True, too")
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout
        self.fail_on = tuple(fail_on)
        self.on_paused = on_paused
        self.cancel_on_kill = cancel_on_kill
        self._waits: tuple[AimylogicHook, JobSource] | None = None

    def _wait_for(
        self, jobs: JobSource, *, method: str, kwargs: dict[str, Any], share: float = 1.0, report_lag: Any
    ) -> WaitEnd:
        """Wait until jobs are over; return how that ended. By a trigger, the task goes on in *method* instead.

        :param method: called with *kwargs*, and the ``event`` that :meth:`_waited` reads
        :raises TaskDeferred: for Airflow to act on
        """
        from aimylogic_provider.idempotence.server_time import SystemClock
        from aimylogic_provider.waiting.jobs_wait import WaitTerms
        from aimylogic_provider.waiting_task.wait_or_defer import wait_here

        now = SystemClock().wall()
        seconds = check_seconds("wait_timeout", self.wait_timeout)
        terms = WaitTerms(now + seconds, now, report_lag_seconds(report_lag), share, self.on_paused)
        if is_deferrable(self.deferrable):
            self._defer(jobs, terms, method, kwargs)
        from aimylogic_provider.hooks.aimylogic import AimylogicHook

        hook = AimylogicHook(self.aimylogic_conn_id)
        hook.get_conn()

        def waits_by(hook: AimylogicHook) -> None:
            self._waits = hook, jobs

        waits_by(hook)
        self.log.info("Waiting until the call jobs are over, asking every %s.", self.poll_interval)
        poll_interval = check_seconds("poll_interval", self.poll_interval)
        end = wait_here(hook, jobs, terms, poll_interval, self.log, waits_by)
        self._waits = None
        return end

    def _defer(self, jobs: JobSource, terms: WaitTerms, method: str, kwargs: dict[str, Any]) -> NoReturn:
        from aimylogic_provider.waiting_task.wait_or_defer import longest_deferral, wait_trigger

        self.log.info("Waiting in the triggerer until the call jobs are over.")
        self.defer(
            trigger=wait_trigger(self.aimylogic_conn_id, jobs, terms, self.poll_interval, self.cancel_on_kill),
            method_name=method,
            kwargs=kwargs,
            timeout=longest_deferral(terms.until),
        )

    @staticmethod
    def _waited(event: dict[str, Any]) -> WaitEnd:
        """How the wait of a trigger ended, by its event."""
        from aimylogic_provider.waiting.jobs_wait import WaitEnd

        return WaitEnd.of_event(event)

    def _check_end(self, end: WaitEnd) -> None:
        """Go on only if the wait ended well, and no job as it must not.

        :raises AirflowFailException: if it didn't
        :raises AirflowException: if another try may end better
        """
        from aimylogic_provider.waiting_task.wait_or_defer import check_wait_end

        fail_on = {*self.fail_on, *(["cancelledByUser"] if self.cancel_on_kill else [])}
        way_out = f". A clear sends nothing again: to have people called once more, {self._call_once_more}"
        seconds = check_seconds("wait_timeout", self.wait_timeout)
        check_wait_end(end, fail_on, seconds=seconds, must_reach=True, way_out=way_out)

    def _cancel_as_killed(self) -> None:
        """In a signal's handler: cancel what is waited for, if that is wished, and tell."""
        if self._waits is None:
            return
        hook, jobs = self._waits
        # Airflow calls this for a task that took too long as well, which is to be tried again, and to wait on.
        if not self.cancel_on_kill or isinstance(sys.exc_info()[1], AirflowTaskTimeout):
            self.log.warning("The task is being ended while it waits for its call jobs, which go on.")
            return
        from aimylogic_provider.hooks.cancel_on_kill import cancel_jobs

        self._waits = None
        self.log.warning("The task is being ended: cancelling its call jobs. CancelCallsOperator cancels what is left.")
        told = cancel_jobs(hook.campaign, jobs.read_ids(), seconds=_CANCEL_WITHIN)
        self.log.warning("The task is being ended. %s", told)
