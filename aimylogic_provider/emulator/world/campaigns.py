"""What the server remembers, and the rules by which it adds, cancels and controls. No HTTP; time is given."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from aimylogic_provider.calls_api.calls.gmt_zone import canonical_gmt_zone
from aimylogic_provider.calls_api.endpoint_table import (
    ADD_PHONE,
    ADD_PHONES,
    CANCEL_CALL_JOBS,
    PAUSE_CAMPAIGN,
    RESUME_CAMPAIGN,
    STOP_CAMPAIGN,
    TEST_ADD_PHONE,
    Commits,
    Endpoint,
)
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.emulator.http.exchange import Refusal
from aimylogic_provider.emulator.world.dialler import Dialler
from aimylogic_provider.emulator.world.jobs import Policy, ServedJob
from aimylogic_provider.emulator.world.keys import KEY_LIFE, Keys, KeyUse
from aimylogic_provider.emulator.world.phones import canonical_if_phone, server_phone
from aimylogic_provider.emulator.world.settings import Settings

__all__ = ["FIRST_ID", "CampaignStatus", "ControlRefusal", "ServedCampaign", "ServedCampaigns", "WantedCall"]

FIRST_ID = 5665334669
"""The id of the vendor's own example."""
CampaignStatus = Literal["new", "planned", "inProgress", "finished", "paused", "deleted"]

_SPACE_FOR_PLUS = re.compile("^(UTC|GMT|UT|) ")
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?(?:Z|\+[0-9]|\+[0-9]{2}|[+-][0-9]{2}(?::?[0-9]{2}){1,2})")
"""The contract's offsets; what a client may write besides, it must bring to one of them."""
_STOPPED = ("finished", "deleted")
_CONTROL: dict[str, tuple[Endpoint, CampaignStatus]] = {
    "pause": (PAUSE_CAMPAIGN, "paused"),
    "resume": (RESUME_CAMPAIGN, "inProgress"),
    "stop": (STOP_CAMPAIGN, "finished"),
}


@dataclass(frozen=True, slots=True)
class WantedCall:
    """A number to be added, as the request bears it.

    :param payload: JSON text, or None for none
    """

    phone: str
    payload: str | None
    gmt_zone: str | None
    policy: Policy | None = None


class ControlRefusal(Refusal):
    """Control's errors have a form of their own."""

    def __init__(self, what: str, status: str) -> None:
        super().__init__(400, "", f"The campaign can't be made to {what}, for it is {status}")
        self.body = {"error": "emulator.bad.state", "message": str(self), "args": {"status": status}}


