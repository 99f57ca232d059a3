"""A call for the tests of what a clear finds: with and without a second record, by connections that each test makes."""

from __future__ import annotations

import inspect
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, task_group

from aimylogic_provider.operators import AddPhoneOperator

PARAMS = {"phone": "79123456789", "iterations": 3}
ARGUMENTS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1),
    "params": PARAMS,
    "default_args": {"retries": 3, "retry_delay": timedelta(seconds=1)},
}


def call(record: str, **more: Any) -> AddPhoneOperator:
    """A call whose payload a variable changes, by the run's id."""
    chosen: dict[str, Any] = {"second_record": record == "with"}
    known = inspect.signature(AddPhoneOperator.__init__).parameters
    return AddPhoneOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        payload={"name": "{{ var.value.get(run_id, 'Alex') }}"},
        aimylogic_conn_id=f"cleared_{record}",
        **{name: value for name, value in chosen.items() if name in known},
        **more,
    )


def enough(loop: Any, params: dict[str, Any]) -> bool:
    """The gate of a loop."""
    return bool(loop.index + 1 >= params["iterations"])


for record in ("with", "without"):
    with DAG(dag_id=f"cleared_{record}", **ARGUMENTS):
        call(record)

    with DAG(dag_id=f"cleared_mapped_{record}", **ARGUMENTS):
        AddPhoneOperator.partial(
            task_id="add_phone",
            phone="{{ params.phone }}",
            payload={"name": "{{ var.value.get(run_id, 'Alex') }}"},
            aimylogic_conn_id=f"cleared_{record}",
            second_record=record == "with",
        ).expand(call_again=["one", "two"])

    with DAG(dag_id=f"cleared_asks_{record}", **ARGUMENTS):
        call(record, on_unknown="ask")

    @task_group
    def body(record: str) -> None:
        """What a loop repeats."""
        call(record)

    if hasattr(body, "loop"):
        with DAG(dag_id=f"cleared_loop_{record}", **ARGUMENTS):
            body.partial(record=record).loop(max_iterations=5, until=enough)
