"""The campaign's report of a time range, page by page; believed once the server has shown how it reads time limits.

Pages hold 200 jobs, or as many as the server likes, in an order that is not stated, and shift while jobs are added. So
each range is read to an empty page, until two readings agree; 200 pages are shown of a range, so one with more is
split. No source states how a server reads the limits: one that takes them for other times than they are may answer
with empty pages. So it is asked for the moments around a job that is known to be there, and before and after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from aimylogic_provider.call_list.report.shown_jobs import NotUnderstoodError
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.idempotence.errors import NotAddedError

__all__ = ["MoreRequestsError", "Range", "ReportByDate"]

Range = tuple[float, float]
"""From and to, in Unix seconds."""

_PAGE = 200
_PAGES = 200
_READINGS = 6
_SHORTEST = 1.0
"""Seconds. A range that isn't split any further."""
_ABOUT = 1.0
"""Seconds by which a job may lie outside the limits, for no source says whether they are of the range."""
_LOOKED_UP = 3
"""Jobs of ours, at most, that are looked up to have one that the report shows."""
_SPLIT = 6 * _PAGES
"""Requests, at least, that a range takes of which more is there than can be shown."""


class MoreRequestsError(Exception):
    """It would take more requests than were allowed."""


class ReportByDate:
    """Asks a campaign for the jobs that were created in some time.

    :param known_jobs: ids of jobs that are known to be in the campaign, if there are any
    """

    def __init__(self, client: CampaignClient, known_jobs: Callable[[], Iterable[str]]) -> None:
        self._client = client
        self._known_jobs = known_jobs
        self._size = _PAGE
        self._shown = False
        """Whether the server has shown that it understands the limits."""
        self._fault = ""

    def rows(self, ranges: Sequence[Range], *, most_pages: int | None = None) -> list[CallJob]:
        """Return all jobs created in some ranges, each once.

        :param most_pages: of a range
        :raises ApiError: if the report was not answered
        :raises NotUnderstoodError: if the server has not shown that it understands the limits
        :raises MoreRequestsError: if a range has more pages, or a second more jobs than can be shown
        :raises NotAddedError: if the report never read the same twice
        """
        if self._fault:
            raise NotUnderstoodError(self._fault)
        found: dict[str, CallJob] = {}
        for start, end in ranges:
            found.update(self._stable(start, end, most_pages))
        if not self._shown:
            self._have_shown(found.values())
        return list(found.values())

    def requests(self, ranges: Iterable[Range]) -> int:
        """How many requests it takes to read some ranges, about. A page tells no total, so that some are asked for.

        :raises ApiError: if the report was not answered
        :raises NotUnderstoodError: as :meth:`rows`
        """
        return sum(self._requests(*one) for one in ranges)

    def _requests(self, start: float, end: float) -> int:
        if self._page(start, end, _PAGES - 1):
            return _SPLIT
        shown, empty = -1, _PAGES - 1
        while empty - shown > 1:
            middle = (shown + empty) // 2
            if self._page(start, end, middle):
                shown = middle
            else:
                empty = middle
        return 2 * (empty + 1)

    def _stable(self, start: float, end: float, most_pages: int | None) -> dict[str, CallJob]:
        """All jobs created in a range, read until two readings agree."""
        before: set[str] | None = None
        for _ in range(_READINGS):
            jobs = self._reading(start, end, most_pages)
            if jobs is None:  # more than can be shown
                if end - start <= _SHORTEST:
                    raise MoreRequestsError
                middle = (start + end) / 2
                # By both limits; a job of that very moment is read twice, and counts once.
                return self._stable(start, middle, most_pages) | self._stable(middle, end, most_pages)
            if before == jobs.keys():
                return jobs
            before = set(jobs)
        raise NotAddedError(
            f"The campaign's report changed through {_READINGS} readings: jobs are being added all the time. The next "
            "try asks again",
            retryable=True,
        )

    def _reading(self, start: float, end: float, most_pages: int | None) -> dict[str, CallJob] | None:
        """One reading of a range, by id; None if it holds more than can be shown."""
        jobs: dict[str, CallJob] = {}
        first = 0
        for page in range(_PAGES):
            rows = self._page(start, end, page)
            if not rows:
                return jobs
            if page == 0:
                first = len(rows)
            elif page == 1 and first < self._size:
                # It serves fewer than were asked for. How it counts the pages before is its affair, unless it is asked
                # for as many as it serves.
                self._size = first
                return self._reading(start, end, most_pages)
            if most_pages is not None and page >= most_pages:
                raise MoreRequestsError
            jobs.update((job.id, job) for job in rows)
        return None

    def _page(self, start: float, end: float, page: int) -> Sequence[CallJob]:
        rows = self._client.ask(
            endpoints.call_job_report_by_date(
                created_from=datetime.fromtimestamp(start, UTC),
                created_to=datetime.fromtimestamp(end, UTC),
                page=page,
                page_size=self._size,
            )
        ).value
        if any(job.created_at is not None and not _within(job.created_at, start, end) for job in rows):
            self._misread("asked for jobs by the time of their creation, it showed jobs of other times")
        return rows

    def _have_shown(self, rows: Iterable[CallJob]) -> None:
        """Have the server show that it understands the limits, by the time of a job that is there."""
        moment = self._moment_of_a_job(rows)
        if moment is None:
            raise NotUnderstoodError("no job is known by which the server could show that it understands time limits")
        if not self._page(moment - 2, moment + 2, 0):
            self._misread("asked for the jobs of the moments in which one of ours was created, it showed none")
        self._page(moment - 12, moment - 4, 0)  # or raises, if that shows what was created later
        self._page(moment + 4, moment + 12, 0)
        self._shown = True

    def _moment_of_a_job(self, rows: Iterable[CallJob]) -> float | None:
        for job in rows:
            if job.created_at is not None:
                return job.created_at.timestamp()
        for number, known in enumerate(self._known_jobs()):
            if number == _LOOKED_UP:
                break
            try:
                found = self._client.ask(endpoints.call_job_report(ids=[known])).value
            except ApiError as error:
                if error.known is Known.REFUSED:
                    continue  # the report doesn't show it yet, or no more
                raise
            for job in found:
                if job.id == known and job.created_at is not None:
                    return job.created_at.timestamp()
        return self._moment_of_any_job()

    def _moment_of_any_job(self) -> float | None:
        for request in (
            endpoints.unfinished_call_jobs(page_size=self._size),
            endpoints.call_job_report_by_date(page_size=self._size),
        ):
            try:
                found = self._client.ask(request).value
            except ApiError as error:
                if error.retryable:
                    raise
                continue  # it doesn't take that
            for job in found:
                if job.created_at is not None:
                    return job.created_at.timestamp()
        return None

    def _misread(self, fault: str) -> None:
        self._fault = f"{fault}, so it doesn't read time limits as they are meant"
        raise NotUnderstoodError(self._fault)


def _within(created: datetime, start: float, end: float) -> bool:
    return start - _ABOUT <= created.timestamp() <= end + _ABOUT
