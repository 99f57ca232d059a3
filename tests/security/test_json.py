"""Bodies that try a JSON parser: each is an answer as the contract says, or none, and never ends in another error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.errors import ApiError, Known, UnreadableError
from aimylogic_provider.calls_api.http_messages import Request, Response
from aimylogic_provider.calls_api.json_values import read_json
from aimylogic_provider.calls_api.reports import parse_call_jobs
from aimylogic_provider.calls_api.response_meaning import interpret

DEEP = 200_000
JOB = '"callJobId": "7", "phone": "79123456789", "createdAt": 1795521600000'

BODIES: dict[str, bytes] = {
    "lists in lists": b"[" * DEEP + b"]" * DEEP,
    "lists in lists, open": b"[" * DEEP,
    "objects in objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a number of many digits": b"9" * 100_000,
    "an id of many digits": b'"' + b"9" * 100_000 + b'"',
    "a list of a number of many digits": b"[" + b"9" * 100_000 + b"]",
    "a list of a negative number": b"[-1]",
    "a number beyond every float": b"[1e999999]",
    "a float": b"[5665334669.0]",
    "a number with an exponent": b"[5e9]",
    "NaN": b"[NaN]",
    "NaN alone": b"NaN",
    "infinity": b"[-Infinity]",
    "no UTF-8": b'["\xff\xfe"]',
    "half a character": b'"\xd0"',
    "UTF-16": '["5665334669"]'.encode("utf-16"),
    "UTF-7": b"+AFs-",
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbf[]",
    "digits of another script": '"٥٦٦٥"'.encode(),
    "digits of another script, bare": "٥٦٦٥".encode(),
    "full-width digits": '["５６６５"]'.encode(),
    "a null character": b'"566\x005334669"',
    "an escaped null character": b'["566\\u00005334669"]',
    "a lone surrogate": b'["\\ud800"]',
    "two values": b'["1"]["2"]',
    "a comment": b'["1"]//',
    "a comma too many": b'["1",]',
    "single quotes": b"['1']",
    "true": b"true",
    "a list of true": b"[true]",
    "an id in a list in a list": b'[["1"]]',
    "an id as an object": b'{"id": "1"}',
    "a page": b"<html><script>alert(1)</script></html>",
}
SENDS: dict[str, Request[Any]] = {
    "addPhone": endpoints.add_phone(Call.of("79123456789"), idempotence_key="k"),
    "addPhones": endpoints.add_phones([ListedCall.of("79123456789")], idempotence_key="k"),
    "cancel": endpoints.cancel_call_jobs(ids=["1"], idempotence_key="k"),
    "pause": endpoints.pause_campaign(),
}


@pytest.mark.parametrize("request_", SENDS.values(), ids=SENDS.keys())
@pytest.mark.parametrize("status", [200, 400, 404])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_send_is_unanswered(body: bytes, status: int, request_: Request[Any]) -> None:
    with pytest.raises(ApiError) as error:
        interpret(request_, Response(status, {"content-type": "application/json; charset=koi8-r"}, body))
    assert error.value.known is Known.UNANSWERED
    assert len(str(error.value)) < 500


READS: dict[str, Request[Any]] = {
    "getReport": endpoints.call_job_report(ids=["1"]),
    "attempts": endpoints.call_attempt_report(ids=["1"]),
    "campaign": endpoints.campaign(),
}


@pytest.mark.parametrize("request_", READS.values(), ids=READS.keys())
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_report_is_none(body: bytes, request_: Request[Any]) -> None:
    with pytest.raises(ApiError):
        interpret(request_, Response(200, {}, body))


@pytest.mark.parametrize(
    "job",
    [
        JOB + ', "callJobId": "8"',
        JOB + ', "phone": "79990000000"',
        JOB + ', "createdAt": null',
        JOB + ', "finishedAt": NaN',
        JOB + ', "finishedAt": 1e999',
        JOB + ', "finishedAt": ' + "9" * 400,
        JOB + ', "finishedAt": "' + "9" * 5000 + '"',
        JOB + ', "finishedAt": "0001-01-01T00:00:00+23:59"',
        JOB + ', "finishedAt": true',
        JOB + ', "more": {"a": 1, "a": 2}',
        JOB.replace('"7"', "7.0"),
        JOB.replace('"7"', '"-7"'),
    ],
)
def test_a_report_that_says_two_things_or_none_is_read_as_neither(job: str) -> None:
    with pytest.raises(UnreadableError):
        parse_call_jobs(f"[{{{job}}}]".encode())


@pytest.mark.parametrize(
    "text", ['{"type": "phone.bad.format", "type": "x"}', '{"type": "x", "type": "phone.bad.format"}']
)
def test_an_error_that_has_two_types_is_no_refusal(text: str) -> None:
    with pytest.raises(ApiError) as error:
        interpret(SENDS["addPhone"], Response(400, {}, text.encode()))
    assert error.value.known is Known.UNANSWERED


READERS: list[Callable[[bytes], object]] = [read_json, parse_call_jobs]


@pytest.mark.parametrize("read", READERS)
def test_what_json_is_is_read(read: Callable[[bytes], object]) -> None:
    assert read(b"\xef\xbb\xbf [] \n") in ([], ())
