"""Every morning: results come home, and who didn't answer is called again, three times in all at most.

Needs the connections ``aimylogic_default`` and ``warehouse``: any database that Airflow has a hook for, with a table
``customer(id, phone, gmt_zone, name, due)``.

What became of each customer stands in the table ``aimylogic_results`` of the same database, which the first task brings
up to date and the second one asks. Whoever is new is called. Whoever was reached is not called again, and neither is
anybody whose call is open, is parked, or was cancelled, or whose number doesn't exist; a number that was rejected or
refused is tried again, once corrected. So a run that is triggered twice, backfilled, or begins while yesterday's calls
are open calls nobody twice: an open call's customer is for a later run. Of two runs at once, only one calls a customer.
A customer is known by ``id``. Of two with one phone only the first is called, if both stand there on one day; one who
comes later, under another id, is called for that as well.

Beside that, all jobs and attempts of the campaign, whoever added them, come home into ``aimylogic_jobs`` and
``aimylogic_attempts``, from where the last run ended.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.operators import UpdateResultsOperator
from aimylogic_provider.transfers import AimylogicToSqlOperator, SqlToAimylogicOperator

with DAG(
    dag_id="campaign_results",
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
) as dag:
    results = UpdateResultsOperator(
        task_id="bring_results_home",
        results_table="aimylogic_results",
        results_conn_id="warehouse",
    )
    call = SqlToAimylogicOperator(
        task_id="call_customers",
        # Of a finished call, notDone and technicalError reached nobody either; with any other status it is settled.
        sql="""
            select cast(id as varchar(250)) as id, phone, gmt_zone, name, due from customer
            where not exists (
                select 1 from aimylogic_results
                where aimylogic_results.id = cast(customer.id as varchar(250))
                  and aimylogic_results.outcome not in ('rejected', 'refused', 'expired', 'claimed', 'excluded')
                  and not (
                      aimylogic_results.outcome = 'created'
                      and aimylogic_results.finished_at is not null
                      and aimylogic_results.job_status in ('noAnswer', 'notDone', 'technicalError')
                  )
            ) and 3 > (
                select count(*) from aimylogic_results
                where aimylogic_results.id = cast(customer.id as varchar(250))
                  and aimylogic_results.outcome = 'created'
            )
            order by customer.id
        """,
        sql_conn_id="warehouse",
        key_columns=["id"],  # kept beside each call and in the results, not sent
        results_table="aimylogic_results",  # made before the query, if there is none
        gmt_zone_column="gmt_zone",
        payload_columns=["name", "due"],  # what the campaign's script reads
        policy={"allowed_time": {"default": [["09:00", "20:00"]]}},
        max_rejected=100,  # more bad rows than that, and somebody should look first
    )
    results >> call
    # Nothing here hangs on it: what one run misses, the next one brings.
    reports = AimylogicToSqlOperator(task_id="bring_reports_home", sql_conn_id="warehouse")
