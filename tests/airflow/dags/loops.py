"""Task loops, which came with Airflow 3.4: one call an iteration, and a sync an iteration."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, task_group

from aimylogic_provider.operators import AddPhoneOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator

ARGUMENTS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1),
    "default_args": {"retries": 3, "retry_delay": timedelta(seconds=1)},
}


@task_group
def calls() -> None:
    AddPhoneOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        payload={"name": "{{ var.value.get(run_id, 'Alex') }}"},
        aimylogic_conn_id="{{ params.conn_id }}",
    )


@task_group
def syncs() -> None:
    SqlToAimylogicOperator(
        task_id="sync",
        sql="select id, phone from customer order by id",
        sql_conn_id="{{ params.warehouse }}",
        key_columns=["id"],
        aimylogic_conn_id="{{ params.conn_id }}",
    )


def enough(loop: Any, params: dict[str, Any]) -> bool:
    """The gate."""
    return bool(loop.index + 1 >= params["iterations"])


if hasattr(calls, "loop"):
    PARAMS = {"phone": "79123456789", "conn_id": "aimylogic_default", "warehouse": "warehouse", "iterations": 3}

    with DAG(dag_id="looped_calls", params=PARAMS, **ARGUMENTS):
        calls.loop(max_iterations=5, until=enough)

    with DAG(dag_id="looped_syncs", params=PARAMS, **ARGUMENTS):
        syncs.loop(max_iterations=5, until=enough)
