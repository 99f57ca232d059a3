"""DAGs that wait: for jobs whose ids a file holds, in the triggerer; and for a call of their own, here or there."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG, get_current_context, task

from aimylogic_provider.operators import AddPhoneOperator
from aimylogic_provider.sensors import CallJobSensor

ARGUMENTS = {"schedule": None, "start_date": datetime(2026, 1, 1), "catchup": False}

with DAG(dag_id="many_jobs", **ARGUMENTS):

    @task
    def ids() -> list[str]:
        """Read the ids."""
        found: list[str] = json.loads(Path(get_current_context()["params"]["ids"]).read_text())
        return found

    CallJobSensor(
        task_id="wait",
        ids=ids(),
        aimylogic_conn_id="{{ params.conn_id }}",
        call_list_path="{{ params.folder }}",
        poke_interval=1,
        deferrable=True,
        retries=0,
    )

for where, deferrable in (("worker", False), ("triggerer", True)):
    with DAG(dag_id=f"waited_call_in_{where}", **ARGUMENTS):
        AddPhoneOperator(
            task_id="call",
            phone="{{ params.phone }}",
            aimylogic_conn_id="{{ params.conn_id }}",
            wait_for_completion=True,
            deferrable=deferrable,
            poll_interval=1,
            cancel_on_kill=True,
            retries=0,
            params={"phone": "79123456789", "conn_id": "aimylogic_default"},
        )
