"""A campaign that a task reads for long: which one it is, when it told what, and a token that is changed meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Lock
from typing import TypeVar

from aimylogic_provider.calls_api import report_endpoints
from aimylogic_provider.calls_api.client import Answer, CampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.reports import Campaign
from aimylogic_provider.campaign_task.action_errors import ActionError
from aimylogic_provider.hooks.aimylogic import AimylogicHook
from aimylogic_provider.hooks.repeated_reads import reading_again
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.server_time import SystemClock

__all__ = ["CampaignReading", "told_at"]

T = TypeVar("T")


class CampaignReading:
    """Asks one campaign, by several requests at once if need be.

    :param conn_id: the connection
    :raises ActionError: if the campaign tells nothing by which its rows are known
    :raises ApiError: if it could not be asked which one it is
    """

    def __init__(self, conn_id: str, log: Log) -> None:
        self._hook = AimylogicHook(conn_id)
        self._log = log
        self._lock = Lock()
        answer = self._campaign_of(self._hook)
        campaign = answer.value
        client = self._hook.get_conn()
        self.name: str | None = _shown(campaign.name, client)
        self.id: str = self._known_by(campaign, client)
        self.began_at: datetime = told_at(answer.date)
        """When the reading began, by the server's time."""

    def ask(self, request: Request[T], /) -> Answer[T]:
        """Ask, and ask again after failures that pass by themselves; also by a token that was changed meanwhile.

        :raises ApiError: if it was not answered
        :raises ActionError: if the connection names another campaign by now
        """
        hook = self._hook
        try:
            return _asked(hook, request)
        except ApiError as error:
            if error.retryable or (error.known is Known.REFUSED and error.status == 400) or not self._renewed(hook):
                raise
        return _asked(self._hook, request)

    def _campaign_of(self, hook: AimylogicHook) -> Answer[Campaign]:
        return _asked(hook, report_endpoints.campaign())

    def _known_by(self, campaign: Campaign, client: CampaignClient) -> str:
        """By what its rows are known: its id, else its name."""
        known = _shown(campaign.id, client) or self.name
        if not known or len(known) > 250:
            raise ActionError(
                "The campaign tells neither an id nor a name by which its rows could be known: ask GetCampaignOperator "
                "what it tells",
                retryable=False,
            )
        return known

    def _renewed(self, hook: AimylogicHook) -> bool:
        """Whether the connection was changed since a hook was made of it; the one of now is used from here on."""
        with self._lock:
            if self._hook is not hook:
                return True  # another thread found that out
            again = AimylogicHook(hook.aimylogic_conn_id)
            if again.campaign == hook.campaign:
                return False
            if self._known_by(self._campaign_of(again).value, again.get_conn()) != self.id:
                raise ActionError(
                    "The connection names another campaign than when this task began: run it again once that is meant",
                    retryable=True,
                )
            self._log.info("The token was changed meanwhile, and is of the same campaign: going on with the new one.")
            self._hook = again
            return True


def told_at(date: float | None) -> datetime:
    """When an answer was given: by its ``Date``, in whole seconds, else by the worker's clock."""
    return datetime.fromtimestamp(int(time.time() if date is None else date), UTC)


def _asked(hook: AimylogicHook, request: Request[T]) -> Answer[T]:
    from tenacity import Retrying

    answer: Answer[T] = Retrying(**reading_again(), sleep=SystemClock().sleep)(hook.get_conn().ask, request)
    return answer


def _shown(text: str | None, client: CampaignClient) -> str | None:
    return None if not text or client.address.is_given_away_by(text) else text
