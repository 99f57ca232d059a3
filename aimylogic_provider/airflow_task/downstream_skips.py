"""How what follows an approval is stopped by a no: Airflow's own way, and what that leaves out of mapped tasks.

Airflow skips what follows an unmapped task by its name, which hits no task that is mapped already. For a mapped one it
skips the same index of what is mapped behind it, and nothing else; in a mapped task group, by version, nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_names import MappedOperator

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_names import BaseOperator

__all__ = ["Following", "following", "is_stopped_by_a_skip", "skip_at_once"]


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
    from aimylogic_provider.call_list_task.send_base import SendBase
    from aimylogic_provider.operators.add_phone import AddPhoneOperator

    return issubclass(_class_of(task), (AddPhoneOperator, SendBase))


def _sends_what_is_returned_by(operator: BaseOperator, task: Any) -> bool:
    from aimylogic_provider.airflow_task.airflow_names import XComArg
    from aimylogic_provider.operators.send_call_list import SendCallListOperator

    if not issubclass(_class_of(task), SendCallListOperator):
        return False
    if not isinstance(task, MappedOperator):
        return False
    sources = [*XComArg.iter_xcom_references(task.partial_kwargs), *task.expand_input.iter_references()]
    return any(source.task_id == operator.task_id for source, _ in sources)
