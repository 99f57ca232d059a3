"""Reports of jobs that are named by their ids, in requests of 200; and which of them the report doesn't know.

It refuses a request in which it knows one id not. The ids are then asked for in halves, until that one stands alone;
with so many requests more, and what isn't told by then is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from aimylogic_provider.calls_api.errors import ApiError, RejectedError
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST, checked_id
from aimylogic_provider.campaign_report.report_kinds import ATTEMPTS, JOBS, Ask, ReportKind

__all__ = ["MORE_REQUESTS", "FoundOrNot", "attempts_by_id", "jobs_by_id"]

Row = TypeVar("Row", bound=CallJob | CallAttempt)

MORE_REQUESTS = 400
"""Requests beyond those that the ids take, to find the ones that the report doesn't know: 15 for one of them, or so."""


@dataclass(frozen=True, slots=True)
class FoundOrNot(Generic[Row]):
    """What one request told, or several that looked for unknown ids.

    :param found: the rows
    :param unknown: ids that the report doesn't know: of a job that is too new to show, or that it shows no more
    :param left: ids of which nothing is known, for too many of those before were unknown
    :param date: the server's time as it told the rows, in Unix seconds, or None if it didn't say
    """

    found: tuple[Row, ...] = ()
    unknown: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    date: float | None = None


def jobs_by_id(ask: Ask, ids: Iterable[str], *, more_requests: int = MORE_REQUESTS) -> Iterator[FoundOrNot[CallJob]]:
    """Read the jobs with some ids, request by request.

    :param ids: decimal strings; as many as there are, read as they are needed
    :param more_requests: beyond those that the ids take, to find the ones that the report doesn't know
    :raises RejectedError: for an id that is none
    :raises ApiError: if a request was not answered
    """
    return _by_id(JOBS, ask, ids, more_requests)


def attempts_by_id(
    ask: Ask, ids: Iterable[str], *, more_requests: int = MORE_REQUESTS
) -> Iterator[FoundOrNot[CallAttempt]]:
    """Read the attempts of the jobs with some ids. A job that wasn't rung has none, and is known all the same.

    Parameters and errors as of :func:`jobs_by_id`.
    """
    return _by_id(ATTEMPTS, ask, ids, more_requests)


def _by_id(kind: ReportKind[Row], ask: Ask, ids: Iterable[str], more_requests: int) -> Iterator[FoundOrNot[Row]]:
    if isinstance(ids, (str, bytes)):
        raise RejectedError(f"ids is a single {type(ids).__name__}: give a list, even of one")
    left = iter(ids)
    while some := tuple(dict.fromkeys(checked_id("ids", id) for id in islice(left, IDS_PER_REQUEST))):
        groups = [some]
        first = True
        while groups:
            if not first and more_requests <= 0:
                yield FoundOrNot(left=tuple(id for group in reversed(groups) for id in group))
                break
            more_requests -= not first
            first = False
            group = groups.pop()
            try:
                answer = ask(kind.by_id(group))
            except ApiError as error:
                if not error.is_unknown_id:
                    raise
                if len(group) == 1:
                    yield FoundOrNot(unknown=group, date=error.date)
                else:
                    middle = len(group) // 2
                    groups += [group[middle:], group[:middle]]
                continue
            yield _told(kind, group, answer.value, answer.date)


def _told(kind: ReportKind[Row], ids: tuple[str, ...], rows: Iterable[Row], date: float | None) -> FoundOrNot[Row]:
    """What an answer told of some ids. What it tells of others is nobody's."""
    wanted = set(ids)
    found = tuple(row for row in rows if kind.job(row) in wanted)
    if kind.name == ATTEMPTS.name:
        return FoundOrNot(found, date=date)
    return FoundOrNot(found, tuple(wanted.difference(map(kind.job, found))), date=date)
