"""Bringing a campaign to a state: paused, running or stopped. What counts is its status, looked at before and after.

No request bears an idempotence key: by one, a repeat is answered as the first request was, for 24 hours, and a campaign
that somebody resumed meanwhile would be said to be paused. What is there already is asked for no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.statuses import CAMPAIGN_STATUSES, campaign_status, shown_status
from aimylogic_provider.campaign_task.action_errors import ActionError, asked
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.retry import repeated
from aimylogic_provider.idempotence.server_time import SystemClock

__all__ = ["PAUSED", "RUNNING", "STOPPED", "Aim", "reach", "reached_in_words", "status_in_words"]

_LOOKS = 3
"""How often the status is looked at once the server took a request, before the next try is to look again."""
_DELETED = "the campaign was deleted: give the connection of another one"


@dataclass(frozen=True, slots=True)
class Aim:
    """What a campaign is to be.

    :param state: in words
    :param statuses: those that mean it, each in its one writing
    :param request: makes what asks the server for it
    :param out_of_reach: statuses from which no campaign comes to it, each with the reason and the way out
    """

    state: str
    statuses: tuple[str, ...]
    request: Callable[[], Request[None]]
    out_of_reach: Mapping[str, str] = field(default_factory=dict)


PAUSED = Aim(
    "paused",
    ("paused",),
    endpoints.pause_campaign,
    {
        "finished": "the campaign is stopped, and such a one can't be paused: it calls nobody",
        "deleted": _DELETED,
    },
)
RUNNING = Aim(
    "running",
    ("inProgress",),
    endpoints.resume_campaign,
    {
        "finished": "the campaign is stopped, and a stopped one is not resumed: start it in Aimylogic, or give the "
        "connection of another one. To have it only rest, pause it",
        "deleted": _DELETED,
    },
)
STOPPED = Aim("stopped", ("finished",), endpoints.stop_campaign, {"deleted": _DELETED})


def reach(aim: Aim, client: CampaignClient, log: Log) -> dict[str, Any]:
    """Bring a campaign to a state, and return ``status``, ``was`` and ``changed``; where it is already, change nothing.

    :raises ActionError: if it isn't there: for good, or because it didn't show there yet
    :raises ApiError: if the campaign could not be asked, or there is none
    """
    before = asked(client, endpoints.status()).value
    if campaign_status(before) in aim.statuses:
        return {"status": before, "was": before, "changed": False}
    if (why := aim.out_of_reach.get(campaign_status(before))) is not None:
        raise ActionError(f"Not {aim.state}: {why}", retryable=False)
    if campaign_status(before) not in CAMPAIGN_STATUSES:
        log.warning("The campaign has %s: asking for it to be %s.", status_in_words(before, client), aim.state)
    status = _requested(aim, client, log) or _shown_after(aim, client, log)
    return {"status": _shown(status, client), "was": _shown(before, client), "changed": True}


def reached_in_words(aim: Aim, result: Mapping[str, Any]) -> str:
    """What :func:`reach` returns, in a few words."""
    if not result["changed"]:
        return f"the campaign is {aim.state} already, and nothing was asked for"
    was = result["was"]
    return f"the campaign is {aim.state}; before, it had {'the status ' + was if was else 'a status of no known name'}"


def status_in_words(status: str, client: CampaignClient) -> str:
    """A status as a message may bear it, for the server's own word could hold anything."""
    shown = _shown(status, client)
    if campaign_status(status) in CAMPAIGN_STATUSES:
        return f"the status {status}"
    return "a status that no source names" + (f", {shown}" if shown else "")


def _requested(aim: Aim, client: CampaignClient, log: Log) -> str | None:
    """Ask the server for it; return the status, if that had to be looked at, for no answer came, or a refusal."""

    def request(attempt: int) -> str | None:
        try:
            client.ask(aim.request())
        except ApiError as error:
            refused = error.known is Known.REFUSED
            if error.type == "invalid.token" or not (refused or error.retryable):
                raise
            status = client.ask(endpoints.status()).value
            if campaign_status(status) in aim.statuses:
                log.info("What became of the request isn't known (%s), and the campaign is %s.", error, aim.state)
                return status
            if refused:
                raise ActionError(
                    f"Not {aim.state}: {error}. The campaign has {status_in_words(status, client)}. Look at it in "
                    "Aimylogic",
                    retryable=False,
                ) from None
            raise
        return None

    return repeated(request, SystemClock().sleep)


def _shown_after(aim: Aim, client: CampaignClient, log: Log) -> str:
    """The status once the server took the request.

    :raises ActionError: if it is still another one
    """
    for look in range(_LOOKS):
        if look:
            SystemClock().sleep(2.0**look)
        status = asked(client, endpoints.status()).value
        if campaign_status(status) in aim.statuses:
            return status
        if (why := aim.out_of_reach.get(campaign_status(status))) is not None:
            raise ActionError(f"Not {aim.state}: meanwhile, {why}", retryable=False)
        if campaign_status(status) not in CAMPAIGN_STATUSES:
            log.warning(
                "The server took the request, and the campaign has %s: that it is %s is known by the server's answer "
                "alone.", status_in_words(status, client), aim.state,
            )  # fmt: skip
            return status
    raise ActionError(
        f"Not {aim.state} yet: the server took the request, and the campaign still has "
        f"{status_in_words(status, client)}. The next try looks again",
        retryable=True,
    )


def _shown(status: str, client: CampaignClient) -> str | None:
    shown = shown_status(status)
    return None if shown is None or client.address.is_given_away_by(shown) else shown
