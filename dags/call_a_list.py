"""Call a list that you paste: numbers, or lines out of a spreadsheet. You see what is wrong with it, and say yes or no.

Trigger this DAG and paste the list into the form, up to 5,000 lines. What is wrong with it stands in the question that
waits among Airflow's *Required actions*, and line by line, with what to do, in the log of `read`. After a yes, the good
lines are called, each once; after a no, nobody is. Bad lines: correct them, and paste the whole list once more. Whom a
run of this DAG called within the last day isn't called by another one, nor whoever stands in a list that isn't over:
so a second click on *Trigger*, and a second yes, ring nobody. To call them again all the same, tick the box: it holds
for whom this DAG called ten minutes before you trigger it, or earlier. So a second click with the box rings nobody,
either.

Needs the connection ``aimylogic_default``. **What you paste is kept with the run**, phones and names in full: in
Airflow's database, and on the pages of the run, for all who may see this DAG's runs, until the run is deleted. Logs,
the question and what tasks return don't show a whole phone. If people's data mustn't be kept there, have them read from
a table (``approved_campaign``), or delete the run once it is over: what it sent stays sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param

from aimylogic_provider.operators import ApproveCallListOperator, PrepareCallsOperator, SendCallListOperator

with DAG(
    dag_id="call_a_list",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    tags=["aimylogic", "example"],
    default_args={"retries": 5, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
    params={
        "people": Param(
            "",
            type="string",
            format="multiline",
            title="Whom to call",
            description_md=(
                "A line for each person, up to 5,000: a phone with a plus and the country code, as +1 202 555 0123, or "
                "cells copied from a spreadsheet. A header (phone, name, city) says what the cells are.\n\n"
                "Whom this DAG called within the last day isn't called again, however often you trigger it: so paste a "
                "corrected list whole. **What you paste is kept with the run**, unmasked, for all who may see this "
                "DAG's runs."
            ),
        ),
        "columns": Param(
            "phone, name",
            type=["null", "string"],
            title="Columns, if the list has no header",
            description="What its cells are, in their order. The campaign's script reads them by these names.",
        ),
        "phone_region": Param(
            None,
            type=["null", "string"],
            title="Country of numbers without a plus",
            description="Its two letters, as RU: then 8 916 123-45-67 is understood, too. Left empty, that is a bad "
            "line. (Logs call this phone_region.)",
        ),
        "again": Param(
            False,
            type="boolean",
            title="Call again whom this DAG called within the last day",
            description="On purpose alone: rings them once more. Not whom it called in the last ten minutes, as by a "
            "second click: for those, wait, and trigger it again. (Logs call this call_again.)",
        ),
    },
):
    read = PrepareCallsOperator(
        task_id="read",
        pasted="{{ params.people }}",
        columns="{{ params.columns or '' }}",
        phone_region="{{ params.phone_region or '' }}",
        only_new=timedelta(days=1),  # told by this DAG's own lists
        call_again="{{ params.again }}",
        policy={"allowed_time": {"default": [["09:00", "20:00"]]}, "max_attempts": 3},
        call_before="{{ dag_run.run_after + macros.timedelta(days=2) }}",  # the last fence: nobody is dialled later
    )
    approved = ApproveCallListOperator(
        task_id="may_they_be_called",
        call_list=read.output,
        response_timeout=timedelta(days=1),  # nobody answered: a no
        defaults="Reject",
    )
    SendCallListOperator(
        task_id="call",
        call_list=approved.output,
        max_active_tis_per_dag=1,  # one list at a time: each sees whom the other one called
    )
