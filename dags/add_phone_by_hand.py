"""Call one person now: trigger this DAG and fill in the form.

Whoever was called within the last hour isn't called once more, so a second click on *Trigger* rings nobody: its run
fails, and says which run called. To call again on purpose, tick the box.
If it can't be known whether the call was added, whoever looks at *Waiting for a person* is asked (menu *Aimylogic*).

Needs the connection ``aimylogic_default``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param

from aimylogic_provider.operators import AddPhoneOperator

with DAG(
    dag_id="add_phone_by_hand",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    tags=["aimylogic", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    doc_md=__doc__,
    params={
        "phone": Param(
            # Empty, so that no run is begun before somebody writes a number. And without a pattern, which Airflow would
            # show to whoever misses it: the task says what is wrong with a phone in words.
            "",
            type="string",
            title="Phone",
            description="With a plus and the country code, as in +1 202 555 0123. Within an hour it is called once, "
            "however often you click Trigger: a second run fails, and says so.",
        ),
        "name": Param(
            "Alex",
            type="string",
            maxLength=100,
            title="Name",
            description="What the robot calls the person; the campaign's script reads it as “name”.",
        ),
        "gmt_zone": Param(
            None,
            type=["null", "string"],
            title="Time zone",
            description="As in +03:00 or Europe/Moscow. Left empty, the number's own.",
        ),
        "again": Param(
            False,
            type="boolean",
            title="Call again",
            description="On purpose alone: rings the number though it was called within the last hour. Not if that was "
            "in the last ten minutes, as by a second click. (Logs call this call_again.)",
        ),
    },
):
    AddPhoneOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        payload={"name": "{{ params.name }}"},
        gmt_zone="{{ params.gmt_zone or '' }}",
        only_new=timedelta(hours=1),
        call_again="{{ params.again }}",
        on_unknown="ask",
    )
