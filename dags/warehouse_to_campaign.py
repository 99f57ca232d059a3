"""Every morning, the customers whose payment is due: selected in the warehouse, and called once each.

Needs the connections ``aimylogic_default`` and ``warehouse``: any database that Airflow has a hook for, with a table
``customer(id, phone, gmt_zone, name, due)``. A retry, at whatever time, goes on with the list that was frozen first.

What became of each customer stands in the table ``aimylogic_calls`` of the same database. Whoever was called, or may
have been, within the last 30 days is left out; a number that was rejected or refused is tried again, once corrected,
and so is one whose call expired. Of two runs at once, triggered twice, say, or in a backfill, only one calls a
customer: the table tells whom the other one's list holds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.transfers import SqlToAimylogicOperator

with DAG(
    dag_id="warehouse_to_campaign",
    schedule="0 7 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["aimylogic", "example"],
    # 5 seconds, 10, 20 …, and two hours in all: longer than a new job may take to show in the campaign's report.
    default_args={
        "retries": 9,
        "retry_delay": timedelta(seconds=5),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(hours=1),
    },
    doc_md=__doc__,
):
    SqlToAimylogicOperator(
        task_id="call_customers",
        sql="select id, phone, gmt_zone, name, due from customer order by id",
        sql_conn_id="warehouse",
        key_columns=["id"],  # kept beside each call and in the results, not sent
        results_table="aimylogic_calls",  # made before the query, if there is none
        only_new=timedelta(days=30),  # whoever was called, or may have been, by the table
        gmt_zone_column="gmt_zone",
        payload_columns=["name", "due"],  # what the campaign's script reads
        policy={"allowed_time": {"default": [["09:00", "20:00"]]}, "max_attempts": 3, "retry_interval_minutes": 60},
        call_before="{{ dag_run.run_after + macros.timedelta(days=2) }}",  # the last fence: nobody is dialled later
        # More bad rows than that, and somebody should look first: rejected rows are selected again, until corrected.
        max_rejected=100,
    )
