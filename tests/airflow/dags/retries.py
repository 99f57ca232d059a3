"""DAGs for the tests of when the next try comes: tasks that would be tried again at once, or after a day or so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG

from aimylogic_provider.operators import AddPhoneOperator, AddPhonesOperator

ARGUMENTS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1),
    "params": {"phone": "79123456789", "conn_id": "aimylogic_default", "lists": "/tmp"},
}
AT_ONCE: dict[str, Any] = {"retries": 3, "retry_delay": timedelta(seconds=1)}
CALL: dict[str, Any] = {"aimylogic_conn_id": "{{ params.conn_id }}", "report_lag": 1}


def call(**more: Any) -> AddPhoneOperator:
    return AddPhoneOperator(task_id="add_phone", phone="{{ params.phone }}", **{**CALL, **more})


with DAG(dag_id="next_try", **ARGUMENTS, default_args=AT_ONCE):
    call()

with DAG(dag_id="next_try_mapped", **ARGUMENTS, default_args=AT_ONCE):
    AddPhoneOperator.partial(task_id="add_phone", **CALL).expand(phone=["79120000001", "79120000002"])

with DAG(dag_id="next_try_of_list", **ARGUMENTS, default_args=AT_ONCE):
    AddPhonesOperator(
        task_id="add_phones",
        calls=["79120000001", "79120000002"],
        aimylogic_conn_id="{{ params.conn_id }}",
        call_list_path="{{ params.lists }}",
    )

with DAG(dag_id="next_try_in_a_while", **ARGUMENTS, default_args={**AT_ONCE, "retry_delay": timedelta(seconds=8)}):
    call()

try:
    from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryRule
except ImportError:  # Airflow 3.1 and 3.2
    pass
else:
    RULE = RetryRule(exception="aimylogic_provider.retries.RetryLaterError", retry_delay=timedelta(seconds=3))
    with DAG(dag_id="next_try_by_another", **ARGUMENTS, default_args=AT_ONCE):
        call(retry_policy=ExceptionRetryPolicy([RULE]))

    # After the first try a second, and after that a day: Airflow 3.1 takes no such factor.
    LATER = {"retries": 3, "retry_delay": timedelta(seconds=1), "retry_exponential_backoff": 100_000.0}
    with DAG(dag_id="next_try_a_day_later", **ARGUMENTS, default_args=LATER):
        call()
