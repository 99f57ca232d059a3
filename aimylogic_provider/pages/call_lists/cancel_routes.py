"""A cancel for a list: its open calls are cancelled in the campaign, a slice with each request of the page's script.

How far it came stands in Airflow's audit log, so that whoever comes back goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from airflow.models.log import Log
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.pages.access import Right, User, needs
from aimylogic_provider.pages.asking import client_of
from aimylogic_provider.pages.audit_log import note
from aimylogic_provider.pages.call_lists.cancelling import Cancelled, ListDeletedError, cancel_some, jobs_from
from aimylogic_provider.pages.call_lists.list_tasks import ListTask, unfinished_of
from aimylogic_provider.pages.call_lists.looking_up import Asked, AskedTask, FoundList, asked_list
from aimylogic_provider.pages.call_lists.sent_campaign import (
    CampaignGoneError,
    campaign_by,
    check_sent_there,
)
from aimylogic_provider.pages.rendering import page
from aimylogic_provider.pages.slow_readings import TooSlowError, read_connection, read_within

__all__ = ["router"]

router = APIRouter()

_BEGUN, _DONE = "aimylogic.cancel_list", "aimylogic.cancelled_calls"


@router.get("/lists/{dag_id}/{run_id}/{task_id}/{map_index}/cancel")
@needs(Right.CHANGE_RUN)
async def how_it_stands(request: Request, user: User, asked: Asked) -> Response:
    """The part of a list's page by which its calls are cancelled: whether they can be, and how many are left."""
    found = await asked_list(asked)
    why_not, so_far = _why_not(found), Cancelled()
    try:
        if not why_not:
            so_far, _, _ = await _from_there(found, asked, again=False)
            why_not = "" if so_far.of else "None of its calls has a call job: there is nothing to cancel"
    except HTTPException as error:
        why_not = str(error.detail)
    return page(
        request, user, "call_list_cancel.html", title="Cancel", asked=asked, found=found, why_not=why_not,
        so_far=so_far, conn_id=found.settings.get("aimylogic_conn_id", ""),
    )  # fmt: skip


