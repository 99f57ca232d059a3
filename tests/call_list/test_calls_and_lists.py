"""Calls of AddPhone's and syncs, of one person in the same minutes: no task takes another's job for its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.store.traces.call_traces import CALLS
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence.server_time import SystemClock
from tests.call_list.sync import Sync
from tests.conftest import TaskInstance, needs_record

PHONE = "79123456789"
pytestmark = needs_record


class OneCall:
    """A task that calls one person: AddPhone, or a sync of one row."""

    def __init__(self, sync: Sync, dag_id: str, kind: str, where: str) -> None:
        self._sync = sync
        self._kind = kind
        self.task = TaskInstance(dag_id=dag_id, task_id="sync" if kind == "sync" else "add_phone")
        if where == "folder":
            self.task.assets = None

    def attempt(self) -> Any:
        if self._kind == "AddPhone":
            return self.task.attempt(phone=PHONE, call_list_path=str(self._sync.lists))
        self.task.current_try += 1
        return self._sync.operator().execute(self.task.context())

    def goes_unanswered(self, *, created: bool) -> None:
        emulator = self._sync.emulator
        for path in ("addPhone", "addPhones"):
            emulator.fault("after_commit" if created else "before_commit", "reset", path=path, times=None)
        with pytest.raises(AirflowException):
            self.attempt()
        emulator.clear_faults()


@pytest.fixture(params=["asset", "folder"])
def where(request: pytest.FixtureRequest) -> str:
    """Where the second records of calls lie."""
    return str(request.param)


@pytest.fixture(params=["AddPhone, AddPhone", "AddPhone, sync", "sync, AddPhone"])
def both(request: pytest.FixtureRequest, make_sync: Callable[..., Sync], where: str) -> list[OneCall]:
    sync = make_sync(batch_size=10)
    sync.add([PHONE])
    return [
        OneCall(sync, dag, kind, where)
        for dag, kind in zip(("spring", "autumn"), request.param.split(", "), strict=True)
    ]


def jobs(emulator: Emulator) -> int:
    assert {job.phone for job in emulator.jobs()} <= {PHONE}
    return len(emulator.jobs())


def test_a_job_that_another_task_owns_is_not_adopted_and_the_person_is_not_missed(
    both: list[OneCall], emulator: Emulator
) -> None:
    first, second = both
    first.attempt()
    second.goes_unanswered(created=False)
    emulator.advance(hours=25)
    second.attempt()
    assert jobs(emulator) == 2


@pytest.mark.parametrize("created_by_first", [True, False])
def test_a_job_that_either_could_own_is_parked_by_both(
    both: list[OneCall], emulator: Emulator, created_by_first: bool
) -> None:
    first, second = both
    first.goes_unanswered(created=created_by_first)
    second.goes_unanswered(created=not created_by_first)
    emulator.advance(hours=25)
    for one in both:
        with pytest.raises(AirflowFailException, match=r"parked|jobs that may be others'"):
            one.attempt()
    assert jobs(emulator) == 1


def test_jobs_of_other_minutes_are_told_apart(both: list[OneCall], emulator: Emulator) -> None:
    first, second = both
    first.goes_unanswered(created=True)
    emulator.advance(minutes=20)
    second.goes_unanswered(created=True)
    emulator.advance(hours=25)
    for one in both:
        one.attempt()
    assert jobs(emulator) == 2


def test_a_task_that_found_its_job_leaves_the_other_one_to_its_owner(both: list[OneCall], emulator: Emulator) -> None:
    first, second = both
    first.goes_unanswered(created=True)
    emulator.advance(hours=25)
    first.attempt()
    second.goes_unanswered(created=False)
    emulator.advance(hours=25)
    second.attempt()
    assert jobs(emulator) == 2


class TestAddPhone:
    def test_map_indexes_of_one_task_that_mean_one_call_find_its_job(
        self, task: TaskInstance, emulator: Emulator, tmp_path: Path
    ) -> None:
        """The same person twice in a mapped list is one call: what its other index owns is no other task's."""
        one, two = (TaskInstance(map_index=index, run=task.run) for index in (0, 1))
        emulator.fault("after_commit", "reset", path="addPhone", times=None)
        for index in (one, two):
            with pytest.raises(AirflowException):
                index.attempt(call_list_path=str(tmp_path))
        emulator.clear_faults()
        emulator.advance(hours=25)
        for index in (one, two):
            with pytest.raises(AirflowFailException, match="Candidate jobs"):
                index.attempt(call_list_path=str(tmp_path))
        assert jobs(emulator) == 1

    def test_a_trace_that_can_not_be_read_makes_the_job_doubtful(
        self, task: TaskInstance, emulator: Emulator, tmp_path: Path
    ) -> None:
        TaskInstance(dag_id="another").attempt(call_list_path=str(tmp_path))
        for trace in (tmp_path / CALLS).rglob("*.json"):
            trace.write_text("gone")
        emulator.fault("before_commit", "reset", path="addPhone", times=None)
        with pytest.raises(AirflowException):
            task.attempt(call_list_path=str(tmp_path))
        emulator.clear_faults()
        emulator.advance(hours=25)
        with pytest.raises(AirflowFailException, match="parked"):
            task.attempt(call_list_path=str(tmp_path))
        assert jobs(emulator) == 1

    def test_a_folder_that_can_not_be_written_ends_the_try_before_anything_is_sent(
        self, task: TaskInstance, emulator: Emulator, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match="file"):
            task.attempt(call_list_path=str(tmp_path / "file" / "lists"))
        assert jobs(emulator) == 0

    def test_turned_off_nothing_is_written(self, task: TaskInstance, emulator: Emulator, tmp_path: Path) -> None:
        task.attempt(call_list_path=str(tmp_path), second_record=False)
        assert list(tmp_path.iterdir()) == []

    def test_traces_tell_neither_token_nor_phone_and_go_after_90_days(
        self, task: TaskInstance, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from tests.conftest import TOKEN

        wall = SystemClock.wall
        for number in range(5):
            days = 50.0 * number
            monkeypatch.setattr(SystemClock, "wall", lambda self, days=days: wall(self) + days * 86400)
            TaskInstance(run_id=f"run {number}").attempt(call_list_path=str(tmp_path))
        traces = list((tmp_path / CALLS).rglob("*.json"))
        kept = datetime.now(UTC) + timedelta(days=200 - 90 - 1)
        assert len(traces) == 2
        assert all(trace.parent.name >= kept.strftime("%Y%m%d") for trace in traces)
        assert len(list((tmp_path / CALLS).glob("*/*"))) == 2, "no empty folders are left"
        for trace in traces:
            told = f"{trace} {json.dumps(json.loads(trace.read_text()))}"
            assert PHONE not in told
            assert TOKEN not in told
