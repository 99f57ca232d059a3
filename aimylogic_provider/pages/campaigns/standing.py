"""How a campaign stands: read from the server, shared by all who look, and kept for when it can't be reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from aimylogic_provider.calls_api import report_endpoints
from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.errors import AimylogicError
from aimylogic_provider.calls_api.reports import Campaign
from aimylogic_provider.calls_api.statuses import campaign_status, shown_status
from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection
from aimylogic_provider.pages.asking import LIMIT, NotReachedError, ask_once, client_of
from aimylogic_provider.pages.campaigns.shared_readings import SharedReadings
from aimylogic_provider.pages.connection_lookup import campaign_behind
from aimylogic_provider.pages.slow_readings import TooSlowError, read_connection

__all__ = ["Look", "Standing", "forget", "look_at", "look_up", "others_of_same_campaign"]

_KEPT = 4.0
"""Seconds."""
_AT_ONCE = 16
"""Campaigns that are asked at a time, by one process."""
_TOO_LONG = "It took too long: many campaigns are looked at just now, or Airflow's API server is busy. Wait a little"
_LONGEST_NAME = 120
_STATES = {
    "new": "Not started yet",
    "planned": "Planned",
    "inProgress": "Running",
    "paused": "Paused",
    "finished": "Stopped",
    "deleted": "Deleted",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the server told of a campaign. Whatever it didn't tell is None.

    :param status: in its one writing, or as the server has it, if no source names it
    :param state: the same in words
    :param talk: ``usedTalkingTime``, in minutes or in seconds: the vendor's pages differ
    :param at: when it was told, by our clock, in Unix seconds
    :param now: the server's time then, in Unix seconds
    """

    name: str | None
    status: str
    state: str
    total: int | None
    done: int | None
    in_progress: int | None
    talk: int | None
    at: float
    now: float

    @property
    def left(self) -> int | None:
        """The numbers that aren't done."""
        return None if self.total is None or self.done is None else max(0, self.total - self.done)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a campaign showed.

    :param standing: how it stands; with a problem, how it stood when it could be asked last
    :param problem: why it could not be asked, and the way out
    :param mend: whether somebody has to change the connection; else it may pass by itself
    """

    campaign: CampaignOfConnection | None = field(repr=False)
    standing: Standing | None
    problem: str | None = None
    mend: bool = False


_looks: SharedReadings[Look] = SharedReadings(_KEPT)
_last: dict[str, tuple[CampaignAddress, Standing]] = {}
"""What each connection's campaign told last, and which campaign that was."""
_asking: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


async def look_at(conn_id: str) -> Look:
    """Look at a connection's campaign, or at what somebody else saw a few seconds ago."""
    return await _looks.get(conn_id, lambda: _look(conn_id))


def forget(conn_id: str) -> None:
    """Have the next look ask the server."""
    _looks.forget(conn_id)


def others_of_same_campaign(conn_id: str, campaign: CampaignOfConnection | None) -> set[str]:
    """Other connections that were seen to lead to the same campaign."""
    if campaign is None:
        return set()
    return {
        other
        for other, look in _looks.kept()
        if other != conn_id and look.campaign is not None and look.campaign.address == campaign.address
    }


async def look_up(conn_id: str) -> CampaignOfConnection:
    """Look a connection up, which may take a secrets backend its time.

    :raises ConnectionRejectedError: if it can't be used, saying what to set
    :raises TooSlowError: if it takes longer than is waited for
    """
    return await read_connection(LIMIT, campaign_behind, conn_id)


async def _look(conn_id: str) -> Look:
    campaign = None
    try:
        async with asyncio.timeout(2 * LIMIT), _turn():
            campaign = await look_up(conn_id)
            standing = await _ask(campaign)
    except TooSlowError as error:
        return Look(None, _last_of(conn_id, None), f"The connection could not be looked up: {error}")
    except TimeoutError:
        return Look(campaign, _last_of(conn_id, campaign), _TOO_LONG)
    except NotReachedError as error:
        return Look(campaign, _last_of(conn_id, campaign), f"The campaign could not be reached: {error}")
    except AimylogicError as error:
        _last.pop(conn_id, None)
        return Look(campaign, None, str(error)[:1].upper() + str(error)[1:], mend=True)
    _last[conn_id] = (campaign.address, standing)
    return Look(campaign, standing)


def _turn() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    if loop not in _asking:
        _asking.clear()  # of loops that are over
        _asking[loop] = asyncio.Semaphore(_AT_ONCE)
    return _asking[loop]


def _last_of(conn_id: str, campaign: CampaignOfConnection | None) -> Standing | None:
    """How it stood last, unless the connection leads to another campaign since."""
    address, standing = _last.get(conn_id, (None, None))
    return standing if campaign is None or campaign.address == address else None


async def _ask(campaign: CampaignOfConnection) -> Standing:
    async with client_of(campaign) as client:
        answer = await ask_once(client, report_endpoints.campaign())
    at = time.time()
    return _standing(answer.value, campaign.address, at, at if answer.date is None else answer.date)


def _standing(told: Campaign, address: CampaignAddress, at: float, now: float) -> Standing:
    short = told.more.get("shortReport")
    report = short if isinstance(short, Mapping) else {}
    status = campaign_status(told.status)
    word = shown_status(told.status)
    unnamed = f"“{word}”, which no source names" if word and not address.is_given_away_by(word) else "Of no known state"
    return Standing(
        name=_name(told.name, address),
        status=status,
        state=_STATES.get(status, unnamed),
        total=_count(told.total_numbers),
        done=_count(told.processed_numbers),
        in_progress=_count(report.get("inProcessCalls")),
        talk=_count(report.get("usedTalkingTime")),
        at=at,
        now=now,
    )


def _name(name: str, address: CampaignAddress) -> str | None:
    """A campaign's name, if it can be shown: it is anybody's text."""
    name = " ".join(name.split())
    if not name or not name.isprintable() or address.is_given_away_by(name):
        return None
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**12 else None
