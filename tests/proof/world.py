"""One schedule, run: DAG runs whose tasks add calls by the shipped code, while the schedule's steps befall them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import Any

from aimylogic_provider.emulator.world.faults import FaultAction, Phase
from aimylogic_provider.emulator.world.settings import Chosen
from tests.proof.airflow_seam import NOTHING, DagRun, Plan, ReplacedError, StoreError, TaskInstance, Try
from tests.proof.network import NetworkFault, Poison, Server
from tests.proof.objects import ObjectStorage
from tests.proof.promise import Promise, Violation
from tests.proof.schedules import OF_LISTS, Happening, Schedule, Step, Tries
from tests.proof.seams import TOKENS, Beneath
from tests.proof.simulation import DAY, HOUR, MINUTE, Point, Simulation, TimedOutError, Worker
from tests.proof.stop_list import StopList

__all__ = ["Tasks", "World", "phone"]

_APART = 20 * MINUTE
"""Seconds between what different runs and other systems do: nobody adds the same phone in the minutes of a send."""
_ROUNDS, _FEW = 6, 10
"""Tries until everything has come to an end, of so many people; of more, twice as many."""
_NEIGHBOUR = 9
"""The number of the run that adds the same people in the same minutes."""
_REPORTS: dict[str, Chosen] = {
    "plain": {}, "national": {"phones_as": "national"}, "plus": {"phones_as": "plus"},
    "masked": {"phones_as": "masked"}, "none": {"phones_as": "none"}, "redials": {"redials": 2},
    "capped": {"page_cap": 2}, "elsewhere": {"limits_by_date": "text_elsewhere"},
    "ignored": {"limits_by_date": "ignored"}, "empty": {"limits_by_date": "empty"},
}  # fmt: skip
_BESIDE = (0.0, 0.1, 1.0, 5.0)
"""Seconds by which an overlapping run begins after another."""


def phone(number: int) -> str:
    return f"791200000{number:02}"


BAD = "79129990001"
"""Only the server knows that it is none."""


class Tasks(ABC):
    """What a DAG run's tasks do: one way for each kind of schedule."""

    by_payload = False
    clearable = True
    """Whether a person may clear the run: some stop for good then, and a new run is needed."""

    def __init__(self, world: World, run: DagRun) -> None:
        self.world = world
        self.run = run
        self.instances: list[TaskInstance] = []

    def instance(self, task_id: str, map_index: int = -1) -> TaskInstance:
        kind = self.world.schedule.kind
        remembers = kind not in ("no store", "mapped no store")
        found = TaskInstance(self.run, task_id, map_index, "no store" not in kind, remembers)
        if kind.startswith("discarded"):
            self.run.discarded.append(found.rows)
            found.assets = {} if kind == "discarded" else None
        self.instances.append(found)
        return found

    @abstractmethod
    def execute(self, one_try: Try) -> Callable[[], Any]:
        """What a try does."""

    @abstractmethod
    def learn(self, one_try: Try, result: Any) -> None:
        """Take in how a try ended."""

    @abstractmethod
    def change(self, which: int) -> None:
        """Change a parameter, or the source."""

    @abstractmethod
    def conclude(self) -> None:
        """Look at the end, when nothing fails any more and all has ended."""

    def is_over(self, result: Any) -> bool:
        """Whether no further try is made after this end, until a person clears the task."""
        from airflow.providers.common.compat.sdk import AirflowFailException

        return not isinstance(result, BaseException) or isinstance(result, AirflowFailException)

    def ends_as_tasks_do(self, result: Any) -> bool:
        """Whether a try may end so."""
        from airflow.providers.common.compat.sdk import AirflowException

        allowed = (AirflowException, ReplacedError, StoreError, OSError, TimedOutError)
        return not isinstance(result, BaseException) or isinstance(result, allowed)

    def grow(self) -> None:
        """A mapped list grows."""
        raise NotImplementedError

    def lose(self, which: int) -> None:
        """A file of a list is lost."""
        raise NotImplementedError

    def turn(self) -> None:
        """A mapped list comes back in another order."""
        raise NotImplementedError

    def happens(self, what: str, which: int) -> None:
        """Something happens to a loop."""
        raise NotImplementedError

    def empty(self, which: int) -> None:
        """A store is emptied, and the run cleared."""
        instance = self.instances[which % len(self.instances)]
        instance.rows.clear()
        self.world.promise.forgotten(instance)
        self.run.clear()


