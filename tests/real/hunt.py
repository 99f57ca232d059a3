"""A hunt: DAG runs are followed to their end, and their tries struck at random moments meanwhile."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from local_servers.airflow import AirflowError, LocalAirflow, wait_for
from tests.airflow.campaign import Campaign
from tests.real.extent import WHOLE
from tests.real.metadata import Instance, Metadata
from tests.real.signals import Kind, Struck
from tests.real.tally import Tally

__all__ = ["Hunt", "Places"]

LATE = (6.0, 9.0, 14.0, 35.0) if WHOLE else (6.0, 9.0)
"""Seconds after which a stopped task wakes: before, while or after its successor runs; rarely, over half a minute."""
BETWEEN = 5.0
"""Seconds by which its supervisor wakes later."""
LONGEST = 900.0
"""Seconds in which a run must be over. A rule of the test, not of what is tested."""


class Places(Protocol):
    """Tells, from outside, what tries are doing."""

    def begin(self, instance: Instance) -> None:
        """A try was seen for the first time."""

    def place(self, instance: Instance) -> str:
        """What it does now."""

    def aim(self, instance: Instance, draw: random.Random) -> float | None:
        """In how many seconds it will be at a place that is else hardly met; None if that isn't known yet."""


@dataclass
class Hunt:
    """Follows runs.

    :param kills: how many tries it strikes
    :param share: of the tries that it could strike
    :param aimed: the share of strikes that are aimed at a place; the others fall at any moment
    :param longest: seconds of a try, about: moments are drawn from these
    :param day: after so many kills nothing is begun until all that was is over; then 25 hours pass; None for never
    """

    airflow: LocalAirflow
    metadata: Metadata
    campaign: Campaign
    places: Places
    draw: random.Random
    tally: Tally
    kills: int
    share: float = 0.7
    aimed: float = 0.3
    longest: float = 3.0
    day: int | None = None
    done: int = 0
    tries: int = 0
    aged: bool = False
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _seen: set[tuple[object, ...]] = field(default_factory=set)
    _struck: list[Struck] = field(default_factory=list)
    _stopped: set[tuple[object, ...]] = field(default_factory=set)
    _planned: int = 0
    _holding: set[str] = field(default_factory=set)
    _retried: set[tuple[object, ...]] = field(default_factory=set)

    def follow(self, *runs: tuple[str, str], patience: float = 0.0) -> list[Instance]:
        """See runs to their end; return their task instances.

        :param runs: the DAG and the id of each
        :param patience: minutes that may pass for the campaign before a retry
        :raises AirflowError: if they don't end
        """
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            self._do_what_is_due()
            if self.airflow.ended:  # a scheduler gives up some time after its database is gone
                self.airflow.restart()
            instances = [one for dag, run in runs for one in self.metadata.instances(dag, run)]
            for one in instances:
                self._look_at(one)
            if patience and not self._holding:
                self._be_patient(instances, patience)
            if self._holding:
                self._pass_a_day_if_quiet(instances)
            elif self.day is not None and not self.aged and self.done >= self.day:
                self._hold({dag for dag, _ in runs})
            elif not self._due and not self._living and all(self.metadata.run_is_over(*run) for run in runs):
                return instances
            time.sleep(0.05)
        states = {one.path: (one.state, one.number) for one in instances}
        raise AirflowError(f"{runs} did not end within {LONGEST:g} seconds: {states}")

    def release(self) -> None:
        """Let nothing that was struck stay stopped."""
        for struck in self._struck:
            struck.wake_task()
            struck.wake_supervisor()

    def returned(self, instance: Instance) -> Any:
        """What a task that ended as a success returned.

        Before a try does anything, Airflow deletes what earlier ones returned; a worker that stood still then, and
        wakes after another one has ended, deletes what that returned. One more clear brings it back.
        """
        try:
            return self.airflow.xcom(*instance.name)
        except AirflowError as error:
            if error.status != 404:
                raise
        assert instance.name in self._stopped, f"{instance.path} returned nothing"
        self.tally.scenarios.append("what a task returned deleted by Airflow in a worker that woke late; cleared")
        self.airflow.clear(instance.dag, instance.run, tasks=[instance.task])
        wait_for("the end after a clear", lambda: self.metadata.run_is_over(instance.dag, instance.run), LONGEST)
        return self.airflow.xcom(*instance.name)

    @property
    def _living(self) -> bool:
        """Whether a struck try may still do something."""
        return any(struck.lives for struck in self._struck)

    def _be_patient(self, instances: list[Instance], minutes: float) -> None:
        """A try of which it is unsure what was sent, or that was refused then, waits out the report's lag."""
        waiting = {(*one.name, one.number) for one in instances if one.state == "up_for_retry"} - self._retried
        if not waiting or _busy(instances) or self._living:
            return
        self._retried |= waiting
        self.campaign.emulator.settle()
        self.campaign.emulator.advance(minutes=self.draw.choice([0, minutes]))

    def _look_at(self, instance: Instance) -> None:
        mark = (*instance.name, instance.number)
        if instance.state != "running" or not instance.pid or mark in self._seen:
            return
        self._seen.add(mark)
        self.tries += 1
        self.places.begin(instance)
        if self._planned >= self.kills or self._holding or self.draw.random() > self.share:
            return
        self._planned += 1
        if self.draw.random() < self.aimed:
            self._later(0.0, lambda: self._aim(instance, time.monotonic() + 10))
        else:
            self._later(self.draw.uniform(0.0, self.longest), lambda: self._strike(instance))

    def _aim(self, instance: Instance, until: float) -> None:
        """Strike at a place that random moments hardly meet."""
        seconds = self.places.aim(instance, self.draw)
        if seconds is not None:
            self._later(seconds, lambda: self._strike(instance))
        elif time.monotonic() < until:
            self._later(0.05, lambda: self._aim(instance, until))
        else:
            self._strike(instance)

    def _strike(self, instance: Instance) -> None:
        kind = self.tally.next_kind(self.draw)
        assert instance.pid is not None
        struck = Struck.strike(kind, instance.pid)
        if struck is None:  # it has ended before its moment came
            self._planned -= 1
            return
        self.done += 1
        self._struck.append(struck)
        self.tally.kill(kind, self.places.place(instance))
        if kind is Kind.STOP:
            self._stopped.add(instance.name)
            late = self.draw.choices(LATE, (4, 4, 3, 1)[: len(LATE)])[0] + self.draw.uniform(0.0, 2.0)
            self._later(late, struck.wake_task)
            self._later(late + BETWEEN, struck.wake_supervisor)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))

    def _do_what_is_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def _hold(self, dags: set[str]) -> None:
        """Have Airflow begin nothing more."""
        for dag in dags:
            self.airflow.api("PATCH", f"/api/v2/dags/{dag}", {"is_paused": True})
        self._holding = dags

    def _pass_a_day_if_quiet(self, instances: list[Instance]) -> None:
        """Let 25 hours pass for the campaign, once no request and no try is under way that began before."""
        if _busy(instances) or self._due or self._living:
            return
        self.campaign.emulator.settle()
        self.campaign.emulator.advance(hours=25)
        for dag in self._holding:
            self.airflow.api("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})
        self._holding = set()
        self.aged = True


def _busy(instances: list[Instance]) -> bool:
    return any(one.state in ("running", "queued", "restarting") for one in instances)
