"""Readings that many pages ask for at once: one at a time for each of a name, and kept for a few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

__all__ = ["SharedReadings"]

_Read = TypeVar("_Read")


class SharedReadings(Generic[_Read]):
    """What was read lately, by name. Each process of the API server has its own.

    :param seconds: how long a reading is good for
    :param most: names at most; of more, those that were read the longest ago are dropped
    """

    def __init__(self, seconds: float, *, most: int = 2000) -> None:
        self._seconds = seconds
        self._most = most
        self._kept: dict[str, tuple[float, _Read]] = {}
        self._running: dict[str, asyncio.Task[_Read]] = {}

    async def get(self, name: str, read: Callable[[], Awaitable[_Read]]) -> _Read:
        """Return what is kept, or what *read* returns, which whoever else asks meanwhile waits for, too.

        Whoever asked may leave: the reading goes on for the others.
        """
        at, value = self._kept.get(name, (0.0, None))
        if value is not None and time.monotonic() < at + self._seconds:
            return value
        running = self._running.get(name)
        if running is None or running.get_loop() is not asyncio.get_running_loop():
            running = self._running[name] = asyncio.create_task(self._read(name, read))
        return await asyncio.shield(running)

    async def _read(self, name: str, read: Callable[[], Awaitable[_Read]]) -> _Read:
        task = asyncio.current_task()
        try:
            value = await read()
            if self._running.get(name) is task:
                self._keep(name, value)
            return value
        finally:
            if self._running.get(name) is task:
                del self._running[name]

    def _keep(self, name: str, value: _Read) -> None:
        self._kept.pop(name, None)
        self._kept[name] = (time.monotonic(), value)
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    def forget(self, name: str) -> None:
        """Have it read again, for something was changed: also what is being read just now may be of before that."""
        self._kept.pop(name, None)
        self._running.pop(name, None)

    def kept(self) -> Iterator[tuple[str, _Read]]:
        """All that is kept, however old, with its name."""
        return iter([(name, value) for name, (_, value) in self._kept.items()])
