"""A DAG for the tests with a real Airflow: the first calls of a list, waited for in the triggerer, and a test row."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.transfers import SqlToAimylogicOperator

with DAG(
    dag_id="first_calls",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    params={"conn_id": "aimylogic_default", "sql_conn_id": "warehouse", "lists": "/tmp", "mine": ""},
):
    SqlToAimylogicOperator(
        task_id="sync",
        sql="select id, phone, name from customer order by id",
        sql_conn_id="{{ params.sql_conn_id }}",
        key_columns=["id"],
        aimylogic_conn_id="{{ params.conn_id }}",
        call_list_path="{{ params.lists }}",
        results_table="calls",
        test_phone="{{ params.mine }}",
        first=7,
        deferrable=True,
        poll_interval=1,
        retries=2,
        retry_delay=timedelta(seconds=1),
    )
