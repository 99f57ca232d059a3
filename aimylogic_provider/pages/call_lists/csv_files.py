"""A list's rows as CSV for people, a piece at a time, so that a list of any size takes the memory of one batch.

As ``rejected.csv``: UTF-8 with a mark at its beginning, which spreadsheet programs look for, commas, and no cell that
one of them would take for a formula. Reads storage.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from aimylogic_provider.call_list.freeze.rejected.rejected_csv import plain_cell
from aimylogic_provider.call_list.report.created_jobs import outcomes_so_far
from aimylogic_provider.call_list.store.list_reader import ListReader, PartKind
from aimylogic_provider.pages.call_lists.list_place import Place, opened, tombstone_at
from aimylogic_provider.pages.call_lists.list_summary import unknown_rows

__all__ = ["FILES", "NothingLeftError"]

_PARTS: tuple[tuple[PartKind, str], ...] = (
    ("rejected", "rejected"), ("doubles", "double"), ("held", "claimed"), ("capped", "capped"),
    ("excluded", "excluded"), ("held_out", "held out"),
)  # fmt: skip
_BYTES = 64 * 1024
_ROWS_A_TURN, _PAUSE = 40, 0.001
"""After so many rows, about as many milliseconds as the pause has, all other threads of the server have a turn.

Else each of the many times that a page waits, as for its database, would be followed by Python's switch interval, 5 ms.
"""

_Row = list[object]


class NothingLeftError(Exception):
    """The list was deleted, but for its counts."""


def rejected(place: Place) -> Iterator[bytes]:
    """The rows that can't be called, with their reasons."""
    found = _whole(place)
    keys = found.manifest.keys
    rows = (
        [line["row"], *_keys(line["keys"], keys), line["reason"]] for lines in found.parts("rejected") for line in lines
    )
    return _written(["row", *keys, "reason"], rows)


def unknown(place: Place) -> Iterator[bytes]:
    """The calls of which it isn't known whether their jobs exist, with the jobs that the report showed."""
    found = _whole(place)
    keys = found.manifest.keys
    wanted = {line["row"]: line for line in unknown_rows(found)}

    def rows() -> Iterator[_Row]:
        batches = {line.get("batch") for line in wanted.values()}
        for batch in found.manifest.batches:
            if batch.name in batches:
                for call in found.lines(batch):
                    if (line := wanted.get(call.row)) is not None:
                        jobs = line.get("jobs")
                        told = "not asked" if jobs is None else " ".join(map(str, jobs))
                        yield [call.row, *_keys(call.keys, keys), call.phone, told]

    return _written(["row", *keys, "phone", "jobs_of_this_phone"], rows())


def results(place: Place) -> Iterator[bytes]:
    """All rows: the calls batch by batch with what became of each, and then what was set aside."""
    found = _whole(place)
    keys = found.manifest.keys
    return _written(["row", *keys, "phone", "outcome", "call_job_id", "reason"], _all_rows(found, keys))


def _all_rows(found: ListReader, keys: tuple[str, ...]) -> Iterator[_Row]:
    parked = {line.get("row") for line in unknown_rows(found)}
    done = found.done()
    for batch in found.manifest.batches:
        outcomes = {one.row: one for one in outcomes_so_far(found, batch, done)}
        for call in found.lines(batch):
            one = outcomes.get(call.row)
            if one is None:
                told: _Row = ["unknown" if call.row in parked else "not sent", "", ""]
            else:
                told = [one.outcome, one.job or "", one.reason or ""]
            yield [call.row, *_keys(call.keys, keys), call.phone, *told]
    for kind, outcome in _PARTS:
        for lines in found.parts(kind):
            for line in lines:
                reason = line.get("reason") or f"the same call as row {line.get('double_of')}"
                yield [line["row"], *_keys(line["keys"], keys), "", outcome, "", reason]


FILES: Mapping[str, Callable[[Place], Iterator[bytes]]] = {
    "rejected": rejected, "unknown": unknown, "results": results
}  # fmt: skip
"""The files that can be had of a list."""


def _whole(place: Place) -> ListReader:
    if tombstone_at(place) is not None:
        raise NothingLeftError(
            "The call list was deleted, but for its counts: its rows are not there any more. The results table of its "
            "task, if it has one, still tells of each"
        )
    return opened(place)


def _keys(values: Mapping[str, Any], names: Iterable[str]) -> list[object]:
    return [values.get(name) for name in names]


def _written(head: Iterable[str], rows: Iterable[_Row]) -> Iterator[bytes]:
    """Rows as CSV, in pieces."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    text.write("\ufeff")
    writer.writerow([plain_cell(name) for name in head])
    for number, row in enumerate(rows, 1):
        writer.writerow([plain_cell(cell) for cell in row])
        if number % _ROWS_A_TURN == 0:
            time.sleep(_PAUSE)
        if text.tell() >= _BYTES:
            yield text.getvalue().encode("utf-8", "replace")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode("utf-8", "replace")
