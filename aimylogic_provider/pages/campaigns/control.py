"""Pausing, resuming and stopping a campaign for a person who pressed a button: asked once, then looked at.

What a campaign can come to is said by ``campaign_task.status_control``, as for tasks. A task repeats a request that
had no answer; here nothing goes on behind the person's back: what isn't known is told, and the button is still there.
"""

from __future__ import annotations

from dataclasses import dataclass

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import AsyncCampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.statuses import campaign_status, shown_status
from aimylogic_provider.campaign_task.status_control import PAUSED, RUNNING, STOPPED, Aim
from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection
from aimylogic_provider.pages.asking import NotReachedError, ask_once, client_of
from aimylogic_provider.pages.campaigns.standing import Standing

__all__ = ["ACTIONS", "CampaignAction", "NotDoneError", "actions_for", "bring"]


class NotDoneError(Exception):
    """The campaign isn't what it was to be, or that isn't known."""


@dataclass(frozen=True, slots=True)
class CampaignAction:
    """What a button does.

    :param name: as in an address
    :param label: of the button
    :param event: in Airflow's audit log
    :param statuses: from which it is offered
    """

    name: str
    label: str
    event: str
    aim: Aim
    statuses: tuple[str, ...]

    @property
    def is_grave(self) -> bool:
        """Whether it can't be undone here."""
        return self.aim is STOPPED

    def question(self, standing: Standing) -> str:
        """What it does to a campaign that stands so, in words and numbers."""
        left, calls = standing.left, standing.in_progress
        match self.name:
            case "pause":
                goes_on = "Calls in progress go on" + (f": {calls:,} now" if calls else "")
                return f"Nobody more is called until it is resumed: {_numbers(left)}. {goes_on}."
            case "resume":
                return f"Calling goes on, within the campaign's hours, and costs minutes again: {_numbers(left)}."
            case _:
                running = f"the {_calls(calls)}" if calls else "calls"
                return (
                    "This is final: a stopped campaign can't be resumed from Airflow. It starts no call any more: "
                    f"{_numbers(left)}. It takes no numbers, so tasks that add some will fail. What becomes of "
                    f"{running} in progress, no page of Aimylogic's says. To have it only rest, pause it."
                )


ACTIONS = {
    one.name: one
    for one in (
        CampaignAction("pause", "Pause", "aimylogic.pause_campaign", PAUSED, ("new", "planned", "inProgress")),
        CampaignAction("resume", "Resume", "aimylogic.resume_campaign", RUNNING, ("paused",)),
        CampaignAction("stop", "Stop", "aimylogic.stop_campaign", STOPPED, ("new", "planned", "inProgress", "paused")),
    )
}


def actions_for(standing: Standing) -> list[CampaignAction]:
    """Return what can be done to a campaign that stands so; all, if no source names its status."""
    known = {status for action in ACTIONS.values() for status in action.statuses} | {"finished", "deleted"}
    return [one for one in ACTIONS.values() if standing.status in one.statuses or standing.status not in known]


def _numbers(left: int | None) -> str:
    """How many numbers aren't done."""
    if left is None:
        return "how many numbers are not done, the server doesn't tell"
    return "1 number is not done yet" if left == 1 else f"{left:,} numbers are not done yet"


def _calls(calls: int) -> str:
    return "1 call" if calls == 1 else f"{calls:,} calls"


async def bring(campaign: CampaignOfConnection, aim: Aim) -> str:
    """Bring a campaign to a state, and return what the server tells of it then.

    :raises NotDoneError: if it isn't there, or that isn't known
    :raises NotReachedError: if it could not be asked; then nothing was done
    :raises ApiError: if there is no such campaign, or it can't be asked so
    """
    async with client_of(campaign) as client:
        before = campaign_status((await ask_once(client, endpoints.status())).value)
        if before in aim.statuses:
            return f"The campaign is {aim.state} already: nothing was changed"
        if (why := aim.out_of_reach.get(before)) is not None:
            raise NotDoneError(f"Not {aim.state}: {why}")
        lost = await _requested(client, aim)
        return await _told_after(client, aim, lost)


async def _requested(client: AsyncCampaignClient, aim: Aim) -> str | None:
    """Ask for it; return why it isn't known whether that took effect, if so."""
    try:
        await ask_once(client, aim.request())
    except NotReachedError as error:
        return str(error)
    except ApiError as error:
        if error.known is not Known.REFUSED or error.type == "invalid.token":
            raise
        return str(error)
    return None


async def _told_after(client: AsyncCampaignClient, aim: Aim, lost: str | None) -> str:
    try:
        status = (await ask_once(client, endpoints.status())).value
    except (NotReachedError, ApiError):
        took = "The server took it" if lost is None else f"Whether the server took it is not known ({lost})"
        raise NotDoneError(f"{took}, and how the campaign stands could not be asked: look at it again") from None
    if campaign_status(status) in aim.statuses:
        return f"The campaign is {aim.state}"
    word = shown_status(status)
    is_shown = word is not None and not client.address.is_given_away_by(word)
    stands = f"has the status {word}" if is_shown else "has a status that no source names"
    if lost is not None:
        raise NotDoneError(f"Not {aim.state}: {lost}. The campaign {stands}")
    raise NotDoneError(f"Not {aim.state} yet: the server took it, and the campaign still {stands}. Look at it again")
