"""The bounds of the promise, and for each the schedules that break it: drawn from a seed, as plain values."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from aimylogic_provider.emulator.world.faults import FaultAction, Phase
from tests.proof.airflow_seam import Plan
from tests.proof.beyond_world import Break
from tests.proof.network import NetworkFault
from tests.proof.schedules import OF_LISTS, Happening, Kind, Schedule, Step, Tries
from tests.proof.simulation import DAY, HOUR, MINUTE, Point

__all__ = ["BOUNDS", "Bound", "Family", "draw"]

Does = Tries | Happening
Drawn = tuple[list[tuple[float, Does]], Break, dict[str, Any]]
"""What is done, each with the seconds before it; which bounds are broken; and what else is true of the schedule."""


@dataclass(frozen=True, slots=True)
class Family:
    """Schedules that break a bound in one way.

    :param breaks: in words
    :param kind: of task
    :param draw: draws one
    """

    breaks: str
    kind: Kind
    draw: Callable[[random.Random], Drawn]


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound.

    :param name: what is assumed
    :param lesson: what a user should take from what happens beyond it
    """

    number: int
    name: str
    lesson: str
    families: tuple[Family, ...]


def draw(bound: Bound, family: Family, seed: int) -> tuple[Schedule, Break]:
    """The schedule of a seed, and what it breaks."""
    rng = random.Random(f"beyond {bound.number} {family.breaks} {family.kind} {seed}")
    steps, breaks, more = family.draw(rng)
    people = {"mapped": 2}.get(family.kind, 4 if family.kind in OF_LISTS else 1)
    numbered = tuple(Step(number, after, does) for number, (after, does) in enumerate(steps))
    settings = {"people": people, "lag": rng.choice((0.0, 300.0, 590.0)), **more}
    return Schedule(seed=seed, kind=family.kind, steps=numbered, **settings), breaks


def _lost(rng: random.Random, *, created: bool | None = None) -> Tries:
    """A try that gets no answer, whether or not its requests take effect."""
    takes_effect = rng.random() < 0.5 if created is None else created
    phase = Phase.AFTER_COMMIT if takes_effect else Phase.BEFORE_COMMIT
    return Tries(plan=Plan((NetworkFault(0, True, phase, FaultAction.RESET),)))


# 1


def _replaced(hours: float) -> Callable[[random.Random], Drawn]:
    """Airflow takes the try for dead while it stands still, and makes another one; then the request leaves."""

    def draw(rng: random.Random) -> Drawn:
        return [(0.0, Tries(next_after=rng.uniform(2 * MINUTE, 20 * MINUTE)))], Break(held=hours * HOUR), {}

    return draw


def _dies(hours: float) -> Callable[[random.Random], Drawn]:
    """The request leaves late, then the process dies; a retry comes a day later."""

    def draw(rng: random.Random) -> Drawn:
        steps: list[tuple[float, Does]] = [(0.0, Tries()), (rng.uniform(DAY, 40 * HOUR), Tries())]
        return steps, Break(held=hours * HOUR, dies=True), {}

    return draw


# 2


def _others(hours: float) -> Callable[[random.Random], Drawn]:
    def draw(rng: random.Random) -> Drawn:
        return [(0.0, _lost(rng)), (hours * HOUR, Tries())], Break(others=True), {}

    return draw


# 3


def _lag(hours: float, *, stopped: bool = False) -> Callable[[random.Random], Drawn]:
    """The answer is lost, at times that of a second try too. The campaign may be stopped when a retry comes."""

    def draw(rng: random.Random) -> Drawn:
        steps: list[tuple[float, Does]] = [(0.0, _lost(rng, created=stopped or None))]
        if stopped:
            after = rng.uniform(15 * MINUTE, 50 * MINUTE)
            steps += [(after, Happening("stop")), (0.0, Tries()), (0.0, Happening("start"))]
        else:
            if rng.random() < 0.5:
                steps += [(20 * HOUR, _lost(rng))]
            steps += [(25 * HOUR if len(steps) == 1 else 5 * HOUR, Tries())]
        return steps, Break(), {"lag": hours * HOUR}

    return draw


# 4


def _clocks(hours: float) -> Callable[[random.Random], Drawn]:
    def draw(rng: random.Random) -> Drawn:
        wait = rng.choice((HOUR, 12 * HOUR, rng.uniform(22 * HOUR, 27 * HOUR), 36 * HOUR))
        skew = rng.choice((-hours, hours)) * HOUR
        skews = rng.choice(((skew, 0.0), (0.0, skew), (skew, -skew), (skew,)))
        return [(0.0, _lost(rng)), (wait, Tries())], Break(dated=False), {"worker_skews": skews}

    return draw


# 5


