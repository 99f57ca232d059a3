"""The results table's database in the simulation: a real SQLite in memory, with a point before each transaction.

A transaction happens in one moment, or not at all: that much a database promises.
"""

from __future__ import annotations

import sqlite3
from itertools import count
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tests.proof.simulation import running_worker

__all__ = ["Database"]

_numbers = count()
_WAITS = (0.005, 0.005, 0.2)


class Database:
    """One engine, which reaches the database of the world that is played at the moment."""

    def __init__(self) -> None:
        self._name = ""
        self._open: sqlite3.Connection | None = None
        self._made: set[str] = set()
        self.engine = sa.create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
        self.engine.dispose = lambda close=True: None  # type: ignore[method-assign]  # its statements are compiled once
        sa.event.listen(self.engine, "begin", self._begins)

    def begin(self) -> None:
        """Begin with an empty one."""
        self.close()
        self._made.clear()
        self._name = f"file:results{next(_numbers)}?mode=memory&cache=shared"
        self._open = self._connect()

    def close(self) -> None:
        """Nothing is left of it."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def make(self, _: sa.Engine, *tables: sa.Table) -> None:
        """Make tables that aren't there, without asking what is."""
        for table in tables:
            if table.name not in self._made:
                with self.engine.connect() as connection, connection.begin():
                    table.create(connection, checkfirst=True)
                self._made.add(table.name)

    def hook(self) -> Any:
        """A hook as Airflow gives it."""
        return SimpleNamespace(get_sqlalchemy_engine=lambda: self.engine)

    def left_out(self) -> set[str]:
        """The keys of those whom a query leaves out, as that of the example does."""
        assert self._open is not None, "it was begun"
        outcomes = "outcome not in ('rejected', 'refused', 'claimed', 'expired')"
        return {key for (key,) in self._open.execute(f"select id from calls where {outcomes}")}

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._name, uri=True, check_same_thread=False)

    @staticmethod
    def _begins(_: Any) -> None:
        worker = running_worker()
        worker.point("before a transaction")
        worker.simulation.pass_time(worker.rng.choice(_WAITS))
