"""Whom a task's list holds in the tables of claims, once that task has ended: nobody for longer than must be.

How a list lets go, ``claim_release`` tells; here is when, and of which list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list_task.call_list_base import CallListBase

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper

__all__ = ["HoldsPeople"]


class HoldsPeople(CallListBase):
    """What sends a list that may hold people, so that no other run calls them."""

    _keeper: EntryKeeper | None

    @property
    def _resumed(self) -> bool:
        """Whether this very try has waited, for a person or for the first calls, and goes on."""
        raise NotImplementedError

    def _shard_of(self, pointer: Pointer) -> int:
        """Which shard of a list is to be sent."""
        raise NotImplementedError

    @contextmanager
    def _letting_go(self, context: Context) -> Iterator[None]:
        """Once the task has ended for good, have other runs call whom its list surely was not sent to."""
        from aimylogic_provider.airflow_task.run_context import is_last
        from aimylogic_provider.call_list_task.claims_of_task import INTERRUPTIONS
        from aimylogic_provider.retries.task_failures import gives_up

        try:
            yield
        except (Exception, *INTERRUPTIONS) as error:
            if self.results_table is not None and (is_last(context, error) or gives_up(context, error)):
                try:
                    self._let_go(context, self.results_table)
                except Exception as another:  # noqa: BLE001  # the first one is to be told
                    self.log.warning("What the call list holds can't be let go of: %s.", another)
            raise

    def _let_go(self, context: Context, results_table: str) -> None:
        """Have the task's list hold nobody any more to whom surely nothing was sent."""
        from aimylogic_provider.airflow_task.run_context import is_first_try
        from aimylogic_provider.airflow_task.task_state import has_store
        from aimylogic_provider.call_list_task.claim_release import let_go_unsent
        from aimylogic_provider.call_list_task.sync_entry_stores import begin

        task, resumed = self._task_folder(context), self._resumed
        keeper = self._keeper or begin(context, task, self.log, told="", resumed=resumed)
        pointer = self._list_of(keeper)
        if pointer is not None and not self._give_up_unsent(keeper, pointer, results_table):
            let_go_unsent(
                keeper,
                pointer,
                self._shard_of(pointer),
                task,
                is_fenced=has_store(context) or (is_first_try(context) and not resumed),
                keeps_list=self._said_yes(keeper),
                results_table=results_table,
                conn_id=self._results_conn_id(),
                log=self.log,
            )

    def _list_of(self, keeper: EntryKeeper) -> Pointer | None:
        """The list that this task sends, or was to send."""
        return keeper.entry.call_list

    def _give_up_unsent(self, keeper: EntryKeeper, pointer: Pointer, results_table: str) -> bool:
        """Delete a list that the task never began to send, if it can freeze another one; return whether that is so."""
        return False

    def _said_yes(self, keeper: EntryKeeper) -> bool:
        """Whether the task keeps its list though nothing of it was sent."""
        return False

    def _check_not_abandoned(self, context: Context, report: Mapping[str, Any]) -> None:
        """Have the task fail, now that all its own is settled, if nobody goes on with a list that holds people.

        :raises CallListError: if so
        """
        from aimylogic_provider.airflow_task.run_context import tasks_of_dag
        from aimylogic_provider.call_list_task.claims_of_task import opened_claims
        from aimylogic_provider.call_list_task.unfinished_lists import check_not_abandoned

        if self.results_table is not None:
            claims = opened_claims(self.results_table, self._results_conn_id())
            list_id = str(report["call_list"]).rpartition("/")[2]
            check_not_abandoned(list_id, claims, tasks_of_dag(context, self), self.log)
