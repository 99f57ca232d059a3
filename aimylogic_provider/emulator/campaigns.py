"""What the server remembers: campaigns, their jobs and their idempotence keys. No HTTP, no faults; time is given."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.gmt_zone import canonical_gmt_zone
from aimylogic_provider.calls_api.phone import canonical_phone

__all__ = ["KEY_LIFE", "STATUSES", "Campaign", "Campaigns", "Job", "Refusal"]

KEY_LIFE = 24 * 3600.0
"""Seconds from its first use, after which a key expires; and for which a number without a key has no duplicate."""

STATUSES = ("new", "planned", "inProgress", "finished", "paused", "deleted")
_STOPPED = ("finished", "deleted")


class Refusal(Exception):
    """An error of the contract.

    :param body: what the server answers
    """

    def __init__(self, status: int, type: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"type": type, "message": message, **more}


@dataclass(slots=True)
class Job:
    """A call job. Times are Unix seconds."""

    id: str
    phone: str
    payload: Mapping[str, object]
    gmt_zone: str | None
    created: float
    test: bool = False
    key: str | None = None

    def as_report(self) -> dict[str, object]:
        """Return it as callJob/getReport shows it: no payload and no key; times in milliseconds."""
        return {
            "callJobId": self.id,
            "phone": self.phone,
            "createdAt": round(self.created * 1000),
            "finishedAt": None,
            "jobStatus": "planned",
            "attemptsCount": 0,
            "callDuration": None,
            "redialNumber": None,
            "tagName": None,
            "tagPayload": None,
            "reportData": None,
        }


@dataclass(slots=True)
class Campaign:
    """One campaign.

    :param number: 1 and up, by which the emulator's own paths name it
    :param ids: the call job ids to come, which no two campaigns share
    :param report_lag: seconds until a new job shows in reports
    """

    token: str
    number: int
    ids: Iterator[int]
    name: str = "Emulated campaign"
    status: str = "inProgress"
    report_lag: float = 0.0
    created: float = 0.0
    jobs: list[Job] = field(default_factory=list)
    _by_id: dict[str, Job] = field(default_factory=dict)
    _by_phone: dict[str, list[Job]] = field(default_factory=dict)
    _keys: dict[str, tuple[Job, float]] = field(default_factory=dict)
    _keyless: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)

    def add_phone(
        self, now: float, phone: str, payload: Mapping[str, str], gmt_zone: str | None, key: str | None
    ) -> Job:
        """Add a number, by the contract's table of duplicates and keys.

        The order of the checks is our choice, for no source states it: campaign, key, number, duplicate. It is the
        harder case for a client: a stopped campaign refuses the repeat of a request that did create a job.
        """
        self._must_run()
        if key is not None and (known := self._keys.get(key)) is not None and now - known[1] < KEY_LIFE:
            return known[0]
        phone, gmt_zone = _checked(phone, gmt_zone)
        identity = (phone, tuple(sorted(payload.items())))
        if key is None:
            first = self._keyless.get(identity)
            if first is not None and now - first < KEY_LIFE:
                raise Refusal(
                    400, "phone.duplicated", "The phone was added within the last 24 hours",
                    phone=phone, phonesDuplicates=[phone],
                )  # fmt: skip
        job = self._created(Job(self._next_id(), phone, dict(payload), gmt_zone, now, key=key))
        if key is None:
            self._keyless[identity] = now
        else:
            self._keys[key] = (job, now)
        return job

    def add_test_phone(self, now: float, phone: str, payload: Mapping[str, str], gmt_zone: str | None) -> Job:
        """Add a number for testing: no duplicate restriction, and keys are not looked at."""
        self._must_run()
        phone, gmt_zone = _checked(phone, gmt_zone)
        return self._created(Job(self._next_id(), phone, dict(payload), gmt_zone, now, test=True))

    def report(self, now: float, phones: Iterable[str], ids: Iterable[str]) -> list[Job]:
        """Return the jobs of some phones or with some ids, each once, in the order of their creation."""
        found: dict[str, Job] = {}
        for phone in phones:
            jobs = [job for job in self._by_phone.get(_plain(phone), ()) if self._shows(job, now)]
            if not jobs:
                raise Refusal(400, "phone.not.found", "The campaign has no such phone", phone=phone)
            found.update((job.id, job) for job in jobs)
        for number in ids:
            job = self._by_id.get(number)
            if job is None or not self._shows(job, now):
                raise Refusal(400, "id.not.found", "The campaign has no such call job", id=number)
            found[number] = job
        return sorted(found.values(), key=lambda job: job.created)

    def report_by_date(self, now: float, start: float | None, end: float | None) -> list[Job]:
        """Return the jobs created in a time range, both ends included."""
        return [
            job
            for job in self.jobs
            if self._shows(job, now) and (start is None or job.created >= start) and (end is None or job.created <= end)
        ]

    def as_answer(self) -> dict[str, object]:
        """Return the campaign as the server shows it."""
        return {
            "id": self.number,
            "name": self.name,
            "projectName": "Emulator",
            "creationDate": round(self.created * 1000),
            "botId": "emulator",
            "status": self.status,
            "startTime": round(self.created * 1000),
            "endTime": None,
            "maxSimultaneousCalls": 1,
            "shortReport": {
                "totalNumbers": len(self.jobs),
                "processedNumbers": 0,
                "usedTalkingTime": 0,
                "usedAsrSeconds": 0,
                "inProcessCalls": 0,
                "retryCalls": 0,
            },
        }

    def _must_run(self) -> None:
        if self.status in _STOPPED:
            raise Refusal(400, "invalid.call.task.state", "The campaign is stopped", state="FINISHED")

    def _next_id(self) -> str:
        return str(next(self.ids))

    def _created(self, job: Job) -> Job:
        self.jobs.append(job)
        self._by_id[job.id] = job
        self._by_phone.setdefault(job.phone, []).append(job)
        return job

    def _shows(self, job: Job, now: float) -> bool:
        return now >= job.created + self.report_lag


class Campaigns:
    """All campaigns, by token."""

    def __init__(self, tokens: Iterable[str], now: float) -> None:
        self._tokens = tuple(tokens)
        self.reset(now)

    def reset(self, now: float) -> None:
        """Begin anew: the same tokens, nothing else."""
        ids = itertools.count(5665334669)
        self._by_token = {
            token: Campaign(token, number, ids, name=f"Emulated campaign {number}", created=now)
            for number, token in enumerate(self._tokens, 1)
        }

    def __iter__(self) -> Iterator[Campaign]:
        return iter(self._by_token.values())

    def of(self, token: str) -> Campaign:
        """Return the campaign with this token.

        :raises Refusal: if there is none
        """
        try:
            return self._by_token[token]
        except KeyError:
            raise Refusal(404, "invalid.token", "No campaign has this token") from None


def _checked(phone: str, gmt_zone: str | None) -> tuple[str, str | None]:
    try:
        plain = canonical_phone(_with_plus(phone))
    except RejectedError:
        raise Refusal(400, "phone.bad.format", "The phone is not a number of its country", phone=phone) from None
    # The vendor's own example writes +03:30 into the query as it is, where a form decoder reads a space.
    if gmt_zone is not None and gmt_zone[:1] == " ":
        gmt_zone = "+" + gmt_zone[1:]
    try:
        return plain, canonical_gmt_zone(gmt_zone)
    except RejectedError:
        raise Refusal(
            400, "phone.gmtZone.bad.format", "The time zone is of none of the allowed forms",
            phone=phone, gmtZone=gmt_zone,
        ) from None  # fmt: skip


def _plain(phone: str) -> str:
    try:
        return canonical_phone(_with_plus(phone))
    except RejectedError:
        return phone


def _with_plus(phone: str) -> str:
    """The server's numbers bear a country code, with or without a plus."""
    return phone if phone.startswith("+") else f"+{phone}"
