"""The raw way: a task that posts number after number with requests."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from airflow.sdk import DAG, Connection, task

from benchmarks.peers.ways import FEW, LIST, RETRIES, RETRY_SECONDS, TIMEOUT, people

for rows in (FEW, LIST):
    with DAG(f"loop_{rows}", schedule=None, start_date=datetime(2026, 1, 1)):

        @task(retries=RETRIES, retry_delay=timedelta(seconds=RETRY_SECONDS))
        def add_phones(rows: int) -> None:
            """Post them, over one connection."""
            import requests

            campaign = Connection.get("campaign_loop")
            address = f"{campaign.host}:{campaign.port}/api/crmCalls/campaign/{campaign.password}/addPhone"
            with requests.Session() as session:
                for person in people(rows):
                    answer = session.post(address, data=asdict(person), timeout=TIMEOUT)
                    if answer.status_code == 400 and answer.json()["type"] == "phone.duplicated":
                        continue
                    answer.raise_for_status()
                    if not str(answer.json()).isdigit():
                        raise ValueError(f"no job's id: {answer.text[:100]}")

        add_phones(rows)
