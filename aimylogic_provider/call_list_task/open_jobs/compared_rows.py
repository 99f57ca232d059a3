"""What a task compares that withdraws calls: open jobs of ours, and the people whom a query still selects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from aimylogic_provider.airflow_task.argument_checks import is_template
from aimylogic_provider.call_list_task.open_jobs.chosen_rows import ChoosesRows

if TYPE_CHECKING:
    from aimylogic_provider.call_list_task.open_jobs.job_sources import OpenJobSource
    from aimylogic_provider.call_list_task.open_jobs.people import PeopleBy
    from aimylogic_provider.call_list_task.open_jobs.selected_people import StillToBeCalled

__all__ = ["ComparesRows"]


class ComparesRows(ChoosesRows):
    """A task that compares open jobs, by a results table or a call list, with those whom a query selects."""

    sql: str
    sql_conn_id: str
    parameters: Any
    key_columns: Sequence[str]
    phone_column: str | None
    phone_region: str | None
    phone_reading: Literal["either", "international", "national"]
    phone_check: Literal["in use", "possible"]
    _cancels: bool

    def _people_by(self) -> PeopleBy:
        from aimylogic_provider.call_list_task.open_jobs.people import PeopleBy
        from aimylogic_provider.calls_api.phones.phone import PhoneRules

        if self.phone_column is None:
            return PeopleBy(tuple(self.key_columns))
        rules = PhoneRules(region=self.phone_region, reading=self.phone_reading, check=self.phone_check)
        return PeopleBy((self.phone_column,), rules)

    def _query(self, by: PeopleBy) -> StillToBeCalled:
        """The query.

        :raises RejectedError: if it can't be used, or looks to where those stand who were called
        """
        from aimylogic_provider.airflow_task.template_values import as_parameters
        from aimylogic_provider.call_list_task.databases import check_query, database_hook
        from aimylogic_provider.call_list_task.open_jobs.queried_tables import check_not_queried
        from aimylogic_provider.call_list_task.open_jobs.selected_people import StillToBeCalled

        check_query(self.sql)
        check_not_queried(self.sql, self._results_tables())
        parameters = as_parameters("parameters", self.parameters)
        return StillToBeCalled(database_hook("sql_conn_id", self.sql_conn_id), self.sql, parameters, by)

    def _results_tables(self) -> list[str]:
        """The names of results tables: this task's, and those that tasks of the DAG write."""
        named = [self.results_table]
        for task in getattr(self.get_dag(), "tasks", ()):
            named.append((task.partial_kwargs if hasattr(task, "partial_kwargs") else vars(task)).get("results_table"))
        return [one for one in named if isinstance(one, str) and one.strip() and not is_template(one)]

    def _source(self, by: PeopleBy) -> OpenJobSource | None:
        """What tells of open jobs; None if there is no table yet.

        :raises RejectedError: if it can't be used
        :raises CallListError: if it can't be read
        """
        from aimylogic_provider.airflow_task.template_values import as_value
        from aimylogic_provider.call_list.runs.list_of_result import pointer_of
        from aimylogic_provider.call_list.tables.withdrawn_rows import WithdrawnRows
        from aimylogic_provider.call_list_task.open_jobs.job_sources import ListOfJobs
        from aimylogic_provider.call_list_task.open_jobs.queried_tables import check_not_queried
        from aimylogic_provider.calls_api.errors import RejectedError

        if self.results_table is not None:
            columns = by.columns_of_rows
            return self._opened(lambda engine, name: WithdrawnRows(engine, name, columns, writes=self._cancels))
        if self.call_list is None:
            raise RejectedError("results_table and call_list are both None, or blank: give one of them")
        source = ListOfJobs(pointer_of(as_value(self.call_list)), by)
        if source.results_table:
            check_not_queried(self.sql, [source.results_table])
        return source
