"""Jobs that the report showed of parked calls, as tries wrote them down: a report that lacks one contradicts itself.

Such a report proves nothing of the others that it lacks, either. A person who was told of a job said nothing of a call
without one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from aimylogic_provider.call_list.store.list_reader import ListReader
from aimylogic_provider.call_list.store.open_batch import NotedSend
from aimylogic_provider.call_list.store.read_objects import decoded

__all__ = ["JobsShownBefore"]


class _UnknownLine(msgspec.Struct, frozen=True):
    """What counts here of a parked call's line in ``unknown/``."""

    row: int
    batch: str
    sends: tuple[tuple[float, float], ...] = ()
    jobs: tuple[str, ...] | None = None


class _Shown(NamedTuple):
    sends: frozenset[tuple[float, float]]
    jobs: tuple[str, ...]


_lines = msgspec.json.Decoder(_UnknownLine)


class JobsShownBefore:
    """The jobs that a list's parked calls were shown to have. Read once, when it is first asked."""

    def __init__(self, call_list: ListReader) -> None:
        self._call_list = call_list
        self._of_batch: dict[str, dict[int, list[_Shown]]] | None = None

    def lacking(
        self, batch: str, sends: Iterable[NotedSend], found: Mapping[int, Collection[str]], read: Collection[str]
    ) -> list[str]:
        """Return the jobs that were shown of calls of which no job is shown now, and that the report lacks altogether.

        :param sends: of the calls, whose answer isn't known: what was shown of others is of no account
        :param found: the jobs that are shown of each now, by row
        :param read: all that the report shows now, whosesoever
        :raises CallListError: if what was written down is gone, unreachable, or not what was written
        """
        now = {(send.at, send.until) for send in sends}
        before = self._read().get(batch, {})
        return [
            job
            for row, jobs in found.items()
            if not jobs
            for shown in before.get(row, ())
            if shown.sends & now
            for job in shown.jobs
            if job not in read
        ]

    def _read(self) -> dict[str, dict[int, list[_Shown]]]:
        if self._of_batch is None:
            of_batch: defaultdict[str, dict[int, list[_Shown]]] = defaultdict(dict)
            for name in [name for name in self._call_list.names if name.startswith("unknown/")]:
                for line in decoded(self._call_list.folder, name, _lines.decode_lines):
                    if line.jobs:
                        shown = _Shown(frozenset(line.sends), line.jobs)
                        of_batch[line.batch].setdefault(line.row, []).append(shown)
            self._of_batch = dict(of_batch)
        return self._of_batch
