"""CallJobSensor: waits until call jobs are over, one or thousands, or all those of a call list."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
)
from aimylogic_provider.airflow_task.argument_checks import (
    DEFAULT_CONN_ID,
    check_choice,
    check_deferrable,
    check_share,
    is_deferrable,
    report_lag_seconds,
)
from aimylogic_provider.task_end.tells_end import TellsEnd
from aimylogic_provider.waiting_task.wait_or_defer import check_wait_end, longest_deferral, polled, wait_trigger

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context, XComArg
    from aimylogic_provider.airflow_task.base_operator_arguments import SensorArguments
    from aimylogic_provider.hooks.aimylogic import AimylogicHook
    from aimylogic_provider.waiting.job_source import JobSource
    from aimylogic_provider.waiting.jobs_wait import JobsWait, WaitEnd, WaitTerms

__all__ = ["CallJobSensor"]

_OF_A_POKE_ALONE = 2000
"""Requests of a poke beyond those that its open ids take, where no later one goes on with what it learned: 16 find one
id that isn't known."""


_WAY_OUT = (
    ". To have people called once more, start a new DAG run of the task that adds them; if calls were to end so, as "
    "after a stop, set must_reach=False"
)


class CallJobSensor(TellsEnd, BaseSensorOperator):
    """Wait until call jobs are over: some, by their ids, or all those of a call list. Sends nothing.

    A job is over when the report gives it a ``finishedAt``, however it ended: what must not be, ``must_reach`` and
    ``fail_on`` say. An id
    that the campaign doesn't know doesn't hold up the others: they are waited for, and then the task fails and names
    it. Nothing to wait for, as an empty list, is success.

    Returns the jobs by what became of them, most frequent first: ``{"longCallWithResult": 812, "noAnswer": 180}``,
    with ``open`` where a share was waited for. Calls API, "callJob/getReport".

    :param ids: of call jobs: one or many, as texts or whole numbers. (templated)
    :param call_list: instead of ids, a call list whose jobs are meant: what the task that froze or sent it returned.
        (templated)
    :param aimylogic_conn_id: the connection: one campaign. (templated)
    :param completed_share: of the jobs that are to be over, above 0 and at most 1.0
    :param fail_on: statuses with which no job may end, as in ``["technicalError"]``
    :param must_reach: fail if nobody was reached who could be: all calls ended as ``notDone``, ``cancelledByUser`` or
        ``technicalError``. False where calls are to end so, as after a stop
    :param on_paused: whether a paused campaign is waited for (``wait``), or fails the task (``fail``)
    :param report_lag: how long a new job may take to show in the campaign's report; a timedelta, or seconds: under 12
        hours. An id that the report doesn't know is waited for as long
    :param call_list_path: by a trigger, the ids of more than 200 jobs are kept there meanwhile: a folder, or a URL as
        ``ObjectStoragePath`` takes it, that workers and triggerers reach; a folder in AIRFLOW_HOME if left out.
        (templated)
    :param deferrable: wait in the triggerer; as Airflow's configuration says if left out
    """

    template_fields: Sequence[str] = ("ids", "call_list", "aimylogic_conn_id", "call_list_path")
    template_fields_renderers: ClassVar[dict[str, str]] = {"ids": "json", "call_list": "json"}
    ui_color = "#e6f2ff"

    def __init__(
        self,
        *,
        ids: Sequence[str | int] | str | int | XComArg | None = None,
        call_list: Mapping[str, Any] | XComArg | str | None = None,
        aimylogic_conn_id: str = "aimylogic_default",
        completed_share: float = 1.0,
        fail_on: Collection[str] = (),
        must_reach: bool = True,
        on_paused: Literal["wait", "fail"] = "wait",
        report_lag: timedelta | float = timedelta(minutes=10),
        call_list_path: str | None = None,
        deferrable: bool | None = None,
        **kwargs: Unpack[SensorArguments],
    ) -> None:
        super().__init__(**kwargs)
        if (ids is None) == (call_list is None):
            raise ValueError(
                "CallJobSensor needs ids or call_list, and not both: give the jobs to wait for by one of them"
            )
        check_share("completed_share", completed_share)
        check_choice("on_paused", on_paused, "wait", "fail")
        check_deferrable(deferrable)
        if not isinstance(must_reach, bool):
            raise ValueError(f"must_reach {must_reach!r} can't be used: give True or False")
        report_lag_seconds(report_lag)
        if fail_on:
            from aimylogic_provider.calls_api.statuses import checked_ends

            checked_ends("fail_on", fail_on)
        self.ids = ids
        self.call_list = call_list
        self.aimylogic_conn_id = aimylogic_conn_id
        self.completed_share = completed_share
        self.fail_on = tuple(fail_on)
        self.must_reach = must_reach
        self.on_paused = on_paused
        self.report_lag = report_lag
        self.call_list_path = call_list_path
        self.deferrable = deferrable
        self._by_ids = ids is not None
        self._polling: tuple[AimylogicHook, JobsWait] | None = None
        self._counts: dict[str, int] = {}

    def execute(self, context: Context) -> dict[str, int]:
        """Wait; return the jobs by what became of them.

        :raises AirflowFailException: if an id is not known, a job ended as it must not, or the wait can't go on
        :raises AirflowSensorTimeout: if the time is up; with ``soft_fail`` the task is skipped
        """
        if not is_deferrable(self.deferrable):
            super().execute(context)
            return self._counts
        self._defer(context)
        return self._counts

    def poke(self, context: Context) -> bool:
        """Ask once; whether the wait is over."""
        from aimylogic_provider.calls_api.errors import AimylogicError, ApiError

        try:
            if self._polling is None:
                self._polling = self._begin(context)
            hook, wait = self._polling
            end = polled(hook, wait, time.time())
        except ApiError as error:
            if error.retryable:
                self.log.warning("%s. Asking again at the next poke.", error)
                return False
            if self._polling is not None and self._is_of_another_token():
                return False
            raise AirflowFailException(str(error)) from None
        except AimylogicError as error:
            raise AirflowFailException(str(error)) from None
        if end is None:
            return False
        self._conclude(end)
        return True

    def execute_after_wait(self, context: Context, event: dict[str, Any], jobs: dict[str, Any]) -> dict[str, int]:
        """Go on once the trigger has waited. Airflow calls it.

        :param event: how the wait ended
        :param jobs: which jobs were waited for
        :raises AirflowFailException: as :meth:`execute`
        :raises AirflowSensorTimeout: as :meth:`execute`
        """
        from aimylogic_provider.waiting.job_source import JobSource
        from aimylogic_provider.waiting.jobs_wait import WaitEnd

        JobSource.of_json(jobs).forget()
        self._conclude(WaitEnd.of_event(event))
        return self._counts

    def _begin(self, context: Context) -> tuple[AimylogicHook, JobsWait]:
        from aimylogic_provider.hooks.aimylogic import AimylogicHook
        from aimylogic_provider.waiting.jobs_wait import JobsWait
        from aimylogic_provider.waiting.watched_jobs import MORE_REQUESTS

        more = _OF_A_POKE_ALONE if self.reschedule else MORE_REQUESTS
        wait = JobsWait(self._jobs().read_ids(), self._terms(context), self.log, more)
        return AimylogicHook(self.aimylogic_conn_id), wait

    def _is_of_another_token(self) -> bool:
        """Whether the connection was changed meanwhile; it is looked up anew."""
        from aimylogic_provider.hooks.aimylogic import AimylogicHook

        assert self._polling is not None, "asked only after a request"
        hook, wait = self._polling
        again = AimylogicHook(self.aimylogic_conn_id)
        self._polling = again, wait
        return again.campaign != hook.campaign

    def _terms(self, context: Context, until: float = inf) -> WaitTerms:
        """What is waited for.

        :param until: when the wait is given up; by poking, Airflow itself does that
        """
        from aimylogic_provider.waiting.jobs_wait import WaitTerms

        since = time.time()
        if self.reschedule and until == inf:
            # Each poke is a process of its own.
            began = context["ti"].get_first_reschedule_date(context) or context["ti"].start_date
            since = began.timestamp() if began else since
        return WaitTerms(
            until=until,
            since=since,
            report_lag=report_lag_seconds(self.report_lag),
            share=self.completed_share,
            on_paused=self.on_paused,
        )

    def _jobs(self) -> JobSource:
        """Which jobs are meant.

        :raises RejectedError: if the rendered value says none
        :raises AirflowException: if the call list isn't settled yet
        """
        from aimylogic_provider.airflow_task.template_values import as_value, blank_as_nothing
        from aimylogic_provider.call_list.report.created_jobs import unsettled_calls
        from aimylogic_provider.call_list.store.manifest import CallListError, Pointer
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.waiting.job_source import JobSource

        blank_as_nothing(self, aimylogic_conn_id=DEFAULT_CONN_ID)
        given = self.ids if self._by_ids else self.call_list
        if given is None:
            name = "ids" if self._by_ids else "call_list"
            raise RejectedError(
                f"{name} gives nothing: the task that is to return it returned None, or was skipped. Give an empty "
                "list if there is nobody to wait for"
            )
        if self._by_ids:
            return JobSource.of_ids(as_value(given))
        try:
            jobs = JobSource.of_call_list(as_value(given))
            if left := unsettled_calls(Pointer.of(jobs.call_list)):
                raise AirflowException(
                    f"{left:,} calls of the list aren't settled: whether they have jobs isn't known yet. Have this "
                    "task follow the one that sends the list"
                )
        except CallListError as error:
            raise (AirflowException if error.retryable else AirflowFailException)(str(error)) from None
        return jobs

    def _defer(self, context: Context) -> None:
        """Wait in the triggerer; return if there is nothing to wait for."""
        from aimylogic_provider.airflow_task.list_folder import folder_of_task
        from aimylogic_provider.calls_api.errors import AimylogicError

        try:
            jobs = self._jobs()
            if jobs.ids == ():
                self.log.info("There are no call jobs to wait for.")
                return
            jobs = jobs.small(folder_of_task(context, self.call_list_path).folder.address)
        except AimylogicError as error:
            raise AirflowFailException(str(error)) from None
        terms = self._terms(context, until=time.time() + self.timeout)
        self.log.info("Waiting in the triggerer until the call jobs are over.")
        self.defer(
            trigger=wait_trigger(self.aimylogic_conn_id, jobs, terms, max(1.0, float(self.poke_interval))),
            method_name="execute_after_wait",
            kwargs={"jobs": jobs.as_json()},
            timeout=longest_deferral(terms.until),
        )

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.task_end.counts_in_words import ends_in_words

        return ends_in_words(result)

    def _counts_so_far(self, error: BaseException | None) -> Mapping[str, Any]:
        if self._counts or self._polling is None:
            return self._counts
        jobs = self._polling[1].jobs
        return {**jobs.ends, "open": jobs.open}

    def _conclude(self, end: WaitEnd) -> None:
        """End the task by how the wait ended."""
        self._counts = end.counts
        timed_out = AirflowSkipException if self.soft_fail else AirflowSensorTimeout
        check_wait_end(
            end, self.fail_on, seconds=self.timeout, timed_out=timed_out, must_reach=self.must_reach, way_out=_WAY_OUT
        )
