"""Functions that are asked for calls, mapped, and that write down when they are: into the file of the parameter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, task

with DAG("asked_once", schedule=None, start_date=datetime(2026, 1, 1), params={"told": ""}) as dag:

    @task
    def people() -> list[list[str]]:
        return [["79120000001", "79120000002"], ["79120000003"]]

    @task.aimylogic_calls(retries=3, retry_delay=timedelta(seconds=1))
    def remind(whom: list[str], ti: Any, params: Any) -> Iterator[str]:
        with Path(params["told"]).open("a") as told:
            told.write(f"{ti.map_index} in try {ti.try_number}\n")
        yield from whom

    @task
    def tell(reports: Any) -> int:
        return sum(report["created"] for report in reports)

    tell(remind.expand(whom=people()))
