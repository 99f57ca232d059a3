"""People whom a task finds, each called by a policy of its own: no database is needed.

Needs the connection ``aimylogic_default``. Give the people when you trigger the DAG, or use the default. Whoever is to
be called at once is dialled first, and often; all others by day, within two days. A retry goes on with the calls that
were frozen first, whatever ``calls`` would return by then. Whom a run of this DAG called within the last day isn't
called by another one, so that a second click on *Trigger* rings nobody.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param, get_current_context, task

from aimylogic_provider.operators import AddPhonesOperator

# Numbers that ring nobody: +1 202 555 01.. is kept for fiction.
PEOPLE = [
    {"id": 1, "phone": "+12025550123", "name": "Alex", "at_once": True},
    {"id": 2, "phone": "+12025550145", "name": "Maria", "at_once": False},
]

with DAG(
    dag_id="add_phones_by_policy",
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
            description="Objects with id, phone, name, and whether to call at once.",
            items={"type": "object", "required": ["id", "phone", "name"]},
            minItems=1,
        )
    },
):

    @task(show_return_value_in_logs=False)  # or Airflow would write whole phones into the log
    def calls() -> list[dict[str, object]]:
        """Turn people into calls."""
        now = datetime.now(UTC)
        at_once = {"priority": 1, "retry_interval_minutes": 5, "finish": (now + timedelta(hours=4)).isoformat()}
        by_day = {
            "allowed_time": {"default": [["09:00", "20:00"]]},
            "retry_interval_minutes": 120,
            "finish": (now + timedelta(days=2)).isoformat(),
        }
        return [
            {
                "phone": person["phone"],
                "payload": {"name": person["name"]},  # what the campaign's script reads
                "policy": at_once if person.get("at_once") else by_day,
                "key": person["id"],  # kept beside the call, and in rejected.csv; not sent
            }
            for person in get_current_context()["params"]["people"]
        ]

    AddPhonesOperator(
        task_id="add_phones",
        calls=calls(),
        policy={"max_attempts": 3},
        only_new=timedelta(days=1),  # told by this task's own lists
        max_active_tis_per_dag=1,  # one list at a time: each sees whom the other one called
    )
