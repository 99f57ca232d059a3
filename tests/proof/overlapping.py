"""Runs of a sync that overlap: the same query, at the same time, with a results table that keeps them apart.

The query leaves out who stands in the table, as that of the example does. So nobody is to be in two runs' jobs; and
nobody is to be left out, once all has ended and one more run was made.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.proof.airflow_seam import DagRun, Try
from tests.proof.lists import ListTasks
from tests.proof.promise import Call
from tests.proof.simulation import running_worker
from tests.proof.world import BAD, World, phone

__all__ = ["OverlappingTasks", "check_people"]

_READS = (0.01, 0.5, 4.0)
"""Seconds for which a query is read."""
_HELD = "nobody seems to go on with it"
"""What a task fails with whose rows are held by a list that looks abandoned."""
_LET_GO = "were let go of when this task ended for good, and another run's list has taken people of them"
"""What a task fails with that was cleared after it had ended for good, too late for some of its people."""


class OverlappingTasks(ListTasks):
    """One of several runs that overlap."""

    def __init__(self, world: World, run: DagRun) -> None:
        super().__init__(world, run)
        # Whom no run can reach, the last of them would find alone, and fail.
        self.rows = [row for row in self.rows if row[1].isdecimal() and row[1] != BAD] or [(0, phone(0), "Alex")]
        self.finish = None
        self.most = None  # whom one run sets aside is another's to call
        if by_person(world):
            # Each run knows people by keys of its own, as another DAG does: only the cap tells that they are the same.
            first = {one: (number, one, name) for number, one, name in reversed(self.rows)}
            self.rows = [(number + 1000 * (len(world.runs) + 1), one, name) for number, one, name in first.values()]

    def _frozen_by(self) -> dict[str, Any]:
        cap = {"max_calls_per_person": {"calls": 1, "days": 366}} if by_person(self.world) else {}
        return {**super()._frozen_by(), "results_table": "calls", "results_conn_id": "results", **cap}

    def _spared(self) -> set[int]:
        return self._told_as("capped")

    def _rows(self) -> None:
        beneath = self.world.beneath
        beneath.columns = ("id", "phone", "name")
        beneath.queried = self._selected

    def _selected(self) -> list[tuple[Any, ...]]:
        """What the query finds, as it begins; it is read on for a while."""
        left_out = self.world.beneath.database.left_out()
        found = [row for row in self.rows if str(row[0]) not in left_out]
        worker = running_worker()
        worker.simulation.pass_time(worker.rng.choice(_READS))
        return found

    def execute(self, one_try: Try) -> Callable[[], Any]:
        return self._sync(one_try)

    def learn(self, one_try: Try, result: Any) -> None:
        super().learn(one_try, result)
        if isinstance(result, dict) and not result["created"]:
            # It has said of nobody that they are created. If a clear finds others' people abandoned, it asks anew.
            self.world.promise.forgotten(one_try.instance)
        lists = self._objects(f"file:///lists/winter_sale/sync/{self.run.name}/")
        if _HELD in str(result) and not any(name.endswith("/list.json") for name in lists):
            # It had nobody but those, and let go of its list: the next one is another.
            self.world.promise.forgotten(one_try.instance)
            one_try.outcome = one_try.outcome and "nobody"

    def _held_up(self, last: Try) -> bool:
        """All of its own are settled then; the run whose list holds the others is checked by itself."""
        return super()._held_up(last) or _HELD in str(last.result) or _LET_GO in str(last.result)

    def _is_poisoned(self, call: Call) -> bool:
        """Or was let go of by this run, and called by another."""
        if super()._is_poisoned(call):
            return True
        let_go = any(_LET_GO in str(instance.tries[-1].result) for instance in self.instances)
        return let_go and any(other[1:] == call[1:] for other in self.world.promise.jobs())

    def people(self) -> set[tuple[str, str]]:
        """Whom the query is about, as the server knows them."""
        return {(one, json.dumps({"name": name}, separators=(",", ":"))) for _, one, name in self.rows}

    def unknown_people(self) -> set[tuple[str, str]]:
        """Those who are parked in this run."""
        if self.instances[-1].tries[-1].outcome != "parked":
            return set()
        frozen = {row: call for call, row in self._frozen(self.instances[-1])}
        return {frozen[row][1:] for row in self._unknown() if row in frozen}


def by_person(world: World) -> bool:
    """Whether runs are kept apart by a cap on persons, and not by the rows that they hold."""
    return world.schedule.seed % 3 == 2


def check_people(world: World) -> None:
    """Nobody is in two runs' jobs, and nobody was left out."""
    jobs = world.promise.jobs()
    runs: dict[tuple[str, ...], list[Call]] = defaultdict(list)
    for call in jobs:
        runs[call[1:]].append(call)
    for person, calls in runs.items():
        if len(calls) > 1:
            world.promise.violated(
                "per person" if by_person(world) else "one run",
                f"{person} has jobs of {', '.join(call[0] for call in calls)}",
            )
    for tasks in world.runs.values():
        assert isinstance(tasks, OverlappingTasks)
    parked = {person for tasks in world.runs.values() for person in tasks.unknown_people()}  # type: ignore[attr-defined]
    for tasks in world.runs.values():
        for person in tasks.people() - parked:  # type: ignore[attr-defined]
            if person not in runs:
                world.promise.violated("nobody missed", f"{person} was called by no run")
