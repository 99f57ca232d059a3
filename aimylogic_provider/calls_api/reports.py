"""Jobs, attempts, campaigns and statuses as the server reports them: values, and the parsers that read them.

Fields that no source names are kept in ``more``. Which phone a report means stands in ``phones.report_phones``.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from aimylogic_provider.calls_api.errors import UnreadableError
from aimylogic_provider.calls_api.json_values import read_count, read_id, read_json, read_time
from aimylogic_provider.calls_api.phones.phone import as_text, mask_phone
from aimylogic_provider.calls_api.statuses import STATUS_WORD, is_cancelled, shown_status

__all__ = [
    "CallAttempt",
    "CallJob",
    "Campaign",
    "parse_call_attempts",
    "parse_call_jobs",
    "parse_campaign",
    "parse_status",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CallJob:
    """A call job as a report shows it (Calls API, callJob/getReport).

    :param phone: as the server writes it, which may be otherwise than it was sent; empty if it writes none
    :param call_duration: seconds
    :param redial_number: which repeat of a call it is, that the campaign's script made; None of a job that was added
    :param more: further fields, as sent: ``reportData``, ``tagName`` …
    """

    id: str
    phone: str = field(repr=False)
    created_at: datetime | None = None
    finished_at: datetime | None = None
    status: str | None = None
    attempts_count: int | None = None
    call_duration: int | None = None
    more: Mapping[str, object] = field(default_factory=dict, repr=False)
    redial_number: int | None = None

    @property
    def finished(self) -> bool:
        """Whether the job is over: it has a ``finishedAt``."""
        return self.finished_at is not None

    @property
    def is_open(self) -> bool:
        """Whether the job may ring still: it is neither over nor cancelled."""
        return not (self.finished or is_cancelled(self.status))

    def __str__(self) -> str:
        created = f"{self.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if self.created_at else "an unknown time"
        status = shown_status(self.status) or "status unknown"
        over = f", finished {_after(self.created_at, self.finished_at)}" if self.finished_at else ""
        attempts = f", attempts: {self.attempts_count}" if self.attempts_count else ""
        return f"job {self.id} ({status}, created at {created}{over}{attempts}, {mask_phone(self.phone)})"


def _after(created: datetime | None, finished: datetime) -> str:
    """When a job was finished: the time alone, if it was on the day on which it was created."""
    finished = finished.astimezone(UTC)
    if created is not None and created.astimezone(UTC).date() == finished.date():
        return f"{finished:%H:%M:%S}"
    return f"{finished:%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True, slots=True)
class CallAttempt:
    """One attempt at a call, as a report shows it (Calls API, callAttempt/getReport).

    :param phone: as the server writes it, empty if it writes none
    :param attempt_number: which of the job's attempts
    :param result: how it ended
    :param call_duration: seconds
    :param job_status: the status of its job
    :param more: further fields, as sent: ``reportData``, ``tagName``, ``redialNumber`` …
    """

    call_job_id: str
    phone: str = field(repr=False)
    attempt_number: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: str | None = None
    call_duration: int | None = None
    job_status: str | None = None
    more: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign (Calls API, campaign)."""

    id: str | None
    name: str
    status: str
    total_numbers: int | None = None
    processed_numbers: int | None = None
    more: Mapping[str, object] = field(default_factory=dict, repr=False)


_JOB_FIELDS = {
    "callJobId", "phone", "createdAt", "finishedAt", "jobStatus", "attemptsCount", "callDuration", "redialNumber",
}  # fmt: skip
_ATTEMPT_FIELDS = {
    "callJobId", "phone", "attemptNumber", "startedAt", "finishedAt", "callResult", "callDuration", "jobStatus",
}  # fmt: skip


def parse_call_jobs(body: bytes) -> tuple[CallJob, ...]:
    """Read a report: a list of jobs, or a page that holds one as ``items``.

    A job without a phone is read all the same: it may be anybody's.

    :raises UnreadableError: if any job can't be read; a report is read whole or not at all
    """
    return _rows(body, _job)


def parse_call_attempts(body: bytes) -> tuple[CallAttempt, ...]:
    """Read a report of attempts: a list, or a page that holds one as ``items``.

    :raises UnreadableError: if any attempt can't be read; a report is read whole or not at all
    """
    return _rows(body, _attempt)


def _rows(body: bytes, read: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
    content = read_json(body)
    if isinstance(content, dict):
        content = content.get("items")
    if not isinstance(content, list):
        raise UnreadableError("the report is not a list")
    if not all(isinstance(item, dict) for item in content):
        raise UnreadableError("the report holds an entry that isn't an object")
    return tuple(read(item) for item in content)


def _job(item: dict[str, Any]) -> CallJob:
    return CallJob(
        id=read_id(item.get("callJobId")),
        phone=_phone(item.get("phone")),
        created_at=read_time(item.get("createdAt")),
        finished_at=read_time(item.get("finishedAt")),
        status=_text(item.get("jobStatus")),
        attempts_count=_count(item.get("attemptsCount")),
        call_duration=_count(item.get("callDuration")),
        more=_more(item, _JOB_FIELDS),
        redial_number=read_count(item.get("redialNumber")),  # 0, too: a job that was added bears none
    )


def _attempt(item: dict[str, Any]) -> CallAttempt:
    return CallAttempt(
        call_job_id=read_id(item.get("callJobId")),
        phone=_phone(item.get("phone")),
        attempt_number=read_count(item.get("attemptNumber")),
        started_at=read_time(item.get("startedAt")),
        finished_at=read_time(item.get("finishedAt")),
        result=_text(item.get("callResult")),
        call_duration=_count(item.get("callDuration")),
        job_status=_text(item.get("jobStatus")),
        more=_more(item, _ATTEMPT_FIELDS),
    )


def parse_campaign(body: bytes) -> Campaign:
    """Read a campaign.

    :raises UnreadableError: if it has no name and status
    """
    content = read_json(body)
    if not isinstance(content, dict):
        raise UnreadableError("the body isn't a campaign")
    name, status, report = _text(content.get("name")), _text(content.get("status")), content.get("shortReport")
    if name is None or status is None:
        raise UnreadableError("the campaign has no name or no status")
    numbers = report if isinstance(report, dict) else {}
    number = content.get("id")
    return Campaign(
        id=None if number is None else str(number),
        name=name,
        status=status,
        total_numbers=_count(numbers.get("totalNumbers")),
        processed_numbers=_count(numbers.get("processedNumbers")),
        more=_more(content, {"id", "name", "status"}),
    )


def parse_status(body: bytes) -> str:
    """Read a campaign's status: a JSON string, or a bare word. Which one is for nobody to judge: the list may grow.

    :raises UnreadableError: if it is neither, as a page of something between
    """
    text = body.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").strip()
    if text.startswith('"'):
        content = read_json(text.encode())
        text = content if isinstance(content, str) else ""
        readable = 0 < len(text) <= 40 and text.isprintable() and text == text.strip()
    else:
        readable = STATUS_WORD.fullmatch(text) is not None
    if not readable:
        raise UnreadableError("the body isn't a campaign status, which is one word, or a JSON string")
    return text


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _phone(value: object) -> str:
    """A phone as it is written, also as a number; empty for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return as_text(value)
    return value if isinstance(value, str) else ""


def _more(item: dict[str, Any], fields: Set[str]) -> dict[str, object]:
    return {name: value for name, value in item.items() if name not in fields}
