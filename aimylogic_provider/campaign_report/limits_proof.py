"""Whether the server understands time limits: no answer by time is believed before it has shown that.

No source states how a server reads the limits: one that takes them for other times than they are may answer with empty
pages, which look like no calls. So it is asked for the moments around a row that is known to be there, and before and
after that. In a campaign that has none, there is nothing to be shown, and nothing to be missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Generic, TypeVar

from aimylogic_provider.calls_api import report_endpoints
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.report_errors import WAY_OUT, ReportNotReadError
from aimylogic_provider.campaign_report.report_kinds import ATTEMPTS, Ask, ReportKind
from aimylogic_provider.campaign_report.report_pages import ReportPages, listing_of
from aimylogic_provider.campaign_report.time_ranges import TimeRange
from aimylogic_provider.idempotence.ports import Log

__all__ = ["LimitsProof"]

Row = TypeVar("Row", bound=CallJob | CallAttempt)

_KNOWN = 3
"""Ids that are known, at most, that are looked up, of each source."""
_YOUNG = 3600.0
"""Seconds."""
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before it no campaign has a report."""


class LimitsProof(Generic[Row]):
    """Has the server show that it understands time limits.

    :param known_ids: gives ids of jobs that may be there, or of whom attempts may be, within a time range
    """

    def __init__(
        self,
        kind: ReportKind[Row],
        ask: Ask,
        pages: ReportPages[Row],
        known_ids: Callable[[TimeRange], Iterable[str]],
        log: Log,
    ) -> None:
        self._kind = kind
        self._ask = ask
        self._pages = pages
        self._known_ids = known_ids
        self._log = log

    def have_shown(self, range: TimeRange) -> None:
        """Have it show that, by a row of a range, else by any other.

        :raises ReportNotReadError: if it shows that it doesn't, or shows no row though some are there
        :raises ApiError: if it did not answer
        """
        kind = self._kind
        moment = next(self._moments(range), None)
        if moment is None:
            self._believe_that_nothing_is_there()
            return
        if not self._pages.first(listing_of(kind, TimeRange.about(moment, -2, 2))):
            raise ReportNotReadError(
                f"Asked for the {kind.name} of the moments about one that is known, the server showed none: it doesn't "
                f"read time limits as they are meant, so that its report by time proves nothing. {WAY_OUT}",
                retryable=self._is_young(moment),
            )
        self._pages.first(listing_of(kind, TimeRange.about(moment, -12, -4)))  # or raises, if it shows others
        self._pages.first(listing_of(kind, TimeRange.about(moment, 4, 12)))

    def _is_young(self, moment: datetime) -> bool:
        """Whether a row of a moment may be shown by its id, and not by time yet."""
        date = self._ask(report_endpoints.status()).date
        return date is not None and moment.timestamp() > date - _YOUNG

    def _moments(self, range: TimeRange) -> Iterator[datetime]:
        """When some rows began, from the nearest source to the farthest."""
        kind = self._kind
        yield from self._times(self._pages.first(listing_of(kind, range)))
        yield from self._times(self._pages.first(listing_of(kind, None)))
        for job in self._known_jobs(range):
            yield from self._times(self._of_job(job))

    def _times(self, rows: Iterable[Row]) -> Iterator[datetime]:
        return (moment for moment in map(self._kind.time, rows) if moment is not None)

    def _known_jobs(self, range: TimeRange) -> Iterator[str]:
        """Ids of jobs that are there, and of which rows may be there."""
        yield from islice(self._known_ids(range), _KNOWN)
        if self._kind.name == ATTEMPTS.name:
            yield from islice((job.id for job in self._over_jobs() if job.attempts_count), _KNOWN)
            yield from islice((job.id for job in self._open_jobs() if job.attempts_count), _KNOWN)
        else:
            yield from islice((job.id for job in self._open_jobs()), _KNOWN)

    def _open_jobs(self) -> tuple[CallJob, ...]:
        return self._ask(report_endpoints.unfinished_call_jobs(page_size=self._pages.size)).value

    def _over_jobs(self) -> tuple[CallJob, ...]:
        request = report_endpoints.call_job_report_by_date(finished_from=_BEGINNING, page_size=self._pages.size)
        return tuple(job for job in self._ask(request).value if job.finished)

    def _of_job(self, job: str) -> tuple[Row, ...]:
        try:
            rows = self._ask(self._kind.by_id([job])).value
        except ApiError as error:
            if error.known is Known.REFUSED:
                return ()  # the report doesn't show it yet, or no more
            raise
        return tuple(row for row in rows if self._kind.job(row) == job)

    def _believe_that_nothing_is_there(self) -> None:
        """Believe that there are no rows, unless the campaign's own count, or its jobs, speak against it."""
        kind, total = self._kind, self._ask(report_endpoints.campaign()).value.total_numbers
        if total and kind.name == ATTEMPTS.name:
            jobs = (*self._over_jobs(), *self._open_jobs())
            if jobs and not any(job.attempts_count for job in jobs):
                return  # nobody was rung yet
        if total:
            raise ReportNotReadError(
                f"The campaign has {total:,} numbers, and its report shows no {kind.name} at all: it proves nothing, "
                f"for no row is known by which the server could show that it understands time limits. If they "
                f"are young, the next try finds them. {WAY_OUT}",
                retryable=True,
            )
        if total is None:
            self._log.warning(
                "The report shows no %s at all, and the campaign doesn't tell how many numbers it has: there seem to "
                "be none",
                kind.name,
            )