@router.post("/lists/{dag_id}/{run_id}/{task_id}/{map_index}/cancel")
@needs(Right.CHANGE_RUN)
async def cancel(user: User, asked: Asked, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Cancel the next slice of a list's calls; return how far it came.

    :param body: ``{"begin": true}`` of whoever pressed the button
    """
    found = await asked_list(asked)
    if why_not := _why_not(found):
        raise HTTPException(409, why_not)
    begin = bool(body and body.get("begin"))
    so_far, ids, sent_to = await _from_there(found, asked, again=begin)
    began = so_far.at
    if begin:
        await found.in_database(lambda session: _note(session, user, _BEGUN, asked, found, so_far))
    try:
        campaign = await read_connection(5, campaign_by, found.settings["aimylogic_conn_id"])
        async with client_of(campaign) as client:
            await check_sent_there(client, {**sent_to, **found.shown.campaigns})
            if ids:
                await cancel_some(client, ids, so_far)
    except (CampaignGoneError, TooSlowError) as error:
        raise HTTPException(409, f"{error}") from None
    except (ApiError, TimeoutError) as error:
        why = "it gave no answer in time" if isinstance(error, TimeoutError) else str(error)
        raise HTTPException(
            503, f"The campaign doesn't do it now ({why}): {so_far.left:,} calls are left. Press again to go on"
        ) from None
    finally:
        if so_far.at != began:
            noted = found.in_database(lambda session: _note(session, user, _DONE, asked, found, so_far))
            await asyncio.shield(noted)
    finished = not so_far.left
    told = f"{so_far.words()}. " + ("That is all" if finished else f"{so_far.left:,} are left")
    return {**msgspec.to_builtins(so_far), "left": so_far.left, "finished": finished, "told": told}


def _why_not(found: FoundList) -> str:
    """Why a list's calls can't be cancelled now, and what to do first; empty if they can be."""
    busy = [task for task, _ in found.shown.tasks if not task.is_over] + [
        one for one in found.others if not one.is_over
    ]
    if busy:
        return _still_sent(busy)
    if found.unseen:
        return (
            "The run has so many tasks with call lists that it can't be told here whether one of them still sends it. "
            "Cancel its calls by CancelCallsOperator in a DAG"
        )
    if found.place is None:
        return "No call list is known of this task: there is nothing to cancel"
    if not found.settings.get("aimylogic_conn_id"):
        return (
            "By which connection the list was sent isn't known to Airflow any more (it keeps that of a task's last "
            "runs alone). Cancel its calls by CancelCallsOperator in a DAG"
        )
    return ""


def _still_sent(busy: Sequence[ListTask]) -> str:
    states = ", ".join(f"{task.name} ({task.state or 'not begun'})" for task in busy[:5])
    more = f" and {len(busy) - 5:,} more" if len(busy) > 5 else ""
    return (
        f"The list may still be sent, by {states}{more}: what is cancelled now would be followed by new calls. "
        "Mark these tasks as failed in Airflow first, and then cancel"
    )


async def _from_there(
    found: FoundList, asked: AskedTask, *, again: bool
) -> tuple[Cancelled, list[str], dict[str, str]]:
    """How far the list's jobs are gone through; the next of them; and where it was sent.

    :param again: whether to begin anew, if all were gone through
    :raises HTTPException: 409 if that can't be told
    """
    assert found.place is not None
    so_far = await found.in_database(lambda session: _noted(session, asked, found.list_id))
    try:
        of, ids, sent_to, senders = await read_within(10, jobs_from, found.place, so_far.at)
        if so_far.of and (
            so_far.of != of or (again and not so_far.left)
        ):  # it has other jobs than then, or all are meant
            so_far = Cancelled()
            of, ids, sent_to, senders = await read_within(10, jobs_from, found.place, 0)
    except ListDeletedError as error:
        raise HTTPException(409, str(error)) from None
    except (CallListError, OSError) as error:
        # What a task is to do about it, as the rest of the error says, isn't for whoever looks at a page.
        why = str(error).partition(". ")[0]
        raise HTTPException(
            409,
            f"Which calls the list has can't be read: {why}. Put the folder back where the API server reaches it; or "
            "cancel the calls by CancelCallsOperator in a DAG, with their ids of the results table or of the report",
        ) from None
    except TooSlowError as error:
        raise HTTPException(503, f"The storage of the list is slow: {error}. Try again") from None
    of_run = f" of DAG {asked.dag_id}, run {asked.run_id}"
    if strangers := [words for words in senders if not words.endswith(of_run) and f"{of_run}, " not in words]:
        raise HTTPException(409, f"The list was sent by {strangers[0]}: cancel its calls there")
    # Whoever began to send it stands in its folder, of whatever class: Airflow's database knows only ours by name.
    names = {words.removeprefix("task ").partition(of_run)[0] for words in senders}
    if busy := await found.in_database(lambda session: unfinished_of(session, asked.dag_id, asked.run_id, names)):
        raise HTTPException(409, _still_sent(busy))
    so_far.of = of
    return so_far, ids, sent_to


def _note(session: Session, user: User, event: str, asked: AskedTask, found: FoundList, so_far: Cancelled) -> None:
    note(
        session, user, event, dag_id=asked.dag_id, run_id=asked.run_id, task_id=asked.task_id,
        map_index=asked.map_index, call_list=found.list_id, **msgspec.to_builtins(so_far),
    )  # fmt: skip


def _noted(session: Session, asked: AskedTask, list_id: str) -> Cancelled:
    """How far the jobs of a list were gone through, as the audit log tells."""
    query = (
        select(Log.extra)
        .where(
            Log.dag_id == asked.dag_id, Log.task_id == asked.task_id, Log.run_id == asked.run_id,
            Log.map_index == asked.map_index, Log.event == _DONE,
        )
        .order_by(Log.id.desc())
        .limit(1)
    )  # fmt: skip
    extra = session.scalar(query)
    try:
        told = msgspec.json.decode(extra or "{}")
        return msgspec.convert(told, Cancelled) if told.get("call_list") == list_id else Cancelled()
    except (msgspec.MsgspecError, AttributeError):
        return Cancelled()
