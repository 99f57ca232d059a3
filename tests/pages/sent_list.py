"""A list that the operators froze and sent to an emulator, and what Airflow's database has of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from tests.call_list.sync import Sync
from tests.pages.airflow_rows import AirflowRows

__all__ = ["RUN", "SentList"]

RUN = "manual__2026-01-01T00:00:00+00:00"


class SentList:
    """A sync of DAG ``winter_sale``, task ``sync``, run :data:`RUN`."""

    def __init__(self, sync: Sync, rows: AirflowRows) -> None:
        self.sync, self.rows = sync, rows
        sync.task.run_id = RUN
        self.task_instance: UUID | None = None

    def send(self, *, state: str = "success", **arguments: Any) -> dict[str, Any]:
        """Freeze it and send it; and have the database tell of it."""
        report = self.sync.attempt(**arguments)
        self.tell(report, state=state)
        return report

    def tell(self, report: Any = None, *, state: str = "success", entry: Any = None) -> None:
        fields = {
            "aimylogic_conn_id": "aimylogic_default",
            "sql_conn_id": "warehouse",
            "call_list_path": str(self.sync.lists),
        }
        stored = entry or (self.sync.entry if self.sync.task.has_store else None)
        self.task_instance = self.rows.task(
            "winter_sale", RUN, "sync", state=state, returned=report, entry=stored,
            rendered=fields | {name: self.sync.arguments[name] for name in self.sync.arguments if "results" in name},
        )  # fmt: skip

    @property
    def address(self) -> str:
        return f"lists/winter_sale/{RUN}/sync/-1"

    @property
    def folder(self) -> Path:
        return self.sync.folder
