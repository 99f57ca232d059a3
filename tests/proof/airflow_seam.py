"""Airflow at its inner seams: DAG runs, task instances and their state store, on simulated time.

What is simulated is what Airflow 3.3 does: a new try has a new id, and the store refuses the writes of a try that was
replaced; its reads find nothing then. Any write can fail before or after it took effect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from tests.proof.network import NetworkFault
from tests.proof.simulation import Simulation, Worker, running_worker

__all__ = ["NOTHING", "DagRun", "Plan", "ReplacedError", "StoreError", "TaskInstance", "Try"]


class ReplacedError(Exception):
    """What the store raises when a try that was replaced writes."""


class StoreError(Exception):
    """What the store raises when Airflow's API server fails."""


@dataclass
class DagRun:
    """A DAG run.

    :param skew: seconds by which Airflow's clock is ahead of the server's
    :param backfilled: seconds by which the time that it is for lies back
    """

    simulation: Simulation
    name: str
    skew: float = 0.0
    backfilled: float = 0.0
    clear_number: int = 0
    uncounted: int = 0
    """Clears of its tasks that left the run's state, which Airflow doesn't count."""
    discarded: list[dict[str, str]] = field(default_factory=list)
    """What tasks noted, and a clear discards, as Airflow 3.4's do."""
    made_again: int = 0
    """How often a run of this name was deleted, and made again, before this one."""
    run_after: datetime = field(init=False)
    start_date: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.start_date = self._now()
        self.run_after = self.start_date - timedelta(seconds=self.backfilled)

    @property
    def title(self) -> str:
        """Its name, by which no two of them are one."""
        return self.name + f" made again {self.made_again}" * (self.made_again > 0)

    def clear(self) -> None:
        """What a person does with the button *Clear*."""
        self.clear_number += 1
        self.start_date = self._now()
        for rows in self.discarded:
            rows.clear()

    def queue(self, *, cleared: bool) -> None:
        """What a person does who sets the run's state to *queued*: it begins anew, which no number tells.

        :param cleared: whether that person cleared its tasks before, and left the run's state
        """
        self.start_date = self._now()
        if cleared:
            self.uncounted += 1
            for rows in self.discarded:
                rows.clear()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.simulation.now + self.skew, UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """What befalls one try, but for what stops it.

    :param network: the faults of its requests
    :param store: which accesses to the store fail, counted from 1, and whether the write took effect
    :param objects: which accesses to the object storage fail, alike
    :param is_last: whether it is the last of the task's retries: no other comes until a person clears the run
    """

    network: tuple[NetworkFault, ...] = ()
    store: tuple[tuple[int, bool], ...] = ()
    objects: tuple[tuple[int, bool], ...] = ()
    is_last: bool = False


NOTHING = Plan()
_RETRIES = 1000
"""More than a schedule has tries."""


@dataclass(eq=False)
class TaskInstance:
    """A task instance: its tries, and what the store keeps of it.

    :param has_store: whether this Airflow has a task state store
    :param remembers: whether a try can know what the one before it did, by that store or another
    """

    run: DagRun
    task_id: str
    map_index: int = -1
    has_store: bool = True
    remembers: bool = True
    rows: dict[str, str] = field(default_factory=dict)
    tries: list[Try] = field(default_factory=list)
    assets: dict[str, dict[str, str]] | None = None
    """The state of assets, by their names, which outlives clears; None if there is none."""
    iteration: int | None = None
    """Of the loop that it is in, if it is in one."""
    copy_was_lost: bool = False
    """Whether a try that was replaced has deleted a copy of a later one, taking it for that of a deleted run."""
    first_over: bool = False
    """Whether a try of it has learnt that the first calls of its list are over."""
    watch: Callable[[Try, Collection[tuple[str, str]]], None] | None = None
    """Is told whom each of its requests is to add, before it leaves."""

    @property
    def name(self) -> str:
        mapped = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.run.title}.{self.task_id}{mapped}"

    def tell(self, context: dict[str, Any]) -> None:
        """Add to a context what Airflow tells of this task instance besides."""

    def next_try(self, plan: Plan) -> Try:
        """A new try, which replaces the one before it."""
        one_try = Try(self, len(self.tries) + 1, plan)
        if self.tries:
            self.tries[-1].replaced_at = self.run.simulation.now
        self.tries.append(one_try)
        return one_try


