"""Call one person now: trigger this DAG and fill in the form.

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
            "+79123456789",
            type="string",
            pattern=r"^\+[0-9 ()\-]{7,24}$",
            title="Phone",
            description="With a plus and the country code, as in +7 912 345-67-89.",
            # Airflow shows this to whoever enters something else.
            **{"$comment": "Write it in full: +7 912 345-67-89"},
        ),
        "name": Param(
            "Alex",
            type="string",
            maxLength=100,
            title="Name",
            description="What the robot calls the person; the campaign's script reads it as `name`.",
        ),
        "gmt_zone": Param(
            None,
            type=["null", "string"],
            pattern=r"^((UTC|GMT|UT)?(Z|\+[0-9]{1,2}|[+-][0-9]{2}(:?[0-9]{2}){1,2})|[A-Za-z][A-Za-z0-9_/+-]+)$",
            title="Time zone",
            description="As in +03:00 or Europe/Moscow. Left empty, the number's own.",
            **{"$comment": "Write it as +03:00 or Europe/Moscow"},
        ),
    },
):
    AddPhoneOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        payload={"name": "{{ params.name }}"},
        gmt_zone="{{ params.gmt_zone or '' }}",
    )
