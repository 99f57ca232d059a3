"""A DAG for the tests with a real Airflow: a sync, and its report brought home, of which lineage is told."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from aimylogic_provider.transfers import AimylogicToSqlOperator, SqlToAimylogicOperator

with DAG(dag_id="told", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    sync = SqlToAimylogicOperator(
        task_id="sync",
        sql="select id, phone, name from customer where id >= :first",
        parameters={"first": 0},
        sql_conn_id="warehouse",
        key_columns=["id"],
    )
    sync >> AimylogicToSqlOperator(task_id="home", sql_conn_id="warehouse", first_from="2026-01-01T00:00:00Z")
