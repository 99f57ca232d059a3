"""Repetitions within a try: how often, after which pauses, and after which errors. Pauses by ``tenacity``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.idempotence.not_added import NotAddedError

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["MAX_PAUSE", "SENDS_PER_TRY", "pause_after", "repeated"]

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


def pause_after(error: ApiError, sends_left: int) -> float:
    """Return the seconds after which a send that failed may be repeated; for whoever repeats it without ``repeated``.

    :param sends_left: in this try
    :raises NotAddedError: if this try repeats it no more
    """
    from tenacity import RetryCallState

    asked = error.retry_after or 0.0
    if sends_left <= 0 or not _worth_repeating(error):
        wait = f" The server asks to wait {asked:g} seconds." if asked and error.retryable else ""
        raise NotAddedError(f"{error}.{wait}", retryable=error.retryable)
    state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]
    state.attempt_number = max(1, SENDS_PER_TRY - sends_left)
    return max(asked, _jitter(state))


def _worth_repeating(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.retryable and (error.retry_after or 0.0) <= MAX_PAUSE


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ApiError) else None
    return max(asked or 0.0, _jitter(state))  # never less than the server asks for


def _jitter(state: RetryCallState) -> float:
    """Full jitter."""
    from tenacity import wait_random_exponential

    return wait_random_exponential(multiplier=1, max=MAX_PAUSE)(state)
