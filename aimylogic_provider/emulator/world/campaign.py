"""One campaign: its jobs, and the rules by which it adds, cancels and controls. No HTTP; time is given.

How a number is checked stands in ``calls_to_add``, who is rung when in ``dialler``.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Literal

from msgspec.structs import replace

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
from aimylogic_provider.emulator.world.calls_to_add import WantedCall, checked_call, checked_calls, duplicated
from aimylogic_provider.emulator.world.dialling.dialler import Dialler
from aimylogic_provider.emulator.world.job_register import Common
from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.keys import KEY_LIFE, KeyUse
from aimylogic_provider.emulator.world.phones import canonical_if_phone
from aimylogic_provider.emulator.world.refusal import Refusal
from aimylogic_provider.emulator.world.settings import Settings

__all__ = ["CampaignStatus", "ControlRefusal", "ServedCampaign"]

CampaignStatus = Literal["new", "planned", "inProgress", "finished", "paused", "deleted"]

_STOPPED = ("finished", "deleted")
_SHIFTS = (-3, -2, -1, 1, 2, 3)
"""By how many rows a page is off: below 0 as though so many had been added before it, above as though removed."""
_CONTROL: dict[str, tuple[Endpoint, CampaignStatus]] = {
    "pause": (PAUSE_CAMPAIGN, "paused"),
    "resume": (RESUME_CAMPAIGN, "inProgress"),
    "stop": (STOP_CAMPAIGN, "finished"),
}


class ControlRefusal(Refusal):
    """Control's errors have a form of their own."""

    def __init__(self, what: str, status: str) -> None:
        super().__init__(400, "", f"The campaign can't be made to {what}, for it is {status}")
        self.body = {"error": "emulator.bad.state", "message": str(self), "args": {"status": status}}


class ServedCampaign:
    """One campaign.

    :param number: 1 and up, by which the emulator's own paths name it
    """

    def __init__(self, common: Common, token: str, number: int, created: float, name: str) -> None:
        self._common = common
        self.token = token
        self.number = number
        self.created = created
        self.name = name or f"Emulated campaign {number}"
        self.status: CampaignStatus = "inProgress"
        self.ended: float | None = None
        self.dialler = Dialler(common.settings, lines=10, dials=True, register=common.jobs, to_ask=common.to_ask)
        self.jobs: list[ServedJob] = []
        """By the time of their creation."""
        self.keyless: dict[tuple[str, str | None], float] = {}
        """When each phone and payload was last added without a key."""
        self._by_phone: dict[str, ServedJob | list[ServedJob]] = {}
        self._pages = 0

    @property
    def settings(self) -> Settings:
        """How the server behaves."""
        return self._common.settings

    def add_phone(self, now: float, wanted: WantedCall, key: str | None) -> ServedJob:
        """Add a number, by the contract's table of duplicates and keys."""

        def add() -> list[ServedJob]:
            self._check_running()
            checked = checked_call(wanted, self.settings)
            if key is None:
                identity = (checked.phone, checked.payload)
                first = self.keyless.get(identity)
                if first is not None and now - first < KEY_LIFE:
                    raise duplicated(checked.phone, "The phone was added within the last 24 hours")
                self.keyless[identity] = now
            return self._create([checked], now, key)

        parameters = f"{wanted.phone} {wanted.gmt_zone} {wanted.payload}"
        return self._once_per_key(now, ADD_PHONE, key, parameters, add)[0]

    def add_test_phone(self, now: float, wanted: WantedCall, key: str | None) -> ServedJob:
        """Add a number for testing: no duplicate restriction."""

        def add() -> list[ServedJob]:
            self._check_running()
            return self._create([checked_call(wanted, self.settings)], now, key, test=True)

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
            checked = checked_calls(read(), self.settings)
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
            job = self._common.jobs.find(text)
            if job is None or job.campaign != self.number or job.created > shown:
                raise Refusal(400, "id.not.found", "The campaign has no such call job")
            found[job.number] = job
        return sorted(found.values(), key=lambda job: (job.created, job.number))

    def of_phone(self, phone: str) -> Sequence[ServedJob]:
        """All jobs of a phone (canonical), whether reports show them yet or not."""
        held = self._by_phone.get(phone, ())
        return (held,) if isinstance(held, ServedJob) else held

    def rows_before(self, start: int) -> int:
        """Return how many rows a page of a report is served after that is to be served after *start*.

        Nothing lies before the first page, so that nothing shifts it.
        """
        settings = self.settings
        if not settings.page_shifts or not start:
            return start
        self._pages += 1
        text = f"{settings.seed}/{self.number}/page/{self._pages}"
        drawn = int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
        if (drawn >> 32) >= settings.page_shifts * 2**32:
            return start
        return max(0, start + _SHIFTS[drawn % len(_SHIFTS)])

    def restore(self, jobs: Iterable[ServedJob], reached: float) -> None:
        """Take saved jobs in, whose calls had been worked out up to a moment."""
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
        settings, keys = self.settings, self._common.keys
        digest = blake2b(parameters.encode(), digest_size=8).hexdigest()
        use = KeyUse(self.number, endpoint.name, key, digest, now)
        first = keys.find_alive(settings, use)
        if first is not None:
            if first.refused is not None:
                raise _Repeated(*first.refused)
            if settings.campaign_before_key and endpoint.commits is Commits.NEW_JOBS:
                self._check_running()
            return [self._common.jobs.by_number(number) for number in first.jobs]
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

    def _create(
        self, wanted: Sequence[WantedCall], now: float, key: str | None, *, test: bool = False
    ) -> list[ServedJob]:
        jobs = self._common.jobs.make(self.number, wanted, now, key, test=test)
        for job in jobs:
            self._index(job)
        self.dialler.add(jobs, now)
        for redial in range(1, self.settings.redials + 1):
            repeats = self._common.jobs.make(self.number, wanted, now, None, test=test, redial=redial)
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


class _Repeated(Refusal):
    """A refusal of before."""

    def __init__(self, status: int, body: Mapping[str, object]) -> None:
        super().__init__(status, "", "")
        self.body = dict(body)
