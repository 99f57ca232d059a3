"""The contract's table of duplicates and keys, every cell, against the running emulator with its clock moved."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from aimylogic_provider.emulator import Emulator
from tests.conftest import OTHER_TOKEN, TOKEN

DAY = 24 * 3600.0
PHONE = "79123456789"


def crm(emulator: Emulator, token: str = TOKEN) -> str:
    return f"{emulator.url}/api/crmCalls/campaign/{token}"


def calls(emulator: Emulator, token: str = TOKEN) -> str:
    return f"{emulator.url}/api/calls/campaign/{token}"


def add(emulator: Emulator, key: str | None = None, *, token: str = TOKEN, **query: str) -> requests.Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if key is not None:
        headers["Idempotence-Key"] = key
    query = {"phone": PHONE, **query}
    return requests.post(f"{crm(emulator, token)}/addPhone", params=query, headers=headers, timeout=10)


def jobs(emulator: Emulator) -> int:
    return len(next(iter(emulator.state.campaigns)).jobs)


@pytest.mark.parametrize(
    ("first", "second", "after", "expected"),
    [
        # neither has a key
        (None, None, 0, "error"),
        (None, None, DAY - 60, "error"),
        (None, None, DAY, "new"),
        # both have the same key
        ("a", "a", 0, "same"),
        ("a", "a", DAY - 60, "same"),
        ("a", "a", DAY, "new"),
        # different keys, or only one has a key
        ("a", "b", 0, "new"),
        ("a", "b", DAY, "new"),
        ("a", None, 0, "new"),
        ("a", None, DAY, "new"),
        (None, "a", 0, "new"),
        (None, "a", DAY, "new"),
    ],
)
def test_two_requests_for_the_same_number(
    emulator: Emulator, first: str | None, second: str | None, after: float, expected: str
) -> None:
    one = add(emulator, first, name="Alex")
    assert one.status_code == 200
    assert re.fullmatch(r'"\d+"', one.text)
    emulator.state.clock.advance(after)
    other = add(emulator, second, name="Alex", gmtZone="+05:00")  # the zone plays no part
    match expected:
        case "error":
            assert (other.status_code, other.json()["type"], jobs(emulator)) == (400, "phone.duplicated", 1)
            assert other.json()["phone"] == PHONE
        case "same":
            assert (other.status_code, other.json(), jobs(emulator)) == (200, one.json(), 1)
        case "new":
            assert (other.status_code, jobs(emulator)) == (200, 2)
            assert other.json() != one.json()


def test_a_repeat_does_not_prolong_the_key(emulator: Emulator) -> None:
    first = add(emulator, "a").json()
    emulator.state.clock.advance(23 * 3600)
    assert add(emulator, "a").json() == first
    emulator.state.clock.advance(3600)
    assert add(emulator, "a").json() != first


def test_another_payload_is_no_duplicate(emulator: Emulator) -> None:
    assert [add(emulator, name=name).status_code for name in ("Alex", "Maria", "Alex")] == [200, 200, 400]
    assert add(emulator).status_code == 200, "neither has a payload is a payload of its own"


def test_the_same_key_with_other_parameters_is_the_first_job(emulator: Emulator) -> None:
    assert add(emulator, "a").json() == add(emulator, "a", phone="79120000001", name="x").json()


def test_keys_belong_to_a_campaign(emulator: Emulator) -> None:
    add(emulator, "a")
    add(emulator, "a", token=OTHER_TOKEN)
    assert [len(campaign.jobs) for campaign in emulator.state.campaigns] == [1, 1]


def test_an_error_uses_up_no_key(emulator: Emulator) -> None:
    assert add(emulator, "a", phone="12").status_code == 400
    emulator.state.clock.advance(DAY)
    first = add(emulator, "a").json()
    emulator.state.clock.advance(3600)
    assert add(emulator, "a").json() == first


def test_the_test_address_knows_no_duplicates(emulator: Emulator) -> None:
    address = f"{crm(emulator)}/test/addPhone"
    ids = {requests.get(address, params={"phone": PHONE}, timeout=10).json() for _ in range(3)}
    assert len(ids) == 3
    assert requests.post(address, params={"phone": PHONE}, timeout=10).status_code == 405


def test_get_takes_the_key_in_the_query_too(emulator: Emulator) -> None:
    query = {"phone": PHONE, "Idempotence-Key": "a"}
    first = requests.get(f"{crm(emulator)}/addPhone", params=query, timeout=10).json()
    assert add(emulator, "a").json() == first
    assert next(iter(emulator.state.campaigns)).jobs[0].payload == {}


def test_the_vendors_own_command_works_as_printed(emulator: Emulator) -> None:
    """Its raw plus is read as a space by a form decoder."""
    url = f"{crm(emulator)}/addPhone?phone=79123456789&gmtZone=+03:30&name=Alex"
    response = requests.Session().send(
        requests.Request("POST", url, headers={"Idempotence-Key": "d5f41bd4"}).prepare(), timeout=10
    )
    assert response.status_code == 200
    (job,) = next(iter(emulator.state.campaigns)).jobs
    assert (job.phone, job.gmt_zone, job.payload) == ("79123456789", "+03:30", {"name": "Alex"})


def test_a_form_body_is_read_as_well(emulator: Emulator) -> None:
    data = {"phone": PHONE, "gmtZone": "+03:30", "name": "Alex"}
    assert requests.post(f"{crm(emulator)}/addPhone", data=data, timeout=10).status_code == 200
    (job,) = next(iter(emulator.state.campaigns)).jobs
    assert (job.phone, job.gmt_zone, job.payload) == ("79123456789", "+03:30", {"name": "Alex"})


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        ({"phone": "12"}, 400, "phone.bad.format"),
        ({"phone": ""}, 400, "phone.bad.format"),
        ({"phone": "abc"}, 400, "phone.bad.format"),
        ({"gmtZone": "MSK"}, 400, "phone.gmtZone.bad.format"),
        ({"token": "no.such"}, 404, "invalid.token"),
    ],
)
def test_errors(emulator: Emulator, query: dict[str, str], status: int, error: str) -> None:
    response = add(emulator, **query)  # type: ignore[arg-type]
    assert (response.status_code, response.json()["type"]) == (status, error)
    assert jobs(emulator) == 0


def test_a_stopped_campaign_refuses_even_a_known_key(emulator: Emulator) -> None:
    add(emulator, "a")
    next(iter(emulator.state.campaigns)).status = "finished"
    response = add(emulator, "a")
    assert response.status_code == 400
    assert response.json() == {
        "type": "invalid.call.task.state", "message": "The campaign is stopped", "state": "FINISHED",
    }  # fmt: skip


class TestReports:
    def ask(self, emulator: Emulator, path: str, body: Any) -> requests.Response:
        return requests.post(f"{calls(emulator)}/callJob/{path}", json=body, timeout=10)

    def test_by_phone_and_id(self, emulator: Emulator) -> None:
        ids = [add(emulator, phone=f"7912000000{number}").json() for number in range(3)]
        assert [job["callJobId"] for job in self.ask(emulator, "getReport", {"ids": ids}).json()] == ids
        (job,) = self.ask(emulator, "getReport", {"phones": ["79120000001"]}).json()
        assert (job["phone"], job["callJobId"], job["jobStatus"]) == ("79120000001", ids[1], "planned")
        assert job["createdAt"] == pytest.approx(emulator.state.clock.now() * 1000, abs=5000)
        assert not {"payload", "key"} & job.keys()

    def test_unknown(self, emulator: Emulator) -> None:
        for body, error in (({"phones": [PHONE]}, "phone.not.found"), ({"ids": ["1"]}, "id.not.found")):
            response = self.ask(emulator, "getReport", body)
            assert (response.status_code, response.json()["type"]) == (400, error)

    def test_a_new_job_shows_after_the_lag(self, emulator: Emulator) -> None:
        next(iter(emulator.state.campaigns)).report_lag = 300.0
        add(emulator)
        assert self.ask(emulator, "getReport", {"phones": [PHONE]}).status_code == 400
        emulator.state.clock.advance(301)
        assert len(self.ask(emulator, "getReport", {"phones": [PHONE]}).json()) == 1

    @pytest.mark.parametrize("iso", [False, True])
    def test_by_date_in_pages(self, emulator: Emulator, iso: bool) -> None:
        for number in range(5):
            add(emulator, phone=f"7912000000{number}")
            emulator.state.clock.advance(60)
        end = datetime.fromtimestamp(emulator.state.clock.now(), UTC) - timedelta(seconds=90)
        start = end - timedelta(seconds=120)
        written = [moment.isoformat() if iso else round(moment.timestamp() * 1000) for moment in (start, end)]
        found = []
        for page in range(3):
            body = {
                "filter": {"createdAtFrom": written[0], "createdAtTo": written[1]},
                "pagination": {"page": page, "pageSize": 1},
            }
            answer = self.ask(emulator, "getReportByDate", body).json()
            assert "total" not in answer["pagination"]
            found += [job["phone"] for job in answer["items"]]
        assert found == ["79120000002", "79120000003"]

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b'{"phones": "1"}', b'{"phones": [1]}', b'{"pagination": {"page": 200}}',
         b'{"pagination": {"pageSize": 201}}', b'{"filter": {"createdAtFrom": "soon"}}'],
    )  # fmt: skip
    def test_bad_bodies_are_a_clear_400(self, emulator: Emulator, body: bytes) -> None:
        path = "getReportByDate" if b"pagination" in body or b"filter" in body else "getReport"
        response = requests.post(f"{calls(emulator)}/callJob/{path}", data=body, timeout=10)
        assert response.status_code == 400
        assert response.json()["message"]


def test_campaign_and_status(emulator: Emulator) -> None:
    add(emulator)
    assert requests.get(f"{calls(emulator)}/status", timeout=10).text == "inProgress"
    campaign = requests.get(calls(emulator), timeout=10).json()
    assert (campaign["status"], campaign["shortReport"]["totalNumbers"]) == ("inProgress", 1)


def test_every_answer_bears_the_date_of_its_clock(emulator: Emulator) -> None:
    from email.utils import parsedate_to_datetime

    emulator.state.clock.advance(-1000 * DAY)
    for url in (f"{calls(emulator)}/status", f"{calls(emulator, 'no')}/status", f"{emulator.url}/nowhere"):
        date = parsedate_to_datetime(requests.get(url, timeout=10).headers["Date"]).timestamp()
        assert date == pytest.approx(emulator.state.clock.now(), abs=3)


def test_an_unknown_path_lists_the_paths(emulator: Emulator) -> None:
    response = requests.get(f"{emulator.url}/api", timeout=10)
    assert response.status_code == 404
    assert "POST /api/calls/campaign/{token}/callJob/getReport" in response.json()["paths"]
