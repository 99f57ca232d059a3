"""What a task learns of the loop that it is in (``@task_group … .loop()``, which came with Airflow 3.4).

A loop's tasks run once an iteration. Airflow tells those task instances apart by the id of a *region* and an index in
it. Clearing the loop's gate, the task that decides whether to go on, replaces the later iterations: they are made anew
in another region, with first tries and nothing of their state. So a region's id names no call: its iteration does. A
task is in one loop at most, and a DAG run has one family of that loop's regions, each forked from the one before: DAG,
run, task and iteration name the same as the family's root and the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context

__all__ = ["has_region", "is_in_loop", "is_in_mapped_group", "iteration", "may_replace_another"]


def iteration(context: Context) -> int | None:
    """Return which iteration of its loop the task instance is in, from 0; None if it is in no loop.

    :raises AirflowFailException: if it is in one, or in several, and its iteration can't be learnt: another one may
        have called the same person, or may be about to
    """
    ti = context["ti"]
    loop: Any = context.get("loop")
    around = list(_groups_around(getattr(ti, "task", None)))
    loops = [number for number, group in enumerate(around) if _is_loop(group)]
    if loop is None and not loops and (_is_mapped(ti) or not _has_region(ti)):
        return None
    if loop is None or len(loops) > 1 or any(map(_maps_tasks, around[loops[0] if loops else 0 :])):
        raise AirflowFailException(
            f"{ti.task_id} is in a loop, or in several that lie in each other, and this Airflow doesn't say in which "
            "iteration: whether another one called the same people can't be told, so nothing is sent. Put the task "
            "into one plain loop, or outside of it"
        )
    index: int = loop.index
    return index


def may_replace_another(context: Context) -> bool:
    """Whether this task instance, even at its first try, may stand for one that a clear of the loop's gate replaced.

    A clear replaces iterations after the gate's own, so never the first; and the first is in the root of the family, as
    all others are unless they were made anew. A mapped task's own region tells nothing of that: there, only the number
    of the run's clears does.
    """
    ti: Any = context["ti"]
    number = iteration(context)
    if not number or _is_mapped(ti):
        return False
    crumbs = ti.get_task_breadcrumbs(ti.dag_id, ti.run_id)
    group = next(group for group in _groups_around(ti.task) if _is_loop(group))
    roots = [
        crumb["region_id"]
        for crumb in crumbs
        if crumb["task_id"] == group.gate_task_id and crumb.get("region_index") == 0
    ]
    return [str(root) for root in roots] != [str(ti.region_id)]


def has_region(context: Context) -> bool:
    """Whether Airflow runs the task instance in a region: that of its loop, or that of its own mapping (since 3.4)."""
    return _has_region(context["ti"])


def is_in_loop(task: Any) -> bool:
    """Whether a task is in a loop, whose arguments differ from iteration to iteration."""
    return any(map(_is_loop, _groups_around(task)))


def is_in_mapped_group(task: Any) -> bool:
    """Whether a task is in a mapped task group, and so has a map index, though it isn't mapped itself."""
    return any(map(_maps_tasks, _groups_around(task)))


def _groups_around(task: Any) -> Iterator[Any]:
    """The task groups that a task is in, the innermost first."""
    group = getattr(task, "task_group", None)
    while group is not None:
        yield group
        group = getattr(group, "parent_group", None)


def _is_loop(group: Any) -> bool:
    return hasattr(group, "gate_task_id")


def _maps_tasks(group: Any) -> bool:
    return hasattr(group, "iter_mapped_dependencies")


def _is_mapped(ti: Any) -> bool:
    return ti.map_index is not None and ti.map_index >= 0


def _has_region(ti: Any) -> bool:
    """Whether Airflow runs the task instance in a region: that of its loop, or that of its own mapping."""
    region = getattr(ti, "region_id", None)
    return region is not None and region.int != 0
