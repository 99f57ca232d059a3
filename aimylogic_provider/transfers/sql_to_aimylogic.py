"""SqlToAimylogicOperator: the people whom a query selects, added to a campaign exactly once per DAG run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.call_list_task.query_base import QueryBase
from aimylogic_provider.call_list_task.send_base import SentResultsBase
from aimylogic_provider.call_list_task.sync_base import SyncBase
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments

__all__ = ["SqlToAimylogicOperator"]


class SqlToAimylogicOperator(QueryBase, SyncBase, SentResultsBase, BaseOperator):
    """Add the phone numbers that a query selects to an Aimylogic campaign, each exactly once per DAG run.

    The query is asked once. Its rows become a frozen call list, and the list alone is sent, however often the task is
    retried or cleared, and whatever becomes of the rows: nobody is called twice, and nobody is missed. Rows that can't
    be called are set aside with their reasons; rows of the same phone and payload are one call.

    Returns a report: ``rows`` = ``created`` + ``doubles`` + ``rejected`` + ``refused`` + ``unknown`` + ``expired`` +
    ``claimed`` + ``capped`` + ``excluded`` + ``held_out``, ``call_list`` (its address), ``rejected_rows`` (that of the
    rows that can't be called, or None), ``seconds`` and ``numbers_per_second``. With ``wait_for_completion`` the task
    waits until the calls are over, and the report has ``jobs``, how many of the list's call jobs ended with which
    status. Calls API, "addPhones"; "Adding phone numbers from CRM systems".

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
    :param exclude_sql: a query, or a file with one, that gives the phones of those who mustn't be called, in any
        writing: asked when the list is frozen, and again right before each send. They are *excluded*. (templated)
    :param exclude_conn_id: the connection of its database; that of the query if left out. (templated)
    :param exclude_unreadable: what becomes of its rows that hold no phone that could be read: ``fail`` sends nothing,
        and ``skip`` goes on without them
    :param consent_column: in which it stands that a person agreed to be called: rows where that is empty, or a no, are
        rejected. It is kept beside the call, and in the results table
    :param holdout: a share of the people that isn't called, above 0 and below 1, always the same ones: to measure what
        calling does. They are *held out*
    :param holdout_salt: any text: tasks of the same one hold out the same people
    :param max_calls_per_person: how many calls a person may get within how many days, as ``{"calls": 1, "days": 7}``,
        or several such, all of which hold: from all DAGs that have their results tables in one schema. Looked at as
        the list is frozen, and claimed in the database right before a batch is sent; whoever had as many is
        ``capped``. Needs *results_table*
    :param only_new: call nobody again whom the results table tells to be called already, or to be about to: ever
        (``True``), or within a timedelta. By *key_columns*; by the phone if there are none, or where they are empty.
        Whoever was called is ``capped``. Needs *results_table*
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
        one's sync has ended, and not limited with ``on_unknown="ask"`` or ``wait_for_completion``
    :param report_lag: how long a new job may take to show in the campaign's report; a timedelta, or seconds: under 12
        hours
    :param wait_for_completion: wait, once all is sent, until the list's calls are over. A retry, or a clear, waits on.
        A task that waits doesn't count as one at a time: two runs may then ask the query at once
    :param completed_share: of the calls that are to be over, above 0 and at most 1.0
    :param deferrable: wait in the triggerer; as Airflow's configuration says if left out
    :param poll_interval: between two looks at the jobs; a timedelta, or seconds
    :param wait_timeout: after which the task fails, and the calls go on; a timedelta, or seconds
    :param fail_on: statuses that fail the task if a job has ended with one, as in ``["technicalError"]``
    :param on_paused: whether a paused campaign is waited for (``wait``), or fails the task (``fail``)
    :param cancel_on_kill: cancel the list's jobs if the task is ended while it waits: in the triggerer, by a person
        (Airflow 3.3 and newer); in a worker, also by its shutdown. A task whose calls are
        cancelled fails, also once it is cleared: nobody was reached
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = (
        "sql", "sql_conn_id", "parameters", "aimylogic_conn_id", "policy", "call_before", "call_list_path",
        "results_table", "results_conn_id", "exclude_sql", "exclude_conn_id",
    )  # fmt: skip
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "sql": "sql", "parameters": "json", "policy": "json", "exclude_sql": "sql",
    }  # fmt: skip
    ui_color = "#e6f2ff"
    _not_again: ClassVar[str] = "the warehouse is not asked again"

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
        wait_for_completion: bool = False,
        completed_share: float = 1.0,
        deferrable: bool | None = None,
        poll_interval: timedelta | float = timedelta(minutes=1),
        wait_timeout: timedelta | float = timedelta(days=7),
        fail_on: Collection[str] = (),
        on_paused: Literal["wait", "fail"] = "wait",
        cancel_on_kill: bool = False,
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
            dry_run=dry_run,
            wait_for_completion=wait_for_completion,
            completed_share=completed_share,
            deferrable=deferrable,
            poll_interval=poll_interval,
            wait_timeout=wait_timeout,
            fail_on=fail_on,
            on_paused=on_paused,
            cancel_on_kill=cancel_on_kill,
            **policy_argument(retry_policy),
            **kwargs,
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Freeze the query's rows as a list, unless that was done; send what isn't settled of it; return the report.

        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help
        """
        return self._waited_for(context, self._synced(context), self._created_now)

    def _told(self) -> list[object]:
        return [*super()._told(), self.aimylogic_conn_id]

    def _made_of_rows(self) -> list[object]:
        return [self.gmt_zone_column, self.phone_region, self.policy, self.policy_columns, self.call_before]
