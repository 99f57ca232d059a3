"""What a failed task tells of its next try, as values: the wait that the server asks for, the lag, the key's end."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.operators import CancelCallsOperator, GetCampaignOperator, PauseCampaignOperator
from aimylogic_provider.retries import RetryLaterError
from tests.conftest import HOUR, TaskInstance, needs_record

BUSY: dict[str, Any] = {"phase": "before_commit", "action": "status", "status": 503, "times": None}
LOST: dict[str, Any] = {"phase": "after_commit", "action": "reset", "path": "addPhone", "times": 3}
DAY = 24 * HOUR
SENDS = 3 * 60.0 + 2 * 20.0
"""Seconds that a try's sends take, at most, and more than they do with these tests' timeouts."""


def fails(task: TaskInstance, **arguments: Any) -> RetryLaterError:
    with pytest.raises(RetryLaterError) as failed:
        task.attempt(**arguments)
    return failed.value


def waits(error: RetryLaterError) -> tuple[float, float, float | None]:
    return error.retry_after, error.shown_after, error.retry_within


@pytest.mark.parametrize("path", ["addPhone", ""])
def test_the_server_asks_to_wait(task: TaskInstance, emulator: Emulator, path: str) -> None:
    emulator.fault(**BUSY, path=path, headers={"Retry-After": "90"})
    error = fails(task)
    assert error.retry_after == 90
    assert "asks to wait 90 seconds" in str(error)


def test_nothing_is_told_where_nothing_is_known(task: TaskInstance, emulator: Emulator) -> None:
    emulator.fault(**BUSY)
    with pytest.raises(AirflowException) as failed:
        task.attempt()
    assert type(failed.value) is AirflowException


def test_another_try_that_cant_help_has_no_time(task: TaskInstance, emulator: Emulator) -> None:
    emulator.fault("before_commit", "status", status=403, headers={"Retry-After": "90"})
    with pytest.raises(AirflowFailException):
        task.attempt()


@needs_record
def test_an_unanswered_requests_key_lives_for_a_day(task: TaskInstance, emulator: Emulator) -> None:
    emulator.fault(**LOST)
    after, shown, within = waits(fails(task))
    assert (after, shown) == (0, 0)
    assert within is not None
    assert DAY - SENDS - 120 < within < DAY - 60


@needs_record
@pytest.mark.parametrize("worker", [-5 * HOUR, 0, 5 * HOUR])
def test_its_end_is_told_by_the_servers_clock_whatever_the_workers_shows(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, worker: float
) -> None:
    now = SystemClock.wall
    monkeypatch.setattr(SystemClock, "wall", lambda self: now(self) + worker)
    emulator.fault(**LOST)
    fails(task)
    emulator.advance(hours=10)
    emulator.fault(**LOST)
    within = fails(task).retry_within
    assert within is not None
    assert 14 * HOUR - SENDS - 120 < within < 14 * HOUR - 60


@needs_record
def test_where_the_server_tells_no_time_the_keys_end_is_told_an_hour_early(
    task: TaskInstance, emulator: Emulator
) -> None:
    emulator.fault(**LOST)
    fails(task)
    emulator.fault("before_read", "reset", times=None)
    within = fails(task).retry_within
    assert within is not None
    assert DAY - HOUR - SENDS - 120 < within < DAY - HOUR - 60


@needs_record
def test_beyond_the_day_the_key_has_ended(task: TaskInstance, emulator: Emulator) -> None:
    emulator.fault(**{**LOST, "phase": "before_commit"})
    fails(task)
    emulator.advance(hours=25)
    emulator.fault(**{**LOST, "phase": "before_commit"})
    within = fails(task).retry_within
    assert within is not None
    assert within < 0


@needs_record
def test_mapped_the_key_counts_from_when_the_run_began(task: TaskInstance, emulator: Emulator) -> None:
    task.map_index = 0
    emulator.fault(**LOST)
    within = fails(task).retry_within
    assert within is not None
    assert DAY - 900 - SENDS - 120 < within < DAY - 900 - 60


@needs_record
@pytest.mark.parametrize("arguments", [{"test_call": True}, {"report_lag": 1800, "test_call": True}])
def test_where_no_key_protects_the_report_is_waited_for(
    task: TaskInstance, emulator: Emulator, arguments: dict[str, Any]
) -> None:
    lag = arguments.get("report_lag", 600)
    emulator.fault("after_commit", "reset", phone="79123456789", times=3)
    after, shown, within = waits(fails(task, **arguments))
    assert (after, within) == (0, None)
    assert lag + 60 < shown < lag + 60 + 90


@needs_record
def test_a_next_try_that_comes_by_then_settles_it(task: TaskInstance, emulator: Emulator) -> None:
    """A refusal says nothing of the request before it, which went unanswered, and came to nothing."""
    emulator.fault("before_commit", "reset", path="addPhone", times=1)
    emulator.settings(bad_numbers=["79123456789"])
    error = fails(task)
    assert 660 < error.shown_after < 750
    emulator.advance(seconds=error.shown_after - 30)
    assert 25 < fails(task).shown_after < 35, "a moment too early, it is the rest"
    emulator.advance(seconds=31)
    with pytest.raises(AirflowFailException, match="was refused"):
        task.attempt()


@needs_record
def test_an_answer_without_its_time_has_only_the_last_try_wait_for_the_report(
    task: TaskInstance, emulator: Emulator
) -> None:
    emulator.fault(**LOST)
    fails(task)
    emulator.fault("after_commit", "no_date", times=100)
    error = fails(task)
    assert error.shown_after == 1
    assert HOUR + 600 < error.all_shown_after < HOUR + 600 + 200
    emulator.clear_faults()
    assert task.attempt() is not None
    assert emulator.count("addPhone") == 4, "sent by its key, at once"
    assert len(emulator.jobs()) == 1


@needs_record
def test_where_no_answer_ever_bears_its_time_the_report_is_waited_for(task: TaskInstance, emulator: Emulator) -> None:
    emulator.fault("after_commit", "no_date", path="status", times=100)
    emulator.fault(**LOST)
    fails(task)
    assert fails(task).shown_after > HOUR + 600


@pytest.fixture
def asked_to_wait(connections: None, no_pauses: None, emulator: Emulator) -> None:
    emulator.fault(**BUSY, headers={"Retry-After": "90"})


@pytest.mark.parametrize(
    "operator",
    [
        lambda: PauseCampaignOperator(task_id="a"),
        lambda: GetCampaignOperator(task_id="a"),
        lambda: CancelCallsOperator(task_id="a", ids=["1"]),
    ],
)
def test_tasks_that_act_on_a_campaign_tell_it_too(asked_to_wait: None, task: TaskInstance, operator: Any) -> None:
    with pytest.raises(RetryLaterError, match="The server asks to wait 90 seconds") as failed:
        operator().execute(task.context())
    assert waits(failed.value) == (90, 0, None)


@needs_record
def test_a_wait_that_was_answered_by_a_person_tells_it(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.fault(**BUSY, headers={"Retry-After": "90"})
    operator, context = task.start(phone="79123456789", on_unknown="ask")
    event = {"chosen_options": ["Send again"], "params_input": {}, "responded_by_user": {"id": "1", "name": "Vera"}}
    with pytest.raises(RetryLaterError) as failed:
        operator.execute_complete(context, event, _reference(task, operator), 0.0, [])
    assert failed.value.retry_after == 90


def _reference(task: TaskInstance, operator: Any) -> str:
    reference: str = operator._try(task.context(), resumed=True).intent.reference
    return reference
