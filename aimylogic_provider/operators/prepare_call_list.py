"""PrepareCallListOperator: freezes the rows of a query as a call list, and calls nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.call_list_task.call_list_base import ResultsTableBase
from aimylogic_provider.call_list_task.prepares_lists import PreparesLists
from aimylogic_provider.call_list_task.query_base import QueryBase
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments

__all__ = ["PrepareCallListOperator"]


class PrepareCallListOperator(PreparesLists, QueryBase, ResultsTableBase, BaseOperator):
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
            shards=shards,
            **policy_argument(retry_policy),
            **kwargs,
        )
