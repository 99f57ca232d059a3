"""WithdrawCallsOperator: calls are cancelled of those whom a query no longer selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack, cast

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.airflow_task.argument_checks import check_choice, conn_id_of, report_lag_seconds
from aimylogic_provider.airflow_task.masked_rendering import ShownMasked
from aimylogic_provider.call_list_task.open_jobs.compared_rows import ComparesRows
from aimylogic_provider.call_list_task.open_jobs.withdrawal_limit import WithdrawalLimit, check_max_withdrawn
from aimylogic_provider.campaign_task.campaign_base import CampaignBase
from aimylogic_provider.lineage.lineage_methods import TellsLineage
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context, XComArg
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments
    from aimylogic_provider.call_list.tables.job_results import JobResults
    from aimylogic_provider.call_list_task.open_jobs.deselected_jobs import OpenJobs
    from aimylogic_provider.call_list_task.open_jobs.job_sources import OpenJobSource
    from aimylogic_provider.call_list_task.open_jobs.job_spool import JobSpool
    from aimylogic_provider.call_list_task.open_jobs.people import PeopleBy
    from aimylogic_provider.call_list_task.open_jobs.selected_people import StillToBeCalled
    from aimylogic_provider.call_list_task.open_jobs.withdrawal_limit import Ask
    from aimylogic_provider.call_list_task.open_jobs.withdrawing import Withdrawing
    from aimylogic_provider.call_list_task.open_jobs.withdrawn_jobs import WithdrawnJobs
    from aimylogic_provider.calls_api.client import CampaignClient
    from aimylogic_provider.lineage.task_lineage import TaskLineage

__all__ = ["WithdrawCallsOperator"]


class WithdrawCallsOperator(ComparesRows, TellsLineage, CampaignBase, BaseOperator):
    """Cancel the calls of people whom a query no longer selects: who paid, were reached elsewhere, or said no.

    The query tells who is **still to be called**. Of the call jobs that tasks of this DAG created, and that are open by
    the campaign's report, those are cancelled whose people it doesn't select: by their ids, and no one else's. A call
    that is under way is ended, and no new attempt starts. What isn't sent yet is kept from being called by other means,
    as ``exclude_sql`` of what sends; the next run of this task finds what was.

    The query may not look into the results table, nor into the tables of claims: there everybody stands who was called,
    so that the query of the sync would select none of them. A view over it can't be seen. Nothing is cancelled if the
    query fails, gives nobody, or nobody of those who were called; or if more are left out than *max_withdrawn* allows.
    A repeat is harmless, and a try that ends midway is gone on with.

    Returns counts: ``open`` (jobs) = ``still_selected`` + ``without_key`` (nothing tells whose they are: they are kept)
    + ``deselected``; and these are ``withdrawn``, ``too_late`` (over before, or rung just then, and ended) or ``gone``
    (the campaign doesn't know them any more); ``not_shown``, how many the table tells are open, while the report
    doesn't show them; and the first 100 ids: ``withdrawn_ids``, ``too_late_ids``. In the results table, ``reason`` says
    of a withdrawn row that it was, when and by which task, beside what the report shows of its job.
    Calls API, "callJob/getReport", "callJob/cancel", and "callAttempt/getReport" for who was just rung.

    :param sql: one query that gives those who are still to be called, or the name of a ``.sql`` file. (templated)
    :param sql_conn_id: the connection of its database. (templated)
    :param parameters: of the query, in the driver's own style. (templated)
    :param key_columns: columns of the query by which its rows are those of the results table, or of the list: key
        columns of what sent them, all or some. 7, ``"7"`` and 7.0 are one key
    :param phone_column: in place of those, the query's column with the phone, in any writing. Only where phones are
        known in full: of ``call_list`` without ``results_table``, or of a table with ``results_phones="full"``
    :param results_table: whose open rows are looked at: the one of the task that sends. (templated)
    :param results_conn_id: the connection of its database; that of the query if left out. (templated)
    :param call_list: the jobs of one call list alone: what the task that froze or sent it returned. Without
        *results_table*, its files tell of them, and nothing is told of what became of them but the counts. (templated)
    :param dag_ids: whose rows of the results table: the id of a DAG, or a list of them; this DAG if left out, or any
        with *call_list*. (templated)
    :param task_ids: of which of their tasks, likewise; of all if left out. (templated)
    :param max_withdrawn: how many may be withdrawn: a share of the open jobs, as in 0.2 (but always 10 of them), or a
        count, as in 500; None for any number. Who pays within an hour or a day is a small part of those to be called: a
        query that leaves out a fifth is more often wrong
    :param on_excess: what becomes of more: ``fail``, or ``ask`` a person among Airflow's *Required actions*
    :param allow_empty: whether the query may give nobody at all
    :param dry_run: find out and log, but cancel nothing, and write nothing
    :param phone_region: and ``phone_reading``, ``phone_check``: as of
        :class:`~aimylogic_provider.operators.AddPhoneOperator`, for *phone_column*
    :param aimylogic_conn_id: the connection: the campaign that the jobs were added to. Others' aren't shown by its
        report, and stay. (templated)
    :param report_lag: as of :class:`~aimylogic_provider.operators.UpdateResultsOperator`: a job that isn't shown yet is
        left to the next run
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = (
        "sql", "sql_conn_id", "parameters", "results_table", "results_conn_id", "call_list", "dag_ids", "task_ids",
        "aimylogic_conn_id",
    )  # fmt: skip
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json", "call_list": "json"}
    parameters = ShownMasked()
    _rendered_as: ClassVar[dict[str, tuple[str, ...]]] = {"values": ("parameters",), "as_they_are": ("sql",)}
    _asked = False
    _updated: int | None = None
    _answer: tuple[Mapping[str, Any], int] | None = None

    def __init__(
        self,
        *,
        sql: str,
        sql_conn_id: str,
        parameters: Mapping[str, Any] | Sequence[Any] | str | None = None,
        key_columns: Sequence[str] | None = None,
        phone_column: str | None = None,
        results_table: str | None = None,
        results_conn_id: str | None = None,
        call_list: Mapping[str, Any] | XComArg | str | None = None,
        dag_ids: Sequence[str] | str | None = None,
        task_ids: Sequence[str] | str | None = None,
        max_withdrawn: float | int | None = 0.2,
        on_excess: Literal["fail", "ask"] = "fail",
        allow_empty: bool = False,
        dry_run: bool = False,
        phone_region: str | None = None,
        phone_reading: Literal["either", "international", "national"] = "either",
        phone_check: Literal["in use", "possible"] = "in use",
        aimylogic_conn_id: str = "aimylogic_default",
        report_lag: timedelta | float = timedelta(minutes=10),
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Unpack[RetriedTaskArguments],
    ) -> None:
        super().__init__(aimylogic_conn_id=aimylogic_conn_id, **policy_argument(retry_policy), **kwargs)
        check_max_withdrawn(max_withdrawn)
        check_choice("on_excess", on_excess, "fail", "ask")
        for name, flag in (("allow_empty", allow_empty), ("dry_run", dry_run)):
            if not isinstance(flag, bool):
                raise ValueError(f"{name} {flag!r} can't be used: give True or False")
        if results_table is None and call_list is None:
            raise ValueError(
                "results_table and call_list are both left out: give one, or both, for whose calls are withdrawn"
            )
        if isinstance(key_columns, str):
            raise ValueError(f"key_columns {key_columns!r} is a single text: give a list, even of one")
        if bool(key_columns) == (phone_column is not None):
            raise ValueError(
                "give key_columns, by which the query's rows are those that were called, or phone_column in their "
                f"place: {'both are given' if key_columns else 'neither is'}"
            )
        report_lag_seconds(report_lag)
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters
        self.key_columns = key_columns or ()
        self.phone_column = phone_column
        self.results_table = results_table
        self.results_conn_id = results_conn_id
        self.call_list = call_list
        self.dag_ids = dag_ids
        self.task_ids = task_ids
        self.max_withdrawn = max_withdrawn
        self.on_excess = on_excess
        self.allow_empty = allow_empty
        self._cancels = not dry_run  # Airflow's operators have a method of the name dry_run
        self.phone_region = phone_region
        self.phone_reading = phone_reading
        self.phone_check = phone_check
        self.report_lag = report_lag
        self._in_dag = {"results_table": results_table, "results_conn_id": results_conn_id}

    def execute(self, context: Context) -> dict[str, Any]:
        """Withdraw the calls; return the counts.

        :raises AirflowSkipException: if a person was asked, and said no
        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help; what is cancelled stays so
        """
        with self._ending():
            client = self._client()  # which takes what is blank for left out
            self.results_conn_id = self.results_conn_id or self.sql_conn_id
            by = self._people_by()
            query = self._query(by)
            source = self._source(by)
            if source is None:
                return self._none()
            with closing(source):
                return self._withdraw(context, client, source, by, query)

    def execute_complete(
        self, context: Context, event: dict[str, Any], reference: str, asked: float, candidates: list[str]
    ) -> dict[str, Any]:
        """Go on with what a person answered. Airflow calls it when the answer has come.

        :param event: the answer, as Airflow brings it
        :param reference: how many calls it was about
        :param asked: when, by the worker's clock (Unix time)
        :param candidates: nothing
        :raises AirflowSkipException: if it was a no
        :raises AirflowFailException: as ``execute``, and if the answer can't be used
        :raises AirflowException: as ``execute``
        """
        self._answer = event, int(reference)
        return self.execute(context)

    def _withdraw(
        self, context: Context, client: CampaignClient, source: OpenJobSource, by: PeopleBy, query: StillToBeCalled
    ) -> dict[str, Any]:
        from aimylogic_provider.airflow_task.task_state import entry_store
        from aimylogic_provider.call_list.tables.job_results import RowsOf
        from aimylogic_provider.call_list.tables.results_table import KEY
        from aimylogic_provider.call_list_task.open_jobs.deselected_jobs import OpenJobs
        from aimylogic_provider.call_list_task.open_jobs.job_spool import JobSpool
        from aimylogic_provider.call_list_task.open_jobs.withdrawal_limit import check_limit
        from aimylogic_provider.call_list_task.open_jobs.withdrawing import Withdrawing
        from aimylogic_provider.campaign_task.job_reports import JobReports
        from aimylogic_provider.lineage.hook_lineage import tell_written

        of = RowsOf() if self.results_table is None else self._rows_of(context)
        ask = JobReports(self.aimylogic_conn_id, self.log).ask
        store = entry_store(context)
        ti = context["ti"]
        withdrawing = Withdrawing(client, source, ask, store, f"{ti.dag_id}.{ti.task_id}", self.log)
        self._counted = lambda: {
            "withdrawn": withdrawing.notes.withdrawn, "too_late": withdrawing.notes.too_late,
            "gone": withdrawing.notes.gone,
        }  # fmt: skip
        self._note_answer(withdrawing)
        if self._cancels:
            withdrawing.finish_earlier()
        before = withdrawing.notes
        open_jobs = OpenJobs(source, of, by, ask, self.log)
        with JobSpool() as spool:
            try:
                open_jobs.read(spool, report_lag_seconds(self.report_lag))
            finally:
                self._updated = open_jobs.home.updated
            if not open_jobs.home.rows and self.results_table is not None:
                self._check_chosen(cast("JobResults", source), of)
            jobs = self._parted(open_jobs, spool, query)
            self._counted = lambda: {
                **jobs.as_json(), "withdrawn": withdrawing.notes.withdrawn, "too_late": withdrawing.notes.too_late,
                "gone": withdrawing.notes.gone,
            }  # fmt: skip
            check_limit(WithdrawalLimit(self.max_withdrawn), jobs, before, self._ask(context, withdrawing))
            self._tell_plan(jobs, query)
            if self._cancels:
                try:
                    withdrawing.run(spool)
                finally:
                    self._updated += withdrawing.notes.done - before.done
                withdrawing.notes.end(store)
        jobs.sum(before, withdrawing)
        if self.results_table is not None and self._cancels:
            tell_written(self.results_conn_id or self.sql_conn_id, self.results_table, KEY, self._updated)
        self._tell_end(jobs)
        return jobs.as_json()

    def _parted(self, open_jobs: OpenJobs, spool: JobSpool, query: StillToBeCalled) -> WithdrawnJobs:
        from aimylogic_provider.call_list_task.open_jobs.withdrawn_jobs import WithdrawnJobs
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.campaign_task.action_errors import ActionError

        if not spool.open:
            return WithdrawnJobs(not_shown=open_jobs.not_shown)
        self._asked = True
        self.log.info(
            "%s calls are open: querying %s for who is still to be called.", f"{spool.open:,}", self.sql_conn_id
        )
        try:
            return open_jobs.part(spool, query, allow_empty=self.allow_empty)
        except RejectedError as error:
            raise ActionError(f"Nothing is cancelled: {error}", retryable=False) from None

    def _ask(self, context: Context, withdrawing: Withdrawing) -> Ask | None:
        """What asks a person; None if nobody is to be asked."""
        from aimylogic_provider.call_list_task.open_jobs.withdrawal_question import ask

        if self.on_excess != "ask" or not self._cancels:
            return None
        return lambda jobs, excess: ask(context, withdrawing, jobs, excess, str(self.aimylogic_conn_id))

    def _note_answer(self, withdrawing: Withdrawing) -> None:
        from aimylogic_provider.call_list_task.open_jobs.withdrawal_question import yes_of

        if self._answer is not None:
            yes = yes_of(*self._answer)
            withdrawing.note_yes(yes)
            self.log.info("%s said to withdraw up to %s calls.", yes.by, f"{yes.most:,}")

    def _none(self) -> dict[str, Any]:
        from aimylogic_provider.call_list_task.open_jobs.withdrawn_jobs import WithdrawnJobs

        return WithdrawnJobs().as_json()

    def _tell_plan(self, jobs: WithdrawnJobs, query: StillToBeCalled) -> None:
        if not jobs.open:
            return
        self.log.info(
            "Of %s open calls, the query, by its %s rows, selects %s people's still, and %s people's no longer%s.",
            f"{jobs.open:,}", f"{query.rows:,}", f"{jobs.still_selected:,}", f"{jobs.deselected:,}",
            ", which a dry run leaves" if not self._cancels else "",
        )  # fmt: skip
        if jobs.without_key:
            self.log.warning(
                "Of %s open calls nothing tells whose they are, for %s is empty there: they are kept.",
                f"{jobs.without_key:,}", " and ".join(self.key_columns) or self.phone_column,
            )  # fmt: skip

    def _tell_end(self, jobs: WithdrawnJobs) -> None:
        if jobs.not_shown:
            self.log.warning(
                "%s calls are told to be open, and the campaign's report doesn't show them (yet): they are "
                "left, and the next run looks again.", f"{jobs.not_shown:,}",
            )  # fmt: skip

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.task_end.counts_in_words import withdrawn_in_words

        told = withdrawn_in_words(result)
        return told if self._cancels else f"{told}; a dry run: {result['deselected']:,} would be withdrawn"

    def _lineage(self, *, over: bool) -> TaskLineage:
        from aimylogic_provider.lineage.task_lineage import TableRows, TaskLineage

        tables: tuple[TableRows, ...] = ()
        if over and self.results_table and self._updated is not None and self._cancels:
            conn_id = self.results_conn_id or self.sql_conn_id
            tables = (TableRows(conn_id, self.results_table, self._updated),)
        return TaskLineage(
            sql=self.sql if isinstance(self.sql, str) else None,
            sql_conn_id=self.sql_conn_id,
            reads_campaign=conn_id_of(self.aimylogic_conn_id),
            tables=tables,
            asked=over and self._asked,
        )
