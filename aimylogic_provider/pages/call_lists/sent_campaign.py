"""The campaign that a list was sent to, reached by the connection of the task that sent it, and by no other one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aimylogic_provider.call_list.report.campaign_ids import digest_of_id
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import AsyncCampaignClient
from aimylogic_provider.calls_api.errors import AimylogicError, ApiError, ConnectionRejectedError
from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection
from aimylogic_provider.idempotence.keys import campaign_digest
from aimylogic_provider.pages.asking import LIMIT
from aimylogic_provider.pages.connection_lookup import NoCampaignThereError, campaign_behind

__all__ = ["CampaignGoneError", "campaign_by", "check_sent_there"]


class CampaignGoneError(AimylogicError):
    """The campaign that a list was sent to can't be reached, or isn't known."""


def campaign_by(conn_id: str) -> CampaignOfConnection:
    """Look a connection up, as the API server has it. May ask a secrets backend.

    :raises CampaignGoneError: if it can't be used
    """
    try:
        return campaign_behind(conn_id)
    except ConnectionRejectedError as error:
        renamed = "If it was renamed, add one of the old name, with the same token. " * isinstance(
            error, NoCampaignThereError
        )
        raise CampaignGoneError(
            f"the connection by which the list was sent can't be used: {error}. {renamed}Or cancel the calls by "
            "CancelCallsOperator in a DAG"
        ) from None


async def check_sent_there(client: AsyncCampaignClient, sent_to: Mapping[str, str]) -> None:
    """Make sure that a list was sent to the campaign of a client: to the same token, or to one of the same campaign.

    :param sent_to: digests of the tokens that it was sent with, each with that of the campaign's id, if that is known
    :raises CampaignGoneError: if it wasn't, or that can't be told now
    """
    if campaign_digest(client.address) in sent_to:
        return
    ids = {one for one in sent_to.values() if one}
    found = None
    if ids:
        try:
            async with asyncio.timeout(LIMIT):
                found = (await client.ask(endpoints.campaign())).value.id
        except (ApiError, TimeoutError) as error:
            raise CampaignGoneError(
                f"whether the connection's campaign is the one that the list was sent to can't be asked now ({error}): "
                "nothing is cancelled. Try again"
            ) from None
    if found is None or digest_of_id(client.address, found) not in ids:
        raise CampaignGoneError(
            "the connection leads to another campaign than the list was sent to (its host or token was changed): "
            "nothing is cancelled. Set the connection back, or cancel the calls by CancelCallsOperator with one of it"
        )
