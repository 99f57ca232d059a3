"""CallJobsTrigger: waits in the triggerer until call jobs are over, one trigger for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from aimylogic_provider.hooks.aimylogic_async import AimylogicAsyncHook
    from aimylogic_provider.waiting.jobs_wait import JobsWait, Question, WaitEnd

__all__ = ["CallJobsTrigger"]


class CallJobsTrigger(BaseTrigger):
    """Wait until call jobs are over, or a share of them, or the time is up.

    Waiting only reads: run twice, or begun anew after its triggerer died, it asks again, and no more. ``on_kill`` alone
    sends, if ``cancel_on_kill`` is set. Its one event bears no phone, and no ids but the first few that the report
    doesn't know; see :class:`~aimylogic_provider.waiting.jobs_wait.WaitEnd`.

    :param aimylogic_conn_id: the connection: one campaign
    :param jobs: which ones, as :meth:`.JobSource.as_json` gives them: a few ids, or where many lie, for Airflow's
        database keeps a trigger's arguments
    :param poll_interval: seconds between two polls
    :param until: Unix seconds at which the wait is given up
    :param since: Unix seconds at which the newest of the jobs was there at the latest
    :param report_lag: seconds after which a job shows in the report
    :param share: of the jobs that are to be over, above 0 and at most 1
    :param on_paused: whether a paused campaign is waited for, or ends the wait
    :param cancel_on_kill: whether the jobs are cancelled if a person ends the task (Airflow 3.3 and newer)
    """

    def __init__(
        self,
        *,
        aimylogic_conn_id: str,
        jobs: Mapping[str, Any],
        poll_interval: float,
        until: float,
        since: float,
        report_lag: float,
        share: float = 1.0,
        on_paused: Literal["wait", "fail"] = "wait",
        cancel_on_kill: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.aimylogic_conn_id = aimylogic_conn_id
        self.jobs = dict(jobs)
        self.poll_interval = poll_interval
        self.until = until
        self.since = since
        self.report_lag = report_lag
        self.share = share
        self.on_paused: Literal["wait", "fail"] = on_paused
        self.cancel_on_kill = cancel_on_kill

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class, and the arguments by which Airflow makes it anew."""
        names = (
            "aimylogic_conn_id", "jobs", "poll_interval", "until", "since", "report_lag", "share", "on_paused",
            "cancel_on_kill",
        )  # fmt: skip
        return "aimylogic_provider.triggers.call_jobs.CallJobsTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until the wait is over; then tell how it ended, by one event."""
        yield TriggerEvent((await self._wait()).as_event())  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel the jobs, if that is wished: Airflow calls it when a person marks the task, or clears it."""
        if not self.cancel_on_kill:
            return
        from aimylogic_provider.hooks.aimylogic_async import AimylogicAsyncHook
        from aimylogic_provider.hooks.cancel_on_kill import cancel_jobs

        campaign = await AimylogicAsyncHook(self.aimylogic_conn_id).look_up()
        told = await asyncio.to_thread(cancel_jobs, campaign, self._read_ids())
        self.log.warning("The task was ended. %s", told)

    async def _wait(self) -> WaitEnd:
        from aimylogic_provider.calls_api.errors import AimylogicError
        from aimylogic_provider.hooks.aimylogic_async import AimylogicAsyncHook
        from aimylogic_provider.waiting.jobs_wait import JobsWait, WaitTerms

        terms = WaitTerms(self.until, self.since, self.report_lag, self.share, self.on_paused)
        try:
            # Files are read in a thread, for the loop is all triggers'.
            wait = await asyncio.to_thread(lambda: JobsWait(self._read_ids(), terms, self.log))
        except (AimylogicError, OSError, ValueError) as error:
            none = JobsWait((), terms, self.log)
            return none.failed(f"which call jobs to wait for can't be read: {error}", retryable=True)
        try:
            async with AimylogicAsyncHook(self.aimylogic_conn_id) as hook:
                return await self._poll_until_over(hook, wait)
        except AimylogicError as error:
            return wait.failed(str(error))

    async def _poll_until_over(self, hook: AimylogicAsyncHook, wait: JobsWait) -> WaitEnd:
        from aimylogic_provider.calls_api.errors import ApiError

        while True:
            pause = self.poll_interval
            try:
                end = await _polled(hook, wait)
            except ApiError as error:
                if not error.retryable and not await hook.look_up_again():
                    raise
                pause = max(pause, error.retry_after or 0.0) if error.retryable else 0.0
                self.log.warning("%s. Asking again in %.0f seconds.", error, pause)
                end = wait.given_up(time.time(), str(error))
            if end is not None:
                return end
            await asyncio.sleep(max(0.0, min(pause, self.until - time.time())))

    def _read_ids(self) -> Iterator[str]:
        from aimylogic_provider.waiting.job_source import JobSource

        yield from JobSource.of_json(self.jobs).read_ids()


async def _polled(hook: AimylogicAsyncHook, wait: JobsWait) -> WaitEnd | None:
    """One poll: ask what it asks."""
    questions = wait.poll(time.time())
    try:
        question = next(questions)
        while True:
            question = questions.send(await _answer(hook, question))
    except StopIteration as over:
        end: WaitEnd | None = over.value
        return end
    finally:
        questions.close()


async def _answer(hook: AimylogicAsyncHook, question: Question) -> Any:
    from aimylogic_provider.calls_api.errors import ApiError
    from aimylogic_provider.waiting.jobs_wait import AskStatus

    try:
        if isinstance(question, AskStatus):
            return await hook.get_campaign_status()
        return await hook.get_call_jobs(ids=question.ids)
    except ApiError as error:
        if error.is_unknown_id or (isinstance(question, AskStatus) and error.retryable):
            return None
        raise
