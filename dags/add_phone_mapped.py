"""A short list of people, one mapped task each. Give the list when you trigger the DAG, or use the default.

Needs the connection ``aimylogic_default``. The list may come back in another order: each person, with the same
payload, is called once. For lists of thousands, mapping is the wrong tool, for every person costs a task.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Param, get_current_context, task

from aimylogic_provider.operators import AddPhoneOperator

PEOPLE = [
    {"phone": "+79123456789", "name": "Alex", "city": "Moscow"},
    {"phone": "+79123456780", "name": "Maria", "city": "Perm"},
]

with DAG(
    dag_id="add_phone_mapped",
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
            description="Objects with phone, and whatever else your script reads.",
            items={"type": "object", "required": ["phone"]},
        )
    },
):

    @task(show_return_value_in_logs=False)  # or Airflow would write whole phones into the log
    def calls() -> list[dict[str, object]]:
        """Turn people into the arguments of one mapped task each."""
        people = get_current_context()["params"]["people"]
        return [
            {"phone": person["phone"], "payload": {name: text for name, text in person.items() if name != "phone"}}
            for person in people
        ]

    AddPhoneOperator.partial(task_id="add_phone").expand_kwargs(calls())
