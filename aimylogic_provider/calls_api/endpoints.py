"""The endpoints: for each, the request that is sent, the parser of its answer, and the errors that it may name.

An :class:`Endpoint` is data, and a function beside it makes its request from plain values: a further endpoint of
the contract is a few lines here. Paths and fields are those of the vendor's pages "Adding phone numbers from CRM
systems" and "Calls API".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from aimylogic_provider.calls_api.call import Call
from aimylogic_provider.calls_api.errors import CallRejectedError
from aimylogic_provider.calls_api.reports import (
    CallJob,
    Campaign,
    parse_call_jobs,
    parse_campaign,
    parse_status,
)
from aimylogic_provider.calls_api.values import read_id, read_json
from aimylogic_provider.calls_api.wire import Request

__all__ = [
    "ADD_PHONE",
    "CALL_JOB_REPORT",
    "CALL_JOB_REPORT_BY_DATE",
    "CAMPAIGN",
    "STATUS",
    "Endpoint",
    "add_phone",
    "call_job_report",
    "call_job_report_by_date",
    "campaign",
    "status",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[T]):
    """What is known of an endpoint's answers.

    :param parse: from the body of a 200 to the result; raises UnreadableError
    :param refusals: status and ``type`` of each definite error that the contract names
    :param adds: whether a request may create call jobs
    """

    name: str
    parse: Callable[[bytes], T]
    refusals: frozenset[tuple[int, str]] = frozenset()
    adds: bool = False


def _job_id(body: bytes) -> str:
    """The seed's page shows a string, the OpenAPI document a JSON string: both are read."""
    text = body.strip()
    return read_id(text.decode() if text.isdigit() else read_json(text))


_NO_CAMPAIGN = (404, "invalid.token")
_CRM = "/api/crmCalls/campaign/{token}"
_CALLS = "/api/calls/campaign/{token}"

ADD_PHONE: Endpoint[str] = Endpoint(
    "addPhone",
    parse=_job_id,
    refusals=frozenset(
        {
            _NO_CAMPAIGN,
            (400, "phone.duplicated"),
            (400, "phone.bad.format"),
            (400, "phone.gmtZone.bad.format"),
            (400, "invalid.call.task.state"),
        }
    ),
    adds=True,
)
STATUS: Endpoint[str] = Endpoint("status", parse_status, frozenset({_NO_CAMPAIGN}))
CAMPAIGN: Endpoint[Campaign] = Endpoint("campaign", parse_campaign, frozenset({_NO_CAMPAIGN}))
_REPORT_ERRORS = frozenset({_NO_CAMPAIGN, (400, "id.not.found"), (400, "phone.not.found")})
CALL_JOB_REPORT: Endpoint[tuple[CallJob, ...]] = Endpoint("callJob/getReport", parse_call_jobs, _REPORT_ERRORS)
CALL_JOB_REPORT_BY_DATE: Endpoint[tuple[CallJob, ...]] = Endpoint(
    "callJob/getReportByDate", parse_call_jobs, _REPORT_ERRORS
)


def add_phone(
    call: Call, *, idempotence_key: str | None = None, method: str = "POST", test_call: bool = False
) -> Request:
    """Add one number.

    :param idempotence_key: sent as it is given, as the header ``Idempotence-Key``
    :param method: ``POST`` or ``GET``; a test call is always a GET
    :raises CallRejectedError: for another method, or a key that no header can bear
    """
    if method not in ("GET", "POST"):
        raise CallRejectedError(f"method {method!r} is not one that addPhone has: use 'POST' or 'GET'")
    headers = {}
    if idempotence_key is not None:
        if not (
            idempotence_key.isascii()
            and idempotence_key.isprintable()
            and idempotence_key.strip() == idempotence_key != ""
        ):
            raise CallRejectedError(
                "idempotence_key is empty or holds characters that no HTTP header can bear: use a UUID, or other "
                "printable ASCII text without spaces at its ends"
            )
        headers["Idempotence-Key"] = idempotence_key
    query = [("phone", call.phone)]
    if call.gmt_zone is not None:
        query.append(("gmtZone", call.gmt_zone))
    if test_call:
        return Request("GET", f"{_CRM}/test/addPhone", (*query, *call.payload), headers)
    if method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return Request(method, f"{_CRM}/addPhone", (*query, *call.payload), headers)


def status() -> Request:
    """The campaign's status. Asks past every cache, for the answer's ``Date`` tells the server's time."""
    return Request("GET", f"{_CALLS}/status", headers={"Cache-Control": "no-cache"})


def campaign() -> Request:
    """The campaign itself."""
    return Request("GET", _CALLS)


def call_job_report(*, phones: Sequence[str] = (), ids: Sequence[str] = ()) -> Request:
    """The jobs of some phones, or with some ids, or both."""
    if not phones and not ids:
        raise CallRejectedError("a report needs phones or ids: give at least one")
    wanted = {"phones": [str(phone) for phone in phones], "ids": [str(number) for number in ids]}
    return _ask("callJob/getReport", {name: values for name, values in wanted.items() if values})


def call_job_report_by_date(
    *,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    finished_from: datetime | None = None,
    finished_to: datetime | None = None,
    page: int = 0,
    page_size: int = 200,
) -> Request:
    """A page of the jobs created, or finished, in a time range.

    :param page: 0 to 199
    :param page_size: rows, 1 to 200
    :raises CallRejectedError: for a time without a zone, or a page out of range
    """
    if not 0 <= page <= 199 or not 1 <= page_size <= 200:
        raise CallRejectedError(
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
    return _ask("callJob/getReportByDate", {"filter": chosen, "pagination": {"page": page, "pageSize": page_size}})


def _ask(name: str, body: object) -> Request:
    return Request("POST", f"{_CALLS}/{name}", headers={"Content-Type": "application/json"}, json=body)


def _milliseconds(name: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise CallRejectedError(f"{name} {moment.isoformat()} has no time zone: give an aware datetime")
    return round(moment.timestamp() * 1000)
