"""One task instance at a time, for tasks that ask a query whom to call: two at once would be told the same people.

It is an aid: claims in the results table are the guarantee. From Airflow 3.3 on a task that waits, for a person or for
its calls, counts as running, so that it would keep tomorrow's run from beginning: a task that may wait is not limited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import OperatorMixin

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

__all__ = ["OneAtATime", "given_or_default"]

_ASKING = ("on_unknown", "on_excess")
"""The arguments by which a task may wait for a person."""

_LEFT_OUT: Any = object()
"""Stands for an argument that wasn't given: None is a choice of its own."""


class OneAtATime(OperatorMixin):
    """Has ``max_active_tis_per_dag`` be 1, mapped or not, unless the DAG says otherwise or the task may wait."""

    def __init__(self, *, max_active_tis_per_dag: int | None = _LEFT_OUT, **kwargs: Any) -> None:
        is_given = max_active_tis_per_dag is not _LEFT_OUT
        if is_given:
            kwargs["max_active_tis_per_dag"] = max_active_tis_per_dag
        super().__init__(**kwargs)
        # Airflow gives an operator's own arguments what default_args say of them, and hands those on.
        is_given = is_given or "max_active_tis_per_dag" in (kwargs.get("default_args") or {})
        asks = "ask" in (getattr(self, name, "fail") for name in _ASKING)
        waits = asks or getattr(self, "wait_for_completion", False)
        if not is_given and not waits:
            self.max_active_tis_per_dag = 1

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """As any operator's: a mapped task is limited in the same way, for its ``__init__`` comes too late for that."""
        partial: OperatorPartial = super().partial(**kwargs)
        asks = "ask" in (given_or_default(name, "fail", kwargs) for name in _ASKING)
        if not asks and not given_or_default("wait_for_completion", False, kwargs):
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
