"""Simulated time and workers: one thread, one worker at a time, and every switch between them decided by the seed.

A worker is a process that runs one try. It is a greenlet that hands over wherever a real one would wait: for the
network, for a store, for the clock. It passes *points*: the places at which it can be killed or stopped. Events that
nobody waits for, as a request that takes effect after its sender died, are callbacks at a moment.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events, tasks
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, TypeVar

import greenlet

__all__ = [
    "BEGINNING",
    "DAY",
    "HOUR",
    "MINUTE",
    "KilledError",
    "Point",
    "Simulation",
    "TimedOutError",
    "Worker",
    "running_worker",
]

T = TypeVar("T")

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
BEGINNING = 1_800_000_000.0


class KilledError(BaseException):
    """The process is dead. Whatever it still does while this passes through it has no effect."""


class TimedOutError(BaseException):
    """What Airflow raises in the midst of a task at its ``execution_timeout``: no Exception; the process lives on."""


@dataclass(frozen=True, slots=True)
class Point:
    """What is to happen at a point that a worker passes: it is killed, or stopped for some seconds.

    :param number: which point of its try, from 1
    :param stopped: seconds; None to be killed
    :param suspended: whether its monotonic clock stands still meanwhile, as in a machine that sleeps
    :param kind: counts points of this kind alone; all of them if empty
    :param timed_out: whether the try's time is over there, instead of it being killed
    :param set_by: seconds by which its wall clock is set there; if it is stopped, too, while it stands still
    """

    number: int
    stopped: float | None = None
    suspended: bool = False
    kind: str = ""
    timed_out: bool = False
    set_by: float = 0.0


@dataclass(eq=False)
class Worker:
    """A process that runs one try.

    :param skew: seconds by which its wall clock is ahead of the server's
    :param dies_or_stops: what happens to it, at which points
    :param about: the try
    :param tasks: those of its run
    """

    simulation: Simulation
    name: str
    skew: float = 0.0
    dies_or_stops: tuple[Point, ...] = ()
    points: int = 0
    points_of: Counter[str] = field(default_factory=Counter)
    dead: bool = False
    ended: bool = False
    result: Any = None
    asleep: float = 0.0
    rng: random.Random = field(default_factory=random.Random)
    about: Any = None
    tasks: Any = None
    at_once: bool = False
    """Whether it is in the midst of what is assumed to happen in one moment."""

    def point(self, kind: str) -> None:
        """Pass a point.

        :raises KilledError: if it is killed here, or was before
        """
        self.check_alive()
        if self.at_once:
            return
        self.points += 1
        self.points_of[kind] += 1
        if self.simulation.passed is not None:
            self.simulation.passed.append((self.name, kind, self.simulation.now - BEGINNING))
        for planned in self.dies_or_stops:
            if planned.number != (self.points_of[planned.kind] if planned.kind else self.points):
                continue
            if planned.kind not in ("", kind):
                continue
            if planned.timed_out:
                self.simulation.count("timed out")
                raise TimedOutError
            if planned.stopped is None:
                self.simulation.count(f"killed {kind}")
                self.dead = True
                raise KilledError
            if planned.set_by:
                self.simulation.count("clock set")
                self.skew += planned.set_by
                if not planned.stopped:
                    continue
            self.simulation.count(f"stopped {kind}")
            self.simulation.note(self.name, "stopped", kind)
            if planned.suspended:
                self.asleep += planned.stopped
            self.simulation.while_stopped(planned.stopped)
            self.simulation.pass_time(planned.stopped)
            self.check_alive()

    def check_alive(self) -> None:
        if self.dead:
            raise KilledError

    # The clock port of the shipped code.

    def wall(self) -> float:
        return self.simulation.now + self.skew

    def monotonic(self) -> float:
        return self.simulation.now - BEGINNING - self.asleep

    def sleep(self, seconds: float) -> None:
        self.check_alive()
        self.simulation.pass_time(seconds)


class Simulation:
    """The world's clock, its chance and its workers.

    :param seed: of all chance
    """

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.now = BEGINNING
        self.counters: Counter[str] = Counter()
        self.workers: list[Worker] = []
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._order = 0
        self._trace = blake2b(digest_size=16)
        self._hub = greenlet.getcurrent()
        self.story: list[str] | None = None
        self.passed: list[tuple[str, str, float]] | None = None
        """Which worker passed what kind of point, at what second; None if that isn't kept."""
        self.while_stopped: Callable[[float], object] = lambda seconds: None
        """Is told that a worker begins to stand still, and for how many seconds."""

    def rng(self, *what: object) -> random.Random:
        """Chance for one purpose: what is drawn for another doesn't disturb it."""
        return random.Random(":".join(map(str, (self.seed, *what))))

    def count(self, what: str) -> None:
        self.counters[what] += 1

    def note(self, *what: object) -> None:
        """Have something stand in the trace: two runs of one seed must have the same."""
        line = f"{self.now - BEGINNING:.3f} {' '.join(map(str, what))}"
        self._trace.update(line.encode())
        if self.story is not None:
            self.story.append(line)

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()

    def at(self, moment: float, act: Callable[[], object]) -> None:
        """Have something happen at a moment, whoever lives then."""
        self._order += 1
        heapq.heappush(self._queue, (max(moment, self.now), self._order, act))

    def pass_time(self, seconds: float) -> None:
        """Wait: what is due before happens meanwhile. Called by a worker, or by who drives the simulation."""
        until = self.now + max(0.0, seconds)
        me = greenlet.getcurrent()
        if me is self._hub:
            self.at(until, lambda: None)  # so that no worker runs past it
            self._run(until)
            return
        if running_worker().at_once:
            return
        if not self._queue or self._queue[0][0] > until:
            self.now = until  # nothing happens meanwhile
            return
        loop = events._get_running_loop()
        task = None if loop is None else tasks.current_task(loop)
        if task is not None:
            tasks._leave_task(loop, task)
        events._set_running_loop(None)
        worker = running_worker()
        self.at(until, me.switch)
        self._hub.switch()
        _running[0] = worker
        events._set_running_loop(loop)
        if task is not None:
            tasks._enter_task(loop, task)
        worker.check_alive()

    def start(self, worker: Worker, run: Callable[[], Any]) -> None:
        """Begin a try, as soon as time is let pass."""
        self.workers.append(worker)

        def live() -> None:
            _running[0] = worker
            random.seed(f"{self.seed} {worker.name}")
            try:
                worker.result = run()
            except KilledError:
                worker.dead = True
            except BaseExceptionGroup as group:
                if not worker.dead:
                    worker.result = group
            except (Exception, TimedOutError) as error:  # noqa: BLE001 - looked at afterwards
                worker.result = error
            worker.ended = True
            self.note(worker.name, "dead" if worker.dead else "ended", worker.points)

        self.at(self.now, greenlet.greenlet(live, self._hub).switch)

    def finish(self, *workers: Worker) -> None:
        """Let things happen until these workers have ended."""
        while not all(worker.ended for worker in workers):
            self._step()

    def finish_all(self) -> None:
        """Let things happen until nothing is left to."""
        while self._queue:
            self._step()

    def kill(self, worker: Worker) -> None:
        """Kill a worker wherever it waits."""
        worker.dead = True

    def _run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            self._step()
        self.now = until

    def _step(self) -> None:
        moment, _, act = heapq.heappop(self._queue)
        self.now = max(self.now, moment)
        act()


