"""What became of each row of a call list, as a results table tells it: from the list's files alone.

No database is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aimylogic_provider.call_list.store.list_reader import PartKind
from aimylogic_provider.call_list.store.manifest import Batch
from aimylogic_provider.call_list.store.outcomes import CallOutcome
from aimylogic_provider.call_list.store.rows_beside import RowNumbers, rows_beside
from aimylogic_provider.call_list.store.stored_call import CallLine
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.calls_api.phones.phone import mask_phone

__all__ = ["DOUBLE_OF", "KnownOutcomes", "RowResults"]

DOUBLE_OF = "the same call as row "
"""The reason of a double, before the number of the row that is called."""

_ASIDE: Final[tuple[tuple[PartKind, str], ...]] = (
    ("rejected", "rejected"),
    ("held", "claimed"),
    ("excluded", "excluded"),
    ("held_out", "held_out"),
)
"""The files of rows that aren't called whatever becomes of others, and their outcomes."""

KnownOutcomes = Callable[[Batch], tuple[Iterable[CallOutcome], Collection[int]]]
"""What is known of a batch: its settled calls, and which of the other rows are parked, so that nobody knows of them."""


class RowResults:
    """The rows of a shard.

    :param of: what all rows have in common: ``dag_id``, ``task_id`` and ``run_id``
    :param full_phones: whether phones are told in full, or masked
    """

    def __init__(self, call_list: CallList, shard: int, of: Mapping[str, str], *, full_phones: bool) -> None:
        self._list = call_list
        self._shard = shard
        self._shown = str if full_phones else mask_phone
        made = datetime.fromisoformat(call_list.manifest.made_at)
        self._of = {"call_list": call_list.manifest.id, **of, "frozen_at": made}

    def at_first(self, known: KnownOutcomes, *, besides: Collection[str] = ()) -> Iterator[list[dict[str, Any]]]:
        """All rows of the shard, and in the first one those that are no calls at all; as :meth:`of_calls`."""
        yield from self.of_others()
        told = RowNumbers()
        for rows in self.of_calls(known, besides=besides):
            for row in rows:
                told.add(row["row_number"])
            yield rows
        yield from self._beside(told)

    def of_calls(self, known: KnownOutcomes, *, besides: Collection[str] = ()) -> Iterator[list[dict[str, Any]]]:
        """The rows of the shard's calls, by batch, with what is known of them now.

        :param besides: names of batches whose other calls are not this list's any more: only what is settled is told
        :raises CallListError: if a file of the list is gone or unreachable
        """
        for batch in self._list.batches(self._shard):
            outcomes, parked = known(batch)
            settled = {one.row: one for one in outcomes}
            now = datetime.now(UTC)
            rows = [
                self._row(
                    line,
                    phone=self._shown(line.phone),
                    **_told(settled.get(line.row), now, parked=line.row in parked),
                )
                for line in self._list.lines(batch)
                if batch.name not in besides or line.row in settled
            ]
            if rows:
                yield rows

    def of_others(self) -> Iterator[list[dict[str, Any]]]:
        """The rows that aren't called whatever becomes of others, with their reasons: the first shard's."""
        if self._shard:
            return
        for kind, outcome in _ASIDE:
            for lines in self._list.parts(kind):
                yield [self._aside(line, outcome, line["reason"]) for line in lines]
        for capped in self._list.parts("capped"):
            if by_others := [line for line in capped if "called" not in line]:
                yield [self._aside(line, "capped", line["reason"]) for line in by_others]

    def _beside(self, calls: RowNumbers) -> Iterator[list[dict[str, Any]]]:
        """The rows that were set aside because of some calls."""
        for kind, lines in rows_beside(self._list, calls):
            if kind == "doubles":
                yield [self._aside(line, "double", f"{DOUBLE_OF}{line['double_of']}") for line in lines]
            else:
                yield [self._aside(line, "capped", line["reason"]) for line in lines]

    def _row(self, line: CallLine, **more: object) -> dict[str, Any]:
        return {**self._of, "row_number": line.row, **line.keys, **more}

    def _aside(self, line: Mapping[str, Any], outcome: str, reason: str) -> dict[str, Any]:
        return {
            **self._of, "row_number": line["row"], **line["keys"], "phone": None, "outcome": outcome,
            "call_job_id": None, "reason": reason, "settled_at": self._of["frozen_at"],
        }  # fmt: skip


def _told(one: CallOutcome | None, now: datetime, *, parked: bool) -> dict[str, object]:
    if one is not None:
        return {"outcome": one.outcome, "call_job_id": one.job, "reason": one.reason, "settled_at": now}
    if parked:
        reason = "whether its job exists can't be known: see the call list's folder unknown"
        return {"outcome": "unknown", "call_job_id": None, "reason": reason, "settled_at": now}
    return {"outcome": "pending", "call_job_id": None, "reason": None, "settled_at": None}
