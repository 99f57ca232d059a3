"""Readings that may be slow, as of storage: on threads of their own, and waited for so long and no longer.

Airflow's API server has some forty threads for all of its routes; a store that hangs must not take them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

__all__ = ["Readers", "TooSlowError", "read_connection", "read_piece", "read_within"]

_Read = TypeVar("_Read")
_MOST_WAITING = 32


class TooSlowError(Exception):
    """It took too long, or too many others wait for the same."""


class Readers:
    """Threads for readings of one kind. A store that hangs takes those of its kind, and no others.

    :param what: is read, in words
    :param at_once: at most; of those that compute, few, for all threads of the server take turns
    """

    def __init__(self, what: str, at_once: int = 4) -> None:
        self._what, self._at_once = what, at_once
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._lock = Lock()

    async def read_within(self, seconds: float, read: Callable[..., _Read], *arguments: Any) -> _Read:
        """Return what *read* returns, of other threads. One that is too late runs on, and what it finds is dropped.

        :raises TooSlowError: if it takes longer
        """
        if self._waiting >= _MOST_WAITING:
            raise TooSlowError(f"{self._waiting} readings wait already: {self._what} hangs. Try it later")
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._at_once, thread_name_prefix="aimylogic-pages")
        with self._lock:
            self._waiting += 1
        future = self._threads.submit(read, *arguments)
        future.add_done_callback(self._is_over)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if not future.cancelled() and future.done() and future.exception() is not None:
                raise
            raise TooSlowError(f"it took longer than {seconds:g} seconds") from None

    def _is_over(self, _: object) -> None:
        with self._lock:
            self._waiting -= 1


read_within = Readers("one of the stores behind this page").read_within
"""Of lists' folders, and of results tables."""
read_piece = Readers("one of the stores behind this page", at_once=2).read_within
"""Of downloads: many at once neither keep pages from being shown, nor take the server's time."""
read_connection = Readers("a secrets backend").read_within
"""Of connections: a campaign can be paused though a list's store hangs."""
