"""A list that is too long for one worker: frozen once, sent in shards by tasks side by side, and reported as one.

Needs the connections ``aimylogic_default`` and ``warehouse``, as ``warehouse_to_campaign`` does. A shard that fails is
retried alone, and goes on with its own part. To go on with what failed for good, clear ``send``, not ``prepare``.

Whoever was called within the last 30 days is left out, as in ``warehouse_to_campaign``; of two runs at once, only one
calls a customer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator, SumReportsOperator

SHARDS = 4

with DAG(
    dag_id="warehouse_to_campaign_sharded",
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
    prepared = PrepareCallListOperator(
        task_id="prepare",
        sql="select id, phone, gmt_zone, name, due from customer order by id",
        sql_conn_id="warehouse",
        results_table="aimylogic_calls",
        only_new=timedelta(days=30),  # whoever was called, or may have been, by the table
        shards=SHARDS,
        key_columns=["id"],
        gmt_zone_column="gmt_zone",
        payload_columns=["name", "due"],
        policy={"allowed_time": {"default": [["09:00", "20:00"]]}, "max_attempts": 3, "retry_interval_minutes": 60},
        call_before="{{ dag_run.run_after + macros.timedelta(days=2) }}",
        max_rejected=100,  # rejected rows are selected again, until they are corrected
    )
    sent = SendCallListOperator.partial(
        task_id="send",
        call_list=prepared.output,
        results_table="aimylogic_calls",
        results_conn_id="warehouse",
        requests_per_second=5,  # of each shard; by addPhones, a request bears up to batch_size numbers
        max_active_tis_per_dagrun=SHARDS,  # how many shards at a time: fewer, to spare the server
        # pool="aimylogic",  # bounds all DAGs together, once Airflow has a pool of that name
    ).expand(shard=list(range(SHARDS)))
    SumReportsOperator(task_id="report", reports=sent.output)
