"""The requests that change something, with the parsers of what they are answered; and those of ``report_endpoints``.

A function for each row of the table makes its request from plain values, and checks them before anything is sent: to
add an endpoint, add its row to ``endpoint_table``, a function here (or in ``report_endpoints``, if it only reads) with
a parser, and a route to the emulator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial

from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.endpoint_table import (
    ADD_PHONE,
    ADD_PHONES,
    CANCEL_CALL_JOBS,
    PAUSE_CAMPAIGN,
    RESUME_CAMPAIGN,
    STOP_CAMPAIGN,
    TEST_ADD_PHONE,
)
from aimylogic_provider.calls_api.errors import RejectedError, UnreadableError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.json_values import read_id, read_json
from aimylogic_provider.calls_api.phones.phone import shown
from aimylogic_provider.calls_api.report_endpoints import (
    call_attempt_report,
    call_attempt_report_by_date,
    call_job_report,
    call_job_report_by_date,
    campaign,
    status,
    unfinished_call_jobs,
)
from aimylogic_provider.calls_api.request_fields import (
    checked_key,
    listed,
    phones_and_ids,
    post_json,
)

__all__ = [
    "add_phone",
    "add_phones",
    "add_ready_phone",
    "add_ready_phones",
    "call_attempt_report",
    "call_attempt_report_by_date",
    "call_job_report",
    "call_job_report_by_date",
    "campaign",
    "cancel_call_jobs",
    "parse_job_id",
    "parse_job_ids",
    "pause_campaign",
    "resume_campaign",
    "status",
    "stop_campaign",
    "unfinished_call_jobs",
]


_ID = re.compile(rb'"([0-9]{1,40})"')


def parse_job_id(body: bytes) -> str:
    """Read the id of a new job.

    The page "Adding phone numbers from CRM systems" shows a string, the OpenAPI document a JSON string.

    :raises UnreadableError: if it is neither
    """
    if (usual := _ID.fullmatch(body)) is not None:
        return usual[1].decode()
    text = body.strip()
    return read_id(text.decode() if text.isdigit() else read_json(text))


def parse_job_ids(body: bytes) -> tuple[str, ...]:
    """Read a list of ids.

    :raises UnreadableError: if it is none
    """
    content = read_json(body)
    if not isinstance(content, list):
        raise UnreadableError("the body isn't a list of call job ids")
    return tuple(read_id(item) for item in content)


def _parse_nothing(body: bytes) -> None:
    if body.strip():
        raise UnreadableError("the body should be empty")


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def add_phone(
    call: Call, *, idempotence_key: str | None = None, method: str = "POST", test_call: bool = False
) -> Request[str]:
    """Add one number.

    :param idempotence_key: sent as it is given, as the header ``Idempotence-Key``
    :param method: ``POST`` or ``GET``; a test call is always a GET
    :raises RejectedError: for another method, or a key that no header can bear
    """
    if method not in ADD_PHONE.methods:
        raise RejectedError(f"method {shown(method)} is not one that addPhone has: use 'POST' or 'GET'")
    key = checked_key(idempotence_key)
    query = [("phone", call.phone)]
    if call.gmt_zone is not None:
        query.append(("gmtZone", call.gmt_zone))
    query.extend(call.payload)
    if test_call:
        return Request(TEST_ADD_PHONE, "GET", parse_job_id, tuple(query), key=key)
    return Request(ADD_PHONE, method, parse_job_id, tuple(query), _FORM if method == "POST" else {}, key=key)


def add_ready_phone(fields: Iterable[tuple[str, str]], *, idempotence_key: str) -> Request[str]:
    """As :func:`add_phone`, of fields that were made and checked before.

    :param fields: ``phone``, ``gmtZone`` if there is one, and the payload's
    """
    return Request(ADD_PHONE, "POST", parse_job_id, tuple(fields), _FORM, key=checked_key(idempotence_key))


def add_phones(calls: Sequence[ListedCall], *, idempotence_key: str | None = None) -> Request[tuple[str, ...]]:
    """Add many numbers, all or none; the result is their jobs' ids, in the order of *calls*.

    :param calls: at least one, each with another phone
    :param idempotence_key: sent as it is given, as the header ``Idempotence-Key``
    :raises RejectedError: for an empty list, a phone that occurs twice, or a key that no header can bear
    """
    key = checked_key(idempotence_key)
    calls = listed("calls", calls)
    if not calls:
        raise RejectedError("calls is empty: addPhones needs one call at least, so send nothing where there is none")
    places: dict[str, int] = {}
    for place, call in enumerate(calls):
        if not isinstance(call, ListedCall):
            raise RejectedError(f"calls[{place}] is a {type(call).__name__}: make it with ListedCall.of(…)")
        if (first := places.setdefault(call.phone, place)) != place:
            raise RejectedError(
                f"phone {call.masked_phone} stands twice in the list, at calls[{first}] and calls[{place}], and "
                "addPhones takes each phone once: drop one of them, or send it in another request"
            )
    items = [call.as_item() for call in calls]
    return post_json(ADD_PHONES, parse_job_ids, items, key=key, check=partial(_check_ids, len(items)))


def add_ready_phones(items: Sequence[bytes], *, idempotence_key: str) -> Request[tuple[str, ...]]:
    """As :func:`add_phones`, of items that were made and checked before.

    :param items: each as :meth:`.ListedCall.as_item` makes it, as JSON; no two with the same phone
    """
    return Request(
        ADD_PHONES,
        "POST",
        parse_job_ids,
        headers={"Content-Type": "application/json"},
        ready_json=b"[" + b",".join(items) + b"]",
        key=checked_key(idempotence_key),
        check=partial(_check_ids, len(items)),
    )


def _check_ids(calls: int, ids: tuple[str, ...]) -> None:
    if len(ids) != calls:
        raise UnreadableError(f"{len(ids):,} ids for {calls:,} numbers")
    if len(set(ids)) != calls:
        raise UnreadableError("one id stands for several numbers")


def cancel_call_jobs(
    *, phones: Sequence[str] = (), ids: Sequence[str | int] = (), idempotence_key: str | None = None
) -> Request[tuple[str, ...]]:
    """Cancel call jobs; the result is the ids of those that were cancelled.

    No source that we know shows the body. We assume that of the reports: ``phones`` and ``ids``, either or both.

    :param phones: in canonical form
    :param ids: decimal strings, or integers
    :param idempotence_key: sent as it is given, as the header ``Idempotence-Key``
    :raises RejectedError: if neither is given, an id is none, or no header can bear the key
    """
    return post_json(CANCEL_CALL_JOBS, parse_job_ids, phones_and_ids(phones, ids), key=checked_key(idempotence_key))


def pause_campaign(*, idempotence_key: str | None = None) -> Request[None]:
    """Pause the campaign."""
    return Request(PAUSE_CAMPAIGN, "POST", _parse_nothing, key=checked_key(idempotence_key))


def resume_campaign(*, idempotence_key: str | None = None) -> Request[None]:
    """Resume the campaign."""
    return Request(RESUME_CAMPAIGN, "POST", _parse_nothing, key=checked_key(idempotence_key))


def stop_campaign(*, idempotence_key: str | None = None) -> Request[None]:
    """Stop the campaign. A stopped campaign takes no numbers."""
    return Request(STOP_CAMPAIGN, "POST", _parse_nothing, key=checked_key(idempotence_key))
