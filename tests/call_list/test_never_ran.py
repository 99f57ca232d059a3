"""A task whose upstream failed, and that runs once the run is cleared: it never ran, so it calls at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from aimylogic_provider.emulator import Emulator
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance


@pytest.fixture(params=[True, False], ids=["with a store", "without"])
def has_store(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def mend(run: Any, hours: float) -> None:
    """The run began so long ago, and is cleared now that its upstream is mended."""
    run.clear_number += 1
    run.run_after -= timedelta(hours=hours)


@pytest.mark.parametrize("hours", [0, 26])
def test_a_sync_that_never_ran_sends_at_once(sync: Sync, emulator: Emulator, has_store: bool, hours: float) -> None:
    sync.task.has_store = sync.task.has_store and has_store
    sync.add([phone(number) for number in range(5)])
    mend(sync.task.run, hours)
    assert sync.attempt()["created"] == 5
    sync.assert_once([phone(number) for number in range(5)])


def test_a_sync_at_try_1_whose_folder_tells_of_a_list_has_run(sync: Sync, emulator: Emulator) -> None:
    """Its task instance was deleted, say, and so was what Airflow kept of it."""
    sync.add([phone(number) for number in range(5)])
    sync.attempt()
    sync.execute("insert into customer values (9, '79990000009', 'New')")
    sync.task.rows.clear()
    sync.task.current_try = 0
    sync.task.run.clear_number += 1
    sync.attempt()
    sync.assert_once([phone(number) for number in range(5)])


@pytest.mark.parametrize("hours", [0, 26])
def test_a_call_that_never_ran_is_added_at_once(
    task: TaskInstance, emulator: Emulator, has_store: bool, hours: float
) -> None:
    """Though others have added the person since the run began."""
    task.has_store = task.has_store and has_store
    theirs = TaskInstance(dag_id="of others").attempt()
    mend(task.run, hours)
    assert task.attempt() != theirs


def test_one_that_may_have_run_is_not(task: TaskInstance, emulator: Emulator) -> None:
    """Cleared twice on Airflow 3.4, it is at try 2."""
    task.assets = None
    theirs = TaskInstance(dag_id="of others").attempt()
    mend(task.run, 26)
    task.current_try = 1
    with pytest.raises(AirflowException, match=f"(?s)parked.*{theirs}"):
        task.attempt()
