"""Every morning, one call: the person on duty is told that the night's report is ready.

Needs the connection ``aimylogic_default``. A retry, at whatever time, finds the same call job. Unpausing the DAG runs
it at once for the last nine o'clock that has passed, as Airflow does with every schedule: someone is called then. A
backfill of days gone by calls nobody; whoever triggers the DAG by hand has the person called, once within an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.sdk import DAG

from aimylogic_provider.operators import AddPhoneOperator

with DAG(
    dag_id="add_phone_scheduled",
    schedule="0 9 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Moscow")),
    catchup=False,
    tags=["aimylogic", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
):
    today = LatestOnlyOperator(task_id="today_alone")
    today >> AddPhoneOperator(
        task_id="call_person_on_duty",
        phone="{{ var.value.get('phone_on_duty', '+1 202 555 0123') }}",  # without the variable, nobody's number
        payload={"report": "nightly", "date": "{{ dag_run.run_after | ds }}"},
        gmt_zone="Europe/Moscow",
        only_new=timedelta(hours=1),
    )
