"""CampaignStatusTrigger: waits in the triggerer until a campaign is in one of some states."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from aimylogic_provider.hooks.aimylogic_async import AimylogicAsyncHook

__all__ = ["CampaignStatusTrigger"]


class CampaignStatusTrigger(BaseTrigger):
    """Wait until a campaign's status is one of some, or the time is up.

    Its one event is ``{"status": …, "error": …}``: the status that was met, or why there is none: an empty error where
    the time is up; then ``failed`` tells what the last request ended with, if it failed.

    :param aimylogic_conn_id: the connection: one campaign
    :param statuses: to wait for
    :param poll_interval: seconds between two polls
    :param until: Unix seconds at which the wait is given up
    """

    def __init__(self, *, aimylogic_conn_id: str, statuses: Sequence[str], poll_interval: float, until: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.aimylogic_conn_id = aimylogic_conn_id
        self.statuses = list(statuses)
        self.poll_interval = poll_interval
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class, and the arguments by which Airflow makes it anew."""
        names = ("aimylogic_conn_id", "statuses", "poll_interval", "until")
        return (
            "aimylogic_provider.triggers.campaign_status.CampaignStatusTrigger",
            {name: getattr(self, name) for name in names},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until the wait is over; then tell how it ended, by one event."""
        from aimylogic_provider.calls_api.errors import AimylogicError
        from aimylogic_provider.hooks.aimylogic_async import AimylogicAsyncHook

        try:
            async with AimylogicAsyncHook(self.aimylogic_conn_id) as hook:
                yield TriggerEvent(await self._wait(hook))  # type: ignore[no-untyped-call]
        except AimylogicError as error:
            yield TriggerEvent({"status": None, "error": str(error)})  # type: ignore[no-untyped-call]

    async def _wait(self, hook: AimylogicAsyncHook) -> dict[str, Any]:
        from aimylogic_provider.calls_api.errors import ApiError
        from aimylogic_provider.waiting.campaign_wait import CampaignWait

        wait = CampaignWait(self.statuses, self.log)
        while True:
            pause, failed = self.poll_interval, ""
            try:
                if wait.is_over(status := await hook.get_campaign_status()):
                    return {"status": status, "error": ""}
            except ApiError as error:
                if not error.retryable and not await hook.look_up_again():
                    raise
                pause = max(pause, error.retry_after or 0.0) if error.retryable else 0.0
                failed = f" ({error})"
                self.log.warning("%s. Asking again in %.0f seconds.", error, pause)
            if time.time() >= self.until:
                return {"status": None, "error": "", "failed": failed}
            await asyncio.sleep(max(0.0, min(pause, self.until - time.time())))
