"""AddPhoneOperator(wait_for_completion=True): added once, waited for, and never taken for what it isn't."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowTaskTimeout,
    TaskDeferred,
)

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome
from tests.conftest import TaskInstance, needs_record

WAITS = {"wait_for_completion": True, "deferrable": False}


@pytest.fixture
def waits(task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many seconds tries waited: by the server's clock, so that it goes on meanwhile."""
    waited: list[float] = []

    def wait(_: SystemClock, seconds: float) -> None:
        waited.append(seconds)
        emulator.advance(hours=1)
        if len(waited) > 200:
            pytest.fail("an endless wait")

    monkeypatch.setattr(SystemClock, "sleep", wait)
    return waited


def report(result: Any) -> dict[str, Any]:
    assert isinstance(result, dict)
    return result


def test_it_returns_what_became_of_the_call(task: TaskInstance, emulator: Emulator, waits: list[float]) -> None:
    emulator.freeze()
    found = report(task.attempt(**WAITS))
    (job,) = emulator.jobs()
    assert found["call_job_id"] == job.id
    assert found["status"] in (
        "longCallWithResult",
        "longCallWithNoResult",
        "noAnswer",
        "nonexistentNumber",
        "technicalError",
    )
    assert found["finished_at"] > found["created_at"]
    assert found["redials"] == []
    assert waits == [60.0] * len(waits), "a look a minute"
    assert "79123456789" not in str(found)


