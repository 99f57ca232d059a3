"""When a task would be tried again by its own settings: ``retry_delay`` and its backoff, as Airflow counts them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

__all__ = ["OwnDelay", "RetrySettings"]


class OwnDelay(NamedTuple):
    """Seconds: Airflow's backoff takes any time between the two, another one for each try."""

    least: float
    most: float


class RetrySettings(NamedTuple):
    """How a task is tried again.

    :param retries: how often, at most
    :param delay: ``retry_delay``, in seconds
    :param backoff: ``retry_exponential_backoff``: by what the delay grows from try to try; 0 for not at all
    :param most: ``max_retry_delay``, in seconds, which holds for a delay that grows
    """

    retries: int
    delay: float
    backoff: float
    most: float | None

    @classmethod
    def of(cls, given: object) -> RetrySettings | None:
        """Read them off a task, or off whatever has them as attributes; None if they aren't such as Airflow takes."""
        delay, retries = _seconds(getattr(given, "retry_delay", None)), getattr(given, "retries", None)
        backoff = getattr(given, "retry_exponential_backoff", 0.0) or 0.0
        if delay is None or not isinstance(backoff, (int, float)):
            return None
        backoff = 2.0 if backoff is True else float(backoff)
        count = retries if isinstance(retries, int) else 0
        return cls(count, delay, backoff, _seconds(getattr(given, "max_retry_delay", None)))

    def after(self, try_number: int) -> OwnDelay:
        """How long Airflow waits after a try, if nobody tells it otherwise."""
        if self.backoff in (0.0, 1.0) or self.backoff < 0:
            return OwnDelay(self.delay, self.delay)
        longest = _longest()
        try:
            grown = max(1.0, math.ceil(self.delay * self.backoff ** max(0, try_number - 1)))
        except OverflowError:
            grown = longest
        limit = longest if self.most is None else min(longest, self.most)
        return OwnDelay(min(grown, limit), min(2 * grown - 1, limit))

    def all_delays(self) -> Iterator[float]:
        """The longest delay before each retry."""
        return (self.after(number).most for number in range(1, self.retries + 1))


def _seconds(span: object) -> float | None:
    if isinstance(span, timedelta):
        return span.total_seconds()
    return float(span) if isinstance(span, (int, float)) else None


def _longest() -> float:
    """The longest delay of a backoff, as Airflow's configuration has it."""
    from aimylogic_provider.airflow_task.airflow_imports import conf

    return float(conf.getint("core", "max_task_retry_delay", fallback=24 * 60 * 60))
