"""Calls in task loops, which came with Airflow 3.4: an iteration is what is called once, whatever region it is in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.airflow_task.run_context import is_first_try
from aimylogic_provider.airflow_task.task_loops import iteration, may_replace_another
from aimylogic_provider.emulator import Emulator
from tests.conftest import HAS_RECORD, TaskInstance
from tests.operators.looped import Loop

PLAIN = SimpleNamespace(parent_group=None)


@pytest.fixture
def loop(connections: None, no_pauses: None) -> Loop:
    return Loop()


def test_the_same_person_in_two_iterations_is_two_calls(loop: Loop, emulator: Emulator) -> None:
    ids = [loop.task(index).attempt() for index in range(3)]
    assert ids == [job.id for job in emulator.jobs()]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("index", [0, 2])
def test_an_iteration_that_is_retried_is_one_call(loop: Loop, emulator: Emulator, index: int) -> None:
    for before in range(index):
        loop.task(before).attempt(phone="79120000000")
    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException):
        loop.task(index).attempt()
    job = loop.task(index).attempt()
    assert [found.id for found in emulator.jobs() if found.phone == "79123456789"] == [job]


def test_no_job_of_an_iteration_is_taken_for_that_of_the_next(loop: Loop, emulator: Emulator) -> None:
    """Found by the simulation: two iterations within a minute, and only the first one's request arrived."""
    first = loop.task(0).attempt()
    emulator.fault("before_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException):
        loop.task(1).attempt()
    emulator.advance(hours=25)
    with pytest.raises(AirflowFailException, match=first):
        loop.task(1).attempt()
    assert [job.id for job in emulator.jobs()] == [first]


@pytest.mark.parametrize("reset_dag_run", [True, False])
def test_an_iteration_that_a_clear_of_the_gate_made_anew_is_the_same_call(
    loop: Loop, emulator: Emulator, reset_dag_run: bool
) -> None:
    before = [loop.task(index).attempt() for index in range(3)]
    loop.clear_gate(0, reset_dag_run=reset_dag_run)
    made_anew = loop.task(1)
    assert (made_anew.region, made_anew.current_try) != (loop.task(0).region, 1)
    emulator.advance(hours=1)
    for index in (1, 2):
        try:
            assert loop.task(index).attempt() == before[index]
        except AirflowException as parked:
            assert before[index] in str(parked)
    assert [job.id for job in emulator.jobs()] == before, "nobody is called twice"


@pytest.mark.parametrize("reset_dag_run", [True, False])
def test_made_anew_after_the_day_it_is_not_taken_for_a_first_try(
    loop: Loop, emulator: Emulator, reset_dag_run: bool
) -> None:
    before = [loop.task(index).attempt() for index in range(2)]
    loop.clear_gate(0, reset_dag_run=reset_dag_run)
    emulator.advance(hours=25)
    with pytest.raises(AirflowFailException, match=before[1]):
        loop.task(1).attempt()
    assert [job.id for job in emulator.jobs()] == before


def test_gates_that_are_cleared_again_and_again(loop: Loop, emulator: Emulator) -> None:
    before = [loop.task(index).attempt(phone=f"7912000000{index}") for index in range(4)]
    for gate in (2, 1, 0, 2):
        loop.clear_gate(gate, reset_dag_run=False)
        assert may_replace_another(loop.task(gate + 1).context())
    emulator.advance(hours=25)
    for index in range(1, 4):
        with pytest.raises(AirflowFailException, match=before[index]):
            loop.task(index).attempt(phone=f"7912000000{index}")
    assert [job.id for job in emulator.jobs()] == before


def test_iterations_that_follow_one_another_are_first_tries(loop: Loop) -> None:
    """Else each would be held up by a question to the report."""
    for index in range(3):
        assert not may_replace_another(loop.task(index).context())
        operator, context = loop.task(index).start(phone="79123456789")
        assert is_first_try(context)
        operator.execute(context)
        if HAS_RECORD:
            assert loop.task(index).entry["sure"]


@pytest.mark.parametrize("gates", [[], [{"task_id": "body.done", "region_id": str(uuid4()), "region_index": 1}]])
def test_where_the_first_gate_is_not_told_it_may_replace_another(
    loop: Loop, gates: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "breadcrumbs", lambda dag_id, run_id: gates)
    assert may_replace_another(loop.task(1).context())
    assert not may_replace_another(loop.task(0).context()), "no clear of a gate replaces the first"


def test_a_mapped_task_in_a_loop(connections: None, no_pauses: None, emulator: Emulator) -> None:
    loop = Loop(map_index=0)
    ids = [loop.task(index).attempt() for index in range(2)]
    assert ids == [job.id for job in emulator.jobs()]
    assert len(set(ids)) == 2, "an iteration of a mapped task is an iteration"


def test_outside_of_loops_nothing_changes() -> None:
    task = TaskInstance()
    assert (iteration(task.context()), may_replace_another(task.context())) == (None, False)
    for map_index, region in ((-1, 0), (3, uuid4().int)):  # a mapped task has a region of its own
        task = TaskInstance(map_index=map_index)
        context = task.context()
        context["ti"].region_id = SimpleNamespace(int=region)
        context["ti"].region_index = map_index
        context["ti"].task = SimpleNamespace(task_group=PLAIN)
        assert (iteration(context), may_replace_another(context)) == (None, False)


def _without_loop(context: dict[str, Any]) -> None:
    del context["loop"]


def _without_loop_and_group(context: dict[str, Any]) -> None:
    del context["loop"]
    context["ti"].task = SimpleNamespace(task_group=PLAIN)


def _mapped_without_loop(context: dict[str, Any]) -> None:
    del context["loop"]
    context["ti"].map_index = 0


def _in_a_loop_in_a_loop(context: dict[str, Any]) -> None:
    inner = context["ti"].task.task_group
    inner.parent_group = Loop().group


def _in_a_loop_in_a_mapped_group(context: dict[str, Any]) -> None:
    inner = context["ti"].task.task_group
    inner.parent_group = SimpleNamespace(parent_group=PLAIN, iter_mapped_dependencies=lambda: ())


@pytest.mark.parametrize(
    "unlike",
    [_without_loop, _without_loop_and_group, _mapped_without_loop, _in_a_loop_in_a_loop, _in_a_loop_in_a_mapped_group],
)
def test_an_iteration_that_cannot_be_learnt_is_not_guessed(
    loop: Loop, emulator: Emulator, unlike: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, context = loop.task(1).start(phone="79123456789")
    unlike(context)
    with pytest.raises(AirflowFailException, match=r"doesn't say in which iteration.*nothing is sent"):
        operator.execute(context)
    assert emulator.jobs() == []


def test_a_mapped_group_within_a_loop_is_in_one_loop(loop: Loop) -> None:
    context = loop.task(1).context()
    context["ti"].map_index = 2
    group = SimpleNamespace(parent_group=loop.group, iter_mapped_dependencies=lambda: ())
    context["ti"].task = SimpleNamespace(task_group=group)
    assert iteration(context) == 1