@needs_record
def test_a_retry_in_mid_wait_waits_on_and_sends_nothing(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.freeze()

    def killed(_: SystemClock, seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SystemClock, "sleep", killed)
    with pytest.raises(KeyboardInterrupt):
        task.attempt(**WAITS)
    emulator.advance(days=2)
    assert report(task.attempt(**WAITS))["call_job_id"] == emulator.jobs()[0].id
    assert emulator.count("addPhone") == 1


def test_by_a_trigger(task: TaskInstance, emulator: Emulator) -> None:
    operator, context = task.start(phone="79123456789", wait_for_completion=True, deferrable=True, cancel_on_kill=True)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    (job,) = emulator.jobs()
    arguments = deferred.value.trigger.serialize()[1]
    assert (arguments["jobs"], arguments["cancel_on_kill"]) == ({"ids": [job.id]}, True)
    assert "79123456789" not in str(deferred.value.trigger.serialize()) + str(deferred.value.kwargs)
    emulator.advance(days=1)
    end = WaitEnd(WaitOutcome.OVER, {"noAnswer": 1})
    found = getattr(operator, deferred.value.method_name)(context, event=end.as_event(), **deferred.value.kwargs)
    assert found["call_job_id"] == job.id
    assert emulator.count("addPhone") == 1


def test_the_scripts_repeats_are_told_and_not_taken_for_the_call(
    task: TaskInstance, emulator: Emulator, waits: list[float]
) -> None:
    emulator.settings(redials=2, outcomes={"79123456789": ["longCallWithResult"]})
    emulator.freeze()
    found = report(task.attempt(**WAITS))
    first, *repeats = [job.id for job in emulator.jobs()]
    assert found["call_job_id"] == first
    assert repeats
    assert found["redials"] == repeats


def test_what_must_not_be_fails_the_task(task: TaskInstance, emulator: Emulator, waits: list[float]) -> None:
    emulator.settings(outcomes={"79123456789": ["technicalError"]})
    with pytest.raises(AirflowFailException, match="technicalError 1"):
        task.attempt(**WAITS, fail_on=["technicalError"])
    assert emulator.count("addPhone") == 1


def test_green_is_not_what_reached_nobody(task: TaskInstance, emulator: Emulator) -> None:
    emulator.freeze()
    emulator.campaign(lines=0)
    operator, context = task.start(phone="79123456789", wait_for_completion=True, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    AimylogicHook().stop_campaign()
    end = WaitEnd(WaitOutcome.OVER, {"notDone": 1}).as_event()
    with pytest.raises(AirflowFailException, match=r"nobody was reached: notDone 1\. A clear sends nothing again"):
        operator.execute_after_wait(context, end, **(deferred.value.kwargs or {}))


def test_a_task_that_took_too_long_cancels_nothing_for_it_waits_on(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.freeze()
    operator, context = task.start(phone="79123456789", cancel_on_kill=True, **WAITS)

    def too_long(_: SystemClock, seconds: float) -> None:
        try:
            raise AirflowTaskTimeout("execution_timeout")
        except AirflowTaskTimeout:
            operator.on_kill()  # as Airflow's task runner does
            raise

    monkeypatch.setattr(SystemClock, "sleep", too_long)
    with pytest.raises(AirflowTaskTimeout):
        operator.execute(context)
    assert emulator.count("callJob/cancel") == 0


def test_it_is_no_endless_wait(task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator.freeze()
    now = [1_000_000.0]
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(SystemClock, "wall", lambda self: now[0])
    with pytest.raises(AirflowFailException, match=r"still open after 1:00:00.*Clear the task to wait on"):
        task.attempt(**WAITS, wait_timeout=3600)


def test_a_paused_campaign_fails_it_if_that_is_wished(
    task: TaskInstance, emulator: Emulator, waits: list[float]
) -> None:
    emulator.freeze()
    AimylogicHook().pause_campaign()
    with pytest.raises(AirflowFailException, match="the campaign is paused"):
        task.attempt(**WAITS, on_paused="fail")


def test_the_report_that_fails_after_the_wait_is_tried_again(task: TaskInstance, emulator: Emulator) -> None:
    operator, context = task.start(phone="79123456789", wait_for_completion=True, deferrable=True)
    with pytest.raises(TaskDeferred):
        operator.execute(context)
    emulator.fault(phase="before_commit", action="status", path="callJob/getReport", status=503, times=None)
    end = WaitEnd(WaitOutcome.OVER, {"noAnswer": 1}).as_event()
    with pytest.raises(AirflowException, match="503") as failure:
        operator.execute_after_wait(context, end, emulator.jobs()[0].id, 1)
    assert not isinstance(failure.value, AirflowFailException)


def test_ended_by_a_person_it_cancels_if_that_is_wished(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.freeze()
    for wished in (False, True):
        operator, context = task.start(phone="79123456789", call_again=str(wished), cancel_on_kill=wished, **WAITS)

        def killed(_: SystemClock, seconds: float, operator: Any = operator) -> None:
            operator.on_kill()
            raise KeyboardInterrupt

        monkeypatch.setattr(SystemClock, "sleep", killed)
        with pytest.raises(KeyboardInterrupt):
            operator.execute(context)
    assert [job.status for job in AimylogicHook().get_call_jobs(ids=[job.id for job in emulator.jobs()])].count(
        "cancelledByUser"
    ) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fail_on": ["technicalError"]}, "set wait_for_completion=True"),
        ({"cancel_on_kill": True}, "set wait_for_completion=True"),
        ({"wait_for_completion": "yes"}, "wait_for_completion 'yes'"),
        ({"wait_for_completion": True, "poll_interval": 0}, "poll_interval 0"),
        ({"wait_for_completion": True, "wait_timeout": "1h"}, "wait_timeout '1h'"),
        ({"wait_for_completion": True, "fail_on": ["busy"]}, "'busy'"),
    ],
)
def test_arguments_that_cannot_be_used(task: TaskInstance, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        task.start(phone="79123456789", **arguments)


@needs_record
def test_cleared_after_its_call_was_cancelled_it_is_not_green(
    task: TaskInstance, emulator: Emulator, waits: list[float]
) -> None:
    """A clear ends the task that waits, which cancels its call; the one that then runs reached nobody."""
    emulator.freeze()
    operator, context = task.start(phone="79123456789", wait_for_completion=True, deferrable=True, cancel_on_kill=True)
    with pytest.raises(TaskDeferred):
        operator.execute(context)
    AimylogicHook().cancel_call_jobs(ids=[emulator.jobs()[0].id])
    task.clear()
    with pytest.raises(AirflowFailException, match=r"nobody was reached: cancelledByUser 1.*change call_again"):
        task.attempt(**WAITS, cancel_on_kill=True)
    assert emulator.count("addPhone") == 1
