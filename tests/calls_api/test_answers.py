"""What an answer means: every status from 100 to 599, every type of the contract, every way of not answering."""

from __future__ import annotations

import json

import pytest

from aimylogic_provider.calls_api.answers import interpret, silent
from aimylogic_provider.calls_api.call import Call
from aimylogic_provider.calls_api.endpoints import add_phone
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.wire import NoResponse, Response, Silence

KEYLESS = add_phone(Call.of("79123456789"))
KEYED = add_phone(Call.of("79123456789"), idempotence_key="key")
REFUSED, UNANSWERED = Known.REFUSED, Known.UNANSWERED


def judged(status: int, body: bytes = b"", *, keyed: bool = True, **headers: str) -> ApiError:
    with pytest.raises(ApiError) as error:
        interpret(KEYED if keyed else KEYLESS, Response(status, headers, body))
    return error.value


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"error": "x"}', b"\xff\xfe", b'{"type": 5}', b"[1]"])
@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_without_a_body_of_the_contract(status: int, body: bytes) -> None:
    """The whole table, as a function written once more."""
    if 300 <= status <= 399 or status in (401, 403):
        expected = (UNANSWERED, False)
    elif status == 413:
        expected = (REFUSED, False)
    else:
        expected = (UNANSWERED, True)
    error = judged(status, body)
    assert (error.known, error.retryable) == expected
    assert str(status) in str(error)


@pytest.mark.parametrize(
    ("status", "type", "expected"),
    [
        (400, "phone.bad.format", (REFUSED, False)),
        (400, "phone.gmtZone.bad.format", (REFUSED, False)),
        (400, "invalid.call.task.state", (REFUSED, False)),
        (404, "invalid.token", (REFUSED, False)),
        (400, "invalid.token", (UNANSWERED, True)),
        (404, "phone.bad.format", (UNANSWERED, True)),
        (500, "phone.bad.format", (UNANSWERED, True)),
        (400, "something.new", (UNANSWERED, True)),
        (400, "about:blank", (UNANSWERED, True)),
        (400, "phone.not.found", (UNANSWERED, True)),
    ],
)
def test_types_of_the_contract(status: int, type: str, expected: tuple[Known, bool]) -> None:
    error = judged(status, json.dumps({"type": type, "message": "79123456789", "phone": "79123456789"}).encode())
    assert (error.known, error.retryable) == expected
    assert "79123456789" not in str(error)


def test_a_duplicate_is_a_refusal_only_without_a_key() -> None:
    body = b'{"type": "phone.duplicated", "message": "", "phone": "79123456789"}'
    keyless, keyed = judged(400, body, keyed=False), judged(400, body, keyed=True)
    assert (keyless.known, keyless.retryable) == (REFUSED, False)
    assert (keyed.known, keyed.type) == (UNANSWERED, "phone.duplicated")
    assert "Idempotence-Key" in str(keyed)


@pytest.mark.parametrize(
    ("body", "job"),
    [
        (b'"5665334669"', "5665334669"),
        (b"5665334669", "5665334669"),
        (b' "5665334669"\n', "5665334669"),
        (b"12345678901234567890123456789", "12345678901234567890123456789"),
        (b"007", "007"),
    ],
)
def test_ids_are_text_of_any_length(body: bytes, job: str) -> None:
    assert interpret(KEYED, Response(200, {}, body)) == job


@pytest.mark.parametrize(
    "body", [b'""', b"null", b"true", b"5.0", b"1e9", b"-5", b'"abc"', b'"12 34"', b'["1"]', b'{"id": 1}', b"NaN"]
)
def test_what_is_no_id_is_no_answer(body: bytes) -> None:
    error = judged(200, body)
    assert (error.known, error.retryable) == (UNANSWERED, True)


@pytest.mark.parametrize("silence", Silence)
def test_every_way_of_not_answering(silence: Silence) -> None:
    error = silent(KEYED, NoResponse(silence, "detail"), "https://host")
    assert error.known is UNANSWERED
    assert error.retryable is (silence is not Silence.CERTIFICATE)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0), ("0", 0.0), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None),
        ("Mon, 23 Nov 2026 10:01:00 GMT", 60.0), ("Mon, 23 Nov 2026 09:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_retry_after(header: str, seconds: float | None) -> None:
    date = "Mon, 23 Nov 2026 10:00:00 GMT"
    assert Response(429, {"retry-after": header, "date": date}, b"").retry_after == seconds


@pytest.mark.parametrize("date", ["", "yesterday", "0", "Mon, 99 Nov 2026 10:00:00 GMT"])
def test_a_date_that_cannot_be_read_is_none(date: str) -> None:
    assert Response(200, {"date": date}, b"").date is None


@pytest.mark.parametrize("zone", ["GMT", "UTC", "+0000", "-0000", ""])
def test_a_date_is_in_gmt_wherever_the_worker_is(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert Response(200, {"date": f"Mon, 23 Nov 2026 10:00:00 {zone}".strip()}, b"").date == 1795428000
    finally:
        monkeypatch.undo()
        time.tzset()
