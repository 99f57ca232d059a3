"""How fast requests go: no more of them a second than the task allows."""

from __future__ import annotations

import asyncio

__all__ = ["Pace"]

_WASTED = 0.2
"""The share of a time that requests may lose by waiting for anything else than their pace."""


class Pace:
    """Lets requests go at a rate.

    :param per_second: at most; None for as many as go
    """

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._next = 0.0

    @property
    def is_limited(self) -> bool:
        """Whether there is a rate at all."""
        return self._per_second is not None

    def most_within(self, seconds: float) -> int | None:
        """How many requests go within so many seconds, by all means; at least one. None for any number."""
        if self._per_second is None:
            return None
        return max(1, int(self._per_second * seconds * (1.0 - _WASTED)))

    async def wait(self) -> None:
        """Return when the next request may go."""
        if self._per_second is not None:
            now = asyncio.get_running_loop().time()
            at = max(now, self._next)
            self._next = at + 1.0 / self._per_second
            await asyncio.sleep(at - now)
