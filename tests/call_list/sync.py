"""A sync as its tests drive it: a warehouse, a task instance at Airflow's seam, and what became of the rows."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from aimylogic_provider.emulator import Emulator
from tests.conftest import TaskInstance

__all__ = ["CrashError", "Sync", "phone"]


class CrashError(BaseException):
    """The worker dies here."""


def phone(number: int) -> str:
    return f"79{number + 120_000_000:09}"


class Sync:
    """One task instance of a sync, and its table ``customer(id, phone, name)``."""

    def __init__(self, folder: Path, emulator: Emulator, monkeypatch: Any, **arguments: Any) -> None:
        self.emulator = emulator
        self.database = folder / "warehouse.db"
        self.lists = folder / "lists"
        self.task = TaskInstance(task_id="sync")
        self.arguments = arguments
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute("create table customer(id integer, phone text, name text)")
        connection = json.dumps({"conn_type": "sqlite", "host": str(self.database)})
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection)

    def add(self, phones: Iterable[str], name: str = "Alex") -> None:
        with closing(sqlite3.connect(self.database)) as database, database:
            known = database.execute("select count(*) from customer").fetchone()[0]
            database.executemany(
                "insert into customer values (?, ?, ?)",
                [(known + number, one, name) for number, one in enumerate(phones, 1)],
            )

    def add_with_priority(self, phones: Sequence[str]) -> None:
        with closing(sqlite3.connect(self.database)) as database, database:
            rows = [(number, one, "Alex", number % 5 + 1) for number, one in enumerate(phones, 1)]
            database.executemany("insert into customer values (?, ?, ?, ?)", rows)

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute(statement)

    def operator(self, **arguments: Any) -> Any:
        from aimylogic_provider.transfers import SqlToAimylogicOperator

        return SqlToAimylogicOperator(
            task_id="sync",
            **{
                "sql": "select id, phone, name from customer order by id",
                "sql_conn_id": "warehouse",
                "key_columns": ["id"],
                "call_list_path": str(self.lists),
                **self.arguments,
                **arguments,
            },
        )

    def attempt(self, **arguments: Any) -> dict[str, Any]:
        """The next try."""
        self.task.current_try += 1
        report: dict[str, Any] = self.operator(**arguments).execute(self.task.context())
        counted = ("created", "doubles", "rejected", "refused", "unknown", "expired", "claimed", "capped",
                   "excluded", "held_out")  # fmt: skip
        assert report["rows"] == sum(report[name] for name in counted)
        return report

    @property
    def entry(self) -> dict[str, Any]:
        return self.task.entry

    @property
    def folder(self) -> Path:
        """The folder of the list."""
        if self.task.has_store:
            return Path(self.entry["call_list"]["path"].removeprefix("file://"))
        (file,) = self.lists.glob("*/*/*/entry.json")
        return Path(json.loads(file.read_text())["entry"]["call_list"]["path"].removeprefix("file://"))

    def files(self, pattern: str) -> list[Path]:
        return sorted(self.folder.glob(pattern))

    def calls_by_phone(self) -> Counter[str]:
        """How many jobs the emulator holds, by phone."""
        return Counter(job.phone for job in self.emulator.jobs())

    def assert_once(self, phones: Sequence[str]) -> None:
        assert self.calls_by_phone() == Counter(phones)

    def sends(self) -> int:
        """Requests that could create a job."""
        return self.emulator.count("addPhones") + self.emulator.count("addPhone")
