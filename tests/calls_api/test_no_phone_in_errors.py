"""No phone stands in full in an error, not even one given as something else; and no token that a server echoes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from aimylogic_provider.calls_api import ApiError, CallPolicy, ListedCall, RejectedError, endpoints
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.http_messages import Response
from aimylogic_provider.calls_api.phones.phone import shown
from aimylogic_provider.calls_api.response_meaning import interpret

PHONES = ["79123456789", "+7 912 345-67-89", "8 (912) 345-67-89", 79123456789]
SWAPPED: list[Callable[[Any], object]] = [
    lambda phone: Call.of("+79120000001", gmt_zone=str(phone)),
    lambda phone: Call.of("+79120000001", phone_region=str(phone)),
    lambda phone: Call.of("+79120000001", {str(phone): object()}),
    lambda phone: ListedCall.of("+79120000001", {str(phone): object()}),
    lambda phone: endpoints.add_phone(Call.of("+79120000001"), method=str(phone)),
    lambda phone: CallPolicy.of(start=phone),
    lambda phone: CallPolicy.of(allowed_days=[str(phone)]),
    lambda phone: CallPolicy.of(allowed_time={str(phone): [("09:00", "18:00")]}),
    lambda phone: CallPolicy.of(allowed_time={"mon": [(str(phone), "18:00")]}),
    lambda phone: CallPolicy.of(priority=phone),
    lambda phone: endpoints.call_job_report_by_date(page=phone),
    lambda phone: endpoints.call_job_report_by_date(created_from=phone),
    lambda phone: endpoints.cancel_call_jobs(ids=[f"x{phone}"]),
]


@pytest.mark.parametrize("phone", PHONES, ids=str)
@pytest.mark.parametrize("swapped", SWAPPED, ids=range(len(SWAPPED)))
def test_a_phone_in_a_wrong_place_is_masked(swapped: Callable[[Any], object], phone: Any) -> None:
    with pytest.raises(RejectedError) as error:
        swapped(phone)
    assert str(phone) not in str(error.value)
    assert "3456789" not in "".join(c for c in str(error.value) if c.isdigit())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Moscow", "'Moscow'"), ("+25:00", "'+25:00'"), (6, "6"), (1.5, "1.5"), (None, "None"), (True, "True"),
        ("2026-01-01", "'2026-01-01'"), ("id-79123456789", "'id-7912***6789'"),
    ],
)  # fmt: skip
def test_what_is_no_phone_is_named_as_it_is(value: object, expected: str) -> None:
    assert shown(value) == expected


@pytest.mark.parametrize("page", [1.5, "1", True, None, -1, 200])
def test_a_page_that_is_none_is_rejected(page: Any) -> None:
    with pytest.raises(RejectedError, match="pages are 0 to 199"):
        endpoints.call_job_report_by_date(page=page)


@pytest.mark.parametrize("moment", ["2026-01-01", date(2026, 1, 1), datetime(2026, 1, 1), 1767225600])
def test_a_time_that_is_none_is_rejected(moment: Any) -> None:
    with pytest.raises(RejectedError, match=r"created_from|createdAtFrom"):
        endpoints.call_job_report_by_date(created_from=moment)
    assert endpoints.call_job_report_by_date(created_from=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("token", ["8231.7056.1b131df1", "123.456.bAYxokdzmkWBZP2Tjcf4W0nz"])
@pytest.mark.parametrize("field", ["type", "error"])
def test_a_token_that_a_server_echoes_as_its_error_is_not_told(field: str, token: str) -> None:
    body = f'{{"{field}": "{token}", "message": ""}}'.encode()
    for request in (endpoints.add_phones([ListedCall.of("+79120000001")]), endpoints.pause_campaign()):
        with pytest.raises(ApiError) as error:
            interpret(request, Response(400, {}, body))
        assert token not in str(error.value)
