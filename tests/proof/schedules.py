"""Schedules: what befalls a few DAG runs over some days, drawn from a seed, step by step, as plain values.

A schedule is complete: whatever chance decides while it runs is drawn by the seed and the step's own number, so that a
schedule with steps taken out runs the others as before. That is what makes it shrink.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from aimylogic_provider.emulator.world.faults import FaultAction, Phase
from tests.proof.airflow_seam import NOTHING, Plan
from tests.proof.network import FAULTS, IN_PART, POISONS, STATUSES, NetworkFault
from tests.proof.simulation import DAY, HOUR, MINUTE, Point

__all__ = ["KINDS", "Happening", "Kind", "Schedule", "Step", "Tries", "draw"]

Kind = Literal[
    "stable", "changing", "emptied", "no store", "mapped", "no date", "key lost", "test call",
    "mapped emptied", "mapped no store", "discarded", "discarded alone",
    "by list", "by number", "shards", "list changing", "list emptied", "list no store", "two lists", "overlapping",
    "looped", "approved", "list cleared", "braked", "clicked twice", "call clicked twice",
]  # fmt: skip
Report = Literal["plain", "national", "plus", "masked", "none", "redials", "capped", "elsewhere", "ignored", "empty"]
"""How the server writes its report, and reads what it is asked: phones with a prefix, masked or none; jobs that its
script adds; pages of a row or two; time limits that it reads for other times, or not at all, or shows nothing for."""
REPORTS: tuple[Report, ...] = get_args(Report)
OF_CALLS: tuple[Kind, ...] = (
    "stable", "changing", "emptied", "no store", "mapped", "no date", "key lost", "test call",
    "mapped emptied", "mapped no store", "discarded", "discarded alone",
)  # fmt: skip
OF_LISTS: tuple[Kind, ...] = (
    "by list", "by number", "shards", "list changing", "list emptied", "list no store", "two lists", "overlapping",
)  # fmt: skip
KINDS = OF_CALLS + OF_LISTS
_PLAIN_LISTS = tuple(kind for kind in OF_LISTS if kind not in ("two lists", "overlapping"))

_SELDOM = ("before an object's delete", "after an object's delete")
_PAUSES = (1.0, 20.0, 35.0, 10 * MINUTE, HOUR, 25 * HOUR)
_WAITS = (1.0, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 23 * HOUR, DAY, 25 * HOUR, 40 * HOUR)
_MANY = 40
"""People of a list in which one costs many requests, if those are not heeded."""
_UNTIL = (10 * MINUTE, HOUR, 26 * HOUR)
"""Seconds that a list with a finish is given."""
_SET_BY = (1.0, 20.0, 45.0, 10 * MINUTE, HOUR, DAY, 25 * HOUR)
"""Seconds by which a worker's clock is set; an hour and more only where the server tells its time."""
_EDGES = (DAY - 300.0, DAY - 221.0, DAY - 60.0, DAY - 1.0, DAY, DAY + 1.0, DAY + 60.0, DAY - 1120.0)
"""Waits at whose end a key is just alive, or just not."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Each task instance of a run has a try, all at once.

    :param run: which run
    :param plan: what befalls each
    :param points: at which each is killed or stopped
    :param next_after: seconds until each that is stopped by then is replaced by a next try, which nothing befalls; None
        to let all end
    :param clears: whether a person cleared the run before
    :param empties: whether the store is emptied just before those next tries
    :param queues: whether a person set the run to *queued* before, so that it begins anew; and the run doesn't count
        that it was cleared, if it was
    """

    run: int = 0
    plan: Plan = NOTHING
    points: tuple[Point, ...] = ()
    next_after: float | None = None
    clears: bool = False
    empties: bool = False
    queues: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """What happens besides.

    :param what: ``stop`` or ``start`` (the campaign), ``others`` (another system adds the same people), ``neighbour``
        (another run of ours does, at once), ``change`` (a parameter, or the source), ``empty`` (a store), ``grow`` or
        ``turn`` (a mapped list), ``iterate`` (a loop goes on), ``gate`` (its gate is cleared), ``rotate`` (the
        campaign's token is made anew) or ``remake`` (the run is deleted, and made again with its id)
    :param which: of what there is to choose from
    """

    what: str
    which: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    :param after: seconds since the last one
    :param number: which of the drawn ones it was: chance inside it is drawn by that
    """

    number: int
    after: float
    does: Tries | Happening


@dataclass(frozen=True, slots=True)
class Schedule:
    """All of it.

    :param lag: seconds until the report shows a job
    :param airflow_skew: seconds by which Airflow's clock is ahead of the server's
    :param worker_skews: the same of the workers' clocks, one after the other
    :param people: calls of each run
    :param runs: DAG runs of the same DAG, with the same people, hours apart; at once if they overlap
    :param backfilled: seconds by which the time that the last run is for lies back
    :param poison: which of the people the server answers badly each time, and how; it never heals
    :param report: how the server writes its report, and reads what it is asked
    :param until: seconds from a run's beginning until which its people may be dialled, if it is a list's
    :param combination: which one it is of those that :mod:`tests.proof.exhaustive` counts out, if it is one
    """

    seed: int
    kind: Kind
    steps: tuple[Step, ...]
    lag: float = 0.0
    airflow_skew: float = 0.0
    worker_skews: tuple[float, ...] = (0.0,)
    people: int = 1
    runs: int = 1
    backfilled: float = 0.0
    combination: str = ""
    poison: tuple[int, str] | None = None
    report: Report = "plain"
    until: float | None = None

    @property
    def mapped(self) -> bool:
        """Whether its calls are of a mapped task."""
        return self.kind.startswith("mapped")

    @property
    def waits(self) -> bool:
        """Whether its tasks wait, once all is added, until the calls are over."""
        return self.kind in (*OF_CALLS, *_PLAIN_LISTS) and random.Random(f"waits {self.seed}").random() < 0.25

    @property
    def excludes(self) -> bool:
        """Whether its people may stand on an exclusion list."""
        return self.kind in _PLAIN_LISTS and random.Random(f"excludes {self.seed}").random() < 0.3

    @property
    def tells_phones(self) -> bool:
        """Whether the report's phones can be read."""
        return self.report not in ("masked", "none")

    @property
    def tells_time(self) -> bool:
        """Whether the server's time can be known all along."""
        faults = (fault for step in self.steps if isinstance(step.does, Tries) for fault in step.does.plan.network)
        return self.kind != "no date" and not any(fault.action is FaultAction.NO_DATE for fault in faults)

    def without(self, *places: int) -> Schedule:
        """The same without some steps."""
        return replace(self, steps=tuple(step for place, step in enumerate(self.steps) if place not in places))

    def simpler(self) -> Iterator[Schedule]:
        """The same with a little less befalling it, in each way that there is."""
        for place, step in enumerate(self.steps):
            yield self.without(place)
            for does in _simpler(step.does):
                steps = (*self.steps[:place], replace(step, does=does), *self.steps[place + 1 :])
                yield replace(self, steps=steps)
        if self.airflow_skew or any(self.worker_skews):
            yield replace(self, airflow_skew=0.0, worker_skews=(0.0,))
        if self.backfilled:
            yield replace(self, backfilled=0.0)
        if self.lag:
            yield replace(self, lag=0.0)
        if self.poison:
            yield replace(self, poison=None)
        if self.report != "plain":
            yield replace(self, report="plain")
        if self.until is not None:
            yield replace(self, until=None)
        if self.people > 1:
            yield replace(self, people=self.people - 1)

    def __str__(self) -> str:
        skews = ", ".join(f"{skew:+g}" for skew in self.worker_skews)
        head = (
            f"kind {self.kind!r}, report lag {self.lag:g} s, Airflow's clock {self.airflow_skew:+g} s, workers' clocks "
            f"{skews} s, {self.people} people, {self.runs} runs, the last one backfilled by {self.backfilled:g} s, "
            f"report {self.report}"
        )
        if self.poison is not None:
            head += f", person {self.poison[0]} is answered badly each time: {self.poison[1]}"
        if self.until is not None:
            head += f", to be dialled within {self.until:g} s"
        return "\n".join([head, *(f"  +{step.after:g} s: {_told(step.does)}" for step in self.steps)])


