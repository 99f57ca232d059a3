"""``only_new`` of one call: two clicks on *Trigger* ring once, and who calls again on purpose may."""

from __future__ import annotations

import itertools
import random
import runpy
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import greenlet
import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence.errors import CalledLatelyError, NotAddedError
from aimylogic_provider.idempotence.keys import Intent
from aimylogic_provider.idempotence.record.latest_call import LatestCall, Lifted, OnlyNew
from aimylogic_provider.idempotence.time_limits import ClockSource, Time
from tests.conftest import TaskInstance, needs_record
from tests.operators.looped import Loop

HOUR = timedelta(hours=1)
LOST = {"phase": "after_commit", "action": "reset", "path": "addPhone", "times": 3}
NOW = 1_800_000_000.0


class Runs:
    """Runs of one task: each with the arguments that all have."""

    def __init__(self, first: TaskInstance, home: Path, arguments: dict[str, Any]) -> None:
        self.first = first
        self.home = str(home)
        self.arguments = {"only_new": HOUR, **arguments}

    def run(self, number: int, *, after: float = 0.0, task_id: str = "add_phone") -> TaskInstance:
        """A run's task instance.

        :param after: seconds from now until the run is triggered
        """
        one = TaskInstance(
            run_id=f"manual__{number}", task_id=task_id, has_store=self.first.has_store, assets=self.first.assets
        )
        one.run.run_after = datetime.now(UTC) + timedelta(seconds=after)
        return one

    def attempt(self, one: TaskInstance, **arguments: Any) -> str:
        return one.attempt(**{**self.arguments, **arguments})


