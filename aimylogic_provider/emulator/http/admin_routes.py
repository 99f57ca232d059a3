"""The emulator's own paths, under a prefix of their own: clock, settings, faults, campaigns, oracle, journal, snapshot.

Each is a row of a table, from which the OpenAPI document is made too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from aimylogic_provider.calls_api.endpoint_table import ENDPOINTS
from aimylogic_provider.emulator.http import full_view, openapi, page
from aimylogic_provider.emulator.http.admin_types import (
    CampaignChange,
    CampaignView,
    ClockChange,
    FaultChoices,
    JobView,
    LivedDay,
    Overview,
    Requests,
    Rings,
    explained,
)
from aimylogic_provider.emulator.http.exchange import HttpAnswer, Target, decoded, fields_of, json_answer
from aimylogic_provider.emulator.http.pending_requests import PendingRequests
from aimylogic_provider.emulator.world.campaign import ServedCampaign
from aimylogic_provider.emulator.world.clock import ClockReading
from aimylogic_provider.emulator.world.faults import POSSIBLE, Fault, FaultAction, FaultError
from aimylogic_provider.emulator.world.job_search import JobSearch
from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.lived_day import LivedDayError, live_through
from aimylogic_provider.emulator.world.refusal import Refusal
from aimylogic_provider.emulator.world.settings import Settings
from aimylogic_provider.emulator.world.state import EmulatorState, SnapshotError

__all__ = ["PREFIX", "AdminApi"]

PREFIX = "/_emulator"


class AdminError(Exception):
    """A request that can't be served: says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class AdminRequest:
    """What was asked of one of the emulator's own paths."""

    number: str
    query: Mapping[str, str]
    body: bytes

    def json(self, kind: Any) -> Any:
        """Read the body.

        :raises AdminError: naming what is wrong and where
        """
        try:
            return msgspec.json.decode(self.body.decode(), type=kind)
        except UnicodeDecodeError:
            raise AdminError("the body is not UTF-8") from None
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            raise AdminError(f"the body can't be read: {explained(error)}") from None

    def whole(self, name: str, default: int, most: int) -> int:
        """Read a whole number of the query."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) <= most):
            raise AdminError(f"{name} isn't a whole number from 0 to {most:,}")
        return int(text)


class AdminApi:
    """The handlers of the emulator's own paths. Campaigns are named by their number, never by token."""

    def __init__(self, state: EmulatorState, pending: PendingRequests) -> None:
        self._state = state
        self._pending = pending
        query = openapi.Query
        self._routes = [
            openapi.Route("GET", "/clock", "What the clock shows", self._clock, None, ClockReading),
            openapi.Route("PATCH", "/clock", "Move the clock", self._move, ClockChange, ClockReading),
            openapi.Route("GET", "/settings", "How the server behaves", self._settings, None, Settings),
            openapi.Route("PATCH", "/settings", "Change some settings", self._change_settings, Settings, Settings),
            openapi.Route("GET", "/faults", "The rules with their hits", self._faults, None, list[Fault]),
            openapi.Route("POST", "/faults", "Add a rule behind the others", self._add_fault, Fault, Fault),
            openapi.Route("DELETE", "/faults", "Drop all rules", self._drop_faults, None, list[Fault]),
            openapi.Route("GET", "/faults/choices", "Of what a rule can be made", self._choices, None, FaultChoices),
            openapi.Route("GET", "/campaigns", "All campaigns", self._campaigns, None, list[CampaignView]),
            openapi.Route(
                "PATCH", "/campaigns/{number}", "Change a campaign", self._change_campaign, CampaignChange, CampaignView
            ),
            openapi.Route(
                "POST", "/campaigns/{number}/lived-day", "Have a campaign live through the last hours",
                self._live_through, LivedDay, CampaignView,
            ),
            openapi.Route(
                "GET", "/jobs", "Call jobs, oldest first", self._jobs, None, list[JobView],
                (query("campaign"), query("phone"), query("start"), query("size")),
            ),
            openapi.Route(
                "GET", "/rings", "How many jobs have rung, or may yet ring, a person", self._rings, None, Rings,
                (query("phone", required=True), query("payload"), query("campaign")),
            ),
            openapi.Route(
                "GET", "/requests", "The journal", self._requests, None, Requests, (query("last"),)
            ),
            openapi.Route(
                "GET", "/overview", "What the page shows", self._overview, None, Overview,
                (query("text"), query("status"), query("campaign"), query("newest"), query("start")),
            ),
            openapi.Route("GET", "/snapshot", "All that the emulator remembers", self._snapshot, None, Any),
            openapi.Route("PUT", "/snapshot", "Take a snapshot up", self._restore, Any, None),
            openapi.Route("POST", "/reset", "Forget all", self._reset, None, None),
        ]  # fmt: skip
        self._fixed = {
            "/openapi.json": lambda: json_answer(openapi.emulator_document(PREFIX, self._routes)),
            "/calls-api.json": lambda: json_answer(openapi.calls_document()),
            **{f"/{name}": make for name, make in page.FILES.items()},
        }

    def serves(self, target: Target) -> bool:
        """Whether the target is one of the emulator's own."""
        return target.path == "/" or target.path == PREFIX or target.path.startswith(f"{PREFIX}/")

    def answer(self, method: str, target: Target, body: bytes) -> HttpAnswer:
        """Answer a request."""
        path = target.path.removeprefix(PREFIX)
        fixed = self._fixed.get("/page.html" if target.path == "/" else path)
        try:
            if fixed is not None:
                return fixed() if method == "GET" else _no_method(["GET"])
            number = re.fullmatch(r"/campaigns/([^/]+)((?:/lived-day)?)", path)
            named = f"/campaigns/{{number}}{number[2]}" if number else path
            routes = {route.method: route for route in self._routes if route.path == named}
            if not routes:
                paths = [f"{route.method} {PREFIX}{route.path}" for route in self._routes]
                return json_answer({"error": "unknown path", "paths": paths}, 404)
            if method not in routes:
                return _no_method(list(routes))
            request = AdminRequest(decoded(number[1]) if number else "", fields_of(target.query), body)
            route = routes[method]
            if unknown := request.query.keys() - {one.name for one in route.query}:
                raise AdminError(f"unknown parameters: {len(unknown)}; there are {[one.name for one in route.query]}")
            return json_answer(route.handler(request))
        except AdminError as error:
            return json_answer({"error": str(error)}, error.status)
        except Refusal as refusal:
            return json_answer({"error": str(refusal)}, refusal.status)

    def _clock(self, request: AdminRequest) -> ClockReading:
        return self._state.clock.reading()

    def _move(self, request: AdminRequest) -> ClockReading:
        change, clock = request.json(ClockChange), self._state.clock
        for campaign in self._state.campaigns:  # what was due has happened, though nobody looked, before it is set back
            campaign.dialler.run(clock.now())
        steps: list[tuple[float | None, Callable[[float], None]]] = [
            (change.rate, clock.run),
            (change.now, clock.set),
            (change.skew, clock.skew),
            (change.advance, clock.advance),
        ]
        before = clock.reading()
        try:
            for value, step in steps:
                if value is not None:
                    step(value)
        except ValueError as error:
            clock.put_back(before)
            raise AdminError(str(error)) from None
        for campaign in self._state.campaigns:
            if clock.now() < before.now:
                campaign.dialler.set_back(clock.now())
            elif campaign.dialler.has_checks:  # who is to be asked by now is asked, though nobody looks
                campaign.dialler.run(clock.now())
        return clock.reading()

    def _settings(self, request: AdminRequest) -> Settings:
        return self._state.settings

    def _change_settings(self, request: AdminRequest) -> Settings:
        changed = request.json(dict[str, Any])
        try:
            settings = msgspec.convert({**msgspec.to_builtins(self._state.settings), **changed}, Settings)
        except msgspec.ValidationError as error:
            raise AdminError(f"the settings can't be so: {explained(error)}") from None
        now = self._state.clock.now()
        for campaign in self._state.campaigns:
            campaign.dialler.run(now)
        self._state.campaigns.change(settings)
        return settings

    def _faults(self, request: AdminRequest) -> list[Fault]:
        return self._state.faults.rules

    def _add_fault(self, request: AdminRequest) -> Fault:
        try:
            return self._state.faults.add(request.json(Fault))
        except FaultError as error:
            raise AdminError(str(error)) from None

    def _drop_faults(self, request: AdminRequest) -> list[Fault]:
        self._state.faults.clear()
        return []

    def _choices(self, request: AdminRequest) -> FaultChoices:
        actions = {phase: [action for action in FaultAction if action in able] for phase, able in POSSIBLE.items()}
        return FaultChoices(paths=[endpoint.name for endpoint in ENDPOINTS], actions=actions)

    def _campaigns(self, request: AdminRequest) -> list[CampaignView]:
        return [full_view.campaign_view(self._state, campaign) for campaign in self._state.campaigns]

    def _change_campaign(self, request: AdminRequest) -> CampaignView:
        campaign, change = self._campaign(request.number), request.json(CampaignChange)
        now = self._state.clock.now()
        campaign.dialler.run(now)
        if change.token is not None:
            try:
                self._state.rename(campaign, change.token)
            except ValueError as error:
                raise AdminError(f"{error}") from None
        if change.name is not None:
            campaign.name = change.name
        if change.status is not None:  # first, for lines that are added to a stopped campaign ring nobody
            campaign.set_status(now, "inProgress" if change.status == "inProcess" else change.status)
        if change.lines is not None:
            campaign.dialler.change(now, lines=change.lines)
        return full_view.campaign_view(self._state, campaign)

    def _live_through(self, request: AdminRequest) -> CampaignView:
        campaign, wanted = self._campaign(request.number), request.json(LivedDay)
        now = self._state.clock.now()
        try:
            live_through(campaign, now, jobs=wanted.jobs, hours=wanted.hours, seed=wanted.seed)
        except LivedDayError as error:
            raise AdminError(str(error)) from None
        return full_view.campaign_view(self._state, campaign)

    def _jobs(self, request: AdminRequest) -> list[JobView]:
        start, size = request.whole("start", 0, 10**9), request.whole("size", 1000, 100_000)
        phone, number = request.query.get("phone"), request.query.get("campaign")
        jobs: Sequence[ServedJob] = self._state.campaigns.all_jobs()
        if phone is not None:
            jobs = self._of_phone(phone, number)
        elif number is not None:
            chosen = self._campaign(number).number
            jobs = [job for job in jobs if job.campaign == chosen]
        return full_view.job_views(self._state, jobs[start : start + size])

    def _rings(self, request: AdminRequest) -> Rings:
        phone, payload = request.query.get("phone"), request.query.get("payload")
        if phone is None:
            raise AdminError("phone is missing: a number with country code")
        try:
            wanted = None if payload is None else full_view.read_payload(payload)
        except ValueError as error:
            raise AdminError(str(error)) from None
        return full_view.rings(self._of_phone(phone, request.query.get("campaign")), wanted)

    def _of_phone(self, phone: str, number: str | None) -> list[ServedJob]:
        campaigns = list(self._state.campaigns) if number is None else [self._campaign(number)]
        try:
            return full_view.jobs_of(self._state, campaigns, phone)
        except ValueError as error:
            raise AdminError(str(error)) from None

    def _requests(self, request: AdminRequest) -> Requests:
        return full_view.journal_view(self._state, self._pending.count, request.whole("last", 10**6, 10**6))

    def _overview(self, request: AdminRequest) -> Overview:
        number = request.query.get("campaign")
        wanted = JobSearch(
            text=request.query.get("text", ""),
            status=request.query.get("status", ""),
            campaign=self._campaign(number).number if number else None,
            newest=request.whole("newest", 0, 10**17) or None,
        )
        return full_view.overview(self._state, self._pending.count, wanted, request.whole("start", 0, 10**9))

    def _snapshot(self, request: AdminRequest) -> msgspec.Raw:
        return msgspec.Raw(self._state.snapshot())

    def _restore(self, request: AdminRequest) -> None:
        try:
            self._state.restore(request.body)
        except SnapshotError as error:
            raise AdminError(str(error)) from None
        self._pending.drop()

    def _reset(self, request: AdminRequest) -> None:
        self._pending.drop()
        self._state.reset()

    def _campaign(self, number: str) -> ServedCampaign:
        campaigns = list(self._state.campaigns)
        if not (number.isascii() and number.isdigit() and len(number) < 10 and 1 <= int(number) <= len(campaigns)):
            raise AdminError(f"there is no such campaign: they are numbered 1 to {len(campaigns)}", 404)
        return campaigns[int(number) - 1]


def _no_method(methods: Sequence[str]) -> HttpAnswer:
    answer = json_answer({"error": f"the path has only {', '.join(methods)}"}, 405)
    answer.headers = {"Allow": ", ".join(methods)}
    return answer
