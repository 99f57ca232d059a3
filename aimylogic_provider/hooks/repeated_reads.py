"""How requests that only read are repeated, after failures that pass by themselves. For both hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["LONGEST_PAUSE", "reading_again"]

_READS_PER_CALL = 3
LONGEST_PAUSE = 20.0
"""Seconds. A server that asks for a longer pause is not asked again by the same call."""


def reading_again() -> dict[str, Any]:
    """Return the arguments of tenacity's ``Retrying`` or ``AsyncRetrying``: three times, as late as the server asks."""
    from tenacity import retry_if_exception, stop_after_attempt

    return {
        "stop": stop_after_attempt(_READS_PER_CALL),
        "wait": _pause,
        "retry": retry_if_exception(_passes),
        "reraise": True,
    }


def _passes(error: BaseException) -> bool:
    from aimylogic_provider.calls_api.errors import ApiError

    if not isinstance(error, ApiError) or error.is_too_large:
        return False
    return error.retryable and (error.retry_after or 0.0) <= LONGEST_PAUSE


def _pause(state: RetryCallState) -> float:
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome else None
    return max(getattr(error, "retry_after", None) or 0.0, wait_random_exponential(multiplier=0.5, max=10)(state))
