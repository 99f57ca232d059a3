"""Where what a task keeps beneath ``call_list_path`` lies, by Airflow's word of which task it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder

__all__ = ["folder_of_task"]


def folder_of_task(context: Context, call_list_path: str | None) -> TaskFolder:
    """Return the folder of a task instance.

    :param call_list_path: the argument of that name; None for the folder in AIRFLOW_HOME
    """
    from aimylogic_provider.airflow_task.argument_checks import default_call_list_path
    from aimylogic_provider.airflow_task.task_loops import iteration
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder

    ti = context["ti"]
    index = -1 if ti.map_index is None else ti.map_index
    base = call_list_path or default_call_list_path()
    return TaskFolder(base, ti.dag_id, ti.task_id, ti.run_id, index, iteration(context))
