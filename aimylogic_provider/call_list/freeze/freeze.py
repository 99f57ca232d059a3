"""Freezing: the rows of a query, read once as they stream in, become a call list in a fresh folder.

Calls wait in a temporary file of this worker until the query has ended, for only then is it known which of them are
doubles (``spool``). So rows are never all in memory; and the query's order is kept.
"""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import msgspec

from aimylogic_provider.call_list.freeze import rejected_csv
from aimylogic_provider.call_list.freeze.finishes import Finishes
from aimylogic_provider.call_list.freeze.rejected_csv import RejectedCsv
from aimylogic_provider.call_list.freeze.rejections import Rejections
from aimylogic_provider.call_list.freeze.rows import BRACKETS, Columns, RowReader
from aimylogic_provider.call_list.freeze.spool import Spool, SpooledCall
from aimylogic_provider.call_list.send.garbage_collection import seldom_collected
from aimylogic_provider.call_list.store.manifest import FORMAT, Batch, CallListError, Manifest, Pointer, sha256
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.stored_call import CallLine, decode_line
from aimylogic_provider.call_list.tables.claims import Claimed, ListHolder, Person
from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.phones.countries import CallsByCountry, by_country
from aimylogic_provider.calls_api.phones.phone import AmbiguousPhoneError
from aimylogic_provider.idempotence.ports import Log

__all__ = ["Cut", "Limit", "ListOrigin", "TooManyRejectedError", "capped_because", "freeze"]

