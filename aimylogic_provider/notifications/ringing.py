"""Adding some calls at once, each with a key that makes its repeat safe, in the little time that a callback has.

Airflow ends a task's process 20 seconds after the task (``task_success_overtime``), and a DAG processor's after 50
(``dag_file_processor_timeout``), callbacks included.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import AsyncCampaignClient, CampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known, RejectedError
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.retry import pause_after

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.calls.call import Call
    from aimylogic_provider.calls_api.http_messages import Request
    from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
    from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection

__all__ = ["SECONDS", "Outcome", "Ring", "ring", "ring_async"]

SECONDS = 16.0
"""All that ringing takes, at most: no send begins that could end later."""
_CONNECT, _READ = 1.5, 5.0
"""Seconds of one send, at most: so that there is time for a second one."""
_SENDS = 4
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Ring:
    """A call that is to be added, once by its key."""

    call: Call
    key: str
    test_call: bool

    @property
    def request(self) -> Request[str]:
        """The request, which may be repeated."""
        return endpoints.add_phone(self.call, idempotence_key=self.key, test_call=self.test_call)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call.

    :param job: the call job's id, if there is one; it may have been created by an earlier send with the same key
    :param error: why there is none, if there is none
    :param refused: whether surely no job was created by these sends
    """

    ring: Ring
    job: str | None = None
    error: str = ""
    refused: bool = False


class _Sends:
    """The sends of one call: how many there were, and whether there is time for another."""

    def __init__(self, ring: Ring, begin_until: float) -> None:
        self._ring = ring
        self._begin_until = begin_until
        self._count = 0
        self._unanswered = False

    def too_late(self) -> Outcome:
        """Nothing was sent, for the others took all the time that a callback has."""
        told = f"no time was left to send, of the {SECONDS:g} seconds that a callback has: its turn never came"
        return Outcome(self._ring, error=told, refused=True)

    def failed(self, error: ApiError | RejectedError) -> float | Outcome:
        """Return the pause until the next send, in seconds, or how this ends."""
        self._count += 1
        if isinstance(error, RejectedError):
            return Outcome(self._ring, error=str(error), refused=True)
        # A refusal after a send that went unanswered tells nothing: the campaign may have been stopped in between.
        self._unanswered = self._unanswered or error.known is not Known.REFUSED
        try:
            # The address for testing may not look at keys.
            pause = pause_after(error, 0 if self._ring.test_call else _SENDS - self._count)
        except NotAddedError as ended:
            return Outcome(self._ring, error=str(ended), refused=not self._unanswered)
        if time.monotonic() + pause > self._begin_until:
            return Outcome(self._ring, error=str(error), refused=not self._unanswered)
        return pause


def ring(campaign: CampaignOfConnection, rings: Sequence[Ring]) -> list[Outcome]:
    """Add calls, all at once, and return what became of each, in their order."""
    from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport

    settings = _hurried(campaign.settings)
    begin_until = _begin_until(settings)
    transport = RequestsTransport(settings)
    client = CampaignClient(campaign.address, transport)
    try:
        with ThreadPoolExecutor(max_workers=min(len(rings), _AT_ONCE)) as pool:
            return list(pool.map(lambda one: _ring(client, one, begin_until), rings))
    finally:
        transport.close()


def _ring(client: CampaignClient, one: Ring, begin_until: float) -> Outcome:
    sends = _Sends(one, begin_until)
    if time.monotonic() > begin_until:
        return sends.too_late()
    while True:
        try:
            return Outcome(one, job=client.ask(one.request).value)
        except (ApiError, RejectedError) as error:
            pause = sends.failed(error)
        if isinstance(pause, Outcome):
            return pause
        time.sleep(pause)


async def ring_async(campaign: CampaignOfConnection, rings: Sequence[Ring]) -> list[Outcome]:
    """Add calls without blocking, all at once, and return what became of each, in their order."""
    from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport

    settings = _hurried(campaign.settings)
    begin_until = _begin_until(settings)
    async with AiohttpTransport(settings, connections=_AT_ONCE) as transport:
        client = AsyncCampaignClient(campaign.address, transport)
        return list(await asyncio.gather(*(_ring_async(client, one, begin_until) for one in rings)))


async def _ring_async(client: AsyncCampaignClient, one: Ring, begin_until: float) -> Outcome:
    sends = _Sends(one, begin_until)
    if time.monotonic() > begin_until:
        return sends.too_late()
    while True:
        try:
            return Outcome(one, job=(await client.ask(one.request)).value)
        except (ApiError, RejectedError) as error:
            pause = sends.failed(error)
        if isinstance(pause, Outcome):
            return pause
        await asyncio.sleep(pause)


def _begin_until(settings: TransportSettings) -> float:
    """Until when a send may be repeated, so that it ends in time."""
    return time.monotonic() + SECONDS - settings.total_timeout


def _hurried(settings: TransportSettings) -> TransportSettings:
    return replace(
        settings,
        connect_timeout=min(settings.connect_timeout, _CONNECT),
        read_timeout=min(settings.read_timeout, _READ),
    )
