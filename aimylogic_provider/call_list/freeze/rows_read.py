"""Rows as they are read: each is a call that waits in a spool, or is rejected, and written down with its reason.

What a row is, a query's or a call that was given, and how it becomes a call, is its reader's affair.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from aimylogic_provider.call_list.freeze.finish_times import Finishes
from aimylogic_provider.call_list.freeze.list_files import LineFiles, ListWriter
from aimylogic_provider.call_list.freeze.phone_readings import PhoneReadings
from aimylogic_provider.call_list.freeze.rejected import rejected_csv
from aimylogic_provider.call_list.freeze.rejected.rejected_csv import RejectedCsv
from aimylogic_provider.call_list.freeze.rejected.rejected_limit import Limit, TooManyRejectedError
from aimylogic_provider.call_list.freeze.rejected.rejections import Rejections
from aimylogic_provider.call_list.freeze.spool import Spool
from aimylogic_provider.call_list.store.manifest import Method
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.phones.countries import CallsByCountry, by_country
from aimylogic_provider.calls_api.phones.phone import AmbiguousPhoneError
from aimylogic_provider.idempotence.ports import Log

__all__ = ["Reader", "RowsRead"]

_ROWS_AT_ONCE = 1000


class Reader(Protocol):
    """Makes calls of rows."""

    readings: PhoneReadings | None
    """How phones are read, where that may be told; None where it can't be ambiguous."""
    way_out: str
    """What to correct where rows can't be called, in words."""

    @property
    def method(self) -> Method:
        """How the calls are to be sent."""

    @property
    def key_names(self) -> tuple[str, ...]:
        """What is kept beside each call, by name."""

    @property
    def policy_by_row(self) -> bool:
        """Whether calls have policies of their own."""

    @property
    def of_all(self) -> bytes:
        """A call with what holds for all rows alike, and of nobody; empty if rows have finishes of their own."""

    def read(self, row: Any) -> tuple[str, bytes]:
        """Return the call that a row is: its phone, and all of it as JSON; raise RejectedError if it is none."""

    def keys(self, row: Any) -> bytes:
        """Return what is kept beside the call, as JSON."""


class RowsRead:
    """Reads rows, and counts them: ``count`` of all, ``rejected`` of those that can't be called."""

    def __init__(
        self,
        reader: Reader,
        writer: ListWriter,
        told_to_people: RejectedCsv,
        rejections: Rejections,
        finishes: Finishes,
    ) -> None:
        self.reader = reader
        self._writer = writer
        self._told_to_people = told_to_people
        self._rejections = rejections
        rejections.way_out = reader.way_out
        self.finishes = finishes
        self.countries = CallsByCountry()
        self._rejected = LineFiles(writer, "rejected")
        self.parts: dict[str, str] = {}
        """The files of rejected rows with their digests, once those are written down."""
        self.count = 0

    @property
    def rejected(self) -> int:
        """How many rows can't be called."""
        return self._rejected.count

    def read(self, rows: Iterable[Any], spool: Spool, log: Log, *, typed: bool) -> None:
        """Make calls of all rows, and set aside those that can't be called.

        :raises RejectedError: if no row could be called
        """
        reader, finishes, countries = self.reader, self.finishes, self.countries
        spoken = time.monotonic()
        number = 0
        for number, row in enumerate(rows, 1):
            if number == 1:
                finishes.check(reader.of_all)
            try:
                phone, call = reader.read(row)
                finishes.check(call)
            except RejectedError as error:
                self._reject(number, row, error, typed=typed)
                continue  # beyond the limit too: a person is told of all rows at once
            spool.add(number, phone, call, reader.keys(row))
            countries.add(phone)
            if not number % _ROWS_AT_ONCE and time.monotonic() - spoken > 5:
                spoken = time.monotonic()
                log.info("Freezing the call list: %s rows read, %s of them rejected.", f"{number:,}",
                         f"{self._rejected.count:,}")  # fmt: skip
        self.count = number

    def _reject(self, number: int, row: Any, error: RejectedError, *, typed: bool) -> None:
        if typed and isinstance(error, RejectedTypeError) and error.what.startswith("payload"):
            raise RejectedError(
                f"{error}. All values of its column are of that type, so no row could be called: leave it out "
                "by payload_columns, or cast it in the query"
            ) from None
        if self.reader.readings is not None and isinstance(error, AmbiguousPhoneError):
            self.reader.readings.ambiguous += 1
        self._rejections.add(number, error)
        keys = self.reader.keys(row)
        self._rejected.add({"row": number, "keys": msgspec.Raw(keys), "reason": str(error)})
        self._told_to_people.add(number, msgspec.json.decode(keys), str(error))

    def end_rejected(self, folder: Folder) -> None:
        """All rows were read: write down those that were rejected, whatever becomes of the others."""
        self._rejections.hint = "" if self.reader.readings is None else self.reader.readings.hint()
        self.parts = self._rejected.close()
        if self._rejected.count:
            self._told_to_people.write(folder)
        self._writer.wait()

    def check_limit(self, limit: Limit, folder: Folder) -> None:
        """Go on only if no more rows were rejected than allowed.

        :raises TooManyRejectedError: if more were
        """
        most, rejected = limit.of(self.count), self.rejected
        if most is not None and rejected > most:
            raise TooManyRejectedError(
                f"{rejected:,} of {self.count:,} rows can't be called, more than the {most:,} that max_rejected "
                f"allows, so nothing was sent. Most frequent: {self._rejections.told()}. Each row with its reason: "
                f"{folder.address}/{rejected_csv.NAME}. {self.reader.way_out}; or raise max_rejected",
                rejected,
            )

    def tell(self, log: Log) -> None:
        """Tell in the log what the list is made of."""
        if counts := self.countries.counts():
            log.info("Calls by country: %s.", by_country(counts))
        if aside := self._rejections.told():
            log.warning("%s rows can't be called and are set aside: %s.", f"{self.rejected:,}", aside)
