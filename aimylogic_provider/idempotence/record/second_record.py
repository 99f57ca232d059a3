"""The second record: where the copies of a task instance's entry are kept.

It is written before the fenced entry, which is written before anything leaves; so what was sent stands here, too. But
that no copy is found proves nothing: it may have been turned off, unreachable or emptied meanwhile; only a copy of each
earlier try does, or that there was none. Rows are read and
written by name, for a store need not be able to list them, nor to tell "empty" from "not there": a row of the task's
proves that the store can be reached. Rows that are of no use any more are deleted by their writers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aimylogic_provider.idempotence.keys import digest
from aimylogic_provider.idempotence.record.record_copies import (
    Copy,
    CopyOrigin,
    Recalled,
    RunMark,
    copy_from_json,
    copy_to_json,
    origin,
    recalled,
)
from aimylogic_provider.idempotence.record.records import Entry
from aimylogic_provider.idempotence.time_limits import AIRFLOW_SLACK

__all__ = ["KEPT", "MOST_ROWS", "SPARED", "Rows", "SecondRecord", "Traces"]

KEPT = 90 * 24 * 3600.0
"""Seconds for which copies are kept. Whoever clears an older run is told what the report still shows."""
MOST_ROWS = 1000
"""How many copies of a task and map index are kept: older ones go sooner, but never younger ones than SPARED."""
SPARED = 30 * 3600.0
"""Seconds: longer than a key lives, so that a run without its copy is old, and the report is asked."""


class Rows(Protocol):
    """A store of rows of JSON. All methods raise if it can't be reached, but ``get`` may return None instead."""

    def get(self, name: str) -> object | None:
        """Return a row, or None."""

    def set(self, name: str, value: object) -> None:
        """Write a row, in place of the one of that name."""

    def delete(self, name: str) -> None:
        """Delete a row, if there is one."""


class Traces(Protocol):
    """Where other tasks are told what a task instance sends."""

    def write(self, entry: Entry) -> None:
        """Write what is known. Raises if that can't be done."""


class SecondRecord:
    """The copies of one task instance, as one of its tries reads and writes them.

    :param dag_id: and ``task_id``, ``run_id``, ``map_index``: of the task instance; -1 if the task isn't mapped
    :param iteration: of the loop that the task is in, or None
    :param mark: of this try
    :param wall: tells the worker's time, in Unix seconds
    :param traces: takes what is known, for other tasks; None if they can't be told
    :raises Exception: whatever *rows* raises if it can't be reached
    """

    def __init__(
        self, rows: Rows, *, dag_id: str, task_id: str, run_id: str, map_index: int, iteration: int | None,
        mark: RunMark,
        wall: Callable[[], float],
        traces: Traces | None = None,
    ) -> None:  # fmt: skip
        self._rows = rows
        self._mark = mark
        self._wall = wall
        self._traces = traces
        task = _short("task", dag_id, task_id)
        self._instance = _short("instance", dag_id, run_id, task_id, str(map_index), str(iteration))
        self._written_name = f"written-{task}" + (f"-{map_index}" if map_index >= 0 else "")
        if iteration is not None:
            self._written_name += f"-loop-{iteration}"
        self._listed = False
        begun = {"at": wall(), "run": _short("run", run_id, str(mark.run_after)), "first": mark.first}
        since = rows.get(f"since-{task}")
        if since is None:
            rows.set(f"since-{task}", begun)  # proves that the store can be reached, or raises
        self._whole_run = isinstance(since, dict) and mark.run_after is not None and (
            since["at"] + AIRFLOW_SLACK <= mark.run_after or (since["run"] == begun["run"] and since["first"])
        )  # fmt: skip
        """Whether the task keeps copies since before the run, or since it began."""

    def recall(self) -> Recalled:
        """Return what the copies of all tries until now tell.

        Those of a run of the same id that was deleted are deleted: after a clear they couldn't be told from this one's.
        """
        found = [self._rows.get(self._name(number)) for number in range(self._mark.try_number + 1)]
        while self._mark.replaces and found[-1] is not None:
            found.append(self._rows.get(self._name(len(found))))  # the one that it stands for may have had more tries
        numbered = {number: copy_from_json(content) for number, content in enumerate(found) if content is not None}
        copies = list(numbered.values())
        beyond = self._beyond(len(found))
        if self._mark.region:
            copies += beyond.values()  # the one that it stands for may have had more tries, and not each left a copy
        for number, copy in (numbered | beyond).items():
            if origin(copy.mark, self._mark) is CopyOrigin.OTHER:
                self._rows.delete(self._name(number))
        return recalled(copies, self._mark)

    def vouches(self, told: Recalled) -> bool:
        """Whether all that this task instance sent stands here.

        :param told: what the copies tell
        """
        number_one = self._mark.try_number <= 1 and not self._mark.replaces
        return told.complete or (number_one and told.nothing and self._whole_run)

    def write(self, entry: Entry) -> None:
        """Write this try's copy, and tell other tasks."""
        if self._traces is not None:
            self._traces.write(entry)
        name = self._name(self._mark.try_number)
        if not self._listed:
            self._list(name)
            self._listed = True
        self._rows.set(name, copy_to_json(Copy(self._mark, entry)))

    def _beyond(self, start: int) -> dict[int, Copy]:
        """Copies from a number on: of another run of the id, or of a task instance that this one stands for."""
        beginning = self._name(0)[:-1]
        written = self._rows.get(self._written_name)
        names = [one[0] for one in written if one[0].startswith(beginning)] if isinstance(written, list) else []
        numbers = [number for name in names if (number := int(name.removeprefix(beginning))) >= start]
        found = {number: self._rows.get(self._name(number)) for number in numbers}
        return {number: copy_from_json(content) for number, content in found.items() if content is not None}

    def _list(self, name: str) -> None:
        """Note the name of this try's copy, and delete those that have been kept for long enough."""
        now = self._wall()
        found = self._rows.get(self._written_name)
        written = [one for one in found if one[0] != name] if isinstance(found, list) else []
        written.append([name, now])
        kept = [
            one for place, one in enumerate(written, 1)
            if now - one[1] < (KEPT if place > len(written) - MOST_ROWS else SPARED)
        ]  # fmt: skip
        still = {one[0] for one in kept}
        for old, _ in written:
            if old not in still:
                self._rows.delete(old)
        self._rows.set(self._written_name, kept)

    def _name(self, try_number: int) -> str:
        return f"copy-{self._instance}-{try_number}"


def _short(*fields: str) -> str:
    return digest(*fields).hex()[:24]
