"""Pages of a report: asked for, some at a time, by a size that the server serves, and handed on as they come.

Whether they can be relied on, as they shift while rows are added, stands in ``agreed_pages``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from aimylogic_provider.calls_api.client import Answer
from aimylogic_provider.calls_api.errors import ApiError, UnreadableError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.readable_rows import SetAside, readable_rows
from aimylogic_provider.campaign_report.report_errors import WAY_OUT, ReportNotReadError
from aimylogic_provider.campaign_report.report_kinds import Ask, ReportKind
from aimylogic_provider.campaign_report.time_ranges import TimeRange

__all__ = [
    "PAGE_BOUNDS",
    "Listing",
    "MoreThanShownError",
    "PageBounds",
    "ReadPage",
    "ReadRows",
    "ReportPages",
    "SizeChangedError",
    "listing_of",
]

Row = TypeVar("Row", bound=CallJob | CallAttempt)

_ABOUT = timedelta(seconds=1)
"""By which a row may lie outside the limits, for no source says how a server rounds."""
_TOO_LARGE = -(2**70)
"""What a row is known by that alone is larger than any answer is read: by its page, for no row has such a number."""
_SMALLER = 4
"""By which pages are divided whose answer was too large."""


class MoreThanShownError(Exception):
    """More rows are there than pages show."""


class SizeChangedError(Exception):
    """The server serves other pages than were asked for: they are to be read anew, by the size that it serves."""


@dataclass(frozen=True, slots=True)
class PageBounds:
    """What of a listing can be shown: so many rows a page, and so many pages."""

    rows: int = 200
    pages: int = 200


PAGE_BOUNDS = PageBounds()


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """Rows that the server lists page by page.

    :param request: for a page of a size
    :param belongs: whether a row is one that was asked for, if the server reads what it is asked as it is meant
    """

    request: Callable[[int, int], Request[tuple[Row, ...]]]
    belongs: Callable[[Row], bool]


def listing_of(kind: ReportKind[Row], began: TimeRange | None, finished: TimeRange | None = None) -> Listing[Row]:
    """Return the listing of the rows that began within a time range, and ended within another, where one is given."""

    def belongs(row: Row) -> bool:
        ended = finished is None or (row.finished_at is not None and finished.holds(row.finished_at, _ABOUT))
        return ended and (began is None or began.holds(kind.time(row), _ABOUT))

    return Listing(lambda page, size: kind.page(began, finished, page, size), belongs)


@dataclass(frozen=True, slots=True)
class ReadPage(Generic[Row]):
    """A page.

    :param identities: of all its rows, of those last that can't be read
    :param rows: all of them, or none where all were known
    :param size: how many rows the server says that a page has, if it does
    :param aside: the rows that can't be read
    :param date: the server's time of the answer, in Unix seconds, if it said
    """

    number: int
    identities: tuple[int, ...]
    rows: Sequence[Row]
    size: int | None = None
    aside: tuple[SetAside, ...] = ()
    date: float | None = None


class ReadRows(list[Row]):
    """Rows that were read together.

    :param date: the server's time as it told them, in Unix seconds, or None if it didn't say
    :param aside: rows among them that can't be read
    """

    def __init__(self, rows: Iterable[Row], date: float | None, aside: tuple[SetAside, ...] = ()) -> None:
        super().__init__(rows)
        self.date = date
        self.aside = aside


class ReportPages(Generic[Row]):
    """Asks for pages of one kind of report.

    :param at_once: requests at a time, once it is known that several are needed
    """

    def __init__(self, kind: ReportKind[Row], ask: Ask, bounds: PageBounds, at_once: int) -> None:
        self._kind = kind
        self._ask = ask
        self._at_once = at_once
        self._served = bounds.rows
        """Rows of a page at most, as the server has shown."""
        self._most = 0
        """The most rows that it has served at a time: a page with fewer isn't one that it cut."""
        self.last = bounds.pages - 1
        """The number of the last page that is shown."""
        self.size = bounds.rows

    def renew_size(self) -> None:
        """Ask for as many rows a page again as the server serves, though answers were too large before."""
        self.size = self._served

    def shows_last(self, listing: Listing[Row]) -> bool:
        """Whether there may be more than can be shown: something stands on the last page."""
        return bool(self._of_any_size(listing, self.last).identities)

    def first(self, listing: Listing[Row]) -> Sequence[Row]:
        """The rows of the first page."""
        return self._of_any_size(listing, 0).rows

    def from_page(self, listing: Listing[Row], first: int, known: set[int] | None) -> Iterator[ReadPage[Row]]:
        """Read all pages from one on, to the first that is empty or the last that is shown, which comes too.

        :param known: identities of rows that need not be read again; None where none is known
        :raises SizeChangedError: if they are to be read anew, by another size
        :raises ReportNotReadError: if the server shows what was not asked for
        """
        if first > self.last:
            return
        page = self._read(listing, first, known)
        yield page
        if not page.identities:
            return
        is_full = len(page.identities) >= self.size
        if first == 0 and not is_full:
            self._learn_served(listing, page)
        rest = self.pages(listing, range(first + 1, self.last + 1), known, at_once=self._at_once if is_full else 1)
        for page in rest:
            if page.number == 1 and page.identities and not is_full:
                self._learn_size(listing)
            yield page
            if not page.identities:
                return

    def pages(
        self, listing: Listing[Row], numbers: Iterable[int], known: set[int] | None, at_once: int | None = None
    ) -> Iterator[ReadPage[Row]]:
        """Read some pages, in their order. Parameters and errors as of :meth:`from_page`."""
        left = iter(numbers)
        at_once = at_once or self._at_once
        if at_once == 1:
            for number in left:
                yield self._read(listing, number, known)
            return
        asked = deque(self._threads.submit(self._page, listing, number, known) for number in islice(left, at_once))
        try:
            while asked:
                page = self._settled(asked.popleft().result)
                asked.extend(self._threads.submit(self._page, listing, number, known) for number in islice(left, 1))
                yield page
        finally:
            for page_to_come in asked:
                page_to_come.cancel()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        """Which end once this is thrown away."""
        return ThreadPoolExecutor(self._at_once, thread_name_prefix="aimylogic-report")

    def _of_any_size(self, listing: Listing[Row], number: int) -> ReadPage[Row]:
        while True:
            try:
                return self._read(listing, number, None)
            except SizeChangedError:
                continue

    def _read(self, listing: Listing[Row], number: int, known: set[int] | None) -> ReadPage[Row]:
        return self._settled(lambda: self._page(listing, number, known))

    def _settled(self, read: Callable[[], ReadPage[Row]]) -> ReadPage[Row]:
        """A page as it is read; if its answer is larger than any is, smaller ones are asked for."""
        try:
            return read()
        except ApiError as error:
            if not error.is_too_large or self.size == 1:
                raise
        self.size = max(1, self.size // _SMALLER)
        raise SizeChangedError

    def _page(
        self, listing: Listing[Row], number: int, known: set[int] | None, size: int | None = None
    ) -> ReadPage[Row]:
        request = listing.request(number, size or self.size)
        kind = self._kind

        def parse(body: bytes) -> ReadPage[Row]:
            if known is not None:
                try:
                    identities = tuple(kind.identities(body))
                except UnreadableError:
                    pass  # which reading its rows will tell
                else:
                    if known.issuperset(identities):
                        return ReadPage(number, identities, ())
            read = readable_rows(kind, body, request.parse)
            identities = (*map(kind.identity, read.rows), *(one.identity for one in read.aside))
            told = None if len(identities) >= self.size else _told_size(body)
            return ReadPage(number, identities, read.rows, told, read.aside)

        of_a_page: Any = replace(request, parse=parse)  # type: ignore[arg-type]
        try:
            answer: Answer[ReadPage[Row]] = self._ask(of_a_page)
        except ApiError as error:
            if not error.is_too_large or (size or self.size) > 1:
                raise
            alone = SetAside(None, _TOO_LARGE - number)
            return ReadPage(number, (alone.identity,), (), None, (alone,), error.date)
        page = replace(answer.value, date=answer.date)
        self._most = max(self._most, len(page.identities))
        if not all(map(listing.belongs, page.rows)):
            raise ReportNotReadError(
                f"Asked for {kind.name} by time, the server showed some of other times: it doesn't read time limits as "
                f"they are meant, so that its report by time proves nothing. {WAY_OUT}",
                retryable=False,
            )
        return page

    def _learn_served(self, listing: Listing[Row], page: ReadPage[Row]) -> None:
        """Find out whether a page that isn't full was cut: by its own account, or as more follows by its own size."""
        rows = len(page.identities)
        if rows < self._most:
            return
        follows = rows == page.size or self._settled(lambda: self._page(listing, 1, None, rows)).identities
        if follows:
            self._served = self.size = rows
            raise SizeChangedError

    def _learn_size(self, listing: Listing[Row]) -> None:
        """Find out how many rows a page has, of which fewer came than were asked for, though more follow.

        How it counts the rows before a page is its affair, unless it is asked for as many as it serves.
        """
        rows = len(self._of_any_size(listing, 0).identities)
        if 0 < rows < self.size:
            self._served = self.size = rows
        raise SizeChangedError


class _Paging(msgspec.Struct, gc=False):
    size: int | None = msgspec.field(name="pageSize", default=None)


class _Paged(msgspec.Struct, gc=False):
    pagination: _Paging | None = None
    size: int | None = msgspec.field(name="pageSize", default=None)


_PAGED = msgspec.json.Decoder(_Paged)


def _told_size(body: bytes) -> int | None:
    """How many rows a page has, by the server's own words, if it says so."""
    try:
        page = _PAGED.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return page.size if page.pagination is None else page.pagination.size