def _simpler(does: Tries | Happening) -> Iterator[Tries | Happening]:
    if isinstance(does, Happening):
        return
    plan = does.plan
    for place in range(len(plan.network)):
        yield replace(does, plan=replace(plan, network=plan.network[:place] + plan.network[place + 1 :]))
    if plan.store:
        yield replace(does, plan=replace(plan, store=()))
    if plan.objects:
        yield replace(does, plan=replace(plan, objects=()))
    if plan.is_last:
        yield replace(does, plan=replace(plan, is_last=False))
    if does.points:
        yield replace(does, points=())
    if does.next_after is not None:
        yield replace(does, next_after=None)
    if does.clears:
        yield replace(does, clears=False)
    if does.empties:
        yield replace(does, empties=False)
    if does.queues:
        yield replace(does, queues=False)


def _told(does: Tries | Happening) -> str:
    if isinstance(does, Happening):
        return f"{does.what} {does.which}"
    parts = [f"tries of run {does.run}" + (", cleared" if does.clears else "")]
    parts += ["set to queued"] if does.queues else []
    parts += ["the last retry"] if does.plan.is_last else []
    parts += [_told_point(point) for point in does.points]
    parts += [
        f"{'add' if fault.adds else 'ask'} {fault.nth or 'all'}: {fault.phase} {fault.action} {fault.status}"
        + (f" {fault.late:g} s late" if fault.phase is Phase.COMMITTED_LATE else "")
        for fault in does.plan.network
    ]
    parts += [f"store access {nth} fails, {'done' if done else 'undone'}" for nth, done in does.plan.store]
    parts += [f"object access {nth} fails, {'done' if done else 'undone'}" for nth, done in does.plan.objects]
    if does.next_after is not None:
        parts.append(f"{'the store emptied, ' if does.empties else ''}next try after {does.next_after:.3f} s")
    return "; ".join(parts)