_ROWS_AT_ONCE = 1000
_LINES_PER_PART = 10_000
_WRITES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Cut:
    """How a list is cut.

    :param batch_size: calls in a batch, at most
    :param max_bytes: of a batch's request, at most
    :param shards: parts that can be sent apart
    :param calls_per_phone: of one phone, at most; None for any number
    """

    batch_size: int = 1000
    max_bytes: int = 1_000_000
    shards: int = 1
    calls_per_phone: int | None = None


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
    """

    list_id: str
    task: str
    task_folder: str
    source: str = ""


class TooManyRejectedError(CallListError):
    """More rows were rejected or refused than allowed."""


@seldom_collected()
def freeze(
    rows: Iterable[Sequence[Any]],
    names: Sequence[str],
    columns: Columns,
    folder: Folder,
    *,
    cut: Cut,
    limit: Limit,
    origin: ListOrigin,
    log: Log,
    rejections: Rejections | None = None,
    finishes: Finishes | None = None,
    claim: Callable[[Callable[[], Iterable[Person]]], Claimed] | None = None,
    typed: bool = False,
) -> Pointer:
    """Write a call list into *folder*, which must be fresh, and return the pointer to it.

    :param names: the query's columns
    :param rejections: counts the rows that can't be called
    :param finishes: knows which calls are too late
    :param claim: claims the rows of those people, once the query has ended; rows that others hold are set aside
    :param typed: whether all values of a column are of one type, so that one that can't be sent tells of all
    :raises RejectedError: if the columns don't fit the query, a column holds what can't be sent, or all its rows would
        be too late
    :raises TooManyRejectedError: if more rows can't be called than *limit* allows: what was set aside is written down
    """
    reader = RowReader(columns, names)
    with (
        _Writer(folder) as writer,
        Spool() as spool,
        Spool() as free,
        RejectedCsv(columns.keys) as told_to_people,
    ):
        rejected = _LineFiles(writer, "rejected")
        doubles = _LineFiles(writer, "doubles")
        held = _LineFiles(writer, "held")
        capped = _LineFiles(writer, "capped")
        cutter = _Cutter(writer, cut)
        rejections, finishes = rejections or Rejections(log), finishes or Finishes()
        countries = CallsByCountry()
        told = time.monotonic()
        number = 0
        for number, row in enumerate(rows, 1):
            if number == 1:
                finishes.check(reader.of_all)
            try:
                phone, call = reader.read(row)
                finishes.check(call)
            except RejectedError as error:
                if typed and isinstance(error, RejectedTypeError) and error.what.startswith("payload"):
                    raise RejectedError(
                        f"{error}. All values of its column are of that type, so no row could be called: leave it out "
                        "by payload_columns, or cast it in the query"
                    ) from None
                if reader.readings is not None and isinstance(error, AmbiguousPhoneError):
                    reader.readings.ambiguous += 1
                rejections.add(number, error)
                keys = reader.keys(row)
                rejected.add({"row": number, "keys": msgspec.Raw(keys), "reason": str(error)})
                told_to_people.add(number, msgspec.json.decode(keys), str(error))
                continue  # beyond the limit too: a person is told of all rows at once
            spool.add(number, phone, call, reader.keys(row))
            countries.add(phone)
            if not number % _ROWS_AT_ONCE and time.monotonic() - told > 5:
                told = time.monotonic()
                log.info("Freezing the call list: %s rows read, %s of them rejected.", f"{number:,}",
                         f"{rejected.count:,}")  # fmt: skip
        rejections.hint = "" if reader.readings is None else reader.readings.hint()
        parts = rejected.close()
        if rejected.count:
            told_to_people.write(folder)
        writer.wait()
        most = limit.of(number)
        if most is not None and rejected.count > most:
            raise TooManyRejectedError(
                f"{rejected.count:,} of {number:,} rows can't be called, more than the {most:,} that max_rejected "
                f"allows, so nothing was sent. Most frequent: {rejections.told()}. Each row with its reason: "
                f"{folder.address}/{rejected_csv.NAME}. Correct the rows, or raise max_rejected, and clear the task"
            )
        holders: list[ListHolder] = []
        if claim is not None:
            claimed = claim(spool.people)
            holders = claimed.others
            if holders:
                held_by = [f"held by {other.words}, which is unfinished: not called by this run" for other in holders]

                def set_aside(line: CallLine, mark: int) -> None:
                    held.add({"row": line.row, "keys": line.keys, "reason": held_by[mark - 1]})
                    countries.take_off(line.phone)

                spool.part(claimed.marks, free, set_aside)
                spool = free
        if spool.end() and cut.shards == 1:
            for calls, content in spool.runs(cut.batch_size, cut.max_bytes - BRACKETS):
                cutter.add_batch(calls, content)
            spooled_calls: Iterable[SpooledCall] = ()
        else:
            spooled_calls = spool.calls()
        for spooled in spooled_calls:
            if cut.calls_per_phone is not None and spooled.turn >= cut.calls_per_phone:
                line = decode_line(spooled.line)
                capped.add({"row": line.row, "keys": line.keys, "reason": capped_because(spooled.first, cut)})
                countries.take_off(str(spooled.phone))
            elif spooled.double_of is None:
                cutter.add(spooled)
            else:
                line = decode_line(spooled.line)
                doubles.add({"row": line.row, "keys": line.keys, "double_of": spooled.double_of})
                countries.take_off(str(spooled.phone))
        parts |= doubles.close() | held.close() | capped.close()
        batches = tuple(cutter.close())
        manifest = Manifest(
            format=FORMAT,
            id=origin.list_id,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            task=origin.task,
            task_folder=origin.task_folder,
            source=origin.source,
            method=columns.method,
            rows=number,
            calls=cutter.calls,
            doubles=doubles.count,
            rejected=rejected.count,
            claimed=held.count,
            held_by=tuple(other.call_list for other in holders),
            capped=capped.count,
            shards=cut.shards,
            policy_by_row=bool(columns.policy),
            keys=columns.keys,
            batches=batches,
            parts=parts,
            finishes=finishes.told,
            countries=countries.counts(),
        )
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        writer.wait()  # what names the rest is written last
        writer.write("list.json", content)
        writer.wait()
        if manifest.countries:
            log.info("Calls by country: %s.", by_country(manifest.countries))
        if aside := rejections.told():
            log.warning("%s rows can't be called and are set aside: %s.", f"{rejected.count:,}", aside)
        return manifest.pointer(folder.address, sha256(content))


def capped_because(first: int | None, cut: Cut) -> str:
    """Why a row is capped, in words."""
    return (
        f"its phone is called for row {first} already, and max_calls_per_phone allows {cut.calls_per_phone} a list: "
        "raise it to have one person called for several rows"
    )


class _Writer:
    """Writes objects, a few at a time, while rows are read on."""

    def __init__(self, folder: Folder) -> None:
        self.address = folder.address
        self._folder = folder
        self._threads = ThreadPoolExecutor(_WRITES_AT_ONCE)
        self._writes: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._threads.shutdown()

    def write(self, name: str, content: bytes) -> None:
        """Begin to write an object; wait for earlier ones, so that not many are in memory.

        :raises OSError: if an earlier one could not be written
        """
        while len(self._writes) >= _WRITES_AT_ONCE:
            self._writes.popleft().result()
        self._writes.append(self._threads.submit(self._folder.write, name, content))

    def wait(self) -> None:
        """Wait until all is written.

        :raises OSError: if something could not be
        """
        while self._writes:
            self._writes.popleft().result()


class _LineFiles:
    """Lines of JSON, in files of some thousands each."""

    def __init__(self, folder: _Writer, name: str) -> None:
        self._folder = folder
        self._name = name
        self._lines: list[bytes] = []
        self._digests: dict[str, str] = {}
        self.count = 0

    def add(self, line: dict[str, object]) -> None:
        self.count += 1
        self._lines.append(msgspec.json.encode(line))
        if len(self._lines) >= _LINES_PER_PART:
            self._write()

    def close(self) -> dict[str, str]:
        """Write the rest; return the digests of all files by name."""
        if self._lines:
            self._write()
        return self._digests

    def _write(self) -> None:
        name = f"{self._name}/{len(self._digests) + 1:05}.jsonl"
        content = b"\n".join(self._lines) + b"\n"
        self._folder.write(name, content)
        self._digests[name] = sha256(content)
        self._lines.clear()


class _Cutter:
    """Cuts calls into batches: of one shard and one turn each, so that no phone is in a batch twice."""

    def __init__(self, folder: _Writer, cut: Cut) -> None:
        self._folder = folder
        self._cut = cut
        self._open: dict[tuple[int, int], list[bytes]] = {}
        self._bytes: dict[tuple[int, int], int] = {}
        self._batches: list[Batch] = []
        self.calls = 0

    def add_batch(self, calls: int, content: bytes) -> None:
        """Add calls that are a batch as they stand."""
        self._write_batch(calls, content, turn=0, shard=0)

    def add(self, call: SpooledCall) -> None:
        """Add a call to the batch of its turn and shard."""
        shard = zlib.crc32(b"%d" % call.phone) % self._cut.shards if self._cut.shards > 1 else 0
        group = (call.turn, shard)
        lines = self._open.setdefault(group, [])
        size = len(call.line)
        full = len(lines) >= self._cut.batch_size or self._bytes.get(group, 0) + size > self._cut.max_bytes - BRACKETS
        if lines and full:
            self._write(group)
            lines = self._open[group] = []
        self._bytes[group] = self._bytes.get(group, 0) + size
        lines.append(call.line)

    def close(self) -> list[Batch]:
        """Write the rest; return all batches, those of an earlier turn first."""
        for group in sorted(self._open):
            self._write(group)
        return sorted(self._batches, key=lambda batch: (batch.turn, int(batch.name)))

    def _write(self, group: tuple[int, int]) -> None:
        lines = self._open.pop(group)
        self._bytes.pop(group)
        turn, shard = group
        self._write_batch(len(lines), b"".join(lines), turn=turn, shard=shard)

    def _write_batch(self, calls: int, content: bytes, *, turn: int, shard: int) -> None:
        batch = Batch(f"{len(self._batches) + 1:05}", calls, turn, shard, sha256(content))
        self._folder.write(batch.file, content)
        self._batches.append(batch)
        self.calls += calls
