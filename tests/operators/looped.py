"""A task in a loop (Airflow 3.4), as contexts tell of it: iterations in regions, and gates that are cleared.

Values are those that a worker of 3.4.0b2 was seen to get.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from tests.conftest import TaskInstance

__all__ = ["Loop", "LoopedTask"]

NO_REGION = UUID(int=0)


@dataclass
class LoopedTask(TaskInstance):
    """A task instance in one iteration of a loop."""

    task_id: str = "body.add_phone"
    loop: Loop | None = None
    index: int = 0
    region: UUID = NO_REGION

    def context(self) -> dict[str, Any]:
        assert self.loop is not None
        context = super().context()
        ti = context["ti"]
        ti.region_id = self.region if self.map_index < 0 else self.loop.nested(self.region, self.index)
        ti.region_index = self.index if self.map_index < 0 else self.map_index
        ti.task = SimpleNamespace(task_group=self.loop.group)
        ti.get_task_breadcrumbs = self.loop.breadcrumbs
        context["loop"] = SimpleNamespace(index=self.index, max_iterations=10)
        return context


@dataclass
class Loop:
    """A loop whose body is one task, in one DAG run."""

    task_id: str = "body.add_phone"
    map_index: int = -1
    run: Any = field(default_factory=lambda: TaskInstance().run)
    regions: list[tuple[UUID, int]] = field(default_factory=lambda: [(uuid4(), 0)])
    """Each with the iteration from which it goes on: the first is the root of the family."""
    ended: int = 0
    """How many of the gate's iterations have ended."""
    tasks: dict[int, LoopedTask] = field(default_factory=dict)
    _nested: dict[tuple[UUID, int], UUID] = field(default_factory=dict)

    @property
    def group(self) -> Any:
        """The task group, in which Airflow put a gate."""
        return SimpleNamespace(gate_task_id="body.done", parent_group=SimpleNamespace(parent_group=None))

    def region(self, index: int) -> UUID:
        return next(region for region, since in reversed(self.regions) if since <= index)

    def nested(self, region: UUID, index: int) -> UUID:
        """That of a mapped task's instances in an iteration."""
        return self._nested.setdefault((region, index), uuid4())

    def task(self, index: int) -> LoopedTask:
        """The task instance of an iteration: the one that lives, which begins with a first try."""
        if index not in self.tasks:
            self.tasks[index] = LoopedTask(
                task_id=self.task_id, map_index=self.map_index, run=self.run, loop=self, index=index,
                region=self.region(index),
            )  # fmt: skip
        self.ended = max(self.ended, index)
        return self.tasks[index]

    def breadcrumbs(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        return [
            {"task_id": "people", "map_index": -1, "state": "success", "operator": "", "duration": 1.0},
            *(
                {"task_id": "body.done", "map_index": -1, "state": "success", "operator": "LoopGateOperator",
                 "duration": 1.0, "region_id": str(self.region(index)), "region_index": index}
                for index in range(self.ended)
            ),
        ]  # fmt: skip

    def clear_gate(self, index: int, *, reset_dag_run: bool = True) -> None:
        """Clear the gate of an iteration: those after it are made anew, with nothing of their state."""
        self.regions.append((uuid4(), index + 1))
        self.tasks = {number: task for number, task in self.tasks.items() if number <= index}
        self.ended = index + 1
        if reset_dag_run:
            self.run.clear_number += 1

    def clear(self, index: int) -> None:
        """Clear the task of an iteration alone, by the UI or REST: 3.4 discards its state."""
        self.tasks[index].rows.clear()
        self.tasks[index].clear()
