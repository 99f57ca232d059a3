"""When a failed task is tried again: the retry policy of all tasks that ask a campaign (Airflow 3.3 and newer)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.retries.retry_policy import AimylogicRetryPolicy
    from aimylogic_provider.retries.task_failures import RetryLaterError

__all__ = ["AimylogicRetryPolicy", "RetryLaterError"]

_MODULES = {
    "AimylogicRetryPolicy": "retry_policy",
    "RetryLaterError": "task_failures",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
