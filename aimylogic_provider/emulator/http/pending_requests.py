"""The requests that faults hold back in real time, before or after their answer, and how a reset drops them.

No sockets, and no faults: what waits, and for how long, is for ``calls_exchange`` to say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["PendingRequests"]

_POLL = 0.01


class PendingRequests:
    """All of them."""

    def __init__(self) -> None:
        self._count = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.drops = 0
        """How often they were dropped: a request for which that changed meanwhile must not take effect."""

    @property
    def count(self) -> int:
        """How many there are at the moment."""
        return self._count

    def drop(self) -> None:
        """Let none of them take effect."""
        self.drops += 1
        for task in self._tasks:
            task.cancel()

    def begin(self, work: Coroutine[Any, Any, object]) -> None:
        """Let some work go on in the background, for as long as nothing is dropped."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self, seconds: float, unless: Callable[[], bool] = lambda: False) -> bool:
        """Wait in real time, unless all are dropped meanwhile, or something else is so.

        :returns: False if they were dropped
        """
        before, until = self.drops, time.monotonic() + seconds
        if seconds:
            with self.counted():
                while (left := until - time.monotonic()) > 0 and before == self.drops and not unless():
                    await asyncio.sleep(min(left, _POLL))
        return before == self.drops

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count one more, for as long as the context lasts."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
