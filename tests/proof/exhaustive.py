"""Every way in which one try of a call, or of a batch, can stop, and be retried: counted out, not drawn.

One combination is: where things are kept and whether the task is mapped, a fault that strikes all adds of the first
try, the point at which that try is stopped for good or for a while, and when the next one comes. The next tries are
undisturbed. What is counted out:

- the points: those that the first try passes with that fault, and also that it ends by itself. Of a call's repetitions
  the first counts, until it is under way: the second one differs by one more unanswered send only;
- the ends: killed there; or stopped there, replaced, and awake again while or after its successor runs;
- the retry's delay since that point.

A kill before the fault could strike is the same with each fault, and stands once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from aimylogic_provider.emulator.world.faults import FaultAction, Phase
from tests.proof.airflow_seam import NOTHING, Plan
from tests.proof.network import FAULTS, NetworkFault
from tests.proof.schedules import Happening, Kind, Schedule, Step, Tries
from tests.proof.seams import Beneath, beneath
from tests.proof.simulation import DAY, HOUR, MINUTE, Point
from tests.proof.swarm import Level, Reached, play, play_all

__all__ = ["BATCH", "CALL", "Combination", "Product", "combinations", "evenly", "exhaustive", "numbered"]

Fault = tuple[Phase, FaultAction] | None
End = Literal["killed", "awake meanwhile", "awake afterwards"]
ENDS: tuple[End, ...] = ("killed", "awake meanwhile", "awake afterwards")
RETRIES = (0.0, MINUTE, 23 * HOUR, DAY - 1.0, DAY, DAY + 1.0, 40 * HOUR)
"""Seconds until the retry."""
_LAG = 590.0
_LATE = 49.0
_AFTERWARDS = 120.0
_PARTS = 5
"""Into so many parts the successor's time is cut; the first try awakes in each in turn."""


@dataclass(frozen=True, slots=True)
class Product:
    """What is counted out.

    :param level: at which its points are counted
    :param kinds: where things are kept, and whether the task is mapped, or the method; each with its seed
    :param faults: of the first try's adds
    :param adds: once so many of them are under way, no more points are counted; 0 to count all
    """

    name: str
    level: Level
    kinds: tuple[tuple[Kind, int], ...]
    people: int
    faults: tuple[Fault, ...]
    adds: int = 0


_BY_LIST, _BY_NUMBER = 2, 1
"""Seeds by which a list is sent by that method, has no odd rows, and is one batch."""
CALL = Product(
    "call",
    "beneath",
    tuple((kind, 1) for kind in ("stable", "emptied", "no store", "mapped", "mapped emptied", "mapped no store")),
    people=1,
    faults=(None, *FAULTS),
    adds=2,
)
BATCH = Product(
    "batch",
    "operators",
    (
        ("by list", _BY_LIST), ("list emptied", _BY_LIST), ("list no store", _BY_LIST),
        ("by number", _BY_NUMBER), ("list emptied", _BY_NUMBER), ("list no store", _BY_NUMBER),
    ),
    people=3,
    faults=(
        None,
        (Phase.BEFORE_READ, FaultAction.STATUS),  # lost, and another send may help
        (Phase.BEFORE_COMMIT, FaultAction.REDIRECT),  # lost, and none can
        (Phase.AFTER_COMMIT, FaultAction.RESET),  # the answer lost
        (Phase.AFTER_COMMIT, FaultAction.NO_DATE),  # the answer known, but not its time
        (Phase.IN_BODY, FaultAction.GARBAGE),  # the answer unreadable
        (Phase.COMMITTED_LATE, FaultAction.DELAY),  # it takes effect just before the client gives up
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Combination:
    """One of a product.

    :param number: its place there, from 0
    :param point: at which the first try stops; 0 for none
    :param at: seconds from the beginning until then
    :param retry: seconds from then until the next try
    :param length: seconds that a try lasts which nothing befalls
    """

    number: int
    kind: Kind
    seed: int
    fault: Fault
    point: int
    at: float
    end: End
    retry: float
    length: float


def combinations(product: Product) -> list[Combination]:
    """All of a product's."""
    found: list[Combination] = []
    with beneath() as now:
        for kind, seed in product.kinds:
            length = 0.0
            for fault in product.faults:
                passed = _points(product, kind, seed, fault, now)
                length = length or passed[-1][1]
                strikes = 1 + [name for name, _ in passed].index("before the add")
                for point, at, end in _stops([at for _, at in passed]):
                    if fault is not None and end == "killed" and 0 < point <= strikes:
                        continue
                    for retry in RETRIES:
                        found.append(
                            Combination(len(found), kind, seed, fault, point, at, end, retry, length)
                        )  # fmt: skip
    return found


def _points(product: Product, kind: Kind, seed: int, fault: Fault, now: Beneath) -> list[tuple[str, float]]:
    """The kinds and seconds of the points that a first try passes which nothing stops."""
    steps = (Step(0, 0.0, Tries(plan=_plan(fault))),)
    world = play(product.level, Schedule(seed, kind, steps, _LAG, people=product.people), now, told=True)
    assert world.simulation.passed is not None, "it was told"
    first = world.simulation.workers[0].name
    passed = [(name, at) for worker, name, at in world.simulation.passed if worker == first]
    under_way = [place for place, (name, _) in enumerate(passed) if name == "in mid-add"]
    return passed if not 0 < product.adds <= len(under_way) else passed[: under_way[product.adds - 1] + 1]


def _stops(moments: list[float]) -> Iterator[tuple[int, float, End]]:
    yield 0, 0.0, "killed"
    for point, at in enumerate(moments, 1):
        for end in ENDS:
            yield point, at, end


def _plan(fault: Fault) -> Plan:
    if fault is None:
        return NOTHING
    phase, action = fault
    return Plan((NetworkFault(0, True, phase, action, late=_LATE),))


def schedules_of(product: Product, some: Iterable[Combination]) -> Iterator[Schedule]:
    """The schedules of some combinations."""
    for one in some:
        yield Schedule(
            one.seed, one.kind, _steps(one), _LAG, people=product.people, combination=f"{product.name} {one.number}"
        )


def _steps(one: Combination) -> tuple[Step, ...]:
    plan = _plan(one.fault)
    emptied = "emptied" in one.kind
    if one.end == "killed":
        points = (Point(one.point),) if one.point else ()
        emptying = (Step(1, 0.0, Happening("empty")),) if emptied else ()
        return (Step(0, 0.0, Tries(plan=plan, points=points)), *emptying, Step(2, one.retry, Tries()))
    late = _AFTERWARDS
    if one.end == "awake meanwhile":
        late = one.length * (1 + one.number % _PARTS) / (_PARTS + 1)
    stopped = Point(one.point, one.retry + late)
    next_after = one.at + 0.001 + one.retry
    return (Step(0, 0.0, Tries(plan=plan, points=(stopped,), next_after=next_after, empties=emptied)),)


def exhaustive(product: Product, level: Level, part: Sequence[Combination]) -> Reached:
    """Run some combinations on all cores.

    :param level: at which they run, which may be another than that of the points: both pass the same
    """
    return play_all(level, partial(schedules_of, product), part)


def evenly(found: list[Combination], every: int) -> list[Combination]:
    """One of *every* combinations. The retries and ends change fastest: a prime number shares none of their steps."""
    return found[::every]


def numbered(told: str) -> Schedule:
    """The schedule of a combination, by what it is called: ``call 17``."""
    name, _, number = told.partition(" ")
    (product,) = (product for product in (CALL, BATCH) if product.name == name)
    (schedule,) = schedules_of(product, [combinations(product)[int(number)]])
    return schedule
