"""This provider in three ways: a mapped task for each number, a task for each, and a sync."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG

from aimylogic_provider.operators import AddPhoneOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator
from benchmarks.peers.ways import FEW, LIST, MANY, RETRIES, RETRY_SECONDS, WAREHOUSE, people

RETRYING: dict[str, Any] = {"retries": RETRIES, "retry_delay": timedelta(seconds=RETRY_SECONDS)}

for rows in (FEW, MANY):
    calls = [{"phone": person.phone, "payload": {"name": person.name}} for person in people(rows)]
    with DAG(f"mapped_{rows}", schedule=None, start_date=datetime(2026, 1, 1)):
        AddPhoneOperator.partial(task_id="add_phone", aimylogic_conn_id="campaign_mapped", **RETRYING).expand_kwargs(
            calls
        )

with DAG(f"each_{FEW}", schedule=None, start_date=datetime(2026, 1, 1)):
    for place, person in enumerate(people(FEW)):
        AddPhoneOperator(
            task_id=f"add_phone_{place}",
            phone=person.phone,
            payload={"name": person.name},
            aimylogic_conn_id="campaign_each",
            **RETRYING,
        )

for rows in (FEW, LIST):
    with DAG(f"sync_{rows}", schedule=None, start_date=datetime(2026, 1, 1)):
        SqlToAimylogicOperator(
            task_id="add_phones",
            sql=f"select phone, name from customer where id <= {rows} order by id",
            sql_conn_id=WAREHOUSE,
            aimylogic_conn_id="campaign_sync",
            call_list_path=os.environ["CALL_LISTS"],
            **RETRYING,
        )
