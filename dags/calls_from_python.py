"""People whom a function of Python chooses, each called once per DAG run: no database is needed, and no task before.

Needs the connection ``aimylogic_default``. Give the invoices when you trigger the DAG, or use the default: whoever owes
something is called. ``remind`` is asked once: a retry goes on with the calls that it gave, whatever it would give then.
Whom a run of this DAG called within the last day isn't called by another one, so that a second click on *Trigger* rings
nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from aimylogic_provider.decorators import aimylogic_calls  # or @task.aimylogic_calls, which type checkers don't know

# Numbers that ring nobody: +1 202 555 01.. is kept for fiction.
INVOICES = [
    {"id": 1, "phone": "+12025550123", "name": "Alex", "due": 1500},
    {"id": 2, "phone": "+12025550145", "name": "Maria", "due": 0},
    {"id": 3, "phone": "+12025550167", "name": "Boris", "due": 99.5},
]

with DAG(
    dag_id="calls_from_python",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    tags=["aimylogic", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
    params={
        "invoices": Param(
            INVOICES,
            type="array",
            title="Invoices",
            description="Objects with id, phone, name, and how much is due.",
            items={"type": "object", "required": ["id", "phone", "name", "due"]},
            minItems=1,
        )
    },
):
    # Told by this task's own lists, one at a time: each sees whom the other one called.
    @aimylogic_calls(policy={"max_attempts": 3}, only_new=timedelta(days=1), max_active_tis_per_dag=1)
    def remind(params: Any = None) -> Iterator[dict[str, Any]]:
        """Give a call for each invoice that isn't paid."""
        for invoice in params["invoices"]:
            if invoice["due"]:
                yield {
                    "phone": invoice["phone"],
                    "payload": {"name": invoice["name"], "due": invoice["due"]},  # what the campaign's script reads
                    "key": invoice["id"],  # kept beside the call, and in rejected.csv; not sent
                }

    @task
    def tell(report: Any) -> str:
        """Go on with what became of the calls."""
        return f"{report['created']} of {report['rows']} people are called"

    tell(remind())
