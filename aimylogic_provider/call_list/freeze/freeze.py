"""Freezing: rows, read once as they stream in, become a call list in a fresh folder.

Calls wait in a temporary file of this worker until all rows are read, for only then is it known which of them are
doubles (``spool``). So rows are never all in memory; and their order is kept.

What a row is, a query's or a call that was given, and how it becomes a call, is its reader's affair.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from aimylogic_provider.call_list.freeze import rejected_csv
from aimylogic_provider.call_list.freeze.batch_cutting import BatchCutter, Cut
from aimylogic_provider.call_list.freeze.finish_times import Finishes
from aimylogic_provider.call_list.freeze.list_files import LineFiles, ListWriter
from aimylogic_provider.call_list.freeze.phone_readings import PhoneReadings
from aimylogic_provider.call_list.freeze.rejected_csv import RejectedCsv
from aimylogic_provider.call_list.freeze.rejections import Rejections
from aimylogic_provider.call_list.freeze.request_size import BRACKETS
from aimylogic_provider.call_list.freeze.rules import FreezeRule, Marked, PhoneRule, SparedKind
from aimylogic_provider.call_list.freeze.spool import Spool, Spools
from aimylogic_provider.call_list.garbage_collection import seldom_collected
from aimylogic_provider.call_list.store.caps import Cap
from aimylogic_provider.call_list.store.manifest import (
    FORMAT,
    BrakesTold,
    CallListError,
    Manifest,
    Method,
    Pointer,
    sha256,
)
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.stored_call import CallLine, decode_line
from aimylogic_provider.call_list.tables.claims import Claimed, ListHolder, Person
from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.phones.countries import CallsByCountry, by_country
from aimylogic_provider.calls_api.phones.phone import AmbiguousPhoneError
from aimylogic_provider.idempotence.ports import Log

__all__ = ["Limit", "ListOrigin", "Reader", "TooManyRejectedError", "capped_because", "freeze"]

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Limit:
    """How many rows may be rejected or refused.

    :param most: a count, or a share of all rows, from 0 to 1, as a float; None for any number
    """

    most: int | float | None = None

    def of(self, rows: int) -> int | None:
        """How many of *rows*."""
        # A share of 0.29 of a hundred is 29, whatever floats make of it.
        return int(self.most * rows + 1e-6) if isinstance(self.most, float) else self.most


@dataclass(frozen=True, slots=True)
class ListOrigin:
    """Where a list comes from, as it says of itself.

    :param list_id: what no other list has; the idempotence keys are made of it
    :param task: the DAG run's task that freezes it, in words
    :param task_folder: beneath which the lists of that task lie, of all its runs
    :param source: digest of what a mapped task was told to freeze; empty if the task isn't mapped
    :param results_table: that its task was given; empty for none
    :param exclude: and the four after it: see :class:`.Manifest`
    """

    list_id: str
    task: str
    task_folder: str
    source: str = ""
    results_table: str = ""
    exclude: str = ""
    exclude_reads: tuple[str, str] = ("phone", "")
    caps: tuple[Cap, ...] = ()
    consent: str = ""
    brakes: BrakesTold | None = None


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


class TooManyRejectedError(CallListError):
    """More rows were rejected than allowed.

    :param rejected: how many
    """

    def __init__(self, message: str, rejected: int) -> None:
        super().__init__(message)
        self.rejected = rejected


@seldom_collected()
def freeze(
    rows: Iterable[Any],
    reader: Reader,
    folder: Folder,
    *,
    cut: Cut,
    limit: Limit,
    origin: ListOrigin,
    log: Log,
    rejections: Rejections | None = None,
    finishes: Finishes | None = None,
    rules: Sequence[FreezeRule | PhoneRule] = (),
    claim: Callable[[Callable[[], Iterable[Person]]], Claimed] | None = None,
    typed: bool = False,
) -> Pointer:
    """Write a call list into *folder*, which must be fresh, and return the pointer to it.

    :param rejections: counts the rows that can't be called
    :param finishes: knows which calls are too late
    :param rules: say who isn't called, one after the other, once all rows are read
    :param claim: claims the rows of the people whom those leave; rows that others hold are set aside
    :param typed: whether all values of a column are of one type, so that one that can't be sent tells of all
    :raises RejectedError: if a column holds what can't be sent, or all rows would be too late
    :raises TooManyRejectedError: if more rows can't be called than *limit* allows: what was set aside is written down
    """
    with (
        ListWriter(folder) as writer,
        Spools(origin.consent) as spools,
        RejectedCsv(reader.key_names) as told_to_people,
    ):
        spool = spools.fresh()
        frozen = _FrozenRows(reader, writer, told_to_people, rejections or Rejections(log), finishes or Finishes())
        frozen.read(rows, spool, log, typed=typed)
        frozen.end_rejected(folder)
        frozen.check_limit(limit, folder)
        for rule in rules:
            marked = rule.marked_phones(spool.phones) if isinstance(rule, PhoneRule) else rule.marked(spool.people)
            if any(marked.marks):
                frozen.set_aside(rule.kind, marked, spool, free := spools.fresh())
                spool = free
        holders: list[ListHolder] = []
        if claim is not None:
            claimed = claim(spool.people)
            holders = claimed.others
            if holders:
                frozen.set_aside_held(claimed, spool, free := spools.fresh())
                spool = free
        cutter = BatchCutter(writer, cut)
        frozen.cut(spool, cutter, cut)
        manifest = frozen.manifest(origin, cutter, cut, holders, _starts(rules))
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        writer.wait()  # what names the rest is written last
        writer.write("list.json", content)
        writer.wait()
        frozen.tell(manifest, log)
        return manifest.pointer(folder.address, sha256(content))


class _FrozenRows:
    """Rows on their way into a list: calls wait in a spool, and what isn't called is written down."""

    def __init__(
        self,
        reader: Reader,
        writer: ListWriter,
        told_to_people: RejectedCsv,
        rejections: Rejections,
        finishes: Finishes,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._told_to_people = told_to_people
        self._rejections = rejections
        rejections.way_out = reader.way_out
        self._finishes = finishes
        self._rejected = LineFiles(writer, "rejected")
        self._doubles = LineFiles(writer, "doubles")
        self._held = LineFiles(writer, "held")
        self._spared = {kind: LineFiles(writer, kind) for kind in ("capped", "excluded", "held_out")}
        self._capped = self._spared["capped"]
        self._countries = CallsByCountry()
        self._rejected_files: dict[str, str] = {}
        self._rows = 0

    def read(self, rows: Iterable[Any], spool: Spool, log: Log, *, typed: bool) -> None:
        """Make calls of all rows, and set aside those that can't be called.

        :raises RejectedError: if no row could be called
        """
        reader, finishes, countries = self._reader, self._finishes, self._countries
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
        self._rows = number

    def _reject(self, number: int, row: Any, error: RejectedError, *, typed: bool) -> None:
        if typed and isinstance(error, RejectedTypeError) and error.what.startswith("payload"):
            raise RejectedError(
                f"{error}. All values of its column are of that type, so no row could be called: leave it out "
                "by payload_columns, or cast it in the query"
            ) from None
        if self._reader.readings is not None and isinstance(error, AmbiguousPhoneError):
            self._reader.readings.ambiguous += 1
        self._rejections.add(number, error)
        keys = self._reader.keys(row)
        self._rejected.add({"row": number, "keys": msgspec.Raw(keys), "reason": str(error)})
        self._told_to_people.add(number, msgspec.json.decode(keys), str(error))

    def end_rejected(self, folder: Folder) -> None:
        """All rows were read: write down those that were rejected, whatever becomes of the others."""
        self._rejections.hint = "" if self._reader.readings is None else self._reader.readings.hint()
        self._rejected_files = self._rejected.close()
        if self._rejected.count:
            self._told_to_people.write(folder)
        self._writer.wait()

    def check_limit(self, limit: Limit, folder: Folder) -> None:
        """Go on only if no more rows were rejected than allowed.

        :raises TooManyRejectedError: if more were
        """
        most, rejected = limit.of(self._rows), self._rejected.count
        if most is not None and rejected > most:
            raise TooManyRejectedError(
                f"{rejected:,} of {self._rows:,} rows can't be called, more than the {most:,} that max_rejected "
                f"allows, so nothing was sent. Most frequent: {self._rejections.told()}. Each row with its reason: "
                f"{folder.address}/{rejected_csv.NAME}. {self._reader.way_out}; or raise max_rejected",
                rejected,
            )

    def set_aside_held(self, claimed: Claimed, spool: Spool, free: Spool) -> None:
        """Set aside the rows that other lists hold.

        :param free: takes the others
        """
        held_by = [f"held by {other.words}, which is unfinished: not called by this run" for other in claimed.others]

        self._part(Marked(claimed.marks, held_by), spool, free, self._held)

    def set_aside(self, kind: SparedKind, marked: Marked, spool: Spool, free: Spool) -> None:
        """Set aside the rows that a rule spares.

        :param free: takes the others
        """
        self._part(marked, spool, free, self._spared[kind])

    def _part(self, marked: Marked, spool: Spool, free: Spool, files: LineFiles) -> None:
        def set_aside(line: CallLine, mark: int) -> None:
            files.add({"row": line.row, "keys": line.keys, "reason": marked.reasons[mark - 1]})
            self._countries.take_off(line.phone)

        spool.part(marked.marks, free, set_aside)

    def cut(self, spool: Spool, cutter: BatchCutter, cut: Cut) -> None:
        """Cut the calls into batches, and set aside doubles, and those of phones that are called often enough."""
        if spool.end() and cut.shards == 1:
            for calls, content in spool.runs(cut.batch_size, cut.max_bytes - BRACKETS, cut.first):
                cutter.add_batch(calls, content)
            return
        for spooled in spool.calls():
            if cut.calls_per_phone is not None and spooled.turn >= cut.calls_per_phone:
                line = decode_line(spooled.line)
                reason = capped_because(spooled.first, cut)
                self._capped.add({"row": line.row, "keys": line.keys, "called": spooled.first, "reason": reason})
                self._countries.take_off(str(spooled.phone))
            elif spooled.double_of is None:
                cutter.add(spooled)
            else:
                line = decode_line(spooled.line)
                self._doubles.add({"row": line.row, "keys": line.keys, "double_of": spooled.double_of})
                self._countries.take_off(str(spooled.phone))

    def manifest(
        self,
        origin: ListOrigin,
        cutter: BatchCutter,
        cut: Cut,
        holders: Sequence[ListHolder],
        starts: tuple[str, ...],
    ) -> Manifest:
        """Write the rest, and return what the list says of itself."""
        parts = self._rejected_files | self._doubles.close() | self._held.close()
        for files in self._spared.values():
            parts |= files.close()
        batches = tuple(cutter.close())
        return Manifest(
            format=FORMAT,
            id=origin.list_id,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            task=origin.task,
            task_folder=origin.task_folder,
            source=origin.source,
            results_table=origin.results_table,
            exclude=origin.exclude,
            exclude_reads=origin.exclude_reads,
            exclude_starts=starts,
            caps=origin.caps,
            consent=origin.consent,
            brakes=origin.brakes,
            method=self._reader.method,
            rows=self._rows,
            calls=cutter.calls,
            doubles=self._doubles.count,
            rejected=self._rejected.count,
            claimed=self._held.count,
            held_by=tuple(other.call_list for other in holders),
            capped=self._capped.count,
            excluded=self._spared["excluded"].count,
            held_out=self._spared["held_out"].count,
            shards=cut.shards,
            policy_by_row=self._reader.policy_by_row,
            keys=self._reader.key_names,
            batches=batches,
            parts=parts,
            finishes=self._finishes.told,
            countries=self._countries.counts(),
        )

    def tell(self, manifest: Manifest, log: Log) -> None:
        """Tell in the log what the list is made of."""
        if manifest.countries:
            log.info("Calls by country: %s.", by_country(manifest.countries))
        if aside := self._rejections.told():
            log.warning("%s rows can't be called and are set aside: %s.", f"{manifest.rejected:,}", aside)


def _starts(rules: Sequence[FreezeRule | PhoneRule]) -> tuple[str, ...]:
    """What a later look must know of the phones that were looked for: in the same order, whoever asks."""
    return tuple(sorted({start for rule in rules if isinstance(rule, PhoneRule) for start in rule.starts}))


def capped_because(first: int | None, cut: Cut) -> str:
    """Why a row is capped, in words."""
    return (
        f"its phone is called for row {first} already, and max_calls_per_phone allows {cut.calls_per_phone} a list: "
        "raise it to have one person called for several rows"
    )
