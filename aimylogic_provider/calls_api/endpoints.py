"""The endpoints that change something, and the list of all: path, parser of the answer, errors, and what is asked.

An endpoint is data, and a function beside it makes its request from plain values: a further endpoint of the contract is
a few lines here, or in ``report_endpoints`` if it only reads; both are imported from here. Paths and fields are those
of the vendor's pages "Adding phone numbers from CRM systems" and "Calls API".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.errors import RejectedError, UnreadableError
from aimylogic_provider.calls_api.http_messages import Endpoint, Request
from aimylogic_provider.calls_api.json_values import read_id, read_json
from aimylogic_provider.calls_api.phones.phone import shown
from aimylogic_provider.calls_api.report_endpoints import (
    CALL_ATTEMPT_REPORT,
    CALL_ATTEMPT_REPORT_BY_DATE,
    CALL_JOB_REPORT,
    CALL_JOB_REPORT_BY_DATE,
    CAMPAIGN,
    STATUS,
    UNFINISHED_CALL_JOBS,
    call_attempt_report,
    call_attempt_report_by_date,
    call_job_report,
    call_job_report_by_date,
    campaign,
    status,
    unfinished_call_jobs,
)
from aimylogic_provider.calls_api.request_fields import (
    CALLS,
    NO_CAMPAIGN,
    REPORT_ERRORS,
    checked_key,
    listed,
    phones_and_ids,
    post_json,
)

__all__ = [
    "ADD_PHONE",
    "ADD_PHONES",
    "CALL_ATTEMPT_REPORT",
    "CALL_ATTEMPT_REPORT_BY_DATE",
    "CALL_JOB_REPORT",
    "CALL_JOB_REPORT_BY_DATE",
    "CAMPAIGN",
    "CANCEL_CALL_JOBS",
    "ENDPOINTS",
    "PAUSE_CAMPAIGN",
    "RESUME_CAMPAIGN",
    "STATUS",
    "STOP_CAMPAIGN",
    "TEST_ADD_PHONE",
    "UNFINISHED_CALL_JOBS",
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
    "pause_campaign",
    "resume_campaign",
    "status",
    "stop_campaign",
    "unfinished_call_jobs",
]


_ID = re.compile(rb'"([0-9]{1,40})"')


def _job_id(body: bytes) -> str:
    """The page "Adding phone numbers from CRM systems" shows a string, the OpenAPI document a JSON string."""
    if (usual := _ID.fullmatch(body)) is not None:
        return usual[1].decode()
    text = body.strip()
    return read_id(text.decode() if text.isdigit() else read_json(text))


def _job_ids(body: bytes) -> tuple[str, ...]:
    content = read_json(body)
    if not isinstance(content, list):
        raise UnreadableError("the body is no list of call job ids")
    return tuple(read_id(item) for item in content)


def _nothing(body: bytes) -> None:
    if body.strip():
        raise UnreadableError("the body should be empty")


_CRM = "/api/crmCalls/campaign/{token}"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

_ADD_PHONE_ERRORS = frozenset(
    {
        NO_CAMPAIGN,
        (400, "phone.duplicated"),
        (400, "phone.bad.format"),
        (400, "phone.gmtZone.bad.format"),
        (400, "invalid.call.task.state"),
    }
)
_ADD_PHONES_ERRORS = _ADD_PHONE_ERRORS | {(400, "invalid.call.allowed.time"), (400, "invalid.dialer_priority")}
# With a key, addPhone knows no duplicates. In addPhones the word means another thing: twice in the very list.
_NEVER_WITH_KEY = frozenset({"phone.duplicated"})

ADD_PHONE: Endpoint[str] = Endpoint(
    "addPhone", ("POST", "GET"), f"{_CRM}/addPhone", _job_id, _ADD_PHONE_ERRORS, never_with_key=_NEVER_WITH_KEY
)
TEST_ADD_PHONE: Endpoint[str] = Endpoint(
    "test/addPhone", ("GET",), f"{_CRM}/test/addPhone", _job_id, _ADD_PHONE_ERRORS, never_with_key=_NEVER_WITH_KEY
)
ADD_PHONES: Endpoint[tuple[str, ...]] = Endpoint(
    "addPhones",
    ("POST",),
    f"{CALLS}/addPhones",
    _job_ids,
    _ADD_PHONES_ERRORS,
    typed_refusals=frozenset({400}),  # "on a 400 no number was added", whatever for
)
CANCEL_CALL_JOBS: Endpoint[tuple[str, ...]] = Endpoint(
    "callJob/cancel", ("POST",), f"{CALLS}/callJob/cancel", _job_ids, REPORT_ERRORS
)


def _control(name: str) -> Endpoint[None]:
    path = f"{CALLS}/{name}"
    return Endpoint(name, ("POST",), path, _nothing, frozenset({NO_CAMPAIGN}), worded_refusals=frozenset({400}))


PAUSE_CAMPAIGN = _control("control/pause")
RESUME_CAMPAIGN = _control("control/resume")
STOP_CAMPAIGN = _control("control/stop")

ENDPOINTS: tuple[Endpoint[Any], ...] = (
    ADD_PHONE,
    TEST_ADD_PHONE,
    ADD_PHONES,
    CANCEL_CALL_JOBS,
    CALL_JOB_REPORT,
    CALL_JOB_REPORT_BY_DATE,
    UNFINISHED_CALL_JOBS,
    CALL_ATTEMPT_REPORT,
    CALL_ATTEMPT_REPORT_BY_DATE,
    CAMPAIGN,
    STATUS,
    PAUSE_CAMPAIGN,
    RESUME_CAMPAIGN,
    STOP_CAMPAIGN,
)
"""All of them."""


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
        return Request(TEST_ADD_PHONE, "GET", tuple(query), key=key)
    return Request(ADD_PHONE, method, tuple(query), _FORM if method == "POST" else {}, key=key)


def add_ready_phone(fields: Iterable[tuple[str, str]], *, idempotence_key: str) -> Request[str]:
    """As :func:`add_phone`, of fields that were made and checked before.

    :param fields: ``phone``, ``gmtZone`` if there is one, and the payload's
    """
    return Request(ADD_PHONE, "POST", tuple(fields), _FORM, key=checked_key(idempotence_key))


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
    return post_json(ADD_PHONES, items, key=key, check=partial(_check_ids, len(items)))


def add_ready_phones(items: Sequence[bytes], *, idempotence_key: str) -> Request[tuple[str, ...]]:
    """As :func:`add_phones`, of items that were made and checked before.

    :param items: each as :meth:`.ListedCall.as_item` makes it, as JSON; no two with the same phone
    """
    return Request(
        ADD_PHONES,
        "POST",
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
    return post_json(CANCEL_CALL_JOBS, phones_and_ids(phones, ids), key=checked_key(idempotence_key))


def pause_campaign(*, idempotence_key: str | None = None) -> Request[None]:
    """Pause the campaign."""
    return Request(PAUSE_CAMPAIGN, "POST", key=checked_key(idempotence_key))


def resume_campaign(*, idempotence_key: str | None = None) -> Request[None]:
    """Resume the campaign."""
    return Request(RESUME_CAMPAIGN, "POST", key=checked_key(idempotence_key))


def stop_campaign(*, idempotence_key: str | None = None) -> Request[None]:
    """Stop the campaign. A stopped campaign takes no numbers."""
    return Request(STOP_CAMPAIGN, "POST", key=checked_key(idempotence_key))
