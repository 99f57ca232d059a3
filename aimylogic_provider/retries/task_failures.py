"""How a task fails by an error of ours: with a retry where one can help, and then with when; else without one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from aimylogic_provider.airflow_task.airflow_imports import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.idempotence.next_try import NextTry

__all__ = ["RetryLaterError", "failed", "gives_up", "next_try_of"]


class RetryLaterError(AirflowException):
    """The task failed, another try can help, and it is known when. Plain values, all in seconds from when it failed.

    :param retry_after: the server asks to wait so long; 0 if it doesn't
    :param shown_after: before that the campaign's report proves nothing, and nothing else is left to be done; 0 if
        something is
    :param retry_within: until then what went unanswered can be repeated by its idempotence key; None if nothing did, or
        no key protects it
    :param all_shown_after: as *shown_after*, which is of what the report tells of first: when it tells of all
    """

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: float = 0.0,
        shown_after: float = 0.0,
        retry_within: float | None = None,
        all_shown_after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.shown_after = shown_after
        self.retry_within = retry_within
        self.all_shown_after = max(shown_after, all_shown_after)


class _Ended(Protocol):
    """An error of ours: whether another try can help, it says itself."""

    @property
    def retryable(self) -> bool: ...


def failed(error: _Ended, message: str | None = None) -> AirflowException:
    """Return what Airflow is to be told of an error of ours.

    :param message: instead of the error's own
    """
    text = str(error) if message is None else message
    if not error.retryable:
        return AirflowFailException(text)
    when = next_try_of(error)
    if when is None:
        return AirflowException(text)
    return RetryLaterError(
        text,
        retry_after=when.asked,
        shown_after=when.shown,
        retry_within=when.within,
        all_shown_after=when.all_shown,
    )


def next_try_of(error: object) -> NextTry | None:
    """When a next try can help after an error, from now on; None if that isn't known."""
    from aimylogic_provider.idempotence.next_try import NextTry
    from aimylogic_provider.idempotence.server_time import SystemClock

    if isinstance(error, RetryLaterError):
        return NextTry(error.retry_after, error.shown_after, error.retry_within, all_shown=error.all_shown_after)
    if not getattr(error, "retryable", False):
        return None
    when: NextTry = getattr(error, "next_try", None) or NextTry(asked=getattr(error, "retry_after", None) or 0.0)
    return when.from_now(SystemClock()) if when.says_anything else None


def gives_up(context: Context, error: BaseException) -> bool:
    """Whether the task's policy, if it is ours, has no further try come after an error. Never raises.

    As Airflow does, that goes by the task's own settings if the policy of a subclass raises.
    """
    from aimylogic_provider.retries.retry_policy import AimylogicRetryPolicy

    ti: Any = context["ti"]
    policy = getattr(getattr(ti, "task", None), "retry_policy", None)
    if not isinstance(policy, AimylogicRetryPolicy):
        return False
    try:
        decision = policy.evaluate(error, ti.try_number, getattr(ti, "max_tries", 0), context)
        return bool(decision.action.value == "fail")
    except Exception:
        logging.getLogger(__name__).warning(
            "%s can't say whether another try comes: what the call list holds is kept for one.",
            type(policy).__name__, exc_info=True,
        )  # fmt: skip
        return False
