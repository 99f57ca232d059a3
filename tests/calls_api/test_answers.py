"""What an answer means: every status from 100 to 599, every type of the contract, every way of not answering."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.endpoints import add_phone, add_phones, cancel_call_jobs, pause_campaign
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind, Request, Response
from aimylogic_provider.calls_api.response_meaning import interpret, no_response_error

KEYLESS = add_phone(Call.of("79123456789"))
KEYED = add_phone(Call.of("79123456789"), idempotence_key="key")
LIST = [ListedCall.of("+79123456789"), ListedCall.of("+79123456780")]
LISTED = add_phones(LIST)
LISTED_WITH_KEY = add_phones(LIST, idempotence_key="key")
CONTROL = pause_campaign(idempotence_key="key")
CANCEL = cancel_call_jobs(ids=["1"])
REFUSED, UNANSWERED = Known.REFUSED, Known.UNANSWERED


def judged(status: int, body: bytes = b"", *, keyed: bool = True, **headers: str) -> ApiError:
    return answered(KEYED if keyed else KEYLESS, status, body, **headers)


def answered(request: Request[Any], status: int, body: bytes, **headers: str) -> ApiError:
    with pytest.raises(ApiError) as error:
        interpret(request, Response(status, headers, body))
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


@pytest.mark.parametrize("request_", [LISTED, LISTED_WITH_KEY])
def test_a_phone_twice_in_a_list_is_a_refusal_with_and_without_a_key(request_: Request[Any]) -> None:
    body = b'{"type": "phone.duplicated", "message": "", "phone": "79123456789", "phonesDuplicates": ["79123456789"]}'
    error = answered(request_, 400, body)
    assert (error.known, error.retryable, error.phone) == (REFUSED, False, "79123456789")
    assert "twice" in str(error)
    assert "79123456789" not in str(error)


@pytest.mark.parametrize(
    ("request_", "status", "type"),
    [
        *((LISTED, 400, type) for type in (
            "phone.bad.format", "phone.gmtZone.bad.format", "invalid.call.task.state", "invalid.call.allowed.time",
            "invalid.dialer_priority",
        )),
        (CANCEL, 400, "id.not.found"),
        (CANCEL, 400, "phone.not.found"),
        *((request, 404, "invalid.token") for request in (LISTED, CANCEL, CONTROL)),
    ],
)  # fmt: skip
def test_refusals_of_the_other_endpoints(request_: Request[Any], status: int, type: str) -> None:
    error = answered(request_, status, json.dumps({"type": type, "message": ""}).encode())
    assert (error.known, error.retryable, error.type) == (REFUSED, False, type)


@pytest.mark.parametrize("type", ["something.new", "id.not.found", "Minutes", "out-of minutes!", "79123456789"])
def test_a_400_of_the_contracts_form_refuses_a_list_whatever_its_type(type: str) -> None:
    error = answered(LISTED, 400, json.dumps({"type": type, "message": "79123456789", "phone": "79123456780"}).encode())
    assert (error.known, error.retryable, error.phone) == (REFUSED, False, "79123456780")
    assert "7912345678" not in f"{error} {error.type}"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"type": "something.new"}'),
        (400, b'{"type": "something.new", "message": null}'),
        (400, b'{"type": "about:blank", "title": "Bad Request", "detail": "x"}'),
        (400, b'{"type": 7, "message": "x"}'),
        (400, b'{"message": "x"}'),
        (400, b"<html>"),
        (400, b""),
        *((status, b'{"type": "something.new", "message": "x"}') for status in (200, 402, 404, 409, 422, 500, 503)),
    ],
)
def test_any_other_answer_of_no_known_type_leaves_a_list_unanswered(status: int, body: bytes) -> None:
    error = answered(LISTED, status, body)
    assert (error.known, error.retryable) == (UNANSWERED, True)


@pytest.mark.parametrize("type", ["invalid.call.allowed.time", "invalid.dialer_priority", "id.not.found"])
def test_a_type_of_another_endpoint_is_no_refusal(type: str) -> None:
    error = judged(400, json.dumps({"type": type, "message": ""}).encode())
    assert (error.known, error.retryable) == (UNANSWERED, True)


@pytest.mark.parametrize("named", ["illegal.state", "Bad Request", "Кампания остановлена", "", "79123456789", "x" * 99])
def test_control_refuses_in_any_words(named: str) -> None:
    error = answered(CONTROL, 400, json.dumps({"error": named, "message": "79123456789", "args": {}}).encode())
    assert (error.known, error.retryable, error.type) == (REFUSED, False, named)
    assert "79123456789" not in str(error)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": ""}),
        (400, {"message": "x"}),
        (400, {"error": 5, "message": "x"}),
        (400, {"type": "phone.bad.format", "message": "x"}),
        (400, ["error", "message"]),
        (404, {"error": "Not Found", "message": "x"}),
        (500, {"error": "x", "message": "x"}),
        (409, {"error": "x", "message": "x"}),
    ],
)
def test_what_is_no_refusal_of_control(status: int, body: object) -> None:
    error = answered(CONTROL, status, json.dumps(body).encode())
    assert (error.known, error.retryable) == (UNANSWERED, True)


@pytest.mark.parametrize(
    "body", [{"error": "x"}, {"error": "Campaign is finished", "args": {}}, {"error": "x", "message": None}]
)
def test_an_error_alone_is_a_definite_refusal_of_control(body: dict[str, object]) -> None:
    error = answered(CONTROL, 400, json.dumps(body).encode())
    assert (error.known, error.retryable, error.type) == (Known.REFUSED, False, body["error"])


@pytest.mark.parametrize("request_", [KEYED, LISTED, CANCEL])
def test_the_form_of_controls_errors_says_nothing_elsewhere(request_: Request[Any]) -> None:
    error = answered(request_, 400, b'{"error": "x", "message": "x"}')
    assert (error.known, error.retryable, error.type) == (UNANSWERED, True, None)


def test_control_shows_what_the_server_named() -> None:
    error = answered(CONTROL, 400, b'{"error": "Campaign is finished", "message": "m"}')
    assert "control/pause was answered with 400 Campaign is finished: the server refused it" in str(error)


def test_a_type_that_could_be_a_phone_is_no_type() -> None:
    error = judged(400, b'{"type": "79123456789", "message": ""}')
    assert error.type is None
    assert "79123456789" not in str(error)


@pytest.mark.parametrize("body", [b"", b" \r\n"])
def test_control_answers_with_nothing(body: bytes) -> None:
    assert interpret(CONTROL, Response(200, {}, body)) is None


@pytest.mark.parametrize("body", [b"{}", b"null", b"<html>", b"ok"])
def test_anything_else_is_no_answer_of_control(body: bytes) -> None:
    error = answered(CONTROL, 200, body)
    assert (error.known, error.retryable) == (UNANSWERED, True)


def test_a_list_is_answered_with_an_id_for_each() -> None:
    assert interpret(LISTED, Response(200, {}, b'["2", "1"]')) == ("2", "1")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "0 ids for 2 numbers"),
        (b'["1"]', "1 ids for 2 numbers"),
        (b'["1", "2", "3"]', "3 ids for 2 numbers"),
        (b'["1", "1"]', "one id stands for several numbers"),
        (b'["1", 1]', "one id stands for several numbers"),
    ],
)
def test_ids_that_do_not_fit_the_list_are_no_answer(body: bytes, reason: str) -> None:
    error = answered(LISTED, 200, body)
    assert (error.known, error.retryable, error.status) == (UNANSWERED, True, 200)
    assert reason in str(error)


def test_cancel_may_answer_with_fewer_ids() -> None:
    assert interpret(CANCEL, Response(200, {}, b"[]")) == ()


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


@pytest.mark.parametrize("kind", NoResponseKind)
def test_every_way_of_not_answering(kind: NoResponseKind) -> None:
    error = no_response_error(KEYED, NoResponse(kind, "detail"), "https://host")
    assert error.known is UNANSWERED
    assert error.retryable is (kind is not NoResponseKind.CERTIFICATE)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0), ("0", 0.0), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None),
        ("0000000000090", 90.0), ("0000000000000", 0.0), ("9" * 30, 999_999_999.0),
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
