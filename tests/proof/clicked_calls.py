"""Schedules of DAG runs that were triggered twice with one person, whose task adds that one call.

Of two tries that come at the very same moment one may call at most. Some runs are to call again on purpose, which lifts
what whoever triggered them can have known of.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.proof.airflow_seam import DagRun, TaskInstance, Try
from tests.proof.calls import CallTasks
from tests.proof.schedules import Tries
from tests.proof.simulation import DAY, HOUR, MINUTE
from tests.proof.world import World

__all__ = ["ClickedCallTasks", "check_calls"]

_WITHIN = (HOUR, 30 * HOUR, 366 * DAY)
_AFTER = 10 * MINUTE
"""Seconds that a call must be older than a run which is to lift it."""
_SENT_WITHIN = 2 * MINUTE
"""Seconds in which a send that was noted takes effect, or never."""
_CLOCKS = 10.0
"""Seconds by which Airflow's clocks differ from each other, and ``Date`` from the server's."""


class ClickedCallTasks(CallTasks):
    """One of several runs with the same person."""

    def __init__(self, world: World, run: DagRun) -> None:
        super().__init__(world, run)
        self.begun = self.over = 0.0
        """When its last try began, and when the last one that ended did."""
        if world.simulation.rng("again", run.name).random() < 0.4:
            self.settings["call_again"] = "yes"

    @property
    def within(self) -> float:
        return _WITHIN[self.world.schedule.seed // 3 % len(_WITHIN)]

    def instance(self, task_id: str, map_index: int = -1) -> TaskInstance:
        """With the state of assets that all runs share; or without, so that files in a folder are."""
        found = super().instance(task_id, map_index)
        seed = self.world.schedule.seed
        if seed % 4 > 0:
            found.assets = self.world.shared_assets
            if seed % 2:
                self.run.discarded.append(found.rows)
        return found

    def _more(self) -> dict[str, Any]:
        return {"only_new": timedelta(seconds=self.within)}

    def execute(self, one_try: Try) -> Callable[[], Any]:
        self.begun = self.world.simulation.now
        return super().execute(one_try)

    def learn(self, one_try: Try, result: Any) -> None:
        from aimylogic_provider.idempotence.errors import CalledLatelyError

        super().learn(one_try, result)
        self.over = self.world.simulation.now
        if one_try.replaced_at is None and isinstance(getattr(result, "__context__", None), CalledLatelyError):
            one_try.outcome = "left to another"
            self.world.simulation.count("left to another run")
            self._check_left(one_try)

    def _check_left(self, one_try: Try) -> None:
        """Nobody is left to a run that surely sent nothing."""
        world, promise = self.world, self.world.promise
        tries = [step.does for step in world.schedule.steps if isinstance(step.does, Tries)]
        if any(one.plan.store or one.plan.objects or any(point.stopped for point in one.points) for one in tries):
            return  # a mark may not have been given back, or come late
        sent_nothing = all(
            not other.instances[0].tries
            or (other.instances[0].tries[-1].outcome in ("refused", "left to another") and other.over < self.begun)
            for other in world.runs.values()
            if isinstance(other, ClickedCallTasks) and other is not self
        )
        called = any(
            job.created > world.simulation.now - self.within - _SENT_WITHIN
            for job in world.server.jobs()
            if world.server.made_for[job.id] is not None
        )
        if sent_nothing and not called:
            promise.violated("nobody missed", f"{one_try.name} leaves the person to a run that sent nothing")

    def conclude(self) -> None:
        if self.instances[0].tries[-1].outcome != "left to another":
            super().conclude()


def check_calls(world: World) -> None:
    """Nobody is called by two runs within ``only_new``, but on purpose; nor by none."""
    made = []
    for job in world.server.jobs():
        sent = world.server.made_for[job.id]
        if sent is not None:
            made.append((job.created, sent.worker.about.instance.run))
    made.sort(key=lambda one: one[0])
    tasks = {one.run.name: one for one in world.runs.values()}
    for place, (created, run) in enumerate(made):
        its = tasks[run.name]
        assert isinstance(its, ClickedCallTasks)
        triggered = run.run_after.timestamp() - run.skew
        known = triggered - _AFTER + _CLOCKS if its.settings["call_again"] else float("-inf")
        for before, other in made[:place]:
            if other is not run and created - before < its.within - _SENT_WITHIN and before > known:
                world.promise.violated("per person", f"{run.name} calls {created - before:.0f} s after {other.name}")
    outcomes = [one.instances[0].tries[-1].outcome for one in world.runs.values()]
    tries = [step.does for step in world.schedule.steps if isinstance(step.does, Tries)]
    alone = world.schedule.seed % 3 == 0 and not any(one.points for one in tries)
    if not made and alone and not {"parked", "refused"} & {*outcomes}:
        world.promise.violated("nobody missed", f"nobody was called: {outcomes}")
