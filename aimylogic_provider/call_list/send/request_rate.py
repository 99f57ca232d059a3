"""How fast requests go, those that add and those that ask: no more of them a second than the task allows.

How many go at a time is another matter, and another setting.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TypeVar

from aimylogic_provider.calls_api.client import Answer, CampaignClient
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.idempotence.server_time import Clock

__all__ = ["RateLimitedClient", "RequestRate"]

T = TypeVar("T")

_WASTED = 0.2
"""The share of a time that requests may lose by waiting for anything else than their pace."""


class RequestRate:
    """Lets requests go at a rate.

    :param per_second: at most; None for as many as go
    """

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._next = 0.0
        self._lock = threading.Lock()

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
            await asyncio.sleep(self._pause(asyncio.get_running_loop().time(), self._per_second))

    def hold(self, clock: Clock) -> None:
        """The same for a thread. The clock is that of the loop, as it is by the system's."""
        if self._per_second is not None and (pause := self._pause(clock.monotonic(), self._per_second)) > 0.0:
            clock.sleep(pause)

    def _pause(self, now: float, per_second: float) -> float:
        with self._lock:
            at = max(now, self._next)
            self._next = at + 1.0 / per_second
        return at - now


class RateLimitedClient(CampaignClient):
    """A campaign's client whose requests wait for their turn."""

    def __init__(self, client: CampaignClient, request_rate: RequestRate, clock: Clock) -> None:
        self.address = client.address
        self._client = client
        self._request_rate = request_rate
        self._clock = clock

    def ask(self, request: Request[T]) -> Answer[T]:
        """Send *request* once it may go; else as :meth:`.CampaignClient.ask`."""
        self._request_rate.hold(self._clock)
        return self._client.ask(request)
