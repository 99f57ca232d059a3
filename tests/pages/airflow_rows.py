"""Rows of Airflow's database, as its scheduler and tasks leave them: DAGs, runs, task instances, XComs and states."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid6
from sqlalchemy import String, insert

__all__ = ["AirflowRows"]


class AirflowRows:
    """Writes rows, each at once."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._runs: dict[tuple[str, str], int] = {}
        self._dags: set[str] = set()

    def _insert(self, model: Any, **values: Any) -> Any:
        """Insert a row; what this Airflow has no column for is left out."""
        columns = model.__table__.c
        known = {
            name: str(value) if isinstance(value, UUID) and isinstance(columns[name].type, String) else value
            for name, value in values.items()
            if name in columns
        }
        done = self._session.execute(insert(model.__table__).values(**known))
        self._session.commit()
        return done

    def run(self, dag_id: str, run_id: str) -> int:
        """A run, and its DAG, if they aren't there."""
        from airflow.models.dag import DagModel
        from airflow.models.dagbundle import DagBundleModel
        from airflow.models.dagrun import DagRun

        now = datetime.now(UTC)
        if not self._dags:
            self._insert(DagBundleModel, name="bundle", active=True)
        if dag_id not in self._dags:
            self._dags.add(dag_id)
            self._insert(
                DagModel, dag_id=dag_id, bundle_name="bundle", is_paused=False, fileloc="x", relative_fileloc="x",
                max_active_tasks=16, max_consecutive_failed_dag_runs=0, has_task_concurrency_limits=False,
            )  # fmt: skip
        if (dag_id, run_id) not in self._runs:
            done = self._insert(
                DagRun, dag_id=dag_id, run_id=run_id, state="running", run_type="manual", run_after=now,
                start_date=now, clear_number=0, span_status="not_started",
            )  # fmt: skip
            self._runs[dag_id, run_id] = done.inserted_primary_key[0]
        return self._runs[dag_id, run_id]

    def task(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        *,
        map_index: int = -1,
        state: str | None = "success",
        operator: str = "SqlToAimylogicOperator",
        returned: Any = None,
        entry: Any = None,
        rendered: Any = None,
        xcoms: Any = None,
    ) -> UUID:
        """A task instance, and what it told."""
        from airflow.models.taskinstance import TaskInstance

        run = self.run(dag_id, run_id)
        id: Any = uuid6.uuid7()
        if TaskInstance.__table__.c.id.type.python_type is str:  # before Airflow 3.3
            id = str(id)
        index = "region_index" if "region_index" in TaskInstance.__table__.c else "map_index"
        self._insert(
            TaskInstance, id=id, dag_id=dag_id, run_id=run_id, task_id=task_id, state=state, operator=operator,
            try_number=1, max_tries=0, pool="default_pool", pool_slots=1, start_date=datetime.now(UTC),
            **{index: map_index},
        )  # fmt: skip
        place = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id}
        told = ({} if returned is None else {"return_value": returned}) | (xcoms or {})
        for key, value in told.items():
            self._xcom(id, run, place, map_index, key, value)
        if entry is not None:
            self.entry(dag_id, run_id, task_id, entry, map_index=map_index)
        if rendered is not None:
            self._rendered(id, place, map_index, rendered)
        return id

    def _xcom(self, id: UUID, run: int, place: dict[str, str], map_index: int, key: str, value: Any) -> None:
        from airflow.models import xcom

        if hasattr(xcom, "XComModelV2"):
            self._insert(
                xcom.XComModelV2,
                id=uuid6.uuid7(),
                task_instance_id=id,
                key=key,
                value=value,
                timestamp=datetime.now(UTC),
            )
        else:
            self._insert(
                xcom.XComModel, dag_run_id=run, map_index=map_index, key=key, value=value, timestamp=datetime.now(UTC),
                **place,
            )  # fmt: skip

    def entry(self, dag_id: str, run_id: str, task_id: str, content: Any, *, map_index: int = -1) -> None:
        """What stands in a task's state; as text, if it is text."""
        from airflow.models.task_state_store import TaskStateStoreModel as Model
        from sqlalchemy import delete

        table = Model.__table__
        index = "region_index" if "region_index" in table.c else "map_index"
        of = {"dag_run_id": self.run(dag_id, run_id), "task_id": task_id, index: map_index, "key": "aimylogic"}
        self._session.execute(delete(table).where(*(table.c[name] == value for name, value in of.items())))
        self._insert(
            Model, dag_id=dag_id, run_id=run_id, updated_at=datetime.now(UTC),
            value=content if isinstance(content, str) else json.dumps(content), **of,
        )  # fmt: skip

    def _rendered(self, id: UUID, place: dict[str, str], map_index: int, fields: Any) -> None:
        from airflow.models.renderedtifields import RenderedTaskInstanceFields as Model

        if "task_instance_id" in Model.__table__.c:
            self._insert(Model, id=uuid6.uuid7(), task_instance_id=id, rendered_fields=fields)
        else:
            self._insert(Model, map_index=map_index, rendered_fields=fields, **place)

    def set_state(self, id: UUID, state: str | None) -> None:
        """What a scheduler, or a person, does with a task instance."""
        from airflow.models.taskinstance import TaskInstance
        from sqlalchemy import update

        table = TaskInstance.__table__
        known = str(id) if isinstance(table.c.id.type, String) else id
        self._session.execute(update(table).where(table.c.id == known).values(state=state))
        self._session.commit()
