"""Where open jobs of ours are told of, with whose they are: a results table, or the files of a call list."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from aimylogic_provider.call_list.tables.job_results import OpenRow, RowsOf
from aimylogic_provider.call_list.tables.withdrawn_rows import PersonOfRow
from aimylogic_provider.calls_api.errors import RejectedError

if TYPE_CHECKING:
    from aimylogic_provider.call_list.store.list_reader import ListReader
    from aimylogic_provider.call_list.store.manifest import Batch, Pointer
    from aimylogic_provider.call_list.tables.job_state import JobState
    from aimylogic_provider.call_list_task.open_jobs.people import PeopleBy

__all__ = ["ListOfJobs", "OpenJobSource"]


class OpenJobSource(Protocol):
    """What tells of open jobs, and is told what becomes of them: a results table, or :class:`ListOfJobs`."""

    def lists(self, of: RowsOf) -> list[str]:
        """The ids of lists that have open rows."""

    def open_rows(self, call_list: str, of: RowsOf) -> Iterator[list[OpenRow]]:
        """The open rows of a list, some at a time."""

    def people(self, call_list: str, of: RowsOf, *, only_open: bool = True) -> Iterator[list[PersonOfRow]]:
        """The rows of a list, with who they are: the open ones, or all that were to be called."""

    def task_of(self, call_list: str) -> str:
        """The task that sent a list, in words."""

    def update(self, call_list: str, shown: Mapping[int, JobState], read_at: datetime) -> int:
        """Tell what the report shows of jobs; how many rows changed."""

    def tell(self, call_list: str, rows: Collection[int], reason: str) -> None:
        """Tell why jobs were cancelled."""

    def close(self) -> None:
        """Close what is open."""


class ListOfJobs:
    """The files of a call list. Which of its jobs are over isn't told there: all count as open until they are shown.

    :param by: how its people are told
    """

    def __init__(self, pointer: Pointer, by: PeopleBy) -> None:
        from aimylogic_provider.call_list.store.list_reader import ListReader, jobs_forgotten

        if ListReader.tombstone(pointer) is not None:
            raise jobs_forgotten(pointer.path)
        self._list: ListReader = ListReader.open(pointer)
        self._done = frozenset(self._list.done())
        self._by = by

    @property
    def results_table(self) -> str:
        """The results table that the list tells of; empty for none."""
        return self._list.manifest.results_table

    def lists(self, of: RowsOf) -> list[str]:
        """The id of the list."""
        return [self._list.manifest.id]

    def open_rows(self, call_list: str, of: RowsOf) -> Iterator[list[OpenRow]]:
        """The calls that have a job, a batch at a time."""
        made = datetime.fromisoformat(self._list.manifest.made_at)
        for batch in self._list.manifest.batches:
            yield [OpenRow(row, job, made) for row, job in self._jobs(batch).items()]

    def people(self, call_list: str, of: RowsOf, *, only_open: bool = True) -> Iterator[list[PersonOfRow]]:
        """The calls, or those that have a job, with who they are."""
        for batch in self._list.manifest.batches:
            jobs = self._jobs(batch)
            if jobs or not only_open:
                lines = self._list.lines(batch)
                yield [
                    PersonOfRow(line.row, jobs.get(line.row, ""), self._values(line.keys, line.phone))
                    for line in lines
                    if line.row in jobs or not only_open
                ]

    def task_of(self, call_list: str) -> str:
        """The list's own."""
        return self._list.manifest.task

    def update(self, call_list: str, shown: Mapping[int, JobState], read_at: datetime) -> int:
        """Keep nothing, for the files of a list are written once."""
        return 0

    def tell(self, call_list: str, rows: Collection[int], reason: str) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Nothing is open."""

    def _jobs(self, batch: Batch) -> dict[int, str]:
        from aimylogic_provider.call_list.report.created_jobs import outcomes_so_far

        return {one.row: one.job for one in outcomes_so_far(self._list, batch, self._done) if one.job is not None}

    def _values(self, keys: Mapping[str, Any], phone: str) -> tuple[Any, ...]:
        if self._by.rules is not None:
            return (phone,)
        folded = {name.casefold(): name for name in keys}
        values = []
        for column in self._by.columns:
            if (name := column if column in keys else folded.get(column.casefold())) is None:
                raise RejectedError(
                    f"key_columns name {column!r}, and the call list has the key columns "
                    f"{', '.join(map(repr, keys)) or 'of none'}: name those, or give phone_column in their place"
                )
            values.append(keys[name])
        return tuple(values)
