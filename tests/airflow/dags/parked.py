"""Mapped calls that ask a person when it can't be known whether they were added: few of them, and twenty."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.operators import AddPhoneOperator

# So many in the campaign of one connection, so many in that of another, and so many in the first one's again.
# Airflow runs sixteen at once: the retries of these are to leave room for the others' first tries.
for one, none, several, delay in ((2, 2, 2, 1), (8, 7, 5, 20)):
    connections = ["conn_id"] * one + ["moved_id"] * none + ["conn_id"] * several
    with DAG(
        f"parked_{len(connections)}",
        schedule=None,
        start_date=datetime(2026, 1, 1),
        params={"conn_id": "nobodys", "moved_id": "nobodys"},
    ):
        AddPhoneOperator.partial(
            task_id="add_phone", on_unknown="ask", retries=20, retry_delay=timedelta(seconds=delay)
        ).expand_kwargs(
            [
                {"phone": f"7912000{index:04}", "aimylogic_conn_id": f"{{{{ params.{connection} }}}}"}
                for index, connection in enumerate(connections)
            ]
        )
