"""Which campaign a token is of: two tokens of one campaign are known for one by the campaign's own id.

A token may be made anew while batches are under way. What was sent with the old one can then be repeated by its key,
and looked for in the report, which the new one shows. The id is asked for once a token, and stands in the task's entry,
and in the list's claim, which outlives that.

If a list's calls are in another campaign than that of now, a task that is asked for them must not end well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aimylogic_provider.call_list.store.manifest import CallListError, Claim
from aimylogic_provider.call_list.store.sync_entry import SyncEntry
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.keys import campaign_digest, digest
from aimylogic_provider.idempotence.next_try import NextTry
from aimylogic_provider.idempotence.ports import Log

__all__ = ["CreatedElsewhereError", "check_created_here", "digest_of_id", "known_campaign"]


_PASSING = (200, 408, 425, 429)
"""Statuses with which a server that knows the request may answer for a while."""


class CreatedElsewhereError(CallListError):
    """All calls of a list that were created are in another campaign than that of now."""


def known_campaign(entry: SyncEntry, claims: Iterable[Claim], client: CampaignClient, log: Log) -> str:
    """Return the digest by which an entry knows the campaign of now: that of the first token of the same campaign.

    What is learnt is durable with the entry's next write, which comes before anything is sent.

    :param claims: of the list, which tell what an entry knew that was lost
    :raises NotAddedError: if the entry tells of another token, and whether that is of the same campaign could not be
        asked just now
    """
    now = campaign_digest(client.address)
    ids = dict(entry.campaigns)
    for claim in claims:
        if claim.campaign_id:
            ids.setdefault(claim.campaign, claim.campaign_id)
    entry.campaigns = list(ids.items())
    if now not in ids:
        found = _id_of(client, log, needed=bool(ids))
        if found is None:
            return now
        ids[now] = found
        entry.campaigns.append((now, found))
    first = next(known for known, one in entry.campaigns if one == ids[now])
    if first != now:
        log.info("The token is another one than before, and of the same campaign by its id: going on as before.")
    return first


def check_created_here(
    created_in: Mapping[str, int], entry: SyncEntry, campaign: str, path: str, log: Log, *, settled: bool
) -> None:
    """Make sure that not all calls of a shard that were created are in another campaign than that of now.

    :param created_in: how many were created in which campaign, by its digest
    :param campaign: as :func:`known_campaign` returns it
    :param path: the list's address
    :param settled: whether nothing of the shard is left to be sent
    :raises CreatedElsewhereError: if nothing is, and they are
    """
    ids = dict(entry.campaigns)
    here = {campaign, *(one for one in ids if campaign in ids and ids[one] == ids[campaign])}
    elsewhere = sum(count for one, count in created_in.items() if one not in here)
    if not elsewhere:
        return
    told = (
        f"{elsewhere:,} calls of {path} were added to another campaign than that of now (host or token changed), and "
        "are not added again"
    )
    if not settled or elsewhere < sum(created_in.values()):
        log.warning("%s. The others go to, or are in, the campaign of now.", told)
        return
    raise CreatedElsewhereError(
        f"{told}: the campaign of now has none of them. Nothing is sent. To have them called by it, cancel them there "
        "(CancelCallsOperator, with the former connection), and start a new DAG run; with a results_table, delete "
        "their rows from it first. If they are where they are to be, set the connection back, and clear the task"
    )


def _id_of(client: CampaignClient, log: Log, *, needed: bool) -> str | None:
    """A digest of the campaign's id, on its host; None if the server doesn't tell it."""
    try:
        found = client.ask(endpoints.campaign()).value.id
    except ApiError as error:
        if needed and (error.status is None or error.status in _PASSING or error.status >= 500):
            raise NotAddedError(
                f"{error}. Whether the token of now is of the campaign that calls were sent to before could not be "
                "asked: nothing was sent. The next try asks again",
                retryable=True,
                next_try=NextTry(asked=error.retry_after or 0.0),
            ) from None
        log.info("The campaign's id is not told (%s): another token of it would be taken for another campaign.", error)
        return None
    return None if found is None else digest_of_id(client.address, found)


def digest_of_id(address: CampaignAddress, campaign_id: str) -> str:
    """A digest of a campaign's id, on its host."""
    return digest("campaign id", address.base_url, campaign_id).hex()[:32]
