"""CallJobSensor against the emulator: in the worker and by a trigger, one id and thousands, a call list, bad input."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.sensors import CallJobSensor
from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome
from tests.conftest import TaskInstance

pytestmark = pytest.mark.usefixtures("connections")


def sensor(**arguments: Any) -> CallJobSensor:
    return CallJobSensor(task_id="wait", **{"deferrable": False, "poke_interval": 0.05, "timeout": 20, **arguments})


def run(task: TaskInstance, **arguments: Any) -> dict[str, int]:
    return sensor(**arguments).execute(task.context())


def over(counts: dict[str, int]) -> int:
    """How many jobs are over, and none is anything else."""
    assert not {"open", "not_found"} & set(counts), counts
    return sum(counts.values())


def added(count: int = 3) -> list[str]:
    hook = AimylogicHook()
    return [hook.add_phone(f"7912000{number:04}") for number in range(count)]


@pytest.fixture
def lived(emulator: Emulator) -> list[str]:
    """Three jobs that are over."""
    ids = added()
    emulator.advance(days=1)
    return ids


def test_it_returns_how_the_jobs_ended(task: TaskInstance, emulator: Emulator, lived: list[str]) -> None:
    counts = run(task, ids=lived)
    assert sum(counts.values()) == 3
    assert not {"open", "not_found"} & set(counts)
    assert emulator.count("addPhone") == 3


def test_it_waits_until_they_are_over(task: TaskInstance, emulator: Emulator) -> None:
    ids = added()
    emulator.run(120)  # a minute's call takes half a second
    assert over(run(task, ids=ids)) == 3
    assert emulator.count("callJob/getReport") > 1


@pytest.mark.parametrize("how", ["a text", "a number", "numbers", "a text of a list"])
def test_ids_in_whatever_writing(task: TaskInstance, lived: list[str], how: str) -> None:
    ids: Any = {
        "a text": lived[0], "a number": int(lived[0]), "numbers": [int(id) for id in lived],
        "a text of a list": str(lived),
    }[how]  # fmt: skip
    assert over(run(task, ids=ids)) == (1 if how in ("a text", "a number") else 3)


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_empty_list_is_success(task: TaskInstance, emulator: Emulator, deferrable: bool) -> None:
    assert run(task, ids=[], deferrable=deferrable) == {}
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["5665334669.0"], "decimal string"),
        ([5665334669.0], "went through a float"),
        ([None], "decimal string"),
        ({"id": "1"}, "ids is a single dict: give a list"),
        ({}, "ids is a single dict: give a list"),
        (["79123456789 Alex"], "decimal string"),
        (True, "ids"),
    ],
)
@pytest.mark.parametrize("deferrable", [False, True])
def test_what_is_no_id_never_reaches_the_network(
    task: TaskInstance, emulator: Emulator, ids: Any, message: str, deferrable: bool
) -> None:
    with pytest.raises(AirflowFailException, match=message):
        run(task, ids=ids, deferrable=deferrable)
    assert emulator.requests() == []


@pytest.mark.parametrize("given", [{"ids": ""}, {"call_list": " "}])
def test_an_xcom_that_is_not_there_is_no_empty_list(task: TaskInstance, given: dict[str, str]) -> None:
    with pytest.raises(AirflowFailException, match="gives nothing"):
        run(task, **given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs ids or call_list"),
        ({"ids": ["1"], "call_list": {}}, "needs ids or call_list"),
        ({"ids": ["1"], "completed_share": 95}, "share above 0"),
        ({"ids": ["1"], "fail_on": ["noanswr"]}, "with which no call job ends"),
        ({"ids": ["1"], "fail_on": "noAnswer"}, "isn't a list"),
        ({"ids": ["1"], "on_paused": "resume"}, "on_paused"),
        ({"ids": ["1"], "deferrable": "yes"}, "deferrable"),
    ],
)
def test_arguments_that_cannot_be_used_are_told_as_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sensor(**arguments)


def test_an_id_that_is_not_known_fails_once_the_others_are_over(task: TaskInstance, lived: list[str]) -> None:
    with pytest.raises(AirflowFailException, match=r"1 of 4.*\(ids 77\)\. Known") as failure:
        run(task, ids=[*lived, "77"], report_lag=0)
    assert "not found 1" in str(failure.value)


def test_a_new_job_may_take_a_while_to_show(task: TaskInstance, emulator: Emulator) -> None:
    emulator.settings(report_lag=300)
    ids = added()
    emulator.run(200)
    assert over(run(task, ids=ids)) == 3
    assert next(line for line in emulator.requests() if line.endpoint == "callJob/getReport").reason == "id.not.found"


def test_what_must_not_be(task: TaskInstance, emulator: Emulator) -> None:
    emulator.freeze()
    ids = added()
    AimylogicHook().cancel_call_jobs(ids=ids)
    assert run(task, ids=ids, must_reach=False) == {"cancelledByUser": 3}
    with pytest.raises(AirflowFailException, match="cancelledByUser 3"):
        run(task, ids=ids, fail_on=["canceled", "technicalError"])


def test_the_time_is_up(task: TaskInstance, emulator: Emulator) -> None:
    emulator.freeze()
    ids = added()
    with pytest.raises(AirflowSensorTimeout):
        run(task, ids=ids, timeout=0.2)
    end = WaitEnd(WaitOutcome.TIMEOUT, {"noAnswer": 2}, open=1)
    resumed = sensor(ids=ids), {"event": end.as_event(), "jobs": {"ids": ids}}
    with pytest.raises(AirflowSensorTimeout, match=r"still open after 0:00:20: noAnswer 2, open 1\."):
        resumed[0].execute_after_wait(task.context(), **resumed[1])
    with pytest.raises(AirflowSkipException):
        sensor(ids=ids, soft_fail=True).execute_after_wait(task.context(), **resumed[1])


def test_a_failure_that_passes_is_poked_again_and_another_fails(
    task: TaskInstance, emulator: Emulator, lived: list[str]
) -> None:
    emulator.fault(phase="before_commit", action="status", path="callJob/getReport", status=503, times=3)
    assert over(run(task, ids=lived)) == 3
    emulator.fault(phase="before_commit", action="status", path="callJob/getReport", status=401, times=None)
    with pytest.raises(AirflowFailException, match="access was denied"):
        run(task, ids=lived)


def test_by_a_trigger_it_gives_the_worker_back(task: TaskInstance, emulator: Emulator, tmp_path: Path) -> None:
    ids = [str(number) for number in range(1, 10_001)]
    with pytest.raises(TaskDeferred) as deferred:
        run(task, ids=ids, deferrable=True, call_list_path=str(tmp_path), timeout=3600)
    trigger, kwargs = deferred.value.trigger, deferred.value.kwargs or {}
    assert len(str(trigger.serialize())) < 1000
    assert trigger.until == pytest.approx(time.time() + 3600, abs=60)
    assert deferred.value.timeout is not None, "a triggerer that is down doesn't have it wait for ever"
    assert [file.name for file in tmp_path.rglob("ids-*.json")] != []
    end = WaitEnd(WaitOutcome.OVER, {"noAnswer": 10_000})
    again = sensor(ids=ids, deferrable=True)
    assert again.execute_after_wait(task.context(), end.as_event(), **kwargs) == {"noAnswer": 10_000}
    assert list(tmp_path.rglob("ids-*.json")) == [], "nobody waits by it any more"
    assert emulator.requests() == []


def test_in_reschedule_mode_each_poke_learns_enough(task: TaskInstance, lived: list[str]) -> None:
    context = task.context()
    context["ti"].get_first_reschedule_date = lambda _: None
    context["ti"].start_date = None
    one = sensor(ids=[*lived, "77"], mode="reschedule", report_lag=0)
    with pytest.raises(AirflowFailException, match=r"\(ids 77\)"):
        one.poke(context)


def test_a_mistake_in_the_dag_is_not_a_call_list(task: TaskInstance) -> None:
    for given in ({"created": 5}, ["1"], {"call_list": None}):
        with pytest.raises(AirflowFailException, match="call_list"):
            run(task, call_list=given)


@pytest.mark.parametrize(
    ("ends", "reached"),
    [
        ({"notDone": 20}, False),
        ({"notDone": 19, "nonexistentNumber": 1}, False),
        ({"cancelledByUser": 1, "technicalError": 2}, False),
        ({"notDone": 19, "noAnswer": 1}, True),
        ({"nonexistentNumber": 3}, True),  # whom nobody could
        ({}, True),
    ],
)
def test_it_fails_if_nobody_was_reached_who_could_be(
    task: TaskInstance, ends: dict[str, int], *, reached: bool
) -> None:
    event = WaitEnd(WaitOutcome.OVER, ends).as_event()
    if reached:
        assert sensor(ids=["1"]).execute_after_wait(task.context(), event, {"ids": ["1"]}) == ends
        return
    with pytest.raises(AirflowFailException, match=r"nobody was reached: .*set must_reach=False"):
        sensor(ids=["1"]).execute_after_wait(task.context(), event, {"ids": ["1"]})


def test_calls_of_a_stopped_campaign_fail_it_unless_they_are_to_end_so(task: TaskInstance, emulator: Emulator) -> None:
    emulator.campaign(lines=0)
    ids = added()
    AimylogicHook().stop_campaign()
    with pytest.raises(AirflowFailException, match="nobody was reached: notDone 3"):
        run(task, ids=ids)
    assert run(task, ids=ids, must_reach=False) == {"notDone": 3}
