"""One task instance at a time, for tasks that ask a query whom to call: two at once would be told the same people.

It is an aid: claims in the results table are the guarantee. From Airflow 3.3 on a task that waits, for a person or for
its calls, counts as running, so that it would keep tomorrow's run from beginning: a task that may wait is not limited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import OperatorMixin

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

__all__ = ["OneAtATime", "given_or_default"]

_LEFT_OUT: Any = object()
"""Stands for an argument that wasn't given: None is a choice of its own."""
_MAY_WAIT: Mapping[str, Callable[[object], bool]] = {
    "on_unknown": lambda given: given == "ask",
    "on_excess": lambda given: given == "ask",
    "wait_for_completion": bool,
    "first": lambda given: given is not None,
    "after_test": lambda given: given == "ask",
}
"""The arguments by which a task may wait, for its calls or for a person, and whether one does."""


class OneAtATime(OperatorMixin):
    """Has ``max_active_tis_per_dag`` be 1, mapped or not, unless the DAG says otherwise or the task may wait."""

    def __init__(self, *, max_active_tis_per_dag: int | None = _LEFT_OUT, **kwargs: Any) -> None:
        is_given = max_active_tis_per_dag is not _LEFT_OUT
        if is_given:
            kwargs["max_active_tis_per_dag"] = max_active_tis_per_dag
        super().__init__(**kwargs)
        # Airflow gives an operator's own arguments what default_args say of them, and hands those on.
        is_given = is_given or "max_active_tis_per_dag" in (kwargs.get("default_args") or {})
        if not is_given and not any(waits(getattr(self, name, None)) for name, waits in _MAY_WAIT.items()):
            self.max_active_tis_per_dag = 1

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """As any operator's: a mapped task is limited in the same way, for its ``__init__`` comes too late for that."""
        partial: OperatorPartial = super().partial(**kwargs)
        if not any(waits(given_or_default(name, None, kwargs)) for name, waits in _MAY_WAIT.items()):
            partial.kwargs.setdefault("max_active_tis_per_dag", 1)
        return partial


def given_or_default(name: str, otherwise: object, kwargs: dict[str, Any]) -> object:
    """An argument as it was given, or as the DAG's or the task group's ``default_args`` give it."""
    from airflow.sdk.bases.operator import get_merged_defaults
    from airflow.sdk.definitions._internal.contextmanager import DagContext, TaskGroupContext

    if name in kwargs:
        return kwargs[name]
    dag = kwargs.get("dag") or DagContext.get_current()
    group = kwargs.get("task_group") or (TaskGroupContext.get_current(dag) if dag else None)
    defaults, _ = get_merged_defaults(
        dag=dag, task_group=group, task_params=None, task_default_args=kwargs.get("default_args")
    )
    return defaults.get(name, otherwise)
