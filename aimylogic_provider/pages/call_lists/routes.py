"""The routes of the page *Call lists*: all lists, those of a run, one list, and the parts of its page."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any

from airflow.utils.session import create_session
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.pages.access import Right, User, has_right, needs, readable_runs
from aimylogic_provider.pages.call_lists.cancel_routes import router as cancelling
from aimylogic_provider.pages.call_lists.download_routes import router as downloads
from aimylogic_provider.pages.call_lists.list_summary import ListSummary, summary_of
from aimylogic_provider.pages.call_lists.list_tasks import runs_with_lists, tasks_of_runs
from aimylogic_provider.pages.call_lists.looking_up import Asked, AskedTask, FoundList, asked_list, found_list
from aimylogic_provider.pages.call_lists.reached import NoResultsError, NoTableError, Reached, reached_of
from aimylogic_provider.pages.call_lists.reached_now import reached_now
from aimylogic_provider.pages.call_lists.runs_gone import why_gone
from aimylogic_provider.pages.call_lists.shown_lists import lists_of, parts_of
from aimylogic_provider.pages.call_lists.told_by_tasks import keeps_entries, told_by
from aimylogic_provider.pages.rendering import page
from aimylogic_provider.pages.slow_readings import TooSlowError, read_within
from aimylogic_provider.pages.waiting.approvals import note_approvals

__all__ = ["router"]

router = APIRouter()

_RUNS = 20
"""Runs of a page of all lists."""
_OF_EACH = 25
"""Tasks that it shows of each run; the run's own page has all."""
_TASKS = 200
"""Tasks of a page of a run's lists."""
_SECONDS = 8.0
"""For what storage, or a results table, is asked."""
_LIST = "/lists/{dag_id}/{run_id}/{task_id}/{map_index}"


@router.get("/lists")
@needs(Right.SIGNED_IN)
def lists(
    request: Request,
    user: User,
    dag: Annotated[str, Query(max_length=250)] = "",
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
) -> Response:
    """All lists of DAGs whose runs the user may read, the newest runs first.

    :param dag: what the DAG's id contains
    :param before: of runs that are older than this one
    """
    dag_ids = {dag_id for dag_id in readable_runs(user) if dag.strip().casefold() in dag_id.casefold()}
    with create_session() as session:
        runs = runs_with_lists(session, dag_ids, before=before, most=_RUNS)
        more, runs = len(runs) > _RUNS, runs[:_RUNS]
        tasks, counted = tasks_of_runs(session, [(run.dag_id, run.run_id) for run in runs], most=_OF_EACH)
        shown = lists_of(tasks, told_by(session, tasks))
        note_approvals(session, chain.from_iterable(shown.values()))
    return page(
        request, user, "call_lists.html", title="Call lists", runs=runs, lists=shown, counted=counted, dag=dag,
        older=runs[-1].id if more else None, before=before, parts_of=parts_of, of_each=_OF_EACH,
    )  # fmt: skip


@router.get("/lists/{dag_id}/{run_id}")
@needs(Right.SEE_RUN)
def lists_of_run(
    request: Request, user: User, dag_id: str, run_id: str, skip: Annotated[int, Query(ge=0, lt=2**31)] = 0
) -> Response:
    """The lists of a DAG run: a tab of Airflow's page of that run.

    :param skip: so many tasks are left out, of pages before
    """
    with create_session() as session:
        tasks, counted = tasks_of_runs(session, [(dag_id, run_id)], most=_TASKS, skip=skip)
        shown = lists_of(tasks, told_by(session, tasks)).get((dag_id, run_id), [])
        note_approvals(session, shown)
        if not shown and (gone := why_gone(session, dag_id, run_id)):
            raise HTTPException(404, gone)
    every = counted.get((dag_id, run_id), 0)
    return page(
        request, user, "call_lists_of_run.html", title="Call lists of a run", dag_id=dag_id, run_id=run_id, lists=shown,
        parts_of=parts_of, every=every, skip=skip, next=skip + _TASKS if every > skip + _TASKS else None,
        live=any(not one.is_over for one in shown),
    )  # fmt: skip


def _values(user: User, asked: AskedTask, found: FoundList) -> dict[str, Any]:
    counts = found.shown.counts()
    return {
        "asked": asked,
        "found": found,
        "shown": found.shown,
        "counts": counts,
        "parts": parts_of(counts, found.shown.is_over),
        "query": f"?list={asked.list_id}" if asked.list_id else "",
        "no_list": found.shown.is_over and found.shown.path is None and keeps_entries(),
        "may_change": has_right(user, Right.CHANGE_RUN, dag_id=asked.dag_id),
    }


@router.get(_LIST)
@needs(Right.SEE_RUN)
def list_of_task(request: Request, user: User, asked: Asked) -> Response:
    """The list of a task instance: a tab of Airflow's page of it. All at once that Airflow's database tells."""
    with create_session() as session:
        values = _values(user, asked, found_list(session, asked))
    return page(request, user, "call_list.html", title=f"Call list of {asked.task_id}", **values)


@router.get(f"{_LIST}/state")
@needs(Right.SEE_RUN)
def state_of_list(request: Request, user: User, asked: Asked) -> Response:
    """The part of a list's page that Airflow's database tells, to be loaded again while the list is sent."""
    with create_session() as session:
        values = _values(user, asked, found_list(session, asked))
    return page(request, user, "call_list_state.html", title=f"Call list of {asked.task_id}", **values)


@router.get(f"{_LIST}/folder")
@needs(Right.SEE_RUN)
async def folder_of_list(request: Request, user: User, asked: Asked) -> Response:
    """The part that the list's folder tells; whatever keeps it from being read is told in its place."""
    found = await asked_list(asked)
    told, summary = "", ListSummary()
    if found.place is None:
        is_over = found.shown.is_over
        told = "No list was made" if is_over else "No list is frozen yet, as far as Airflow knows"
    else:
        try:
            summary = await read_within(_SECONDS, summary_of, found.place)
        except TooSlowError as error:
            told = f"The storage of the list is slow: {error}. What is above stands in Airflow's database"
        except (CallListError, OSError) as error:
            # What a task is to do about it, as the rest of the error says, isn't for whoever looks at a page.
            why = str(error).partition(". ")[0]
            told = (
                f"The API server can't read the list's folder: {why}. What is above stands in Airflow's database. Have "
                "call_list_path name a place that the API server reaches, too"
            )
    return page(
        request, user, "call_list_folder.html", title="What the list's folder tells", told=told, summary=summary,
        live=not found.shown.is_over,
    )  # fmt: skip


@router.get(f"{_LIST}/reached")
@needs(Right.SEE_RUN)
async def who_was_reached(request: Request, user: User, asked: Asked) -> Response:
    """The part that the results table tells; or, where there is none, the campaign."""
    found = await asked_list(asked)
    told, reached = "", Reached("")
    try:
        try:
            reached = await read_within(_SECONDS, reached_of, found.list_id, found.settings)
        except NoTableError:
            if not found.shown.counts().get("created"):
                raise NoResultsError("No call of it is known to be created") from None
            reached = await reached_now(found)
    except NoResultsError as error:
        told = str(error)
    except TooSlowError as error:
        told = f"The database of the results table is slow: {error}"
    return page(
        request, user, "call_list_reached.html", title="Who was reached", told=told, reached=reached,
        live=not found.shown.is_over or (not reached.table and bool(reached.open or reached.not_shown)),
    )  # fmt: skip


router.include_router(cancelling)
router.include_router(downloads)
