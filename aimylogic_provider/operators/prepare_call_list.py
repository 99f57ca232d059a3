"""PrepareCallListOperator: freezes the rows of a query as a call list, and calls nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.airflow_task.argument_checks import check_whole
from aimylogic_provider.call_list_task.call_list_base import ResultsTableBase
from aimylogic_provider.call_list_task.query_base import QueryBase
from aimylogic_provider.call_list_task.rules.brakes import STAGE
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments
    from aimylogic_provider.call_list.runs.brakes import Usual
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.prepared_entry import PreparedKeeper
    from aimylogic_provider.call_list.store.sync_entry import Freezing
    from aimylogic_provider.lineage.task_lineage import TaskLineage

__all__ = ["PrepareCallListOperator"]


class PrepareCallListOperator(QueryBase, ResultsTableBase, BaseOperator):
    """Freeze the rows of a query as a call list, and call nobody.

    Returns where the list is, its counts and its digest, as a dictionary for :class:`SendCallListOperator`: ``path``,
    ``sha256``, ``rows``, ``calls``, ``doubles``, ``rejected``, ``shards``, and ``claimed``, ``capped``, ``excluded``
    and ``held_out`` if there are any. Each try freezes a list of its own, and deletes what one that died left
    half-written; but a list about which a person is asked, or was (*on_excess*), is gone on with.

    :param shards: parts in which the list can be sent, by tasks of their own
    :param results_table: as that of :class:`SendCallListOperator`: made before the query, and whom another run's
        unfinished list holds in its database is not on this list. (templated)
    :param results_conn_id: the connection of its database; that of the query if left out. (templated)
    :param sql: and all further parameters: as those of
        :class:`~aimylogic_provider.transfers.SqlToAimylogicOperator`
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = (
        "sql", "sql_conn_id", "parameters", "policy", "call_before", "call_list_path", "results_table",
        "results_conn_id", "exclude_sql", "exclude_conn_id",
    )  # fmt: skip
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "sql": "sql", "parameters": "json", "policy": "json", "exclude_sql": "sql",
    }  # fmt: skip
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
        exclude_sql: str | None = None,
        exclude_conn_id: str | None = None,
        exclude_unreadable: Literal["fail", "skip"] = "fail",
        consent_column: str | None = None,
        holdout: float | None = None,
        holdout_salt: str = "",
        max_calls_per_person: Mapping[str, int] | Sequence[Mapping[str, int]] | None = None,
        only_new: bool | timedelta = False,
        shards: int = 1,
        on_rejected: Literal["skip", "fail"] = "skip",
        max_rejected: float | None = None,
        max_calls: int | None = None,
        max_change: float | None = None,
        on_excess: Literal["fail", "ask"] = "fail",
        call_list_path: str | None = None,
        results_table: str | None = None,
        results_conn_id: str | None = None,
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Unpack[RetriedTaskArguments],
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
            exclude_sql=exclude_sql,
            exclude_conn_id=exclude_conn_id,
            exclude_unreadable=exclude_unreadable,
            consent_column=consent_column,
            holdout=holdout,
            holdout_salt=holdout_salt,
            max_calls_per_person=max_calls_per_person,
            only_new=only_new,
            on_rejected=on_rejected,
            max_rejected=max_rejected,
            max_calls=max_calls,
            max_change=max_change,
            on_excess=on_excess,
            call_list_path=call_list_path,
            results_table=results_table,
            results_conn_id=results_conn_id,
            **policy_argument(retry_policy),
            **kwargs,
        )
        check_whole("shards", shards, 1, 1000, optional=False)
        self.shards = shards
        self._answer = None
        self._asked_at = 0.0
        self._prepared: Pointer | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Freeze the list.

        :raises AirflowFailException: if the query, a column or a setting can't be used, too many rows are rejected, or
            a brake holds the list
        :raises AirflowSkipException: if a person said no to it
        """
        from msgspec.structs import replace

        from aimylogic_provider.airflow_task.task_state import entry_store
        from aimylogic_provider.call_list.runs.lists_of_run import unfinished
        from aimylogic_provider.call_list.runs.old_lists import end_of, remove
        from aimylogic_provider.call_list.store.prepared_entry import PreparedKeeper

        with self._ending():
            self._take_blank_as_nothing()
            task = self._task_folder(context)
            self._lists = task.of_task.address
            store = entry_store(context)
            # Whoever sends may have begun a list that lies where call_list_path pointed to before.
            keeper = PreparedKeeper(store, store.read(), task.folder.address)
            self._take_up_answer(keeper, task)
            if (held := keeper.entry.call_list) is not None and end_of(held.path) != "never sent":
                self.log.info("Going on with the frozen call list %s: the warehouse is not asked again.", held.path)
                return self._heeded(context, keeper, held)
            keeper.entry.call_list = None  # that one was deleted, for its age
            noted = keeper.entry.freezing
            of_earlier_tries = {one.address for one in unfinished(task.lists())}
            # Airflow refuses the write of a try that it replaced: what was found is of no later one.
            keeper.save_now()
            self._make_results_table()
            usual = self._usual(task)  # before the query, which may take long
            with self._counting_rejected():
                pointer = self._freeze(context, self.shards, noted=noted, note=partial(_note, keeper))
            # Without a store it may be of a later one, and finished meanwhile.
            remove(one for one in unfinished(task.lists()) if one.address in of_earlier_tries)
            self._telemetry().frozen(pointer)
            pointer = replace(pointer, elsewhere=keeper.elsewhere)
            if self._brakes().why_held(pointer.calls, usual) is not None:
                keeper.entry.call_list, keeper.entry.usual = pointer, tuple(usual.calls)
                keeper.save_now()
            return self._heeded(context, keeper, pointer, usual)

    def execute_complete(
        self, context: Context, event: dict[str, Any], reference: str, asked: float, candidates: list[str]
    ) -> dict[str, Any]:
        """Go on with what a person answered about a list that a brake holds. Airflow calls it when the answer has come.

        :param event: the answer, as Airflow brings it
        :param reference: of what was asked
        :param asked: when (Unix time)
        :param candidates: nothing, of a list
        :raises AirflowFailException: as ``execute``, and if the answer can't be used
        :raises AirflowSkipException: as ``execute``
        """
        self._answer, self._asked_at = (event, reference), asked
        return self.execute(context)

    def _take_up_answer(self, keeper: PreparedKeeper, task: TaskFolder) -> None:
        """Before Airflow 3.3 nothing is kept from asking to the answer: which list it is about, the question tells."""
        from aimylogic_provider.call_list.runs.lists_in_folder import is_list_id, pointer_to
        from aimylogic_provider.call_list.store.sync_entry import StageQuestion

        if self._answer is None or keeper.entry.call_list is not None:
            return
        reference = self._answer[1]
        list_id = reference.removeprefix(f"{STAGE} ")
        if is_list_id(list_id):
            keeper.entry.call_list = pointer_to(task.folder / list_id)
            keeper.entry.asking = StageQuestion(STAGE, reference, self._asked_at)

    def _heeded(
        self, context: Context, keeper: PreparedKeeper, pointer: Pointer, usual: Usual | None = None
    ) -> dict[str, Any]:
        """Return a list, unless a brake holds it.

        :param usual: left out by a try that finds it frozen
        :raises SaidNoError: if a person said no; of a mapped task, that stands in what is returned, so that the others
            keep their places
        """
        from aimylogic_provider.airflow_task.run_context import is_mapped
        from aimylogic_provider.call_list.runs.brakes import Usual
        from aimylogic_provider.call_list.store.approval_denied import SaidNoError, said_no

        self._prepared = pointer
        try:
            self._heed(context, keeper, pointer, usual or Usual(keeper.entry.usual or ()))
        except SaidNoError as error:
            if not is_mapped(context):
                raise
            self.log.info("Nobody is called: %s.", error)
            return said_no(pointer, error.by)
        return pointer.as_json()

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.call_list.store.approval_denied import said_no_by
        from aimylogic_provider.call_list.store.manifest import Pointer
        from aimylogic_provider.task_end.counts_in_words import list_in_words

        if said_no_by(result) is not None:
            return "the answer was no, and nobody is called"
        return f"nothing is sent yet; {list_in_words({**result, 'rejected_rows': Pointer.of(result).rejected_rows})}"

    def _known_list(self) -> Pointer | None:
        return self._prepared or super()._known_list()

    def _counts_in_words(self, counts: Mapping[str, Any]) -> str:
        from aimylogic_provider.task_end.counts_in_words import list_in_words

        return list_in_words(counts)

    def _lineage(self, *, over: bool) -> TaskLineage:
        from dataclasses import replace

        return replace(super()._lineage(over=over), writes_lists=self._lists)


def _note(keeper: PreparedKeeper, begun: Freezing) -> None:
    """Note that a list is begun; raises if this try was replaced."""
    keeper.entry.freezing = begun
    keeper.save_now()
