"""Which fields of a mapped task hold what an earlier task returned: data, and no templates.

What ``expand(…)`` takes from XCom Airflow leaves as it is; what ``expand_kwargs(…)`` does, it renders, as of 3.3. A
customer who is called ``{{ conn.aimylogic_default.password }}`` would get the token for a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimylogic_provider.airflow_task.airflow_imports import BaseOperator

__all__ = ["templates_among"]


def templates_among(fields: Sequence[str], operator: BaseOperator, context: Any) -> list[str]:
    """Return those of a task's fields that its DAG's author wrote.

    :param operator: as it is of one of a mapped task's instances, or an ordinary one
    :param context: of that instance
    """
    dag = operator.get_dag()
    task: Any = None if dag is None else dag.task_dict.get(operator.task_id)
    expanded: Any = getattr(task, "expand_input", None)
    if getattr(expanded, "EXPAND_INPUT_TYPE", None) != "list-of-dicts":
        return list(fields)
    if isinstance(expanded.value, (list, tuple)) and isinstance(expanded.value[context["ti"].map_index], dict):
        return list(fields)  # written in the DAG's file
    return [name for name in fields if name in task.partial_kwargs]
