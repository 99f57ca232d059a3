"""Requests: what goes over the wire for each endpoint, and what is rejected before it does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.calls.policy import CallPolicy
from aimylogic_provider.calls_api.errors import RejectedError, UnreadableError
from aimylogic_provider.calls_api.http_messages import Request

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CALLS = [ListedCall.of("+79123456789", {"a": 1}), ListedCall.of("+79123456780", policy=CallPolicy.of(priority=2))]
ADDRESS = CampaignAddress.of(None, "1.2.token")
PLAIN = "https://app.aimylogic.com/api/calls/campaign/1.2.token/"

KEYED: list[Callable[..., Request[Any]]] = [
    lambda **key: endpoints.add_phone(Call.of("+79123456789"), **key),
    lambda **key: endpoints.add_phones(CALLS, **key),
    lambda **key: endpoints.cancel_call_jobs(ids=["1"], **key),
    endpoints.pause_campaign,
    endpoints.resume_campaign,
    endpoints.stop_campaign,
]


@pytest.mark.parametrize(
    ("request_", "path", "body"),
    [
        (
            endpoints.add_phones(CALLS),
            "addPhones",
            [{"phone": "79123456789", "payload": {"a": 1}}, {"phone": "79123456780", "dialerPriority": 2}],
        ),
        (endpoints.cancel_call_jobs(phones=["1"], ids=["2"]), "callJob/cancel", {"phones": ["1"], "ids": ["2"]}),
        (endpoints.cancel_call_jobs(ids=[5665334669]), "callJob/cancel", {"ids": ["5665334669"]}),
        (endpoints.call_job_report(phones=["1"]), "callJob/getReport", {"phones": ["1"]}),
        (
            endpoints.call_job_report_by_date(finished_to=MOMENT),
            "callJob/getReportByDate",
            {"filter": {"finishedAtTo": "2026-01-02T03:04:05.000Z"}, "pagination": {"page": 0, "pageSize": 200}},
        ),
        (
            endpoints.unfinished_call_jobs(page=2, page_size=50),
            "callJob/getUnfinished",
            {"page": 2, "pageSize": 50},
        ),
        (endpoints.call_attempt_report(ids=["2"]), "callAttempt/getReport", {"ids": ["2"]}),
        (
            endpoints.call_attempt_report_by_date(
                started_from=MOMENT, started_to=MOMENT, finished_from=MOMENT, finished_to=MOMENT, page=199, page_size=1
            ),
            "callAttempt/getReportByDate",
            {
                "filter": dict.fromkeys(
                    ["startedAtFrom", "startedAtTo", "finishedAtFrom", "finishedAtTo"], "2026-01-02T03:04:05.000Z"
                ),
                "pagination": {"page": 199, "pageSize": 1},
            },
        ),
    ],
)
def test_posts_with_a_json_body(request_: Request[Any], path: str, body: object) -> None:
    assert ADDRESS.url(request_) == PLAIN + path
    assert (request_.method, request_.json) == ("POST", body)
    assert request_.all_headers == {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (endpoints.pause_campaign(), "control/pause"),
        (endpoints.resume_campaign(), "control/resume"),
        (endpoints.stop_campaign(), "control/stop"),
    ],
)
def test_control_has_no_body(request_: Request[Any], path: str) -> None:
    assert ADDRESS.url(request_) == PLAIN + path
    assert (request_.method, request_.json, request_.all_headers) == ("POST", None, {})


@pytest.mark.parametrize("make", KEYED)
def test_the_key_goes_as_given(make: Callable[..., Request[Any]]) -> None:
    assert make(idempotence_key="my key/1").all_headers["Idempotence-Key"] == "my key/1"
    assert "Idempotence-Key" not in make().all_headers


@pytest.mark.parametrize("key", ["", " a", "a ", "a\r\nX: y", "ключ", 5])
@pytest.mark.parametrize("make", KEYED)
def test_a_key_that_no_header_can_bear_is_rejected(make: Callable[..., Request[Any]], key: Any) -> None:
    with pytest.raises(RejectedError, match="idempotence_key"):
        make(idempotence_key=key)


def test_an_empty_list_is_rejected() -> None:
    with pytest.raises(RejectedError, match="calls is empty"):
        endpoints.add_phones([])


def test_a_phone_twice_is_rejected_by_both_places_and_masked() -> None:
    again = ListedCall.of("+7 912 345 67 89", {"other": 1})
    with pytest.raises(RejectedError, match=r"7912\*\*\*6789 stands twice .* calls\[0\] and calls\[2\]") as error:
        endpoints.add_phones([*CALLS, again])
    assert "79123456789" not in str(error.value)


@pytest.mark.parametrize("calls", [[{"phone": "79123456789"}], [Call.of("+79123456789")]])
def test_what_is_no_listed_call_is_rejected(calls: Any) -> None:
    with pytest.raises(RejectedError, match=r"calls\[0\] is a .*: make it with ListedCall\.of") as error:
        endpoints.add_phones(calls)
    assert "79123456789" not in str(error.value)


BY_IDS = [endpoints.call_job_report, endpoints.call_attempt_report, endpoints.cancel_call_jobs]


@pytest.mark.parametrize("make", BY_IDS)
def test_neither_phones_nor_ids_is_rejected(make: Callable[..., Request[Any]]) -> None:
    with pytest.raises(RejectedError, match="at least one"):
        make()


@pytest.mark.parametrize("bad", [True, 1.0, 1.5, -1, None, "", "1.0", "abc", "1 2", "٣", b"1", "1" * 41])
@pytest.mark.parametrize("make", BY_IDS)
def test_what_is_no_id_is_rejected(make: Callable[..., Request[Any]], bad: Any) -> None:
    with pytest.raises(RejectedError, match=r"ids\[1\] .* isn't a call job id: give a decimal string"):
        make(ids=["1", bad])


@pytest.mark.parametrize("make", BY_IDS)
def test_a_phone_among_ids_is_not_shown(make: Callable[..., Request[Any]]) -> None:
    with pytest.raises(RejectedError) as error:
        make(ids=["+79123456789"])
    assert "79123456789" not in str(error.value)


@pytest.mark.parametrize("name", ["phones", "ids"])
@pytest.mark.parametrize("make", BY_IDS)
def test_a_single_text_is_not_taken_for_its_characters(make: Callable[..., Request[Any]], name: str) -> None:
    with pytest.raises(RejectedError, match=f"{name} is a single str: give a list"):
        make(**{name: "123"})


PAGED = [
    endpoints.unfinished_call_jobs,
    endpoints.call_job_report_by_date,
    endpoints.call_attempt_report_by_date,
]


@pytest.mark.parametrize("page", [{"page": -1}, {"page": 200}, {"page_size": 0}, {"page_size": 201}, {"page": True}])
@pytest.mark.parametrize("make", PAGED)
def test_pages_out_of_range_are_rejected(make: Callable[..., Request[Any]], page: dict[str, Any]) -> None:
    with pytest.raises(RejectedError, match="0 to 199"):
        make(**page)


@pytest.mark.parametrize("name", ["started_from", "started_to", "finished_from", "finished_to"])
def test_a_time_without_a_zone_is_rejected(name: str) -> None:
    with pytest.raises(RejectedError, match="time zone"):
        endpoints.call_attempt_report_by_date(**{name: datetime(2026, 1, 1)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (b'["5665334669", "12"]', ("5665334669", "12")),
        (b"[5665334669, 12345678901234567890123]", ("5665334669", "12345678901234567890123")),
        (b"[]", ()),
    ],
)
def test_lists_of_ids_are_text_of_any_length(body: bytes, ids: tuple[str, ...]) -> None:
    assert endpoints.parse_job_ids(body) == ids


@pytest.mark.parametrize("body", [b"", b"5", b'"5"', b"null", b"[1.0]", b"[null]", b'{"ids": ["1"]}', b'["1"'])
def test_what_is_no_list_of_ids_is_no_answer(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        endpoints.parse_job_ids(body)


def test_a_ready_phone_makes_the_same_request() -> None:
    call = Call.of("+79123456789", {"name": "Анна & Co", "b": "1"}, "+03:30")
    fields = [("phone", call.phone), ("gmtZone", str(call.gmt_zone)), *call.payload]
    ready = endpoints.add_ready_phone(fields, idempotence_key="k")
    assert ready == endpoints.add_phone(call, idempotence_key="k")
    with pytest.raises(RejectedError, match="idempotence_key"):
        endpoints.add_ready_phone(fields, idempotence_key="a\nb")
