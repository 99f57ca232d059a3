"""A campaign that a task reads for long: which one it is, when it told what, and a token that is changed meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TypeVar

from aimylogic_provider.calls_api import report_endpoints
from aimylogic_provider.calls_api.address import DEFAULT_HOST
from aimylogic_provider.calls_api.client import Answer, CampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.reports import Campaign
from aimylogic_provider.campaign_task.action_errors import ActionError
from aimylogic_provider.hooks.aimylogic import AimylogicHook
from aimylogic_provider.hooks.repeated_reads import reading_again
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.retry import repeated
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.idempotence.server_view import ServerView
from aimylogic_provider.idempotence.time_limits import GUARD_BAND, SLACK, ClockSource

__all__ = ["Began", "CampaignReading", "told_at"]

T = TypeVar("T")

_LONGEST_KEY = 250
"""Characters that the column ``campaign`` holds."""
_LOOKS = 3
"""How often the time is asked for, until two answers tell it alike."""


@dataclass(frozen=True, slots=True)
class Began:
    """When a reading began, by the server's time, as two answers told it alike.

    :param earliest: what was created an hour before the worker's clock, where the server doesn't tell its time
    :param at: in whole seconds
    :param latest: the other way round
    """

    earliest: datetime
    at: datetime
    latest: datetime


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
        campaign = self._campaign_of(self._hook).value
        client = self._hook.get_conn()
        self.name: str | None = _shown(campaign.name, client)
        self.id: str = self._known_by(campaign, client)
        self.began: Began = _believed_time(client, log)

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
        """By what its rows are known: its id, else its name; and its server, but for Aimylogic's own.

        Each installation counts its campaigns from 1.
        """
        known, server = _shown(campaign.id, client) or self.name, client.address.base_url
        if known and server != DEFAULT_HOST:
            known = f"{known}@{server.partition('://')[2]}"
        if not known or len(known) > _LONGEST_KEY:
            raise ActionError(
                "The campaign tells neither an id nor a name by which its rows could be known, together with its "
                f"server, in {_LONGEST_KEY} characters: ask GetCampaignOperator what it tells",
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


def _believed_time(client: CampaignClient, log: Log) -> Began:
    """The server's time, not by a single answer: what isn't read since it seems to be known is lost for good."""
    clock = SystemClock()
    view = ServerView(client, clock, log)
    try:
        repeated(lambda attempt: view.fresh_time(), clock.sleep)
        if not any(repeated(lambda attempt: view.told_alike(), clock.sleep) for _ in range(_LOOKS)):
            raise ActionError(
                "The server tells its time otherwise with each answer: nothing is read, for it can't be said until "
                "when. The next try asks again",
                retryable=True,
            )
        time = repeated(lambda attempt: view.fresh_time(), clock.sleep)
    except NotAddedError as error:
        raise ActionError(str(error), retryable=error.retryable) from None
    doubt = timedelta(seconds=GUARD_BAND if time.clock is ClockSource.WORKER else 0)
    at = datetime.fromtimestamp(int(time.earliest), UTC)
    return Began(at - doubt, at, at + doubt + timedelta(seconds=SLACK))


def _asked(hook: AimylogicHook, request: Request[T]) -> Answer[T]:
    from tenacity import Retrying

    answer: Answer[T] = Retrying(**reading_again(), sleep=SystemClock().sleep)(hook.get_conn().ask, request)
    return answer


def _shown(text: str | None, client: CampaignClient) -> str | None:
    return None if not text or client.address.is_given_away_by(text) else text
