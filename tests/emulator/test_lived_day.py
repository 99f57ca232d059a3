"""A past that a campaign is given, over the API: as reports show it, by day, the same for the same seed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.admin_caller import EmulatorError
from aimylogic_provider.emulator.http.admin_types import JobView
from tests.emulator.asking import add, get, post

NOW = datetime(2030, 1, 8, 15, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        running.freeze()
        running.set_time(NOW)
        yield running


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_2_000_jobs_of_a_day_within_two_seconds(emulator: Emulator) -> None:
    began = time.process_time()  # the emulator is a thread of this process, and others may have the machine
    campaign = emulator.live_through()
    assert time.process_time() - began < 2
    assert campaign.jobs == 2000 == len(emulator.jobs())
    assert campaign.by_status["inProcess"] == campaign.lines, "the lines are busy"
    told = {"planned", "onRetry", "longCallWithResult", "longCallWithNoResult", "noAnswer", "nonexistentNumber"}
    assert all(campaign.by_status[status] >= 10 for status in told)
    assert campaign.by_status["technicalError"] + campaign.by_status["cancelledByUser"] > 0


def test_whoever_was_added_was_added_by_day_and_rung_by_day(emulator: Emulator) -> None:
    emulator.live_through()
    attempts = [
        row
        for page in range(20)
        for row in post(
            emulator, "callAttempt/getReportByDate", {"filter": {}, "pagination": {"page": page, "pageSize": 200}}
        ).json()["items"]
    ]
    zones = {job.id: ZoneInfo(job.gmt_zone or "") for job in emulator.jobs()}
    assert len(attempts) > 2000
    assert {moment(row["startedAt"] / 1000).astimezone(zones[row["callJobId"]]).hour for row in attempts} == set(
        range(9, 20)
    )
    added = {moment(job.created).astimezone(zones[job.id]).hour for job in emulator.jobs()}
    assert added <= set(range(8, 20)), "lists come in by day"
    hours = Counter(moment(job.created).hour for job in emulator.jobs())
    assert len(hours) > 18
    assert max(hours.values()) > 3 * min(hours.values()), "a rhythm, and no even rain"
    created = [job.created for job in emulator.jobs()]
    assert created == sorted(created)
    assert moment(created[0]) >= NOW - DAY
    assert moment(created[-1]) < NOW
    assert get(emulator).json()["creationDate"] <= created[0] * 1000


def test_the_campaign_tells_what_its_reports_tell(emulator: Emulator) -> None:
    emulator.live_through(jobs=500, hours=6)
    told = get(emulator).json()["shortReport"]
    jobs = [
        row
        for page in range(3)
        for row in post(
            emulator, "callJob/getReportByDate", {"filter": {}, "pagination": {"page": page, "pageSize": 200}}
        ).json()["items"]
    ]
    assert told["totalNumbers"] == len(jobs) == 500
    assert told["processedNumbers"] == sum(job["finishedAt"] is not None for job in jobs)
    assert told["usedTalkingTime"] == sum(job["callDuration"] for job in jobs)


def test_the_same_seed_gives_the_same_past_and_another_one_another(emulator: Emulator) -> None:
    def lived(seed: int) -> list[JobView]:
        emulator.reset()
        emulator.freeze()
        emulator.set_time(NOW)
        emulator.live_through(jobs=300, seed=seed)
        return emulator.jobs()

    def told(jobs: list[JobView]) -> list[tuple[object, ...]]:
        return [(job.phone, job.created, job.finished, job.status, job.attempts) for job in jobs]

    first, again, other = lived(1), lived(1), lived(2)
    assert told(first) == told(again)
    assert told(first) != told(other)
    assert not {job.id for job in first} & {job.id for job in again}, "no id is given twice"


def test_at_any_hour_somebody_is_being_rung(emulator: Emulator) -> None:
    for hour in range(24):
        emulator.reset()
        emulator.freeze()
        emulator.set_time(NOW + timedelta(hours=hour))
        assert emulator.live_through(jobs=200).by_status["inProcess"] > 0, hour


def test_nobody_is_real(emulator: Emulator) -> None:
    emulator.live_through()
    fiction = (
        "1",
        "442079460",
        "447700900",
        "441214960",
        "441314960",
        "441614960",
        "441632960",
        "6125550",
        "6127010",
        "6135550",
        "6137010",
    )
    phones = {job.phone for job in emulator.jobs()}
    assert all(phone.startswith(fiction) for phone in phones)
    assert all(phone[4:9] == "55501" and len(phone) == 11 for phone in phones if phone.startswith("1"))


def test_it_goes_on_from_there_and_is_saved(emulator: Emulator, tmp_path: Path) -> None:
    emulator.live_through(jobs=300)
    emulator.save(tmp_path / "day.json")
    emulator.advance(days=2)
    over = emulator.campaign().by_status
    assert over.keys().isdisjoint({"planned", "inProcess", "onRetry"})
    emulator.restore(tmp_path / "day.json")
    assert emulator.campaign().by_status["inProcess"] > 0
    emulator.advance(days=2)
    assert emulator.campaign().by_status == over


def test_a_campaign_that_has_a_past_or_rests_is_given_none(emulator: Emulator) -> None:
    assert add(emulator).ok
    with pytest.raises(EmulatorError, match=r"has call jobs already.*forget all first"):
        emulator.live_through()
    emulator.reset()
    emulator.campaign(status="paused")
    with pytest.raises(EmulatorError, match="is paused, and rings nobody"):
        emulator.live_through()
    emulator.campaign(status="inProgress")
    emulator.settings(bad_numbers=["1*", "44*", "61*"])
    with pytest.raises(EmulatorError, match="bad_numbers refuses everybody"):
        emulator.live_through()
    assert emulator.jobs() == []
    with pytest.raises(EmulatorError, match="jobs"):
        emulator.live_through(jobs=0)
