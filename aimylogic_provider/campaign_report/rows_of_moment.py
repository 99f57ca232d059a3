"""Rows that began at one moment, more of them than a report shows of a time range: by when they ended, and by ids.

Those that are over are read by the time of their end; the open ones among all that are open, if those can be shown,
else by ids that are known. What the report does show of the moment must be among them: else some are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from aimylogic_provider.calls_api import report_endpoints
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.agreed_pages import AgreedPages, NeverAgreedError
from aimylogic_provider.campaign_report.report_errors import WAY_OUT, ReportNotReadError
from aimylogic_provider.campaign_report.report_kinds import JOBS, Ask, ReportKind
from aimylogic_provider.campaign_report.report_pages import (
    Listing,
    MoreThanShownError,
    ReadRows,
    ReportPages,
    SizeChangedError,
    listing_of,
)
from aimylogic_provider.campaign_report.reports_by_id import attempts_by_id, jobs_by_id
from aimylogic_provider.campaign_report.time_ranges import TimeRange, in_words
from aimylogic_provider.idempotence.ports import Log

__all__ = ["RowsOfMoment"]

Row = TypeVar("Row", bound=CallJob | CallAttempt)

Parts = Generator[ReadRows[Row], None, bool]
_LONGEST = timedelta(days=10 * 366)
"""After which every call is over."""
_ABOUT = timedelta(minutes=1)
"""By which the server's clock may go on while its moments are read."""
_SIZES = 8
"""How often pages are read anew since they are of another size."""


class RowsOfMoment(Generic[Row]):
    """Reads the rows of moments of which there are more than pages show.

    :param known_ids: gives ids of jobs that may be there, or of whom attempts may be, within a moment
    :param count_known: how many jobs of the campaign are known by now, to be held against its own count; None where
        the ids that are given are all that are meant
    """

    def __init__(
        self,
        kind: ReportKind[Row],
        ask: Ask,
        pages: ReportPages[Row],
        agreed: AgreedPages[Row],
        known_ids: Callable[[TimeRange], Iterable[str]],
        count_known: Callable[[], int] | None,
        log: Log,
    ) -> None:
        self._kind = kind
        self._ask = ask
        self._pages = pages
        self._agreed = agreed
        self._known_ids = known_ids
        self._count_known = count_known
        self._log = log

    def rows(self, moment: TimeRange) -> Iterator[ReadRows[Row]]:
        """Read all rows of a moment.

        :raises ReportNotReadError: if some can't be reached
        :raises ApiError: if a page was not answered
        """
        missing = self._shown(moment)

        def noted(some: ReadRows[Row]) -> ReadRows[Row]:
            missing.difference_update(map(self._kind.identity, some))
            return some

        # The open ones first: what ends meanwhile is then found among those that are over.
        has_open = yield from _noting(noted, self._open(moment))
        has_over = yield from _noting(noted, self._over(moment, self._until_now(moment)))
        if has_open and has_over and not missing:
            return
        has_known = yield from _noting(noted, self._known(moment))
        if missing or not has_known or not self._are_all_known():
            raise self._not_reached(moment)
        self._log.warning(
            "More %s were %s at %s than a report shows: some of them are read by the ids that are known",
            self._kind.name,
            self._kind.verb,
            in_words(moment.end),
        )

    def _shown(self, moment: TimeRange) -> set[int]:
        """The rows of the moment that pages show, and that can be read, by their identities."""
        listing = listing_of(self._kind, moment)
        for _ in range(_SIZES):
            try:
                shown: set[int] = set()
                for page in self._pages.from_page(listing, 0, None):
                    shown.update(page.identities)
                    shown.difference_update(one.identity for one in page.aside)
                return shown
            except SizeChangedError:
                continue
        raise self._not_reached(moment)

    def _open(self, moment: TimeRange) -> Parts[Row]:
        """Those that are open; returns whether these are all of them."""
        if self._kind.unfinished is None:
            return False
        try:
            for rows in self._agreed.rows(Listing(self._kind.unfinished, lambda row: True)):
                yield _of_moment(self._kind, moment, rows)
        except (MoreThanShownError, NeverAgreedError):
            return False
        return True

    def _over(self, moment: TimeRange, ended: TimeRange) -> Parts[Row]:
        """Those that ended within a time range; returns whether these are all of them."""
        listing = listing_of(self._kind, moment, ended)
        try:
            if not self._pages.shows_last(listing):
                yield from self._agreed.rows(listing)
                return True
        except (MoreThanShownError, NeverAgreedError):
            pass
        if ended.is_moment:
            return False
        earlier, later = ended.halves()
        has_earlier = yield from self._over(moment, earlier)
        has_later = yield from self._over(moment, later)
        return has_earlier and has_later

    def _until_now(self, moment: TimeRange) -> TimeRange:
        """When jobs of the moment may have ended, if they have."""
        date = self._ask(report_endpoints.status()).date
        now = moment.end + _LONGEST if date is None else datetime.fromtimestamp(date, UTC) + _ABOUT
        return TimeRange.of(moment.start, max(moment.end, now))

    def _known(self, moment: TimeRange) -> Parts[Row]:
        """Those whose ids are known; returns whether there are any such ids."""
        by_id: Any = jobs_by_id if self._kind.name == JOBS.name else attempts_by_id
        has_any = False
        for told in by_id(self._ask, self._known_ids(moment)):
            has_any = True
            yield _of_moment(self._kind, moment, ReadRows(told.found, told.date))
        return has_any

    def _are_all_known(self) -> bool:
        """Whether nobody is missing, by the campaign's own count, where ids aren't all that there are."""
        if self._count_known is None:
            return True
        total = self._ask(report_endpoints.campaign()).value.total_numbers
        return total is not None and self._count_known() >= total

    def _not_reached(self, moment: TimeRange) -> ReportNotReadError:
        most = self._pages.last * self._pages.size
        return ReportNotReadError(
            f"More than {most:,} {self._kind.name} were {self._kind.verb} at {in_words(moment.end)}, or within the "
            "millisecond before, and the report shows no more of one time range. Those that ended at different times "
            f"could be read, but not all others: that is so until enough of them are over. {WAY_OUT}; the next "
            "run then goes on",
            retryable=False,
        )


def _noting(note: Callable[[ReadRows[Row]], ReadRows[Row]], parts: Parts[Row]) -> Parts[Row]:
    """Note what comes, and hand it on; return what *parts* returns."""
    while True:
        try:
            rows = next(parts)
        except StopIteration as end:
            return bool(end.value)
        yield note(rows)


def _of_moment(kind: ReportKind[Row], moment: TimeRange, rows: ReadRows[Row]) -> ReadRows[Row]:
    return ReadRows((row for row in rows if moment.holds(kind.time(row))), rows.date)
