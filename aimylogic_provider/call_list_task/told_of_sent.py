"""What a task tells of the list that it sends: its report, the counts so far, the campaign's asset, and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from aimylogic_provider.airflow_task.argument_checks import conn_id_of
from aimylogic_provider.airflow_task.assets import TellsCampaign
from aimylogic_provider.call_list_task.call_list_base import CallListBase

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.send.progress import SyncProgress
    from aimylogic_provider.call_list.send.sending import Sending
    from aimylogic_provider.call_list.store.manifest import Pointer, Tombstone
    from aimylogic_provider.call_list.store.outcomes import Counts
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper
    from aimylogic_provider.lineage.task_lineage import TaskLineage

__all__ = ["TellsSent"]

_NOT_TOLD = ("seconds", "numbers_per_second", "rejected_rows", "jobs")
"""What an event leaves out of a report."""


class TellsSent(TellsCampaign, CallListBase):
    """What sends a list, and tells of it."""

    aimylogic_conn_id: str
    _sends_a_given_list: ClassVar[bool]
    _current: Sending | None
    _keeper: EntryKeeper | None
    _added: int | None = None
    """How many calls the task created by now, as it told whoever observes."""
    _rows_told: int | None = None
    """Rows of the list, or shard, once all of them are in the results table."""

    @property
    def _created_now(self) -> int:
        """How many calls this try created, or found to be created."""
        raise NotImplementedError

    def _campaign(self) -> str:
        """The digest of where this task sends now."""
        raise NotImplementedError

    def _tell_added(self, context: Context, report: dict[str, Any], created_now: int) -> None:
        """Tell the campaign's asset, and whoever collects lineage. What reached nobody makes no event."""
        from aimylogic_provider.call_list.tables.results_table import KEY
        from aimylogic_provider.lineage.hook_lineage import tell_written

        self._added, self._rows_told = created_now, report.get("rows")
        if (table := report.get("results_table")) and self._rows_told:
            tell_written(self._results_conn_id(), table, KEY, self._rows_told)
        told = {name: value for name, value in report.items() if name not in _NOT_TOLD} | {"created_now": created_now}
        self._tell_campaign(context, self.aimylogic_conn_id, told if report.get("created") else None)

    def _known_list(self) -> Pointer | None:
        return (None if self._keeper is None else self._keeper.entry.call_list) or super()._known_list()

    def _counts_so_far(self, error: BaseException | None) -> Mapping[str, Any]:
        """What is known of the list, and how far it is sent, by this try and those before."""
        counts = dict(super()._counts_so_far(error))
        if self._current is None or not counts:
            return counts
        progress = self._current.progress
        sent = progress.counts
        if progress.calls != counts["calls"]:  # a shard
            counts = {name: counts[name] for name in ("call_list", "rejected_rows")} | {"rows": progress.calls}
        return {
            **counts,
            "calls": progress.calls, "created": sent.created, "refused": sent.refused, "expired": sent.expired,
            "excluded": counts.get("excluded", 0) + sent.excluded, "capped": counts.get("capped", 0) + sent.capped,
            "unknown": progress.unknown, "left": max(0, progress.left - progress.unknown),
        }  # fmt: skip

    def _lineage(self, *, over: bool) -> TaskLineage:
        from aimylogic_provider.lineage.task_lineage import TableRows

        told: TaskLineage = super()._lineage(over=over)
        if not getattr(self, "_sends", True):
            return told
        sent = over and (self._current is not None or self._added is not None)
        table = self.results_table if sent else None
        return replace(
            told,
            reads_lists=self._lists if self._sends_a_given_list else None,
            adds_to_campaign=conn_id_of(self.aimylogic_conn_id),
            created=self._added if self._added is not None else self._created_now if sent else None,
            tables=() if table is None else (TableRows(self._results_conn_id(), table, self._rows_told),),
        )

    def _report(self, pointer: Pointer, shard: int, counts: Counts, progress: SyncProgress) -> dict[str, Any]:
        from aimylogic_provider.call_list.store.outcomes import RowCounts

        report = {
            **RowCounts.of_shard(pointer, shard, progress.calls, counts).as_report(),
            "call_list": pointer.path,
            "rejected_rows": pointer.rejected_rows,
            "seconds": round(progress.seconds, 3),
            "numbers_per_second": round(progress.rate, 1),
        }
        if self.results_table is not None:
            report["results_table"] = self.results_table
        return report

    def _told_of_deleted(
        self, task: TaskFolder, keeper: EntryKeeper, tombstone: Tombstone, path: str, shard: int
    ) -> dict[str, Any]:
        """The report of a shard of a list that was deleted after this task had sent it.

        :param path: the list's address
        :raises CallListError: if another task sent it, nobody did, or its calls are in another campaign
        :raises NotAddedError: if it can't be asked just now whether they are
        """
        from aimylogic_provider.call_list.report.campaign_ids import check_created_here, known_campaign
        from aimylogic_provider.call_list.store.list_reader import told_of
        from aimylogic_provider.hooks.aimylogic import AimylogicHook

        report = told_of(tombstone, shard, path, task.words)
        created_in = tombstone.created_in.get(shard, {})
        if created_in and self._campaign() not in created_in:
            client = AimylogicHook(self.aimylogic_conn_id).get_conn()
            campaign = known_campaign(keeper.entry, tombstone.claims, client, self.log)
            check_created_here(created_in, keeper.entry, campaign, path, self.log, settled=True)
        self.log.info("The call list was sent, and deleted since: nothing is sent. Its report was kept.")
        return report

    def _check_reached(
        self, report: Mapping[str, Any], pointer: Pointer | None = None, *, whole: bool = True, why: str = ""
    ) -> None:
        """Let the task end well only if somebody was reached.

        :param pointer: to the list; None if the report is all that is left of it
        :param whole: as :func:`.check_reached` takes it
        :raises NotAddedError: if not
        """
        from aimylogic_provider.call_list.send.nobody_reached import check_reached

        rows, rejected = (report["rows"], report["rejected"]) if pointer is None else (pointer.rows, pointer.rejected)
        frozen = pointer if pointer is not None and pointer.shards == 1 else None
        check_reached(report, rejected=rejected, most=self._limit().of(rows), whole=whole, why=why, frozen=frozen)