@dataclass(eq=False)
class Try:
    """One try of a task instance, and how often it has asked for what."""

    instance: TaskInstance
    number: int
    plan: Plan
    replaced_at: float | None = None
    reported_at: float = 0.0
    """When it was last told what the report shows."""
    call_again: str = ""
    person: tuple[str, str] = ("", "")
    """Whom it is to add, if it is one."""
    result: Any = None
    outcome: str = ""
    """What it said of them."""
    asked: dict[str, int] = field(default_factory=dict)
    heard: bool = False
    """Whether one of its requests that add had the server's own answer."""
    told_time: bool = False
    """Whether an answer told it the server's time."""
    waits: str = ""
    """The job, or the call list, that it waits for, if it does."""
    sent: dict[str, Any] = field(default_factory=dict)
    """The report on what was sent, of one that waits for a list."""
    campaign: str = ""
    """Where it is to send a list, by that campaign's first token."""
    held: tuple[float, tuple[int, int]] = (0.0, (0, 0))
    """Until when its end would have the next one held back for the report, and after how many clears."""
    clock_ahead: float = 0.0
    """Seconds by which its worker's clock was ahead of the server's then."""

    @property
    def name(self) -> str:
        return f"{self.instance.name}#{self.number}"

    def hold(self, result: Any) -> None:
        """Take in how the try ended: until when its retry policy would hold back the next one, for the report.

        Of a try that was replaced nobody asks it; and what such a one wrote, a later one that ended before can't have
        known.
        """
        if self.replaced_at is not None:
            for later in self.instance.tries[self.number :]:
                later.held = (0.0, (0, 0))
            return
        told = getattr(result, "next_try", None)
        shown = getattr(result, "shown_after", 0.0) if told is None else told.shown
        if shown:
            self.instance.run.simulation.count("held back for the report")
        run = self.instance.run
        self.held = run.simulation.now + shown, (run.clear_number, run.uncounted)
        self.clock_ahead = running_worker().skew

    def holds_back(self, *, dated: bool) -> float:
        """For how many seconds the policy would yet have held back this try, which came sooner; 0 if it wouldn't.

        Whoever was never told the server's time can't know that the next try is: of those it isn't asked.

        :param dated: whether the server tells its time: else each try goes by its own worker's clock
        """
        run = self.instance.run
        if self.number < 2:
            return 0.0
        before = self.instance.tries[self.number - 2]
        if dated and not any(one.told_time for one in self.instance.tries[: self.number - 1]):
            return 0.0
        until, clears = before.held
        if not dated:
            until -= max(0.0, running_worker().skew - before.clock_ahead)
        return max(0.0, until - run.simulation.now) if clears == (run.clear_number, run.uncounted) else 0.0

    def report_known(self) -> float:
        """When the report was last asked, as far as this try can know of it."""
        tries = self.instance.tries if self.instance.remembers else [self]
        return max(one.reported_at for one in tries)

    def fault_of(self, adds: bool) -> NetworkFault | None:
        """The fault of the next request, if one strikes it."""
        nth = self._next("add" if adds else "ask")
        for fault in self.plan.network:
            if fault.adds is adds and fault.nth in (0, nth):
                return fault
        return None

    def store_fails(self) -> bool | None:
        """Whether the next access to the store fails; and if so, whether it took effect."""
        return dict(self.plan.store).get(self._next("store"))

    def objects_fail(self) -> bool | None:
        """The same of the object storage."""
        return dict(self.plan.objects).get(self._next("objects"))

    def _next(self, what: str) -> int:
        self.asked[what] = self.asked.get(what, 0) + 1
        return self.asked[what]

    def context(self, **more: Any) -> dict[str, Any]:
        """What Airflow hands to ``execute``."""
        instance = self.instance
        run = instance.run
        ti = SimpleNamespace(
            dag_id="winter_sale", run_id=run.name, task_id=instance.task_id, map_index=instance.map_index,
            try_number=self.number, id=self.name,
            max_tries=self.number - 1 if self.plan.is_last else _RETRIES + run.uncounted,
            task=SimpleNamespace(retries=_RETRIES, task_group=None), xcom_push=lambda key, value: None,
        )  # fmt: skip
        context: dict[str, Any] = {"ti": ti, "dag_run": run, "run_id": run.name, **more}
        if instance.has_store:
            context["task_state_store"] = StateStore(self)
        if instance.assets is not None:
            context["asset_state_store"] = AssetStates(self)
        instance.tell(context)
        return context


