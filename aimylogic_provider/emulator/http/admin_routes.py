"""The emulator's own paths, under a prefix of their own: clock, settings, faults, campaigns, oracle, journal, snapshot.

Each is a row of a table, from which the OpenAPI document is made too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aimylogic_provider.emulator.http import openapi, page
from aimylogic_provider.emulator.http.admin_handlers import AdminError, AdminHandlers, AdminRequest
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
)
from aimylogic_provider.emulator.http.exchange import HttpAnswer, Target, decoded, fields_of, json_answer
from aimylogic_provider.emulator.http.pending_requests import PendingRequests
from aimylogic_provider.emulator.world.clock import ClockReading
from aimylogic_provider.emulator.world.faults import Fault
from aimylogic_provider.emulator.world.refusal import Refusal
from aimylogic_provider.emulator.world.settings import Settings
from aimylogic_provider.emulator.world.state import EmulatorState

__all__ = ["PREFIX", "AdminApi"]

PREFIX = "/_emulator"


class AdminApi:
    """Serves the emulator's own paths, each by its handler."""

    def __init__(self, state: EmulatorState, pending: PendingRequests) -> None:
        handle = AdminHandlers(state, pending)
        query = openapi.Query
        self._routes = [
            openapi.Route("GET", "/clock", "What the clock shows", handle.clock, None, ClockReading),
            openapi.Route("PATCH", "/clock", "Move the clock", handle.move, ClockChange, ClockReading),
            openapi.Route("GET", "/settings", "How the server behaves", handle.settings, None, Settings),
            openapi.Route("PATCH", "/settings", "Change some settings", handle.change_settings, Settings, Settings),
            openapi.Route("GET", "/faults", "The rules with their hits", handle.faults, None, list[Fault]),
            openapi.Route("POST", "/faults", "Add a rule behind the others", handle.add_fault, Fault, Fault),
            openapi.Route("DELETE", "/faults", "Drop all rules", handle.drop_faults, None, list[Fault]),
            openapi.Route("GET", "/faults/choices", "Of what a rule can be made", handle.choices, None, FaultChoices),
            openapi.Route("GET", "/campaigns", "All campaigns", handle.campaigns, None, list[CampaignView]),
            openapi.Route(
                "PATCH", "/campaigns/{number}", "Change a campaign",
                handle.change_campaign, CampaignChange, CampaignView,
            ),
            openapi.Route(
                "POST", "/campaigns/{number}/lived-day", "Have a campaign live through the last hours",
                handle.live_through, LivedDay, CampaignView,
            ),
            openapi.Route(
                "GET", "/jobs", "Call jobs, oldest first", handle.jobs, None, list[JobView],
                (query("campaign"), query("phone"), query("start"), query("size")),
            ),
            openapi.Route(
                "GET", "/rings", "How many jobs have rung, or may yet ring, a person", handle.rings, None, Rings,
                (query("phone", required=True), query("payload"), query("campaign")),
            ),
            openapi.Route(
                "GET", "/requests", "The journal", handle.requests, None, Requests, (query("last"),)
            ),
            openapi.Route(
                "GET", "/overview", "What the page shows", handle.overview, None, Overview,
                (query("text"), query("status"), query("campaign"), query("newest"), query("start")),
            ),
            openapi.Route("GET", "/snapshot", "All that the emulator remembers", handle.snapshot, None, Any),
            openapi.Route("PUT", "/snapshot", "Take a snapshot up", handle.restore, Any, None),
            openapi.Route("POST", "/reset", "Forget all", handle.reset, None, None),
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


def _no_method(methods: Sequence[str]) -> HttpAnswer:
    answer = json_answer({"error": f"the path has only {', '.join(methods)}"}, 405)
    answer.headers = {"Allow": ", ".join(methods)}
    return answer
