"""Who holds rows of a query: a call list, and the task instance that freezes it.

Values alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = ["ListHolder", "UnfinishedList", "holder_of"]


@dataclass(frozen=True, slots=True)
class ListHolder:
    """A list, and the task instance that freezes it.

    :param call_list: its id
    :param path: the address of its folder
    :param map_index: -1 if the task isn't mapped
    :param iteration: of the loop that the task is in, from 0; -1 outside of one
    :param results_table: in which its rows are told of; empty for that beside which the claims are asked for
    """

    call_list: str
    path: str
    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1
    iteration: int = -1
    results_table: str = ""

    @property
    def words(self) -> str:
        """The list and its run, as a reason names them."""
        looped = f", iteration {self.iteration} of its loop" if self.iteration >= 0 else ""
        mapped = f", map index {self.map_index}" if self.map_index >= 0 else ""
        return f"the call list {self.call_list} of run {self.run_id}{looped}{mapped}"

    def is_of_task(self, other: ListHolder) -> bool:
        """Whether the other list is of the same DAG and task."""
        return (self.dag_id, self.task_id) == (other.dag_id, other.task_id)

    def is_beside(self, other: ListHolder) -> bool:
        """Whether the other list is of another map index, or iteration, of this very run: told apart on purpose."""
        apart = (self.map_index, self.iteration) != (other.map_index, other.iteration)
        return self.run_id == other.run_id and apart


@dataclass(frozen=True, slots=True)
class UnfinishedList:
    """Another list that holds rows.

    :param rows: how many
    :param begun_at: when it was begun
    :param being_sent: whether its sending was begun, as the database knows
    :param earlier: whether it was begun before the list that asks
    """

    holder: ListHolder
    rows: int
    begun_at: datetime
    being_sent: bool
    earlier: bool = True

    @property
    def began_at(self) -> float:
        """When it was begun, in Unix seconds, by the clock of the worker that did."""
        begun = self.begun_at if self.begun_at.tzinfo is not None else self.begun_at.replace(tzinfo=UTC)
        return begun.timestamp()


def holder_of(row: Any) -> ListHolder:
    """The holder that a row of the table of lists tells of."""
    return ListHolder(
        row.call_list, row.path, row.dag_id, row.task_id, row.run_id, row.map_index, row.iteration, row.results_table
    )
