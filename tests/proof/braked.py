"""Schedules of syncs whose list has more calls than its task allows: each try finds so, and nothing is ever sent."""

from __future__ import annotations

from typing import Any

from tests.proof.airflow_seam import DagRun, Try
from tests.proof.lists import ListTasks
from tests.proof.world import World, phone

__all__ = ["BrakedTasks"]

_MOST_CALLS = 3


class BrakedTasks(ListTasks):
    """A run of a sync with ``max_calls``, whose query selects more people each time that it is asked."""

    def __init__(self, world: World, run: DagRun) -> None:
        super().__init__(world, run)
        self.finish = None
        self.rows = [(number, phone(number), "Alex") for number in range(max(world.schedule.people, _MOST_CALLS + 1))]

    def _frozen_by(self) -> dict[str, Any]:
        return {**super()._frozen_by(), "max_calls": _MOST_CALLS}

    def learn(self, one_try: Try, result: Any) -> None:
        one_try.result, one_try.outcome = result, type(result).__name__
        if "max_calls allows" in str(result):
            one_try.outcome = "held by a brake"
        self.world.outcomes[one_try.outcome] += 1
        if isinstance(result, dict):
            self.world.promise.violated("braked", f"{one_try.name} ends well: {result}")

    def conclude(self) -> None:
        promise = self.world.promise
        if called := [call for call in promise.jobs() if call[0] == self.run.name]:
            promise.violated("braked", f"{called} have jobs, though each list of {self.run.name} had too many calls")
        for instance in self.instances:
            if instance.tries[-1].outcome != "held by a brake":
                promise.violated("ends", f"{instance.tries[-1].name}: {instance.tries[-1].result}")
        promise.check()
