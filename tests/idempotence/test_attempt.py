"""A try on clocks that are hard to tell by: slow answers, workers that stand still, times that are intervals."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.client import Answer
from aimylogic_provider.idempotence.actions import Row
from aimylogic_provider.idempotence.attempt import AddPhoneAttempt
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.keys import Intent
from aimylogic_provider.idempotence.server_time import Reading, Timebase
from aimylogic_provider.idempotence.time_limits import ClockSource
from tests.model.test_model import NOW, CrashError, Line, Quiet, Rows, World

INTENT = Intent("dag", "run", "task", "0", Call.of("79123456789"))
HOUR = 3600.0


@dataclass
class SlowLine(Line):
    """A campaign whose status takes a while, and tells its time at the end; whose adding takes effect late."""

    status_takes: float = 0.0
    adding_takes: float = 0.0
    crashes: bool = False

    def status(self) -> Answer[str]:
        self.world.now += self.status_takes
        return Answer("inProgress", self.date)

    def add_phone(self, call: Call, *, idempotence_key: str | None, test_call: bool = False) -> Answer[str]:
        self.world.now += self.adding_takes
        number = self.world.add(0, call.phone, "[]", idempotence_key, test_call, "ours")
        if self.crashes:
            raise CrashError
        return Answer(number, self.date)


def one_try(world: World, rows: Rows, *, first: bool = False, **line: float | bool) -> str:
    return AddPhoneAttempt(
        INTENT, store=rows, campaign=SlowLine(world, 0, "ours", **line), clock=world, first_try=first, clear_number=0,
        run_began=NOW, report_lag=600.0, send_timeout=40.0, log=Quiet(),
    ).run()  # fmt: skip


@pytest.fixture
def world() -> World:
    return World(random.Random(0), lag=600.0, faults=False)


@pytest.mark.parametrize(("after", "status_takes"), [(570.0, 39.0), (555.0, 75.0)])
def test_the_time_that_a_status_takes_is_not_taken_for_lag_that_passed(
    world: World, after: float, status_takes: float
) -> None:
    """The send took effect late, the worker died, the campaign stopped; the job shows in a minute."""
    rows = Rows()
    with pytest.raises(CrashError):
        one_try(world, rows, first=True, adding_takes=39.0, crashes=True)
    world.stopped = True
    world.now = NOW + after
    with pytest.raises(NotAddedError) as error:
        one_try(world, rows, status_takes=status_takes)
    assert (error.value.row, error.value.retryable) == (Row.REFUSED_OPEN, True)
    world.now += 100
    assert one_try(world, rows, status_takes=status_takes) == world.jobs[0]["id"]


@pytest.mark.parametrize("status_takes", [0.0, 39.0, 90.0])
def test_a_job_of_a_try_with_a_slow_status_is_found_a_day_later(world: World, status_takes: float) -> None:
    rows = Rows()
    with pytest.raises(CrashError):
        one_try(world, rows, first=True, status_takes=status_takes, adding_takes=1.0, crashes=True)
    world.now += 25 * HOUR
    assert one_try(world, rows) == world.jobs[0]["id"]
    assert len(world.jobs) == 1


def test_a_job_made_late_is_found_though_the_timeout_is_shorter_now(world: World) -> None:
    rows = Rows()
    with pytest.raises(CrashError):
        AddPhoneAttempt(
            INTENT, store=rows, campaign=SlowLine(world, 0, "ours", adding_takes=300.0, crashes=True), clock=world,
            first_try=True, clear_number=0, run_began=NOW, report_lag=600.0, send_timeout=600.0, log=Quiet(),
        ).run()  # fmt: skip
    world.now += 25 * HOUR
    assert one_try(world, rows) == world.jobs[0]["id"]
    assert len(world.jobs) == 1


@dataclass
class TwoClocks:
    """A worker's clocks, set by hand."""

    at_wall: float = 0.0
    at_monotonic: float = 0.0

    def wall(self) -> float:
        return self.at_wall

    def monotonic(self) -> float:
        return self.at_monotonic

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("wall", "monotonic", "earliest", "latest", "fresh"),
    [
        (10.0, 10.0, 5.0, 11.0, True),
        (10.0, 11.0, 5.0, 12.0, True),
        (70.0, 70.0, 65.0, 71.0, False),
        (3610.0, 10.0, 5.0, 3611.0, False),
        (-3590.0, 10.0, 0.0, 11.0, False),
    ],
    ids=["steady", "drifting", "a minute old", "set forward, or suspended", "set back"],
)
def test_the_servers_time_is_an_interval(
    wall: float, monotonic: float, earliest: float, latest: float, fresh: bool
) -> None:
    """The answer took five seconds, and its Date may have been told at any moment of them."""
    clock = TwoClocks()
    before = Reading.of(clock)
    clock.at_wall = clock.at_monotonic = 5.0
    base = Timebase(1000.0, ClockSource.SERVER, before, Reading.of(clock))
    clock.at_wall, clock.at_monotonic = wall, monotonic
    time = base.now(clock)
    assert (time.earliest - 1000, time.latest - 1000, base.is_fresh(clock)) == (earliest, latest, fresh)
