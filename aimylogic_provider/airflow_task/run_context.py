"""What Airflow knows of a try and of its DAG run: first or last try, cleared, when the run began."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.task_state import has_store

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import BaseOperator, Context
    from aimylogic_provider.idempotence.record.record_copies import RunMark

__all__ = [
    "clear_number",
    "clears",
    "is_first_try",
    "is_last",
    "is_last_try",
    "is_mapped",
    "others_since",
    "run_began",
    "run_mark",
    "run_since",
    "tasks_of_dag",
    "this_try",
    "was_cleared",
]


def is_mapped(context: Context) -> bool:
    """Whether the task is mapped over a list."""
    index = context["ti"].map_index
    return index is not None and index >= 0


def is_first_try(context: Context) -> bool:
    """Whether surely no try of this task instance has run before, by Airflow's word.

    (Whether this very try did, and was resumed, is for the caller to know.) Airflow counts tries when it schedules
    them, and never goes back, through clears and mended upstream tasks. So what never ran has number 1, also in a run
    that was cleared; and number 1 is what never ran, but for these:

    - ``airflow tasks test`` runs again what ran, under the number that it had. (In a run of its own, it is 0.)
    - What is rescheduled runs again under its number, as 3.4's retry policies do.
    - A mapped list that grew gives its new index number 1 in a cleared run; the person may have had another index.
    - An iteration of a loop that was made anew has number 1 again.
    - What has XComs has run, whatever the number.

    (On 3.4 a task that never ran and was cleared twice has number 2, as has one that ran.)
    """
    from aimylogic_provider.airflow_task.task_loops import may_replace_another

    ti = context["ti"]
    if ti.try_number == 0:
        return _of_its_own(context) and clear_number(context) == 0
    if ti.try_number != 1 or _is_tasks_test(context) or context.get("task_reschedule_count"):
        return False
    if (is_mapped(context) and was_cleared(context)) or may_replace_another(context):
        return False
    from_server = getattr(ti, "_ti_context_from_server", None)
    return not getattr(from_server, "xcom_keys_to_clear", None)


def _of_its_own(context: Context) -> bool:
    """Whether the run is one that ``airflow tasks test`` made for this task, and deletes afterwards."""
    return str(context["ti"].run_id).startswith("__airflow_temporary_run_")


def _is_tasks_test(context: Context) -> bool:
    """Whether ``airflow tasks test`` runs this task in a run that exists.

    It runs it in its own process, as ``dag.test()`` does, which marks its runs.
    """
    from airflow.sdk.execution_time import task_runner

    comms = getattr(task_runner, "SUPERVISOR_COMMS", None)
    in_process = type(comms).__name__ == "InProcessSupervisorComms"
    by_dag_test = getattr(context["dag_run"], "triggering_user_name", None) == "dag_test"
    return in_process and (not by_dag_test or "AIRFLOW_TEST_MODE" in os.environ)


def was_cleared(context: Context) -> bool:
    """Whether the task was cleared, as far as Airflow tells: its run was, or its tries go on beyond its retries.

    A clear counts the run's clears up, but not each does: not one that leaves the run's state, nor, on 3.1, one in a
    run that goes on. Each raises ``max_tries`` by the tries that were had.
    """
    if clear_number(context) != 0:
        return True
    ti = context["ti"]
    most, retries = getattr(ti, "max_tries", None), getattr(getattr(ti, "task", None), "retries", None)
    return isinstance(most, int) and isinstance(retries, int) and most > retries


def run_mark(context: Context, *, resumed: bool = False) -> RunMark:
    """Return what tells this try, and the life of its run, from others.

    :param resumed: whether an earlier run of this try asked a person
    """
    from aimylogic_provider.airflow_task.task_loops import has_region, may_replace_another
    from aimylogic_provider.idempotence.record.record_copies import RunMark

    run = context["dag_run"]
    return RunMark(
        run_after=None if run.run_after is None else run.run_after.timestamp(),
        start=None if run.start_date is None else run.start_date.timestamp(),
        clear_number=clear_number(context),
        try_number=context["ti"].try_number,
        replaces=may_replace_another(context),
        first=is_first_try(context) and not resumed,
        cleared=was_cleared(context),
        remembers=has_store(context),
        most_tries=getattr(context["ti"], "max_tries", None),
        region=has_region(context),
    )


def is_last(context: Context, error: BaseException) -> bool:
    """Whether Airflow makes no further try after this error, until somebody clears the task."""
    from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException
    from aimylogic_provider.calls_api.errors import RejectedError

    if isinstance(error, (AirflowFailException, RejectedError)) or getattr(error, "retryable", True) is False:
        return True
    return is_last_try(context)


def is_last_try(context: Context) -> bool:
    """Whether Airflow makes no further try after this one, however it ends, until somebody clears the task."""
    most: int | None = getattr(context["ti"], "max_tries", None)
    return most is not None and context["ti"].try_number > most


def run_began(context: Context, *, resumed: bool = False) -> float | None:
    """Return a time, in Unix seconds by Airflow's clock, before which nothing was done for the run; None if unknown.

    A clear sets ``start_date`` anew, and so does whoever sets the run to queued, which counts no clear. So it counts
    for what surely never ran; else ``run_after`` does, which lies no later than the true start, often long before it.

    :param resumed: whether an earlier run of this try asked a person
    """
    return run_mark(context, resumed=resumed).began


def run_since(context: Context) -> float | None:
    """Return a time, by any clock, before which nothing was done for this run; None if it was cleared, or isn't known.

    For telling it from a run of the same id that was deleted, where this task's entry is empty.
    """
    from aimylogic_provider.idempotence.time_limits import AIRFLOW_SLACK

    since = run_mark(context).since
    return None if since is None else since - AIRFLOW_SLACK


def others_since(context: Context) -> float | None:
    """As :func:`run_since`, of what other tasks and map indexes did, which may have run before the run began anew."""
    from aimylogic_provider.idempotence.time_limits import AIRFLOW_SLACK

    mark = run_mark(context)
    return None if mark.clear_number != 0 or mark.earliest is None else mark.earliest - AIRFLOW_SLACK


def tasks_of_dag(context: Context, task: BaseOperator) -> Collection[str] | None:
    """Return the ids of all tasks that the DAG has, as far as a worker knows; None if it doesn't.

    :param task: the operator, which may be of no DAG, as one that a function makes and executes
    """
    dag: Any = context.get("dag") or task.get_dag()
    return None if dag is None else frozenset(dag.task_dict)


def clear_number(context: Context) -> int:
    """Return how often the DAG run was cleared, or -1 if Airflow doesn't say."""
    number: int | None = getattr(context["dag_run"], "clear_number", None)
    return -1 if number is None else number


def clears(context: Context) -> str:
    """Return what another clear of the run, or of this task instance, changes; empty if Airflow doesn't say.

    A clear raises the run's number, and the most tries of each task instance that it clears.
    """
    number = clear_number(context)
    return "" if number < 0 else f"{number} {getattr(context['ti'], 'max_tries', None)}"


def this_try(context: Context) -> str:
    """Return what no other try has: Airflow gives each an id of its own, and a number."""
    ti = context["ti"]
    return f"{getattr(ti, 'id', '')} {ti.try_number}"
