"""How a task waits until call jobs are over: in the worker, or by a trigger; and how it ends by what it learned.

What a wait asks, and when it is over, stands in ``waiting``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import AirflowException, AirflowFailException
from aimylogic_provider.airflow_task.argument_checks import check_seconds

if TYPE_CHECKING:
    from aimylogic_provider.hooks.aimylogic import AimylogicHook
    from aimylogic_provider.idempotence.ports import Log
    from aimylogic_provider.triggers.call_jobs import CallJobsTrigger
    from aimylogic_provider.waiting.job_source import JobSource
    from aimylogic_provider.waiting.jobs_wait import JobsWait, Question, WaitEnd, WaitTerms

__all__ = ["check_wait_end", "longest_deferral", "polled", "wait_here", "wait_trigger"]

_TRIGGERER_IS_LATE = timedelta(minutes=15)
"""After the wait's own end, when Airflow ends it: a triggerer that is down would else have it wait for ever."""


def wait_trigger(
    conn_id: str, jobs: JobSource, terms: WaitTerms, poll_interval: timedelta | float, cancel_on_kill: bool = False
) -> CallJobsTrigger:
    """Return the trigger that waits for some jobs."""
    from aimylogic_provider.triggers.call_jobs import CallJobsTrigger

    return CallJobsTrigger(
        aimylogic_conn_id=conn_id,
        jobs=jobs.as_json(),
        poll_interval=check_seconds("poll_interval", poll_interval),
        until=terms.until,
        since=terms.since,
        report_lag=terms.report_lag,
        share=terms.share,
        on_paused=terms.on_paused,
        cancel_on_kill=cancel_on_kill,
    )


def longest_deferral(until: float) -> timedelta:
    """Return after what time Airflow is to end a wait by a trigger.

    :param until: Unix seconds at which the trigger itself does
    """
    return timedelta(seconds=max(0.0, until - time.time())) + _TRIGGERER_IS_LATE


def check_wait_end(
    end: WaitEnd,
    fail_on: Collection[str],
    *,
    seconds: float,
    timed_out: type[Exception] = AirflowFailException,
    must_reach: bool = False,
    way_out: str = "",
) -> None:
    """Go on only if a wait ended well, and no job as it must not.

    :param seconds: that the wait was to take at most
    :param timed_out: the error for one that took longer
    :param must_reach: whether it failed if nobody was reached who could be
    :param way_out: what can be done about jobs that ended as they must not
    :raises AirflowFailException: if it didn't
    :raises AirflowException: if another try may end better
    """
    from aimylogic_provider.calls_api.statuses import checked_ends, nobody_was_reached
    from aimylogic_provider.waiting.jobs_wait import WaitOutcome

    if end.outcome is WaitOutcome.FAILED:
        more = ", …" if end.not_found > len(end.named) else ""
        named = f" (ids {', '.join(end.named)}{more})" if end.named else ""
        raise (AirflowException if end.retryable else AirflowFailException)(
            f"Waiting for call jobs failed: {end.message}{named}. Known so far: {end.in_words()}. A retry, or a clear, "
            "waits anew, and sends nothing again"
        )
    if end.outcome is WaitOutcome.TIMEOUT:
        because = f" {end.message}." if end.message else ""
        raise timed_out(
            f"Call jobs are still open after {timedelta(seconds=seconds)}: {end.in_words()}.{because} "
            "Clear the task to wait on, which sends nothing again"
        )
    if must_reach and nobody_was_reached(end.ends):
        raise AirflowFailException(f"Calls are over, and nobody was reached: {end.in_words()}{way_out}")
    bad = {name: end.ends[name] for name in sorted(checked_ends("fail_on", fail_on)) if end.ends.get(name)}
    if bad:
        told = ", ".join(f"{name} {count:,}" for name, count in bad.items())
        raise AirflowFailException(f"Call jobs ended as they must not: {told}. All of them: {end.in_words()}{way_out}")


def wait_here(
    hook: AimylogicHook,
    jobs: JobSource,
    terms: WaitTerms,
    poll_interval: float,
    log: Log,
    renewed: Callable[[AimylogicHook], None],
) -> WaitEnd:
    """Wait in this process.

    :param renewed: is told of the hook that takes the first one's place, once the connection has changed
    """
    from aimylogic_provider.calls_api.errors import AimylogicError, ApiError
    from aimylogic_provider.hooks.aimylogic import AimylogicHook
    from aimylogic_provider.idempotence.server_time import SystemClock
    from aimylogic_provider.waiting.jobs_wait import JobsWait

    wait, clock = JobsWait(jobs.read_ids(), terms, log), SystemClock()
    while True:
        pause = poll_interval
        try:
            end = polled(hook, wait, clock.wall())
        except ApiError as error:
            if not error.retryable:
                again = AimylogicHook(hook.aimylogic_conn_id)
                if again.campaign == hook.campaign:
                    return wait.failed(str(error))
                hook, pause = again, 0.0
                renewed(hook)
                log.warning("%s. The connection has changed meanwhile: asking again by it.", error)
            else:
                pause = max(pause, error.retry_after or 0.0)
                log.warning("%s. Asking again in %.0f seconds.", error, pause)
            end = wait.given_up(clock.wall(), str(error))
        except AimylogicError as error:
            return wait.failed(str(error))
        if end is not None:
            return end
        clock.sleep(max(0.0, min(pause, terms.until - clock.wall())))


def polled(hook: AimylogicHook, wait: JobsWait, now: float) -> WaitEnd | None:
    """Ask once for whatever is open, as a wait wants it; return its end, or None.

    :param now: Unix seconds
    :raises ApiError: if it can't be asked; what was answered until then counts
    """
    questions = wait.poll(now)
    try:
        question = next(questions)
        while True:
            question = questions.send(_answer(hook, question))
    except StopIteration as over:
        end: WaitEnd | None = over.value
        return end
    finally:
        questions.close()


def _answer(hook: AimylogicHook, question: Question) -> Any:
    from aimylogic_provider.calls_api.errors import ApiError
    from aimylogic_provider.waiting.jobs_wait import AskStatus

    try:
        if isinstance(question, AskStatus):
            return hook.get_campaign_status()
        return hook.get_call_jobs(ids=question.ids)
    except ApiError as error:
        if error.is_unknown_id or (isinstance(question, AskStatus) and error.retryable):
            return None
        raise
