"""DAGs for the tests with a real Airflow: syncs, whole and in halves, whose lists wait for a person's answer."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator

ARGUMENTS = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1),
    "params": {"conn_id": "aimylogic_default", "sql_conn_id": "warehouse", "lists": "/tmp", "where": "1 = 1"},
}
SELECTING = {
    "sql": "select id, phone, name, due from customer where {{ params.where }} order by id",
    "sql_conn_id": "{{ params.sql_conn_id }}",
    "key_columns": ["id"],
    "call_list_path": "{{ params.lists }}",
    "on_excess": "ask",
}

with DAG(dag_id="braked_sync", **ARGUMENTS):
    SqlToAimylogicOperator(
        task_id="sync", aimylogic_conn_id="{{ params.conn_id }}", results_table="calls", max_change=0.5, **SELECTING
    )

with DAG(dag_id="braked_halves", **ARGUMENTS):
    prepared = PrepareCallListOperator(task_id="prepare", max_calls=10, **SELECTING)
    SendCallListOperator(task_id="send", call_list=prepared.output, aimylogic_conn_id="{{ params.conn_id }}")
