"""Many schedules, on all cores; what they reached; and the shortest form of one that broke the promise."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from tests.proof.calls import CallTasks
from tests.proof.calls_beneath import CallsBeneath
from tests.proof.lists import ListTasks
from tests.proof.promise import Violation
from tests.proof.schedules import KINDS, OF_CALLS, OF_LISTS, Kind, Schedule, draw
from tests.proof.seams import Beneath, beneath
from tests.proof.world import World

__all__ = ["Failure", "Level", "Reached", "play", "replayed", "schedules", "shrunk", "swarm"]

Level = Literal["operators", "beneath"]
_RUN_TWICE = 50
"""One schedule of so many is run twice, for its trace must be the same."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule that broke the promise."""

    level: Level
    seed: int
    kind: Kind
    invariant: str
    text: str


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

    :param told: whether its story is kept
    :raises Violation: if it broke the promise
    """
    make = ListTasks if schedule.kind in OF_LISTS else CallTasks if level == "operators" else CallsBeneath
    world = World(schedule, now, make, told=told)
    world.run()
    return world


def schedules(level: Level, seeds: Iterable[int], kind: Kind | None = None) -> Iterator[Schedule]:
    """The schedules of some seeds. Syncs take longer: of seven schedules they are two."""
    for seed in seeds:
        if kind is not None:
            yield draw(seed, kind)
        elif level == "beneath":
            yield draw(seed, kinds=OF_CALLS)
        else:
            yield draw(seed, kinds=OF_CALLS if seed % 7 < 5 else OF_LISTS)


def swarm(level: Level, seeds: Sequence[int], kind: Kind | None = None, *, until_failure: bool = False) -> Reached:
    """Run the schedules of some seeds on all cores."""
    cores = os.cpu_count() or 1
    size = max(1, min(200, len(seeds) // cores))
    parts = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    if len(parts) == 1:
        return _part(level, kind, until_failure, parts[0])
    reached = Reached()
    with ProcessPoolExecutor(cores, multiprocessing.get_context("fork")) as pool:
        for part in pool.map(partial(_part, level, kind, until_failure), parts):
            reached += part
            if until_failure and part.failures:
                pool.shutdown(cancel_futures=True)
                break
    return reached


def _part(level: Level, kind: Kind | None, until_failure: bool, seeds: Sequence[int]) -> Reached:
    reached = Reached()
    with beneath() as now:
        for schedule in schedules(level, seeds, kind):
            reached.schedules += 1
            try:
                world = play(level, schedule, now)
                if schedule.seed % _RUN_TWICE == 0:
                    _check_same(world, play(level, schedule, now))
            except Violation as found:
                reached.failures.append(Failure(level, schedule.seed, schedule.kind, found.invariant, str(found)))
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
