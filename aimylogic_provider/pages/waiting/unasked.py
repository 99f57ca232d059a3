"""Failed tasks of ours that nobody is asked about, although it can't be known whether their calls were added."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from airflow.models.taskinstance import TaskInstance
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from aimylogic_provider.airflow_task.masked_fields import masked_phones
from aimylogic_provider.airflow_task.task_state import ENTRY
from aimylogic_provider.call_list.store.sync_entry import ENTRY_FORMAT
from aimylogic_provider.pages.rendering import task_path

__all__ = ["LOOKED_AT", "Unasked", "UnaskedTask", "read_unasked", "unknown_of"]

LOOKED_AT = 200
"""The newest failed tasks that are looked at."""
_LARGEST = 4_000_000
"""Characters of an entry that is read."""
_OPEN = ("noted", "unanswered")
"""What a send is without an answer: of it, a call may have come."""


@dataclass(frozen=True, slots=True)
class UnaskedTask:
    """A failed task whose calls may have been added.

    :param unknown: why it can't be known, in words
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    name: str
    ended: datetime | None
    unknown: str

    @property
    def task_path(self) -> str:
        """Of Airflow's page of the task instance, beneath Airflow's address."""
        return task_path(self.dag_id, self.run_id, self.task_id, self.map_index)


class Unasked(NamedTuple):
    """What was found.

    :param kept: whether this Airflow keeps what tasks note (3.3 and newer)
    :param more: whether there are failed tasks that were not looked at
    """

    tasks: list[UnaskedTask]
    kept: bool
    more: bool = False


def read_unasked(session: Session, dags: Collection[str]) -> Unasked:
    """Look at the newest failed tasks of some DAGs that have noted something. One query."""
    try:
        from airflow.models.task_state_store import TaskStateStoreModel as Noted
    except ImportError:
        return Unasked([], kept=False)
    same = [Noted.dag_id == TaskInstance.dag_id, Noted.run_id == TaskInstance.run_id]
    same += [Noted.task_id == TaskInstance.task_id]
    if hasattr(Noted, "region_id"):  # Airflow 3.4
        same += [Noted.region_id == TaskInstance.region_id, Noted.region_index == TaskInstance.region_index]
    else:
        same += [Noted.map_index == TaskInstance.map_index]
    columns: list[Any] = [
        TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index,
        TaskInstance._rendered_map_index, TaskInstance.end_date, Noted.value,
    ]  # fmt: skip
    statement = (
        select(*columns)
        .join(Noted, and_(*same))
        .where(TaskInstance.state == "failed", Noted.key == ENTRY, func.length(Noted.value) < _LARGEST)
        .where(TaskInstance.dag_id.in_(sorted(dags)))
        .order_by(TaskInstance.end_date.desc())
        .limit(LOOKED_AT + 1)
    )
    rows = session.execute(statement).all()
    tasks = [
        UnaskedTask(
            row.dag_id, row.run_id, row.task_id, row.map_index, _name(row), row.end_date, masked_phones(unknown)
        )
        for row in rows[:LOOKED_AT]
        if (unknown := unknown_of(row.value))
    ]
    return Unasked(tasks, kept=True, more=len(rows) > LOOKED_AT)


def _name(row: Any) -> str:
    if row._rendered_map_index:
        return str(masked_phones(row._rendered_map_index))
    return f"#{row.map_index}" if row.map_index >= 0 else ""


def unknown_of(value: str) -> str:
    """Why it can't be known what became of a task's calls, by what the task noted; empty if it can, or was said."""
    try:
        entry = json.loads(value)
        entry = json.loads(entry) if isinstance(entry, str) else entry
        return _of_list(entry) if entry.get("format") == ENTRY_FORMAT else _of_calls(entry)
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""  # of another release, or written by hand: its own task tells


def _of_calls(entry: dict[str, Any]) -> str:
    """Of a task that adds one call."""
    told = []
    for record in entry.get("records", {}).values():
        sends = [send for send in record["sends"] if send["outcome"] in _OPEN]
        if record["job"] is None and sends and (record["ruling"] or {}).get("choice") != "leave":
            what = "1 request" if len(sends) == 1 else f"{len(sends):,} requests"
            told.append(f"{what} to add {record['masked_phone']} went unanswered")
    return "; ".join(told)


def _of_list(entry: dict[str, Any]) -> str:
    """Of a task that sends a list."""
    batches = sum(
        bool(state.get("sends") or any(part.get("sends") for part in state.get("apart", ())))
        for state in entry.get("open", {}).values()
    )
    if not batches or (entry.get("ruling") or {}).get("send") is False:
        return ""
    progress = entry.get("progress", {})
    calls, left = progress.get("calls"), progress.get("left")
    told = f"; of {calls:,} calls, {left:,} are not settled" if isinstance(calls, int) and isinstance(left, int) else ""
    return f"Requests for {'1 batch' if batches == 1 else f'{batches:,} batches'} went unanswered{told}"
