"""Reminders of overdue debts, by rules that a lawyer can read here: consent, refusals, hours, frequency, withdrawal.

The rules are those of Russia's Federal Law No. 230-FZ of 3 July 2016, on the return of overdue debts of natural
persons, in its text as of 1 February 2024, as far as a dialling task can keep them. **This is an example, and no legal
advice**: which laws hold for your calls, and what they ask besides (who may call, what is said, that a robot says that
it is one, how long recordings are kept), is for your lawyer.

Needs the connections ``aimylogic_default`` (a campaign of its own) and ``warehouse``: any database that Airflow has a
hook for, with the tables ``debtor(id, phone, gmt_zone, name, owes, agreed_on)`` and ``said_no(phone)``. Frequency needs
Airflow's ``fernet_key``, by which people are known without their phones.

``collections_by_the_rules`` calls in the morning. ``collections_withdrawn`` brings results home each hour, and takes
back the calls of those who have paid, or said no, since. What became of each debtor, who was left out and why, stands
in the table ``aimylogic_collections`` of the same database.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.operators import UpdateResultsOperator, WithdrawCallsOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator

RESULTS = "aimylogic_collections"

# Who is to be called: whoever owes something, and hasn't paid. It asks the debtors alone, and not the results, for it
# tells both whom to call in the morning and whose call is still to be made later in the day.
STILL_OWES = """
    select cast(id as varchar(250)) as id, phone, gmt_zone, name, owes, agreed_on from debtor
    where owes > 0
    order by debtor.id
"""

# Article 8: whoever refused to be called, or is spoken for by somebody else, is not called. Phones may be written in
# any way. It is asked when the list is made, and again right before each request.
SAID_NO = "select phone from said_no"

# 5 seconds, 10, 20 …, and two hours in all: longer than a new job may take to show in the campaign's report.
TRIED_AGAIN = {
    "retries": 9,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(hours=1),
}

with DAG(
    dag_id="collections_by_the_rules",
    schedule="0 5 * * *",  # in UTC: 8 o'clock in Moscow. Who lives further west is rung when it is 8 there
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["aimylogic", "example"],
    default_args=TRIED_AGAIN,
    doc_md=__doc__,
) as calling:
    SqlToAimylogicOperator(
        task_id="call_debtors",
        sql=STILL_OWES,
        sql_conn_id="warehouse",
        key_columns=["id"],  # kept beside each call and in the results, not sent
        results_table=RESULTS,
        # The law of this country, so nobody abroad: 8 (912) 345-67-89 is a number of it, and others are rejected.
        phone_region="RU",
        countries=["RU"],
        gmt_zone_column="gmt_zone",  # the debtor's own clock; NULL for the number's, which may not tell it
        payload_columns=["name", "owes"],  # what the campaign's script reads, and nothing else of a person
        # Consent to the processing of one's data (Federal Law No. 152-FZ, article 9): a date, or a document's number,
        # which is kept in the results as the evidence. Without one, a row is rejected.
        consent_column="agreed_on",
        # Article 8: see above. If the refusals can't be read, nobody is called.
        exclude_sql=SAID_NO,
        exclude_conn_id="warehouse",
        # Article 7, part 3, item 3: not more than once a day, twice a week, eight times a month. Counted for a phone,
        # over all tasks that have this cap and their results in this database. A week is any 7 days, a month any 31.
        max_calls_per_person=[
            {"calls": 1, "days": 1},
            {"calls": 2, "days": 7},
            {"calls": 8, "days": 31},
        ],
        policy={
            # Article 7, part 3, item 1: from 8 to 22 on working days, from 9 to 20 on days off, by the debtor's own
            # clock. Public holidays aren't known here: "RU 230-FZ any day" keeps to 9 to 20 on all days.
            "allowed_time": "RU 230-FZ",
            # What the caps count is calls that are added. Each is rung once, so that no second ring goes uncounted.
            "max_attempts": 1,
        },
        # Nobody is rung on a later day than that of which the caps know.
        call_before="{{ dag_run.run_after + macros.timedelta(hours=15) }}",
        # No law's, but sense's: a broken WHERE calls nobody, but asks a person.
        max_calls=50_000,
        max_change=1.0,
        on_excess="ask",
        max_rejected=1_000,  # more rows without consent, or with bad phones, and somebody should look first
    )

with DAG(
    dag_id="collections_withdrawn",
    schedule="30 * * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["aimylogic", "example"],
    default_args=TRIED_AGAIN,
    doc_md=__doc__,
) as withdrawing:
    results = UpdateResultsOperator(
        task_id="bring_results_home",
        results_table=RESULTS,
        results_conn_id="warehouse",
        dag_ids="collections_by_the_rules",
    )
    # Still to be called is who still owes, and hasn't said no. Phones are compared as they are written here: of who is
    # written in two ways, what isn't sent yet is kept back by the task above.
    withdraw = WithdrawCallsOperator(
        task_id="withdraw_who_paid",
        results_table=RESULTS,
        dag_ids="collections_by_the_rules",
        sql="""
            select cast(id as varchar(250)) as id from debtor
            where owes > 0 and not exists (select 1 from said_no where said_no.phone = debtor.phone)
        """,
        sql_conn_id="warehouse",
        key_columns=["id"],
        max_withdrawn=0.5,  # more of those who wait than that, and somebody should look first
        on_excess="ask",
    )
    results >> withdraw
