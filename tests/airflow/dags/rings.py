"""DAGs that fail, and ring who is on call: each callback runs three times, as if Airflow had repeated it."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timedelta

from airflow import __version__
from airflow.sdk import DAG, task
from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference, SyncCallback

from aimylogic_provider.notifications import AimylogicNotifier

ARGUMENTS = {"schedule": None, "start_date": datetime(2026, 1, 1), "catchup": False}
CALL = {"phone": "{{ dag_run.conf.phone }}", "aimylogic_conn_id": "{{ dag_run.conf.conn_id }}"}
on_call = AimylogicNotifier(**CALL, once_per="task")
once_a_run = AimylogicNotifier(**CALL, payload={"words": "{{ dag.dag_id }} failed"})

with DAG(dag_id="rings_on_failure", on_failure_callback=[on_call] * 3, **ARGUMENTS):

    @task(retries=0, on_failure_callback=[on_call] * 3)
    def fails() -> None:
        """Fail."""
        raise RuntimeError("it can't be done")

    fails()

with DAG(dag_id="rings_once_a_run", on_failure_callback=once_a_run, **ARGUMENTS):

    @task(retries=0, on_failure_callback=once_a_run)
    def fail(number: int) -> None:
        """Fail."""
        raise RuntimeError(f"{number} can't be done")

    fail.expand(number=[1, 2, 3])

with DAG(dag_id="rings_for_the_killed", **ARGUMENTS):

    @task(retries=0, on_failure_callback=[on_call] * 3)
    def is_killed() -> None:
        """End, and the supervisor with it, so that nobody but the scheduler notices."""
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    is_killed()

# An executor's callback gets no connection that Airflow's database holds.
IN_ENVIRONMENT = {**CALL, "aimylogic_conn_id": "in_environment"}
for kind, callbacks in (
    (
        "triggerer",
        [
            AsyncCallback(AimylogicNotifier, CALL),
            AsyncCallback(AimylogicNotifier, CALL),
            AsyncCallback(AimylogicNotifier, {"phone": "+7 912 345-67-88", "aimylogic_conn_id": "not_there"}),
        ],
    ),
    ("executor", [SyncCallback(AimylogicNotifier, IN_ENVIRONMENT)]),
):
    if kind == "executor" and __version__.startswith("3.1."):
        continue  # its deadlines are told by the triggerer alone, and the whole file would be an error
    with DAG(
        dag_id=f"misses_deadlines_told_by_{kind}",
        deadline=[
            DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(seconds=1 + number), callback)
            for number, callback in enumerate(callbacks)
        ],
        **ARGUMENTS,
    ):

        @task(retries=0)
        def takes_long() -> None:
            """Take longer than the deadlines allow."""
            import time

            time.sleep(8)

        takes_long()
