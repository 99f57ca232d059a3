"""Reconciling: which of some phones have a job in the report, by the times within which it was created.

Pages hold 200 jobs, and 200 pages are shown of a time range, in an order that is not stated, and that shifts while jobs
are added. So a range with more is split, and every range is read until two readings agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phone import canonical_phone
from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.idempotence.not_added import NotAddedError

__all__ = ["CreatedJob", "jobs_created"]

_PAGE = 200
_PAGES = 200
_READINGS = 6
_SHORTEST = 1.0
"""Seconds. A range that isn't split any further."""


@dataclass(frozen=True, slots=True)
class CreatedJob:
    """A job of one of the phones.

    :param created: Unix seconds, or None if the report doesn't say
    """

    id: str
    created: float | None


def jobs_created(
    client: CampaignClient, ranges: Iterable[tuple[float, float]], phones: Collection[str]
) -> dict[str, list[CreatedJob]]:
    """Return the jobs of *phones* that were created within *ranges*, by phone; one that has none is left out.

    :param ranges: from and to, in Unix seconds
    :raises ApiError: if the report was not answered
    :raises NotAddedError: if it never read the same twice
    """
    found: dict[str, dict[str, CreatedJob]] = {}
    for start, end in _merged(ranges):
        for job in _stable(client, start, end):
            phone = _canonical(job.phone, phones)
            if phone is not None:
                created = job.created_at.timestamp() if job.created_at else None
                found.setdefault(phone, {})[job.id] = CreatedJob(job.id, created)
    return {phone: list(jobs.values()) for phone, jobs in found.items()}


def _canonical(written: str, phones: Collection[str]) -> str | None:
    """The one of *phones* that the server means."""
    if written in phones:
        return written
    try:
        phone = canonical_phone(written)
    except RejectedError:
        return None
    return phone if phone in phones else None


def _merged(ranges: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _stable(client: CampaignClient, start: float, end: float) -> list[CallJob]:
    """All jobs created in a range, read until two readings agree."""
    before: set[str] | None = None
    for _ in range(_READINGS):
        jobs = _reading(client, start, end)
        if jobs is None:  # more than can be shown
            if end - start <= _SHORTEST:
                raise NotAddedError(
                    "The campaign's report shows no more than 40,000 jobs of one second, and holds more: what was sent "
                    "then can't be looked for",
                    retryable=False,
                )
            middle = (start + end) / 2
            # By both limits; a job of that very moment is read twice, and counts once.
            return list({job.id: job for half in ((start, middle), (middle, end))
                         for job in _stable(client, *half)}.values())  # fmt: skip
        if before == jobs.keys():
            return list(jobs.values())
        before = set(jobs)
    raise NotAddedError(
        f"The campaign's report changed through {_READINGS} readings: jobs are being added all the time. The next try "
        "asks again",
        retryable=True,
    )


def _reading(client: CampaignClient, start: float, end: float) -> dict[str, CallJob] | None:
    """One reading of a range, by id; None if it holds more than can be shown."""
    jobs: dict[str, CallJob] = {}
    for page in range(_PAGES):
        rows = client.ask(
            endpoints.call_job_report_by_date(
                created_from=datetime.fromtimestamp(start, UTC),
                created_to=datetime.fromtimestamp(end, UTC),
                page=page,
                page_size=_PAGE,
            )
        ).value
        jobs.update((job.id, job) for job in rows)
        if len(rows) < _PAGE:
            return jobs
    return None
