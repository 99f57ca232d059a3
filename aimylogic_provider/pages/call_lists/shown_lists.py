"""Call lists as pages show them: of which tasks, and how many rows came to which outcome; made of what tasks told.

Tasks that send one list, a shard each, are one list here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aimylogic_provider.call_list.store.manifest import Pointer
from aimylogic_provider.pages.call_lists.list_tasks import FREEZES, SENDS, ListTask
from aimylogic_provider.pages.call_lists.told_by_tasks import TaskTold

__all__ = ["OUTCOMES", "ShownList", "lists_of", "parts_of"]

OUTCOMES = {
    "created": "created", "refused": "refused by the server", "expired": "expired", "unknown": "unknown",
    "rejected": "rejected", "excluded": "excluded", "capped": "not called again", "claimed": "held by another run",
    "held_out": "held out", "doubles": "doubles", "left": "left to send",
}  # fmt: skip
"""What may become of a row, as a page says it, in the order of its bar."""

_OF_CALLS = ("created", "refused", "expired", "excluded", "capped")
_FAILED = ("failed", "up_for_retry")
_NOT_BEGUN = (None, "upstream_failed")
_ASIDE = ("doubles", "rejected", "claimed", "capped", "excluded", "held_out")


@dataclass(slots=True)
class ShownList:
    """A list, or a task that has none yet.

    :param tasks: those that told of it, with what they told
    :param asked: whether a person is asked to approve it
    """

    tasks: list[tuple[ListTask, TaskTold]] = field(default_factory=list)
    asked: bool = False

    @property
    def first(self) -> ListTask:
        """The task by which its page is found: one that sends it, if there is one."""
        return next((task for task, _ in self.tasks if task.operator not in FREEZES), self.tasks[0][0])

    @property
    def pointer(self) -> Pointer | None:
        """Where it is, and what proves that it is that."""
        return next((told.pointer for _, told in self.tasks if told.pointer is not None), None)

    @property
    def path(self) -> str | None:
        """Where it is."""
        return next((told.list_path for _, told in self.tasks if told.list_path is not None), None)

    @property
    def list_id(self) -> str:
        """Its id; empty if none is known."""
        return (self.path or "").rstrip("/").rpartition("/")[2]

    @property
    def started(self) -> datetime | None:
        """When the first of its tasks began."""
        return min((task.started for task, _ in self.tasks if task.started is not None), default=None)

    @property
    def is_over(self) -> bool:
        """Whether no task does anything about it any more."""
        return all(task.is_over for task, _ in self.tasks)

    @property
    def waits(self) -> bool:
        """Whether it waits for a person."""
        return self.asked or any(told.waits and not task.is_over for task, told in self.tasks)

    @property
    def dry_run(self) -> bool:
        """Whether nothing of it is sent."""
        return any(told.dry_run for _, told in self.tasks)

    @property
    def odd(self) -> str:
        """What can't be read of what its tasks told."""
        return next((told.odd for _, told in self.tasks if told.odd), "")

    @property
    def campaigns(self) -> dict[str, str]:
        """Digests of the tokens that it was sent with, each with that of its campaign's id."""
        return {token: one for _, told in self.tasks for token, one in told.campaigns.items()}

    def states(self) -> list[tuple[str, int]]:
        """The states of those that send it, and how many have each; of what made no list of it, so that none can."""
        senders = [task for task, _ in self.tasks if task.operator not in FREEZES]
        if not self.path and all(task.state in _NOT_BEGUN for task in senders):
            senders = [task for task, _ in self.tasks if task.operator in FREEZES] or senders
        return Counter(task.state or "not begun" for task in senders or [task for task, _ in self.tasks]).most_common()

    def reasons(self) -> list[str]:
        """Why tasks of it failed, in their words."""
        return [f"{task.name}: {told.reason}" for task, told in self.tasks if told.reason and task.state in _FAILED]

    def rate(self) -> float:
        """Numbers a second, of the tasks that send now."""
        return sum(
            told.settled.numbers_per_second
            for task, told in self.tasks
            if task.state == "running" and told.settled is not None
        )

    def counts(self) -> dict[str, int]:
        """Its rows by outcome, and ``rows`` itself; empty if nothing is known."""
        pointer = self.pointer
        counts: Counter[str] = Counter()
        if pointer is not None:
            counts.update({name: getattr(pointer, name) for name in _ASIDE})
        for _, told in self.tasks:
            if told.report is not None:
                counts.update(told.report.as_report())
                if pointer is not None and _tells_aside(told):
                    counts.subtract({name: getattr(pointer, name) for name in _ASIDE})
            elif told.settled is not None:
                counts.update({name: getattr(told.settled, name) for name in _OF_CALLS})
        rows = counts.pop("rows", 0) if pointer is None else pointer.rows
        counts.pop("rows", None)
        known = {name: max(counts[name], 0) for name in OUTCOMES if name != "left"}
        if pointer is None and not rows:
            return {}
        return {"rows": rows, **known, "left": max(rows - sum(known.values()), 0)}


def _tells_aside(told: TaskTold) -> bool:
    """Whether a task's report counts what was set aside of the whole list, too: that of the first shard does."""
    if told.report is not None and told.settled is not None and told.settled.calls:
        return told.report.rows > told.settled.calls
    return told.shard == 0


def parts_of(counts: Mapping[str, int], is_over: bool = False) -> list[tuple[str, str, int]]:
    """What a bar shows: class, words and count of each outcome that there is.

    :param is_over: whether no task sends what is left
    """
    outcomes = OUTCOMES | ({"left": "not sent"} if is_over else {})
    return [(name, words, counts.get(name, 0)) for name, words in outcomes.items() if counts.get(name)]


def lists_of(
    tasks: Iterable[ListTask], told: Mapping[tuple[str, str, str, int], TaskTold]
) -> dict[tuple[str, str], list[ShownList]]:
    """The lists of some tasks, by DAG and run."""
    by_run: dict[tuple[str, str], list[tuple[ListTask, TaskTold]]] = {}
    for task in tasks:
        by_run.setdefault((task.dag_id, task.run_id), []).append((task, told.get(task.place) or TaskTold()))
    return {run: _grouped(found) for run, found in by_run.items()}


def _grouped(tasks: Sequence[tuple[ListTask, TaskTold]]) -> list[ShownList]:
    groups: dict[object, ShownList] = {}
    makers = [(task, one) for task, one in tasks if task.operator in FREEZES]
    frozen = {one.list_path for _, one in makers if one.list_path}
    for task, one in tasks:
        place: object = one.list_path or task.place
        if one.list_path is None and task.operator == SENDS:
            if len(frozen) == 1:
                (place,) = frozen  # which it is about to be given
            elif len(makers) == 1 and makers[0][0].is_over:
                place = makers[0][0].place  # which made none: it says why this task has nothing to send
        groups.setdefault(place, ShownList()).tasks.append((task, one))
    return list(groups.values())
