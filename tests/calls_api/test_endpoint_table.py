"""The table of endpoints, the client's requests and the emulator's routes tell of the same endpoints alike.

Each request that the client can make is sent to an emulator as it is, and the answer is read as the client reads it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.endpoint_table import ENDPOINTS, BodyKind, Commits, PhonePlace, ResultKind
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.emulator import Emulator

PHONE = "79123456789"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

ONE_OF_EACH: dict[str, list[Request[Any]]] = {
    "add_phone": [
        endpoints.add_phone(Call.of(PHONE)),
        endpoints.add_phone(Call.of(PHONE), method="GET"),
        endpoints.add_phone(Call.of(PHONE), test_call=True),
    ],
    "add_phones": [endpoints.add_phones([ListedCall.of(PHONE)])],
    "add_ready_phone": [endpoints.add_ready_phone([("phone", PHONE)], idempotence_key="k")],
    "add_ready_phones": [endpoints.add_ready_phones([b'{"phone": "79123456789"}'], idempotence_key="k")],
    "call_attempt_report": [endpoints.call_attempt_report(phones=[PHONE])],
    "call_attempt_report_by_date": [endpoints.call_attempt_report_by_date(started_from=MOMENT)],
    "call_job_report": [endpoints.call_job_report(phones=[PHONE])],
    "call_job_report_by_date": [endpoints.call_job_report_by_date(created_from=MOMENT)],
    "campaign": [endpoints.campaign()],
    "cancel_call_jobs": [endpoints.cancel_call_jobs(phones=[PHONE])],
    "pause_campaign": [endpoints.pause_campaign()],
    "resume_campaign": [endpoints.resume_campaign()],
    "status": [endpoints.status()],
    "stop_campaign": [endpoints.stop_campaign()],
    "unfinished_call_jobs": [endpoints.unfinished_call_jobs()],
}
"""Requests by each function that makes some."""
REQUESTS = [request for requests_ in ONE_OF_EACH.values() for request in requests_]


def test_the_table_has_every_endpoint_once_under_its_own_path() -> None:
    assert len(ENDPOINTS) == len({endpoint.name for endpoint in ENDPOINTS}) == 14
    assert len({endpoint.path for endpoint in ENDPOINTS}) == 14
    assert all("{token}" in endpoint.path for endpoint in ENDPOINTS)


def test_the_client_has_a_request_for_every_row_and_for_nothing_else() -> None:
    makers = {name for name in endpoints.__all__ if not name.startswith("parse_")}
    assert makers == set(ONE_OF_EACH)
    asked = {(request.endpoint.name, request.method) for request in REQUESTS}
    assert asked == {(endpoint.name, method) for endpoint in ENDPOINTS for method in endpoint.methods}
    assert {request.endpoint for request in REQUESTS} == {*ENDPOINTS}


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.endpoint.name)
def test_every_request_is_as_its_row_says(request_: Request[Any]) -> None:
    endpoint = request_.endpoint
    is_json = endpoint.body not in (BodyKind.NONE, BodyKind.FIELDS)
    assert (request_.body is not None) is is_json
    assert bool(request_.query) is (endpoint.body is BodyKind.FIELDS)
    in_fields, in_body = PHONE in str(request_.query), PHONE.encode() in (request_.body or b"")
    assert (in_fields, in_body) == (endpoint.phone is PhonePlace.FIELDS, endpoint.phone is PhonePlace.BODY)
    assert request_.key is None or endpoint.takes_key


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.endpoint.name)
def test_the_emulator_answers_it_as_its_row_says(request_: Request[Any]) -> None:
    endpoint = request_.endpoint
    with Emulator(outcomes={PHONE: ["noAnswer"]}) as emulator:
        add = f"{emulator.url}/api/crmCalls/campaign/{emulator.token}/addPhone"
        requests.post(add, data={"phone": PHONE, "name": "before"}, timeout=10).raise_for_status()
        if endpoint.name == "control/resume":
            emulator.campaign(status="paused")
        before, jobs = emulator.campaign().status, emulator.jobs()

        url = CampaignAddress.of(emulator.url, emulator.token).url(request_)
        answer = requests.request(request_.method, url, data=request_.body, headers=request_.all_headers, timeout=10)

        assert answer.status_code == 200, answer.text
        result = request_.read(answer.content)
        assert (result is None) is (endpoint.result is ResultKind.NOTHING) is (answer.content == b"")
        after = emulator.jobs()
        assert (len(after) > len(jobs)) is (endpoint.commits is Commits.NEW_JOBS)
        cancelled = [job for job in after if job.status == "cancelledByUser"]
        assert bool(cancelled) is (endpoint.commits is Commits.CANCELLED_JOBS)
        assert (emulator.campaign().status != before) is (endpoint.commits is Commits.CAMPAIGN_STATUS)
