"""Airflow's metadata database: task instances, and what the provider keeps of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

__all__ = ["Instance", "Metadata"]

FINAL = ("success", "failed", "upstream_failed", "skipped", "removed")


@dataclass(frozen=True)
class Instance:
    """A task instance as it is now.

    :param map_index: -1 if it isn't mapped
    :param number: of its try
    :param pid: of the try's process, once it runs
    """

    dag: str
    run: str
    task: str
    map_index: int
    number: int
    state: str | None
    pid: int | None

    @property
    def path(self) -> str:
        """How Airflow's REST API names it within its run."""
        return self.task if self.map_index < 0 else f"{self.task}/{self.map_index}"

    @property
    def name(self) -> tuple[str, str, str, int]:
        """What tells it from all others."""
        return self.dag, self.run, self.task, self.map_index

    @property
    def over(self) -> bool:
        """Whether it has ended for good."""
        return self.state in FINAL


class Metadata:
    """The database.

    :param url: of it, for SQLAlchemy
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def close(self) -> None:
        self._engine.dispose()

    def _all(self, statement: str, **values: object) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(sa.text(statement), values))

    def instances(self, dag: str, run: str) -> list[Instance]:
        """The task instances of a run."""
        rows = self._all(
            "select task_id, map_index, try_number, state, pid from task_instance "
            "where dag_id = :dag and run_id = :run order by task_id, map_index",
            dag=dag, run=run,
        )  # fmt: skip
        return [Instance(dag, run, *row) for row in rows]

    def instance(self, dag: str, run: str, task: str, map_index: int = -1) -> Instance:
        """One of them."""
        return next(one for one in self.instances(dag, run) if (one.task, one.map_index) == (task, map_index))

    def run_state(self, dag: str, run: str) -> str:
        """The state of a run."""
        ((state,),) = self._all("select state from dag_run where dag_id = :dag and run_id = :run", dag=dag, run=run)
        return str(state)

    def run_is_over(self, dag: str, run: str) -> bool:
        """Whether a run has ended."""
        return self.run_state(dag, run) in ("success", "failed")

    def entry(self, instance: Instance) -> dict[str, Any] | None:
        """What the provider keeps of a task instance."""
        rows = self._all(
            "select value from task_state_store where dag_id = :dag and run_id = :run and task_id = :task "
            "and map_index = :map_index and key = 'aimylogic'",
            dag=instance.dag, run=instance.run, task=instance.task, map_index=instance.map_index,
        )  # fmt: skip
        if not rows:
            return None
        content: dict[str, Any] = json.loads(rows[0][0])
        return content

    def delete_entry(self, instance: Instance) -> int:
        """Delete the row of that; return how many there were."""
        with self._engine.connect() as connection:
            return connection.execute(
                sa.text(
                    "delete from task_state_store where dag_id = :dag and run_id = :run and task_id = :task "
                    "and map_index = :map_index and key = 'aimylogic'"
                ),
                {"dag": instance.dag, "run": instance.run, "task": instance.task, "map_index": instance.map_index},
            ).rowcount