class AssetStates:
    """The states of all assets, as one try reaches them."""

    def __init__(self, one_try: Try) -> None:
        self._try = one_try

    def __getitem__(self, asset: Any) -> AssetState:
        return AssetState(self._try, asset.name)


class AssetState:
    """The state of an asset, as one try reaches it: nothing fences it, and it can fail."""

    def __init__(self, one_try: Try, name: str) -> None:
        self._try = one_try
        assert one_try.instance.assets is not None
        self._rows = one_try.instance.assets.setdefault(name, {})

    def get(self, key: str, default: Any = None) -> Any:
        worker = self._reached("before a read of the asset's state")
        value = json.loads(self._rows[key]) if key in self._rows else default
        worker.point("after a read of the asset's state")
        return value

    def set(self, key: str, value: Any) -> None:
        worker = self._reached("before a write of the asset's state", lambda: self._write(key, value))
        self._write(key, value)
        worker.point("after a write of the asset's state")

    def delete(self, key: str) -> None:
        self._reached("before a delete of the asset's state")
        if self._rows.pop(key, None) is not None and self._try.replaced_at is not None:
            self._try.instance.copy_was_lost = True  # it may have been its successor's, for nothing fences it

    def _write(self, key: str, value: Any) -> None:
        self._rows[key] = json.dumps(value)

    def _reached(self, point: str, act: Callable[[], None] | None = None) -> Worker:
        worker = running_worker()
        worker.point(point)
        worker.simulation.pass_time(worker.rng.choice((0.015, 0.015, 0.3)))
        fails = self._try.store_fails()
        if fails is not None:
            worker.simulation.count("fault asset state")
            if fails and act is not None:
                act()
            raise StoreError("the asset's state can't be reached")
        return worker


class StateStore:
    """The accessor of one try."""

    def __init__(self, one_try: Try) -> None:
        self._try = one_try

    def get(self, key: str, default: Any = None) -> Any:
        worker = running_worker()
        worker.point("before a read of the state")
        self._wait(worker)
        fails = self._try.store_fails()
        if fails is not None:
            worker.simulation.count("fault store read")
            raise StoreError("the state can't be read")
        rows = self._try.instance.rows
        found = self._try.replaced_at is None and key in rows
        value = json.loads(rows[key]) if found else default
        worker.point("after a read of the state")
        return value

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        worker = running_worker()
        worker.point("before a write of the state")
        self._wait(worker)
        if self._try.replaced_at is not None:
            worker.simulation.count("fenced")
            raise ReplacedError
        fails = self._try.store_fails()
        if fails is not False:
            self._try.instance.rows[key] = json.dumps(value)
            worker.simulation.note(self._try.name, "notes")
        if fails is not None:
            worker.simulation.count(f"fault store write {'done' if fails else 'undone'}")
            raise StoreError("the state can't be written")
        worker.point("after a write of the state")

    @staticmethod
    def _wait(worker: Worker) -> None:
        worker.simulation.pass_time(worker.rng.choice((0.015, 0.015, 0.3)))
