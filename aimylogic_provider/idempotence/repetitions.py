"""Repetitions within a try: how often, after which pauses, and after which errors. By ``tenacity``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from aimylogic_provider.calls_api.errors import ApiError

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["MAX_PAUSE", "SENDS_PER_TRY", "repeated"]

T = TypeVar("T")

SENDS_PER_TRY = 3
MAX_PAUSE = 20.0
"""Seconds. A server that asks for a longer pause ends the try."""


def repeated(step: Callable[[int], T], sleep: Callable[[float], None]) -> T:
    """Return what *step* returns, done again after an error that passes by itself.

    :param step: takes the number of the attempt, from 1 to :data:`SENDS_PER_TRY`
    :param sleep: waits, for seconds
    :raises Exception: what the last attempt raised
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    for attempt in Retrying(
        stop=stop_after_attempt(SENDS_PER_TRY),
        wait=_pause,
        retry=retry_if_exception(_worth_repeating),
        sleep=sleep,
        reraise=True,
    ):
        with attempt:
            return step(attempt.retry_state.attempt_number)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _worth_repeating(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.retryable and (error.retry_after or 0.0) <= MAX_PAUSE


def _pause(state: RetryCallState) -> float:
    """Full jitter, but never less than the server asks for."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ApiError) else None
    return max(asked or 0.0, wait_random_exponential(multiplier=1, max=MAX_PAUSE)(state))
