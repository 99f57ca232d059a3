"""The two kinds of report, jobs and attempts, as values: how each is asked for, and by what its rows are told apart.

How they are read whole stands in ``report_reader``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from aimylogic_provider.calls_api import report_endpoints
from aimylogic_provider.calls_api.client import Answer
from aimylogic_provider.calls_api.errors import UnreadableError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.json_values import read_count, read_id, read_time
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.time_ranges import TimeRange

__all__ = ["ATTEMPTS", "JOBS", "Ask", "ReportKind"]

T = TypeVar("T")
Row = TypeVar("Row", bound=CallJob | CallAttempt)

_NUMBERS = 10**6
"""Attempts of a job are numbered below that; one that isn't is told apart by its time."""
_MOMENTS = 10**15


class Ask(Protocol):
    """What asks a campaign: as :meth:`.CampaignClient.ask`, or so that failures that pass by themselves are repeated.

    May be called by several threads at once.
    """

    def __call__(self, request: Request[T], /) -> Answer[T]:
        """Send *request* and return what it was answered; raise ApiError if it did not end in a result."""


class _JobId(msgspec.Struct, frozen=True, gc=False):
    id: str | int = msgspec.field(name="callJobId")


class _AttemptId(msgspec.Struct, frozen=True, gc=False):
    id: str | int = msgspec.field(name="callJobId")
    number: int | str | None = msgspec.field(name="attemptNumber", default=None)
    started: Any = msgspec.field(name="startedAt", default=None)


class _JobIds(msgspec.Struct, frozen=True, gc=False):
    items: list[_JobId]


class _AttemptIds(msgspec.Struct, frozen=True, gc=False):
    items: list[_AttemptId]


@dataclass(frozen=True, slots=True)
class ReportKind(Generic[Row]):
    """A kind of report.

    :param name: its rows, as messages name them: ``jobs``, ``attempts``
    :param verb: what happened to each at its time, as messages name it
    :param page: the request for a page of the rows that began within a time range, and ended within another; in all
        time, where one isn't given
    :param by_id: the request for the rows of some jobs
    :param time: when a row began: a job's ``createdAt``, an attempt's ``startedAt``
    :param job: the id of a row's job
    :param identity: a whole number, the same for the same row alone
    :param identities: of all rows of a page, which are not read for that; raises UnreadableError
    :param unfinished: the request for a page of the open ones, where there is one
    """

    name: str
    verb: str
    page: Callable[[TimeRange | None, TimeRange | None, int, int], Request[tuple[Row, ...]]]
    by_id: Callable[[Sequence[str]], Request[tuple[Row, ...]]]
    time: Callable[[Row], datetime | None]
    job: Callable[[Row], str]
    identity: Callable[[Row], int]
    identities: Callable[[bytes], list[int]]
    unfinished: Callable[[int, int], Request[tuple[Row, ...]]] | None = None


def _page_of_jobs(
    created: TimeRange | None, finished: TimeRange | None, page: int, size: int
) -> Request[tuple[CallJob, ...]]:
    return report_endpoints.call_job_report_by_date(
        created_from=created.start if created else None,
        created_to=created.end if created else None,
        finished_from=finished.start if finished else None,
        finished_to=finished.end if finished else None,
        page=page,
        page_size=size,
    )


def _page_of_attempts(
    started: TimeRange | None, finished: TimeRange | None, page: int, size: int
) -> Request[tuple[CallAttempt, ...]]:
    return report_endpoints.call_attempt_report_by_date(
        started_from=started.start if started else None,
        started_to=started.end if started else None,
        finished_from=finished.start if finished else None,
        finished_to=finished.end if finished else None,
        page=page,
        page_size=size,
    )


def _job_number(id: str) -> int:
    return int("1" + id)  # so that zeros at the beginning count


def _is_told(number: int | None) -> bool:
    return number is not None and 0 <= number < _NUMBERS


def _attempt_number(id: str, number: int | None, started: datetime | None) -> int:
    if number is not None and _is_told(number):
        return (_job_number(id) * _NUMBERS + number) * 2
    moment = 0 if started is None else int(started.timestamp() * 1000) % _MOMENTS + 1
    return (_job_number(id) * 2 * _MOMENTS + moment) * 2 + 1


def _identities_of_jobs(body: bytes) -> list[int]:
    return [_job_number(read_id(row.id)) for row in _decoded(body, _JobIds).items]


def _identities_of_attempts(body: bytes) -> list[int]:
    identities = []
    for row in _decoded(body, _AttemptIds).items:
        number = read_count(row.number)
        started = None if _is_told(number) else read_time(row.started)
        identities.append(_attempt_number(read_id(row.id), number, started))
    return identities


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        content: T = _DECODERS[kind].decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableError("the report's rows have no ids") from None
    return content


_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in (_JobIds, _AttemptIds)}

JOBS: ReportKind[CallJob] = ReportKind(
    name="jobs",
    verb="created",
    page=_page_of_jobs,
    by_id=lambda ids: report_endpoints.call_job_report(ids=ids),
    time=lambda job: job.created_at,
    job=lambda job: job.id,
    identity=lambda job: _job_number(job.id),
    identities=_identities_of_jobs,
    unfinished=lambda page, size: report_endpoints.unfinished_call_jobs(page=page, page_size=size),
)
"""Call jobs, by the time of their creation."""

ATTEMPTS: ReportKind[CallAttempt] = ReportKind(
    name="attempts",
    verb="started",
    page=_page_of_attempts,
    by_id=lambda ids: report_endpoints.call_attempt_report(ids=ids),
    time=lambda attempt: attempt.started_at,
    job=lambda attempt: attempt.call_job_id,
    identity=lambda attempt: _attempt_number(attempt.call_job_id, attempt.attempt_number, attempt.started_at),
    identities=_identities_of_attempts,
)
"""Attempts at calls, by the time of their beginning."""
