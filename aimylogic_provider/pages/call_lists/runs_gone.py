"""What a page says of a DAG, a run or a task that Airflow doesn't have any more. Reads Airflow's database."""

from __future__ import annotations

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from sqlalchemy import select
from sqlalchemy.orm import Session

__all__ = ["why_gone", "why_no_task"]

_STAYS = (
    "Whom it called stays called: the campaign's report tells of it, and the results table and the list's folder, "
    "where they are kept"
)


def why_gone(session: Session, dag_id: str, run_id: str) -> str:
    """Why nothing can be shown of a run; empty if it is there."""
    found = select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    if session.scalar(found) is not None:
        return ""
    if session.scalar(select(DagModel.dag_id).where(DagModel.dag_id == dag_id)) is None:
        return (
            f"Airflow has no DAG {dag_id}, or no longer: whoever deletes a DAG deletes its runs from Airflow, and what "
            f"was shown of their lists. {_STAYS}"
        )
    return f"DAG {dag_id} has no run {run_id}, or no longer: somebody deleted it, or a clean-up did. {_STAYS}"


def why_no_task(session: Session, dag_id: str, run_id: str) -> str:
    """Why nothing can be shown of a task instance that isn't there."""
    return why_gone(session, dag_id, run_id) or (
        "The run has no such task instance, or no longer: the task was renamed, or is mapped over less since. The "
        "run's own page has its lists"
    )
