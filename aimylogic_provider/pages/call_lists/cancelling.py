"""Cancelling the calls of a list, a slice at a time: some seconds' worth of requests, and how far that came.

The server refuses a whole request in which it knows one id not: such a one is halved. What is cancelled already can be
cancelled again without harm, so that a slice that was cut off is simply repeated.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import islice
from uuid import uuid4

import msgspec

from aimylogic_provider.call_list.report.created_jobs import outcomes_so_far
from aimylogic_provider.call_list.store.list_reader import ListReader
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import AsyncCampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST
from aimylogic_provider.calls_api.statuses import is_cancelled
from aimylogic_provider.pages.call_lists.list_place import Place, opened, tombstone_at

__all__ = ["Cancelled", "ListDeletedError", "cancel_some", "jobs_from", "jobs_of_list"]

_SECONDS = 3.0
_MOST = 2 * IDS_PER_REQUEST
"""Jobs of one slice."""


class ListDeletedError(Exception):
    """Of a list that was deleted nothing can be cancelled; the message says what can be done."""


class Cancelled(msgspec.Struct):
    """How far the jobs of a list are gone through, in its order, and what became of them.

    :param at: how many are gone through
    :param of: how many there are
    :param cancelled: now, or before
    :param over: had ended otherwise
    :param going_on: too late: neither cancelled nor over
    :param not_known: that the campaign doesn't know
    """

    at: int = 0
    of: int = 0
    cancelled: int = 0
    over: int = 0
    going_on: int = 0
    not_known: int = 0

    @property
    def left(self) -> int:
        """How many are to be gone through yet."""
        return max(self.of - self.at, 0)

    def words(self) -> str:
        """What became of them, in words."""
        told = [f"{self.cancelled:,} are cancelled", f"{self.over:,} were over already"]
        if self.going_on:
            told.append(f"{self.going_on:,} go on, for it is too late")
        if self.not_known:
            told.append(f"{self.not_known:,} the campaign doesn't know")
        return f"Of {self.at:,} calls {', '.join(told)}"


def jobs_of_list(found: ListReader) -> int:
    """How many jobs a list's calls have. Of batches that are done, their names tell."""
    done = found.done()
    told = sum(counts.created for counts in done.values())
    under_way = (batch for batch in found.manifest.batches if batch.name not in done)
    return told + sum(outcome.job is not None for batch in under_way for outcome in outcomes_so_far(found, batch, done))


def jobs_from(place: Place, at: int) -> tuple[int, list[str], dict[str, str], list[str]]:
    """Some jobs of a list, from one on in its order. Reads storage.

    :returns: how many there are in all; their ids; where it was sent, as digests; and which tasks sent it, in words
    :raises ListDeletedError: if it was deleted, but for its counts
    :raises CallListError: if it can't be read, or isn't this DAG's
    """
    if (left := tombstone_at(place)) is not None:
        raise ListDeletedError(
            "Nothing of this list was sent before it was deleted: there is nothing to cancel"
            if not left.claims and not left.reports
            else "The list was deleted, and with it which calls it has: cancel them by CancelCallsOperator in a DAG, "
            "with their ids of the results table or of the report"
        )
    found = opened(place)
    done, skipped, ids = found.done(), 0, list[str]()
    for batch in found.manifest.batches:
        if len(ids) >= _MOST:
            break
        counts = done.get(batch.name)
        if counts is not None and skipped + counts.created <= at:
            skipped += counts.created
            continue
        jobs = [one.job for one in outcomes_so_far(found, batch, done) if one.job is not None]
        ids += islice(jobs, max(at - skipped, 0), None)
        skipped += len(jobs)
    claims = found.claims()
    return (
        jobs_of_list(found),
        ids[:_MOST],
        {one.campaign: one.campaign_id for one in claims},
        [one.task for one in claims],
    )


async def cancel_some(client: AsyncCampaignClient, ids: Sequence[str], so_far: Cancelled) -> None:
    """Cancel jobs one after the other until some seconds are over; count what became of them.

    :raises ApiError: if not even the first of them was answered for
    :raises TimeoutError: likewise
    """
    waiting = [ids[at : at + IDS_PER_REQUEST] for at in range(0, len(ids), IDS_PER_REQUEST)][::-1]
    until, began = time.monotonic() + _SECONDS, so_far.at
    while waiting and time.monotonic() < until:
        some = waiting.pop()
        try:
            async with asyncio.timeout(_SECONDS):
                known = await _cancel(client, some, so_far)
        except (ApiError, TimeoutError):
            if so_far.at == began:
                raise
            return  # the next slice begins with these
        if known:
            so_far.at += len(some)
        elif len(some) == 1:
            so_far.at, so_far.not_known = so_far.at + 1, so_far.not_known + 1
        else:
            half = len(some) // 2
            waiting += [some[half:], some[:half]]


async def _cancel(client: AsyncCampaignClient, ids: Sequence[str], so_far: Cancelled) -> bool:
    """Cancel some; return whether the campaign knows all of them."""
    try:
        cancelled = {*(await client.ask(endpoints.cancel_call_jobs(ids=ids, idempotence_key=str(uuid4())))).value}
        left = [one for one in ids if one not in cancelled]
        shown = {job.id: job for job in (await client.ask(endpoints.call_job_report(ids=left))).value} if left else {}
    except ApiError as error:
        if error.known is Known.REFUSED and error.type == "id.not.found":
            return False
        raise
    so_far.cancelled += len(ids) - len(left)
    for one in left:
        job = shown.get(one)
        if job is None or not (job.finished or is_cancelled(job.status)):
            so_far.going_on += 1
        elif is_cancelled(job.status):
            so_far.cancelled += 1
        else:
            so_far.over += 1
    return True
