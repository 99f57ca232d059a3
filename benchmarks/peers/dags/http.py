"""HttpOperator in five ways, a mapped task for each number."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG
from requests import Response

from benchmarks.peers.ways import RETRIES, RETRY_SECONDS, TIMEOUT, WAYS, people


def is_created(response: Response) -> bool:
    """Whether the answer is a call job's id, and no page of a proxy."""
    return str(response.json()).isdigit()


def is_created_or_duplicate(response: Response) -> bool:
    """The same, or the server says that this very call was added before."""
    if response.status_code == 400:
        return bool(response.json()["type"] == "phone.duplicated")
    return response.ok and is_created(response)


OPTIONS: dict[str, Any] = {"response_check": is_created, "extra_options": {"timeout": TIMEOUT}}
LENIENT = {
    "response_check": is_created_or_duplicate,
    "extra_options": {"timeout": TIMEOUT, "check_response": False},
}
KEYS = {
    "http_uuid": "{{ macros.uuid.uuid4() }}",
    "http_run_id": "{{ run_id }}",
    "http_run_id_phone": "{{ run_id }}-{{ task.data.phone }}",
}

for way in (way for way in WAYS if way.id.startswith("http")):
    for rows in way.sizes:
        with DAG(way.dag_id(rows), schedule=None, start_date=datetime(2026, 1, 1)):
            HttpOperator.partial(
                task_id="add_phone",
                http_conn_id=way.conn_id,
                method="POST",
                endpoint=f"/api/crmCalls/campaign/{{{{ conn.{way.conn_id}.password }}}}/addPhone",
                headers={"Idempotence-Key": KEYS[way.id]} if way.id in KEYS else None,
                retries=RETRIES,
                retry_delay=timedelta(seconds=RETRY_SECONDS),
                **(LENIENT if way.id == "http_duplicate" else OPTIONS),
            ).expand(data=[asdict(person) for person in people(rows)])
