"""Reports of jobs that are named by their ids, in requests of 200; and which of them the report doesn't know.

It refuses a request in which it knows one id not. The ids are then asked for in halves, until that one stands alone;
with so many requests more, and what isn't told by then is left. So are most, where none is known at all, as when a
report shows nothing for a while: that costs few requests. An answer that is larger than any is read is halved, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Generic, TypeVar

from aimylogic_provider.calls_api.client import Answer
from aimylogic_provider.calls_api.errors import ApiError, RejectedError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST, checked_id
from aimylogic_provider.campaign_report.readable_rows import ReadableRows, SetAside, readable_rows
from aimylogic_provider.campaign_report.report_kinds import ATTEMPTS, JOBS, Ask, ReportKind

__all__ = ["MORE_REQUESTS", "FoundOrNot", "attempts_by_id", "jobs_by_id"]

Row = TypeVar("Row", bound=CallJob | CallAttempt)

MORE_REQUESTS = 400
"""Requests beyond those that the ids take, to find the ones that the report doesn't know: 15 for one of them, or so."""
_NONE_KNOWN = 24
"""Requests that were refused, after which it seems that no id is known, if none was found since."""


@dataclass(frozen=True, slots=True)
class FoundOrNot(Generic[Row]):
    """What one request told, or several that looked for unknown ids.

    :param found: the rows
    :param unknown: ids that the report doesn't know: of a job that is too new to show, or that it shows no more
    :param left: ids of which nothing is known, for too many of those before were unknown
    :param aside: rows that can't be read, or that are too large to be
    :param date: the server's time as it told the rows, in Unix seconds, or None if it didn't say
    """

    found: tuple[Row, ...] = ()
    unknown: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    aside: tuple[SetAside, ...] = ()
    date: float | None = None


def jobs_by_id(ask: Ask, ids: Iterable[str], *, more_requests: int = MORE_REQUESTS) -> Iterator[FoundOrNot[CallJob]]:
    """Read the jobs with some ids, request by request.

    :param ids: decimal strings; as many as there are, read as they are needed
    :param more_requests: beyond those that the ids take, to find the ones that the report doesn't know
    :raises RejectedError: for an id that is none
    :raises ApiError: if a request was not answered
    """
    return _ById(JOBS, ask, more_requests).told(ids)


def attempts_by_id(
    ask: Ask, ids: Iterable[str], *, more_requests: int = MORE_REQUESTS
) -> Iterator[FoundOrNot[CallAttempt]]:
    """Read the attempts of the jobs with some ids. A job that wasn't rung has none, and is known all the same.

    Parameters and errors as of :func:`jobs_by_id`.
    """
    return _ById(ATTEMPTS, ask, more_requests).told(ids)


class _ById(Generic[Row]):
    def __init__(self, kind: ReportKind[Row], ask: Ask, more_requests: int) -> None:
        self._kind = kind
        self._ask = ask
        self._left = more_requests
        self._at_once = IDS_PER_REQUEST
        """Ids of a request; fewer, once an answer was too large."""
        self._refused = 0
        """Requests since any id was found."""

    def told(self, ids: Iterable[str]) -> Iterator[FoundOrNot[Row]]:
        if isinstance(ids, (str, bytes)):
            raise RejectedError(f"ids is a single {type(ids).__name__}: give a list, even of one")
        left = iter(ids)
        while some := tuple(dict.fromkeys(checked_id("ids", id) for id in islice(left, IDS_PER_REQUEST))):
            for start in range(0, len(some), at_once := self._at_once):
                yield from self._told_of(some[start : start + at_once])

    def _told_of(self, some: tuple[str, ...]) -> Iterator[FoundOrNot[Row]]:
        """What is told of some ids, by one request, or by halves."""
        groups, is_first = [some], True
        while groups:
            if not is_first and (self._left <= 0 or self._refused >= _NONE_KNOWN):
                yield FoundOrNot(left=tuple(id for group in reversed(groups) for id in group))
                return
            group = groups.pop()
            try:
                answer = self._asked(group)
            except ApiError as error:
                if not error.is_unknown_id and not error.is_too_large:
                    raise
                if error.is_unknown_id:
                    self._refused += 1
                    self._left -= not is_first
                if len(group) == 1:
                    yield self._told_of_one(group[0], error)
                else:
                    middle = len(group) // 2
                    groups += [group[middle:], group[:middle]]
                    if error.is_too_large:
                        self._at_once = min(self._at_once, middle)
            else:
                self._refused = 0
                self._left -= not is_first
                yield self._found(group, answer)
            is_first = False

    def _asked(self, ids: tuple[str, ...]) -> Answer[ReadableRows[Row]]:
        request = self._kind.by_id(ids)

        def parse(body: bytes) -> ReadableRows[Row]:
            return readable_rows(self._kind, body, request.parse)

        by_row: Request[Any] = replace(request, parse=parse)  # type: ignore[arg-type]
        return self._ask(by_row)

    def _told_of_one(self, id: str, error: ApiError) -> FoundOrNot[Row]:
        if error.is_too_large:
            return FoundOrNot(aside=(SetAside(id, 0),), date=error.date)
        return FoundOrNot(unknown=(id,), date=error.date)

    def _found(self, ids: tuple[str, ...], answer: Answer[ReadableRows[Row]]) -> FoundOrNot[Row]:
        """What an answer told of some ids. What it tells of others is nobody's."""
        kind, wanted = self._kind, set(ids)
        found = tuple(row for row in answer.value.rows if kind.job(row) in wanted)
        aside = tuple(one for one in answer.value.aside if one.id is None or one.id in wanted)
        unknown: tuple[str, ...] = ()
        if kind.name != ATTEMPTS.name and None not in {one.id for one in aside}:
            unread = {one.id for one in aside}
            unknown = tuple(wanted.difference(map(kind.job, found)).difference(id for id in unread if id is not None))
        return FoundOrNot(found, unknown, aside=aside, date=answer.date)
