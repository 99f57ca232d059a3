"""A DAG for the tests with a real Airflow: a list sent in four shards by tasks side by side, and reported as one."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator, SumReportsOperator

SHARDS = 4

with DAG(
    dag_id="sync_in_shards",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    # The lag is let pass by moving the emulator's clock, between tries that come at once.
    default_args={"retries": 40, "retry_delay": timedelta(seconds=1), "retry_policy": None},
    params={"conn_id": "aimylogic_default", "sql_conn_id": "warehouse", "lists": "/tmp"},
):
    prepared = PrepareCallListOperator(
        task_id="prepare",
        sql="select id, phone, name, due from customer order by id",
        sql_conn_id="{{ params.sql_conn_id }}",
        key_columns=["id"],
        call_list_path="{{ params.lists }}",
        batch_size=50,
        shards=SHARDS,
    )
    sent = SendCallListOperator.partial(
        task_id="send",
        call_list=prepared.output,
        aimylogic_conn_id="{{ params.conn_id }}",
        call_list_path="{{ params.lists }}",
        concurrency=1,
        results_table="calls",
        results_conn_id="{{ params.sql_conn_id }}",
    ).expand(shard=list(range(SHARDS)))
    SumReportsOperator(task_id="report", reports=sent.output)
