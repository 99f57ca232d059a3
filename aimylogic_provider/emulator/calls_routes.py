"""The Calls API's paths: from HTTP to the state and back. Faults and journal stand around them, in ``server``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.errors import UnreadableError
from aimylogic_provider.calls_api.values import read_json, read_time
from aimylogic_provider.emulator.campaigns import Campaign, Campaigns, Job, Refusal
from aimylogic_provider.emulator.clock import VirtualClock

__all__ = ["Added", "CallsRoutes", "Handler", "form_fields"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Added(web.Response):
    """The answer of addPhone: the id as a JSON string. Keeps it, for the journal."""

    def __init__(self, job: Job) -> None:
        super().__init__(text=json.dumps(job.id), content_type="application/json")
        self.job = job.id


class CallsRoutes:
    """The handlers of the Calls API."""

    def __init__(self, campaigns: Campaigns, clock: VirtualClock) -> None:
        self._campaigns = campaigns
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        handlers = {
            endpoints.ADD_PHONE: self.add_phone,
            endpoints.TEST_ADD_PHONE: self.add_test_phone,
            endpoints.STATUS: self.status,
            endpoints.CAMPAIGN: self.campaign,
            endpoints.CALL_JOB_REPORT: self.report,
            endpoints.CALL_JOB_REPORT_BY_DATE: self.report_by_date,
        }
        return [
            web.route(method, endpoint.path, self._guarded(handlers[endpoint]))
            for endpoint in endpoints.ENDPOINTS
            for method in endpoint.methods
        ]

    @staticmethod
    def _guarded(handler: Handler) -> Handler:
        """Turn refusals into the contract's errors."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except Refusal as refusal:
                return web.json_response(refusal.body, status=refusal.status)

        return guarded

    def _campaign(self, request: web.Request) -> Campaign:
        return self._campaigns.of(request.match_info["token"])

    async def add_phone(self, request: web.Request) -> web.StreamResponse:
        """addPhone: parameters in the query or in a form body, the key in the header (for GET also in the query)."""
        fields = await form_fields(request)
        key = request.headers.get("Idempotence-Key") or None
        if request.method == "GET":
            # For a POST, what the query names so is payload, as every other name is.
            key = key or fields.pop("Idempotence-Key", None) or None
        phone, zone = fields.pop("phone", ""), fields.pop("gmtZone", None)
        return Added(self._campaign(request).add_phone(self._clock.now(), phone, fields, zone, key))

    async def add_test_phone(self, request: web.Request) -> web.StreamResponse:
        """test/addPhone: the same without the duplicate restriction."""
        fields = await form_fields(request)
        fields.pop("Idempotence-Key", None)
        phone, zone = fields.pop("phone", ""), fields.pop("gmtZone", None)
        return Added(self._campaign(request).add_test_phone(self._clock.now(), phone, fields, zone))

    async def status(self, request: web.Request) -> web.StreamResponse:
        """The status: a bare string."""
        return web.Response(text=self._campaign(request).status)

    async def campaign(self, request: web.Request) -> web.StreamResponse:
        """The campaign."""
        return web.json_response(self._campaign(request).as_answer())

    async def report(self, request: web.Request) -> web.StreamResponse:
        """callJob/getReport: by phones, by ids, or both."""
        campaign, body = self._campaign(request), await _body(request)
        jobs = campaign.report(self._clock.now(), _texts(body, "phones"), _texts(body, "ids"))
        return web.json_response([job.as_report() for job in jobs])

    async def report_by_date(self, request: web.Request) -> web.StreamResponse:
        """callJob/getReportByDate: a page of the jobs created in a time range; a page has no total."""
        campaign, body = self._campaign(request), await _body(request)
        limits, pages = _object(body, "filter"), _object(body, "pagination")
        page, size = _number(pages, "page", 0, 0, 199), _number(pages, "pageSize", 20, 1, 200)
        finished = [_moment(limits, name) for name in ("finishedAtFrom", "finishedAtTo")]
        if finished != [None, None]:
            jobs = []  # no job of this emulator finishes yet
        else:
            jobs = campaign.report_by_date(
                self._clock.now(), _moment(limits, "createdAtFrom"), _moment(limits, "createdAtTo")
            )
        shown = jobs[page * size : (page + 1) * size]
        return web.json_response(
            {"items": [job.as_report() for job in shown], "pagination": {"page": page, "pageSize": size}}
        )


async def form_fields(request: web.Request) -> dict[str, str]:
    """The parameters of the query, and of a form body where there is one."""
    fields = dict(request.query)
    if request.method == "POST" and request.content_type == "application/x-www-form-urlencoded":
        form = await request.post()
        fields.update((name, value) for name, value in form.items() if isinstance(value, str))
    return fields


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = read_json(await request.read())
    except UnreadableError:
        raise _bad("the body is not JSON") from None
    if not isinstance(body, dict):
        raise _bad("the body is not a JSON object")
    return body


def _texts(body: dict[str, Any], name: str) -> list[str]:
    values = body.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _bad(f"{name} is not a list of strings")
    return values


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise _bad(f"{name} is not an object")
    return value


def _number(body: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _bad(f"{name} is not a number from {least} to {most}")
    return value


def _moment(body: dict[str, Any], name: str) -> float | None:
    try:
        moment: datetime | None = read_time(body.get(name))
    except UnreadableError:
        raise _bad(f"{name} is not a time") from None
    return None if moment is None else moment.timestamp()


def _bad(message: str) -> Refusal:
    """A request that the contract doesn't know; its ``type`` is the emulator's own, so that no client relies on it."""
    return Refusal(400, "emulator.bad.request", message)
