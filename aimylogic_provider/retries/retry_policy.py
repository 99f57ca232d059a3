"""AimylogicRetryPolicy: the next try comes when it can help, as long as that is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.argument_checks import YEAR, check_seconds

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.idempotence.next_try import NextTry
    from aimylogic_provider.retries.task_delays import OwnDelay

    AIRFLOW_HAS_POLICIES = True
else:
    try:
        from aimylogic_provider.airflow_task.airflow_imports import RetryPolicy

        AIRFLOW_HAS_POLICIES = True
    except ImportError:
        RetryPolicy = object
        AIRFLOW_HAS_POLICIES = False

__all__ = ["AIRFLOW_HAS_POLICIES", "DEFAULT_RETRY_POLICY", "AimylogicRetryPolicy"]

_LONGEST_SHOWN = 24 * 3600.0
"""Seconds: who would wait longer for a report has been told a wrong time."""


@dataclass(frozen=True)
class AimylogicRetryPolicy(RetryPolicy):
    """Have the next try of a failed task come when it can help, where that is known; else as the task's settings say.

    - The server asked to wait (``Retry-After``): the next try comes no sooner.
    - All that is left to be done waits until the campaign's report shows whether calls were added: no sooner than it
      shows the first of them; for the last try, than it shows all.
    - A request went unanswered, and the task's own delay would have the next try come when the idempotence key protects
      it no more: the next try comes before that, once.

    It only makes the task's own delay longer, but for the key. It gives no more tries than ``retries``, and isn't asked
    about a try whose worker was killed: set ``retries`` and ``retry_delay`` all the same.

    :param max_delay: a server that asks to wait longer fails the task at once, without retries, unless the task's own
        delay is as long: clear it then; a timedelta, or seconds; None for as long as a server asks, up to a year. The
        report is waited for a day at most, and no longer than this
    :raises RuntimeError: before Airflow 3.3
    :raises ValueError: if *max_delay* can't be used
    """

    max_delay: timedelta | float | None = timedelta(days=1)

    def __post_init__(self) -> None:
        if not AIRFLOW_HAS_POLICIES:
            raise RuntimeError(
                "AimylogicRetryPolicy needs Airflow 3.3 or newer: this one's tasks have no retry_policy. Leave it out; "
                "retries and retry_delay say then when the next try comes"
            )
        if self.max_delay is not None:
            check_seconds("max_delay", self.max_delay)

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Say when the next try is to come.

        :param exception: by which the task failed
        :param try_number: of the try that failed, from 1
        :param max_tries: of the task
        :param context: Airflow's, by which the task's own delay is known
        """
        from airflow.sdk.definitions.retry_policy import RetryDecision

        from aimylogic_provider.retries.task_failures import next_try_of

        when = next_try_of(exception)
        if when is None:
            return RetryDecision.default()
        return self._decision(when, _own_delay(context, try_number), last_follows=try_number >= max_tries)

    def _decision(self, when: NextTry, own: OwnDelay | None, *, last_follows: bool) -> RetryDecision:
        from airflow.sdk.definitions.retry_policy import RetryDecision

        from aimylogic_provider.idempotence.time_limits import AIRFLOW_SLACK

        least, most = (0.0, 0.0) if own is None else own
        longest = YEAR if self.max_delay is None else check_seconds("max_delay", self.max_delay)
        shown = _shown(when, min(longest, _LONGEST_SHOWN), last_follows=last_follows)
        needed = max(when.asked, shown)
        if when.within is not None and max(most, needed) > when.within:
            latest = when.within - AIRFLOW_SLACK  # Airflow may be late, and its clock is another one
            if latest > 0.0 and latest >= needed:
                return RetryDecision.retry(timedelta(seconds=latest), _before_the_key_ends(latest, most))
        if needed <= least:
            return RetryDecision.default()
        if when.asked > max(longest, least):
            than = "a year" if self.max_delay is None else f"max_delay ({_span(longest)})"
            return RetryDecision.fail(
                f"The server asks to wait {_span(when.asked)}, longer than {than}. Clear the task after that"
            )
        if when.asked >= shown:
            return RetryDecision.retry(timedelta(seconds=needed), f"The server asks to wait {_span(needed)}")
        return RetryDecision.retry(
            timedelta(seconds=needed),
            f"Only after {_span(needed)} the campaign's report shows what came of the requests so far",
        )

    def serialize(self) -> dict[str, Any]:
        """Return the policy as plain values: the same for the same policy."""
        seconds = None if self.max_delay is None else check_seconds("max_delay", self.max_delay)
        return {"__type": type(self).__name__, "max_delay": seconds}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> AimylogicRetryPolicy:
        """Return the policy that *data* was made of."""
        seconds = data["max_delay"]
        return cls(max_delay=None if seconds is None else timedelta(seconds=seconds))


def _own_delay(context: Context | None, try_number: int) -> OwnDelay | None:
    """How long the task would wait by its own settings; None if that isn't known."""
    from aimylogic_provider.retries.task_delays import RetrySettings

    if context is None:
        return None
    task = context.get("task") or getattr(context.get("ti"), "task", None)
    settings = RetrySettings.of(task)
    return None if settings is None else settings.after(try_number)


def _shown(when: NextTry, longest: float, *, last_follows: bool) -> float:
    """How long the report is waited for; 0 if it isn't.

    Whoever can be settled first isn't held back by the others, while there are tries for those.
    """
    waits = (when.all_shown, when.shown) if last_follows else (when.shown,)
    return next((wait for wait in waits if when.shown and wait <= longest), 0.0)


def _before_the_key_ends(latest: float, own: float) -> str:
    return (
        f"A request went unanswered: trying again after {_span(latest)}, while its idempotence key protects it, rather "
        f"than after {_span(own)}"
    )


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


DEFAULT_RETRY_POLICY: RetryPolicy | None = AimylogicRetryPolicy() if AIRFLOW_HAS_POLICIES else None
"""Of all tasks that ask a campaign, unless their DAG says otherwise; None before Airflow 3.3."""
