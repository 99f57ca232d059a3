"""Airflow's audit log: who did what on the pages, to which DAG, run or connection. Written before it is done."""

from __future__ import annotations

import json
from typing import Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.models.log import Log
from sqlalchemy.orm import Session

__all__ = ["note"]


def note(
    session: Session,
    user: BaseUser,
    event: str,
    *,
    dag_id: str | None = None,
    run_id: str | None = None,
    task_id: str | None = None,
    map_index: int | None = None,
    **told: object,
) -> None:
    """Write a row, and commit it: what follows may fail, and was tried.

    :param event: as "aimylogic.pause_campaign", of 60 characters at most
    :param told: whatever else is to be known; no phone, no token
    """
    place: dict[str, Any] = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
    session.add(
        Log(
            event=event,
            owner=user.get_name(),
            owner_display_name=user.get_name(),
            extra=json.dumps(told) if told else None,
            **{name: value for name, value in place.items() if value is not None},
        )
    )
    session.commit()
