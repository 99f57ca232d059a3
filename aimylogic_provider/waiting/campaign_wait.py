"""A wait for a campaign to be in one of some states: when it is over, and when it never will be."""

from __future__ import annotations

from collections.abc import Sequence

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.statuses import campaign_status, shown_status
from aimylogic_provider.idempotence.ports import Log

__all__ = ["CampaignDeletedError", "CampaignWait"]


class CampaignDeletedError(RejectedError):
    """A campaign that was deleted is in no other state any more."""


class CampaignWait:
    """A wait for one campaign.

    :param statuses: to wait for, as :func:`.checked_campaign_statuses` returns them
    """

    def __init__(self, statuses: Sequence[str], log: Log) -> None:
        self._statuses = statuses
        self._log = log
        self._told = ""

    def is_over(self, written: str) -> bool:
        """Whether the status is one that was waited for; tells of each change.

        :param written: as the server writes it
        :raises CampaignDeletedError: if it never will be
        """
        status = campaign_status(written)
        if status in self._statuses:
            self._log.info("The campaign is %s.", status)
            return True
        if status == "deleted":
            raise CampaignDeletedError(
                f"the campaign was deleted, and will never be {' or '.join(self._statuses)}: give the connection "
                "another campaign's token"
            )
        if status != self._told:
            self._told = status
            told = shown_status(status) or "in a state that can't be told"
            self._log.info("The campaign is %s: waiting until it is %s.", told, " or ".join(self._statuses))
        return False
