"""A campaign in the words of the button *Test*, which Airflow shows as they are: few, none of the server's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider.calls_api.statuses import shown_status

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.address import CampaignAddress
    from aimylogic_provider.calls_api.reports import Campaign

__all__ = ["in_words", "name_and_state"]

_STATUS = {
    "new": "has not been started yet",
    "planned": "is planned",
    "inProgress": "is running",
    "inProcess": "is running",
    "paused": "is paused",
    "finished": "is stopped, and a stopped campaign takes no numbers: start it in Aimylogic",
    "deleted": "was deleted",
}
_LONGEST_NAME = 100
_MOST_NUMBERS = 10**12


def in_words(campaign: Campaign, address: CampaignAddress) -> str:
    """Tell a campaign's name and status, and how far it is, without whatever could hold the token or markup."""
    name, state = name_and_state(campaign, address)
    return f"Campaign {name} {state}"


def name_and_state(campaign: Campaign, address: CampaignAddress) -> tuple[str, str]:
    """Tell the same in two: the name, which is of the server's choice, and what the campaign does, which is not."""
    return _name(campaign, address), f"{_status(campaign, address)}{_numbers(campaign)}"


def _name(campaign: Campaign, address: CampaignAddress) -> str:
    name = " ".join(campaign.name.split())
    fit = len(name) <= _LONGEST_NAME and name.isprintable() and not {*"<>"} & {*name}
    return repr(name) if fit and not address.is_given_away_by(name) else "of a name that can't be shown"


def _status(campaign: Campaign, address: CampaignAddress) -> str:
    if campaign.status in _STATUS:
        return _STATUS[campaign.status]
    status = shown_status(campaign.status)
    return f"is {status}" if status and not address.is_given_away_by(status) else "has a status that no source names"


def _numbers(campaign: Campaign) -> str:
    done, total = campaign.processed_numbers, campaign.total_numbers
    if done is None or total is None or not 0 <= done <= _MOST_NUMBERS or not 0 <= total <= _MOST_NUMBERS:
        return ""
    return f": {done:,} of {total:,} numbers done"
