"""Schedules of AddPhoneOperator in a task loop: iterations with the same person, and gates that are cleared.

A clear of a gate replaces the iterations after it: they are made anew in a region forked from the one before, as task
instances at a first try, whose state is empty. The run may be counted as cleared, or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from tests.proof.airflow_seam import DagRun, TaskInstance
from tests.proof.calls import CallTasks
from tests.proof.world import World

__all__ = ["LoopTasks"]

_GROUP = SimpleNamespace(gate_task_id="gate", parent_group=None)


@dataclass(eq=False)
class Iteration(TaskInstance):
    """The task instance of an iteration, in a region."""

    regions: list[int] = field(default_factory=list)
    """Of the iterations until this one."""

    @property
    def name(self) -> str:
        return f"{super().name}({self.iteration} in region {self.regions[-1]})"

    def tell(self, context: dict[str, Any]) -> None:
        ti = context["ti"]
        ti.task.task_group = _GROUP
        ti.region_id, ti.region_index = UUID(int=self.regions[-1]), self.iteration
        crumbs = [
            {"task_id": "gate", "region_id": str(UUID(int=region)), "region_index": index}
            for index, region in enumerate(self.regions[:-1])
        ]
        ti.get_task_breadcrumbs = lambda dag_id, run_id: crumbs
        context["loop"] = SimpleNamespace(index=self.iteration)


class LoopTasks(CallTasks):
    """A run whose loop calls the same person in each iteration."""

    def __init__(self, world: World, run: DagRun) -> None:
        self._forks = 1
        super().__init__(world, run)

    def instance(self, task_id: str, map_index: int = -1) -> TaskInstance:
        last = self.instances[-1] if self.instances else None
        regions = [*last.regions, last.regions[-1]] if isinstance(last, Iteration) else [self._forks]
        return self._made(regions)

    def _made(self, regions: list[int]) -> TaskInstance:
        found = Iteration(self.run, "call", iteration=len(regions) - 1, regions=regions)
        self.instances.append(found)
        return found

    def happens(self, what: str, which: int) -> None:
        """``iterate``: the gate lets the loop go on; ``gate``: a gate is cleared."""
        if what == "iterate":
            if self.instances[-1].tries and self.instances[-1].tries[-1].outcome == "created":
                self.instance("call")
            return
        if len(self.instances) == 1:
            return
        cleared, counted = which % (len(self.instances) - 1), which // 2 % 2
        for replaced in self.instances[cleared + 1 :]:
            if replaced.tries:
                replaced.tries[-1].replaced_at = self.run.simulation.now
        del self.instances[cleared + 1 :]
        if counted:
            self.run.clear()
        self._forks += 1
        kept = self.instances[-1]
        assert isinstance(kept, Iteration)
        self._made([*kept.regions, self._forks])
