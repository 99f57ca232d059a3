"""Repetitions within a try: how often, after which pauses, and after which errors."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.next_try import NextTry

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["FRESH", "MAX_PAUSE", "SENDS_PER_TRY", "pause_after", "repeated"]

T = TypeVar("T")

SENDS_PER_TRY = 3
MAX_PAUSE = 20.0
"""Seconds. A server that asks for a longer pause ends the try."""
FRESH = 30.0
"""Seconds that may pass between the decision to send and the sending. Else the decision is made again."""


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
    asked = error.retry_after or 0.0
    if sends_left <= 0 or not _worth_repeating(error):
        wait = f" The server asks to wait {asked:g} seconds." if asked and error.retryable else ""
        next_try = NextTry(asked=asked) if error.retryable else None
        raise NotAddedError(f"{error}.{wait}", retryable=error.retryable, next_try=next_try)
    return max(asked, _jitter(max(1, SENDS_PER_TRY - sends_left)))


def _worth_repeating(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.retryable and (error.retry_after or 0.0) <= MAX_PAUSE


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ApiError) else None
    return max(asked or 0.0, _jitter(state.attempt_number))  # never less than the server asks for


def _jitter(failed: int) -> float:
    """Full jitter: up to a second after the first attempt that failed, and twice that after each further one."""
    return random.uniform(0.0, min(MAX_PAUSE, 2.0 ** (failed - 1)))  # noqa: S311 - spreads load, keeps no secret