def _told_point(point: Point) -> str:
    where = f"at point {point.number} {point.kind}".rstrip()
    if point.timed_out:
        return f"timed out {where}"
    if point.stopped is None:
        return f"killed {where}"
    is_set = f"its clock set by {point.set_by:+g} s" if point.set_by else ""
    if not point.stopped:
        return f"{is_set} {where}"
    return f"stopped {where} for {point.stopped:g} s{' in sleep' if point.suspended else ''}{is_set and f', {is_set}'}"


def draw(seed: int, kind: Kind | None = None, kinds: tuple[Kind, ...] = KINDS) -> Schedule:
    """The schedule of a seed.

    :param kind: of which kind; else one of *kinds*, by the seed
    """
    kind = kind or kinds[seed % len(kinds)]
    rng = random.Random(f"schedule {seed} {kind}")
    listed = kind in (*OF_LISTS, "approved", "list cleared", "braked", "clicked twice")
    # Half of the schedules keep to the edges of the window.
    waits = _EDGES + _WAITS[:3] if rng.random() < 0.5 else _WAITS
    steps = _called_again(rng) if kind == "changing" and rng.random() < 0.25 else []
    if kind == "looped" and rng.random() < 0.7:
        steps = _iterated(rng)
    if kind == "two lists":
        steps = _two_lists(rng)
    if kind == "call clicked twice" and rng.random() < 0.3:
        steps = _clicked_after_a_refusal(rng)
    if kind == "list cleared" and rng.random() < 0.25:
        steps = _lost_after_a_kill(rng)
    until = _until(seed, kind)
    if until is not None and rng.random() < 0.5:
        steps = _late(rng, until)
    elif kind in _PLAIN_LISTS and rng.random() < 0.3:
        steps = _stopped_before_it_shows(rng) if rng.random() < 0.4 else _killed_at_an_add(rng)
    elif kind in _PLAIN_LISTS and rng.random() < 0.25:
        steps = _stands_still(rng)
    runs = rng.choice((1, 1, 2))
    if kind == "overlapping":
        runs = 2 + seed % 2
    if kind in ("clicked twice", "call clicked twice"):
        runs = 2 + seed // 2 % 2
    skew = rng.choice((0.0, 0.0, -800.0, 800.0))
    if kind == "clicked twice":
        # Ten minutes tell two clicks from a purpose, if Airflow's clock isn't further ahead.
        skew = min(skew, 500.0)
    for number in range(len(steps), len(steps) + rng.randint(1, 6)):
        first = number == 0
        after = 0.0 if first else rng.choice(waits)
        if first or rng.random() < 0.65:
            steps.append(Step(number, after, _tries(rng, kind, 0 if first else rng.randrange(runs))))
        else:
            steps.append(Step(number, after, _happening(rng, kind)))
    schedule = Schedule(
        seed=seed,
        kind=kind,
        steps=tuple(steps),
        lag=rng.choice((0.0, 300.0, 590.0)),
        airflow_skew=skew,
        people=rng.randint(4, 9) if listed else rng.randint(1, 3) if kind.startswith("mapped") else 1,
        runs=runs,
        backfilled=rng.choice((0.0, 0.0, 20 * HOUR, 3 * DAY)),
        until=until,
    )
    first = schedule.steps[0].does
    if isinstance(first, Tries) and seed % 3 == 0 and any(one.kind == "before the add" for one in first.points):
        # Killed before the second call of somebody, whose first was just added: by numbers, or by lists of two.
        numbers = (schedule.people + 1, (schedule.people + 1) // 2 + 1)
        second = replace(first, points=(replace(first.points[0], number=rng.choice(numbers)),))
        schedule = replace(schedule, steps=(replace(schedule.steps[0], does=second), *schedule.steps[1:]))
    poison = random.Random(f"poison {seed} {kind}")
    if listed and kind not in ("overlapping", "approved", "braked") and poison.random() < 0.2:
        how = poison.choice(POISONS)
        if kind in _PLAIN_LISTS and poison.random() < 0.3:
            schedule, how = replace(schedule, people=_MANY), poison.choice(("all refused", "all refused", how))
        schedule = replace(schedule, poison=(poison.randrange(schedule.people), how))
        if kind in OF_LISTS and kind != "two lists" and poison.random() < 0.4:
            first = _unanswered_twice(poison)
            later = (replace(step, number=step.number + len(first)) for step in schedule.steps[1:])
            schedule = replace(schedule, steps=(*first, *later))
    apart = random.Random(f"report {seed} {kind}")
    if apart.random() < 0.4 and schedule.poison is None and kind != "approved":
        schedule = replace(schedule, report=apart.choice((*REPORTS, "redials", "redials", "capped", "capped")))
        if kind in _PLAIN_LISTS and apart.random() < 0.5:
            # The answers are lost, and only the report can tell.
            first = [Step(0, 0.0, _lost(Phase.AFTER_COMMIT)), Step(1, apart.choice((25 * HOUR, 40 * HOUR)), Tries())]
            later = (replace(step, number=step.number + len(first)) for step in schedule.steps[1:])
            schedule = replace(schedule, steps=(*first, *later))
    no = random.Random(f"says no {seed} {kind}")
    if schedule.excludes and schedule.poison is None and no.random() < 0.4:
        one_by_one = kind == "by number" or (kind.startswith("list ") and seed % 2)
        first = (_killed_while_one_is_set_aside if one_by_one and no.random() < 0.7 else _suspended_after_a_look)(no)
        later = (replace(step, number=step.number + len(first)) for step in schedule.steps[1:])
        schedule = replace(schedule, steps=(*first, *later))
    told = random.Random(f"tells no time {seed} {kind}")
    if kind in ("stable", "changing", "mapped", *_PLAIN_LISTS) and schedule.poison is None and told.random() < 0.03:
        first = _tells_no_time_once(told)
        later = (replace(step, number=step.number + len(first)) for step in schedule.steps[1:])
        schedule = replace(schedule, steps=(*first, *later))
    # Without `Date`, limits are kept an hour early; without a store, the workers' clocks must be near Airflow's.
    most = 95.0 if kind == "list no store" else 5000.0 if schedule.tells_time else 1500.0
    schedule = replace(schedule, worker_skews=tuple(rng.choice((0.0, rng.uniform(-most, most))) for _ in range(3)))
    if kind == "call clicked twice":  # when a run was triggered, only Airflow's clocks tell
        schedule = replace(schedule, worker_skews=tuple(schedule.airflow_skew + rng.uniform(-2, 2) for _ in range(3)))
    return _clocks_set(_queued(_for_good(_timed_out(schedule) if seed % 11 == 4 else schedule)))


def _clocks_set(schedule: Schedule) -> Schedule:
    """The same, but the clock of some workers is set in the midst of a try: often just to hide that it stood still."""
    rng = random.Random(f"clocks set {schedule.seed} {schedule.kind}")
    if schedule.kind in ("list no store", "call clicked twice") or rng.random() < 0.85:
        return schedule
    by = _SET_BY if schedule.tells_time else _SET_BY[:4]
    listed = schedule.kind not in OF_CALLS

    def ended(does: Tries | Happening) -> Tries | Happening:
        # Of a machine that is suspended, and its clock set back besides, no clock tells: that is beyond the bounds.
        if isinstance(does, Happening) or rng.random() < 0.4 or any(point.suspended for point in does.points):
            return does
        if does.points and (stopped := does.points[0].stopped) and stopped <= by[-1]:
            return replace(does, points=(replace(does.points[0], set_by=-stopped), *does.points[1:]))
        point = Point(rng.randint(1, 60 if listed else 12), 0.0, set_by=rng.choice((-1, 1)) * rng.choice(by))
        return replace(does, points=(*does.points, point))

    return replace(schedule, steps=tuple(replace(step, does=ended(step.does)) for step in schedule.steps))


def _for_good(schedule: Schedule) -> Schedule:
    """The same, but some tries of runs that overlap are the last ones, and often unanswered."""
    rng = random.Random(f"for good {schedule.seed}")
    if schedule.kind != "overlapping" or rng.random() < 0.5:
        return schedule

    def last(does: Tries) -> Tries:
        if rng.random() < 0.5:
            return does
        lost = _lost(rng.choice((Phase.BEFORE_COMMIT, Phase.AFTER_COMMIT))).plan.network
        network = lost if rng.random() < 0.5 else does.plan.network
        return replace(does, plan=replace(does.plan, network=network, is_last=True))

    steps = (replace(step, does=last(step.does)) if isinstance(step.does, Tries) else step for step in schedule.steps)
    return replace(schedule, steps=tuple(steps))


def _queued(schedule: Schedule) -> Schedule:
    """The same, but somebody sets runs to *queued* before some tries."""
    rng = random.Random(f"queued {schedule.seed} {schedule.kind}")
    if schedule.kind == "list cleared" or rng.random() < 0.7:
        return schedule
    steps = tuple(
        replace(step, does=replace(step.does, queues=rng.random() < 0.5)) if isinstance(step.does, Tries) else step
        for step in schedule.steps
    )
    return replace(schedule, steps=steps)


def _timed_out(schedule: Schedule) -> Schedule:
    """The same, but the time of a try is over where it would have been killed."""

    def ended(does: Tries | Happening) -> Tries | Happening:
        if isinstance(does, Happening):
            return does
        return replace(does, points=tuple(replace(one, timed_out=one.stopped is None) for one in does.points))

    return replace(schedule, steps=tuple(replace(step, does=ended(step.does)) for step in schedule.steps))


def _called_again(rng: random.Random) -> list[Step]:
    """A call is added, and at once the same phone again, on purpose: by their times the two can't be told apart."""

    def tries() -> Tries:
        phase, action = rng.choice([one for one in FAULTS if one[1] is not FaultAction.NO_DATE])
        fault = NetworkFault(0, True, phase, action, rng.choice(STATUSES))
        return Tries(plan=Plan((fault,) if rng.random() < 0.8 else ()))

    return [Step(0, 0.0, tries()), Step(1, 1.0, Happening("change", 0)), Step(2, 1.0, tries())]


def _iterated(rng: random.Random) -> list[Step]:
    """A loop in its second or third iteration; which at times follows at once, is lost, and a day passes."""
    steps: list[Step] = []
    if rng.random() < 0.3:
        lost = rng.choice((Phase.BEFORE_COMMIT, Phase.BEFORE_COMMIT, Phase.AFTER_COMMIT))
        does = [(0.0, Tries()), (0.0, Happening("iterate")), (rng.choice((0.0, 1.0, 20.0)), _lost(lost)),
                (rng.choice((25 * HOUR, 40 * HOUR)), Tries())]  # fmt: skip
        return [Step(number, wait, one) for number, (wait, one) in enumerate(does)]
    for _ in range(rng.choice((1, 1, 2))):
        steps.append(Step(len(steps), rng.choice((0.0, 15 * MINUTE, HOUR)), Tries()))
        steps.append(Step(len(steps), 0.0, Happening("iterate")))
    if rng.random() < 0.5:
        steps.append(Step(len(steps), 0.0, Tries()))
        steps.append(Step(len(steps), rng.choice((MINUTE, HOUR)), Happening("gate", rng.randrange(100))))
        steps.append(Step(len(steps), 0.0, Tries()))
    return steps


def _until(seed: int, kind: Kind) -> float | None:
    """Until when the people of a list may be dialled, of some."""
    chance = random.Random(f"until {seed} {kind}")
    listed = kind in OF_LISTS and kind not in ("by number", "two lists", "overlapping")
    return chance.choice(_UNTIL) if listed and chance.random() < 0.25 else None


def _lost(phase: Phase) -> Tries:
    """Tries whose adds all go unanswered."""
    return Tries(plan=Plan((NetworkFault(0, True, phase, FaultAction.RESET),)))


def _late(rng: random.Random, until: float) -> list[Step]:
    """What was sent goes unanswered until it is too late to be dialled, or nearly."""
    phase = rng.choice((Phase.BEFORE_COMMIT, Phase.BEFORE_COMMIT, Phase.AFTER_COMMIT))
    after = rng.choice((until - 3 * MINUTE, until + 1.0, until + 10 * MINUTE))
    return [Step(0, 0.0, _lost(phase)), Step(1, after, Tries())]


def _stopped_before_it_shows(rng: random.Random) -> list[Step]:
    """Answers are lost, and the campaign is stopped when the retry comes, before the report shows what was added."""
    after = rng.choice((MINUTE, 3 * MINUTE, 5 * MINUTE))
    steps = [(0.0, _lost(Phase.AFTER_COMMIT)), (after, Happening("stop")), (20.0, Tries()), (HOUR, Happening("start"))]
    return [Step(number, wait, does) for number, (wait, does) in enumerate(steps)]


def _killed_at_an_add(rng: random.Random) -> list[Step]:
    """A try that has added some is killed when it has noted what it then doesn't send; a day passes."""
    killed = Tries(points=(Point(rng.randint(2, 9), kind="before the add"),))
    return [Step(0, 0.0, killed), Step(1, rng.choice((HOUR, 25 * HOUR, 40 * HOUR)), Tries())]


def _stands_still(rng: random.Random) -> list[Step]:
    """A worker stands still while it writes down what it sends, or when it has just been told the time."""
    stopped = rng.choice((10 * MINUTE, HOUR))
    point = Point(rng.randint(5, 13), stopped, kind="before an object's write")
    if rng.random() < 0.5:
        point = Point(rng.randint(1, 6), stopped, kind="after the time is told")
    return [Step(0, 0.0, Tries(points=(point,)))]


def _tells_no_time_once(rng: random.Random) -> list[Step]:
    """Answers are lost; in the next try or two the server's bear no time, and then they do again."""
    untold = Tries(plan=Plan((NetworkFault(0, False, Phase.AFTER_COMMIT, FaultAction.NO_DATE),)))
    lost = _lost(rng.choice((Phase.BEFORE_COMMIT, Phase.AFTER_COMMIT)))
    does = [lost, *[untold] * rng.choice((1, 1, 2)), Tries()]
    return [Step(number, rng.choice((1.0, MINUTE, 5 * MINUTE)), one) for number, one in enumerate(does)]


def _suspended_after_a_look(rng: random.Random) -> list[Step]:
    """A machine is suspended between two batches, or two requests, after the exclusion list was looked at."""
    stopped = rng.choice((35.0, 10 * MINUTE, HOUR))
    kind = rng.choice(("after the add", "before a write of the state", "after an object's write"))
    return [Step(0, 0.0, Tries(points=(Point(rng.randint(1, 6), stopped, suspended=True, kind=kind),)))]


def _killed_while_one_is_set_aside(rng: random.Random) -> list[Step]:
    """A number is added, and the next ones don't leave, for the worker stands still; one of them says no meanwhile.

    The worker is killed between the writes that set him aside; a day passes.
    """
    stands_still = Point(rng.choice((1, 1, 2)), 35.0, kind="in mid-add")
    killed = Point(rng.randint(4, 6), kind="after a write of the state")
    steps = [Step(0, 0.0, Tries(points=(stands_still, killed)))]
    return [*steps, Step(1, rng.choice((HOUR, 25 * HOUR, 40 * HOUR)), Tries())]


def _clicked_after_a_refusal(rng: random.Random) -> list[Step]:
    """A run's call is refused, for the campaign is stopped; it goes on, and another run comes."""
    waits = (0.0, 0.0, rng.choice((1.0, MINUTE)), rng.choice((1.0, MINUTE, 15 * MINUTE)))
    does = (Happening("stop"), Tries(), Happening("start"), Tries(1))
    return [Step(number, wait, one) for number, (wait, one) in enumerate(zip(waits, does, strict=True))]


def _lost_after_a_kill(rng: random.Random) -> list[Step]:
    """More batches are done than the entry tells, for a try was killed; one of them loses its file; a day goes by."""
    killed = Tries(points=(Point(rng.randint(3, 7), kind="before a write of the state"),))
    waits = rng.choice((HOUR, 25 * HOUR))
    return [Step(0, 0.0, killed), Step(1, 0.0, Happening("lose", rng.randrange(100))), Step(2, waits, Tries())]


def _two_lists(rng: random.Random) -> list[Step]:
    """A run's answers are lost, and at once another run of ours adds the same people; a retry comes a day later."""
    phase = rng.choice((Phase.BEFORE_COMMIT, Phase.AFTER_COMMIT))
    lost = Tries(plan=Plan((NetworkFault(0, True, phase, FaultAction.RESET),)))
    neighbour = Happening("neighbour", rng.randrange(100))
    first, second = rng.choice(((lost, neighbour), (neighbour, lost)))
    steps = [Step(0, 0.0, first), Step(1, rng.choice((0.0, 1.0, 20.0)), second)]
    return [*steps, Step(2, rng.choice((HOUR, 25 * HOUR, 40 * HOUR)), Tries())]


def _unanswered_twice(rng: random.Random) -> list[Step]:
    """A try is killed, a next one goes unanswered, and one comes that is too early for the report to show all of it."""
    killed = Tries(points=(Point(rng.randint(15, 60)),))
    later = Step(1, rng.choice((15 * MINUTE, HOUR)), Tries())
    return [Step(0, 0.0, killed), later, Step(2, rng.choice((1.0, MINUTE, 5 * MINUTE)), Tries())]


def _tries(rng: random.Random, kind: Kind, run: int) -> Tries:
    listed = kind in (*OF_LISTS, "approved", "list cleared", "braked", "clicked twice")
    most = 110 if listed else 16
    points: list[Point] = []
    if rng.random() < 0.45:
        stopped = rng.choice(_PAUSES) if rng.random() < 0.4 else None
        point = Point(rng.randint(1, most), stopped, suspended=rng.random() < 0.3)
        # Few tries pass these: only after one that ended while it froze a list.
        seldom = listed and rng.random() < 0.1
        points.append(replace(point, number=1, kind=rng.choice(_SELDOM)) if seldom else point)
    network: list[NetworkFault] = []
    while rng.random() < 0.45 and len(network) < 3:
        network.append(_network_fault(rng, listed))
    plan = Plan(tuple(network), _failing(rng, 12 if listed else 5), _failing(rng, 40) if listed else ())
    paused = any(point.stopped is not None for point in points)
    next_after = rng.choice((0.0, 2.0, 30.0, MINUTE, HOUR)) if paused and rng.random() < 0.7 else None
    tries = Tries(run, plan, tuple(points), next_after, clears=rng.random() < (0.5 if kind == "list cleared" else 0.25))
    return _in_its_database(rng, tries) if kind == "overlapping" and rng.random() < 0.4 else tries


def _in_its_database(rng: random.Random, tries: Tries) -> Tries:
    """The same, but stopped before a transaction, and often awake again while its successor begins."""
    stopped = rng.choice((None, 0.2, 0.5, 1.0, 3.0))
    point = Point(rng.randint(1, 9), stopped, kind="before a transaction")
    next_after = None if stopped is None else rng.choice((0.1, 0.3, 1.0))
    return replace(tries, points=(point,), next_after=next_after)


def _failing(rng: random.Random, most: int) -> tuple[tuple[int, bool], ...]:
    return ((rng.randint(1, most), rng.random() < 0.5),) if rng.random() < 0.1 else ()


def _network_fault(rng: random.Random, listed: bool) -> NetworkFault:
    adds = rng.random() < 0.75
    phase, action = rng.choice(FAULTS)
    if not adds:
        phase = (
            Phase.BEFORE_COMMIT if action not in (FaultAction.TRUNCATED, FaultAction.NO_DATE) else Phase.AFTER_COMMIT
        )
    elif listed and rng.random() < 0.2:
        phase, action = rng.choice(IN_PART)
    nth = 0 if rng.random() < 0.3 else rng.randint(1, 6 if listed else 3)
    return NetworkFault(nth, adds, phase, action, rng.choice(STATUSES), rng.choice((1.0, 20.0, 49.0)))


def _happening(rng: random.Random, kind: Kind) -> Happening:
    what = ["stop", "start", "others"] if kind != "overlapping" else ["stop", "start"]
    if kind == "two lists":
        what += ["neighbour"] * 3
    if kind in ("changing", "list changing") or kind.startswith(("mapped", "discarded")):
        what += ["change"] * 3
    if kind == "list cleared":
        what += ["lose"] * 4
    if kind.endswith("emptied"):
        what += ["empty"] * 3
    if kind.startswith("mapped"):
        what += ["grow", "turn"]
    if kind == "looped":
        what += ["iterate", "iterate", "gate", "gate"]
    if kind == "discarded":
        what += ["remake"] * 3
    if kind in _PLAIN_LISTS:
        what += ["rotate"]
    return Happening(rng.choice(what), rng.randrange(100))
