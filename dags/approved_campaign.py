"""The customers whose payment is due, called once a person has seen what the list holds, and said yes.

Needs the connections ``aimylogic_default`` and ``warehouse``, as ``warehouse_to_campaign`` does. Start it by hand; the
question waits among Airflow's *Required actions*. It shows the counts, why rows were rejected, what a yes costs, and
the first calls, in which nobody can be recognised: phones as ``7912***6789``, dates whole, and of every other value the
first character.

What became of each customer stands in the table ``aimylogic_calls``, and whoever was called within the last 30 days is
left out. A list that waits for its answer holds its customers: another run, meanwhile, calls none of them.

A yes sends the very list that was shown, however often the task is retried or cleared. A no sends nothing, deletes the
list, and ends the run as a success.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.operators import ApproveCallListOperator, PrepareCallListOperator, SendCallListOperator

with DAG(
    dag_id="approved_campaign",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    max_active_runs=64,  # a run whose question waits is an active one, and the next ones shall begin all the same
    tags=["aimylogic", "example"],
    default_args={"retries": 5, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
):
    prepared = PrepareCallListOperator(
        task_id="prepare",
        sql="select id, phone, gmt_zone, name, due from customer order by id",
        sql_conn_id="warehouse",
        key_columns=["id"],
        results_table="aimylogic_calls",  # all three are told: what a list holds, a no lets go of
        only_new=timedelta(days=30),  # whoever was called, or may have been, by the table
        gmt_zone_column="gmt_zone",
        policy={"allowed_time": {"default": [["09:00", "20:00"]]}, "max_attempts": 3},
    )
    approved = ApproveCallListOperator(
        task_id="ask_whether_to_call",
        call_list=prepared.output,
        body="Customers whose payment is **due**, for the campaign of `aimylogic_default`.",
        response_timeout=timedelta(days=2),  # nobody answered: a no
        defaults="Reject",
        results_table="aimylogic_calls",
        results_conn_id="warehouse",
    )
    SendCallListOperator(
        task_id="send", call_list=approved.output, results_table="aimylogic_calls", results_conn_id="warehouse"
    )
