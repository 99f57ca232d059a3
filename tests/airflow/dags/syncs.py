"""DAGs for the tests with a real Airflow: a sync by each method, retried at once and often."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator

ARGUMENTS = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1),
    # The lag is let pass by moving the emulator's clock, between tries that come at once.
    "default_args": {"retries": 40, "retry_delay": timedelta(seconds=1), "retry_policy": None},
    "params": {
        "conn_id": "aimylogic_default",
        "sql_conn_id": "warehouse",
        "results_conn_id": "warehouse",
        "lists": "/tmp",
    },
}
PREPARING = {
    "sql": "select id, phone, name, due from customer order by id",
    "sql_conn_id": "{{ params.sql_conn_id }}",
    "key_columns": ["id"],
    "call_list_path": "{{ params.lists }}",
    "batch_size": 200,
}

for method, concurrency in (("addPhones", 3), ("addPhone", 16)):
    with DAG(dag_id=f"sync_{method}", **ARGUMENTS):
        SqlToAimylogicOperator(
            task_id="sync",
            aimylogic_conn_id="{{ params.conn_id }}",
            method=method,
            concurrency=concurrency,
            results_table="calls",
            results_conn_id="{{ params.results_conn_id }}",
            **PREPARING,
        )

with DAG(dag_id="sync_in_halves", **ARGUMENTS):
    prepared = PrepareCallListOperator(task_id="prepare", shards=2, **PREPARING)
    SendCallListOperator.partial(
        task_id="send", call_list=prepared.output, aimylogic_conn_id="{{ params.conn_id }}"
    ).expand(shard=[0, 1])
