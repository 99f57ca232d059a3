"""Which fields of a mapped task hold what an earlier task returned: data, and no templates.

What ``expand(…)`` takes from XCom Airflow leaves as it is; what ``expand_kwargs(…)`` does, it renders, as of 3.3. A
customer who is called ``{{ conn.aimylogic_default.password }}`` would get the token for a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimylogic_provider.airflow_task.airflow_imports import BaseOperator

__all__ = ["arguments_of_all", "given_arguments", "templates_among"]


def templates_among(fields: Sequence[str], operator: BaseOperator, context: Any) -> list[str]:
    """Return those of a task's fields that its DAG's author wrote.

    :param operator: as it is of one of a mapped task's instances, or an ordinary one
    :param context: of that instance
    """
    task = _mapped_task(operator)
    if not _is_of_another_task(getattr(task, "expand_input", None), context):
        return list(fields)
    return [name for name in fields if name in task.partial_kwargs]


def given_arguments(operator: BaseOperator, context: Any) -> set[str]:
    """Return which arguments of a decorated function ``expand_kwargs(…)`` takes from what an earlier task returned.

    :param operator: as of :func:`templates_among`
    :param context: of that instance
    """
    task = _mapped_task(operator)
    if not _is_of_another_task(getattr(task, "op_kwargs_expand_input", None), context):
        return set()
    written, arguments = task.partial_kwargs.get("op_kwargs") or {}, getattr(operator, "op_kwargs", {})
    return {name for name, value in arguments.items() if name not in written or written[name] is not value}


def arguments_of_all(operator: BaseOperator) -> set[str]:
    """Return which arguments of a decorated function are given alike to all instances of its mapped task.

    In a loop it isn't known of any, for they may differ by iteration. (In a mapped task group there are no mapped
    tasks.) To be asked before they are rendered.

    :param operator: as of :func:`templates_among`
    """
    from aimylogic_provider.airflow_task.task_loops import is_in_loop

    task = _mapped_task(operator)
    if getattr(task, "op_kwargs_expand_input", None) is None or is_in_loop(task):
        return set()
    written, arguments = task.partial_kwargs.get("op_kwargs") or {}, getattr(operator, "op_kwargs", {})
    return {name for name, value in arguments.items() if name in written and written[name] is value}


def _mapped_task(operator: BaseOperator) -> Any:
    dag = operator.get_dag()
    return None if dag is None else dag.task_dict.get(operator.task_id)


def _is_of_another_task(expanded: Any, context: Any) -> bool:
    """Whether ``expand_kwargs(…)`` was given what another task returned, and not what is written in the DAG's file."""
    if getattr(expanded, "EXPAND_INPUT_TYPE", None) != "list-of-dicts":
        return False
    given = expanded.value
    return not (isinstance(given, (list, tuple)) and isinstance(given[context["ti"].map_index], dict))
