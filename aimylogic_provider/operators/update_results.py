"""UpdateResultsOperator: what became of each call, beside the row that was called, in the results table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.airflow_task.argument_checks import conn_id_of, report_lag_seconds
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


class UpdateResultsOperator(TellsLineage, CampaignBase, BaseOperator):
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
        from aimylogic_provider.call_list.tables.results_table import KEY
        from aimylogic_provider.call_list_task.results_update import HomeCounts, bring_home, counting_updated
        from aimylogic_provider.calls_api.errors import ApiError
        from aimylogic_provider.campaign_task.action_errors import ActionError, in_words
        from aimylogic_provider.campaign_task.job_reports import JobReports
        from aimylogic_provider.lineage.hook_lineage import tell_written

        counts = HomeCounts()
        with self._ending():
            self._client()  # which takes what is blank for left out
            of = self._rows_of(context)
            results = self._opened()
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
        counts.tell(self.log)
        self._updated = counts.updated
        tell_written(self.results_conn_id, self.results_table, KEY, counts.updated)
        return counts.as_json()

    def _lineage(self, *, over: bool) -> TaskLineage:
        from aimylogic_provider.lineage.task_lineage import TableRows, TaskLineage

        written = () if self._updated is None else (TableRows(self.results_conn_id, self.results_table, self._updated),)
        campaign = conn_id_of(self.aimylogic_conn_id)
        return TaskLineage(reads_campaign=campaign, tables=written if over else ())

    def _rows_of(self, context: Context) -> RowsOf:
        """Whose rows are meant.

        :raises RejectedError: if a rendered value can't be used
        :raises CallListError: if a call list can't be told by it
        """
        from aimylogic_provider.airflow_task.template_values import as_value
        from aimylogic_provider.call_list.runs.list_of_result import list_id_of
        from aimylogic_provider.call_list.tables.job_results import RowsOf

        call_list = None if self.call_list is None else list_id_of(as_value(self.call_list))
        dag_ids = _ids("dag_ids", self.dag_ids)
        if not dag_ids and call_list is None:
            dag_ids = (context["ti"].dag_id,)
        return RowsOf(dag_ids, _ids("task_ids", self.task_ids), call_list)

    def _check_chosen(self, results: JobResults, of: RowsOf) -> None:
        """Check that there are rows of those that are meant, or may be.

        :raises RejectedError: if they are looked for in vain
        """
        from aimylogic_provider.call_list.tables.job_results import RowsOf
        from aimylogic_provider.calls_api.errors import RejectedError

        if results.has_rows(of) or not results.has_rows(RowsOf()):
            return
        if of.call_list is not None:
            if self._may_be_empty():
                return
            raise RejectedError(
                f"results_table {self.results_table!r} has no row of the call list {of.call_list!r}: give what the "
                "task returned that sent it with this results_table, and run this one behind it"
            )
        named = f"the DAGs {', '.join(of.dag_ids)}" + (f", tasks {', '.join(of.task_ids)}" if of.task_ids else "")
        if _ids("dag_ids", self.dag_ids):
            self.log.warning("There is no row of %s in %s: is that how they are written?", named, self.results_table)
        elif any(not of.task_ids or task in of.task_ids for task in self._makers()):
            self.log.info("The tasks of this DAG have written no row yet.")
        else:
            raise RejectedError(
                f"results_table {self.results_table!r} has no row of {named}, and none of this DAG's tasks writes one: "
                "set dag_ids, and task_ids, to those that call"
            )

    def _may_be_empty(self) -> bool:
        """Whether the call list may have no rows: that of a day on which the query gave none, or that was deleted."""
        from aimylogic_provider.airflow_task.template_values import as_value
        from aimylogic_provider.call_list.runs.list_of_result import pointer_of
        from aimylogic_provider.call_list.store.manifest import CallListError

        given = as_value(self.call_list)
        if isinstance(given, Mapping) and "rows" in given:
            return bool(given["rows"] == 0)
        try:
            return pointer_of(given).rows == 0
        except CallListError:
            self.log.warning("There is no row of the call list, and it can't be read any more: was it the one meant?")
            return True

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

    def _opened(self) -> JobResults | None:
        """The table; None if there is none yet, but a task of this DAG makes it in this database.

        :raises RejectedError: if it can't be used
        :raises CallListError: if the database can't be reached
        """
        from aimylogic_provider.call_list.tables.job_results import JobResults, NoSuchTableError
        from aimylogic_provider.call_list_task.databases import engine_of
        from aimylogic_provider.calls_api.errors import RejectedError

        if not isinstance(self.results_table, str):
            raise RejectedError("results_table is missing: name the one of the task that sends")
        try:
            engine = engine_of("results_conn_id", self.results_conn_id)
            return JobResults(engine, self.results_table, migrates=self.add_columns)
        except NoSuchTableError:
            makers = self._makers()
            others = [task_id for task_id, conn_id in makers.items() if conn_id not in self._named["results_conn_id"]]
            if not makers:
                raise
            if len(others) == len(makers):
                raise RejectedError(
                    f"there is no table {self.results_table!r} in the database of results_conn_id, and {others[0]!r} "
                    f"makes it by the connection {makers[others[0]]!r}, while this task has {self.results_conn_id!r}: "
                    "give both the same one"
                ) from None
            self.log.info("There is no table %s yet: a task of this DAG makes it.", self.results_table)
            return None

    def _makers(self) -> dict[str, str]:
        """The tasks of this DAG that make the results table, and by which connection, as it stands in the DAG."""
        from aimylogic_provider.call_list_task.call_list_base import ResultsTableBase

        found = {}
        for task in getattr(self.get_dag(), "tasks", ()):
            if not issubclass(getattr(task, "operator_class", type(task)), ResultsTableBase):
                continue
            given = task.partial_kwargs if hasattr(task, "partial_kwargs") else vars(task)
            named = {_plain_name(one) for one in self._named["results_table"]}
            if _plain_name(given.get("results_table")) in named:
                found[task.task_id] = given.get("results_conn_id") or given.get("sql_conn_id", "")
        return found

    @property
    def _named(self) -> dict[str, tuple[object, object]]:
        """What names the table: as it is rendered, and as it stands in the DAG."""
        return {name: (getattr(self, name), in_dag) for name, in_dag in self._in_dag.items()}


def _plain_name(table: object) -> object:
    """A table's name without its schema, which one task may write and another leave out."""
    return table.rpartition(".")[2] if isinstance(table, str) else object()


def _ids(name: str, rendered: Any) -> tuple[str, ...]:
    """The ids that a field gives: one, or a list; none for nothing.

    :raises RejectedError: if it is neither
    """
    from aimylogic_provider.airflow_task.template_values import as_value
    from aimylogic_provider.calls_api.errors import RejectedError

    value = as_value(rendered) if isinstance(rendered, str) and rendered.lstrip().startswith("[") else rendered
    ids = [value] if isinstance(value, str) else value
    if ids is None:
        return ()
    if isinstance(ids, Mapping) or not isinstance(ids, Sequence) or not all(isinstance(one, str) for one in ids):
        raise RejectedError(f"{name} is of type {type(value).__name__}: give an id as text, or a list of such")
    return tuple(one for one in dict.fromkeys(map(str.strip, ids)) if one)
