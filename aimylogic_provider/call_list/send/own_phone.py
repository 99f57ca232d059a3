"""A list tried on one's own phone: its first call's payload, by the campaign's address for testing, before all others.

That address knows no duplicates, and may heed no key: a list rings there once, unless the server definitely refused it.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from aimylogic_provider.call_list.store.manifest import Batch
from aimylogic_provider.call_list.store.stored_call import CallLine, decode_content
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, OwnPhoneCall
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.errors import ApiError, Known, RejectedError
from aimylogic_provider.calls_api.statuses import why_nobody_is_called
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.keys import phone_digest
from aimylogic_provider.idempotence.next_try import NextTry
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.retry import repeated
from aimylogic_provider.idempotence.server_time import Clock

__all__ = ["TrialCall", "noted_trial"]

_NOT_AGAIN = "It is not called again for this list, for test/addPhone rings with each request"


def noted_trial(keeper: EntryKeeper, list_id: str) -> OwnPhoneCall | None:
    """The call to one's own phone that was made for a list, answered or not; None if there was none, or a refused one.

    :param list_id: of the list
    """
    noted = keeper.entry.own_phone
    return noted if noted is not None and noted.call_list == list_id and not noted.refused else None


class TrialCall:
    """The call to one's own phone, as it will be sent.

    :param phone: in canonical form
    :param batches: of the list, those that are sent
    :raises RejectedError: if the first call's payload can't go by test/addPhone
    :raises CallListError: if the list can't be read
    """

    def __init__(self, call_list: CallList, batches: list[Batch], phone: str, client: CampaignClient) -> None:
        self._list_id = call_list.manifest.id
        self._client = client
        self._row, self.as_text, payload = _first_payload(call_list, batches)
        self.left_out = sorted(name for name, value in payload.items() if value is None)
        try:
            flat = {name: _as_text(value) for name, value in payload.items() if value is not None}
            self._call = Call(phone=phone, payload=Call.of(phone, flat).payload)
            client.address.url(endpoints.add_phone(self._call, test_call=True))
        except RejectedError as error:
            raise RejectedError(
                f"the payload of row {self._row} can't be tried on test_phone, for test/addPhone bears it in its URL, "
                f"as text by name ({error}): nobody was called. Make that payload flatter and shorter, or leave "
                "test_phone out"
            ) from None

    @property
    def masked_phone(self) -> str:
        """The phone, as it may be shown."""
        return self._call.masked_phone

    def ring(self, keeper: EntryKeeper, clock: Clock, log: Log) -> OwnPhoneCall:
        """Note the call, and make it; return it, noted as created.

        :raises NotAddedError: if the server refused it, or didn't answer: nobody else is called by this try
        :raises Exception: whatever the store raises
        """
        self._look_at_campaign(clock, log)
        call = OwnPhoneCall(self._list_id, phone_digest(self._call.phone), clock.wall())
        keeper.entry.own_phone = call
        keeper.save_now()  # refused to a try that was replaced, whose successor has rung by now
        try:
            job = self._client.add_phone(self._call, idempotence_key=None, test_call=True).value
        except ApiError as error:
            raise self._failed(error, call, keeper) from None
        keeper.entry.own_phone = call = replace(call, job=job)
        keeper.save_now()
        log.info("The payload of row %s was sent to %s, for a trial: call job %s.", self._row, self.masked_phone, job)
        return call

    def _look_at_campaign(self, clock: Clock, log: Log) -> None:
        """Prove the token before anything is noted, and warn if the campaign rings nobody."""
        try:
            status = repeated(lambda attempt: self._client.status().value, clock.sleep)
        except ApiError as error:
            next_try = NextTry(asked=error.retry_after or 0.0) if error.retryable else None
            raise NotAddedError(f"{error}", retryable=error.retryable, next_try=next_try) from None
        if (why := why_nobody_is_called(status)) is not None:
            log.warning("test_phone may not ring: %s.", why)

    def _failed(self, error: ApiError, call: OwnPhoneCall, keeper: EntryKeeper) -> NotAddedError:
        if error.known is Known.REFUSED:
            keeper.entry.own_phone = replace(call, refused=f"{error}"[:200])
            keeper.save_now()
            return NotAddedError(
                f"The call to test_phone {self.masked_phone} was refused, so nobody of the list is called: {error}. "
                "Correct that, and clear the task; or leave test_phone out",
                retryable=False,
            )
        return NotAddedError(
            f"Whether test_phone {self.masked_phone} is called isn't known, and nobody of the list was: {error}. "
            f"{_NOT_AGAIN}: the next try goes on with the list",
            retryable=error.retryable,
            next_try=NextTry(asked=error.retry_after or 0.0) if error.retryable else None,
        )


def _first_payload(call_list: CallList, batches: list[Batch]) -> tuple[int, list[str], dict[str, Any]]:
    line: CallLine = call_list.lines(batches[0])[0]
    payload = decode_content(line.call).payload
    return line.row, sorted(name for name, value in payload.items() if isinstance(value, (dict, list))), payload


def _as_text(value: object) -> object:
    """What is nested, as its JSON; all else is made text as addPhone's payloads are."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
