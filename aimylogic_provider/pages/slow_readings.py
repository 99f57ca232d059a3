"""Readings that may be slow, as of storage: on threads of their own, and waited for so long and no longer.

Airflow's API server has some forty threads for all of its routes; a store that hangs must not take them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["TooSlowError", "read_within"]

_Read = TypeVar("_Read")
_AT_ONCE = 4
_MOST_WAITING = 32

_threads: ThreadPoolExecutor | None = None
_waiting = 0


class TooSlowError(Exception):
    """It took too long, or too many others wait for the same."""


async def read_within(seconds: float, read: Callable[..., _Read], *arguments: Any) -> _Read:
    """Return what *read* returns, of other threads. One that is too late runs on, and what it finds is dropped.

    :raises TooSlowError: if it takes longer
    """
    global _threads, _waiting
    if _waiting >= _MOST_WAITING:
        raise TooSlowError(f"{_waiting} readings wait already: one of the stores behind this page hangs. Try it later")
    if _threads is None:
        _threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="aimylogic-pages")
    _waiting += 1
    future = _threads.submit(read, *arguments)
    future.add_done_callback(_is_over)
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.wrap_future(future)
    except TimeoutError:
        if not future.cancelled() and future.done() and future.exception() is not None:
            raise
        raise TooSlowError(f"it took longer than {seconds:g} seconds") from None


def _is_over(_: object) -> None:
    global _waiting
    _waiting -= 1
