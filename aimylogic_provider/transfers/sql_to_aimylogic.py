"""SqlToAimylogicOperator: the people whom a query selects, added to a campaign exactly once per DAG run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.call_list_task.prepare_base import PrepareBase
from aimylogic_provider.call_list_task.send_base import SendBase

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.base_operator_arguments import TaskArguments
    from aimylogic_provider.call_list.freeze.finish_times import Arrival
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, Freezing

__all__ = ["SqlToAimylogicOperator"]


class SqlToAimylogicOperator(PrepareBase, SendBase):
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

    def __init__(
        self,
        *,
        sql: str,
        sql_conn_id: str,
        parameters: Mapping[str, Any] | Sequence[Any] | str | None = None,
        phone_column: str = "phone",
        gmt_zone_column: str | None = None,
        payload_columns: Sequence[str] | None = None,
        key_columns: Sequence[str] | None = (),
        phone_region: str | None = None,
        phone_reading: Literal["either", "international", "national"] = "either",
        phone_check: Literal["in use", "possible"] = "in use",
        countries: Sequence[str] | None = None,
        policy: Mapping[str, Any] | str | None = None,
        policy_columns: Mapping[str, str] | None = None,
        call_before: datetime | str | None = None,
        method: Literal["addPhones", "addPhone"] = "addPhones",
        batch_size: int | None = None,
        max_batch_bytes: int = 1_000_000,
        max_calls_per_phone: int | None = 1,
        on_rejected: Literal["skip", "fail"] = "skip",
        max_rejected: float | None = None,
        call_list_path: str | None = None,
        results_table: str | None = None,
        results_conn_id: str | None = None,
        aimylogic_conn_id: str = "aimylogic_default",
        concurrency: int | None = None,
        requests_per_second: float | None = None,
        report_lag: timedelta | float = timedelta(minutes=10),
        keep_call_list: timedelta | None = timedelta(days=30),
        on_unknown: Literal["fail", "ask"] = "fail",
        results_phones: Literal["masked", "full"] = "masked",
        dry_run: bool = False,
        **kwargs: Unpack[TaskArguments],
    ) -> None:
        super().__init__(
            sql=sql,
            sql_conn_id=sql_conn_id,
            parameters=parameters,
            phone_column=phone_column,
            gmt_zone_column=gmt_zone_column,
            payload_columns=payload_columns,
            key_columns=key_columns,
            phone_region=phone_region,
            phone_reading=phone_reading,
            phone_check=phone_check,
            countries=countries,
            policy=policy,
            policy_columns=policy_columns,
            call_before=call_before,
            method=method,
            batch_size=batch_size,
            max_batch_bytes=max_batch_bytes,
            max_calls_per_phone=max_calls_per_phone,
            on_rejected=on_rejected,
            max_rejected=max_rejected,
            call_list_path=call_list_path,
            results_table=results_table,
            results_conn_id=results_conn_id,
            aimylogic_conn_id=aimylogic_conn_id,
            concurrency=concurrency,
            requests_per_second=requests_per_second,
            report_lag=report_lag,
            keep_call_list=keep_call_list,
            on_unknown=on_unknown,
            results_phones=results_phones,
            **kwargs,
        )
        if not isinstance(dry_run, bool):
            raise ValueError(f"dry_run {dry_run!r} can't be used: give True or False")
        self._sends = not dry_run  # Airflow's operators have a method of the name dry_run

    def execute(self, context: Context) -> dict[str, Any]:
        """Freeze the list, if that is not yet done, and send what isn't settled of it; return the report.

        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.call_list_task.lost_entry import find_begun
        from aimylogic_provider.call_list_task.sync_entry_stores import begin

        with self._ending(), self._letting_go(context):
            self._take_blank_as_nothing()
            task = self._task_folder(context)
            keeper = begin(context, task, self.log, told=self._told_now(), resumed=self._answer is not None)
            self._keeper = keeper
            if not self._sends:
                return self._rehearse(context, keeper)
            source = self._source(task)
            lost = keeper.entry.call_list is None and not keeper.entry.sure
            results = None if self.results_table is None else (self.results_table, self._results_conn_id())
            if lost and (report := find_begun(context, task, keeper.entry, source, results, self.log)) is not None:
                self._check_reached(report)
                return report
            if keeper.entry.call_list is None:
                pointer = self._freeze_once(context, keeper, task, source, results)
            else:
                pointer = self._frozen_before(context, keeper, task, source)
            return self._send(context, keeper, pointer, shard=0, begun_now=lost)

    def _freeze_once(
        self, context: Context, keeper: EntryKeeper, task: TaskFolder, source: str, results: tuple[str, str] | None
    ) -> Pointer:
        """Freeze the list, and have it be this task's: that it is, stands in the entry before anything is sent."""
        from aimylogic_provider.airflow_task.run_context import clears, others_since
        from aimylogic_provider.call_list.freeze.rejections import NobodyToCallError
        from aimylogic_provider.call_list.runs.lists_of_run import check_source_unsent, never_sent
        from aimylogic_provider.call_list.runs.old_lists import remove
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list_task.lost_entry import check_none_pending
        from aimylogic_provider.call_list_task.results_of_task import tell_rejected
        from aimylogic_provider.idempotence.time_limits import AIRFLOW_SLACK

        check_source_unsent(task.begun_in_run(others_since(context)), source)
        self._make_results_table()
        if keeper.entry.doubtful_since is not None and results is not None:
            check_none_pending(task, *results, self.key_columns)
        try:
            doubtful = keeper.entry.doubtful_since
            pointer = self._freeze(
                context, noted=keeper.entry.freezing, note=partial(_note, keeper),
                lost_since=None if doubtful is None else doubtful - AIRFLOW_SLACK,
            )  # fmt: skip
        except NobodyToCallError as nobody:
            if results is not None:
                tell_rejected(context, *results, nobody.pointer)
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
        return pointer

    def _frozen_before(self, context: Context, keeper: EntryKeeper, task: TaskFolder, source: str) -> Pointer:
        """The list that this task froze before."""
        from aimylogic_provider.airflow_task.run_context import clears
        from aimylogic_provider.call_list.runs.lists_of_run import check_same_source

        pointer = keeper.entry.call_list
        assert pointer is not None
        if not keeper.entry.cleared or keeper.entry.cleared != clears(context):
            # Its index may be another one's people now; without a clear, its query may hold the time of day.
            check_same_source(task, pointer, source)
            keeper.entry.cleared = clears(context)
        self.log.info("Going on with the frozen call list %s: the warehouse is not asked again.", pointer.path)
        return pointer

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


def _note(keeper: EntryKeeper, begun: Freezing) -> None:
    """Note that a list is begun; raises if this try was replaced."""
    keeper.entry.freezing = begun
    keeper.save_now()
