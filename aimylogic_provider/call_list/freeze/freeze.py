"""Freezing: rows, read once as they stream in, become a call list in a fresh folder.

Calls wait in a temporary file of this worker until all rows are read, for only then is it known which of them are
doubles (``spool``). So rows are never all in memory; and their order is kept.

What comes of each row, ``rows_read`` and ``set_aside`` write down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from aimylogic_provider.call_list.freeze.batch_cutting import BatchCutter, Cut
from aimylogic_provider.call_list.freeze.finish_times import Finishes
from aimylogic_provider.call_list.freeze.list_files import ListWriter
from aimylogic_provider.call_list.freeze.rejected.rejected_csv import RejectedCsv
from aimylogic_provider.call_list.freeze.rejected.rejected_limit import Limit
from aimylogic_provider.call_list.freeze.rejected.rejections import Rejections
from aimylogic_provider.call_list.freeze.request_size import BRACKETS
from aimylogic_provider.call_list.freeze.rows_read import Reader, RowsRead
from aimylogic_provider.call_list.freeze.rules import FreezeRule, PhoneRule
from aimylogic_provider.call_list.freeze.set_aside import RowsSetAside
from aimylogic_provider.call_list.freeze.spool import Spool, Spools
from aimylogic_provider.call_list.garbage_collection import seldom_collected
from aimylogic_provider.call_list.store.caps import Cap
from aimylogic_provider.call_list.store.manifest import (
    FORMAT,
    BrakesTold,
    Manifest,
    Pointer,
    sha256,
)
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.tables.claims import Claimed, ListHolder, Person
from aimylogic_provider.idempotence.ports import Log

__all__ = ["ListOrigin", "freeze"]


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
        read = RowsRead(reader, writer, told_to_people, rejections or Rejections(log), finishes or Finishes())
        read.read(rows, spool, log, typed=typed)
        read.end_rejected(folder)
        read.check_limit(limit, folder)
        aside = RowsSetAside(writer, read.countries)
        for rule in rules:
            marked = rule.marked_phones(spool.phones) if isinstance(rule, PhoneRule) else rule.marked(spool.people)
            if any(marked.marks):
                aside.spare(rule.kind, marked, spool, free := spools.fresh())
                spool = free
        holders: list[ListHolder] = []
        if claim is not None:
            claimed = claim(spool.people)
            holders = claimed.others
            if holders:
                aside.hold(claimed, spool, free := spools.fresh())
                spool = free
        cutter = BatchCutter(writer, cut)
        _cut(spool, cutter, cut, aside)
        manifest = _manifest(origin, read, aside, cutter, cut, holders, _starts(rules))
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        writer.wait()  # what names the rest is written last
        writer.write("list.json", content)
        writer.wait()
        read.tell(log)
        return manifest.pointer(folder.address, sha256(content))


def _cut(spool: Spool, cutter: BatchCutter, cut: Cut, aside: RowsSetAside) -> None:
    """Cut the calls into batches, and set aside doubles, and those of phones that are called often enough."""
    if spool.end() and cut.shards == 1:
        for calls, content in spool.runs(cut.batch_size, cut.max_bytes - BRACKETS, cut.first):
            cutter.add_batch(calls, content)
        return
    for spooled in spool.calls():
        if cut.calls_per_phone is not None and spooled.turn >= cut.calls_per_phone:
            aside.cap(spooled, cut.calls_per_phone)
        elif spooled.double_of is None:
            cutter.add(spooled)
        else:
            aside.double(spooled)


def _manifest(
    origin: ListOrigin,
    read: RowsRead,
    aside: RowsSetAside,
    cutter: BatchCutter,
    cut: Cut,
    holders: Sequence[ListHolder],
    starts: tuple[str, ...],
) -> Manifest:
    """Write the rest, and return what the list says of itself."""
    parts = read.parts | aside.close()
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
        method=read.reader.method,
        rows=read.count,
        calls=cutter.calls,
        doubles=aside.doubles.count,
        rejected=read.rejected,
        claimed=aside.held.count,
        held_by=tuple(other.call_list for other in holders),
        capped=aside.capped.count,
        excluded=aside.excluded.count,
        held_out=aside.held_out.count,
        shards=cut.shards,
        policy_by_row=read.reader.policy_by_row,
        keys=read.reader.key_names,
        batches=batches,
        parts=parts,
        finishes=read.finishes.told,
        countries=read.countries.counts(),
    )


def _starts(rules: Sequence[FreezeRule | PhoneRule]) -> tuple[str, ...]:
    """What a later look must know of the phones that were looked for: in the same order, whoever asks."""
    return tuple(sorted({start for rule in rules if isinstance(rule, PhoneRule) for start in rule.starts}))
