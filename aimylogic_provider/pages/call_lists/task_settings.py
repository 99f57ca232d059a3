"""How a task was set, as Airflow's database tells: its rendered fields; else its DAG as it was then, where no template.

Airflow keeps rendered fields of a task's last runs alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import select
from sqlalchemy.orm import Session

from aimylogic_provider.pages.call_lists.list_tasks import ListTask

__all__ = ["settings_of"]

_NAMES = ("aimylogic_conn_id", "results_conn_id", "results_table", "sql_conn_id", "call_list_path")
_TEMPLATE = ("{{", "{%")


def settings_of(session: Session, task: ListTask) -> dict[str, str]:
    """What is known of a task's connections and places, by the names of its arguments."""
    instance = session.get(TaskInstance, task.id)
    if instance is None:
        return {}
    rendered = RenderedTaskInstanceFields.get_templated_fields(instance, session=session)
    known = _plain(rendered) if isinstance(rendered, Mapping) else {}
    return known or _plain(_as_written(session, instance))


def _as_written(session: Session, instance: TaskInstance) -> Mapping[str, Any]:
    """The task's arguments in the DAG's version that it ran by."""
    stored = session.scalar(
        select(SerializedDagModel).where(SerializedDagModel.dag_version_id == instance.dag_version_id).limit(1)
    )
    try:
        tasks = [] if stored is None or stored.data is None else stored.data["dag"]["tasks"]
        for one in tasks:
            found = one.get("__var", one)
            if found.get("task_id") == instance.task_id:
                return {**found, **(found.get("partial_kwargs") or {})}
    except (AttributeError, KeyError, TypeError, ValueError):
        logging.getLogger(__name__).debug("The DAG %s can't be read as it is stored.", instance.dag_id)
    return {}


def _plain(fields: Mapping[str, Any]) -> dict[str, str]:
    """The texts that are no templates."""
    found = {name: fields.get(name) for name in _NAMES}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, str) and value.strip() and not any(mark in value for mark in _TEMPLATE)
    }
