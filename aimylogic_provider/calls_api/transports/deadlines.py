"""Deadlines of many requests at a time: one watch over all of them, instead of a timer for each."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any

__all__ = ["Deadlines"]


class Deadlines:
    """Ends what takes too long. What stands in ``with deadlines:`` is a request of the current task.

    A request is ended up to a tenth of *seconds* before they have passed, and not after, unless the loop itself stands
    still. It ends with a ``TimeoutError``.
    """

    def __init__(self, seconds: float) -> None:
        self._tick = min(0.5, seconds / 20)
        self._seconds = seconds - 2 * self._tick
        self._ends: dict[asyncio.Task[Any], float] = {}
        self._past: set[asyncio.Task[Any]] = set()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "used outside a task"
        self._ends[task] = time.monotonic() + self._seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None, "a task ends what it began"
        del self._ends[task]
        if task in self._past:
            self._past.remove(task)
            # Where others have cancelled it besides, it stays cancelled.
            if task.uncancel() == 0 and isinstance(error, asyncio.CancelledError):
                raise TimeoutError from error

    def watch(self) -> None:
        """Cancel whatever is past its deadline, now and after each tick, until :meth:`stop`.

        In the timer's own callback: a task that it woke would come after those that the network woke before it.
        """
        self._timer = asyncio.get_running_loop().call_later(self._tick, self.watch)
        now = time.monotonic()
        for task in [task for task, end in self._ends.items() if end <= now and task not in self._past]:
            self._past.add(task)
            task.cancel()

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()
