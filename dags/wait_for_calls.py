"""Every morning, all customers: called, waited for, and counted by what became of their calls.

Needs the connections ``aimylogic_default`` and ``warehouse``: any database that Airflow has a hook for, with a table
``customer(id, phone, gmt_zone, name, due)``.

The list is waited for by a task of its own, in the triggerer, until nine of ten calls are over; if twelve hours pass
first, that task fails, and nobody is told. Then the head of the team is called with the count, and waited for: that
task fails if the number doesn't exist, or by a technical error.

Whom a run called, or may have called, within the last 20 hours is left out by the next one, as the table
``aimylogic_mornings`` of the warehouse tells: so a second click on *Trigger*, or a backfill, rings no customer again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param, task

from aimylogic_provider.operators import AddPhoneOperator
from aimylogic_provider.sensors import CallJobSensor
from aimylogic_provider.transfers import SqlToAimylogicOperator

REACHED = ("longCallWithResult", "longCallWithNoResult")

with DAG(
    dag_id="wait_for_calls",
    schedule="0 9 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["aimylogic", "example"],
    default_args={"retries": 4, "retry_delay": timedelta(minutes=15)},
    params={
        "team_phone": Param(
            "+1 202 555 0123",
            type="string",
            title="The team's phone",
            description="Who is told how many were reached. This number rings nobody: write your own.",
        )
    },
    doc_md=__doc__,
):
    called = SqlToAimylogicOperator(
        task_id="call_customers",
        sql="select id, phone, gmt_zone, name, due from customer order by id",
        sql_conn_id="warehouse",
        key_columns=["id"],
        gmt_zone_column="gmt_zone",
        payload_columns=["name", "due"],
        results_table="aimylogic_mornings",  # made before the query, if there is none
        only_new=timedelta(hours=20),
    )
    over = CallJobSensor(
        task_id="until_most_are_over",
        call_list=called.output,
        completed_share=0.9,
        poke_interval=timedelta(minutes=1),
        timeout=timedelta(hours=12),
        deferrable=True,
    )

    @task
    def how_many_were_reached(jobs: dict[str, int]) -> str:
        """Tell it in words; of a run that called nobody, the team isn't told."""
        from airflow.providers.common.compat.sdk import AirflowSkipException

        if not jobs:
            raise AirflowSkipException("this run called nobody")
        reached = sum(jobs.get(status, 0) for status in REACHED)
        return f"{reached} of {sum(jobs.values())} were reached"

    told = how_many_were_reached(over.output)
    AddPhoneOperator(
        task_id="call_the_team",
        phone="{{ params.team_phone }}",
        payload={"result": told},
        wait_for_completion=True,
        deferrable=True,
        poll_interval=timedelta(minutes=1),
        wait_timeout=timedelta(hours=2),
        fail_on=["nonexistentNumber", "technicalError"],
    )
