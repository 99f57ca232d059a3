"""Who was reached, as the campaign's report tells now: of lists whose tasks have no results table.

All open pages of a list share one reading a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aimylogic_provider.call_list.report.created_jobs import outcomes_so_far
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import AsyncCampaignClient
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST
from aimylogic_provider.calls_api.statuses import job_status, shown_status, talked
from aimylogic_provider.pages.asking import NotReachedError, ask_once, client_of
from aimylogic_provider.pages.call_lists.cancelling import jobs_of_list
from aimylogic_provider.pages.call_lists.list_place import Place, opened
from aimylogic_provider.pages.call_lists.looking_up import FoundList
from aimylogic_provider.pages.call_lists.reached import NoResultsError, Reached
from aimylogic_provider.pages.call_lists.sent_campaign import CampaignGoneError, campaign_by, check_sent_there
from aimylogic_provider.pages.campaigns.shared_readings import SharedReadings
from aimylogic_provider.pages.slow_readings import TooSlowError, read_connection, read_within

__all__ = ["MOST", "reached_now"]

MOST = 5_000
"""Jobs that are asked about, 200 a request; of a larger list, a results table tells."""
_SECONDS = 15.0
_MORE = 60
"""Requests beyond those that the jobs take, to find those that the report doesn't show yet."""
_readings = SharedReadings[Reached](60)


async def reached_now(found: FoundList) -> Reached:
    """Ask a list's campaign what became of its calls.

    :raises NoResultsError: if that can't be told
    """
    assert found.place is not None
    place, conn_id = found.place, found.settings.get("aimylogic_conn_id")
    if not conn_id:
        raise NoResultsError("By which connection the list was sent isn't known to Airflow any more")
    created = found.shown.counts().get("created") if found.shown.is_over else "so far"
    name = "\0".join((found.task.dag_id, found.list_id, conn_id, f"{created}"))
    return await _readings.get(name, lambda: _read(place, conn_id, found.shown.campaigns))


async def _read(place: Place, conn_id: str, campaigns: Mapping[str, str]) -> Reached:
    try:
        of, ids, sent_to = await read_within(8, _jobs, place)
        if of > MOST:
            raise NoResultsError(
                f"The list has {of:,} calls, and of {MOST:,} at most the campaign is asked here what became of them. "
                "Give the task results_table, and have UpdateResultsOperator bring it home"
            )
        if not ids:
            return Reached("")
        campaign = await read_connection(5, campaign_by, conn_id)
        async with client_of(campaign) as client, asyncio.timeout(_SECONDS):
            await check_sent_there(client, {**sent_to, **campaigns})
            return await _asked(client, ids)
    except (CallListError, OSError) as error:
        why = str(error).partition(". ")[0]
        raise NoResultsError(f"Which calls the list has can't be read: {why}") from None
    except CampaignGoneError:
        raise NoResultsError(
            f"Connection {conn_id} can't be used to ask the campaign that the list was sent to: it is gone, or its "
            "host or token was changed"
        ) from None
    except (ApiError, NotReachedError) as error:
        raise NoResultsError(f"The campaign doesn't tell it now: {error}") from None
    except (TooSlowError, TimeoutError):
        raise NoResultsError(
            "The campaign, or the storage of the list, is slow. Look at the page again later"
        ) from None


def _jobs(place: Place) -> tuple[int, list[str], dict[str, str]]:
    """How many jobs a list has; their ids, if they aren't too many; and where it was sent. Reads storage."""
    found = opened(place)
    of = jobs_of_list(found)
    if of > MOST:
        return of, [], {}
    done = found.done()
    outcomes = (one for batch in found.manifest.batches for one in outcomes_so_far(found, batch, done))
    ids = [one.job for one in outcomes if one.job is not None]
    return of, ids, {one.campaign: one.campaign_id for one in found.claims()}


async def _asked(client: AsyncCampaignClient, ids: Sequence[str]) -> Reached:
    """Ask about jobs. The report refuses a request in which it knows one id not: such a one is halved."""
    reached = Reached("")
    waiting = [ids[at : at + IDS_PER_REQUEST] for at in range(0, len(ids), IDS_PER_REQUEST)][::-1]
    left = len(waiting) + _MORE
    while waiting:
        some = waiting.pop()
        if (left := left - 1) < 0:
            reached.not_shown += len(some)
            continue
        try:
            jobs = (await ask_once(client, endpoints.call_job_report(ids=some))).value
        except ApiError as error:
            if not error.is_unknown_id and not error.is_too_large:
                raise
            if len(some) == 1:
                reached.not_shown += 1
            else:
                half = len(some) // 2
                waiting += [some[half:], some[:half]]
            continue
        told = {job.id: job for job in jobs}
        for one in some:
            _count(reached, told.get(one))
    return reached


def _count(reached: Reached, job: CallJob | None) -> None:
    if job is None:
        reached.not_shown += 1
        return
    if job.finished:
        end = job_status(shown_status(job.status) or "unknown")
        reached.ends[end[:40]] += 1
        reached.talks += talked(end)
    else:
        reached.open += 1
    reached.attempts += job.attempts_count or 0
    reached.seconds += job.call_duration or 0
