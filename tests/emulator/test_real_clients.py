"""What the vendor's own examples and public clients send, and what they are answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks.aimylogic import AimylogicHook
from tests.conftest import TOKEN
from tests.emulator.asking import add, add_many, ask, attempts, get, job, post

PHONE, OTHER = "79123456789", "79123456780"
REPORTS = ("callJob/getReport", "callAttempt/getReport", "callJob/cancel")
BY_DATE = ("callJob/getReportByDate", "callAttempt/getReportByDate")


@pytest.mark.parametrize("endpoint", REPORTS)
@pytest.mark.parametrize("way", ["number", "text", "null", "both"])
def test_phones_and_ids_are_text_or_numbers_and_null_where_left_out(
    emulator: Emulator, endpoint: str, way: str
) -> None:
    made = add(emulator).json()
    body: dict[str, Any] = {
        "number": {"phones": [int(PHONE)]}, "text": {"phones": [PHONE], "ids": []},
        "null": {"phones": None, "ids": [int(made)]}, "both": {"phones": [PHONE], "ids": [made, int(made)]},
    }[way]  # fmt: skip
    assert post(emulator, endpoint, body).status_code == 200


def test_a_phone_of_a_list_may_be_a_number(emulator: Emulator) -> None:
    assert add_many(emulator, [{"phone": int(PHONE)}, {"phone": OTHER}]).status_code == 200
    assert {one.phone for one in emulator.jobs()} == {PHONE, OTHER}


@pytest.mark.parametrize("endpoint", BY_DATE)
@pytest.mark.parametrize("body", [{"filter": None}, {"pagination": None}, {"filter": None, "pagination": None}, {}])
def test_a_filter_or_page_left_out_may_be_null(emulator: Emulator, endpoint: str, body: dict[str, Any]) -> None:
    add(emulator)
    answer = post(emulator, endpoint, body)
    assert answer.status_code == 200
    assert answer.json()["pagination"] == {"page": 0, "pageSize": 20}


@pytest.mark.parametrize("endpoint", BY_DATE)
@pytest.mark.parametrize("empty", ["", " "])
@pytest.mark.parametrize("limit", ["From", "To"])
def test_an_empty_time_is_refused(emulator: Emulator, endpoint: str, empty: str, limit: str) -> None:
    assert post(emulator, endpoint, {"filter": {f"finishedAt{limit}": empty}}).status_code == 400
    assert post(emulator, endpoint, {"filter": {f"finishedAt{limit}": None}}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "taken"),
    [("89123456789", PHONE), ("+89123456789", PHONE), ("8 (912) 345-67-89", PHONE), ("81312345678", "81312345678"),
     ("84912345678", "84912345678")],
)  # fmt: skip
def test_a_russian_number_may_begin_with_8(emulator: Emulator, sent: str, taken: str) -> None:
    assert ask(emulator, "POST", "addPhone", params={"phone": sent}).status_code == 200
    assert [one.phone for one in emulator.jobs()] == [taken]
    assert job(emulator, taken)["phone"] == taken


def test_unless_the_server_is_told_otherwise(emulator: Emulator) -> None:
    emulator.settings(takes_eight=False)
    assert ask(emulator, "POST", "addPhone", params={"phone": "89123456789"}).json()["type"] == "phone.bad.format"


def test_unfinished_jobs_come_by_pages_and_the_hook_asks_for_each(emulator: Emulator, connections: None) -> None:
    add_many(emulator, [{"phone": f"7912345{number:04}"} for number in range(7)])
    seen = [one.phone for page in range(4) for one in AimylogicHook().get_unfinished_call_jobs(page=page, page_size=2)]
    assert len(seen) == len(set(seen)) == 7
    assert post(emulator, "callJob/getUnfinished", {"page": 3, "pageSize": 2}).json()["pagination"]["page"] == 3


def test_a_planned_jobs_duration_is_0(emulator: Emulator) -> None:
    emulator.campaign(lines=0)
    add(emulator)
    assert (job(emulator)["callDuration"], job(emulator)["jobStatus"]) == (0, "planned")


@pytest.mark.parametrize(
    ("ends", "told"), [("longCallWithResult", True), ("longCallWithNoResult", False), ("noAnswer", False)]
)
def test_a_calls_result_is_what_the_script_set(emulator: Emulator, ends: str, told: bool) -> None:
    emulator.settings(outcomes={PHONE: [ends]})
    emulator.campaign(lines=1)
    add(emulator)
    emulator.advance(hours=1)
    (attempt,) = attempts(emulator)
    assert attempt["callResult"] == (attempt["reportData"]["answer"] if told else None)


def test_numbers_that_were_tried_more_than_once_are_counted(emulator: Emulator) -> None:
    emulator.settings(outcomes={PHONE: ["noAnswer"], OTHER: ["longCallWithResult"]}, max_attempts=3)
    emulator.campaign(lines=2)
    add_many(emulator, [{"phone": PHONE}, {"phone": OTHER}])
    counts = []
    for _ in range(4):
        counts.append(get(emulator).json()["shortReport"]["retryCalls"])
        emulator.advance(minutes=50)
    assert counts == [0, 0, 1, 1]


@pytest.mark.parametrize("status", ["finished", "deleted"])
def test_a_stopped_campaigns_jobs_end_undone_and_it_has_an_end(emulator: Emulator, status: str) -> None:
    emulator.campaign(lines=0)
    add_many(emulator, [{"phone": PHONE}, {"phone": OTHER}])
    assert get(emulator).json()["endTime"] is None
    emulator.campaign(status=status)
    assert {one.status for one in emulator.jobs()} == {"notDone"}
    assert job(emulator)["finishedAt"] == get(emulator).json()["endTime"] is not None
    assert post(emulator, "callJob/getUnfinished", {}).json()["items"] == []


def test_a_running_call_goes_on_and_is_the_last(emulator: Emulator) -> None:
    emulator.settings(outcomes={PHONE: ["noAnswer"]}, max_attempts=5)
    emulator.campaign(lines=1)
    add(emulator)
    emulator.advance(seconds=1)
    assert job(emulator)["jobStatus"] == "inProcess"
    ask(emulator, "POST", "control/stop")
    assert job(emulator)["jobStatus"] == "inProcess"
    emulator.advance(hours=24)
    assert (job(emulator)["jobStatus"], job(emulator)["attemptsCount"]) == ("noAnswer", 1)


def test_all_phones_that_a_list_holds_twice_are_named(emulator: Emulator) -> None:
    answer = add_many(emulator, [{"phone": one} for one in (PHONE, OTHER, "79123456781", OTHER, PHONE, PHONE)])
    assert (answer.status_code, answer.json()["phonesDuplicates"]) == (400, [OTHER, PHONE])


@pytest.mark.parametrize(
    ("times", "hour", "rung"),
    [
        ({"localTimeFrom": "10:00", "localTimeTo": "11:00"}, 9, False),
        ({"localTimeFrom": "10:00", "localTimeTo": "11:00"}, 10, True),
        ({"localTimeFrom": "10:00"}, 9, False),
        ({"localTimeFrom": "10:00"}, 23, True),
        ({"localTimeTo": "11:00"}, 10, True),
        ({"localTimeTo": "11:00"}, 12, False),
        ({"localTimeFrom": "10:00", "allowedTime": {"default": [{"localTimeFrom": "08:00", "localTimeTo": "09:30"}]}},
         9, True),
    ],
)  # fmt: skip
def test_the_older_form_of_times_counts(emulator: Emulator, times: dict[str, Any], hour: int, rung: bool) -> None:
    emulator.set_time(datetime(2030, 1, 1, hour, 5, tzinfo=UTC))
    emulator.campaign(lines=1)
    add_many(emulator, [{"phone": PHONE, "gmtZone": "Z", **times}])
    emulator.advance(seconds=1)
    assert bool(job(emulator)["attemptsCount"]) is rung


@pytest.mark.parametrize(
    "times",
    [{"localTimeFrom": "25:00"}, {"localTimeTo": "10"}, {"localTimeFrom": "11:00", "localTimeTo": "10:00"}],
)
def test_a_bad_one_is_refused(emulator: Emulator, times: dict[str, str]) -> None:
    assert add_many(emulator, [{"phone": PHONE, **times}]).json()["type"] == "invalid.call.allowed.time"


def test_the_older_address_is_there_for_get_alone(emulator: Emulator) -> None:
    url = f"{emulator.url}/api/calls/campaign/{TOKEN}/addPhone"
    answer = requests.get(url, params={"phone": PHONE, "name": "Alex"}, timeout=5)
    assert (answer.status_code, [one.payload for one in emulator.jobs()]) == (200, [{"name": "Alex"}])
    assert requests.post(url, params={"phone": OTHER}, timeout=5).status_code == 405


def test_an_external_check_is_a_part_of_the_contract(emulator: Emulator) -> None:
    emulator.settings(unknown_fields="refused")
    check = {"externalCheckUrl": "https://example.com/", "externalCheckMaxRetries": 2}
    assert add_many(emulator, [{"phone": PHONE, "externalCheck": check}]).status_code == 200
    assert add_many(emulator, [{"phone": OTHER, "externalCheck": {**check, "more": 1}}]).status_code == 400


def test_a_refusal_of_control_by_its_error_alone_is_definite(emulator: Emulator, connections: None) -> None:
    emulator.fault("before_commit", "status", path="control/pause", status=400, body={"error": "not now"})
    with pytest.raises(ApiError) as refused:
        AimylogicHook().pause_campaign()
    assert (refused.value.known, refused.value.retryable) == (Known.REFUSED, False)
