"""Where AddPhone's second record lies: in the state of one asset for all tasks, else beneath ``call_list_path``.

What other tasks must know of stands beneath that path in any case, for an asset's state can't be listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.idempotence.ports import Log, OtherTasks
    from aimylogic_provider.idempotence.record.second_record import Rows, SecondRecord, Traces

__all__ = ["AssetRows", "UnreachableError", "other_tasks", "rows_of_all_runs", "second_record"]

_NOT_FOUND = 404
_REACHED = "latest-calls"
"""A row that tells that the state of the asset can be reached."""


class UnreachableError(Exception):
    """The asset isn't active: Airflow has no state for it."""


class AssetRows:
    """Rows in the state of an asset.

    Airflow answers a read of an asset that is not active as one of a row that isn't there. A write of one fails.
    """

    def __init__(self, accessor: Any) -> None:
        self._accessor = accessor

    def get(self, name: str) -> object | None:
        """Return a row; None also if the asset is not active."""
        content: object | None = self._accessor.get(f"aimylogic-{name}")
        return content

    def set(self, name: str, value: object) -> None:
        """Write a row.

        :raises UnreachableError: if the asset is not active
        """
        try:
            self._accessor.set(f"aimylogic-{name}", value)
        except Exception as error:
            if _status(error) != _NOT_FOUND:
                raise
            raise UnreachableError(str(error)) from None

    def delete(self, name: str) -> None:
        """Delete a row, if there is one."""
        self._accessor.delete(f"aimylogic-{name}")


def _status(error: Exception) -> int | None:
    """The HTTP status by which Airflow's API server refused a request; None if it wasn't that."""
    response = getattr(error, "response", None)  # where the task runs in one process with its supervisor
    detail = getattr(getattr(error, "error", None), "detail", None)
    found = getattr(response, "status_code", None) or (detail or {}).get("status_code")
    return found if isinstance(found, int) else None


def second_record(
    context: Context, call_list_path: str | None, log: Log, *, wanted: bool = True
) -> SecondRecord | None:
    """Return the second record of a try; None if there is none.

    :param wanted: whether the DAG wants one
    :raises Exception: if it can't be reached for a passing reason
    """
    if not wanted:
        return None
    from aimylogic_provider.airflow_task.assets import CALLS

    why = ""
    if (accessors := context.get("asset_state_store")) is not None:
        rows = _asset_rows(accessors)
        why = f"this task doesn't declare the asset {CALLS}"
        if rows is not None:
            try:
                return _of(context, rows, call_list_path)
            except UnreachableError:
                why = f"the asset {CALLS} is not active in Airflow"
    if not call_list_path:
        if why:
            log.warning(
                "There is no second record, which outlives a clear, for %s: set call_list_path, or have the task "
                "declare it.", why,
            )  # fmt: skip
        return None
    if why:
        log.warning("The second record is kept in %s, for %s.", call_list_path, why)
    from aimylogic_provider.call_list.store.second_record_folder import SecondRecordFolder

    ti = context["ti"]
    return _of(context, SecondRecordFolder(call_list_path, ti.dag_id, ti.task_id), call_list_path)


def rows_of_all_runs(context: Context, call_list_path: str | None) -> Rows:
    """Return rows that all runs of the task read and write: where the second record lies, else in the default folder.

    :param call_list_path: the argument of that name; None for the folder in AIRFLOW_HOME
    :raises Exception: if they can't be reached
    """
    from aimylogic_provider.airflow_task.argument_checks import default_call_list_path
    from aimylogic_provider.call_list.store.second_record_folder import SecondRecordFolder

    ti = context["ti"]
    accessors = context.get("asset_state_store")
    rows = None if accessors is None else _asset_rows(accessors)
    if rows is not None:
        try:
            if rows.get(_REACHED) is None:
                rows.set(_REACHED, True)  # a read alone doesn't tell that the asset is active
            return rows
        except UnreachableError:
            pass
    return SecondRecordFolder(call_list_path or default_call_list_path(), ti.dag_id, ti.task_id)


def _asset_rows(accessors: Any) -> Rows | None:
    from aimylogic_provider.airflow_task.assets import calls_asset

    try:
        return AssetRows(accessors[calls_asset()])
    except KeyError:
        return None  # the DAG took it out, or another task runs this operator


def _of(context: Context, rows: Rows, call_list_path: str | None) -> SecondRecord:
    from aimylogic_provider.airflow_task.run_context import run_mark
    from aimylogic_provider.airflow_task.task_loops import iteration
    from aimylogic_provider.idempotence.record.second_record import SecondRecord
    from aimylogic_provider.idempotence.server_time import SystemClock

    ti, mark = context["ti"], run_mark(context)
    index = -1 if ti.map_index is None else ti.map_index
    traces: Traces | None = None
    if call_list_path:
        from aimylogic_provider.call_list.store.traces.call_traces import CallTraces

        traces = CallTraces(
            call_list_path, dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id,
            instance=f"{index}, {iteration(context)}", try_number=mark.try_number, wall=SystemClock().wall,
        )  # fmt: skip
    return SecondRecord(
        rows,
        dag_id=ti.dag_id,
        task_id=ti.task_id,
        run_id=ti.run_id,
        map_index=index,
        iteration=iteration(context),
        mark=mark,
        wall=SystemClock().wall,
        traces=traces,
    )


def other_tasks(context: Context, campaign: str, call_list_path: str | None, log: Log) -> OtherTasks | None:
    """Return who knows what other tasks added; None if they can't be known.

    :param campaign: its digest
    """
    if not call_list_path:
        return None
    from aimylogic_provider.call_list.report.jobs_of_other_tasks import OtherTasksJobsOfPhone
    from aimylogic_provider.call_list.store.traces.call_traces import whose

    ti = context["ti"]
    return OtherTasksJobsOfPhone(
        call_list_path, whose=whose(ti.dag_id, ti.run_id, ti.task_id), campaign=campaign, log=log
    )
