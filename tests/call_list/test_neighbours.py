"""Two syncs of the same people in the same minutes: what one owns, or could own, the other doesn't take for its own."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.store.objects import Folder
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, needs_record

PHONES = [phone(number) for number in range(6)]
pytestmark = needs_record


@pytest.fixture(params=["addPhones", "addPhone"])
def sync(request: Any, make_sync: Callable[..., Sync]) -> Sync:
    sync = make_sync(batch_size=6, method=request.param)
    sync.add(PHONES)
    return sync


@pytest.fixture(params=["another task", "another run", "another map index"])
def other(request: Any) -> TaskInstance:
    """The task instance of another sync of the same query."""
    match request.param:
        case "another task":
            return TaskInstance(dag_id="spring_sale", task_id="sync")
        case "another run":
            return TaskInstance(task_id="sync", run_id="manual__2026-01-01T00:00:00+00:00")
        case _:
            return TaskInstance(task_id="sync", map_index=3)


def attempt(sync: Sync, task: TaskInstance, **arguments: Any) -> dict[str, Any]:
    task.current_try += 1
    report: dict[str, Any] = sync.operator(**arguments).execute(task.context())
    return report


def unanswered(sync: Sync, task: TaskInstance, *, created: bool) -> None:
    for path in ("addPhones", "addPhone"):
        sync.emulator.fault("after_commit" if created else "before_commit", "reset", path=path, times=None)
    with pytest.raises(AirflowException):
        attempt(sync, task)
    sync.emulator.clear_faults()


def jobs(sync: Sync) -> Counter[str]:
    return sync.calls_by_phone()


def test_jobs_that_another_sync_owns_are_not_adopted_and_nobody_is_missed(sync: Sync, other: TaskInstance) -> None:
    assert attempt(sync, other)["created"] == len(PHONES)
    unanswered(sync, sync.task, created=False)
    sync.emulator.advance(hours=25)
    assert sync.attempt()["created"] == len(PHONES)
    assert jobs(sync) == Counter(PHONES * 2)


@pytest.mark.parametrize("first", [True, False])
def test_jobs_that_two_syncs_could_own_are_parked_by_both(sync: Sync, other: TaskInstance, first: bool) -> None:
    unanswered(sync, other, created=first)
    unanswered(sync, sync.task, created=not first)
    sync.emulator.advance(hours=25)
    for task in (sync.task, other):
        with pytest.raises(AirflowFailException, match="jobs that may be others'"):
            attempt(sync, task)
    assert jobs(sync) == Counter(PHONES)


def test_jobs_of_other_minutes_are_told_apart(sync: Sync, other: TaskInstance) -> None:
    unanswered(sync, other, created=True)
    sync.emulator.advance(minutes=20)
    unanswered(sync, sync.task, created=True)
    sync.emulator.advance(hours=25)
    assert [attempt(sync, task)["created"] for task in (sync.task, other)] == [len(PHONES)] * 2
    assert jobs(sync) == Counter(PHONES * 2)


@pytest.mark.parametrize("sync", ["addPhones"], indirect=True)
@pytest.mark.parametrize("other", ["another run"], indirect=True)
class TestWhatIsNotThereAnyMore:
    def test_what_a_deleted_list_owned_may_be_any_of_its_minutes(self, sync: Sync, other: TaskInstance) -> None:
        from datetime import timedelta

        attempt(sync, other, keep_call_list=timedelta(0))
        assert list(sync.lists.glob("*/*/manual*/*/deleted.json"))
        unanswered(sync, sync.task, created=False)
        sync.emulator.advance(hours=25)
        with pytest.raises(AirflowFailException, match="jobs that may be others'"):
            sync.attempt()
        assert jobs(sync) == Counter(PHONES)

    def test_what_a_damaged_list_owns_may_be_any_of_its_minutes(self, sync: Sync, other: TaskInstance) -> None:
        attempt(sync, other)
        for file in sync.lists.glob("*/*/manual*/*/done/*"):
            file.write_text("gone")
        unanswered(sync, sync.task, created=False)
        sync.emulator.advance(hours=25)
        with pytest.raises(AirflowFailException, match="jobs that may be others'"):
            sync.attempt()
        assert jobs(sync) == Counter(PHONES)

    def test_another_folder_is_not_known_of(self, sync: Sync, other: TaskInstance, tmp_path: Path) -> None:
        """A bound: two call_list_paths don't know of each other."""
        attempt(sync, other)
        (folder,) = sync.lists.glob("*/*/manual*")
        shutil.move(folder, tmp_path / "elsewhere")
        unanswered(sync, sync.task, created=False)
        sync.emulator.advance(hours=25)
        assert sync.attempt()["created"] == len(PHONES)
        assert jobs(sync) == Counter(PHONES)


def test_folders_are_listed_on_a_disk_and_in_a_store(tmp_path: Path) -> None:
    from airflow.sdk.io import attach
    from fsspec.implementations.memory import MemoryFileSystem

    attach("memory", fs=MemoryFileSystem())
    for address in (str(tmp_path), "memory://here/there"):
        folder = Folder(address)
        assert (folder / "none").folders() == []
        folder.write("a/b/one.json", b"")
        folder.write("c d/one.json", b"")
        folder.write("one.json", b"")
        assert folder.folders() == ["a", "c d"]


def test_a_list_of_before_the_emulators_reset_owns_no_job_of_after_it(sync: Sync, other: TaskInstance) -> None:
    """Its folder stays, and names ids of jobs that are gone: were they given again, all would be called twice."""
    assert attempt(sync, other)["created"] == len(PHONES)
    sync.emulator.reset()
    unanswered(sync, sync.task, created=True)
    sync.emulator.advance(hours=25)
    assert sync.attempt()["created"] == len(PHONES)
    assert jobs(sync) == Counter(PHONES)
