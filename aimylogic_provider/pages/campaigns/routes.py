"""The routes of the page *Campaigns*."""

from __future__ import annotations

import hashlib
from typing import Annotated

from airflow.utils.session import create_session
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from aimylogic_provider.calls_api.errors import AimylogicError, ConnectionRejectedError
from aimylogic_provider.pages import audit_log
from aimylogic_provider.pages.access import Right, User, campaigns_among, has_right, needs
from aimylogic_provider.pages.asking import NotReachedError
from aimylogic_provider.pages.campaigns import standing
from aimylogic_provider.pages.campaigns.control import ACTIONS, CampaignAction, NotDoneError, actions_for, bring
from aimylogic_provider.pages.campaigns.last_day import HOURS, MOST_OF_HOUR, known_day_of, last_day_of
from aimylogic_provider.pages.campaigns.listed_connections import listed_connections
from aimylogic_provider.pages.connection_lookup import NoCampaignThereError
from aimylogic_provider.pages.rendering import page
from aimylogic_provider.pages.slow_readings import TooSlowError

__all__ = ["router"]

router = APIRouter()


def _may_change(user: User, conn_id: str) -> bool:
    return has_right(user, Right.CHANGE_CAMPAIGN, conn_id=conn_id)


@router.get("/campaigns")
@needs(Right.SIGNED_IN)
def campaigns(request: Request, user: User) -> Response:
    """All campaigns whose connections the user may read. Each asks for its state by itself."""
    with create_session() as session:
        listed = listed_connections(session)
    seen = campaigns_among(user, {one.conn_id for one in listed})
    return page(
        request,
        user,
        "campaigns.html",
        title="Campaigns",
        listed=[one for one in listed if one.conn_id in seen],
        hidden=len(seen) < len(listed),
    )


@router.get("/campaigns/state/{conn_id:path}")
@needs(Right.SEE_CAMPAIGN)
async def state(
    request: Request, user: User, conn_id: str, may_change: Annotated[bool, Depends(_may_change)]
) -> Response:
    """How a campaign stands, and what can be done to it."""
    look = await standing.look_at(conn_id)
    others = standing.others_of_same_campaign(conn_id, look.campaign)
    shown = look.standing
    return page(
        request,
        user,
        "campaign_state.html",
        title=conn_id,
        conn_id=conn_id,
        key=hashlib.sha256(conn_id.encode()).hexdigest()[:12],
        look=look,
        same=sorted(await run_in_threadpool(campaigns_among, user, others)) if others else [],
        actions=actions_for(shown) if shown is not None and look.problem is None and may_change else [],
        may_change=may_change,
    )


@router.get("/campaigns/day/{conn_id:path}")
@needs(Right.SEE_CAMPAIGN)
async def day(request: Request, user: User, conn_id: str) -> Response:
    """The numbers that a campaign was done with in each hour of its last day."""
    look = await standing.look_at(conn_id)
    shown, stands = None, look.standing
    if look.campaign is not None and stands is not None:
        reads = look.problem is None
        shown = await last_day_of(look.campaign, stands.now, stands.done) if reads else known_day_of(look.campaign)
    return page(
        request,
        user,
        "campaign_day.html",
        title=f"The last day of {conn_id}",
        day=shown,
        done=None if stands is None else stands.done,
        hours=HOURS,
        most=MOST_OF_HOUR,
    )


@router.post("/campaigns/pause/{conn_id:path}")
@needs(Right.CHANGE_CAMPAIGN)
async def pause(user: User, conn_id: str) -> dict[str, str]:
    """Pause a campaign."""
    return await _do(user, conn_id, ACTIONS["pause"])


@router.post("/campaigns/resume/{conn_id:path}")
@needs(Right.CHANGE_CAMPAIGN)
async def resume(user: User, conn_id: str) -> dict[str, str]:
    """Resume a campaign."""
    return await _do(user, conn_id, ACTIONS["resume"])


@router.post("/campaigns/stop/{conn_id:path}")
@needs(Right.CHANGE_CAMPAIGN)
async def stop(user: User, conn_id: str) -> dict[str, str]:
    """Stop a campaign."""
    return await _do(user, conn_id, ACTIONS["stop"])


async def _do(user: User, conn_id: str, action: CampaignAction) -> dict[str, str]:
    """Do what a button says, once it stands in the audit log.

    :raises HTTPException: 404 for no such connection, 409 if the campaign isn't what it was to be, 502 or 503 if it
        could not be asked
    """
    try:
        campaign = await standing.look_up(conn_id)
        await run_in_threadpool(_note, user, action.event, conn_id)
        return {"told": f"{conn_id}: {await bring(campaign, action.aim)}"}
    except NoCampaignThereError as error:
        raise HTTPException(404, f"Nothing was done: {error}") from None
    except NotDoneError as error:
        raise HTTPException(409, f"{conn_id}: {error}") from None
    except (ConnectionRejectedError, NotReachedError, TooSlowError) as error:
        raise HTTPException(503, f"{conn_id}: nothing was done: {error}") from None
    except AimylogicError as error:
        raise HTTPException(502, f"{conn_id}: {error}") from None
    finally:
        standing.forget(conn_id)


def _note(user: User, event: str, conn_id: str) -> None:
    with create_session() as session:
        audit_log.note(session, user, event, conn_id=conn_id)
