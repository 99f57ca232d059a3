"""Every morning's calls, and who is rung if they aren't made: the person on call, once for a run that fails.

Needs the connections ``aimylogic_default`` and ``warehouse``: any database that Airflow has a hook for, with a table
``customer(id, phone, name)``; and the variable ``on_call_phone``, so that whoever has duty is named without a change of
this file.

The notifier stands on the DAG and, by ``default_args``, on each task: the first callback that runs rings, and all
others of the run ring nobody. A run that isn't over by half past ten rings, too: that is another event.

Whom a run called, or may have called, within the last 20 hours is left out by the next one, as the table
``aimylogic_on_call`` of the warehouse tells: so a second click on *Trigger*, or a backfill, rings no customer again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG
from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference

from aimylogic_provider.notifications import AimylogicNotifier
from aimylogic_provider.transfers import SqlToAimylogicOperator

ON_CALL = "{{ var.value.on_call_phone }}"
ring = AimylogicNotifier(phone=ON_CALL)

with DAG(
    dag_id="on_call",
    schedule="0 9 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["aimylogic", "example"],
    default_args={"retries": 2, "retry_delay": timedelta(minutes=15), "on_failure_callback": ring},
    on_failure_callback=ring,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=1, minutes=30),
        callback=AsyncCallback(AimylogicNotifier, kwargs={"phone": ON_CALL}),
    ),
    doc_md=__doc__,
):
    SqlToAimylogicOperator(
        task_id="call_customers",
        sql="select id, phone, name from customer order by id",
        sql_conn_id="warehouse",
        key_columns=["id"],
        payload_columns=["name"],
        results_table="aimylogic_on_call",  # made before the query, if there is none
        only_new=timedelta(hours=20),
    )
