"""Task instances that have to do with call lists, as Airflow's database has them, and the DAG runs that have such."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

__all__ = [
    "FREEZES",
    "OPERATORS",
    "OVER",
    "OWN_LISTS",
    "SENDS",
    "ListTask",
    "RunWithLists",
    "runs_with_lists",
    "tasks_of_runs",
    "tasks_of_task",
    "unfinished_of",
]

FREEZES = frozenset({"PrepareCallListOperator", "PrepareCallsOperator"})
"""What freezes a list, and leaves sending it to other tasks."""

SENDS = "SendCallListOperator"
"""What sends a list, or a shard of one, that another task froze."""

OWN_LISTS = frozenset({"SqlToAimylogicOperator", "AddPhonesOperator", "CallsDecoratedOperator"})
"""What freezes a list, and sends it: it is no other task's."""

OPERATORS = OWN_LISTS | FREEZES | {SENDS}
"""By these names Airflow's database knows the operators that have call lists; of classes made of them it doesn't."""

OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""States in which a task does nothing any more, unless somebody clears it."""


@dataclass(frozen=True, slots=True)
class ListTask:
    """A task instance.

    :param id: of its latest try
    :param map_index: -1 if it isn't mapped
    """

    id: UUID
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: str | None
    started: datetime | None
    ended: datetime | None
    try_number: int
    operator: str | None

    @property
    def is_over(self) -> bool:
        """Whether it does nothing any more by itself."""
        return self.state in OVER

    @property
    def place(self) -> tuple[str, str, str, int]:
        """What tells it from others."""
        return self.dag_id, self.run_id, self.task_id, self.map_index

    @property
    def name(self) -> str:
        """Its name within the run, in words."""
        return self.task_id if self.map_index < 0 else f"{self.task_id} [{self.map_index}]"


@dataclass(frozen=True, slots=True)
class RunWithLists:
    """A DAG run that has tasks with call lists.

    :param id: by which runs are ordered
    """

    id: int
    dag_id: str
    run_id: str
    run_after: datetime | None


_COLUMNS = (
    TaskInstance.id, TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index,
    TaskInstance.state, TaskInstance.start_date, TaskInstance.end_date, TaskInstance.try_number, TaskInstance.operator,
)  # fmt: skip


def runs_with_lists(
    session: Session, dag_ids: Collection[str], *, before: int | None = None, most: int = 20
) -> list[RunWithLists]:
    """The newest DAG runs that have tasks with call lists, the newest first; one more than asked for, if there is one.

    Runs are gone through from the newest one on, and for each its tasks are looked up by an index: what is read doesn't
    grow with what lies further back.

    :param dag_ids: of these DAGs alone
    :param before: older than this one
    """
    if not dag_ids:
        return []
    has_lists = (
        select(1)
        .where(
            TaskInstance.dag_id == DagRun.dag_id,
            TaskInstance.run_id == DagRun.run_id,
            TaskInstance.operator.in_(OPERATORS),
        )
        .exists()
    )
    query = select(DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun.run_after).where(DagRun.dag_id.in_(dag_ids))
    if before is not None:
        query = query.where(DagRun.id < before)
    query = query.where(has_lists).order_by(DagRun.id.desc()).limit(most + 1)
    return [RunWithLists(*row) for row in session.execute(query)]


def tasks_of_runs(
    session: Session, runs: Iterable[tuple[str, str]], *, most: int, skip: int = 0
) -> tuple[list[ListTask], dict[tuple[str, str], int]]:
    """The tasks with call lists of some runs, so many of each; and of each run how many there are.

    :param runs: DAG and run id of each
    :param skip: so many of each are left out, of a page before
    """
    wanted = list(runs)
    if not wanted:
        return [], {}
    run = (TaskInstance.dag_id, TaskInstance.run_id)
    order = (TaskInstance.task_id, TaskInstance.map_index, TaskInstance.id)
    ranked = (
        select(
            *_COLUMNS,
            func.row_number().over(partition_by=run, order_by=order).label("place"),
            func.count().over(partition_by=run).label("all"),
        )
        .where(tuple_(*run).in_(wanted), TaskInstance.operator.in_(OPERATORS))
        .subquery()
    )
    found = session.execute(
        select(ranked).where(ranked.c.place > skip, ranked.c.place <= skip + most).order_by(ranked.c.place)
    ).all()
    return [ListTask(*row[:-2]) for row in found], {(row.dag_id, row.run_id): row[-1] for row in found}


def tasks_of_task(session: Session, dag_id: str, run_id: str, task_id: str, map_index: int) -> Sequence[ListTask]:
    """A task instance, of whichever operator; several of a loop's iterations; empty if there is none."""
    of: tuple[Any, ...] = (
        TaskInstance.dag_id == dag_id,
        TaskInstance.run_id == run_id,
        TaskInstance.task_id == task_id,
        TaskInstance.map_index == map_index,
    )
    query: Any = select(*_COLUMNS).where(*of).order_by(TaskInstance.id.desc()).limit(50)
    return [ListTask(*row) for row in session.execute(query)]


def unfinished_of(session: Session, dag_id: str, run_id: str, task_ids: Collection[str]) -> Sequence[ListTask]:
    """Those of some tasks of a run that may still do something, of whichever operators and map indexes."""
    of: tuple[Any, ...] = (
        TaskInstance.dag_id == dag_id,
        TaskInstance.run_id == run_id,
        TaskInstance.task_id.in_(task_ids),
        TaskInstance.state.is_(None) | TaskInstance.state.not_in(OVER),
    )
    query: Any = select(*_COLUMNS).where(*of).order_by(TaskInstance.task_id, TaskInstance.map_index).limit(50)
    return [ListTask(*row) for row in session.execute(query)]
