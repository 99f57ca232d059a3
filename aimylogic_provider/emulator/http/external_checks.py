"""External checks: the address that a job's policy names is asked, by real HTTP, before the job is rung.

No source says what is asked and what an answer means, so that the settings ``check_…`` do. What follows from an answer
stands in the world's ``dialler``. By itself the emulator asks this machine alone, so that nobody reaches others by it.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any, Literal

import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from yarl import URL

from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.emulator.http.pending_requests import PendingRequests
from aimylogic_provider.emulator.world.jobs import Check, CheckAnswer, ServedJob
from aimylogic_provider.emulator.world.journal import EXTERNAL_CHECK, JournalLine
from aimylogic_provider.emulator.world.settings import Settings
from aimylogic_provider.emulator.world.state import EmulatorState

__all__ = ["ExternalChecks"]

Says = Literal["call", "don't call", "none"]

_AT_ONCE = 50
_PAUSE = 0.1
"""Real seconds before an address is asked again."""
_LONGEST = 65_536
_NOT_NOW = (408, 429)


class ExternalChecks:
    """Asks about all jobs that wait for it, in the background: no request to the emulator waits for an answer.

    A reset drops what is being asked, with the jobs that it was about.
    """

    def __init__(self, state: EmulatorState, pending: PendingRequests) -> None:
        self._state = state
        self._pending = pending
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._session: ClientSession | None = None

    def begin(self) -> None:
        """Begin to ask about whoever is to be asked about by now."""
        to_ask = self._state.campaigns.common.to_ask
        while to_ask:
            self._pending.begin(self._ask_about(to_ask.popleft()))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask_about(self, job: ServedJob) -> None:
        state = self._state
        assert job.policy is not None
        assert job.policy.check is not None
        with self._pending.counted():
            async with self._at_once:
                says, requests, reason = await self._asked(job, job.policy.check, state.settings)
            now = state.clock.now()
            campaign = next(one for one in state.campaigns if one.number == job.campaign)
            campaign.dialler.answered(job, CheckAnswer(now, says, requests, reason), now)
            self.begin()

    async def _asked(self, job: ServedJob, check: Check, settings: Settings) -> tuple[Says, int, str]:
        """What the address says, after how many requests, and what came of the last."""
        try:
            url = URL(check.url)
        except ValueError:
            return "none", 0, "no address"
        if not _may_be_asked(url, settings):
            return "none", 0, "a host that check_hosts doesn't name"
        says: Says = "none"
        reason, requests = "", 0
        while says == "none" and requests <= check.retries and job.finished is None:
            if requests:
                await asyncio.sleep(_PAUSE)
            requests += 1
            says, reason = await self._request(job, url, settings)
            self._note(job, settings, f"{says}: {reason}")
        return says, requests, reason

    async def _request(self, job: ServedJob, url: URL, settings: Settings) -> tuple[Says, str]:
        told = {settings.check_phone: job.phone, settings.check_job: job.id}
        arguments: dict[str, Any] = {"json": told} if settings.check_sends == "json" else {"data": told}
        if settings.check_sends == "query":
            arguments = {"params": told}
        if self._session is None:  # by no proxy of the environment's, and without cookies
            self._session = ClientSession(cookie_jar=DummyCookieJar(), headers={"User-Agent": "aimylogic-emulator"})
        try:
            async with self._session.request(
                "GET" if settings.check_sends == "query" else "POST",
                url,
                allow_redirects=False,
                timeout=ClientTimeout(total=settings.check_timeout),
                **arguments,
            ) as response:
                body = await _body(response)
        except TimeoutError:
            return "none", "no answer in time"
        except (ClientError, OSError, ValueError) as error:
            return "none", f"no answer: {type(error).__name__}"  # its text names the address
        return _meaning(response.status, body, settings), f"status {response.status}"

    def _note(self, job: ServedJob, settings: Settings, outcome: str) -> None:
        line = JournalLine(
            self._state.clock.now(),
            "GET" if settings.check_sends == "query" else "POST",
            EXTERNAL_CHECK,
            mask_phone(job.phone),
            None,
            outcome,
        )
        line.set_jobs([job])
        self._state.journal.note(line)


def _may_be_asked(url: URL, settings: Settings) -> bool:
    host = (url.host or "").lower()
    if host == "localhost" or "*" in settings.check_hosts or host in {one.lower() for one in settings.check_hosts}:
        return bool(host)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _body(response: ClientResponse) -> bytes:
    """The body, up to a length that no answer needs."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _LONGEST:
            raise ValueError("too long")
    return bytes(body)


def _meaning(status: int, body: bytes, settings: Settings) -> Says:
    """What an answer means, by the settings. What isn't understood is no answer."""
    is_good = 200 <= status < 300
    if settings.check_reads == "status":
        if is_good:
            return "call"
        return "don't call" if 400 <= status < 500 and status not in _NOT_NOW else "none"
    if not is_good:
        return "none"
    try:
        said = msgspec.json.decode(body, type=dict[str, Any]).get(settings.check_field)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return "none"
    if not isinstance(said, bool):
        return "none"
    return "call" if said else "don't call"
