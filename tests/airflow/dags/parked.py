"""Mapped calls that ask a person when it can't be known whether they were added: few of them, and twenty."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.operators import AddPhoneOperator

for calls in (6, 20):
    with DAG(f"parked_{calls}", schedule=None, start_date=datetime(2026, 1, 1), params={"conn_id": "nobodys"}):
        AddPhoneOperator.partial(
            task_id="add_phone",
            aimylogic_conn_id="{{ params.conn_id }}",
            on_unknown="ask",
            retries=20,
            retry_delay=timedelta(seconds=1),
        ).expand(phone=[f"7912000{index:04}" for index in range(calls)])
