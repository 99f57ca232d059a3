"""Which campaign a token is of: two tokens of one campaign are known for one by the campaign's own id.

A token may be made anew while batches are under way. What was sent with the old one can then be repeated by its key,
and looked for in the report, which the new one shows. The id is asked for once a token, and stands in the task's entry.
"""

from __future__ import annotations

from aimylogic_provider.call_list.store.sync_entry import SyncEntry
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.keys import campaign_digest, digest
from aimylogic_provider.idempotence.ports import Log

__all__ = ["known_campaign"]


_PASSING = (200, 408, 425, 429)
"""Statuses with which a server that knows the request may answer for a while."""


def known_campaign(entry: SyncEntry, client: CampaignClient, log: Log) -> str:
    """Return the digest by which an entry knows the campaign of now: that of the first token of the same campaign.

    What is learnt is durable with the entry's next write, which comes before anything is sent.

    :raises NotAddedError: if the entry tells of another token, and whether that is of the same campaign could not be
        asked just now
    """
    now = campaign_digest(client.address)
    ids = dict(entry.campaigns)
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
            ) from None
        log.info("The campaign's id is not told (%s): another token of it would be taken for another campaign.", error)
        return None
    return None if found is None else digest("campaign id", client.address.base_url, found).hex()[:32]
