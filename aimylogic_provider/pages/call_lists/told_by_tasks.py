"""What tasks told of their lists, as Airflow's database keeps it: their entries, and the reports that they returned.

Tasks write it, and others may: whatever it is, it is read as far as it can be, and nothing of it is trusted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import msgspec
from sqlalchemy import Text, cast, func, select, tuple_
from sqlalchemy.orm import Session

from aimylogic_provider.airflow_task.masked_fields import masked_phones
from aimylogic_provider.airflow_task.task_state import ENTRY
from aimylogic_provider.call_list.store.manifest import CallListError, Count, Pointer
from aimylogic_provider.call_list.store.outcomes import RowCounts
from aimylogic_provider.call_list.store.sync_entry import ENTRY_FORMAT
from aimylogic_provider.pages.call_lists.list_tasks import ListTask

__all__ = ["Settled", "TaskTold", "keeps_entries", "told_by"]

_REPORTS = ("return_value", "report")
"""The XComs that may hold a report: what a task returned, and what one told that failed."""
_LONGEST = 256 * 1024
"""Characters of one that is read at all."""
_LONGEST_REASON = 500
_PREPARED = "prepare 1"


class Settled(msgspec.Struct, frozen=True):
    """How far a task came with its calls, as its entry tells."""

    calls: Count = 0
    created: Count = 0
    refused: Count = 0
    expired: Count = 0
    excluded: Count = 0
    capped: Count = 0
    left: Count = 0
    numbers_per_second: float = 0.0


class _Report(RowCounts, frozen=True, kw_only=True):
    """What a task returned that sent a list, or a shard of one."""

    call_list: str | None = None
    shard: Count = 0
    shards: Count = 1


class _Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What a dry run returned."""

    dry_run: bool
    call_list: str
    rows: Count
    calls: Count
    doubles: Count = 0
    rejected: Count = 0
    claimed: Count = 0
    capped: Count = 0
    excluded: Count = 0
    held_out: Count = 0


@dataclass(slots=True)
class TaskTold:
    """What one task told.

    :param pointer: to its list, with the digest that proves it
    :param path: of its list, if that alone is known
    :param settled: as its entry tells
    :param report: the counts of rows, as it returned them
    :param shard: that it sent, as it returned it
    :param dry_run: whether it sends nothing
    :param waits: whether it waits for a person's word
    :param campaigns: digests of where it sent
    :param reason: why it failed, phones masked, whoever wrote it
    :param odd: what can't be read of it, in words
    """

    pointer: Pointer | None = None
    path: str | None = None
    settled: Settled | None = None
    report: RowCounts | None = None
    shard: int = 0
    dry_run: bool = False
    waits: bool = False
    campaigns: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    odd: str = ""

    @property
    def list_path(self) -> str | None:
        """Where its list lies."""
        return self.path if self.pointer is None else self.pointer.path

    def take_entry(self, content: object) -> None:
        """Read the entry in the task's state."""
        if not isinstance(content, dict):
            self.odd = "the task's state holds no entry of a sync"
            return
        form = content.get("format")
        if form == _PREPARED:
            waiting = content.get("waiting")
            if isinstance(waiting, dict):
                self._take_pointer(waiting.get("call_list"))
                self.waits = waiting.get("asking") is not None
        elif form == ENTRY_FORMAT:
            if content.get("call_list") is not None:
                self._take_pointer(content["call_list"])
            self.waits = content.get("asked") is not None or content.get("asking") is not None
            self.settled = _as(Settled, content.get("progress") or None)
            self.campaigns = dict(_as(list[tuple[str, str]], content.get("campaigns")) or ())
        elif "call_list" in content:
            self.odd = (
                f"the task's state has another format, {str(form)[:40]!r}: another version of the provider wrote it"
            )

    def take_report(self, content: object) -> None:
        """Read what the task returned."""
        if not isinstance(content, dict):
            return
        if isinstance(reason := content.get("reason"), str):
            self.reason = str(masked_phones(reason[:_LONGEST_REASON]))
        if "sha256" in content:
            self._take_pointer(content)
        elif content.get("dry_run") is True and (plan := _as(_Rehearsal, content)) is not None:
            self.dry_run, self.path = True, plan.call_list
            self.report = RowCounts(
                plan.rows, 0, plan.doubles, plan.rejected, 0, 0, claimed=plan.claimed, capped=plan.capped,
                excluded=plan.excluded, held_out=plan.held_out,
            )  # fmt: skip
        elif (report := _as(_Report, content)) is not None and min(report.told()) >= 0:
            self.path, self.shard = report.call_list, report.shard
            self.report = RowCounts(*report.told())

    def _take_pointer(self, content: object) -> None:
        try:
            self.pointer = Pointer.of(content)
        except CallListError:
            self.odd = "what the task told of its list is no call list"


