"""DAGs for the real kills: eight calls side by side, three of them mapped; one call; one that is backfilled."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from aimylogic_provider.operators import AddPhoneOperator

ARGUMENTS: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1),
    # The lag is let pass by moving the emulator's clock, between tries that come at once.
    "default_args": {"retries": 60, "retry_delay": timedelta(seconds=1), "retry_policy": None},
    "params": {"conn_id": "aimylogic_default", "first": 79120000000},
}
PLAIN, MAPPED = 5, 3

with DAG(dag_id="eight_calls", schedule=None, **ARGUMENTS):
    for number in range(PLAIN):
        AddPhoneOperator(
            task_id=f"call_{number}",
            phone=f"{{{{ params.first + {number} }}}}",
            payload={"name": f"Customer {number}"},
            aimylogic_conn_id="{{ params.conn_id }}",
        )

    @task
    def people() -> list[dict[str, object]]:
        params = get_current_context()["params"]
        return [
            {"phone": str(params["first"] + PLAIN + number), "payload": {"name": f"Customer {PLAIN + number}"}}
            for number in range(MAPPED)
        ]

    AddPhoneOperator.partial(task_id="mapped", aimylogic_conn_id="{{ params.conn_id }}").expand_kwargs(people())

with DAG(dag_id="a_call", schedule=None, **ARGUMENTS):
    AddPhoneOperator(
        task_id="call",
        phone="{{ params.first }}",
        payload={"name": "Alex"},
        aimylogic_conn_id="{{ params.conn_id }}",
    )

with DAG(dag_id="backfilled", schedule="0 9 * * *", end_date=datetime(2026, 1, 31), catchup=False, **ARGUMENTS):
    AddPhoneOperator(
        task_id="call",
        phone="{{ params.first }}",
        payload={"date": "{{ ds }}"},
        aimylogic_conn_id="{{ params.conn_id }}",
    )
