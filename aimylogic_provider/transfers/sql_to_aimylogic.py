"""SqlToAimylogicOperator: the people whom a query selects, added to a campaign exactly once per DAG run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from aimylogic_provider.call_list_task.prepare_base import Prepares
from aimylogic_provider.call_list_task.send_base import Sends

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_names import Context
    from aimylogic_provider.call_list.freeze.finishes import Arrival
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, Freezing, SyncEntry

__all__ = ["SqlToAimylogicOperator"]


class SqlToAimylogicOperator(Prepares, Sends):
    """Add the phone numbers that a query selects to an Aimylogic campaign, each exactly once per DAG run.

    The query is asked once. Its rows become a frozen call list, and the list alone is sent, however often the task is
    retried or cleared, and whatever becomes of the rows: nobody is called twice, and nobody is missed. Rows that can't
    be called are set aside with their reasons; rows of the same phone and payload are one call.

    Returns a report: ``rows`` = ``created`` + ``doubles`` + ``rejected`` + ``refused`` + ``unknown`` + ``expired`` +
    ``claimed`` + ``capped``, ``call_list`` (its address), ``rejected_rows`` (that of the rows that can't be called, or
    None), ``seconds`` and ``numbers_per_second``. Calls API, "addPhones"; "Adding phone numbers from CRM systems".

    :param sql: the query, or a file with one. (templated)
    :param sql_conn_id: the connection of any database with a ``DbApiHook``. (templated)
    :param parameters: of the query, in the database driver's style. (templated)
    :param aimylogic_conn_id: the connection: one campaign. (templated)
    :param phone_column: the numbers, in any writing with country code
    :param gmt_zone_column: the people's time zones, as in ``+03:30`` or ``Europe/Moscow``; NULL for the number's own
    :param payload_columns: what the campaign's script reads, by the columns' names; all that are nothing else if left
        out. NULL values are left out
    :param key_columns: kept beside each call, and not sent, so that you find your rows again
    :param phone_region: two-letter code of the country whose national numbers are understood, as in ``RU``
    :param phone_reading: whether numbers without a plus bear their country code (``international``), don't
        (``national``), or some do (``either``)
    :param phone_check: whether numbers without a plus must be ``in use``, or only ``possible``, as those of new ranges
        are
    :param countries: two-letter codes of the countries that may be called, as in ``["RU", "KZ"]``; all if left out
    :param policy: when and how often to call, for all rows: ``start``, ``finish``, ``allowed_days``, ``allowed_time``,
        ``retry_interval_minutes``, ``max_attempts``, ``priority``. (templated)
    :param policy_columns: the same by row: from these names to columns
    :param call_before: nobody is dialled after that time: aware, or ISO 8601 text. What comes too late for it
        is not sent. (templated)
    :param method: ``addPhones`` (a batch is a request) or ``addPhone`` (a number is), which has no policies
    :param batch_size: calls in a batch, at most; 1,000 if left out, and 500 by addPhone
    :param max_batch_bytes: of a request, at most
    :param max_calls_per_phone: how many calls of one list may go to one phone, if rows with it differ; further rows are
        set aside as ``capped``. None for any number
    :param concurrency: requests under way at a time; 8 if left out, 16 by addPhone
    :param requests_per_second: at most; as many as go if left out
    :param on_rejected: ``skip`` sets rows aside that can't be called, ``fail`` sends nothing if there is one
    :param max_rejected: how many rows may be rejected, refused or expired: a count, or a share of all as a float; more
        fail the task, before anything is sent where that is known by then
    :param call_list_path: where call lists are kept: a folder, or a URL as ``ObjectStoragePath`` takes it, that all
        workers reach; a folder in AIRFLOW_HOME if left out. (templated)
    :param keep_call_list: how long finished lists are kept, for this task's later runs to delete; None for ever, and
        ``timedelta(0)`` until the end of this very task. The counts stay
    :param on_unknown: what becomes of calls of which it can't be known whether they were added: ``fail`` lists them in
        a file, and ``ask`` asks a person besides, among Airflow's *Required actions*, whether to send those without a
        job
    :param results_table: a table, as in ``calls`` or ``sales.calls``, that has a row for each of the query's rows, with
        its key columns and what became of it; made if there is none. With it, rows that another run's unfinished list
        holds are set aside as ``claimed``: two runs at once don't call the same people. (templated)
    :param results_conn_id: the connection of its database; that of the query if left out. (templated)
    :param results_phones: whether phones stand in it ``masked`` or in ``full``
    :param dry_run: freeze the list and report on it, and send nothing
    :param max_active_tis_per_dag: Airflow's own; 1 if left out, so that a second run asks its query once the first
        one's sync has ended, and not limited with ``on_unknown="ask"``
    :param report_lag: how long a new job may take to show in the campaign's report; a timedelta, or seconds: under 12
        hours
    """

    template_fields: Sequence[str] = (
        "sql", "sql_conn_id", "parameters", "aimylogic_conn_id", "policy", "call_before", "call_list_path",
        "results_table", "results_conn_id",
    )  # fmt: skip
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json", "policy": "json"}
    ui_color = "#e6f2ff"

    def __init__(self, *, dry_run: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(dry_run, bool):
            raise ValueError(f"dry_run {dry_run!r} can't be used: give True or False")
        self._sends = not dry_run  # Airflow's operators have a method of the name dry_run

    def execute(self, context: Context) -> dict[str, Any]:
        """Freeze the list, if that is not yet done, and send what isn't settled of it; return the report.

        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.airflow_task.run_context import clears, others_since
        from aimylogic_provider.call_list.freeze.rejections import NobodyToCallError
        from aimylogic_provider.call_list.runs.lists_of_run import check_same_source, check_source_unsent, never_sent
        from aimylogic_provider.call_list.runs.old_lists import remove
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list_task.sync_entry_stores import begin
        from aimylogic_provider.idempotence.decision import AIRFLOW_SLACK

        with self._ending(), self._letting_go(context):
            self._take_blank_as_nothing()
            task = self._task_folder(context)
            keeper = begin(context, task, self.log, told=self._told_now(), resumed=self._answer is not None)
            self._keeper = keeper
            if not self._sends:
                return self._rehearse(context, keeper)
            source = self._source(task)
            lost = keeper.entry.call_list is None and not keeper.entry.sure
            if lost and (report := self._find_begun(context, task, keeper.entry, source)) is not None:
                self._check_reached(report)
                return report
            if keeper.entry.call_list is None:
                check_source_unsent(task.begun_in_run(others_since(context)), source)
                self._make_results_table()
                if keeper.entry.doubtful_since is not None:
                    self._check_none_pending(task)
                try:
                    doubtful = keeper.entry.doubtful_since
                    pointer = self._freeze(
                        context, noted=keeper.entry.freezing, note=partial(_note, keeper),
                        lost_since=None if doubtful is None else doubtful - AIRFLOW_SLACK,
                    )  # fmt: skip
                except NobodyToCallError as nobody:
                    self._tell_rejected(context, nobody.pointer)
                    raise
                if (other := keeper.list_of_another_try()) is not None:
                    self._give_up_claims(pointer)
                    raise CallListError(
                        f"another try froze the list meanwhile, {other}, and sends it: the next try goes on with it",
                        retryable=True,
                    )
                keeper.entry.freezing = None
                rubbish = never_sent(task.lists(), pointer)
                keeper.entry.call_list, keeper.entry.cleared = pointer, clears(context)
                # Whoever writes it first has it: Airflow refuses the write of a try that it replaced.
                keeper.save_now()
                remove(rubbish)
            else:
                pointer = keeper.entry.call_list
                if not keeper.entry.cleared or keeper.entry.cleared != clears(context):
                    # Its index may be another one's people now; without a clear, its query may hold the time of day.
                    check_same_source(task, pointer, source)
                    keeper.entry.cleared = clears(context)
                self.log.info("Going on with the frozen call list %s: the warehouse is not asked again.", pointer.path)
            return self._send(context, keeper, pointer, shard=0, begun_now=lost)

    def _list_of(self, keeper: EntryKeeper) -> Pointer | None:
        return keeper.entry.call_list if self._sends else None

    def _give_up_unsent(self, keeper: EntryKeeper, pointer: Pointer, results_table: str) -> bool:
        """If the task never began to send its list, have that hold nobody, and a clear ask the query anew."""
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list.store.stored_list import CallList
        from aimylogic_provider.call_list.store.sync_entry import Freezing

        try:
            if CallList.tombstone(pointer) is not None or CallList.open(pointer).claims():
                return False
            noted = Freezing(pointer.list_id, pointer.path, results_table, self._results_conn_id())
            keeper.give_up(noted)
            self._give_up_claims(pointer)
            CallList.discard(pointer, "for its task failed before it sent anything")
        except (CallListError, OSError) as error:
            self.log.warning("The call list %s, of which nothing was sent, can't be given up: %s.", pointer.path, error)
            return False
        self.log.info(
            "Nothing was sent: the call list %s is deleted, and other runs may call its people. A clear asks the query "
            "anew.", pointer.path,
        )  # fmt: skip
        return True

    def _arrival_at_freeze(self) -> Arrival | None:
        return self._arrival() if self._sends else None

    def _rehearse(self, context: Context, keeper: EntryKeeper) -> dict[str, Any]:
        """Freeze the list without making it this task's, and report on it. The server isn't asked even its time."""
        from aimylogic_provider.call_list.store.stored_list import CallList

        self._make_results_table()
        pointer = keeper.entry.call_list or self._freeze(context)
        self.log.warning("This is a dry run: nothing is sent, and nobody is called. To call them, take dry_run out.")
        return {
            "dry_run": True,
            "rows": pointer.rows,
            "calls": pointer.calls,
            "doubles": pointer.doubles,
            "rejected": pointer.rejected,
            "claimed": pointer.claimed,
            "capped": pointer.capped,
            "countries": CallList.open(pointer).manifest.countries,
            "call_list": pointer.path,
            "rejected_rows": pointer.rejected_rows,
        }

    def _tell_rejected(self, context: Context, pointer: Pointer) -> None:
        """Have the results table tell why nobody of a list can be called."""
        from aimylogic_provider.call_list_task.results_of_task import tell_rejected

        if self.results_table is not None:
            tell_rejected(context, self.results_table, self._results_conn_id(), pointer)

    def _check_none_pending(self, task: TaskFolder) -> None:
        """Make sure that no row of a list that is lost stands as pending in the results table, which the query may ask.

        It is for a person to delete them: from then on other runs' queries find those people, too.

        :raises CallListError: if one does
        """
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list_task.results_of_task import opened

        if self.results_table is None:
            return
        of = {"dag_id": task.dag_id, "task_id": task.task_id, "run_id": task.run_id}
        with opened(self.results_table, self._results_conn_id(), self.key_columns) as table:
            pending = table.count_pending(of)
        if pending:
            whose = " of this map index, once the others have ended," if task.map_index >= 0 else ""
            raise CallListError(
                f"the call list of {task.words} is lost, and {pending:,} rows of this run stand as pending in "
                f"{self.results_table}: a query that leaves those out would miss its people, so nothing is sent. "
                f"Delete those rows{whose} and clear the task: the report then tells who was called"
            )

    def _told(self) -> list[object]:
        return [*super()._told(), self.aimylogic_conn_id]

    def _told_now(self) -> str:
        """A digest of whom, where and how this try is told to call; empty for a dry run."""
        from aimylogic_provider.call_list.store.manifest import sha256

        if not self._sends:
            return ""

        told = [
            *self._told(), self.gmt_zone_column, self.phone_region, self.policy, self.policy_columns, self.call_before,
            self._campaign(), *self._phone_rules_told(),
        ]  # fmt: skip
        return sha256(json.dumps(told, default=str).encode())

    def _find_about_to_be_sent(self, task: TaskFolder, since: float | None) -> Pointer | None:
        """The list of which the database knows that it was about to be sent, and that lies there unsent; None if none.

        Its rows stand as pending, so that the query may leave them out.

        :param since: Unix seconds; older lists are those of a run of the same id, which was deleted
        """
        from aimylogic_provider.call_list.runs.lists_in_folder import pointer_to
        from aimylogic_provider.call_list.store.objects import Folder
        from aimylogic_provider.call_list.store.read_objects import names_of
        from aimylogic_provider.call_list_task.claims_of_task import begun_in_database

        if self.results_table is None:
            return None
        begun = begun_in_database(task, self.results_table, self._results_conn_id())
        folders = [Folder(one.holder.path) for one in begun if since is None or one.began_at >= since]
        there = [folder for folder in folders if "list.json" in names_of(folder)]
        return pointer_to(there[0]) if len(folders) == len(there) == 1 else None

    def _find_begun(self, context: Context, task: TaskFolder, entry: SyncEntry, source: str) -> dict[str, Any] | None:
        """Look for what this task instance sent before its entry was lost, if it was; return the report of all sent.

        :raises CallListError: if it can't be told
        """
        from aimylogic_provider.airflow_task.run_context import run_began, run_since
        from aimylogic_provider.call_list.runs.lists_of_run import own_begun
        from aimylogic_provider.call_list.store.manifest import CallListError, Pointer

        since = run_since(context)
        found = own_begun(task.begun_lists(since), task, source) or self._find_about_to_be_sent(task, since)
        if isinstance(found, Pointer):
            self.log.warning("This task's state was wiped: going on with the list that it began, %s.", found.path)
            entry.call_list = found
        elif found is not None:
            self.log.info("The call list was sent, and deleted since: nothing is sent. Its report was kept.")
            return found
        else:
            entry.doubtful_since = run_began(context)
            if entry.doubtful_since is None:
                raise CallListError(
                    "Airflow doesn't say when this run began, nor what earlier tries sent: start a new one"
                )
            self.log.warning(
                "What earlier tries of this task did is not on record, and %s holds no list of theirs: the report is "
                "asked for each person's jobs since the run began, and only those who surely have none are called.",
                task.folder.address,
            )
        return None


def _note(keeper: EntryKeeper, begun: Freezing) -> None:
    """Note that a list is begun; raises if this try was replaced."""
    keeper.entry.freezing = begun
    keeper.save_now()