def told_by(session: Session, tasks: Sequence[ListTask]) -> dict[tuple[str, str, str, int], TaskTold]:
    """What some tasks told, by their places: two queries, however many they are."""
    told = {task.place: TaskTold() for task in tasks}
    if not told:
        return told
    # What a try returned counts before what one told that failed; the entry's pointer is the task's own.
    xcoms = sorted(_xcoms(session, tasks), key=lambda one: _REPORTS.index(one[1]), reverse=True)
    for place, _, value in xcoms:
        if place in told:
            told[place].take_report(_decoded(value))
    for place, value in _entries(session, tasks):
        if place in told:
            told[place].take_entry(_decoded(value))
    return told


def _runs_and_tasks(model: Any, index: Any, tasks: Sequence[ListTask]) -> tuple[Any, ...]:
    """The rows of some tasks: an index leads to the runs' ones."""
    return (
        tuple_(model.dag_id, model.run_id).in_({(task.dag_id, task.run_id) for task in tasks}),
        model.task_id.in_({task.task_id for task in tasks}),
        index.in_({task.map_index for task in tasks}),
    )


_Place = tuple[str, str, str, int]


def _xcoms(session: Session, tasks: Sequence[ListTask]) -> list[tuple[_Place, str, Any]]:
    from airflow.models import xcom

    if hasattr(xcom, "XComModelV2"):  # Airflow 3.4, which keeps those of each try
        return _xcoms_of_tries(session, tasks, xcom)
    model = xcom.XComModel
    query = select(model.dag_id, model.run_id, model.task_id, model.map_index, model.key, model.value).where(
        *_runs_and_tasks(model, model.map_index, tasks),
        model.key.in_(_REPORTS),
        func.length(cast(model.value, Text)) <= _LONGEST,
    )
    return [((row[0], row[1], row[2], row[3]), row[4], row[5]) for row in session.execute(query)]


def _xcoms_of_tries(session: Session, tasks: Sequence[ListTask], xcom: Any) -> list[tuple[_Place, str, Any]]:
    places = {task.id: task.place for task in tasks}
    old, new = xcom.XComModelV1, xcom.XComModelV2
    of_old = select(old.dag_id, old.run_id, old.task_id, old.map_index, old.key, old.value).where(
        *_runs_and_tasks(old, old.map_index, tasks),
        old.key.in_(_REPORTS),
        func.length(cast(old.value, Text)) <= _LONGEST,
    )
    found = [((row[0], row[1], row[2], row[3]), row[4], row[5]) for row in session.execute(of_old)]
    of_new = select(new.task_instance_id, new.key, new.value).where(
        new.task_instance_id.in_(places), new.key.in_(_REPORTS), func.length(cast(new.value, Text)) <= _LONGEST
    )
    return found + [(places[row[0]], row[1], row[2]) for row in session.execute(of_new)]


def keeps_entries() -> bool:
    """Whether this Airflow keeps tasks' entries in its database (3.3 and newer); before, files beside lists do."""
    return find_spec("airflow.models.task_state_store") is not None


def _entries(session: Session, tasks: Sequence[ListTask]) -> Iterable[tuple[_Place, str]]:
    try:
        from airflow.models.task_state_store import TaskStateStoreModel as Model
    except ImportError:  # before Airflow 3.3
        return ()
    index: Any = getattr(Model, "map_index", None) or Model.region_index  # in 3.4
    query = select(Model.dag_id, Model.run_id, Model.task_id, index, Model.value).where(
        *_runs_and_tasks(Model, index, tasks), Model.key == ENTRY, func.length(Model.value) <= 4 * _LONGEST
    )
    return [((row[0], row[1], row[2], row[3]), row[4]) for row in session.execute(query)]


def _decoded(value: object) -> object:
    """JSON, which some versions of Airflow keep as its text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _as(kind: Any, content: object) -> Any:
    """A value of some kind; None if it is anything else."""
    try:
        return None if content is None else msgspec.convert(content, kind)
    except (msgspec.ValidationError, RecursionError, OverflowError):
        return None