class ServedCampaign:
    """One campaign.

    :param number: 1 and up, by which the emulator's own paths name it
    """

    def __init__(self, campaigns: ServedCampaigns, token: str, number: int, created: float, name: str) -> None:
        self._all = campaigns
        self.token = token
        self.number = number
        self.created = created
        self.name = name or f"Emulated campaign {number}"
        self.status: CampaignStatus = "inProgress"
        self.ended: float | None = None
        self.dialler = Dialler(campaigns.settings, lines=10, dials=True)
        self.jobs: list[ServedJob] = []
        """By the time of their creation."""
        self.keyless: dict[tuple[str, str | None], float] = {}
        """When each phone and payload was last added without a key."""
        self._by_phone: dict[str, ServedJob | list[ServedJob]] = {}

    @property
    def settings(self) -> Settings:
        """How the server behaves."""
        return self._all.settings

    def add_phone(self, now: float, wanted: WantedCall, key: str | None) -> ServedJob:
        """Add a number, by the contract's table of duplicates and keys."""

        def add() -> list[ServedJob]:
            self._check_running()
            checked = self._checked(wanted)
            if key is None:
                identity = (checked.phone, checked.payload)
                first = self.keyless.get(identity)
                if first is not None and now - first < KEY_LIFE:
                    raise _duplicated(checked.phone, "The phone was added within the last 24 hours")
                self.keyless[identity] = now
            return self._create([checked], now, key)

        parameters = f"{wanted.phone} {wanted.gmt_zone} {wanted.payload}"
        return self._once_per_key(now, ADD_PHONE, key, parameters, add)[0]

    def add_test_phone(self, now: float, wanted: WantedCall, key: str | None) -> ServedJob:
        """Add a number for testing: no duplicate restriction."""

        def add() -> list[ServedJob]:
            self._check_running()
            return self._create([self._checked(wanted)], now, key, test=True)

        key_if_heeded = key if self.settings.test_address_heeds_key else None
        parameters = f"{wanted.phone} {wanted.gmt_zone} {wanted.payload}"
        return self._once_per_key(now, TEST_ADD_PHONE, key_if_heeded, parameters, add)[0]

    def add_phones(
        self,
        now: float,
        read: Callable[[], Sequence[WantedCall]],
        key: str | None,
        parameters: str,
        places: Container[int] | None = None,
    ) -> Sequence[ServedJob]:
        """Add all, or none. No duplicate check but within the list.

        :param read: gives what is wanted; asked only if the key is not known
        :param places: from 1, of those that are added, if a fault has it so; the key stands for these then
        """

        def add() -> list[ServedJob]:
            self._check_running()
            checked = [self._checked(one) for one in read()]
            seen: set[str] = set()
            twice: dict[str, None] = {}
            for one in checked:
                if one.phone in seen:
                    twice[one.phone] = None
                seen.add(one.phone)
            if twice:
                raise _duplicated(next(iter(twice)), "The list holds phones twice", [*twice])
            added = [one for place, one in enumerate(checked, 1) if places is None or place in places]
            return self._create(added, now, key)

        return self._once_per_key(now, ADD_PHONES, key, parameters, add)

    def cancel(
        self, now: float, phones: Sequence[str], ids: Sequence[str], key: str | None, parameters: str
    ) -> Sequence[ServedJob]:
        """Cancel the open ones among some jobs; return those that were cancelled."""

        def cancel() -> list[ServedJob]:
            return [job for job in self.find(now, phones, ids) if self.dialler.cancel(job, now)]

        return self._once_per_key(now, CANCEL_CALL_JOBS, key, parameters, cancel)

    def control(self, now: float, what: str, key: str | None) -> None:
        """Pause, resume or stop.

        :raises ControlRefusal: if the campaign's state doesn't allow it
        """
        endpoint, status = _CONTROL[what]

        def control() -> list[ServedJob]:
            settings = self.settings
            allowed = {
                "pause": ("new", "planned", "inProgress"),
                "resume": ("paused", "finished") if settings.resumes_stopped else ("paused",),
                "stop": ("new", "planned", "inProgress", "paused"),
            }[what]
            if self.status not in allowed and not (self.status == status and settings.control_repeats == "accepted"):
                raise ControlRefusal(what, self.status)
            self.set_status(now, status)
            return []

        self._once_per_key(now, endpoint, key, "", control)

    def set_status(self, now: float, status: CampaignStatus) -> None:
        """Set the status; new attempts begin only while it is ``inProgress``."""
        if status in _STOPPED and self.status not in _STOPPED:
            self.dialler.run(now)
            self.ended = now
            if self.settings.stop_ends_jobs:
                self.dialler.stop(now)
        elif status not in _STOPPED:
            self.ended = None
        self.status = status
        self.dialler.change(now, dials=status == "inProgress")

    def find(self, now: float, phones: Iterable[str], ids: Iterable[str]) -> list[ServedJob]:
        """Return the jobs of some phones or with some ids, each once, in the order of their creation.

        :raises Refusal: if the campaign doesn't know one, or its reports don't show it yet
        """
        shown = now - self.settings.report_lag
        found: dict[int, ServedJob] = {}
        for phone in phones:
            jobs = [job for job in self.of_phone(canonical_if_phone(phone)) if job.created <= shown]
            if not jobs:
                raise Refusal(400, "phone.not.found", "The campaign has no such phone")
            found.update((job.number, job) for job in jobs)
        for text in ids:
            job = self._all.job(text)
            if job is None or job.campaign != self.number or job.created > shown:
                raise Refusal(400, "id.not.found", "The campaign has no such call job")
            found[job.number] = job
        return sorted(found.values(), key=lambda job: (job.created, job.number))

    def of_phone(self, phone: str) -> Sequence[ServedJob]:
        """All jobs of a phone (canonical), whether reports show them yet or not."""
        held = self._by_phone.get(phone, ())
        return (held,) if isinstance(held, ServedJob) else held

    def restore(self, jobs: Iterable[ServedJob], reached: float) -> None:
        """Take saved jobs in, whose life had been worked out up to a moment."""
        known = list(jobs)
        for job in known:
            self._index(job)
        self.dialler.restore(known, reached)

    def _once_per_key(
        self, now: float, endpoint: Endpoint, key: str | None, parameters: str, act: Callable[[], list[ServedJob]]
    ) -> Sequence[ServedJob]:
        """Act, unless the key says that it was done."""
        self.dialler.run(now)
        if key is None:
            return act()
        settings, keys = self.settings, self._all.keys
        digest = blake2b(parameters.encode(), digest_size=8).hexdigest()
        use = KeyUse(self.number, endpoint.name, key, digest, now)
        first = keys.find_alive(settings, use)
        if first is not None:
            if first.refused is not None:
                raise _Repeated(*first.refused)
            if settings.campaign_before_key and endpoint.commits is Commits.NEW_JOBS:
                self._check_running()
            return [self._all.by_number(number) for number in first.jobs]
        try:
            jobs = act()
        except Refusal as refusal:
            if settings.error_uses_up_key:
                keys.note(replace(use, refused=(refusal.status, refusal.body)))
            raise
        keys.note(replace(use, jobs=tuple(job.number for job in jobs)))
        return jobs

    def _check_running(self) -> None:
        if self.status in _STOPPED:
            raise Refusal(400, "invalid.call.task.state", "The campaign is stopped", state="FINISHED")

    def _checked(self, wanted: WantedCall) -> WantedCall:
        settings, zone = self.settings, wanted.gmt_zone
        try:
            phone = server_phone(wanted.phone, eight=settings.takes_eight)
        except RejectedError:
            phone = ""
        if not phone or (settings.bad_numbers and settings.knows_bad(phone)):
            raise Refusal(400, "phone.bad.format", "The phone is not a number of its country", phone=wanted.phone)
        if zone is not None:
            try:
                zone = _zone(zone)
            except RejectedError:
                raise Refusal(
                    400, "phone.gmtZone.bad.format", "The time zone is of none of the allowed forms",
                    phone=wanted.phone, gmtZone=zone,
                ) from None  # fmt: skip
        if phone == wanted.phone and zone is wanted.gmt_zone:
            return wanted
        return WantedCall(phone, wanted.payload, zone, wanted.policy)

    def _create(
        self, wanted: Sequence[WantedCall], now: float, key: str | None, *, test: bool = False
    ) -> list[ServedJob]:
        jobs = self._all.new_jobs(self.number, wanted, now, key, test=test)
        for job in jobs:
            self._index(job)
        self.dialler.add(jobs, now)
        for redial in range(1, self.settings.redials + 1):
            repeats = self._all.new_jobs(self.number, wanted, now, None, test=test, redial=redial)
            for job in repeats:
                self._index(job)
            self.dialler.add(repeats, now)
        return jobs

    def _index(self, job: ServedJob) -> None:
        if self.jobs and self.jobs[-1].created > job.created:  # the clock was set back
            insort(self.jobs, job, key=lambda job: job.created)
        else:
            self.jobs.append(job)
        held = self._by_phone.setdefault(job.phone, job)
        if isinstance(held, list):
            held.append(job)
        elif held is not job:
            self._by_phone[job.phone] = [held, job]


