"""Several campaigns, a connection each: people are called in the campaign of their city.

Needs a connection for every city, ``aimylogic_moscow`` and ``aimylogic_perm``. Or as environment variables:

    export AIRFLOW_CONN_AIMYLOGIC_MOSCOW='{"conn_type": "aimylogic", "password": "<token of one campaign>"}'
    export AIRFLOW_CONN_AIMYLOGIC_PERM='{"conn_type": "aimylogic", "password": "<token of the other>"}'
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param, get_current_context, task

from aimylogic_provider.operators import AddPhoneOperator

CAMPAIGNS = {"Moscow": "aimylogic_moscow", "Perm": "aimylogic_perm"}
PEOPLE = [
    {"phone": "+79123456789", "name": "Alex", "city": "Moscow"},
    {"phone": "+79123456780", "name": "Maria", "city": "Perm"},
]

with DAG(
    dag_id="add_phone_campaigns",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    tags=["aimylogic", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
    params={
        "people": Param(
            PEOPLE,
            type="array",
            title="People",
            description="Objects with phone, name, and city: Moscow or Perm.",
            items={
                "type": "object",
                "required": ["phone", "name", "city"],
                "properties": {"city": {"enum": list(CAMPAIGNS)}},
            },
        )
    },
):

    @task(show_return_value_in_logs=False)  # or Airflow would write whole phones into the log
    def calls() -> list[dict[str, object]]:
        """Turn people into the arguments of one mapped task each."""
        return [
            {
                "phone": person["phone"],
                "payload": {"name": person["name"]},
                "aimylogic_conn_id": CAMPAIGNS[person["city"]],
            }
            for person in get_current_context()["params"]["people"]
        ]

    AddPhoneOperator.partial(task_id="add_phone").expand_kwargs(calls())
