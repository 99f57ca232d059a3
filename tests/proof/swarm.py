"""Many schedules, on all cores; what they reached; and the shortest form of one that broke the promise."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

from tests.proof.airflow_seam import DagRun
from tests.proof.approved import ApprovedTasks
from tests.proof.braked import BrakedTasks
from tests.proof.calls import CallTasks
from tests.proof.calls_beneath import CallsBeneath
from tests.proof.cleared import ClearedTasks
from tests.proof.clicked import ClickedTasks
from tests.proof.clicked_calls import ClickedCallTasks
from tests.proof.lists import ListTasks
from tests.proof.loops import LoopTasks
from tests.proof.overlapping import OverlappingTasks
from tests.proof.promise import Violation
from tests.proof.schedules import KINDS, OF_CALLS, OF_LISTS, Kind, Schedule, draw
from tests.proof.seams import Beneath, beneath
from tests.proof.world import Tasks, World

__all__ = ["Failure", "Level", "Reached", "play", "play_all", "replayed", "schedules", "shrunk", "swarm"]

Level = Literal["operators", "beneath"]
T = TypeVar("T")
_LISTED: tuple[Kind, ...] = tuple(kind for kind in OF_LISTS if kind != "overlapping") * 2 + ("overlapping",)
"""Runs that overlap take longer than others, so they are half as many."""
_RUN_TWICE = 50
"""One schedule of so many is run twice, for its trace must be the same."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule that broke the promise."""

    level: Level
    schedule: Schedule
    invariant: str
    text: str

    @property
    def seed(self) -> int:
        return self.schedule.seed

    @property
    def kind(self) -> Kind:
        return self.schedule.kind


@dataclass
class Reached:
    """What many schedules reached."""

    schedules: int = 0
    tries: int = 0
    counters: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def __add__(self, other: Reached) -> Reached:
        return Reached(
            self.schedules + other.schedules,
            self.tries + other.tries,
            self.counters + other.counters,
            self.outcomes + other.outcomes,
            self.failures + other.failures,
        )


def play(level: Level, schedule: Schedule, now: Beneath, *, told: bool = False) -> World:
    """Run one schedule.

    :param told: whether its story, and the points that its workers pass, are kept
    :raises Violation: if it broke the promise
    """
    make: Callable[[World, DagRun], Tasks] = (
        ListTasks if schedule.kind in OF_LISTS else CallTasks if level == "operators" else CallsBeneath
    )
    if schedule.kind == "looped":
        make = LoopTasks
    elif schedule.kind == "approved":
        make = ApprovedTasks
    elif schedule.kind == "list cleared":
        make = ClearedTasks
    elif schedule.kind == "braked":
        make = BrakedTasks
    elif schedule.kind == "clicked twice":
        make = ClickedTasks
    elif schedule.kind == "call clicked twice":
        make = ClickedCallTasks
    elif schedule.kind == "overlapping":
        make = OverlappingTasks
    world = World(schedule, now, make, told=told)
    world.run()
    return world


def schedules(level: Level, seeds: Iterable[int], kind: Kind | None = None) -> Iterator[Schedule]:
    """The schedules of some seeds. Syncs take longer: of seven schedules they are two.

    Of 28, one is of a brake, one of a loop, one of approvals, and one of runs that are cleared whole; and two more of
    runs that were triggered twice, of a list and of one call.
    """
    for seed in seeds:
        if kind is not None:
            yield draw(seed, kind)
        elif level == "beneath":
            yield draw(seed, kinds=OF_CALLS)
        elif seed % 28 == 4:
            yield draw(seed, "braked")
        elif seed % 28 == 11:
            yield draw(seed, "looped")
        elif seed % 28 == 18:
            yield draw(seed, "approved")
        elif seed % 28 == 5:
            yield draw(seed, "clicked twice")
        elif seed % 28 == 12:
            yield draw(seed, "call clicked twice")
        elif seed % 28 == 25:
            yield draw(seed, "list cleared")
        else:
            yield draw(seed, kinds=OF_CALLS) if seed % 7 < 5 else draw(seed, _LISTED[seed // 7 % len(_LISTED)])


def swarm(level: Level, seeds: Sequence[int], kind: Kind | None = None, *, until_failure: bool = False) -> Reached:
    """Run the schedules of some seeds on all cores."""
    return play_all(level, partial(schedules, level, kind=kind), seeds, until_failure=until_failure)


def play_all(
    level: Level, make: Callable[[Sequence[T]], Iterable[Schedule]], what: Sequence[T], *, until_failure: bool = False
) -> Reached:
    """Run many schedules on all cores.

    :param make: makes the schedules of a part of *what*
    """
    cores = os.cpu_count() or 1
    size = max(1, min(200, len(what) // cores))
    parts = [what[start : start + size] for start in range(0, len(what), size)]
    if len(parts) == 1:
        return _part(level, make, until_failure, parts[0])
    reached = Reached()
    with ProcessPoolExecutor(cores, multiprocessing.get_context("fork")) as pool:
        for part in pool.map(partial(_part, level, make, until_failure), parts):
            reached += part
            if until_failure and part.failures:
                pool.shutdown(cancel_futures=True)
                break
    return reached


def _part(
    level: Level, make: Callable[[Sequence[T]], Iterable[Schedule]], until_failure: bool, what: Sequence[T]
) -> Reached:
    reached = Reached()
    with beneath() as now:
        for schedule in make(what):
            reached.schedules += 1
            try:
                world = play(level, schedule, now)
                if schedule.seed % _RUN_TWICE == 0:
                    _check_same(world, play(level, schedule, now))
            except Violation as found:
                reached.failures.append(Failure(level, schedule, found.invariant, str(found)))
                if until_failure:
                    break
                continue
            reached.tries += sum(len(one.tries) for tasks in world.runs.values() for one in tasks.instances)
            reached.counters += world.simulation.counters
            reached.outcomes += world.outcomes
    return reached


def _check_same(one: World, other: World) -> None:
    if one.simulation.trace != other.simulation.trace:
        raise Violation("same trace", f"{one.simulation.trace} and {other.simulation.trace}")


def shrunk(level: Level, schedule: Schedule, now: Beneath, invariant: str, *, seconds: float = 60.0) -> Schedule:
    """The shortest schedule, found by taking away, that still breaks that invariant."""
    until = time.monotonic() + seconds
    shorter = True
    while shorter and time.monotonic() < until:
        shorter = False
        for simpler in schedule.simpler():
            try:
                play(level, simpler, now)
            except Violation as found:
                if found.invariant == invariant:
                    schedule, shorter = simpler, True
                    break
    return schedule


@contextmanager
def replayed(level: Level, seed: int, kind: Kind | None = None) -> Iterator[tuple[Schedule, Beneath]]:
    """A seed's schedule, and what lies beneath, to play it by hand."""
    (schedule,) = schedules(level, [seed], kind)
    with beneath() as now:
        yield schedule, now


assert set(KINDS) == {*OF_CALLS, *OF_LISTS}