class World:
    """A campaign or two, their DAG runs, and all that befalls them.

    :param make: makes a run's tasks
    :param told: whether its story, and the points that its workers pass, are kept
    """

    def __init__(
        self, schedule: Schedule, beneath: Beneath, make: Callable[[World, DagRun], Tasks], *, told: bool = False
    ) -> None:
        self.schedule = schedule
        self.beneath = beneath
        simulation = self.simulation = Simulation(f"{schedule.seed} {schedule.kind}")
        simulation.count(f"report {schedule.report}")
        if told:
            simulation.story, simulation.passed = [], []
        self.server = beneath.server = self._new_server()
        beneath.storage = ObjectStorage()
        if schedule.poison is not None:
            person, how = schedule.poison
            self.server.poison = Poison(phone(person), how)
        beneath.queried = None
        if schedule.kind == "overlapping":
            beneath.database.begin()
        self.promise = self._new_promise()
        if schedule.excludes:
            self.promise.stop_list = StopList(simulation, [phone(number) for number in range(schedule.people)])
            beneath.excluded = self.promise.stop_list.look
        self.server.promise = self.promise
        self._make = make
        self.runs: dict[int, Tasks] = {}
        self.shared_assets: dict[str, dict[str, str]] = {}
        """The state of assets, where runs share it."""
        self.outcomes: Counter[str] = Counter()
        self.background: list[Worker] = []
        self._last_run = 0
        self.with_others = False
        self.healing = False
        """Whether all faults have ended."""

    def _new_server(self) -> Server:
        schedule = self.schedule
        return Server(
            self.simulation,
            TOKENS,
            report_lag=schedule.lag,
            dated=schedule.kind != "no date",
            keeps_key=schedule.kind != "key lost",
            more=_REPORTS[schedule.report],
            dials=self.waits,
        )

    def _new_promise(self) -> Promise:
        by_payload = self.schedule.mapped or self.schedule.kind in (
            *OF_LISTS,
            "approved",
            "list cleared",
            "braked",
            "clicked twice",
        )
        return Promise(self.simulation, self.server, self.beneath.storage, by_payload=by_payload)

    def run(self) -> None:
        """Run the schedule, heal all faults, and look whether the promise was kept.

        :raises Violation: if it was not
        """
        for step in self.schedule.steps:
            self._step(step)
            self.promise.check()
        self._heal()

    def tasks(self, number: int) -> Tasks:
        if number not in self.runs:
            schedule = self.schedule
            backfilled = schedule.backfilled if number == schedule.runs - 1 else 0.0
            run = DagRun(self.simulation, f"run{number}", schedule.airflow_skew, backfilled)
            self.runs[number] = self._make(self, run)
        return self.runs[number]

    def attempt(self, tasks: Tasks, one_try: Try, chance: object, points: Tries | None = None) -> Worker:
        """Begin a try."""
        if one_try.plan.is_last:
            self.simulation.count("last retry")
        skews = self.schedule.worker_skews
        worker = Worker(
            self.simulation,
            one_try.name,
            skew=skews[one_try.number % len(skews)],
            dies_or_stops=() if points is None else points.points,
            rng=self.simulation.rng(chance, one_try.name),
            about=one_try,
            tasks=tasks,
        )
        execute = tasks.execute(one_try)

        def run() -> Any:
            try:
                result: Any = execute()
            except (Exception, TimedOutError) as error:  # noqa: BLE001 - looked at afterwards
                result = error
            worker.check_alive()
            one_try.hold(result)
            tasks.learn(one_try, result)
            return result

        self.simulation.start(worker, run)
        return worker

    def _step(self, step: Step) -> None:
        does = step.does
        if isinstance(does, Happening):
            self.simulation.pass_time(step.after)
            self._happen(does)
            return
        apart = _APART if does.run != self._last_run and not self._at_once else 0.0
        self._last_run = does.run
        self.simulation.pass_time(max(step.after, apart))
        tasks = self.tasks(does.run)
        if tasks.clearable and any(instance.tries for instance in tasks.instances):
            if does.queues:
                self.simulation.count("queue")
                tasks.run.queue(cleared=does.clears)
            elif does.clears or any(self._ended_for_good(instance) for instance in tasks.instances):
                tasks.run.clear()
        begun = [
            self.attempt(tasks, instance.next_try(does.plan), step.number, does) for instance in list(tasks.instances)
        ]
        if self._at_once:
            begun += self._beside(step.number, does.run)
        if does.next_after is None:
            self._end(begun)
            return
        self.simulation.pass_time(does.next_after)
        stopped = [worker for worker in begun if not worker.ended]
        self.background += stopped
        if does.empties:
            self.simulation.count("empty")
            tasks.empty(0)
        self._end(
            [
                self.attempt(tasks, worker.about.instance.next_try(NOTHING), f"{step.number} next")
                for worker in stopped
                if worker.about.replaced_at is None and not worker.about.plan.is_last
            ]
        )

    @property
    def waits(self) -> bool:
        """Whether its tasks wait until their calls are over."""
        return self.schedule.waits

    @property
    def _overlap(self) -> bool:
        return self.schedule.kind == "overlapping"

    @property
    def _at_once(self) -> bool:
        """Whether tries of several runs go on at once."""
        return self._overlap or (self.schedule.kind == "call clicked twice" and self.schedule.seed % 3 > 0)

    @staticmethod
    def _ended_for_good(instance: TaskInstance) -> bool:
        """Whether Airflow makes no further try of it until somebody clears it."""
        return bool(instance.tries) and instance.tries[-1].plan.is_last

    def _beside(self, number: int, run: int) -> list[Worker]:
        """Begin a try of each other run that has not come to its end, a little later."""
        begun = []
        for other in range(self.schedule.runs):
            (instance,) = self.tasks(other).instances
            over = instance.tries and self.tasks(other).is_over(instance.tries[-1].result)
            if other != run and not over and not self._ended_for_good(instance):
                self.simulation.pass_time(self.simulation.rng("beside", number, other).choice(_BESIDE))
                begun.append(self.attempt(self.tasks(other), instance.next_try(NOTHING), f"{number} beside"))
        return begun

    def _end(self, workers: list[Worker]) -> None:
        self.simulation.finish(*workers)
        for worker in workers:
            self._look_at(worker)

    def _look_at(self, worker: Worker) -> None:
        """No try ends by an error that no task should end by."""
        result = worker.result
        if not worker.tasks.ends_as_tasks_do(result):
            if isinstance(result, Violation):
                raise result
            raise Violation("crash", f"{worker.name} ended with {type(result).__name__}: {result}") from result

    def _happen(self, does: Happening) -> None:
        number = does.which % len(TOKENS) if self.schedule.kind in ("changing", "list changing") else 0
        tasks = self.tasks(0)
        self.simulation.count(does.what)
        match does.what:
            case "stop":
                self.server.set_status(number, "finished")
            case "start":
                self.server.set_status(number, "inProgress")
            case "others":
                self.with_others = True
                status = self.server.status(number)
                self.server.set_status(number, "inProgress")
                self.simulation.pass_time(_APART)
                key = None if does.which % 3 == 0 else f"theirs-{self.simulation.now}"
                for person in range(self.schedule.people):
                    self.server.add_by_others(number, phone(person), key and f"{key}-{person}")
                self.simulation.pass_time(_APART)
                self.server.set_status(number, status)
            case "neighbour":
                self.with_others = True  # what each could own, neither can be sure of
                faults = (None, Phase.BEFORE_COMMIT, Phase.AFTER_COMMIT)
                phase = faults[does.which % 3]
                plan = NOTHING if phase is None else Plan((NetworkFault(0, True, phase, FaultAction.RESET),))
                others = self.tasks(_NEIGHBOUR)
                self._end([self.attempt(others, one.next_try(plan), does) for one in list(others.instances)])
            case "change":
                tasks.change(does.which)
            case "empty":
                tasks.empty(does.which)
            case "grow":
                tasks.grow()
            case "turn":
                tasks.turn()
            case "lose":
                tasks.lose(does.which)
            case "remake":
                self.simulation.pass_time(DAY + HOUR)  # sooner, the key would find the old run's job
                self._remake()
            case "rotate":
                self.server.rotate(number)
            case "iterate" | "gate":
                tasks.happens(does.what, does.which)

    def _remake(self) -> None:
        """A person deletes the run, and makes it again with its id: what is kept by asset outlives that."""
        before = self.runs.pop(0)
        for instance in before.instances:
            if instance.tries:
                instance.tries[-1].replaced_at = self.simulation.now
        again = self.tasks(0)
        again.run.made_again = before.run.made_again + 1
        for one, its in zip(again.instances, before.instances, strict=True):
            one.assets = its.assets
        chance = self.simulation.rng("remade", again.run.made_again)
        if chance.random() < 0.5:
            again.run.run_after = before.run.run_after
            # If no try of it lives until it has read before somebody clears it, nothing tells the two runs apart.
            reads = Point(1, kind="before a write of the asset's state")
            first = Tries(points=(reads,) if chance.random() < 0.5 else ())
            self._end([self.attempt(again, one.next_try(NOTHING), "remade", first) for one in list(again.instances)])

    def _heal(self) -> None:
        """All faults end; tries go on until everything has come to an end."""
        self.healing = True
        if self.promise.stop_list is not None:
            self.promise.stop_list.heals = True
        self.simulation.finish_all()
        if self.server.poison is not None and self.server.poison.how == "all refused":
            self.server.poison = None
        for worker in self.background:
            self._look_at(worker)
        for number in range(len(TOKENS)):
            self.server.set_status(number, "inProgress")
        if self._overlap:
            self.tasks(self.schedule.runs)  # one more run, after all others
        for tasks in self.runs.values():
            self.simulation.pass_time(_APART)
            for turn in range(_ROUNDS if self.schedule.people <= _FEW else 2 * _ROUNDS):
                left = [
                    instance for instance in tasks.instances
                    if not instance.tries or not tasks.is_over(instance.tries[-1].result) or turn == 0
                ]  # fmt: skip
                if not left:
                    break
                if turn == 0 and tasks.clearable:
                    tasks.run.clear()
                workers = [self.attempt(tasks, one.next_try(NOTHING), f"heal {turn}") for one in left]
                self._end(workers)
                self.promise.check()
                self.simulation.pass_time(15 * MINUTE if self.schedule.tells_time else 2.5 * HOUR)
            if not self._overlap:
                tasks.conclude()
            self.promise.check()
        if self._overlap:
            from tests.proof.overlapping import check_people

            for tasks in self.runs.values():  # whom one let go of, a later one may have called
                tasks.conclude()
            check_people(self)
            self.promise.check()
        if self.schedule.kind == "call clicked twice":
            from tests.proof.clicked_calls import check_calls

            check_calls(self)
            self.promise.check()
        if self.schedule.kind == "clicked twice":
            from tests.proof.clicked import check_clicks

            check_clicks(self)
            self.promise.check()
