"""Calls from nine in the morning until eight in the evening: what wasn't reached by then is cancelled.

Needs the connections ``aimylogic_default`` and ``warehouse``: any database that Airflow has a hook for, with a table
``customer(id, phone, gmt_zone, name, due)``. Give the campaign to this DAG alone, for it rests over night.

In the morning the campaign is resumed, and all customers are added. In the evening the jobs of that list which are
still open are cancelled, and the campaign is paused. It is paused, too, if one of the tasks before fails, and the run
fails then all the same: resuming and pausing are a setup and its teardown. Each of these steps can be tried again, or
cleared, without harm; none is tried for longer than an hour, so that no pause comes in the next morning.

Whoever triggers the DAG once more has that run wait for the first one's end, one at a time; by then, as in a backfill
of days gone by, eight o'clock in the evening is past, so that nobody is called, and the run fails.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.sensors.date_time import DateTimeSensor
from airflow.sdk import DAG

from aimylogic_provider.operators import (
    CancelCallsOperator,
    GetCampaignOperator,
    PauseCampaignOperator,
    ResumeCampaignOperator,
)
from aimylogic_provider.transfers import SqlToAimylogicOperator

EVENING = "{{ dag_run.run_after.replace(hour=20, minute=0, second=0) }}"  # in UTC

with DAG(
    dag_id="campaign_hours",
    schedule="0 9 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["aimylogic", "example"],
    default_args={"retries": 4, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
) as dag:
    resume = ResumeCampaignOperator(task_id="resume")
    called = SqlToAimylogicOperator(
        task_id="call_customers",
        sql="select id, phone, gmt_zone, name, due from customer order by id",
        sql_conn_id="warehouse",
        key_columns=["id"],
        gmt_zone_column="gmt_zone",
        payload_columns=["name", "due"],
        call_before=EVENING,  # nobody is dialled later, nor for a day gone by
    )
    evening = DateTimeSensor(
        task_id="evening",
        target_time=EVENING,
        mode="reschedule",
        poke_interval=60.0,
        timeout=timedelta(hours=12).total_seconds(),
    )
    cancel = CancelCallsOperator(task_id="cancel_the_rest", call_list=called.output)
    told = GetCampaignOperator(task_id="look")
    pause = PauseCampaignOperator(task_id="pause").as_teardown(setups=resume, on_failure_fail_dagrun=True)
    resume >> called >> evening >> cancel >> [told, pause]  # not the teardown alone, or it would make the run green
