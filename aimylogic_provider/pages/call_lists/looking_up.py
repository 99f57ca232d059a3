"""The list that a route names by a task instance, looked up in Airflow's database, and where it lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from airflow.utils.session import create_session
from fastapi import Depends, HTTPException, Query
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from aimylogic_provider.pages.call_lists.list_place import Place, place_in_file, place_of
from aimylogic_provider.pages.call_lists.list_tasks import (
    OWN_LISTS,
    ListTask,
    tasks_of_runs,
    tasks_of_task,
)
from aimylogic_provider.pages.call_lists.runs_gone import why_no_task
from aimylogic_provider.pages.call_lists.shown_lists import ShownList, lists_of
from aimylogic_provider.pages.call_lists.task_settings import settings_of
from aimylogic_provider.pages.call_lists.told_by_tasks import told_by
from aimylogic_provider.pages.slow_readings import TooSlowError, read_within
from aimylogic_provider.pages.waiting.approvals import note_approvals

__all__ = ["MOST_TASKS", "Asked", "AskedTask", "FoundList", "asked_list", "found_list"]

MOST_TASKS = 2000
"""Tasks of a run that are looked at for one list."""
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class AskedTask:
    """Which task instance's list is meant.

    :param list_id: which of its lists, if it has several, as in a loop; empty for the newest
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    list_id: str = ""


def _asked(
    dag_id: str, run_id: str, task_id: str, map_index: str, call_list: Annotated[str, Query(alias="list")] = ""
) -> AskedTask:
    """Read what a route's path names.

    :param map_index: a number, or Airflow's own ``{MAP_INDEX}`` of a task that isn't mapped
    """
    digits = map_index.removeprefix("-")
    if map_index == "{MAP_INDEX}":
        index = -1
    elif digits.isascii() and digits.isdecimal() and len(digits) < 10:
        index = int(map_index)
    else:
        raise HTTPException(404, f"There is no task instance of map index {map_index[:40]!r}")
    return AskedTask(dag_id, run_id, task_id, index, call_list)


Asked = Annotated[AskedTask, Depends(_asked)]
"""Which list is asked for, of a route's path."""


@dataclass(slots=True)
class FoundList:
    """A list as the database has it.

    :param task: the one that was asked for
    :param shown: its list, with all tasks of the run that told of it
    :param settings: of the task that sends it
    :param others: further tasks of the run that may send it, for nothing is known of their lists
    :param place: where it lies; None if that isn't known
    :param unseen: whether the run has more tasks with lists than were looked at
    """

    task: ListTask
    shown: ShownList
    settings: Mapping[str, str] = field(default_factory=dict)
    others: Sequence[ListTask] = ()
    place: Place | None = None
    unseen: bool = False

    @property
    def list_id(self) -> str:
        """The list's id; empty if none is known."""
        where = None if self.place is None else self.place[1]
        path = where if isinstance(where, str) else "" if where is None else where.path
        return path.rstrip("/").rpartition("/")[2]

    async def in_database(self, work: Callable[[Session], _Made]) -> _Made:
        """Do something in Airflow's database, without blocking."""
        return await run_in_threadpool(_in_session, work)


def _in_session(work: Callable[[Session], _Made]) -> _Made:
    with create_session() as session:
        return work(session)


def found_list(session: Session, asked: AskedTask) -> FoundList:
    """Look a task's list up, with what else the run has of it.

    :raises HTTPException: 404 if there is no such task
    """
    own = list(tasks_of_task(session, asked.dag_id, asked.run_id, asked.task_id, asked.map_index))
    if not own:
        raise HTTPException(404, why_no_task(session, asked.dag_id, asked.run_id))
    of_run: list[ListTask] = []
    unseen = False
    if own[0].operator not in OWN_LISTS:
        found_tasks, counted = tasks_of_runs(session, [(asked.dag_id, asked.run_id)], most=MOST_TASKS)
        unseen = sum(counted.values()) > MOST_TASKS
        of_run = [task for task in found_tasks if task.operator not in OWN_LISTS]
    known = {task.id for task in of_run}
    tasks = [*of_run, *(task for task in own if task.id not in known)]
    lists = lists_of(tasks, told_by(session, tasks))[asked.dag_id, asked.run_id]
    mine = {task.id for task in own}
    having = [one for one in lists if any(task.id in mine for task, _ in one.tasks)]
    shown = next((one for one in having if asked.list_id and one.list_id == asked.list_id), having[-1])
    task = next(task for task, _ in shown.tasks if task.id in mine)
    others = [one.first for one in lists if one.path is None and one is not shown]
    settings = settings_of(session, shown.first)
    if shown.path is None and task is not shown.first:
        settings = {**settings, **settings_of(session, task)}  # where this one's list would lie
    note_approvals(session, lists)
    found = FoundList(task, shown, settings, others, unseen=unseen)
    found.place = place_of(shown)
    return found


async def asked_list(asked: AskedTask) -> FoundList:
    """As :func:`found_list`, for a route that doesn't block; where only storage tells where the list lies, too."""
    found = await run_in_threadpool(_in_session, lambda session: found_list(session, asked))
    if found.place is None and found.shown.path is None:
        try:
            found.place = await read_within(5, place_in_file, found.task, found.settings)
        except TooSlowError:
            found.place = None
    return found
