"""Schedules of DAG runs that were triggered twice with the same people, whose task sends one list at a time.

There is no database: whom another run called, its list tells. Some lists were frozen while none was begun yet, as those
of two clicks are. A try that stands still, and is taken for lost, is what may send at the same time. Some runs are to
call again, on purpose, whom others called well before they were triggered.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

from tests.proof.airflow_seam import DagRun, Try
from tests.proof.lists import ListTasks
from tests.proof.promise import Call
from tests.proof.schedules import Tries
from tests.proof.world import World, phone

__all__ = ["ClickedTasks", "check_clicks"]

_ONLY_NEW = timedelta(days=366)
_KNOWN = 600.0
"""Seconds after which a call can be known to a person."""


class ClickedTasks(ListTasks):
    """One of several runs with the same people."""

    def __init__(self, world: World, run: DagRun) -> None:
        super().__init__(world, run)
        self.rows = [(number, phone(number), "Alex") for number in range(world.schedule.people)]
        self.finish, self.most = None, None
        self.phones: dict[str, str] = {}
        """Of all rows that it was ever given, by their keys."""
        self.triggered = run.run_after.timestamp() - world.schedule.airflow_skew
        """When the run was triggered, by the server's clock; a backfilled one bears another time, which lies back."""
        seed = world.schedule.seed
        self.calls_again = min(random.Random(f"again {seed} {name}").random() for name in ("", run.name)) < 0.4

    def _sync(self, one_try: Try) -> Callable[[], Any]:
        from aimylogic_provider.call_list.freeze.rules import FreezeRule, PhoneRule
        from aimylogic_provider.operators import AddPhonesOperator

        at_once = self.world.schedule.seed % 2

        class Adds(AddPhonesOperator):
            def _freeze_rules(self, stack: Any) -> list[FreezeRule | PhoneRule]:
                rules: list[FreezeRule | PhoneRule] = super()._freeze_rules(stack)
                return [] if at_once else rules

        def run() -> Any:
            self.phones |= {str(row): one for row, one, _ in self.rows}
            operator = Adds(
                task_id="sync",
                calls=[{"phone": one, "payload": {"name": name}, "key": str(row)} for row, one, name in self.rows],
                batch_size=self.size,
                method=self.method,
                only_new=_ONLY_NEW,
                call_again=self.calls_again,
                keep_call_list=None,
                max_active_tis_per_dag=1,
                **self._sends(one_try),
            )
            return operator.execute(one_try.context())

        return run

    def learn(self, one_try: Try, result: Any) -> None:
        super().learn(one_try, result)
        if one_try.outcome == "held elsewhere":
            self.world.simulation.count("held elsewhere")
        if one_try.outcome == "done" and one_try.replaced_at is None and not result["created"]:
            self._check_left(one_try, result["call_list"])

    def _check_left(self, one_try: Try, path: str) -> None:
        """A try ends well that called nobody: whomever it left to another run's list, that has called."""
        jobs = {call[1] for call in self.world.promise.jobs()}
        keys = {
            line["row"]: line["keys"]["key"] for name in self._objects(f"{path}/batches/") for line in self._lines(name)
        }
        left = {line["keys"]["key"] for name in self._objects(f"{path}/capped/") for line in self._lines(name)}
        left |= {keys[row] for row in self._told_as("capped") if row in keys}
        if missed := {self.phones[key] for key in left} - jobs:
            self.world.promise.violated("reached", f"{one_try.name} ends well, and nobody called {sorted(missed)}")

    def _spared(self) -> set[int]:
        return self._told_as("capped")

    def parked(self) -> set[str]:
        """The phones of which it can't be known whether this run called them."""
        last = self.instances[-1].tries[-1]
        if last.outcome in ("done", "not reached", "held elsewhere"):
            return set()
        rows = {*self._unknown()}
        return {call[1] for call, row in self._frozen(self.instances[-1]) if row in rows or self._is_poisoned(call)}


def _was_meant(world: World, run: str, before: float) -> bool:
    """Whether a run was to call again whom another one called at a time, which whoever triggered it can have known."""
    tasks = next(one for one in world.runs.values() if one.run.title == run)
    assert isinstance(tasks, ClickedTasks)
    ahead = max(0.0, world.schedule.airflow_skew)
    return tasks.calls_again and before <= tasks.triggered - _KNOWN + ahead


def check_clicks(world: World) -> None:
    """Nobody is called by two runs but on purpose; and nobody by none, unless two tries could send at once."""
    runs: dict[str, list[Call]] = defaultdict(list)
    for call in world.promise.jobs():
        runs[call[1]].append(call)
    created = {job.id: job.created for job in world.server.jobs()}
    for person, calls in runs.items():
        first = {call: min(created[job] for job in world.promise.jobs()[call]) for call in calls}
        calls.sort(key=lambda call: first[call])
        if len(calls) > 1:
            world.simulation.count("called again")
        for before, call in pairwise(calls):
            if not _was_meant(world, call[0], first[before]):
                told = f"{person} has jobs of {before[0]} and {call[0]}, {first[call] - first[before]:g} s after that"
                world.promise.violated("per person", told)
    tries = [step.does for step in world.schedule.steps if isinstance(step.does, Tries)]
    if any(point.stopped is not None for one in tries for point in one.points):
        return
    parked: set[str] = set()
    for tasks in world.runs.values():
        assert isinstance(tasks, ClickedTasks)
        parked |= tasks.parked()
    poison = world.server.poison
    for number in range(world.schedule.people):
        person = phone(number)
        if person not in runs and person not in parked and (poison is None or poison.phone != person):
            world.promise.violated("nobody missed", f"{person} was called by no run")
