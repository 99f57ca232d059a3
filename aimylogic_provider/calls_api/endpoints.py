"""The endpoints: for each, its path, the parser of its answer, the errors that it may name, and what is asked of it.

An endpoint is data, and a function beside it makes its request from plain values: a further endpoint of the contract is
a few lines here. Paths and fields are those of the vendor's pages "Adding phone numbers from CRM systems" and "Calls
API".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from aimylogic_provider.calls_api.call import Call
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.reports import (
    CallJob,
    Campaign,
    parse_call_jobs,
    parse_campaign,
    parse_status,
)
from aimylogic_provider.calls_api.values import read_id, read_json
from aimylogic_provider.calls_api.wire import Endpoint, Request

__all__ = [
    "ADD_PHONE",
    "CALL_JOB_REPORT",
    "CALL_JOB_REPORT_BY_DATE",
    "CAMPAIGN",
    "ENDPOINTS",
    "STATUS",
    "TEST_ADD_PHONE",
    "add_phone",
    "call_job_report",
    "call_job_report_by_date",
    "campaign",
    "status",
]

T = TypeVar("T")


def _job_id(body: bytes) -> str:
    """The seed's page shows a string, the OpenAPI document a JSON string: both are read."""
    text = body.strip()
    return read_id(text.decode() if text.isdigit() else read_json(text))


_NO_CAMPAIGN = (404, "invalid.token")
_CRM = "/api/crmCalls/campaign/{token}"
_CALLS = "/api/calls/campaign/{token}"

_ADD_PHONE_ERRORS = frozenset(
    {
        _NO_CAMPAIGN,
        (400, "phone.duplicated"),
        (400, "phone.bad.format"),
        (400, "phone.gmtZone.bad.format"),
        (400, "invalid.call.task.state"),
    }
)
_REPORT_ERRORS = frozenset({_NO_CAMPAIGN, (400, "id.not.found"), (400, "phone.not.found")})

ADD_PHONE: Endpoint[str] = Endpoint("addPhone", ("POST", "GET"), f"{_CRM}/addPhone", _job_id, _ADD_PHONE_ERRORS)
TEST_ADD_PHONE: Endpoint[str] = Endpoint("test/addPhone", ("GET",), f"{_CRM}/test/addPhone", _job_id, _ADD_PHONE_ERRORS)
STATUS: Endpoint[str] = Endpoint("status", ("GET",), f"{_CALLS}/status", parse_status, frozenset({_NO_CAMPAIGN}))
CAMPAIGN: Endpoint[Campaign] = Endpoint("campaign", ("GET",), _CALLS, parse_campaign, frozenset({_NO_CAMPAIGN}))
CALL_JOB_REPORT: Endpoint[tuple[CallJob, ...]] = Endpoint(
    "callJob/getReport", ("POST",), f"{_CALLS}/callJob/getReport", parse_call_jobs, _REPORT_ERRORS
)
CALL_JOB_REPORT_BY_DATE: Endpoint[tuple[CallJob, ...]] = Endpoint(
    "callJob/getReportByDate", ("POST",), f"{_CALLS}/callJob/getReportByDate", parse_call_jobs, _REPORT_ERRORS
)

ENDPOINTS: tuple[Endpoint[Any], ...] = (
    ADD_PHONE,
    TEST_ADD_PHONE,
    STATUS,
    CAMPAIGN,
    CALL_JOB_REPORT,
    CALL_JOB_REPORT_BY_DATE,
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
        raise RejectedError(f"method {method!r} is not one that addPhone has: use 'POST' or 'GET'")
    if idempotence_key is not None and not (
        idempotence_key.isascii() and idempotence_key.isprintable() and idempotence_key.strip() == idempotence_key != ""
    ):
        raise RejectedError(
            "idempotence_key is empty or holds characters that no HTTP header can bear: use a UUID, or other "
            "printable ASCII text without spaces at its ends"
        )
    query = [("phone", call.phone)]
    if call.gmt_zone is not None:
        query.append(("gmtZone", call.gmt_zone))
    query.extend(call.payload)
    if test_call:
        return Request(TEST_ADD_PHONE, "GET", tuple(query), key=idempotence_key)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request(ADD_PHONE, method, tuple(query), form if method == "POST" else {}, key=idempotence_key)


def status() -> Request[str]:
    """The campaign's status. Asks past every cache, for the answer's ``Date`` tells the server's time."""
    return Request(STATUS, "GET", headers={"Cache-Control": "no-cache"})


def campaign() -> Request[Campaign]:
    """The campaign itself."""
    return Request(CAMPAIGN, "GET")


def call_job_report(*, phones: Sequence[str] = (), ids: Sequence[str] = ()) -> Request[tuple[CallJob, ...]]:
    """The jobs of some phones, or with some ids, or both."""
    if not phones and not ids:
        raise RejectedError("a report needs phones or ids: give at least one")
    wanted = {"phones": [str(phone) for phone in phones], "ids": [str(number) for number in ids]}
    return _ask(CALL_JOB_REPORT, {name: values for name, values in wanted.items() if values})


def call_job_report_by_date(
    *,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    finished_from: datetime | None = None,
    finished_to: datetime | None = None,
    page: int = 0,
    page_size: int = 200,
) -> Request[tuple[CallJob, ...]]:
    """A page of the jobs created, or finished, in a time range.

    :param page: 0 to 199
    :param page_size: rows, 1 to 200
    :raises RejectedError: for a time without a zone, or a page out of range
    """
    if not 0 <= page <= 199 or not 1 <= page_size <= 200:
        raise RejectedError(
            f"page {page} of size {page_size} can't be asked for: pages are 0 to 199, sizes 1 to 200; split the "
            "time range instead"
        )
    limits = {
        "createdAtFrom": created_from,
        "createdAtTo": created_to,
        "finishedAtFrom": finished_from,
        "finishedAtTo": finished_to,
    }
    chosen = {name: _milliseconds(name, moment) for name, moment in limits.items() if moment is not None}
    return _ask(CALL_JOB_REPORT_BY_DATE, {"filter": chosen, "pagination": {"page": page, "pageSize": page_size}})


def _ask(endpoint: Endpoint[T], body: object) -> Request[T]:
    return Request(endpoint, "POST", headers={"Content-Type": "application/json"}, json=body)


def _milliseconds(name: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise RejectedError(f"{name} {moment.isoformat()} has no time zone: give an aware datetime")
    return round(moment.timestamp() * 1000)
