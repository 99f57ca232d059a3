"""A cleared run without any record waits until the report shows what there is: that comes to an end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence.server_time import SystemClock
from tests.conftest import TaskInstance, needs_record


@pytest.fixture
def slept(emulator: Emulator, task: TaskInstance, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a try waited in place; the server's clock goes on meanwhile."""
    seconds: list[float] = []

    def sleep(clock: SystemClock, asked: float) -> None:
        seconds.append(asked)
        emulator.advance(seconds=asked)

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    return seconds


@needs_record
def test_without_retries_and_second_record_a_clear_comes_to_an_end(
    task: TaskInstance, emulator: Emulator, slept: list[float]
) -> None:
    """Each clear of Airflow 3.4 discards since when it is waited."""
    task.current_try = 1
    task.clear(discards=True)
    assert task.attempt(second_record=False) == emulator.jobs()[0].id
    assert 600 < sum(slept) < 900


@needs_record
def test_with_retries_left_the_next_try_knows_and_nothing_is_held(
    task: TaskInstance, emulator: Emulator, slept: list[float]
) -> None:
    task.current_try = 1
    task.clear(discards=True)
    task.most_tries = 3
    with pytest.raises(AirflowException, match="only after its lag"):
        task.attempt(second_record=False)
    assert not slept
    emulator.advance(minutes=15)
    assert task.attempt(second_record=False) == emulator.jobs()[0].id


@needs_record
def test_with_a_second_record_the_next_clear_knows(task: TaskInstance, emulator: Emulator, slept: list[float]) -> None:
    task.current_try = 1
    task.clear(discards=True)
    with pytest.raises(AirflowException, match="only after its lag"):
        task.attempt()
    emulator.advance(minutes=15)
    task.clear(discards=True)
    assert task.attempt() == emulator.jobs()[0].id
    assert not slept


@pytest.mark.parametrize("lag", [1800, 3600, 11 * 3600])
def test_without_a_store_a_long_lag_is_waited_for(
    task: TaskInstance, emulator: Emulator, slept: list[float], lag: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = SystemClock.monotonic
    monkeypatch.setattr(SystemClock, "monotonic", lambda self: passed(self) + sum(slept))
    task.has_store, task.assets, task.current_try = False, None, 1
    task.clear()
    assert task.attempt(report_lag=lag) == emulator.jobs()[0].id
    assert lag < sum(slept) < lag + 300


@pytest.mark.parametrize("store", [pytest.param(True, marks=needs_record), False])
def test_a_time_that_is_too_short_for_it_is_refused_with_the_reason(
    task: TaskInstance, emulator: Emulator, slept: list[float], store: bool
) -> None:
    task.has_store, task.assets, task.current_try = store, None, 1
    task.clear(discards=True)
    with pytest.raises(AirflowFailException, match=r"execution_timeout of 300 seconds is too short.* [67]\d\d seconds"):
        task.attempt(execution_timeout=timedelta(minutes=5))
    assert not slept
    assert not emulator.jobs()
    task.clear(discards=True)
    assert task.attempt(execution_timeout=timedelta(minutes=15)) == emulator.jobs()[0].id
