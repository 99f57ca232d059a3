"""AimylogicAsyncHook: a campaign read without blocking, for triggers and other asynchronous code. Sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aimylogic_provider.airflow_task.airflow_imports import BaseHook

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Connection
    from aimylogic_provider.calls_api.client import Answer, AsyncCampaignClient
    from aimylogic_provider.calls_api.http_messages import Request
    from aimylogic_provider.calls_api.reports import CallAttempt, CallJob, Campaign
    from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
    from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection

__all__ = ["AimylogicAsyncHook", "load"]

T = TypeVar("T")

_CONNECTIONS = 8


def load() -> None:
    """Load what asks and reads. In the event loop it would hold up all that runs there, for a third of a second."""
    from importlib import import_module

    for name in ("aiohttp", "requests.utils", "tenacity", "phonenumbers"):
        import_module(name)
    for name in ("calls_api.report_endpoints", "calls_api.transports.aiohttp_transport"):
        import_module(f"aimylogic_provider.{name}")


class AimylogicAsyncHook(BaseHook):
    """One Aimylogic campaign, read without blocking, by an Airflow connection of type ``aimylogic``.

    For use as an async context manager, which looks the connection up and keeps its requests' connections::

        async with AimylogicAsyncHook("aimylogic_default") as hook:
            status = await hook.get_campaign_status()

    It only reads, for Airflow may restart a triggerer, or run a trigger twice. Each method repeats a request that
    failed for a passing reason, three times in all, no sooner than the server asks for. Parameters, results and errors
    are those of :class:`~aimylogic_provider.hooks.AimylogicHook`'s methods of the same names.

    :param aimylogic_conn_id: the connection
    """

    conn_name_attr = "aimylogic_conn_id"
    default_conn_name = "aimylogic_default"
    conn_type = "aimylogic"
    hook_name = "Aimylogic"

    def __init__(self, aimylogic_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.aimylogic_conn_id = aimylogic_conn_id
        self._campaign: CampaignOfConnection | None = None
        self._transport: AiohttpTransport | None = None
        self._client: AsyncCampaignClient | None = None

    async def __aenter__(self) -> Self:
        import asyncio

        await asyncio.to_thread(load)
        await self._open(await self.look_up())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def look_up(self) -> CampaignOfConnection:
        """Look the connection up.

        :raises ConnectionRejectedError: if it can't be used, saying what to set
        """
        from aimylogic_provider.hooks.campaign_of_connection import campaign_of_connection

        return campaign_of_connection(self.aimylogic_conn_id, await self._connection(), self.log)

    async def look_up_again(self) -> bool:
        """Look the connection up anew; return whether it differs, as after its token was changed.

        :raises ConnectionRejectedError: if it can't be used any more
        """
        found = await self.look_up()
        if found == self._campaign:
            return False
        await self._close()
        await self._open(found)
        return True

    async def get_campaign(self) -> Campaign:
        """Return the campaign: name, status, counts. Calls API, "campaign"."""
        from aimylogic_provider.calls_api import report_endpoints

        return await self._read(report_endpoints.campaign())

    async def get_campaign_status(self) -> str:
        """Return the campaign's status, as in ``inProgress``. Calls API, "campaign status"."""
        from aimylogic_provider.calls_api import report_endpoints

        return await self._read(report_endpoints.status())

    async def get_call_jobs(
        self, *, phones: Sequence[str | int] = (), ids: Sequence[str | int] = ()
    ) -> tuple[CallJob, ...]:
        """Return the call jobs of some phones, or with some ids, or both. Calls API, "callJob/getReport"."""
        from aimylogic_provider.calls_api import report_endpoints
        from aimylogic_provider.calls_api.request_fields import canonical_phones

        return await self._read(report_endpoints.call_job_report(phones=canonical_phones(phones), ids=ids))

    async def get_call_jobs_by_date(
        self,
        *,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        finished_from: datetime | None = None,
        finished_to: datetime | None = None,
        page: int = 0,
        page_size: int = 200,
    ) -> tuple[CallJob, ...]:
        """Return one page of the call jobs of a time range. Calls API, "callJob/getReportByDate"."""
        from aimylogic_provider.calls_api import report_endpoints

        return await self._read(
            report_endpoints.call_job_report_by_date(
                created_from=created_from,
                created_to=created_to,
                finished_from=finished_from,
                finished_to=finished_to,
                page=page,
                page_size=page_size,
            )
        )

    async def get_unfinished_call_jobs(self, *, page: int = 0, page_size: int = 200) -> tuple[CallJob, ...]:
        """Return one page of the call jobs that are not finished. Calls API, "callJob/getUnfinished"."""
        from aimylogic_provider.calls_api import report_endpoints

        return await self._read(report_endpoints.unfinished_call_jobs(page=page, page_size=page_size))

    async def get_call_attempts(
        self, *, phones: Sequence[str | int] = (), ids: Sequence[str | int] = ()
    ) -> tuple[CallAttempt, ...]:
        """Return the attempts at calling some phones, or with some ids. Calls API, "callAttempt/getReport"."""
        from aimylogic_provider.calls_api import report_endpoints
        from aimylogic_provider.calls_api.request_fields import canonical_phones

        return await self._read(report_endpoints.call_attempt_report(phones=canonical_phones(phones), ids=ids))

    async def get_call_attempts_by_date(
        self,
        *,
        started_from: datetime | None = None,
        started_to: datetime | None = None,
        finished_from: datetime | None = None,
        finished_to: datetime | None = None,
        page: int = 0,
        page_size: int = 200,
    ) -> tuple[CallAttempt, ...]:
        """Return one page of the attempts in a time range. Calls API, "callAttempt/getReportByDate"."""
        from aimylogic_provider.calls_api import report_endpoints

        return await self._read(
            report_endpoints.call_attempt_report_by_date(
                started_from=started_from,
                started_to=started_to,
                finished_from=finished_from,
                finished_to=finished_to,
                page=page,
                page_size=page_size,
            )
        )

    async def _connection(self) -> Connection:
        """Airflow's connection; before 3.1.8 it can't be had without blocking, and is looked up in a thread."""
        if hasattr(self, "aget_connection"):
            return await self.aget_connection(self.aimylogic_conn_id)
        import asyncio

        return await asyncio.to_thread(self.get_connection, self.aimylogic_conn_id)

    async def _open(self, campaign: CampaignOfConnection) -> None:
        from aimylogic_provider.calls_api.client import AsyncCampaignClient
        from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport

        self._campaign = campaign
        self._transport = await AiohttpTransport(campaign.settings, connections=_CONNECTIONS).__aenter__()
        self._client = AsyncCampaignClient(campaign.address, self._transport)

    async def _close(self) -> None:
        transport, self._transport, self._client = self._transport, None, None
        if transport is not None:
            await transport.__aexit__(None, None, None)

    async def _read(self, request: Request[T]) -> T:
        """Ask, and ask again after a failure that passes by itself."""
        from tenacity import AsyncRetrying

        from aimylogic_provider.hooks.repeated_reads import reading_again

        if self._client is None:
            raise RuntimeError("AimylogicAsyncHook is used outside its context: write `async with … as hook`")
        answer: Answer[T] = await AsyncRetrying(**reading_again())(self._client.ask, request)
        return answer.value
