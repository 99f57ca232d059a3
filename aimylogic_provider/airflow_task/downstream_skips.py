"""How what follows an approval is stopped by a no: Airflow's own way, and what that leaves out of mapped tasks.

Airflow skips what follows an unmapped task by its name, which hits no task that is mapped already. For a mapped one it
skips the same index of what is mapped behind it, and nothing else; in a mapped task group, by version, nothing at all.
Which tasks call somebody, their classes say (``_adds_calls``, ``_sends_a_given_list``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import (
    AirflowSkipException,
    DownstreamTasksSkipped,
    MappedOperator,
    OperatorMixin,
)

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import BaseOperator, Context

__all__ = ["Following", "StopsWhatFollows", "following", "index_of", "is_stopped_by_a_skip", "skip_at_once"]


class StopsWhatFollows(OperatorMixin):
    """An approval after whose no nothing that follows it calls anybody, mapped or not."""

    do_xcom_push: bool
    ignore_downstream_trigger_rules: bool

    def skip(self, ti: Any, tasks: Iterable[Any]) -> None:
        """Skip what follows a no. ``ApprovalOperator`` calls it.

        :raises DownstreamTasksSkipped: of an approval that isn't mapped, for Airflow to act on
        """
        if ti.map_index is None or ti.map_index < 0:
            super().skip(ti, tasks)  # type: ignore[misc]  # ApprovalOperator has it
            return
        found = following(self, ti.map_index, tasks)
        super().skip(ti, found.by_index)  # type: ignore[misc]
        if found.at_once:
            skip_at_once(found.at_once)

    def _stop(
        self,
        context: Context,
        no: dict[str, Any],
        skip: Callable[[], object],
        *,
        skipped_because: str | None = None,
    ) -> dict[str, Any]:
        """Skip what follows, and have the no keep its place among what mapped approvals return.

        :param no: what is returned
        :param skip: does Airflow's part
        :param skipped_because: why the task ends as skipped, wherever that stops nobody else's call; None to have it
            end as a success where that is enough
        :raises AirflowSkipException: if it must end as skipped
        :raises DownstreamTasksSkipped: for Airflow to act on
        """
        index = index_of(context)
        must_skip = is_stopped_by_a_skip(self, index, self._following())
        try:
            skip()
        except DownstreamTasksSkipped as skipped:  # Airflow would return nothing
            self._return(context, no)
            if not must_skip and skipped_because is None:
                raise
            skip_at_once(skipped.tasks)
        else:
            if not must_skip and (index >= 0 or skipped_because is None):
                return no
            self._return(context, no)
        raise AirflowSkipException(skipped_because or "The answer was no: what follows is skipped with this task")

    def _return(self, context: Context, no: dict[str, Any]) -> None:
        """Return a value to what follows, though the task ends by an exception."""
        if self.do_xcom_push and self._following():
            context["ti"].xcom_push(key="return_value", value=no)

    def _following(self) -> list[Any]:
        """What a no skips: as ``ApprovalOperator`` has it."""
        if self.get_dag() is None:
            return []
        tasks = (
            self.get_flat_relatives(upstream=False)
            if self.ignore_downstream_trigger_rules
            else self.get_direct_relatives(upstream=False)
        )
        return [task for task in tasks if not task.is_teardown]


def index_of(context: Context) -> int:
    """Return the task instance's map index; -1 if its task isn't mapped."""
    index = context["ti"].map_index
    return -1 if index is None else index


@dataclass(frozen=True, slots=True)
class Following:
    """What follows one instance of a mapped approval, and is to be skipped.

    :param at_once: names, with map indexes within the same mapped task group, for Airflow to skip now
    :param by_index: tasks of which Airflow skips the same map index when its turn comes
    """

    at_once: list[str | tuple[str, int]]
    by_index: list[Any]


def following(operator: BaseOperator, map_index: int, tasks: Iterable[Any]) -> Following:
    """Tell what is to be skipped of the tasks behind a mapped approval.

    A task that sends what the approval returns is none of that: its own instance sees the no, and skips itself. Of what
    isn't mapped, only what calls is: anything else may be there to gather all answers.

    :param operator: the approval
    :param tasks: what follows it, teardowns left out
    """
    at_once: list[str | tuple[str, int]] = []
    by_index = []
    for task in tasks:
        if _shares_index(operator, task):
            at_once.append((task.task_id, map_index))
            by_index.append(task)
        elif _has_indexes(task):
            if not _sends_what_is_returned_by(operator, task):
                by_index.append(task)
        elif _calls(task):
            at_once.append(task.task_id)
    return Following(at_once, by_index)


def is_stopped_by_a_skip(operator: BaseOperator, map_index: int, tasks: Iterable[Any]) -> bool:
    """Whether a no must end the approval as skipped, for Airflow to stop what follows it.

    Not where it is mapped, and no task of its group follows: what is mapped behind it waits for all of its instances,
    and one that is skipped would stop those of which a person said yes.
    """
    if map_index >= 0:
        return any(_shares_index(operator, task) for task in tasks)
    return any(_has_indexes(task) for task in tasks)


def skip_at_once(tasks: list[str | tuple[str, int]]) -> None:
    """Have Airflow skip task instances that have not begun."""
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import SkipDownstreamTasks

    task_runner.SUPERVISOR_COMMS.send(SkipDownstreamTasks(tasks=tasks))


def _shares_index(operator: BaseOperator, task: Any) -> bool:
    """Whether both are in one mapped task group, so that an index of one goes with the same of the other."""
    ours, theirs = operator.get_closest_mapped_task_group(), task.get_closest_mapped_task_group()
    return ours is not None and theirs is not None and ours.group_id == theirs.group_id


def _has_indexes(task: Any) -> bool:
    return isinstance(task, MappedOperator) or task.get_closest_mapped_task_group() is not None


def _class_of(task: Any) -> type:
    return task.operator_class if isinstance(task, MappedOperator) else type(task)


def _calls(task: Any) -> bool:
    return bool(getattr(_class_of(task), "_adds_calls", False))


def _sends_what_is_returned_by(operator: BaseOperator, task: Any) -> bool:
    from aimylogic_provider.airflow_task.airflow_imports import XComArg

    if not getattr(_class_of(task), "_sends_a_given_list", False) or not isinstance(task, MappedOperator):
        return False
    sources = [*XComArg.iter_xcom_references(task.partial_kwargs), *task.expand_input.iter_references()]
    return any(source.task_id == operator.task_id for source, _ in sources)
