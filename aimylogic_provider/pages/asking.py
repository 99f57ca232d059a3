"""How the pages ask a campaign: without blocking, once, and within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from aimylogic_provider.calls_api.client import Answer, AsyncCampaignClient
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.hooks.aimylogic_async import load
from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection

__all__ = ["LIMIT", "NotReachedError", "ask_once", "client_of"]

_Asked = TypeVar("_Asked")

LIMIT = 3.0
"""Seconds for what a page asks of a campaign."""


class NotReachedError(Exception):
    """The campaign could not be asked, for a reason that may pass by itself."""


@asynccontextmanager
async def client_of(campaign: CampaignOfConnection, *, connections: int = 1) -> AsyncIterator[AsyncCampaignClient]:
    """A campaign's client, for some requests.

    :param connections: at a time
    """
    await asyncio.to_thread(load)
    from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport

    settings = campaign.settings
    settings = replace(
        settings,
        connect_timeout=min(settings.connect_timeout, LIMIT),
        read_timeout=min(settings.read_timeout, LIMIT),
    )
    async with AiohttpTransport(settings, connections=connections) as transport:
        yield AsyncCampaignClient(campaign.address, transport)


async def ask_once(client: AsyncCampaignClient, request: Request[_Asked]) -> Answer[_Asked]:
    """Ask once, within the limit.

    :raises NotReachedError: if there was no answer, or one of a server that failed
    :raises ApiError: if the answer is that somebody has to change something
    """
    try:
        async with asyncio.timeout(LIMIT):
            return await client.ask(request)
    except TimeoutError:
        raise NotReachedError(f"{client.address.base_url} gave no answer within {LIMIT:g} seconds") from None
    except ApiError as error:
        if error.retryable:
            raise NotReachedError(str(error)) from None
        raise
