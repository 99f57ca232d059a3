"""All rows of a campaign's report of a time range, without a gap: by windows, the oldest first.

A window is a range of which no more is there than pages show; one of which more is there is halved, down to a moment.
What is read of a window is handed on as it comes, and its ids alone are kept: a year takes no more memory than a day.
How pages are read that shift stands in ``agreed_pages``; whether time limits are understood, in ``limits_proof``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.agreed_pages import AgreedPages, NeverAgreedError
from aimylogic_provider.campaign_report.limits_proof import LimitsProof
from aimylogic_provider.campaign_report.report_errors import ReportNotReadError
from aimylogic_provider.campaign_report.report_kinds import ATTEMPTS, JOBS, Ask, ReportKind
from aimylogic_provider.campaign_report.report_pages import (
    PAGE_BOUNDS,
    MoreThanShownError,
    PageBounds,
    ReadRows,
    ReportPages,
    listing_of,
)
from aimylogic_provider.campaign_report.rows_of_moment import RowsOfMoment
from aimylogic_provider.campaign_report.time_ranges import TimeRange, in_words
from aimylogic_provider.idempotence.ports import Log

__all__ = ["ATTEMPTS", "JOBS", "ReportKind", "ReportReader", "Window"]

Row = TypeVar("Row", bound=CallJob | CallAttempt)

_AT_ONCE = 4
"""Requests at a time."""


def _none(range: TimeRange) -> tuple[str, ...]:
    return ()


class ReportReader(Generic[Row]):
    """Reads all rows of a time range, by windows, oldest first; of each the pages as they come.

    :param kind: JOBS, by the time of their creation, or ATTEMPTS, by the time of their beginning
    :param ask: asks the campaign, and again after what passes by itself; from several threads, if *at_once* is above 1
    :param known_ids: gives ids of jobs that may be there within a time range, or of whom attempts may be: by them rows
        are read that share one moment with too many others; called only if it is needed
    :param count_known: how many jobs of the campaign are known by now, where the ids aren't all that are meant: such a
        moment is whole once that is no less than the campaign's own count
    :param at_once: requests at a time
    :param bounds: rows of a page, and pages of a time range, at most; for tests
    """

    def __init__(
        self,
        kind: ReportKind[Row],
        ask: Ask,
        log: Log,
        *,
        known_ids: Callable[[TimeRange], Iterable[str]] = _none,
        count_known: Callable[[], int] | None = None,
        at_once: int = _AT_ONCE,
        bounds: PageBounds = PAGE_BOUNDS,
    ) -> None:
        self._kind = kind
        self._pages = ReportPages(kind, ask, bounds, at_once)
        self._agreed = AgreedPages(self._pages, log)
        self._moments = RowsOfMoment(kind, ask, self._pages, self._agreed, known_ids, count_known, log)
        self._limits = LimitsProof(kind, ask, self._pages, known_ids, log)

    def windows(self, start: datetime, end: datetime) -> Iterator[Window[Row]]:
        """Yield windows that cover a time range, each beginning where the one before ended.

        A row that began at the very end may be read or not: it is of the range that begins there.

        :param start: with a time zone, as *end*
        :raises RejectedError: for a time without a zone, and for an end before the start
        :raises ReportNotReadError: if the server has not shown that it understands time limits
        :raises ApiError: if it did not answer
        """
        whole = TimeRange.of(start, end)
        self._limits.have_shown(whole)
        left = [whole]
        while left:
            range = left.pop()
            if self._is_too_much(range) and not range.is_moment:
                left += reversed(range.halves())
            else:
                yield Window(range.start, range.end, self)

    def rows(self, range: TimeRange, *, is_too_much: bool = False) -> Iterator[ReadRows[Row]]:
        """Read the rows of a range; where more is there than is shown, or it never reads the same, of its halves.

        :param is_too_much: whether it is known to hold more than is shown
        """
        reason: Exception = MoreThanShownError()
        if not is_too_much:
            try:
                yield from self._agreed.rows(listing_of(self._kind, range))
                return
            except (MoreThanShownError, NeverAgreedError) as error:
                reason = error
        if not range.is_moment:
            for half in range.halves():
                yield from self.rows(half, is_too_much=self._is_too_much(half))
        elif isinstance(reason, NeverAgreedError):
            raise self._changing(range)
        else:
            yield from self._moments.rows(range)

    def window(self, range: TimeRange) -> Iterator[ReadRows[Row]]:
        """Read the rows of a window."""
        self._pages.renew_size()
        return self.rows(range)

    def _is_too_much(self, range: TimeRange) -> bool:
        return self._pages.shows_last(listing_of(self._kind, range))

    def _changing(self, range: TimeRange) -> ReportNotReadError:
        return ReportNotReadError(
            f"The report of {self._kind.name} {self._kind.verb} at {in_words(range.start)} changed through all "
            "readings: rows are being added all the time, or it shows them in another order each time. The next try "
            "asks again",
            retryable=True,
        )


class Window(Generic[Row]):
    """A part of a time range, of which no more rows are there than pages show, unless all share one moment.

    :param start: its beginning, in UTC, in whole milliseconds
    :param end: its end, at which the next one begins
    """

    def __init__(self, start: datetime, end: datetime, reader: ReportReader[Row]) -> None:
        self.start = start
        self.end = end
        self._reader = reader

    def pages(self) -> Iterator[Sequence[Row]]:
        """Read its rows: each at least once, and perhaps again; whole once this ends by itself.

        Of each page, ``date`` is the server's time as it told these rows (Unix seconds), or None if it didn't say, and
        ``aside`` are rows that can't be read.

        :raises ReportNotReadError: if some could not be read
        :raises ApiError: if a page was not answered
        """
        return self._reader.window(TimeRange(self.start, self.end))
