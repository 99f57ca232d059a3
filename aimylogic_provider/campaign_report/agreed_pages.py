"""All rows of a listing, whose pages shift while rows are added: read until two readings agree.

In which order pages come is not stated, and no page tells how many there are. So all pages are read, and read again,
which needs their rows' ids alone. What is new then is handed on as well. Once pages were seen to shift, each must read
the same three times in a row; and five times, if a row stands on two pages, or one that was seen stands on none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.campaign_report.report_pages import (
    Listing,
    MoreThanShownError,
    ReadPage,
    ReadRows,
    ReportPages,
    SizeChangedError,
)
from aimylogic_provider.idempotence.ports import Log

__all__ = ["AgreedPages", "NeverAgreedError", "Readings"]

Row = TypeVar("Row", bound=CallJob | CallAttempt)

_ROUNDS = 12
"""Readings of a listing, of some of its pages at least, before it is given up."""
_ALL_CHANGED = 3
"""Readings in a row of which no page agreed with the one before: rows are being added all the time."""
_OF_SHIFTING = 3
"""Readings that must agree, once pages were seen to shift."""
_MORE = 2
"""Readings more that must agree, if a row stands on two pages, or one that was seen stands on none."""
_SIZES = 8
"""How often a listing is read anew since pages are of another size."""


class NeverAgreedError(Exception):
    """A listing never read the same twice."""


class Readings:
    """What the readings of a listing had in common so far, page by page.

    :param needed: readings in a row that must agree
    """

    def __init__(self, needed: int) -> None:
        self.needed = needed
        self._pages: list[tuple[int, ...]] = []
        self._alike: list[int] = []
        """How often in a row each page read so."""
        self._changed_rounds = 0
        self._agreed = False
        self.seen: set[int] = set()
        """Identities of all rows that any reading showed."""
        self._aside: set[int] = set()
        """Identities of those that could not be read: a later reading may."""

    @property
    def pages(self) -> int:
        """How many pages were read, the empty one at the end included."""
        return len(self._pages)

    def due(self) -> list[int]:
        """The pages that are to be read again."""
        needed = self.needed if self.are_whole else self.needed + _MORE
        return [number for number, alike in enumerate(self._alike) if alike < needed]

    def note(self, page: ReadPage[Row]) -> list[Row]:
        """Take a page in; return its rows that no reading showed before."""
        identities = tuple(sorted(page.identities))
        if page.number == len(self._pages):
            self._pages.append(identities)
            self._alike.append(1)
        elif self._pages[page.number] == identities:
            self._alike[page.number] += 1
            self._agreed = True
        else:
            self._pages[page.number] = identities
            self._alike[page.number] = 1
        new = []
        self._aside.update(one.identity for one in page.aside)
        for identity, row in zip(page.identities, page.rows, strict=False):
            if identity not in self.seen:
                self.seen.add(identity)
                new.append(row)
        return new

    def end_round(self) -> None:
        """Take note that all pages that were due are read: what stands behind the first empty one counts no more."""
        for number, identities in enumerate(self._pages):
            if not identities:
                del self._pages[number + 1 :], self._alike[number + 1 :]
                break
        self._changed_rounds = 0 if self._agreed else self._changed_rounds + 1
        self._agreed = False

    @property
    def always_change(self) -> bool:
        """Whether reading on is in vain."""
        return self._changed_rounds > _ALL_CHANGED

    @property
    def are_whole(self) -> bool:
        """Whether the pages, as they were read last, show just what was seen, each row once."""
        rows = sum(map(len, self._pages))
        return rows == len(self.seen | self._aside) and len({one for page in self._pages for one in page}) == rows


class AgreedPages(Generic[Row]):
    """Reads listings of one kind of report."""

    def __init__(self, pages: ReportPages[Row], log: Log) -> None:
        self._pages = pages
        self._log = log
        self._shift = False
        """Whether pages were seen to shift."""

    def rows(self, listing: Listing[Row]) -> Iterator[ReadRows[Row]]:
        """Read a listing: every row at least once, as pages come.

        :raises MoreThanShownError: if more is there than pages show; what was handed on was right
        :raises NeverAgreedError: if it never read the same twice
        :raises ApiError: if a page was not answered
        """
        for _ in range(_SIZES):
            try:
                yield from self._agreed(listing)
            except SizeChangedError:
                continue
            return
        raise NeverAgreedError

    def _agreed(self, listing: Listing[Row]) -> Iterator[ReadRows[Row]]:
        readings = Readings(_OF_SHIFTING if self._shift else 2)
        for number in range(_ROUNDS):
            before = len(readings.seen)
            for page in self._round(listing, readings):
                new = readings.note(page)
                if new or page.aside:
                    yield ReadRows(new, page.date, page.aside)
                if page.number == self._pages.last and page.identities:
                    raise MoreThanShownError
            readings.end_round()
            if not readings.due():
                return
            if number == 1 and not self._shift:
                if len(readings.seen) == before and readings.are_whole:
                    return  # the same rows, on other pages
                self._have_shifted()
                readings.needed = _OF_SHIFTING
            if readings.always_change:
                break
        raise NeverAgreedError

    def _round(self, listing: Listing[Row], readings: Readings) -> Iterator[ReadPage[Row]]:
        if not readings.pages:
            yield from self._pages.from_page(listing, 0, None)
            return
        known = readings.seen
        end, goes_on = readings.pages - 1, False
        for page in self._pages.pages(listing, readings.due(), known):
            goes_on = page.number == end and bool(page.identities)
            yield page
        if goes_on:
            yield from self._pages.from_page(listing, end + 1, known)

    def _have_shifted(self) -> None:
        self._shift = True
        self._log.info("The report's pages shift while they are read: each is read until it is the same three times")