def _late(hours: float) -> Callable[[random.Random], Drawn]:
    def draw(rng: random.Random) -> Drawn:
        fault = NetworkFault(1, True, Phase.COMMITTED_LATE, FaultAction.DELAY, late=hours * HOUR)
        ends = NetworkFault(0, True, Phase.BEFORE_READ, FaultAction.STATUS, 401)
        wait = rng.choice((10 * MINUTE, HOUR, 25 * HOUR, 40 * HOUR))
        return [(0.0, Tries(plan=Plan((fault, ends)))), (wait, Tries())], Break(keeps_timeout=False), {}

    return draw


# 6


def _key_early(rng: random.Random) -> Drawn:
    wait = rng.uniform(22.5 * HOUR, 25 * HOUR)
    return [(0.0, _lost(rng, created=True)), (wait, Tries())], Break(key_early=HOUR), {}


def _date_off(rng: random.Random) -> Drawn:
    ahead = rng.choice((-HOUR, HOUR))
    wait = rng.choice((HOUR, 23 * HOUR, 25 * HOUR))
    return [(0.0, _lost(rng)), (wait, Tries())], Break(date_ahead=ahead), {}


# 7


def _airflow_off(hours: float, before: str = "") -> Callable[[random.Random], Drawn]:
    """The answer is lost; a retry comes after an hour or about a day, and before it may happen what makes it unsure."""

    def draw(rng: random.Random) -> Drawn:
        wait = rng.choice((HOUR, rng.uniform(22 * HOUR, 27 * HOUR)))
        steps: list[tuple[float, Does]] = [(0.0, _lost(rng))]
        steps += [(wait, Happening(before)), (0.0, Tries())] if before else [(wait, Tries())]
        return steps, Break(), {"airflow_skew": hours * HOUR}

    return draw


# 8


def _twice(which: Any) -> Callable[[random.Random], Drawn]:
    """Two indexes of a mapped task have the same person; answers get lost, the list may turn, retries come late."""

    def draw(rng: random.Random) -> Drawn:
        steps: list[tuple[float, Does]] = [(0.0, _lost(rng) if rng.random() < 0.5 else Tries())]
        if rng.random() < 0.5:
            steps += [(0.0, Happening("turn"))]
        steps += [(rng.choice((HOUR, 25 * HOUR)), Tries(clears=rng.random() < 0.5))]
        return steps, Break(twice=which), {}

    return draw


# 9


def _race(rng: random.Random) -> Drawn:
    """Airflow begins a second try while the first one freezes its list."""
    points = (Point(rng.randint(1, 30), rng.uniform(0.0, 0.3)),)
    tries = Tries(points=points, next_after=rng.uniform(0.0, 0.3))
    more = {"worker_skews": rng.choice(((0.0,), (HOUR, 0.0), (0.0, HOUR)))}
    return [(0.0, tries), (HOUR, Tries())], Break(writes_at_once=False), more


def _apart(rng: random.Random) -> Drawn:
    skew = rng.choice((-HOUR, HOUR))
    skews = rng.choice(((skew, 0.0), (0.0, skew)))
    dies = (Point(rng.randint(20, 80)),)
    wait = rng.choice((HOUR, 25 * HOUR))
    return [(0.0, Tries(points=dies)), (wait, Tries())], Break(), {"worker_skews": skews}


# 10


def _remade(rng: random.Random) -> Drawn:
    steps: list[tuple[float, Does]] = [(0.0, _lost(rng) if rng.random() < 0.5 else Tries())]
    return [*steps, (25 * HOUR, Happening("remake")), (0.0, Tries())], Break(), {}


def _remade_soon(rng: random.Random) -> Drawn:
    steps, breaks, more = _remade(rng)
    return [(min(after, HOUR), does) for after, does in steps], breaks, more


def _families(name: str, draw: Callable[[random.Random], Drawn], *kinds: Kind) -> Iterator[Family]:
    for kind in kinds:
        yield Family(name, kind, draw)


_SENDERS: tuple[Kind, ...] = ("stable", "no store", "by list", "by number")

