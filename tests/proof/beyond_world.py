"""A world beyond the bounds: what a schedule must not do, done to it on purpose.

Nothing stops at the first violation here: how it all ends is counted afterwards (:mod:`tests.proof.tally`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec.structs import replace

from aimylogic_provider.emulator.world.keys import Keys, KeyUse
from aimylogic_provider.emulator.world.settings import Settings
from tests.proof.airflow_seam import NOTHING, DagRun, Try
from tests.proof.calls import CallTasks
from tests.proof.lists import ListTasks
from tests.proof.network import Sent, Server
from tests.proof.promise import Promise
from tests.proof.schedules import OF_LISTS, Happening, Schedule, Tries
from tests.proof.seams import TOKENS, Beneath
from tests.proof.simulation import BEGINNING, HOUR, MINUTE, Worker
from tests.proof.world import Tasks, World, phone

__all__ = ["CALL_BEFORE", "BeyondWorld", "Break"]

CALL_BEFORE = BEGINNING + 12 * HOUR
"""``call_before`` of a run: what is created later is not dialled."""

_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Break:
    """Which bounds are broken.

    :param held: seconds for which the process stands still between the transport's last check and the first send
    :param dies: whether it dies as soon as that has left
    :param others: whether another system adds the same phone within seconds of the first send
    :param dated: whether answers bear ``Date``
    :param keeps_timeout: whether a request takes effect within its timeout or not at all
    :param key_early: seconds by which a key expires too early
    :param date_ahead: seconds by which ``Date`` is ahead of the clock of keys and ``createdAt``
    :param writes_at_once: whether a sync's entry in a file is written in one moment
    :param twice: whether a mapped list holds each person twice: with the same payload, or with another
    """

    held: float = 0.0
    dies: bool = False
    others: bool = False
    dated: bool = True
    keeps_timeout: bool = True
    key_early: float = 0.0
    date_ahead: float = 0.0
    writes_at_once: bool = True
    twice: Literal["", "same payload", "other payload"] = ""


class BeyondWorld(World):
    """A world in which bounds are broken."""

    waits = False

    def __init__(self, schedule: Schedule, breaks: Break, beneath: Beneath, *, told: bool = False) -> None:
        self.breaks = breaks
        self._remade = 0
        super().__init__(schedule, beneath, _tasks, told=told)
        beneath.writes_entry_at_once = breaks.writes_at_once

    def _new_server(self) -> Server:
        breaks = self.breaks
        return _Server(
            self.simulation, TOKENS, report_lag=self.schedule.lag, dated=breaks.dated,
            keeps_timeout=breaks.keeps_timeout, date_ahead=breaks.date_ahead, breaks=breaks,
        )  # fmt: skip

    def _new_promise(self) -> Promise:
        by_payload = self.schedule.mapped or self.schedule.kind in OF_LISTS
        return _Onlooker(self.simulation, self.server, self.beneath.storage, by_payload=by_payload)

    def _happen(self, does: Happening) -> None:
        if does.what == "remake":
            del self.runs[0]  # with all state; the next one has the same id
            self._remade += 1
        else:
            super()._happen(does)

    def attempt(self, tasks: Tasks, one_try: Try, chance: object, points: Tries | None = None) -> Worker:
        worker = super().attempt(tasks, one_try, chance, points)
        if self._remade:
            worker.name += f", remade {self._remade}"  # or it would draw the same list id
        return worker

    def _heal(self) -> None:
        """All faults end; what can be tried again by itself is, and nobody clears anything."""
        self.simulation.finish_all()
        for worker in self.background:
            self._look_at(worker)
        self.server.set_status(0, "inProgress")
        for tasks in self.runs.values():
            for turn in range(_ROUNDS):
                left = [one for one in tasks.instances if not _is_over(tasks, one.tries[-1])]
                if not left:
                    break
                self._end([self.attempt(tasks, one.next_try(NOTHING), f"heal {turn}") for one in left])
                self.simulation.pass_time(15 * MINUTE if self.server.dated else 2.5 * HOUR)


def _is_over(tasks: Tasks, one_try: Try) -> bool:
    """Whether a try has come to its end, and Airflow makes no further one."""
    return bool(one_try.outcome) and tasks.is_over(one_try.result)


class _Onlooker(Promise):
    """Knows whose each job is, and holds nobody to anything."""

    def violated(self, invariant: str, text: str) -> None:
        pass

    def sends(self, sent: Sent) -> None:
        pass

    def answered(self, sent: Sent) -> None:
        pass

    def check(self) -> None:
        pass


@dataclass
class _Server(Server):
    """A server, and a way to it, beyond the bounds."""

    breaks: Break = field(default_factory=Break)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.campaigns.common.keys = _EarlyKeys(self.breaks.key_early)

    def _leaves(self, sent: Sent, name: str) -> None:
        simulation, breaks, one_try = self.simulation, self.breaks, sent.worker.about
        first = one_try.number == 1 and one_try.asked["add"] == 1
        if breaks.held and first:
            simulation.pass_time(breaks.held)
            if breaks.dies:
                simulation.at(simulation.now + 0.005, lambda: simulation.kill(sent.worker))
        super()._leaves(sent, name)
        if breaks.others and first:
            rng = simulation.rng("others", one_try.name, simulation.now)
            for person, _ in sent.people:
                key = f"theirs-{person}-{simulation.now}"
                simulation.at(
                    simulation.now + rng.uniform(0.0, 20.0),
                    lambda person=person, key=key: self.add_by_others(0, person, key),
                )


class _EarlyKeys(Keys):
    """Keys that expire too early."""

    def __init__(self, early: float) -> None:
        super().__init__()
        self._early = early

    def find_alive(self, settings: Settings, use: KeyUse) -> KeyUse | None:
        return super().find_alive(settings, replace(use, first=use.first + self._early))


class _Calls(CallTasks):
    """Calls of good numbers; a mapped list can hold each person twice."""

    def __init__(self, world: BeyondWorld, run: DagRun) -> None:
        super().__init__(world, run)
        self.twice = world.breaks.twice
        numbers = range(world.schedule.people)
        self.people = [phone(number // 2 if self.twice else number) for number in numbers]
        self.payloads = [str(number % 2 if self.twice == "other payload" else 1) for number in numbers]

    def intend(self, one_try: Try) -> tuple[dict[str, Any], str]:
        self.settings["payload"] = self.payloads[max(0, one_try.instance.map_index)]
        return super().intend(one_try)

    def grow(self) -> None:
        super().grow()
        self.payloads.insert(0, "1")

    def turn(self) -> None:
        super().turn()
        self.payloads.reverse()


class _Lists(ListTasks):
    """Lists of good numbers, each once; by addPhones with ``call_before``."""

    def __init__(self, world: BeyondWorld, run: DagRun) -> None:
        super().__init__(world, run)
        self.rows = [(number, phone(number), "Alex") for number in range(world.schedule.people)]
        self.method = "addPhone" if world.schedule.kind == "by number" else "addPhones"

    def _frozen_by(self) -> dict[str, Any]:
        before = {} if self.method == "addPhone" else {"call_before": datetime.fromtimestamp(CALL_BEFORE, UTC)}
        return {**super()._frozen_by(), **before}


def _tasks(world: Any, run: DagRun) -> Tasks:
    return (_Lists if world.schedule.kind in OF_LISTS else _Calls)(world, run)
