"""DAGs for the tests with a real Airflow: two lists, each approved by a person of its own, and what follows that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, task_group

from aimylogic_provider.operators import (
    AddPhoneOperator,
    ApproveCallListOperator,
    PrepareCallListOperator,
    SendCallListOperator,
)

ARGUMENTS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1),
    "default_args": {"retries": 3, "retry_delay": timedelta(seconds=1)},
    "params": {"conn_id": "aimylogic_default", "sql_conn_id": "warehouse", "lists": "/tmp"},
}
PREPARE: dict[str, Any] = {
    "task_id": "prepare",
    "sql_conn_id": "{{ params.sql_conn_id }}",
    "call_list_path": "{{ params.lists }}",
}
SEND: dict[str, Any] = {"aimylogic_conn_id": "{{ params.conn_id }}", "call_list_path": "{{ params.lists }}"}
# By the path, Airflow 3.1 and 3.2 have a second record, too.
CALL: dict[str, Any] = {"aimylogic_conn_id": "{{ params.conn_id }}", "call_list_path": "{{ params.lists }}"}
QUERIES = [f"select phone from customer where id % 2 = {rest}" for rest in (1, 0)]  # the first one's id is 1


def numbers(start: str, count: int = 2) -> list[str]:
    return [f"{start}{number}" for number in range(count)]


with DAG("approved_mapped", **ARGUMENTS):
    prepared = PrepareCallListOperator.partial(**PREPARE).expand(sql=QUERIES)
    approved = ApproveCallListOperator.partial(task_id="approve").expand(call_list=prepared.output)
    SendCallListOperator.partial(task_id="send", **SEND).expand(call_list=approved.output)
    approved >> AddPhoneOperator.partial(task_id="call_each", **CALL).expand(phone=numbers("7912000010"))
    approved >> AddPhoneOperator(task_id="call_once", phone="79120000200", **CALL)

with DAG("approved_grouped", **ARGUMENTS):

    @task_group
    def each(sql: str) -> None:
        prepared = PrepareCallListOperator(sql=sql, **PREPARE)
        approved = ApproveCallListOperator(task_id="approve", call_list=prepared.output)
        SendCallListOperator(task_id="send", call_list=approved.output, trigger_rule="all_done", **SEND)
        called = AddPhoneOperator(task_id="call", phone="7912000010{{ ti.map_index }}", call_again="call", **CALL)
        anyway = AddPhoneOperator(
            task_id="call_anyway", phone="7912000020{{ ti.map_index }}", trigger_rule="none_failed", **CALL
        )
        approved >> [called, anyway]

    each.expand(sql=QUERIES)

with DAG("approved_timed", **ARGUMENTS):
    prepared = PrepareCallListOperator.partial(**PREPARE).expand(sql=QUERIES)
    approved = ApproveCallListOperator.partial(
        task_id="approve", response_timeout=timedelta(seconds=15), defaults="Reject"
    ).expand(call_list=prepared.output)
    SendCallListOperator.partial(task_id="send", **SEND).expand(call_list=approved.output)

with DAG("approved_plain", **ARGUMENTS):
    prepared = PrepareCallListOperator(sql="select phone from customer", shards=2, **PREPARE)
    approved = ApproveCallListOperator(task_id="approve", call_list=prepared.output)
    SendCallListOperator.partial(task_id="send", call_list=approved.output, **SEND).expand(shard=[0, 1])
    approved >> AddPhoneOperator(task_id="call", phone="79120000300", **CALL)
    approved >> AddPhoneOperator.partial(task_id="call_each", **CALL).expand(phone=numbers("7912000040"))
