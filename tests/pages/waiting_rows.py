"""Rows of Airflow's database as tasks leave them that wait for a person, or have failed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select, update

from aimylogic_provider.airflow_task.required_actions import options_of, where_and_which
from aimylogic_provider.idempotence.human_answer import Question

WAITS = "deferred"
"""A state in which a task instance waits on every Airflow."""


def subject(
    phone: str, *, map_index: int = -1, conn_id: str = "winter_sale", reference: str = "3f2a", **instance: Any
) -> str:
    """The line of a question about a call, as its task puts it."""
    told: Any = {"ti": SimpleNamespace(map_index=map_index, **instance), "map_index_template": "a DAG's own"}
    return f"Was the call to {phone} added?{where_and_which(told, conn_id)} [{reference}]"


def call_options(*candidates: str) -> list[str]:
    return options_of(Question("3f2a", 0.0, candidates))


class Rows:
    """Puts rows into Airflow's database.

    :param age: of whatever is put, so that Airflow has seen its worker's end
    """

    def __init__(self, session: Any, age: timedelta = timedelta(minutes=5)) -> None:
        self.session = session
        self.at = datetime.now(UTC) - age
        self._runs: dict[tuple[str, str], DagRun] = {}

    def run(self, dag_id: str = "sale", run_id: str = "manual__2026-01-01T00:00:00+00:00") -> DagRun:
        """A DAG and a run of it."""
        if (dag_id, run_id) in self._runs:
            return self._runs[dag_id, run_id]
        if not self.session.scalar(select(DagBundleModel).where(DagBundleModel.name == "dags")):
            self.session.add(DagBundleModel(name="dags"))
            self.session.flush()
        if not self.session.scalar(select(DagModel).where(DagModel.dag_id == dag_id)):
            self.session.add(DagModel(dag_id=dag_id, bundle_name="dags", is_stale=False, is_paused=False))
            self.session.flush()
        found = self.session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        if found is None:
            found = DagRun(dag_id=dag_id, run_id=run_id, run_type="manual", run_after=self.at, state="running")
            self.session.add(found)
            self.session.flush()
        self._runs[dag_id, run_id] = found
        return found

    def task(self, task_id: str = "add_phone", map_index: int = -1, *, state: str = WAITS, **told: Any) -> str:
        """A task instance; return its id."""
        run = self.run(told.pop("dag_id", "sale"), told.pop("run_id", "manual__2026-01-01T00:00:00+00:00"))
        index = "region_index" if hasattr(TaskInstance, "region_index") else "map_index"
        row = {
            "id": uuid4(), "dag_id": run.dag_id, "run_id": run.run_id, "task_id": task_id, index: map_index,
            "state": state, "operator": "AddPhoneOperator", "pool": "default_pool", "max_tries": 0,
            "executor_config": {}, "span_status": "not_started", "updated_at": self.at, "end_date": self.at, **told,
        }  # fmt: skip
        table = TaskInstance.__table__
        row = {name: value for name, value in row.items() if name in table.c}
        if not isinstance(table.c.id.type.python_type, type) or table.c.id.type.python_type is str:
            row["id"] = str(row["id"])
        self.session.execute(table.insert().values(**row))
        return str(row["id"])

    def ask(
        self, line: str, options: Sequence[str], *, body: str = "What is known", params: Any = None, **task: Any
    ) -> str:
        """A question of a task instance that waits; return the id of that."""
        found = self.task(**task)
        table = HITLDetail.__table__
        key: Any = found if table.c.ti_id.type.python_type is str else UUID(found)
        self.session.execute(
            table.insert().values(
                ti_id=key,
                options=list(options),
                subject=line,
                body=body,
                params=params or {},
                params_input={},
                created_at=self.at,
            )
        )
        return found

    def call(self, *candidates: str, phone: str = "7912***6789", **told: Any) -> str:
        """A parked call."""
        line = told.pop("line", None) or subject(phone, map_index=told.get("map_index", -1))
        return self.ask(line, call_options(*candidates), **told)

    def answered(self, task: str) -> None:
        """Somebody answers."""
        table = HITLDetail.__table__
        for (key,) in self.session.execute(select(table.c.ti_id)).all():
            if str(key) == task:
                self.session.execute(update(table).where(table.c.ti_id == key).values(responded_at=self.at))
        self.session.commit()

    def noted(self, entry: object, **task: Any) -> None:
        """What a failed task instance has noted in Airflow's task state store (3.3 and newer)."""
        from airflow.models.task_state_store import TaskStateStoreModel

        self.task(state="failed", **task)
        run = self.run(task.get("dag_id", "sale"))
        index = "region_index" if hasattr(TaskStateStoreModel, "region_index") else "map_index"
        self.session.add(
            TaskStateStoreModel(
                dag_run_id=run.id,
                dag_id=run.dag_id,
                run_id=run.run_id,
                task_id=task.get("task_id", "add_phone"),
                key="aimylogic",
                value=json.dumps(entry),
                **{index: task.get("map_index", -1)},
            )
        )
        self.session.flush()
