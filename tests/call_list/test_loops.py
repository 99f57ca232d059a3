"""Syncs in task loops (Airflow 3.4): a list an iteration, and one that a clear of the gate makes anew has its own."""

from __future__ import annotations

from collections import Counter

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from tests.call_list.sync import Sync, phone
from tests.conftest import needs_record
from tests.operators.looped import Loop

PEOPLE = [phone(number) for number in range(30)]


def looped(sync: Sync, loop: Loop, index: int, **arguments: object) -> dict[str, object]:
    """Run the next try of an iteration."""
    sync.task = loop.task(index)
    return sync.attempt(**arguments)


@needs_record
@pytest.mark.parametrize("map_index", [-1, 3])
def test_an_iteration_is_a_list_of_its_own(sync: Sync, map_index: int) -> None:
    sync.add(PEOPLE)
    loop = Loop(task_id="body.sync", map_index=map_index)
    for index in range(2):
        assert looped(sync, loop, index)["created"] == len(PEOPLE)
    assert sync.calls_by_phone() == Counter(PEOPLE * 2)


@needs_record
@pytest.mark.parametrize("reset_dag_run", [True, False])
@pytest.mark.parametrize("hours", [0, 25])
def test_made_anew_it_goes_on_with_its_list(sync: Sync, hours: int, reset_dag_run: bool) -> None:
    sync.add(PEOPLE)
    loop = Loop(task_id="body.sync")
    before = [looped(sync, loop, index) for index in range(3)]
    sync.execute("update customer set id = id + 1000, name = 'Maria'")
    sync.emulator.advance(hours=hours)
    loop.clear_gate(0, reset_dag_run=reset_dag_run)
    for index in (1, 2):
        assert looped(sync, loop, index)["call_list"] == before[index]["call_list"]
    assert sync.calls_by_phone() == Counter(PEOPLE * 3), "nobody is called twice an iteration"


@needs_record
def test_a_lost_answer_is_settled_within_its_iteration(sync: Sync) -> None:
    sync.add(PEOPLE)
    loop = Loop(task_id="body.sync")
    looped(sync, loop, 0)
    sync.emulator.fault("after_commit", "reset", path="addPhones", times=None)
    with pytest.raises(Exception, match=r"."):
        looped(sync, loop, 1)
    sync.emulator.clear_faults()
    loop.clear_gate(0, reset_dag_run=False)
    assert looped(sync, loop, 1)["created"] == len(PEOPLE)
    assert sync.calls_by_phone() == Counter(PEOPLE * 2)


@needs_record
@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_no_job_of_an_iteration_is_taken_for_that_of_the_next(sync: Sync, method: str) -> None:
    """Two iterations within a minute, and none of the second one's requests arrived."""
    sync.add(PEOPLE)
    loop = Loop(task_id="body.sync")
    looped(sync, loop, 0, method=method)
    first = [job.id for job in sync.emulator.jobs()]
    sync.emulator.fault("before_commit", "reset", path=method, times=None)
    with pytest.raises(AirflowException):
        looped(sync, loop, 1, method=method)
    sync.emulator.clear_faults()
    sync.emulator.advance(hours=25)
    try:
        report = looped(sync, loop, 1, method=method)
    except AirflowException:
        return  # parked: a person says
    assert report["created"] == len([job for job in sync.emulator.jobs() if job.id not in first]), "green, and missed"