BOUNDS = (
    Bound(
        1,
        "a process doesn't stand still between the last look at the clock and the send",
        "A stop is harmless as long as the next try comes within a day of the late send: both use one key. It "
        "doubles a call where the send leaves outside the times that were noted of it and the retry comes a "
        "day later, or where the stop outlasts the key. Don't suspend machines on which tasks run; don't put "
        "retries off for a day; give syncs call_before.",
        (
            *_families("1 h, the next try comes meanwhile", _replaced(1), "stable", "no store", "by list", "by number"),
            *_families("1 h, then it dies; a retry a day later", _dies(1), *_SENDERS),
            *_families("25 h, the next try comes meanwhile", _replaced(25), *_SENDERS),
        ),
    ),
    Bound(
        2,
        "nobody else adds the same phone in the minutes of our request",
        "A retry within the day needs no report, and is right. After that, a single job in the minutes of our "
        "request is taken for ours: the person is called once, but in the other system's words; two are "
        "parked. Don't have two systems add the same people to one campaign at the same time.",
        (
            *_families("within 20 s of it; retry after 1 h", _others(1), "stable", "by list"),
            *_families("within 20 s of it; retry after 25 h", _others(25), "stable", "no store", "mapped", "by list"),
        ),
    ),
    Bound(
        3,
        "a job shows in the report within the report lag (10 minutes)",
        "A longer lag places nobody twice as long as it is shorter than a day, test calls apart, for the key "
        "still holds what the report doesn't show yet. But a call is then said to be refused that was added "
        "before the campaign was stopped. Set report_lag to what your campaign really needs.",
        (
            *_families("after 1 h; retry after 25 h", _lag(1), "stable", "by list"),
            *_families("after 13 h; retry after 25 h", _lag(13), "stable", "no store", "test call", "by list"),
            *_families("after 22 h; retry after 25 h", _lag(22), "stable", "by list"),
            *_families("after 30 h; retry after 25 h", _lag(30), "stable", "no store", "by list"),
            *_families("after 1 h; the campaign is stopped meanwhile", _lag(1, stopped=True), "stable", "by list"),
        ),
    ),
    Bound(
        4,
        "without `Date`, the workers' clocks are right to within an hour",
        "Whatever the clocks show, an unanswered call with a record is parked, as it is within the bound. "
        "Only without a record can a slow clock make an old run look young. Have the proxy pass Date on.",
        (
            *_families("2 h off", _clocks(2), "stable", "no store", "mapped", "by list"),
            *_families("12 h off", _clocks(12), "stable", "no store", "mapped", "by list"),
        ),
    ),
    Bound(
        5,
        "a request takes effect within its timeout or not at all",
        "A retry that comes before the late request is harmless if the request then takes effect within a "
        "day; a retry after it looks for it in the wrong minutes. Don't put a proxy that queues requests for "
        "hours before the server; give syncs call_before.",
        (
            *_families("2 h late; retry after 10 min to 40 h", _late(2), "stable", "no store", "by list"),
            *_families("25 h late; retry after 10 min to 40 h", _late(25), "stable", "no store", "by list"),
        ),
    ),
    Bound(
        6,
        "the server's `Date`, keys and `createdAt` run on one clock",
        "Nobody can tell from outside, and so a retry in the last hours of the key, or a day later, doubles "
        "what was added. Retry sooner than that, so that neither matters.",
        (
            *_families("keys expire after 23 h; retry after 22.5 to 25 h", _key_early, "stable", "no store", "by list"),
            *_families("`createdAt` is an hour off `Date`", _date_off, "stable", "no store", "by list"),
        ),
    ),
    Bound(
        7,
        "Airflow's clock is right to within 15 minutes",
        "A record that was surely begun before any send doesn't heed Airflow's clock. All others take the "
        "run's age by it: one that runs ahead makes an old run look young; one that is behind only parks "
        "more. Keep the time service running.",
        (
            *_families("2 h ahead", _airflow_off(2), "stable", "mapped", "no store", "list no store"),
            *_families("2 h ahead, state emptied", _airflow_off(2, "empty"), "emptied", "list emptied"),
            *_families("2 h ahead, the list grows", _airflow_off(2, "grow"), "mapped"),
            *_families("2 h behind", _airflow_off(-2), "mapped", "no store", "list no store"),
        ),
    ),
    Bound(
        8,
        "a mapped list holds each person once",
        "The same payload is one call, by one key. Another payload is another call; where the list comes back "
        "in another order the second one is parked. Use the sync for lists: there doubles fall together.",
        (
            *_families("twice, with the same payload", _twice("same payload"), "mapped"),
            *_families("twice, with another payload", _twice("other payload"), "mapped"),
        ),
    ),
    Bound(
        9,
        "without a store, no two tries write a sync's entry in the same moment; clocks are minutes apart",
        "Nobody is called twice. Either both tries send one list, with its keys; or each takes the other's list for "
        "rubbish: then the task stops before anybody is called, and a new run is needed. Clocks an hour apart do no "
        "harm. Airflow 3.3 keeps two tries apart.",
        (
            *_families("two tries in the same moment", _race, "list no store"),
            *_families("clocks an hour apart", _apart, "list no store"),
        ),
    ),
    Bound(
        10,
        "a DAG run that is deleted and made again is a new run",
        "A single call has its old key and is doubled after a day. A sync freezes a new list with keys of its "
        "own, so it calls everybody again at once, even within the hour. Clear a run instead of deleting it. "
        "A call_before that hangs on the run's own date, not on today's, is the fence.",
        (
            *_families("after 25 h", _remade, "stable", "mapped", "by list", "list no store"),
            *_families("after 1 h", _remade_soon, "stable", "mapped", "by list", "list no store"),
        ),
    ),
)
"""All bounds of the design."""
