"""Whose rows of a results table a task means that looks at the open ones; and the table itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.tables.job_results import JobResults, RowsOf

__all__ = ["ChoosesRows", "ids_of"]

Table = TypeVar("Table", bound="JobResults")


class ChoosesRows:
    """A task that looks at rows of a results table: those of some DAGs and tasks, or of one call list."""

    log: Any
    get_dag: Callable[[], Any]
    results_table: Any
    results_conn_id: Any
    call_list: Any
    dag_ids: Any
    task_ids: Any
    _in_dag: Mapping[str, object]
    """The table and its connection, as they stand in the DAG."""

    def _rows_of(self, context: Context) -> RowsOf:
        """Whose rows are meant.

        :raises RejectedError: if a rendered value can't be used
        :raises CallListError: if a call list can't be told by it
        """
        from aimylogic_provider.airflow_task.template_values import as_value
        from aimylogic_provider.call_list.runs.list_of_result import list_id_of
        from aimylogic_provider.call_list.tables.job_results import RowsOf

        call_list = None if self.call_list is None else list_id_of(as_value(self.call_list))
        dag_ids = ids_of("dag_ids", self.dag_ids)
        if not dag_ids and call_list is None:
            dag_ids = (context["ti"].dag_id,)
        return RowsOf(dag_ids, ids_of("task_ids", self.task_ids), call_list)

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
        if ids_of("dag_ids", self.dag_ids):
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

    def _opened(self, made: Callable[[Any, str], Table]) -> Table | None:
        """The table; None if there is none yet, but a task of this DAG makes it in this database.

        :param made: opens it, of an engine and its name
        :raises RejectedError: if it can't be used
        :raises CallListError: if the database can't be reached
        """
        from aimylogic_provider.call_list.tables.job_results import NoSuchTableError
        from aimylogic_provider.call_list_task.databases import engine_of
        from aimylogic_provider.calls_api.errors import RejectedError

        if not isinstance(self.results_table, str):
            raise RejectedError("results_table is missing: name the one of the task that sends")
        try:
            return made(engine_of("results_conn_id", self.results_conn_id), self.results_table)
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


def ids_of(name: str, rendered: Any) -> tuple[str, ...]:
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