_running: list[Worker | None] = [None]


def running_worker() -> Worker:
    """The worker whose code runs now."""
    worker = _running[0]
    assert worker is not None, "no worker runs"
    return worker


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop on a worker's simulated time. Threads are none: what is handed to one runs a little later."""

    _THREAD = (0.001, 0.001, 0.03)
    """Seconds until a thread begins: meanwhile the loop's tasks go on."""

    def __init__(self) -> None:
        self._worker = running_worker()
        self._beyond = 0.0
        super().__init__(_NoSelector(self))  # type: ignore[arg-type]
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._worker.simulation.now - BEGINNING + self._beyond

    def wait(self, timeout: float | None) -> None:
        """Wait for the next timer. The loop of a dead worker is only cleaned up, and passes no time."""
        assert timeout is not None, "all tasks wait, and for nothing"
        if self._worker.dead:
            self._beyond += timeout
        elif timeout > 0:
            self._worker.simulation.pass_time(timeout)

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        future: asyncio.Future[T] = self.create_future()

        def run() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except BaseException as error:  # noqa: BLE001 - handed on
                future.set_exception(error)

        self.call_later(self._worker.rng.choice(self._THREAD), run)
        return future

    def _make_self_pipe(self) -> None:
        """No other thread ever wakes this loop."""

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class _NoSelector:
    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        self._loop.wait(timeout)
        return []

    def close(self) -> None:
        pass

    def get_map(self) -> dict[int, Any]:
        return {}


def run_coroutine(main: Coroutine[Any, Any, T]) -> T:
    """What stands for ``asyncio.run``."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(main)


def wait_through(steps: Generator[float, None, T], wait: Callable[[float], object]) -> T:
    """Go through steps that say how long each takes."""
    while True:
        try:
            seconds = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        wait(seconds)


async def awaited(steps: Generator[float, None, T]) -> T:
    """The same for a task of a loop."""
    while True:
        try:
            seconds = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        await asyncio.sleep(seconds)
