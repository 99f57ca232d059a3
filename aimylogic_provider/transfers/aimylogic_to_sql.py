"""AimylogicToSqlOperator: what became of calls, from a campaign's report into tables of a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.airflow_task.argument_checks import check_choice, conn_id_of, report_lag_seconds
from aimylogic_provider.campaign_task.campaign_base import CampaignBase
from aimylogic_provider.lineage.lineage_methods import TellsLineage
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context, XComArg
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments
    from aimylogic_provider.campaign_task.report_selection import ReportSelection
    from aimylogic_provider.campaign_task.report_to_tables import OpenTables, ReportToTables
    from aimylogic_provider.lineage.task_lineage import TableRows, TaskLineage

__all__ = ["AimylogicToSqlOperator"]

_KEYS = {"jobs": ("campaign", "call_job_id"), "attempts": ("campaign", "call_job_id", "attempt_number")}


class AimylogicToSqlOperator(TellsLineage, CampaignBase, BaseOperator):
    """Bring a campaign's call jobs and their attempts home, into tables of a database; again and again without harm.

    Tables are made if there are none. A row is known by the campaign's id, the job's id and, of attempts, their
    number: read again, it is changed only if something differs, and never back from later to earlier. Jobs that were
    open last time are looked at again by each run that brings home what is new, until they are over. One that the
    report doesn't know any more is kept, with ``vanished_at``.

    What is read is one of three: what is new (``incremental_by``), a time range (``start``, ``end``), or the
    jobs of a call list. A worker that is killed loses nothing: the next try goes on. Two such tasks at once are
    harmless.

    Returns a report: ``campaign`` (its id), ``from``, ``to``, ``seconds``, and for ``jobs`` and ``attempts`` how many
    were ``read``, are ``new``, ``changed``, ``unchanged``, ``open`` in the table, were ``not_found``, or ``unread``
    as they can't be; of jobs ``vanished``, of attempts ``unnumbered``. Calls API, "callJob/getReportByDate",
    "callAttempt/getReportByDate", "callJob/getReport", "callAttempt/getReport".

    :param sql_conn_id: the connection of any database with a ``DbApiHook`` that SQLAlchemy knows. (templated)
    :param jobs_table: a table, as in ``calls`` or ``sales.calls``; None to bring no jobs. (templated)
    :param attempts_table: the same of attempts. (templated)
    :param start: jobs created, and attempts begun, from then on: aware, or ISO 8601 text. (templated)
    :param end: until then; until now if left out. (templated)
    :param call_list: the jobs of a list alone: what the task that froze or sent it returned. (templated)
    :param incremental_by: what is new: ``since_last`` goes on where the last run ended, ``data_interval`` reads the
        run's data interval, and twice the report's lag before it
    :param first_from: where ``since_last`` begins the first time; all that the report has if left out. (templated)
    :param phones: whether phones are kept ``masked`` or in ``full``
    :param add_columns: add columns that a table lacks; else the task fails and tells the statements
    :param report_lag: how long a new job may take to show in the campaign's report; a timedelta, or seconds: under 12
        hours
    :param aimylogic_conn_id: the connection: one campaign. (templated)
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = (
        "sql_conn_id", "jobs_table", "attempts_table", "start", "end", "call_list", "first_from",
        "aimylogic_conn_id",
    )  # fmt: skip
    template_fields_renderers: ClassVar[dict[str, str]] = {"call_list": "json"}
    _written: tuple[TableRows, ...] = ()

    def __init__(
        self,
        *,
        sql_conn_id: str,
        jobs_table: str | None = "aimylogic_jobs",
        attempts_table: str | None = "aimylogic_attempts",
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        call_list: Mapping[str, Any] | XComArg | str | None = None,
        incremental_by: Literal["since_last", "data_interval"] = "since_last",
        first_from: datetime | str | None = None,
        phones: Literal["masked", "full"] = "masked",
        add_columns: bool = False,
        report_lag: timedelta | float = timedelta(minutes=10),
        aimylogic_conn_id: str = "aimylogic_default",
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Unpack[RetriedTaskArguments],
    ) -> None:
        super().__init__(aimylogic_conn_id=aimylogic_conn_id, **policy_argument(retry_policy), **kwargs)
        check_choice("incremental_by", incremental_by, "since_last", "data_interval")
        check_choice("phones", phones, "masked", "full")
        report_lag_seconds(report_lag)
        if not isinstance(add_columns, bool):
            raise ValueError(f"add_columns {add_columns!r} can't be used: give True or False")
        self.sql_conn_id = sql_conn_id
        self.jobs_table = jobs_table
        self.attempts_table = attempts_table
        self.start = start
        self.end = end
        self.call_list = call_list
        self.incremental_by = incremental_by
        self.first_from = first_from
        self.phones = phones
        self.add_columns = add_columns
        self.report_lag = report_lag
        self._check_tables()
        self._check_selection()
        self._by: Literal["range", "call_list", "new"] = (
            "call_list" if call_list is not None else "new" if start is None else "range"
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Bring the report home, and return what was read.

        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help
        """
        from contextlib import closing

        from aimylogic_provider.campaign_task.campaign_reading import CampaignReading
        from aimylogic_provider.campaign_task.report_to_tables import ReportToTables

        with self._ending():
            selection = self._selection(context)
            with closing(self._tables()) as tables:
                campaign = CampaignReading(conn_id_of(self.aimylogic_conn_id), self.log)
                full = self.phones == "full"
                home = ReportToTables(campaign, tables, selection, full_phones=full, lag=self._lag, log=self.log)
                self._counted = lambda: dict(zip(("jobs", "attempts"), home.rows_told(), strict=True))
                with self._counting(home):
                    report = home.run()
        self._written = self._rows_written(report)
        self._tell_lineage()
        return report

    def _rows_written(self, report: Mapping[str, Any]) -> tuple[TableRows, ...]:
        """The tables, and how many of their rows are new or changed."""
        from aimylogic_provider.lineage.task_lineage import TableRows

        tables = (("jobs", self.jobs_table), ("attempts", self.attempts_table))
        return tuple(
            TableRows(self.sql_conn_id, name, report[kind]["new"] + report[kind]["changed"])
            for kind, name in tables
            if name is not None and report[kind] is not None
        )

    def _tell_lineage(self) -> None:
        from aimylogic_provider.lineage.hook_lineage import tell_written

        for table in self._written:
            key = _KEYS["jobs" if table.name == self.jobs_table else "attempts"]
            tell_written(table.conn_id, table.name, key, table.rows)

    def _lineage(self, *, over: bool) -> TaskLineage:
        from aimylogic_provider.lineage.task_lineage import TaskLineage

        campaign = conn_id_of(self.aimylogic_conn_id)
        return TaskLineage(reads_campaign=campaign, tables=self._written if over else ())

    @contextmanager
    def _counting(self, home: ReportToTables) -> Iterator[None]:
        """Tell as metrics what the block brings home, however it ends: what is written stays."""
        from aimylogic_provider.airflow_task.telemetry import metric_names
        from aimylogic_provider.airflow_task.telemetry.task_telemetry import TaskTelemetry

        telemetry = TaskTelemetry(self, conn_id_of(self.aimylogic_conn_id))
        with telemetry.during("aimylogic.report", metric_names.REPORT_DURATION) as span:
            try:
                yield
            finally:
                jobs, attempts = home.rows_told()
                telemetry.count(metric_names.REPORT_JOBS, jobs)
                telemetry.count(metric_names.REPORT_ATTEMPTS, attempts)
                span.tell(rows__jobs=jobs, rows__attempts=attempts)

    @property
    def _lag(self) -> timedelta:
        return timedelta(seconds=report_lag_seconds(self.report_lag))

    def _check_tables(self) -> None:
        """Check which tables are to be filled, as far as is known by now.

        :raises ValueError: if none, or one is no name
        """
        names = {"jobs_table": self.jobs_table, "attempts_table": self.attempts_table}
        if all(name is None for name in names.values()):
            raise ValueError("jobs_table and attempts_table are both None, so that nothing is to be done: give a name")
        for argument, name in names.items():
            if name is not None and (not isinstance(name, str) or not name.strip()):
                raise ValueError(f"{argument} {name!r} isn't a table's name: give one, or None to leave it out")
        if self.jobs_table == self.attempts_table:
            raise ValueError(
                f"jobs_table and attempts_table are both {self.jobs_table!r}: give each a table of its own"
            )

    def _check_selection(self) -> None:
        """Check that what is to be read is told in one way.

        :raises ValueError: if in none, or in several
        """
        by_range = self.start is not None or self.end is not None
        told = [
            name
            for name, is_told in (
                ("start or end", by_range),
                ("call_list", self.call_list is not None),
                ("incremental_by='data_interval'", self.incremental_by == "data_interval"),
                ("first_from, of incremental_by='since_last',", self.first_from is not None),
            )
            if is_told
        ]
        if len(told) > 1:
            raise ValueError(f"{' and '.join(told)} contradict each other: give one of them")
        if by_range and self.start is None:
            raise ValueError("end is given without start: give both, or start alone")
        self._check_times()

    def _check_times(self) -> None:
        """Check the times that stand in the DAG, and aren't rendered.

        :raises ValueError: if one is none, or the range ends before it begins
        """
        literal = {}
        for name in ("start", "end", "first_from"):
            value = getattr(self, name)
            if isinstance(value, datetime) or (isinstance(value, str) and "{" not in value):
                from aimylogic_provider.campaign_task.report_selection import aware_time

                literal[name] = aware_time(name, value)
        start, end = literal.get("start"), literal.get("end")
        if start is not None and end is not None and end < start:
            raise ValueError(f"end {self.end} is before start {self.start}: turn them round")

    def _selection(self, context: Context) -> ReportSelection:
        """What is to be read, by the fields as they were rendered.

        :raises RejectedError: if that can't be told
        """
        from aimylogic_provider.campaign_task import report_selection

        if self._by == "range":
            return report_selection.of_range(self.start, self.end)
        if self._by == "call_list":
            return report_selection.of_call_list(self.call_list)
        if self.incremental_by == "data_interval":
            start, end = context.get("data_interval_start"), context.get("data_interval_end")
            return report_selection.of_data_interval(start, end, self._lag)
        return report_selection.since_last(self.first_from)

    def _tables(self) -> OpenTables:
        """The tables, open.

        :raises RejectedError: if one can't be used
        :raises TablesError: if the database can't be reached
        """
        from aimylogic_provider.call_list_task.databases import engine_of
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.campaign_task.report_to_tables import OpenTables
        from aimylogic_provider.report_tables.attempts_table import AttemptsTable
        from aimylogic_provider.report_tables.jobs_table import JobsTable

        try:
            self._check_tables()
        except ValueError as error:
            raise RejectedError(str(error)) from None
        engine = engine_of("sql_conn_id", self.sql_conn_id)
        migrate = self.add_columns
        try:
            return OpenTables(
                None if self.jobs_table is None else JobsTable(engine, self.jobs_table, migrate=migrate),
                None if self.attempts_table is None else AttemptsTable(engine, self.attempts_table, migrate=migrate),
            )
        except BaseException:
            engine.dispose()
            raise

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.task_end.counts_in_words import report_in_words

        return report_in_words(result)

    def _counts_in_words(self, counts: Mapping[str, Any]) -> str:
        return ", ".join(f"{count:,} rows of {name} are new or changed" for name, count in counts.items())
