"""A campaign's client: requests out, results back, over any transport. Everything but the sending is shared.

Each request is sent once. What is known after it says ``response_meaning``; whether it is sent again, who calls this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.http_messages import NoResponse, Request, Response
from aimylogic_provider.calls_api.phones.phone import same_phone
from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.calls_api.response_meaning import interpret, no_response_error

__all__ = ["Answer", "AsyncCampaignClient", "AsyncTransport", "CampaignClient", "Transport"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A result, and the server's time (Unix seconds) when it gave it, if it said."""

    value: T
    date: float | None


class Transport(Protocol):
    """What sends: once, without following or repeating."""

    def send(self, request: Request[Any], url: str) -> Response:
        """Send one request; raise NoResponse if no whole answer comes."""


class AsyncTransport(Protocol):
    """What sends without blocking: once, without following or repeating."""

    async def send(self, request: Request[Any], url: str) -> Response:
        """Send one request; raise NoResponse if no whole answer comes."""


class AsyncCampaignClient:
    """One campaign, asked by many requests at a time.

    :param address: where the campaign is
    :param transport: what sends
    """

    def __init__(self, address: CampaignAddress, transport: AsyncTransport) -> None:
        self.address = address
        self._transport = transport

    async def ask(self, request: Request[T]) -> Answer[T]:
        """Send *request* once and return what it was answered; else as :meth:`CampaignClient.ask`."""
        url = self.address.url(request)
        try:
            response = await self._transport.send(request, url)
        except NoResponse as error:
            raise no_response_error(request, error, self.address.base_url) from None
        return _answer(request, response, self.address)


class CampaignClient:
    """One campaign, reached over one transport.

    :param address: where the campaign is
    :param transport: what sends
    """

    def __init__(self, address: CampaignAddress, transport: Transport) -> None:
        self.address = address
        self._transport = transport

    def ask(self, request: Request[T]) -> Answer[T]:
        """Send *request* once and return what it was answered.

        :raises RejectedError: if its URL is too long; nothing was sent
        :raises ApiError: if it did not end in a result
        """
        url = self.address.url(request)
        try:
            response = self._transport.send(request, url)
        except NoResponse as error:
            raise no_response_error(request, error, self.address.base_url) from None
        return _answer(request, response, self.address)

    def add_phone(
        self, call: Call, *, idempotence_key: str | None, method: str = "POST", test_call: bool = False
    ) -> Answer[str]:
        """Add one number; the value is the call job's id."""
        request = endpoints.add_phone(call, idempotence_key=idempotence_key, method=method, test_call=test_call)
        return self.ask(request)

    def add_phones(self, calls: Sequence[ListedCall], *, idempotence_key: str | None) -> Answer[tuple[str, ...]]:
        """Add many numbers, all or none; the value is their call jobs' ids, one for each of *calls*, in their order.

        A 200 with another count of ids, or with one of them twice, is no answer: what it belongs to can't be told.
        """
        return self.ask(endpoints.add_phones(calls, idempotence_key=idempotence_key))

    def status(self) -> Answer[str]:
        """Ask for the campaign's status."""
        return self.ask(endpoints.status())

    def jobs_of(self, phone: str) -> Answer[tuple[CallJob, ...]]:
        """Ask for the jobs of one phone; all that the report shows are returned, whatever phone it writes.

        The server's ``phone.not.found`` is the answer that there are none; any other error is no answer.
        """
        try:
            return self.ask(endpoints.call_job_report(phones=[phone]))
        except ApiError as error:
            is_ours = error.phone is None or same_phone(error.phone, phone)
            if error.type == "phone.not.found" and error.known is Known.REFUSED and is_ours:
                return Answer((), error.date)
            raise


def _answer(request: Request[T], response: Response, address: CampaignAddress) -> Answer[T]:
    return Answer(interpret(request, response, address.is_given_away_by), response.date)
