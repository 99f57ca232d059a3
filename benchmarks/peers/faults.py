"""The same faults for every way, in a real Airflow, and what became of the calls.

A fault that strikes requests lasts until each task that it struck has failed its first try; then all is well again. It
strikes the requests of two people, drawn by a seed, the same for every way. A way that adds all in one task fails its
first try at the first of them.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from aimylogic_provider.emulator import EmulatorClient
from benchmarks.peers.counting import Tally, Task, tally
from benchmarks.peers.ways import FEW, TIMEOUT, WAYS, Person, Way, people
from local_servers.airflow import LocalAirflow, wait_for

__all__ = ["RULES", "Fault", "FaultError", "Peers", "jobs_of", "wait_for_end"]

STRUCK = 2
_HANGING = TIMEOUT + 4
"""Seconds."""


class Fault(StrEnum):
    """What happens to a run, in the words of the tables."""

    NONE = "nothing"
    LOST = "answers lost"
    STATUS = "503, nothing added"
    TIMEOUT = "answers too late"
    KILLED = "worker killed in mid-request"
    NEXT_DAY = "answers lost, retry 25 hours later"
    CLEARED = "cleared after success"
    CLEARED_NEXT_DAY = "cleared 25 hours after success"


RULES: Mapping[Fault, Mapping[str, Any]] = {
    Fault.LOST: {"phase": "after_commit", "action": "reset"},
    Fault.STATUS: {"phase": "before_commit", "action": "status", "status": 503},
    Fault.TIMEOUT: {"phase": "after_commit", "action": "delay", "seconds": _HANGING},
    Fault.KILLED: {"phase": "after_commit", "action": "delay", "seconds": _HANGING},
    Fault.NEXT_DAY: {"phase": "after_commit", "action": "reset"},
}


class FaultError(RuntimeError):
    """A fault didn't strike as it was meant to, so that its figures would say nothing."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A task instance as Airflow's REST API tells of it."""

    task_id: str
    map_index: int
    members: tuple[Person, ...]
    state: str
    try_number: int
    pid: int | None

    @property
    def name(self) -> tuple[str, int]:
        """What tells it from the run's others."""
        return self.task_id, self.map_index


class Peers:
    """All ways, each with a campaign on an emulator of its own.

    :param emulators: by the way's id
    """

    def __init__(self, airflow: LocalAirflow, emulators: Mapping[str, EmulatorClient], seed: int) -> None:
        self.airflow = airflow
        self.emulators = emulators
        self.seed = seed

    def suffer(self, fault: Fault) -> dict[str, Tally]:
        """Run all ways side by side under a fault; return what became of each, by its id."""
        with ThreadPoolExecutor(len(WAYS)) as pool:
            found = pool.map(lambda way: _Run(self, way, fault).follow(), WAYS)
            return dict(zip((way.id for way in WAYS), found, strict=True))


