"""Harness of answers: whatever comes back, it is judged, and created or refused only where that was surely said.

An input has a line of endpoint, status and ``keyed`` or not, one of the header Date, one of Retry-After, and the body.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.endpoint_table import ENDPOINTS
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.http_messages import Request, Response
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob, Campaign
from aimylogic_provider.calls_api.response_meaning import interpret
from tests.fuzz.parsers.harness import Harness, check_told, text

__all__ = ["HARNESS"]

PHONES = ("79123456789", "79123456780")
_NAMES = tuple(endpoint.name for endpoint in ENDPOINTS)
_OTHERS: tuple[Request[Any], ...] = (
    endpoints.cancel_call_jobs(phones=PHONES),
    endpoints.call_job_report(phones=PHONES),
    endpoints.call_job_report_by_date(),
    endpoints.unfinished_call_jobs(),
    endpoints.call_attempt_report(phones=PHONES),
    endpoints.call_attempt_report_by_date(),
    endpoints.campaign(),
    endpoints.status(),
    endpoints.pause_campaign(),
    endpoints.resume_campaign(),
    endpoints.stop_campaign(),
)
_ADD_ERRORS = {"phone.bad.format", "phone.gmtZone.bad.format", "invalid.call.task.state"}
_REPORT_ERRORS = {"id.not.found", "phone.not.found"}
_CONTRACT: dict[str, set[str]] = {
    "addPhone": {*_ADD_ERRORS, "phone.duplicated"},
    "test/addPhone": {*_ADD_ERRORS, "phone.duplicated"},
    "addPhones": {*_ADD_ERRORS, "phone.duplicated", "invalid.call.allowed.time", "invalid.dialer_priority"},
}
"""The errors of status 400, as the vendor's pages have them, and not as the package does."""


def _request(endpoint: str, *, keyed: bool) -> Request[Any]:
    key = "d5f41bd4" if keyed else None
    match endpoint:
        case "addPhone" | "test/addPhone":
            return endpoints.add_phone(Call.of(PHONES[0]), idempotence_key=key, test_call=endpoint == "test/addPhone")
        case "addPhones":
            return endpoints.add_phones([ListedCall.of(phone) for phone in PHONES], idempotence_key=key)
        case _:
            (unkeyed,) = (request for request in _OTHERS if request.endpoint.name == endpoint)
            return replace(unkeyed, key=key)


_REQUESTS = {(name, keyed): _request(name, keyed=keyed) for name in _NAMES for keyed in (True, False)}


def _check(content: bytes) -> None:
    head, date, retry_after, body = (*content.split(b"\n", 3), b"", b"", b"")[:4]
    words = head.split()
    name = text(words[0]) if words and text(words[0]) in _NAMES else _NAMES[len(head) % len(_NAMES)]
    digits = words[1] if len(words) > 1 else b""
    status = int(digits) if len(digits) == 3 and digits.isdigit() else 200
    keyed = b"keyed" in words
    headers = {"date": date.decode("latin-1"), "retry-after": retry_after.decode("latin-1")}
    response = Response(status, headers, body)
    assert response.date is None or math.isfinite(response.date)
    assert response.retry_after is None or 0 <= response.retry_after < math.inf
    try:
        result = interpret(_REQUESTS[name, keyed], response)
    except ApiError as error:
        check_told(error, *PHONES)
        assert error.known in (Known.REFUSED, Known.UNANSWERED)
        if error.known is Known.REFUSED:
            assert not error.retryable
            assert status == 413 or _refuses(name, status, body, keyed=keyed), "no error of the contract says so"
        return
    assert status == 200, "only 200 bears a result"
    _check_result(name, result, body)


def _refuses(name: str, status: int, body: bytes, *, keyed: bool) -> bool:
    content = json.loads(body.decode("utf-8-sig"))
    said = content.get("type")
    if name.startswith("control/") and status == 400:
        return isinstance(content["error"], str)  # with a message or without
    if status == 404:
        return bool(said == "invalid.token")
    if keyed and said == "phone.duplicated" and name != "addPhones":
        return False
    known = _CONTRACT.get(name, _REPORT_ERRORS if "/" in name and not name.startswith("control/") else set())
    return status == 400 and said in known


def _check_result(name: str, result: object, body: bytes) -> None:
    match name:
        case "addPhone" | "test/addPhone":
            _check_id(result)
            assert body.strip().decode("utf-8-sig") == result or str(json.loads(body.decode("utf-8-sig"))) == result
        case "addPhones" | "callJob/cancel":
            assert isinstance(result, tuple)
            assert [str(one) for one in json.loads(body.decode("utf-8-sig"))] == [*result]
            for one in result:
                _check_id(one)
            if name == "addPhones":
                assert len({*result}) == len(PHONES)
        case "status":
            assert isinstance(result, str)
            assert 0 < len(result) <= 40
            assert result.isprintable()
            assert result.encode() in body or json.loads(body.decode("utf-8-sig")) == result
        case "campaign":
            assert isinstance(result, Campaign)
            check_text(result.name, result.status, result.id)
        case _ if name.startswith("control/"):
            assert result is None
            assert not body.strip()
        case _:
            assert isinstance(result, tuple)
            for row in result:
                _check_row(row)


def _check_row(row: object) -> None:
    assert isinstance(row, (CallJob, CallAttempt))
    _check_id(row.id if isinstance(row, CallJob) else row.call_job_id)
    moments = (row.created_at if isinstance(row, CallJob) else row.started_at, row.finished_at)
    assert all(moment is None or (isinstance(moment, datetime) and moment.tzinfo is UTC) for moment in moments)
    for moment in moments:
        if moment is not None:
            moment.timestamp()
    check_text(row.phone, row.status if isinstance(row, CallJob) else row.result)
    check_text(json.dumps(row.more, ensure_ascii=False))
    if isinstance(row, CallJob) and len(row.phone) >= 11 and row.phone.isdigit():
        assert row.phone not in str(row).removeprefix(f"job {row.id}"), "it tells the phone"
    check_text(str(row))


def _check_id(value: object) -> None:
    assert isinstance(value, str)
    assert value.isascii()
    assert value.isdigit()
    assert len(value) <= 40


def check_text(*values: str | None) -> None:
    """What is shown, stored or passed on can be written."""
    for value in values:
        if value is not None:
            value.encode()


HARNESS = Harness(
    "answers",
    _check,
    ("calls_api/response_meaning.py", "calls_api/http_messages.py", "calls_api/json_values.py", "calls_api/reports.py"),
    head=3,
)