@pytest.fixture(params=[pytest.param("asset", marks=needs_record), "default folder", "folder"])
def runs(request: pytest.FixtureRequest, task: TaskInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """By where the rows lie: with Airflow's asset state, and where there is none, as on 3.1."""
    monkeypatch.setattr("airflow.configuration.AIRFLOW_HOME", str(tmp_path))
    if request.param == "asset":
        return Runs(task, tmp_path, {})
    task.assets, task.has_store = None, False
    return Runs(task, tmp_path, {"call_list_path": str(tmp_path / "lists")} if request.param == "folder" else {})


def test_a_second_run_fails_and_says_which_one_called_and_how_to_call_again(runs: Runs, emulator: Emulator) -> None:
    runs.attempt(runs.run(1))
    with pytest.raises(AirflowFailException) as error:
        runs.attempt(runs.run(2))
    text = str(error.value)
    assert text.startswith("Not called again: run manual__1 of this DAG called 7912***6789 ")
    assert "and only_new allows one call in 1 hour" in text
    assert "start a new run with call_again from " in text
    assert "79123456789" not in text
    assert len(emulator.jobs()) == 1


def test_other_people_tasks_and_kinds_of_call_are_not_concerned(runs: Runs, emulator: Emulator) -> None:
    runs.attempt(runs.run(1))
    runs.attempt(runs.run(2), phone="79123456780")
    runs.attempt(runs.run(3, task_id="other_task"))
    runs.attempt(runs.run(4), test_call=True)
    runs.attempt(runs.run(5), aimylogic_conn_id="aimylogic_other")
    assert len(emulator.jobs()) == 5


def test_without_it_each_run_calls(runs: Runs, emulator: Emulator) -> None:
    runs.attempt(runs.run(1))
    runs.attempt(runs.run(2), only_new=None)
    assert len(emulator.jobs()) == 2


@pytest.mark.parametrize(("hours", "jobs"), [(0.9, 1), (1.1, 2)])
def test_it_counts_from_the_call_on(runs: Runs, emulator: Emulator, hours: float, jobs: int) -> None:
    runs.attempt(runs.run(1))
    emulator.advance(hours=hours)
    try:
        runs.attempt(runs.run(2))
    except AirflowFailException as error:
        assert "Not called again" in str(error)
    assert len(emulator.jobs()) == jobs


@pytest.mark.parametrize("kind", ["retry", "clear", "clear that discards the state"])
def test_a_run_that_called_returns_its_job_as_ever(runs: Runs, emulator: Emulator, kind: str) -> None:
    if kind != "retry" and not runs.first.has_store:
        runs.arguments["call_list_path"] = runs.home  # else a clear parks the call, for nothing is on record
    one = runs.run(1)
    first = runs.attempt(one)
    if kind != "retry":
        one.clear(discards=kind.endswith("state"))
    assert runs.attempt(one) == first
    assert len(emulator.jobs()) == 1


def test_a_call_whose_answer_is_lost_keeps_others_from_calling_and_is_found(runs: Runs, emulator: Emulator) -> None:
    one = runs.run(1)
    emulator.fault(**LOST)
    with pytest.raises(AirflowException, match="not known"):
        runs.attempt(one)
    emulator.clear_faults()
    with pytest.raises(AirflowFailException, match="Not called again"):
        runs.attempt(runs.run(2))
    assert runs.attempt(one) == emulator.jobs()[0].id
    assert len(emulator.jobs()) == 1


def test_a_retry_that_comes_too_late_leaves_the_person_to_the_run_that_called_meanwhile(
    runs: Runs, emulator: Emulator
) -> None:
    one = runs.run(1)
    emulator.fault(**{**LOST, "phase": "before_commit"})
    with pytest.raises(AirflowException, match="not known"):
        runs.attempt(one)
    emulator.clear_faults()
    emulator.advance(hours=2)
    runs.attempt(runs.run(2))
    with pytest.raises(AirflowFailException, match="run manual__2 of this DAG called") as error:
        runs.attempt(one)
    if one.has_store:
        assert "Whether a job came of what this run itself sent before isn't known: " in str(error.value)
    assert len(emulator.jobs()) == 1


def test_whom_the_server_refused_another_run_may_call(runs: Runs, emulator: Emulator) -> None:
    emulator.campaign(status="finished")
    with pytest.raises(AirflowFailException, match="refused"):
        runs.attempt(runs.run(1))
    emulator.campaign(status="inProgress")
    runs.attempt(runs.run(2))
    with pytest.raises(AirflowFailException, match="run manual__2 of"):
        runs.attempt(runs.run(1))
    assert len(emulator.jobs()) == 1


def test_with_a_wrong_token_nobody_is_kept_from_calling(
    runs: Runs, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.fault("before_commit", "status", status=401, path="status")
    with pytest.raises(AirflowFailException):
        runs.attempt(runs.run(1))
    runs.attempt(runs.run(2))
    assert len(emulator.jobs()) == 1


@pytest.mark.parametrize("again", ["yes", " 1 ", "True"])
def test_on_purpose_it_calls_whom_others_called_ten_minutes_before_it_was_triggered(
    runs: Runs, emulator: Emulator, again: str
) -> None:
    runs.attempt(runs.run(1))
    with pytest.raises(AirflowFailException, match="more than 10 minutes before the run was triggered"):
        runs.attempt(runs.run(2), call_again=again)
    emulator.advance(minutes=15)
    with pytest.raises(
        AirflowFailException, match="Not called again"
    ):  # a retry, or a clear, of one that came too early
        runs.attempt(runs.run(2), call_again=again)
    runs.attempt(runs.run(3, after=15 * 60), call_again=again)
    assert len(emulator.jobs()) == 2


@pytest.mark.parametrize("again", ["", "  ", "False", "no", None, "0"])
def test_a_box_that_is_not_ticked_calls_nobody_again(runs: Runs, emulator: Emulator, again: str | None) -> None:
    runs.attempt(runs.run(1))
    emulator.advance(minutes=15)
    with pytest.raises(AirflowFailException, match="Not called again"):
        runs.attempt(runs.run(3, after=15 * 60), call_again=again)


def test_text_that_says_neither_yes_nor_no_lifts_nothing_and_the_error_says_so(runs: Runs, emulator: Emulator) -> None:
    runs.attempt(runs.run(1))
    emulator.advance(minutes=15)
    with pytest.raises(AirflowFailException, match=r"Not called again: .*call_again 'maybe' can't be used: give True"):
        runs.attempt(runs.run(3, after=15 * 60), call_again="maybe")
    assert len(emulator.jobs()) == 1


def test_one_run_has_its_call_made_again_by_any_other_text(runs: Runs, emulator: Emulator) -> None:
    """As part of the key it may be any: what others called doesn't come into it."""
    one = runs.run(1)
    jobs = [runs.attempt(one, call_again=text) for text in ("", "maybe", "second", "maybe")]
    assert jobs[3] == jobs[1]
    assert len({*jobs}) == len(emulator.jobs()) == 3


def test_two_clicks_with_the_same_box_ring_once(runs: Runs, emulator: Emulator) -> None:
    runs.attempt(runs.run(1))
    emulator.advance(minutes=15)
    runs.attempt(runs.run(2, after=15 * 60), call_again="yes")
    with pytest.raises(AirflowFailException, match="run manual__2 of"):
        runs.attempt(runs.run(3, after=15 * 60 + 1), call_again="yes")
    assert len(emulator.jobs()) == 2


def test_one_run_calls_one_person_from_two_map_indexes(runs: Runs, emulator: Emulator) -> None:
    for index in (0, 1):
        one = runs.run(1)
        one.map_index = index
        runs.attempt(one, payload={"bonus": index})
    assert len(emulator.jobs()) == 2
    other = runs.run(2)
    other.map_index = 0
    with pytest.raises(AirflowFailException, match="Not called again"):
        runs.attempt(other)


def test_a_refusal_of_one_map_index_frees_nobody_whom_another_one_called(runs: Runs, emulator: Emulator) -> None:
    one, two = runs.run(1), runs.run(1)
    one.map_index, two.map_index = 0, 1
    runs.attempt(one)
    emulator.campaign(status="finished")
    with pytest.raises(AirflowException):
        runs.attempt(two, payload={"bonus": 1})
    emulator.campaign(status="inProgress")
    with pytest.raises(AirflowFailException, match="Not called again"):
        runs.attempt(runs.run(2))
    assert len(emulator.jobs()) == 1


def test_a_refusal_of_a_run_that_was_to_call_again_frees_nobody_whom_the_run_before_called(
    runs: Runs, emulator: Emulator
) -> None:
    runs.attempt(runs.run(1))
    emulator.advance(minutes=15)
    emulator.campaign(status="finished")
    with pytest.raises(AirflowException, match="refused"):
        runs.attempt(runs.run(2, after=15 * 60), call_again="yes")
    emulator.campaign(status="inProgress")
    with pytest.raises(AirflowFailException, match="Not called again"):
        runs.attempt(runs.run(3, after=15 * 60))
    assert len(emulator.jobs()) == 1


@needs_record
def test_iterations_of_one_run_call_one_person(task: TaskInstance, emulator: Emulator) -> None:
    loop = Loop()
    for index in (0, 1):
        loop.task(index).attempt(only_new=HOUR)
    assert len(emulator.jobs()) == 2


@pytest.mark.parametrize("wrong", [True, 3600, timedelta(0), timedelta(days=400), "1 hour"])
def test_what_is_no_time_span_is_told_when_the_dag_is_parsed(wrong: Any) -> None:
    from aimylogic_provider.operators import AddPhoneOperator

    with pytest.raises(ValueError, match=r"only_new .* can't be used: give a timedelta"):
        AddPhoneOperator(task_id="call", phone="79123456789", only_new=wrong)


@needs_record
def test_if_the_rows_cannot_be_written_nothing_is_sent(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aimylogic_provider.airflow_task.second_record_stores import AssetRows

    written = AssetRows.set

    def fails(rows: AssetRows, name: str, value: object) -> None:
        if name.startswith("latest-") and name.endswith("-2"):
            raise OSError("Airflow is away")
        written(rows, name, value)

    monkeypatch.setattr(AssetRows, "set", fails)
    with pytest.raises(OSError, match="away"):
        task.attempt(only_new=HOUR)
    assert (emulator.jobs(), task.rows) == ([], {}), "and no send is noted"
    monkeypatch.undo()


class Clock:
    """Stands still, and lets others go on where it is asked to wait."""

    def wall(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        greenlet.getcurrent().parent.switch()


class Shared:
    """Rows that let others go on before each access."""

    def __init__(self) -> None:
        self.rows: dict[str, object] = {}

    def get(self, name: str) -> object | None:
        greenlet.getcurrent().parent.switch()
        return deepcopy(self.rows.get(name))

    def set(self, name: str, value: object) -> None:
        greenlet.getcurrent().parent.switch()
        self.rows[name] = deepcopy(value)

    def delete(self, name: str) -> None:
        greenlet.getcurrent().parent.switch()
        self.rows.pop(name, None)


class Quiet:
    def info(self, message: str, /, *args: object) -> None: ...
    def warning(self, message: str, /, *args: object) -> None: ...


def latest(
    rows: Shared, run: str, *, try_number: int = 1, lifted: Lifted | None = None, clock: Clock | None = None
) -> LatestCall:
    intent = Intent("dag", run, "task", "0", Call.of("79123456789"))
    return LatestCall(
        rows, intent, OnlyNew(3600.0, 600.0, lifted), instance="-1, None", try_number=try_number,
        clock=clock or Clock(), log=Quiet(),
    )  # fmt: skip


def at(seconds: float = 0.0, clock: ClockSource = ClockSource.SERVER) -> Callable[[], Time]:
    return lambda: Time(NOW + seconds, NOW + seconds + 1, clock)


def taken(one: LatestCall) -> str:
    try:
        one.take(at(), None)
    except CalledLatelyError:
        return "left to another"
    except NotAddedError:
        return "later"
    return "calls"


def test_of_two_runs_at_the_very_same_moment_one_calls_in_whichever_order_they_go_on() -> None:
    """All orders of their first ten steps, and then unevenly turn by turn."""
    ends: set[tuple[str, ...]] = set()
    for order in itertools.product((0, 1), repeat=10):
        rows, told = Shared(), ["", ""]

        def go(number: int, rows: Shared = rows, told: list[str] = told) -> None:
            told[number] = taken(latest(rows, f"run {number}"))

        both = [greenlet.greenlet(lambda number=number: go(number)) for number in (0, 1)]
        for turn in itertools.chain(order, itertools.cycle((0, 0, 0, 1))):
            if all(one.dead for one in both):
                break
            if not both[turn].dead:
                both[turn].switch()
        ends.add(tuple(sorted(told)))
    assert ends == {("calls", "left to another")}


class SharedClock(Clock):
    """Goes on by leaps, between the steps of whoever is under way."""

    def __init__(self) -> None:
        self.now = 0.0

    def wall(self) -> float:
        return NOW + self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            greenlet.getcurrent().parent.switch()


def test_of_three_runs_at_once_one_calls_at_most_and_whoever_comes_later_knows() -> None:
    """Orders at random, and anybody may stand still anywhere; whoever gives way gives back what it wrote."""
    chosen = random.Random(3)
    calls = 0
    for _ in range(2000):
        rows, clock, told = Shared(), SharedClock(), ["", "", ""]

        def go(number: int, rows: Shared = rows, clock: SharedClock = clock, told: list[str] = told) -> None:
            told[number] = taken(latest(rows, f"run {number}", clock=clock))

        under_way = [greenlet.greenlet(lambda number=number: go(number)) for number in range(3)]
        while under_way:
            clock.now += chosen.choice((1.0, 5.0, 15.0)) if chosen.random() < 0.1 else 0.02
            chosen.choice(under_way).switch()
            under_way = [one for one in under_way if not one.dead]
        assert told.count("calls") <= 1
        if "calls" in told:
            calls += 1
            comes = ["comes later"]
        else:
            comes = [f"run {number}" for number in range(3) if told[number] == "later"]
        ends = [
            alone(lambda run=run, rows=rows, clock=clock: taken(latest(rows, run, try_number=2, clock=clock)))
            for run in comes
        ]
        assert ("calls" in ends) == ("calls" not in told), (told, ends)
    assert calls > 500


def test_a_try_that_stood_still_frees_nobody_whom_another_run_called() -> None:
    """It was lost at a write, which took effect after the other run had called; its own retry comes then."""
    for steps in range(1, 14):
        rows = Shared()
        lost = greenlet.greenlet(lambda rows=rows: taken(latest(rows, "one")))
        for _ in range(steps):
            lost.switch()
        other = greenlet.greenlet(lambda rows=rows: taken(latest(rows, "other")))
        told = None
        while not other.dead:
            told = other.switch()
        if told != "calls":
            continue
        if not lost.dead:
            lost.switch()  # what was under way
        again = greenlet.greenlet(lambda rows=rows: taken(latest(rows, "one", try_number=2)))
        end = None
        while not again.dead:
            end = again.switch()
        assert end == "left to another", steps


def alone(act: Callable[[], object]) -> object:
    """Act, with nobody else under way."""
    one, end = greenlet.greenlet(act), None
    while not one.dead:
        end = one.switch()
    return end


def test_what_a_try_gives_back_is_not_what_a_later_one_wrote() -> None:
    rows = Shared()
    first = latest(rows, "one")
    alone(lambda: first.take(at(), None))
    alone(lambda: taken(latest(rows, "one", try_number=2)))
    alone(first.give_back)
    assert alone(lambda: taken(latest(rows, "other"))) == "left to another"


def test_marks_that_were_given_back_leave_no_rows_once_others_call() -> None:
    rows = Shared()
    for run in ("one", "other", "third"):
        one = latest(rows, run)
        alone(lambda one=one: one.take(at(), None))
        alone(one.give_back)
    assert len(rows.rows) == 4, "three rows of the person's, and what the last one gave back"


@pytest.mark.parametrize(
    ("triggered", "now", "wall", "calls"),
    [(601.0, 610.0, 610.0, True), (599.0, 610.0, 610.0, False), (3000.0, 610.0, 3009.0, True),
     (3000.0, 500.0, 3000.0, False), (650.0, 610.0, 3000.0, False), (None, 3000.0, 3000.0, False)],
    ids=["later", "sooner", "Airflow's clock is ahead", "and it was sooner", "the worker's is ahead", "not known"],
)  # fmt: skip
def test_when_a_run_was_triggered_is_told_by_the_worse_of_both_clocks(
    triggered: float | None, now: float, wall: float, calls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Shared()
    alone(lambda: latest(rows, "one").take(lambda: Time(NOW, NOW), None))
    monkeypatch.setattr(Clock, "wall", lambda clock: NOW + wall)
    lifted = Lifted(600.0, None if triggered is None else NOW + triggered)

    def again() -> str:
        try:
            latest(rows, "other", lifted=lifted).take(at(now), None)
        except CalledLatelyError:
            return "left to another"
        return "calls"

    assert alone(again) == ("calls" if calls else "left to another")


# The example that calls every morning


@pytest.mark.parametrize(("run_type", "clear_number", "hours", "is_meant"), [
    ("scheduled", 0, 0.1, True), ("scheduled", 0, 23, True), ("scheduled", 0, 25, False),
    ("scheduled", 1, 0.1, True), ("scheduled", 1, 25, True), ("scheduled", 2, 700, True),
    ("manual", 0, 0, True), ("manual", 0, 700, True), ("manual", 1, 700, True),
    ("backfill", 0, 0.1, False), ("backfill", 0, 700, False), ("backfill", 1, 700, False),
])  # fmt: skip
def test_whose_run_calls_by_schedule_click_backfill_and_clear(
    run_type: str, clear_number: int, hours: float, is_meant: bool
) -> None:
    example = runpy.run_path(str(Path(__file__).parents[2] / "dags" / "add_phone_scheduled.py"))
    run = SimpleNamespace(
        run_type=run_type, clear_number=clear_number, run_after=datetime.now(UTC) - timedelta(hours=hours)
    )
    assert example["not_for_days_gone_by"].function(run) is is_meant