class ServedCampaigns:
    """All campaigns by token, their jobs by number, and the keys.

    :param tokens: the campaigns' names by token; without a name they are numbered
    """

    def __init__(self, tokens: Mapping[str, str], settings: Settings, now: float) -> None:
        self.settings = settings
        self.keys = Keys()
        self._jobs: list[ServedJob] = []
        self._by_token = {
            token: ServedCampaign(self, token, number, now, name)
            for number, (token, name) in enumerate(tokens.items(), 1)
        }

    def __iter__(self) -> Iterator[ServedCampaign]:
        return iter(self._by_token.values())

    def __len__(self) -> int:
        return len(self._by_token)

    def of(self, token: str) -> ServedCampaign:
        """Return the campaign with this token.

        :raises Refusal: if there is none
        """
        try:
            return self._by_token[token]
        except KeyError:
            raise Refusal(404, "invalid.token", "No campaign has this token") from None

    def rename(self, campaign: ServedCampaign, token: str) -> None:
        """Have a campaign be reached by another token from now on, and by its old one no more.

        :raises ValueError: if another campaign has it
        """
        if self._by_token.get(token, campaign) is not campaign:
            raise ValueError("another campaign has that token: each has one of its own")
        campaign.token = token
        self._by_token = {one.token: one for one in self}

    def change(self, settings: Settings) -> None:
        """Behave otherwise from now on."""
        self.settings = settings
        for campaign in self:
            campaign.dialler.settings = settings

    def job(self, text: str) -> ServedJob | None:
        """Return the job with an id, if there is one."""
        index = int(text) - FIRST_ID if text.isascii() and text.isdigit() and len(text) < 20 else -1
        return self._jobs[index] if 0 <= index < len(self._jobs) and str(index + FIRST_ID) == text else None

    def by_number(self, number: int) -> ServedJob:
        """Return the job with a number."""
        return self._jobs[number - FIRST_ID]

    def all_jobs(self) -> Sequence[ServedJob]:
        """All jobs of all campaigns, in the order of their ids."""
        return self._jobs

    def new_jobs(
        self,
        campaign: int,
        wanted: Sequence[WantedCall],
        now: float,
        key: str | None,
        *,
        test: bool,
        redial: int | None = None,
    ) -> list[ServedJob]:
        """Make jobs, with the next ids."""
        jobs = [
            ServedJob(number, campaign, one.phone, now, one.payload, one.gmt_zone, key, one.policy, test, redial=redial)
            for number, one in enumerate(wanted, FIRST_ID + len(self._jobs))
        ]
        self._jobs.extend(jobs)
        return jobs

    def restore(self, jobs: Sequence[ServedJob], uses: Sequence[KeyUse], reached: Sequence[float]) -> None:
        """Take saved jobs and keys in.

        :param reached: up to when each campaign's life had been worked out
        :raises ValueError: if they can't belong together
        """
        self._jobs = list(jobs)
        numbers = range(FIRST_ID, FIRST_ID + len(self._jobs))
        if any(job.number != number for number, job in zip(numbers, self._jobs, strict=True)):
            raise ValueError("the jobs' numbers have gaps")
        if any(job.campaign not in range(1, len(self) + 1) for job in self._jobs):
            raise ValueError("a job belongs to no campaign")
        if any(number not in numbers for use in uses for number in use.jobs):
            raise ValueError("a key belongs to no job")
        for job in self._jobs:
            if job.payload is not None:
                msgspec.json.decode(job.payload, type=dict[str, Any])
        for campaign, moment in zip(self, reached, strict=True):
            campaign.restore((job for job in self._jobs if job.campaign == campaign.number), moment)
        for use in uses:
            self.keys.note(use)


def _duplicated(phone: str, message: str, phones: Sequence[str] | None = None) -> Refusal:
    return Refusal(400, "phone.duplicated", message, phone=phone, phonesDuplicates=list(phones or [phone]))


class _Repeated(Refusal):
    """A refusal of before."""

    def __init__(self, status: int, body: Mapping[str, object]) -> None:
        super().__init__(status, "", "")
        self.body = dict(body)


@lru_cache(4096)
def _zone(text: str) -> str | None:
    # The vendor's own example writes +03:30 into the query as it is, where a form decoder reads a space.
    zone = _SPACE_FOR_PLUS.sub(r"\1+", text, count=1)
    canonical = canonical_gmt_zone(zone)
    if canonical not in (None, zone) and not _OFFSET.fullmatch(zone.strip()):
        raise RejectedError("none of the contract's forms")
    return canonical
