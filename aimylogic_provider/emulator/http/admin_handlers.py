"""What the emulator's own paths do: a method for each, which reads its request and acts on what the emulator knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from aimylogic_provider.calls_api.endpoint_table import ENDPOINTS
from aimylogic_provider.emulator.http import full_view
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
from aimylogic_provider.emulator.http.pending_requests import PendingRequests
from aimylogic_provider.emulator.world.campaign import ServedCampaign
from aimylogic_provider.emulator.world.clock import ClockReading
from aimylogic_provider.emulator.world.faults import POSSIBLE, Fault, FaultAction, FaultError
from aimylogic_provider.emulator.world.job_search import JobSearch
from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.lived_day import LivedDayError, live_through
from aimylogic_provider.emulator.world.settings import Settings
from aimylogic_provider.emulator.world.state import EmulatorState, SnapshotError

__all__ = ["AdminError", "AdminHandlers", "AdminRequest"]


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


class AdminHandlers:
    """The handlers of the emulator's own paths. Campaigns are named by their number, never by token."""

    def __init__(self, state: EmulatorState, pending: PendingRequests) -> None:
        self._state = state
        self._pending = pending

    def clock(self, request: AdminRequest) -> ClockReading:
        """Tell what the clock shows."""
        return self._state.clock.reading()

    def move(self, request: AdminRequest) -> ClockReading:
        """Move the clock; what was due by then has happened."""
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

    def settings(self, request: AdminRequest) -> Settings:
        """Tell how the server behaves."""
        return self._state.settings

    def change_settings(self, request: AdminRequest) -> Settings:
        """Change some settings; what was due before has happened by the old ones."""
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

    def faults(self, request: AdminRequest) -> list[Fault]:
        """List the rules with their hits."""
        return self._state.faults.rules

    def add_fault(self, request: AdminRequest) -> Fault:
        """Add a rule behind the others."""
        try:
            return self._state.faults.add(request.json(Fault))
        except FaultError as error:
            raise AdminError(str(error)) from None

    def drop_faults(self, request: AdminRequest) -> list[Fault]:
        """Drop all rules."""
        self._state.faults.clear()
        return []

    def choices(self, request: AdminRequest) -> FaultChoices:
        """Tell of what a rule can be made."""
        actions = {phase: [action for action in FaultAction if action in able] for phase, able in POSSIBLE.items()}
        return FaultChoices(paths=[endpoint.name for endpoint in ENDPOINTS], actions=actions)

    def campaigns(self, request: AdminRequest) -> list[CampaignView]:
        """List all campaigns."""
        return [full_view.campaign_view(self._state, campaign) for campaign in self._state.campaigns]

    def change_campaign(self, request: AdminRequest) -> CampaignView:
        """Change a campaign."""
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

    def live_through(self, request: AdminRequest) -> CampaignView:
        """Have a campaign live through the last hours."""
        campaign, wanted = self._campaign(request.number), request.json(LivedDay)
        now = self._state.clock.now()
        try:
            live_through(campaign, now, jobs=wanted.jobs, hours=wanted.hours, seed=wanted.seed)
        except LivedDayError as error:
            raise AdminError(str(error)) from None
        return full_view.campaign_view(self._state, campaign)

    def jobs(self, request: AdminRequest) -> list[JobView]:
        """List call jobs, oldest first."""
        start, size = request.whole("start", 0, 10**9), request.whole("size", 1000, 100_000)
        phone, number = request.query.get("phone"), request.query.get("campaign")
        jobs: Sequence[ServedJob] = self._state.campaigns.all_jobs()
        if phone is not None:
            jobs = self._of_phone(phone, number)
        elif number is not None:
            chosen = self._campaign(number).number
            jobs = [job for job in jobs if job.campaign == chosen]
        return full_view.job_views(self._state, jobs[start : start + size])

    def rings(self, request: AdminRequest) -> Rings:
        """Count the jobs that have rung, or may yet ring, a person."""
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

    def requests(self, request: AdminRequest) -> Requests:
        """Tell the journal."""
        return full_view.journal_view(self._state, self._pending.count, request.whole("last", 10**6, 10**6))

    def overview(self, request: AdminRequest) -> Overview:
        """Tell what the page shows."""
        number = request.query.get("campaign")
        wanted = JobSearch(
            text=request.query.get("text", ""),
            status=request.query.get("status", ""),
            campaign=self._campaign(number).number if number else None,
            newest=request.whole("newest", 0, 10**17) or None,
        )
        return full_view.overview(self._state, self._pending.count, wanted, request.whole("start", 0, 10**9))

    def snapshot(self, request: AdminRequest) -> msgspec.Raw:
        """Give all that the emulator remembers."""
        return msgspec.Raw(self._state.snapshot())

    def restore(self, request: AdminRequest) -> None:
        """Take a snapshot up."""
        try:
            self._state.restore(request.body)
        except SnapshotError as error:
            raise AdminError(str(error)) from None
        self._pending.drop()

    def reset(self, request: AdminRequest) -> None:
        """Forget all."""
        self._pending.drop()
        self._state.reset()

    def _campaign(self, number: str) -> ServedCampaign:
        campaigns = list(self._state.campaigns)
        if not (number.isascii() and number.isdigit() and len(number) < 10 and 1 <= int(number) <= len(campaigns)):
            raise AdminError(f"there is no such campaign: they are numbered 1 to {len(campaigns)}", 404)
        return campaigns[int(number) - 1]
