"""A DAG run whose state somebody sets to *queued*: Airflow has it begin anew, and counts no clear.

By ``PATCH …/dagRuns/…  {"state": "queued"}``, as after a clear that leaves the run's state (``reset_dag_runs: false``).
``models/dagrun: set_state`` empties ``start_date`` then, on 3.1.8, 3.2.2, 3.3.2 and 3.4.0b2.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.airflow_task.run_context import run_began, run_since
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence.server_time import SystemClock
from tests.conftest import TaskInstance, needs_record

LOST = {"phase": "after_commit", "action": "reset", "path": "addPhone", "times": 3}


@pytest.fixture
def waits(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits in place finds the server's clock gone on."""
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: emulator.advance(seconds=seconds))


@pytest.fixture(params=["asset", "folder", "none", "no store"])
def kept(request: pytest.FixtureRequest, task: TaskInstance, tmp_path: Path, waits: None) -> dict[str, Any]:
    """The arguments by which a second record is kept, or none, or no record at all, as on Airflow 3.1 and 3.2."""
    if request.param == "no store":
        task.has_store, task.assets = False, None
    elif not task.has_store:
        pytest.skip("needs Airflow's task state store, which came with 3.3")
    if request.param == "folder":
        task.assets = None
    return (
        {"call_list_path": str(tmp_path)} if request.param == "folder" else {"second_record": request.param != "none"}
    )


def attempts(task: TaskInstance, **arguments: Any) -> str:
    """A try, and what became of it."""
    try:
        return task.attempt(**arguments)
    except AirflowException as error:
        return str(error)


@pytest.mark.parametrize("hours", [1, 25])
@pytest.mark.parametrize("changed", [False, True], ids=["unchanged", "payload changed"])
def test_a_clear_that_leaves_the_run_and_then_queued_calls_nobody_twice(
    task: TaskInstance, emulator: Emulator, kept: dict[str, Any], hours: float, changed: bool
) -> None:
    first = task.attempt(payload={"bonus": 1}, **kept)
    emulator.advance(hours=hours)
    task.clear(discards=True, counted=False)
    task.queue(hours)
    assert first in attempts(task, payload={"bonus": 2 if changed else 1}, **kept)
    assert len(emulator.jobs()) == 1


@pytest.mark.parametrize("counted", [1, 2])
@needs_record
def test_a_run_that_was_cleared_and_later_queued_knows_its_job(
    task: TaskInstance, emulator: Emulator, counted: int
) -> None:
    task.attempt(call_again="before")
    for _ in range(counted):
        task.clear(discards=True)
    first = task.attempt()
    task.clear(discards=True, counted=False)
    task.queue(1)
    assert task.attempt() == first


@needs_record
def test_one_whose_retries_were_raised_after_that_clear_is_parked(task: TaskInstance, emulator: Emulator) -> None:
    """As many tries as the task has by now don't tell that it was cleared."""
    first = task.attempt(payload={"bonus": 1})
    task.clear(discards=True, counted=False)
    task.queue(1)
    operator, context = task.start(phone="79123456789", payload={"bonus": 2})
    context["ti"].task.retries = 5
    with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
        operator.execute(context)
    assert len(emulator.jobs()) == 1


@pytest.mark.parametrize("hours", [0.2, 25])
def test_a_retry_in_a_run_that_was_queued_calls_nobody_twice(
    task: TaskInstance, emulator: Emulator, kept: dict[str, Any], hours: float
) -> None:
    emulator.fault(**LOST)
    assert "not known" in attempts(task, **kept)
    emulator.clear_faults()
    emulator.advance(hours=hours)
    task.queue(hours)
    assert emulator.jobs()[0].id in attempts(task, **kept)
    assert len(emulator.jobs()) == 1


@needs_record
def test_what_the_store_lost_in_a_queued_run_is_not_sent_by_its_youth(task: TaskInstance, emulator: Emulator) -> None:
    first = task.attempt()
    emulator.advance(hours=25)
    task.rows.clear()
    task.assets = None
    task.queue(25)
    with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
        task.attempt()


@needs_record
def test_a_queued_run_that_never_ran_calls_at_once(task: TaskInstance, emulator: Emulator) -> None:
    theirs = TaskInstance(dag_id="of others").attempt()
    task.run.run_after -= timedelta(hours=26)
    task.queue()
    assert task.attempt() != theirs


class TestWhenARunBegan:
    def test_its_start_counts_for_a_sure_first_try(self, task: TaskInstance) -> None:
        task.current_try = 1
        task.run.run_after -= timedelta(days=3)
        assert run_began(task.context()) == task.run.start_date.timestamp()  # type: ignore[arg-type]

    @pytest.mark.parametrize("ahead", [timedelta(days=-3), timedelta(days=3)], ids=["a backfill", "a time to come"])
    def test_else_what_lies_no_later(self, task: TaskInstance, ahead: timedelta) -> None:
        task.current_try, task.most_tries = 2, 1
        task.run.run_after += ahead
        known = min(task.run.run_after, task.run.start_date).timestamp()
        assert run_began(task.context()) == known  # type: ignore[arg-type]
        assert run_since(task.context()) == known - 900  # type: ignore[arg-type]

    def test_a_try_that_was_resumed_has_run_before(self, task: TaskInstance) -> None:
        task.current_try = 1
        task.run.run_after -= timedelta(days=3)
        assert run_began(task.context(), resumed=True) == task.run.run_after.timestamp()  # type: ignore[arg-type]
