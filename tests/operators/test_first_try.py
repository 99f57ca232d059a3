"""What proves that a task never ran, by what reaches a worker of Airflow 3.1.8, 3.2.2, 3.3.2 and 3.4.0b2.

Where each value was read in Airflow's source, as ``module: function``:

- ``try_number`` on 3.1 to 3.3: ``models/dagrun: schedule_tis`` counts it up as the task is scheduled; a clear
  (``models/taskinstance: clear_task_instances``) leaves it. So what was never scheduled comes with 1, cleared or not.
- on 3.4: ``prepare_db_for_next_try`` makes a successor with the next number as what ended is cleared, also as
  ``upstream_failed``; ``schedule_tis`` makes 1 of 0 alone. So one clear of what never ran brings 1, and a second one 2.
- ``max_tries``: ``clear_task_instances`` sets it to the tries that were had, and the task's retries.
- ``clear_number``: counted up there, on 3.1 in a run that had ended alone.
- ``airflow tasks test``: ``cli/commands/task_command: _get_ti`` takes the task instance of a run that exists, with its
  number; ``sdk/definitions/dag: _run_task`` runs it by ``InProcessTestSupervisor``; of its own, ``_get_dag_run`` names
  the run ``__airflow_temporary_run_…``. ``dag.test()`` names ``dag_test`` as the user.
- ``xcom_keys_to_clear`` and ``task_reschedule_count``: ``api_fastapi/execution_api/routes/task_instances: ti_run``.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aimylogic_provider.airflow_task.run_context import is_first_try, was_cleared


class InProcessSupervisorComms:
    """Stands for Airflow's, of the same name."""


def context(
    try_number: int, *, clear_number: int = 0, map_index: int = -1, max_tries: int = 2, xcoms: tuple[str, ...] = (),
    rescheduled: int = 0, run_id: str = "scheduled__1", user: str | None = None,
) -> Any:  # fmt: skip
    ti = SimpleNamespace(
        try_number=try_number, map_index=map_index, run_id=run_id, dag_id="dag", task_id="call", max_tries=max_tries,
        task=SimpleNamespace(retries=2, task_group=None),
        _ti_context_from_server=SimpleNamespace(xcom_keys_to_clear=list(xcoms)),
    )  # fmt: skip
    run = SimpleNamespace(clear_number=clear_number, triggering_user_name=user)
    return {"ti": ti, "dag_run": run, "task_reschedule_count": rescheduled}


@pytest.mark.parametrize("version", ["3.1", "3.2", "3.3", "3.4"])
def test_a_task_whose_upstream_was_mended_and_cleared_once_never_ran(version: str) -> None:
    assert is_first_try(context(1, clear_number=1))


@pytest.mark.parametrize(
    ("version", "number", "most", "sure"),
    [("3.1", 1, 2, True), ("3.2", 1, 2, True), ("3.3", 1, 2, True), ("3.4", 2, 3, False)],
)
def test_cleared_twice_it_is_at_try_2_on_3_4(version: str, number: int, most: int, sure: bool) -> None:
    assert is_first_try(context(number, clear_number=2, max_tries=most)) is sure


@pytest.mark.parametrize("version", ["3.1", "3.2", "3.3", "3.4"])
@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(context(2), id="a retry"),
        pytest.param(context(2, clear_number=1, max_tries=3), id="a clear of what ran"),
        pytest.param(context(1, clear_number=1, map_index=7), id="an index that a list grew by"),
        pytest.param(context(1, max_tries=3, map_index=7), id="the same, where the clear left the run's state"),
        pytest.param(context(1, xcoms=("return_value",)), id="what returned something"),
        pytest.param(context(1, rescheduled=1), id="what was rescheduled, as by a retry policy"),
        pytest.param(context(0), id="airflow tasks test, in a run that exists and has not come to the task"),
    ],
)
def test_what_may_have_run_is_no_first_try(version: str, seen: Any) -> None:
    assert not is_first_try(seen)


@pytest.mark.parametrize("version", ["3.1", "3.2", "3.3", "3.4"])
def test_an_ordinary_first_try_is_one_mapped_or_not(version: str) -> None:
    assert is_first_try(context(1))
    assert is_first_try(context(1, map_index=0))


@pytest.mark.parametrize(
    ("seen", "sure"),
    [
        pytest.param(context(1, user="maria"), False, id="airflow tasks test, in a run that exists"),
        pytest.param(context(0, run_id="__airflow_temporary_run_1", user="maria"), True, id="in a run of its own"),
        pytest.param(context(1, user="dag_test"), True, id="dag.test()"),
    ],
)
def test_of_what_runs_in_airflow_s_own_process(monkeypatch: pytest.MonkeyPatch, seen: Any, sure: bool) -> None:
    from airflow.sdk.execution_time import task_runner

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", InProcessSupervisorComms(), raising=False)
    assert is_first_try(seen) is sure


@pytest.mark.parametrize(
    ("seen", "cleared"),
    [
        pytest.param(context(2), False, id="a retry"),
        pytest.param(
            context(2, max_tries=3), True, id="a clear that left the run's state; any on 3.1, in a run that goes on"
        ),
        pytest.param(context(1, clear_number=1), True, id="a clear of the run"),
    ],
)
def test_what_was_cleared(seen: Any, cleared: bool) -> None:
    assert was_cleared(seen) is cleared
