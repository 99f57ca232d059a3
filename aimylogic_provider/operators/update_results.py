"""UpdateResultsOperator: what became of each call, beside the row that was called, in the results table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.airflow_task.argument_checks import conn_id_of, report_lag_seconds
from aimylogic_provider.call_list_task.open_jobs.chosen_rows import ChoosesRows
from aimylogic_provider.campaign_task.campaign_base import CampaignBase
from aimylogic_provider.lineage.lineage_methods import TellsLineage
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context, XComArg
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments
    from aimylogic_provider.call_list.tables.job_results import JobResults, RowsOf
    from aimylogic_provider.lineage.task_lineage import TaskLineage

__all__ = ["UpdateResultsOperator"]

_LEFT_OPEN = timedelta(days=2)
"""Rows that have been open for longer are nobody's, if this task doesn't look at them."""


class UpdateResultsOperator(ChoosesRows, TellsLineage, CampaignBase, BaseOperator):
    """Update a results table by what the campaign's report shows of its rows' call jobs. Sends nothing.

    Rows that were created and aren't finished are looked at, 200 a request, and told of in the columns ``job_status``,
    ``attempts``, ``finished_at``, ``call_seconds``, ``tag_name``, ``report_data`` and ``updated_at``. A row that is
    finished stays so, an older reading changes nothing, and a repeat is harmless; so are two of these tasks at once.

    Returns the counts: ``rows`` (looked at) = those of ``finished`` (by status) + ``open`` + ``not_found``, and
    ``updated``, how many rows changed. Rows whose job the report doesn't know stay as they are, and so do the
    ``unreadable`` ones of those that are open: what the report tells of their jobs can't be read, not even alone. The
    task is green all the same, and its log names them; it fails if that is so of more than 10, and none can be read,
    or is known, and if the table has no row of those that are meant.
    Calls API, "callJob/getReport", and "campaign" to know it again.

    :param results_table: the one of the task that sends. (templated)
    :param results_conn_id: the connection of its database. (templated)
    :param call_list: rows of one call list alone: what the task that froze or sent it returned; those of all lists if
        left out. (templated)
    :param dag_ids: whose rows: the id of a DAG, or a list of them; this DAG if left out, or any with *call_list*.
        (templated)
    :param task_ids: of which of their tasks, likewise; of all if left out. (templated)
    :param aimylogic_conn_id: the connection: the campaign that called. (templated)
    :param add_columns: add the columns to a table of the former shape, which else fails the task, with the
        statements that add them
    :param report_lag: how long a new job may take to show in the campaign's report; a timedelta, or seconds: under 12
        hours. A job that isn't shown and is younger counts as open
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = (
        "results_table", "results_conn_id", "call_list", "dag_ids", "task_ids", "aimylogic_conn_id",
    )  # fmt: skip
    template_fields_renderers: ClassVar[dict[str, str]] = {"call_list": "json"}
    _updated: int | None = None

    def __init__(
        self,
        *,
        results_table: str,
        results_conn_id: str,
        call_list: Mapping[str, Any] | XComArg | str | None = None,
        dag_ids: Sequence[str] | str | None = None,
        task_ids: Sequence[str] | str | None = None,
        aimylogic_conn_id: str = "aimylogic_default",
        add_columns: bool = False,
        report_lag: timedelta | float = timedelta(minutes=10),
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Unpack[RetriedTaskArguments],
    ) -> None:
        super().__init__(aimylogic_conn_id=aimylogic_conn_id, **policy_argument(retry_policy), **kwargs)
        if not isinstance(add_columns, bool):
            raise ValueError(f"add_columns {add_columns!r} can't be used: give True or False")
        report_lag_seconds(report_lag)
        self.results_table = results_table
        self.results_conn_id = results_conn_id
        self.call_list = call_list
        self.dag_ids = dag_ids
        self.task_ids = task_ids
        self.add_columns = add_columns
        self.report_lag = report_lag
        self._in_dag = {"results_table": results_table, "results_conn_id": results_conn_id}

    def execute(self, context: Context) -> dict[str, Any]:
        """Update the rows; return the counts.

        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help; what is written stays
        """
        from aimylogic_provider.airflow_task.telemetry.task_telemetry import TaskTelemetry
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list.tables.job_results import JobResults
        from aimylogic_provider.call_list.tables.results_table import KEY
        from aimylogic_provider.call_list_task.results_update import HomeCounts, bring_home, counting_updated
        from aimylogic_provider.calls_api.errors import ApiError
        from aimylogic_provider.campaign_task.action_errors import ActionError, in_words
        from aimylogic_provider.campaign_task.job_reports import JobReports
        from aimylogic_provider.lineage.hook_lineage import tell_written

        counts = HomeCounts()
        self._counted = counts.as_json
        with self._ending():
            self._client()  # which takes what is blank for left out
            of = self._rows_of(context)
            results = self._opened(lambda engine, name: JobResults(engine, name, migrates=self.add_columns))
            if results is None:
                return counts.as_json()
            with closing(results), counting_updated(TaskTelemetry(self, self.aimylogic_conn_id), counts):
                try:
                    ask = JobReports(self.aimylogic_conn_id, self.log).ask
                    bring_home(results, of, ask, counts, report_lag=report_lag_seconds(self.report_lag))
                    if not counts.rows:
                        self._check_chosen(results, of)
                    self._tell_of_other_dags(results, of)
                except ApiError as error:
                    told = f"{in_words(error)}. Until then, {counts.in_words()}, and the next try goes on"
                    raise ActionError(told, retryable=error.retryable, retry_after=error.retry_after) from None
                except ActionError as error:
                    told = f"{error}. Until then, {counts.in_words()}"
                    raise ActionError(told, retryable=error.retryable, retry_after=error.retry_after) from None
                except CallListError as error:
                    told = f"{error}. Until then, {counts.in_words()}"
                    raise CallListError(told, retryable=error.retryable) from None
        counts.warn(self.log)
        self._updated = counts.updated
        tell_written(self.results_conn_id, self.results_table, KEY, counts.updated)
        return counts.as_json()

    def _result_in_words(self, result: Any) -> str:
        finished = result["finished"]
        ends = ", ".join(f"{status} {count:,}" for status, count in finished.items())
        return (
            f"{result['rows']:,} rows were open: {sum(finished.values()):,} are over{f' ({ends})' if ends else ''}, "
            f"{result['open']:,} still open, {result['not_found']:,} not found; {result['updated']:,} rows updated"
        )

    def _lineage(self, *, over: bool) -> TaskLineage:
        from aimylogic_provider.lineage.task_lineage import TableRows, TaskLineage

        written = () if self._updated is None else (TableRows(self.results_conn_id, self.results_table, self._updated),)
        campaign = conn_id_of(self.aimylogic_conn_id)
        return TaskLineage(reads_campaign=campaign, tables=written if over else ())

    def _tell_of_other_dags(self, results: JobResults, of: RowsOf) -> None:
        """Warn of rows that stay open for nobody looks at them, as after a DAG was renamed."""
        if of.call_list is not None:
            return
        others = results.open_of_other_dags(of, datetime.now(UTC) - _LEFT_OPEN)
        if others:
            self.log.warning(
                "Rows of other DAGs have been open for more than two days: %s. If one of them was renamed, or has no "
                "such task, name it in dag_ids: a query that leaves out open calls never calls those people again.",
                ", ".join(f"{count:,} of {dag_id}" for dag_id, count in others.items()),
            )  # fmt: skip
