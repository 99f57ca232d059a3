"""The campaign that a list was sent to, reached by the connection of the task that sent it, and by no other one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from airflow.models.connection import Connection

from aimylogic_provider.airflow_task.airflow_imports import AirflowNotFoundException
from aimylogic_provider.call_list.report.campaign_ids import digest_of_id
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import AsyncCampaignClient
from aimylogic_provider.calls_api.errors import AimylogicError, ApiError, RejectedError
from aimylogic_provider.hooks.aimylogic_async import load
from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection, campaign_of_connection
from aimylogic_provider.idempotence.keys import campaign_digest

__all__ = ["CampaignGoneError", "campaign_by", "check_sent_there", "client_for"]

_SECONDS = 3.0
_log = logging.getLogger(__name__)


class CampaignGoneError(AimylogicError):
    """The campaign that a list was sent to can't be reached, or isn't known."""


def campaign_by(conn_id: str) -> CampaignOfConnection:
    """Look a connection up, as the API server has it. May ask a secrets backend.

    :raises CampaignGoneError: if it can't be used
    """
    try:
        team = Connection.get_team_name(conn_id)
        found = Connection.get_connection_from_secrets(conn_id, **({"team_name": team} if team else {}))
        if found.conn_type != "aimylogic":
            raise CampaignGoneError(f"connection {conn_id!r} is none of a campaign any more: set it back")
        return campaign_of_connection(conn_id, found, _log)  # Airflow's class for its server
    except AirflowNotFoundException:
        raise CampaignGoneError(
            f"the API server has no connection {conn_id!r}, by which the list was sent: add it, or cancel the calls by "
            "CancelCallsOperator in a DAG"
        ) from None
    except RejectedError as error:
        raise CampaignGoneError(f"connection {conn_id!r} can't be used: {error}") from None


@asynccontextmanager
async def client_for(campaign: CampaignOfConnection) -> AsyncIterator[AsyncCampaignClient]:
    """A client for some requests, each of a few seconds at most."""
    await asyncio.to_thread(load)
    from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport

    settings = campaign.settings
    settings = replace(
        settings,
        connect_timeout=min(settings.connect_timeout, _SECONDS),
        read_timeout=min(settings.read_timeout, _SECONDS),
    )
    async with AiohttpTransport(settings, connections=2) as transport:
        yield AsyncCampaignClient(campaign.address, transport)


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
            async with asyncio.timeout(_SECONDS):
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