class _Run:
    """A DAG run of a way under a fault."""

    def __init__(self, peers: Peers, way: Way, fault: Fault) -> None:
        self.airflow = peers.airflow
        self.emulator = peers.emulators[way.id]
        self.way = way
        self.fault = fault
        self.everybody = people(FEW)
        self.struck = Random(f"{peers.seed} {fault}").sample(self.everybody, STRUCK)
        self.dag = way.dag_id(FEW)
        self.run = fault.name.lower()

    def follow(self) -> Tally:
        """See it to its end, and count."""
        self.emulator.reset()
        if rule := RULES.get(self.fault):
            for person in self.struck:
                for path in ("addPhone", "addPhones"):
                    self.emulator.fault(path=path, phone=person.phone, times=None, **rule)
        self.airflow.trigger(self.dag, self.run)
        if self.fault is Fault.KILLED:
            self.kill()
        if rule:
            self.wait_for_first_tries()
            if self.fault is Fault.NEXT_DAY:
                with self.between_tries():
                    self.emulator.advance(hours=25)
            self.emulator.clear_faults()
        self.wait_for_end()
        if self.fault in (Fault.CLEARED, Fault.CLEARED_NEXT_DAY):
            if self.fault is Fault.CLEARED_NEXT_DAY:
                self.emulator.advance(hours=25)
            self.clear()
        self.emulator.settle(2 * _HANGING)
        tasks = [self.ended(instance) for instance in self.instances()]
        return tally(tasks, jobs_of(self.emulator), self.emulator.count())

    def kill(self) -> None:
        """Kill the process of each struck task while its request is under way.

        :raises FaultError: if a request was over too soon
        """
        killed: set[tuple[str, int]] = set()
        unstruck = dict.fromkeys((person.phone for person in self.struck), time.monotonic())
        while True:
            time.sleep(0.1)
            now = time.monotonic()
            struck = {rule.phone for rule in self.emulator.faults() if rule.hits}
            unstruck.update(dict.fromkeys(unstruck.keys() - struck, now))
            if not struck:
                continue
            instances = [instance for instance in self.instances() if self.is_struck(instance)]
            for instance in instances:
                phones = struck & {person.phone for person in instance.members}
                if not phones or instance.name in killed:
                    continue
                if instance.pid is None or max(unstruck[phone] for phone in phones) < time.monotonic() - TIMEOUT:
                    raise FaultError(f"{self.way.id}: the request was over before its worker could be killed")
                os.kill(instance.pid, signal.SIGKILL)
                killed.add(instance.name)
            if len(killed) == len(instances):
                return

    def is_struck(self, instance: Instance) -> bool:
        """Whether a request of the task is struck."""
        return any(person in instance.members for person in self.struck)

    def wait_for_first_tries(self) -> None:
        """Wait until each struck task has failed once.

        :raises FaultError: if one got past the fault, or has no try left
        """
        failed: set[tuple[str, int]] = set()

        def all_failed() -> bool:
            struck = [instance for instance in self.instances() if self.is_struck(instance)]
            for instance in struck:
                # A second try that a duplicate's refusal tells of the first one's call may end before others' first.
                if instance.state == "failed" or (instance.state == "success" and instance.try_number == 1):
                    raise FaultError(f"{self.way.id}: a task was in {instance.state} while the fault lasted")
                if instance.state == "up_for_retry" or instance.try_number > 1:
                    failed.add(instance.name)
            return len(struck) == len(failed) > 0

        wait_for(f"the first tries of {self.dag} to fail", all_failed, 180, every=0.5)

    @contextmanager
    def between_tries(self) -> Iterator[None]:
        """Keep the struck tasks between two tries: no day passes between what one decides and does.

        What Airflow tells of a state may be seconds old, in which a try begins. So the DAG is paused meanwhile: what is
        scheduled then waits, and what was queued before runs to its end.
        """

        def none_runs() -> bool:
            return all(one.state in ("up_for_retry", "scheduled") for one in self.instances() if self.is_struck(one))

        self.airflow.api("PATCH", f"/api/v2/dags/{self.dag}?update_mask=is_paused", {"is_paused": True})
        try:
            for _ in range(3):
                wait_for(f"{self.dag} to be between two tries", none_runs, 120, every=0.5)
                time.sleep(3)  # for what was queued as the DAG was paused
            wait_for(f"{self.dag} to be between two tries", none_runs, 120, every=0.5)
            yield
        finally:
            self.airflow.api("PATCH", f"/api/v2/dags/{self.dag}?update_mask=is_paused", {"is_paused": False})

    def wait_for_end(self) -> None:
        """Wait until the run is over."""
        wait_for_end(self.airflow, self.dag, self.run)

    def clear(self) -> None:
        """Clear the run, which has succeeded, and wait until it is over again."""
        if (state := self.airflow.run_state(self.dag, self.run)) != "success":
            raise FaultError(f"{self.way.id}: a run without faults ended as {state}")
        before = {one.name: one.try_number for one in self.instances()}

        def begun() -> bool:
            return all(one.try_number > before[one.name] for one in self.instances())

        self.airflow.clear(self.dag, self.run)
        wait_for(f"{self.dag} to run again", begun, 180, every=0.5)
        self.wait_for_end()

    def instances(self) -> list[Instance]:
        """The run's task instances."""
        found = self.airflow.api("GET", f"{self.path}?limit=100")["task_instances"]
        instances = [
            Instance(
                task_id=one["task_id"],
                map_index=one["map_index"],
                members=self.way.members(one["task_id"], one["map_index"], self.everybody),
                state=one["state"] or "none",
                try_number=one["try_number"],
                pid=one["pid"],
            )
            for one in found
        ]
        return [instance for instance in instances if instance.members]

    @property
    def path(self) -> str:
        """Of its task instances in Airflow's REST API."""
        return f"/api/v2/dags/{self.dag}/dagRuns/{self.run}/taskInstances"

    def ended(self, instance: Instance) -> Task:
        """What is counted of a task instance that is over."""
        log = ""
        if instance.state != "success":
            tried = f"{self.path}/{instance.task_id}/logs/{instance.try_number}"
            told = self.airflow.api("GET", f"{tried}?full_content=true&map_index={instance.map_index}")
            log = json.dumps(told["content"])
        return Task(instance.members, instance.state, log)


def jobs_of(emulator: EmulatorClient) -> list[tuple[str, Person]]:
    """The call jobs that an emulator holds: ids, and whom they call."""
    return [(job.id, Person(job.phone, str(job.payload.get("name")))) for job in emulator.jobs()]


def wait_for_end(airflow: LocalAirflow, dag: str, run: str, seconds: float = 300) -> str:
    """Wait until a DAG run is over; return its state."""

    def state() -> str | None:
        found = airflow.run_state(dag, run)
        return found if found in ("success", "failed") else None

    return str(wait_for(f"run {run} of {dag} to end", state, seconds, every=0.5))
