"""The emulator's own paths, under a prefix of their own: clock, faults, campaigns, jobs, journal."""

from __future__ import annotations

import json
import math
from typing import Any

from aiohttp import web

from aimylogic_provider.emulator.campaigns import STATUSES, Campaign
from aimylogic_provider.emulator.faults import Fault, FaultError
from aimylogic_provider.emulator.state import State

__all__ = ["PREFIX", "AdminRoutes"]

PREFIX = "/_emulator"


class AdminRoutes:
    """The handlers of the emulator's own paths. Campaigns are named by their number, 1 and up, never by token."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(f"{PREFIX}/clock", self.clock),
            web.post(f"{PREFIX}/clock/advance", self.advance),
            web.put(f"{PREFIX}/clock", self.set_clock),
            web.get(f"{PREFIX}/faults", self.faults),
            web.post(f"{PREFIX}/faults", self.add_fault),
            web.delete(f"{PREFIX}/faults", self.drop_faults),
            web.patch(f"{PREFIX}/campaigns/{{number}}", self.change_campaign),
            web.get(f"{PREFIX}/campaigns/{{number}}/jobs", self.jobs),
            web.get(f"{PREFIX}/requests", self.requests),
            web.post(f"{PREFIX}/reset", self.reset),
        ]

    async def clock(self, request: web.Request) -> web.Response:
        """The time, in Unix seconds."""
        return web.json_response({"now": self._state.clock.now()})

    async def advance(self, request: web.Request) -> web.Response:
        """Move the clock by ``seconds``."""
        body = await _json(request)
        try:
            self._state.clock.advance(_real(body, "seconds"))
        except ValueError as error:
            raise _bad(str(error)) from None
        return await self.clock(request)

    async def set_clock(self, request: web.Request) -> web.Response:
        """Set the clock to ``now``."""
        body = await _json(request)
        try:
            self._state.clock.set(_real(body, "now"))
        except ValueError as error:
            raise _bad(str(error)) from None
        return await self.clock(request)

    async def faults(self, request: web.Request) -> web.Response:
        """The rules with their hits."""
        return web.json_response([rule.as_json() for rule in self._state.faults.rules])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a rule behind the others."""
        try:
            self._state.faults.rules.append(Fault.from_json(await _json(request)))
        except FaultError as error:
            raise _bad(str(error)) from None
        return await self.faults(request)

    async def drop_faults(self, request: web.Request) -> web.Response:
        """Drop all rules."""
        self._state.faults.rules.clear()
        return await self.faults(request)

    async def change_campaign(self, request: web.Request) -> web.Response:
        """Change a campaign's ``status``, ``name`` or ``report_lag`` (seconds)."""
        campaign, body = self._campaign(request), await _json(request)
        unknown = body.keys() - {"status", "name", "report_lag"}
        if unknown:
            raise _bad(f"unknown fields {sorted(unknown)}: a campaign has status, name, report_lag")
        for name in ("status", "name"):
            if not isinstance(body.get(name, ""), str):
                raise _bad(f"{name} is not text")
        if body.get("status", campaign.status) not in STATUSES:
            raise _bad(f"status {body['status']!r} is none of {', '.join(STATUSES)}")
        lag = _real({"report_lag": campaign.report_lag, **body}, "report_lag")
        if lag < 0:
            raise _bad("report_lag is less than 0")
        campaign.status = body.get("status", campaign.status)
        campaign.name = body.get("name", campaign.name)
        campaign.report_lag = lag
        return web.json_response({"status": campaign.status, "name": campaign.name, "report_lag": lag})

    async def jobs(self, request: web.Request) -> web.Response:
        """All jobs of a campaign: phone, payload, key, creation time."""
        return web.json_response(
            [
                {
                    "id": job.id, "phone": job.phone, "payload": job.payload, "gmt_zone": job.gmt_zone,
                    "created": job.created, "test": job.test, "key": job.key,
                }
                for job in self._campaign(request).jobs
            ]
        )  # fmt: skip

    async def requests(self, request: web.Request) -> web.Response:
        """The journal."""
        return web.json_response(self._state.journal.as_json())

    async def reset(self, request: web.Request) -> web.Response:
        """Forget all: jobs, keys, faults, journal, clock."""
        self._state.reset()
        return web.json_response({})

    def _campaign(self, request: web.Request) -> Campaign:
        campaigns = list(self._state.campaigns)
        number = request.match_info["number"]
        if not number.isascii() or not number.isdigit() or not 1 <= int(number[:9]) <= len(campaigns):
            raise web.HTTPNotFound(text=json.dumps({"error": f"campaigns are numbered 1 to {len(campaigns)}"}))
        return campaigns[int(number) - 1]


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise _bad("the body is not JSON") from None
    if not isinstance(body, dict):
        raise _bad("the body is not a JSON object")
    return body


def _real(body: dict[str, Any], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _bad(f"{name} {value!r} is not a number")
    return float(value)


def _bad(message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": message}), content_type="application/json")
