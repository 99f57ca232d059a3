"""The routes of the page *Call lists*."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from aimylogic_provider.pages.access import Right, User, needs
from aimylogic_provider.pages.rendering import page

__all__ = ["router"]

router = APIRouter()


@router.get("/lists")
@needs(Right.SIGNED_IN)
def lists(request: Request, user: User) -> Response:
    """All lists of DAGs that the user may read."""
    return page(request, user, "call_lists.html", title="Call lists")


@router.get("/lists/{dag_id}/{run_id}")
@needs(Right.SEE_RUN)
def lists_of_run(request: Request, user: User, dag_id: str, run_id: str) -> Response:
    """The lists of a DAG run: a tab of Airflow's page of that run."""
    return page(request, user, "call_lists.html", title=f"Call lists of {run_id}")


@router.get("/lists/{dag_id}/{run_id}/{task_id}/{map_index}")
@needs(Right.SEE_RUN)
def list_of_task(request: Request, user: User, dag_id: str, run_id: str, task_id: str, map_index: str) -> Response:
    """The list of a task instance: a tab of Airflow's page of it.

    :param map_index: a number, or Airflow's own ``{MAP_INDEX}`` of a task that isn't mapped
    """
    return page(request, user, "call_lists.html", title=f"Call list of {task_id}")
