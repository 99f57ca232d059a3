"""The life of call jobs, over the API, with a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from aimylogic_provider.emulator import Emulator
from tests.conftest import TOKEN
from tests.emulator.asking import PHONE, add, add_many, attempts, get, job, phone, post

START = datetime(2030, 1, 7, 9, tzinfo=UTC)
"""A Monday."""
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TALKS = ("longCallWithResult", "longCallWithNoResult")


@contextmanager
def frozen(**chosen: object) -> Iterator[Emulator]:
    """An emulator whose clock stands still at the start."""
    with Emulator(tokens=(TOKEN,), **chosen) as emulator:
        emulator.freeze()
        emulator.set_time(START)
        yield emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with frozen() as emulator:
        yield emulator


def span(start: str, end: str) -> dict[str, str]:
    return {"localTimeFrom": start, "localTimeTo": end}


def moment(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def rung(emulator: Emulator, phone: str = PHONE) -> list[datetime]:
    """When a phone was rung."""
    return [moment(attempt["startedAt"]) for attempt in attempts(emulator, phone)]


def add_one(emulator: Emulator, phone: str = PHONE, **policy: object) -> None:
    assert add_many(emulator, [{"phone": phone, **policy}]).status_code == 200


def pages(emulator: Emulator, endpoint: str, **filters: object) -> list[dict[str, Any]]:
    """All rows of a report by date."""
    rows: list[dict[str, Any]] = []
    for page in range(200):
        asked = {"page": page, "pageSize": 200}
        body = asked if endpoint == "callJob/getUnfinished" else {"filter": filters, "pagination": asked}
        rows += (found := post(emulator, endpoint, body).json()["items"])
        if len(found) < 200:
            break
    return rows


def told(emulator: Emulator) -> dict[str, Any]:
    """All that clients can learn of the first campaign's jobs, but when it was created."""
    campaign = get(emulator).json()
    return {
        "jobs": pages(emulator, "callJob/getReportByDate"),
        "finished": pages(emulator, "callJob/getReportByDate", finishedAtFrom=0),
        "attempts": pages(emulator, "callAttempt/getReportByDate"),
        "unfinished": pages(emulator, "callJob/getUnfinished"),
        "campaign": {name: campaign[name] for name in ("status", "shortReport", "maxSimultaneousCalls")},
        "by status": emulator.campaign().by_status,
    }


def add_a_mixed_list(emulator: Emulator) -> None:
    """Numbers of each priority, some of them retried, bound to times, or with little time left."""
    day = {"default": [span("09:00", "09:20"), span("10:00", "23:00")]}
    deadline = (emulator.now() + 2 * HOUR).isoformat()
    policies: list[dict[str, Any]] = [
        {},
        {"dialerPriority": 5, "maxAttempts": 4, "retryIntervalInMinutes": 7},
        {"dialerPriority": 1, "maxAttempts": 2, "retryIntervalInMinutes": 45},
        {"allowedTime": day, "gmtZone": "Z", "maxAttempts": 5, "retryIntervalInMinutes": 30},
        {"finishDateTime": deadline, "maxAttempts": 50, "retryIntervalInMinutes": 11, "dialerPriority": 2},
    ]
    items = [{"phone": phone(number), **policies[number % len(policies)]} for number in range(60)]
    assert add_many(emulator, items).status_code == 200


class TestAnAttempt:
    @pytest.mark.parametrize("result", [*TALKS, "noAnswer", "nonexistentNumber", "technicalError"])
    def test_it_goes_from_ringing_to_its_result(self, emulator: Emulator, result: str) -> None:
        emulator.settings(outcomes={PHONE: [result]})
        add(emulator)
        (ringing,) = attempts(emulator)
        assert (job(emulator)["jobStatus"], job(emulator)["attemptsCount"]) == ("inProcess", 1)
        assert (ringing["finishedAt"], ringing["callResult"], ringing["callDuration"]) == (None, None, None)
        emulator.advance(hours=1)
        (attempt,), ended = attempts(emulator), job(emulator)
        assert attempt["jobStatus"] == ended["jobStatus"] == result
        assert attempt["callResult"] == attempt["tagName"]
        assert moment(attempt["startedAt"]) == START < moment(attempt["finishedAt"])
        assert ended["finishedAt"] == attempt["finishedAt"]
        took = (attempt["finishedAt"] - attempt["startedAt"]) / 1000
        assert attempt["callDuration"] == ended["callDuration"] == (took if result in TALKS else 0)
        assert (ended["reportData"] is not None) == (result == "longCallWithResult")
        assert attempt["reportData"] == ended["reportData"]

    def test_its_end_shows_when_it_has_come_and_not_before(self, emulator: Emulator) -> None:
        add(emulator)
        emulator.advance(hours=1)
        end = moment(job(emulator)["finishedAt"])
        emulator.reset()
        emulator.freeze()
        emulator.set_time(START)
        add(emulator)
        statuses = []
        for at in (end - SECOND, end):
            emulator.set_time(at)
            statuses.append((job(emulator)["finishedAt"] is None, attempts(emulator)[0]["finishedAt"] is None))
        assert statuses == [(True, True), (False, False)]

    def test_a_job_is_planned_while_all_lines_are_busy(self, emulator: Emulator) -> None:
        emulator.campaign(lines=1)
        add_many(emulator, [{"phone": phone(1)}, {"phone": phone(2)}])
        assert [job(emulator, phone(one))["jobStatus"] for one in (1, 2)] == ["inProcess", "planned"]
        emulator.advance(hours=1)
        assert rung(emulator, phone(2)) == [moment(job(emulator, phone(1))["finishedAt"])]


class TestRetries:
    def test_between_attempts_a_job_is_on_retry(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer", "longCallWithResult"]})
        add_one(emulator, maxAttempts=3, retryIntervalInMinutes=60)
        emulator.advance(minutes=30)
        between = job(emulator)
        assert (between["jobStatus"], between["finishedAt"], between["attemptsCount"]) == ("onRetry", None, 1)
        emulator.advance(hours=1)
        assert [attempt["attemptNumber"] for attempt in attempts(emulator)] == [1, 2]
        assert (job(emulator)["jobStatus"], job(emulator)["attemptsCount"]) == ("longCallWithResult", 2)

    def test_seconds_are_told_once_an_attempt_is_over(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer", "longCallWithResult"]})
        add_one(emulator, maxAttempts=2, retryIntervalInMinutes=1)
        emulator.advance(minutes=1, seconds=45)
        assert (job(emulator)["jobStatus"], job(emulator)["attemptsCount"]) == ("inProcess", 2)
        assert job(emulator)["callDuration"] == 0

    @pytest.mark.parametrize("minutes", [1, 60, 2880])
    def test_the_interval_counts_from_an_attempts_end(self, emulator: Emulator, minutes: int) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer"]})
        add_one(emulator, maxAttempts=3, retryIntervalInMinutes=minutes)
        emulator.advance(hours=24 * 7)
        rows = attempts(emulator)
        ends = [moment(row["finishedAt"]) for row in rows]
        assert rung(emulator) == [START, *(end + minutes * MINUTE for end in ends[:2])]

    @pytest.mark.parametrize("most", [1, 2, 50])
    def test_there_are_no_more_attempts_than_allowed(self, emulator: Emulator, most: int) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer"]})
        add_one(emulator, maxAttempts=most, retryIntervalInMinutes=1)
        emulator.advance(hours=24)
        assert (len(attempts(emulator)), job(emulator)["jobStatus"]) == (most, "noAnswer")

    @pytest.mark.parametrize(
        ("result", "is_retried"),
        [
            (TALKS[0], False),
            (TALKS[1], False),
            ("nonexistentNumber", False),
            ("noAnswer", True),
            ("technicalError", True),
        ],
    )
    def test_only_who_was_not_reached_is_rung_again(self, emulator: Emulator, result: str, is_retried: bool) -> None:
        emulator.settings(outcomes={PHONE: [result]})
        add_one(emulator, maxAttempts=2, retryIntervalInMinutes=1)
        emulator.advance(hours=1)
        assert len(attempts(emulator)) == (2 if is_retried else 1)

    def test_outcomes_follow_each_other_and_the_last_one_stays(self, emulator: Emulator) -> None:
        script = ["technicalError", "noAnswer"]
        emulator.settings(outcomes={PHONE: script})
        add_one(emulator, maxAttempts=4, retryIntervalInMinutes=1)
        add_one(emulator, phone(1))
        emulator.advance(hours=1)
        rows = attempts(emulator)
        assert [row["callResult"] is not None for row in rows] == [
            result == "longCallWithResult" for result in (*script, "noAnswer", "noAnswer")
        ]

    def test_the_seconds_of_all_attempts_add_up(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer", "longCallWithResult"]})
        add_one(emulator, maxAttempts=2, retryIntervalInMinutes=1)
        emulator.advance(hours=1)
        assert job(emulator)["callDuration"] == sum(attempt["callDuration"] for attempt in attempts(emulator)) > 0


NEW_YORK = "America/New_York"
SATURDAY = datetime(2030, 3, 9, 20, tzinfo=UTC)
"""In New York it is 15:00, and the clocks leap from 02:00 to 03:00 in the night to come."""
AUTUMN = datetime(2030, 11, 2, 20, tzinfo=UTC)
"""In New York it is 16:00, and the clocks go back from 02:00 to 01:00 in the night to come."""


class TestWhenANumberIsRung:
    @pytest.mark.parametrize(
        ("policy", "zone", "first"),
        [
            pytest.param({}, None, START, id="without a policy at once"),
            pytest.param({"allowedDays": ["mon"]}, "Z", START, id="on an allowed day at once"),
            pytest.param({"allowedDays": ["wed", "fri"]}, "Z", datetime(2030, 1, 9, tzinfo=UTC), id="else on the next"),
            pytest.param({"allowedDays": ["sun"]}, "Z", datetime(2030, 1, 13, tzinfo=UTC), id="be it six days away"),
            pytest.param({"allowedDays": ["tue"]}, "+15:00", START + 0 * DAY, id="days are those of the number's zone"),
            pytest.param({"allowedTime": {"default": [span("08:00", "10:00")]}}, "Z", START, id="within its times"),
            pytest.param({"allowedTime": {"default": [span("09:00", "10:00")]}}, "Z", START, id="from their beginning"),
            pytest.param(
                {"allowedTime": {"default": [span("08:00", "09:00")]}}, "Z", START + 23 * HOUR, id="to before their end"
            ),
            pytest.param(
                {"allowedTime": {"default": [span("07:00", "08:00"), span("12:30", "13:00")]}},
                "Z", START + 3.5 * HOUR, id="in the next of a day's times",
            ),
            pytest.param(
                {"allowedTime": {"mon": [span("07:00", "08:00")], "default": [span("11:00", "12:00")]}},
                "Z", START + 26 * HOUR, id="a weekday's times come before the default",
            ),
            pytest.param(
                {"allowedTime": {"tue": [span("11:00", "12:00")]}}, "Z", START, id="a day without times is free"
            ),
            pytest.param(
                {"allowedDays": ["mon"], "allowedTime": {"mon": [span("07:00", "08:00")]}},
                "Z", START + 7 * DAY - 2 * HOUR, id="a week away at most",
            ),
            pytest.param(
                {"allowedTime": {"default": [span("14:00", "15:00")]}}, "+03:00", START + 2 * HOUR, id="in an offset"
            ),
            pytest.param(
                {"allowedTime": {"default": [span("14:00", "15:00")]}},
                "-03:30", START + 8.5 * HOUR, id="in an offset to the west",
            ),
            pytest.param(
                {"allowedTime": {"default": [span("14:00", "15:00")]}},
                "+03:00:30", START + 2 * HOUR - 30 * SECOND, id="in an offset with seconds",
            ),
            pytest.param(
                {"allowedTime": {"default": [span("14:00", "15:00")]}}, NEW_YORK, START + 10 * HOUR, id="in a zone"
            ),
            pytest.param({"startDateTime": "2030-01-07T10:00:00Z"}, None, START + HOUR, id="not before its start"),
            pytest.param({"startDateTime": "2030-01-07T10:00:00"}, None, START + HOUR, id="in UTC if no zone is named"),
            pytest.param({"startDateTime": "2030-01-07T13:00:00+03:00"}, None, START + HOUR, id="a start has its zone"),
            pytest.param({"startDateTime": "2020-01-01T00:00:00Z"}, None, START, id="after its start at once"),
            pytest.param(
                {"startDateTime": "2030-01-07T10:00:00Z", "allowedTime": {"default": [span("09:00", "09:30")]}},
                "Z", START + DAY, id="start and times both count",
            ),
        ],
    )  # fmt: skip
    def test_by_policy(self, emulator: Emulator, policy: dict[str, Any], zone: str | None, first: datetime) -> None:
        add_one(emulator, **policy, **({} if zone is None else {"gmtZone": zone}))
        emulator.advance(hours=24 * 15)
        assert rung(emulator) == [first]

    @pytest.mark.parametrize(
        ("number", "zone", "first"),
        [
            pytest.param("493012345678", None, 13, id="Berlin"),
            pytest.param("12125550123", None, 19, id="New York"),
            pytest.param("81312345678", None, 24 + 5, id="Tokyo"),
            pytest.param("493012345678", "+09:00", 24 + 5, id="unless another is named"),
            pytest.param("80012345678", None, 14, id="UTC for a number of no place"),
        ],
    )
    def test_without_a_zone_it_is_the_numbers_own(
        self, emulator: Emulator, number: str, zone: str | None, first: int
    ) -> None:
        named = {} if zone is None else {"gmtZone": zone}
        add_one(emulator, number, allowedTime={"default": [span("14:00", "14:30")]}, **named)
        emulator.advance(hours=24 * 2)
        assert rung(emulator, number) == [datetime(2030, 1, 7, tzinfo=UTC) + first * HOUR]

    @pytest.mark.parametrize(
        ("at", "times", "first"),
        [
            pytest.param(SATURDAY, ("09:00", "10:00"), datetime(2030, 3, 10, 13, tzinfo=UTC), id="after a leap"),
            pytest.param(SATURDAY, ("01:59", "04:00"), datetime(2030, 3, 10, 6, 59, tzinfo=UTC), id="before a leap"),
            pytest.param(SATURDAY, ("02:30", "04:00"), datetime(2030, 3, 10, 7, tzinfo=UTC), id="from the leap on"),
            pytest.param(SATURDAY, ("02:10", "02:40"), datetime(2030, 3, 11, 6, 10, tzinfo=UTC), id="leapt over"),
            pytest.param(AUTUMN, ("09:00", "10:00"), datetime(2030, 11, 3, 14, tzinfo=UTC), id="after going back"),
            pytest.param(AUTUMN, ("01:30", "01:45"), datetime(2030, 11, 3, 5, 30, tzinfo=UTC), id="shown twice: first"),
            pytest.param(
                AUTUMN + 9 * HOUR + 50 * MINUTE,
                ("01:30", "01:45"),
                datetime(2030, 11, 3, 6, 30, tzinfo=UTC),
                id="shown twice: and again",
            ),
            pytest.param(
                AUTUMN + 18 * HOUR, ("08:00", "09:00"), datetime(2030, 11, 4, 13, tzinfo=UTC), id="to before their end"
            ),
        ],
    )
    def test_where_clocks_are_changed(
        self, emulator: Emulator, at: datetime, times: tuple[str, str], first: datetime
    ) -> None:
        emulator.set_time(at)
        add_one(emulator, gmtZone=NEW_YORK, allowedTime={"default": [span(*times)]})
        emulator.advance(hours=48)
        assert rung(emulator) == [first]

    def test_a_retry_waits_for_the_allowed_time_too(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer"]})
        policy = {"maxAttempts": 2, "retryIntervalInMinutes": 60, "gmtZone": "Z"}
        add_one(emulator, **policy, allowedTime={"default": [span("09:00", "09:30")]})
        emulator.advance(hours=23.5)
        assert (rung(emulator), job(emulator)["jobStatus"]) == ([START], "onRetry")
        emulator.advance(hours=1)
        assert rung(emulator) == [START, START + DAY]

    def test_a_line_that_gets_free_after_the_allowed_time_waits_for_the_next(self, emulator: Emulator) -> None:
        emulator.campaign(lines=0)
        add_one(emulator, gmtZone="Z", allowedTime={"default": [span("09:00", "09:30")]})
        emulator.advance(hours=1)
        emulator.campaign(lines=1)
        emulator.advance(hours=24)
        assert rung(emulator) == [START + DAY]


class TestDeadline:
    FINISH = (START + HOUR).isoformat()

    @pytest.mark.parametrize("passed", [HOUR, 2 * HOUR])
    def test_created_too_late_it_is_never_dialled(self, emulator: Emulator, passed: timedelta) -> None:
        emulator.set_time(START + passed)
        add_one(emulator, finishDateTime=self.FINISH)
        emulator.advance(hours=24)
        row = job(emulator)
        assert (row["jobStatus"], attempts(emulator), emulator.rings(PHONE)) == ("notDone", [], 0)
        assert row["finishedAt"] == row["createdAt"]

    def test_a_second_before_it_is_in_time(self, emulator: Emulator) -> None:
        emulator.set_time(START + HOUR - SECOND)
        add_one(emulator, finishDateTime=self.FINISH)
        assert job(emulator)["jobStatus"] == "inProcess"

    @pytest.mark.parametrize("reason", ["no line", "paused", "times"])
    def test_not_rung_by_then_it_is_over_and_never_rings(self, emulator: Emulator, reason: str) -> None:
        emulator.campaign(**{"no line": {"lines": 0}, "paused": {"status": "paused"}, "times": {}}[reason])
        times = {"allowedTime": {"default": [span("10:00", "11:00")]}, "gmtZone": "Z"} if reason == "times" else {}
        add_one(emulator, finishDateTime=self.FINISH, **times)
        emulator.advance(hours=1, seconds=-1)
        assert job(emulator)["jobStatus"] == "planned"
        emulator.advance(seconds=1)
        emulator.campaign(lines=10, status="inProgress")
        emulator.advance(hours=48)
        assert (job(emulator)["jobStatus"], attempts(emulator)) == ("notDone", [])
        assert moment(job(emulator)["finishedAt"]) == START + HOUR

    def test_a_call_that_runs_goes_on_to_its_end(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["longCallWithResult"]})
        add_one(emulator, finishDateTime=(START + SECOND).isoformat())
        emulator.advance(hours=1)
        assert moment(job(emulator)["finishedAt"]) > START + 10 * SECOND
        assert job(emulator)["jobStatus"] == "longCallWithResult"

    def test_no_retry_comes_after_it(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer"]})
        add_one(emulator, finishDateTime=self.FINISH, maxAttempts=50, retryIntervalInMinutes=25)
        emulator.advance(hours=24)
        assert [at < START + HOUR for at in rung(emulator)] == [True] * 3
        assert (job(emulator)["jobStatus"], job(emulator)["attemptsCount"]) == ("noAnswer", 3)
        assert job(emulator)["finishedAt"] == attempts(emulator)[-1]["finishedAt"]

    @pytest.mark.parametrize(("seconds", "count"), [(0, 1), (1, 2)])
    def test_a_retry_that_is_due_just_then_comes_too_late(self, seconds: int, count: int) -> None:
        policy = {"maxAttempts": 2, "retryIntervalInMinutes": 25}
        with frozen(outcomes={PHONE: ["noAnswer"]}) as emulator:
            add_one(emulator, **policy)
            emulator.advance(hours=1)
            end, due = attempts(emulator)[0]["finishedAt"], rung(emulator)[1]
        with frozen(outcomes={PHONE: ["noAnswer"]}) as emulator:
            add_one(emulator, **policy, finishDateTime=(due + seconds * SECOND).isoformat())
            emulator.advance(hours=1)
            assert len(attempts(emulator)) == count
            assert (job(emulator)["finishedAt"] == end) == (count == 1), "it is over as soon as that is known"

    def test_a_retry_that_could_not_come_in_time_ends_then(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer"]})
        times = {"default": [span("09:00", "09:10"), span("11:00", "12:00")]}
        policy = {"maxAttempts": 2, "retryIntervalInMinutes": 20, "gmtZone": "Z"}
        add_one(emulator, finishDateTime=self.FINISH, allowedTime=times, **policy)
        emulator.advance(hours=24)
        assert (rung(emulator), job(emulator)["jobStatus"]) == ([START], "noAnswer")
        assert moment(job(emulator)["finishedAt"]) == START + HOUR
        assert get(emulator).json()["shortReport"]["retryCalls"] == 0


class TestLines:
    @pytest.mark.parametrize("with_hours", [[], [0, 2, 6], range(8)], ids=["none", "some", "all"])
    def test_priority_comes_first_and_then_the_order_of_addition(
        self, emulator: Emulator, with_hours: Sequence[int]
    ) -> None:
        emulator.campaign(lines=0)
        hours = {"allowedTime": {"default": [span("08:00", "20:00")]}, "gmtZone": "Z"}
        items: list[dict[str, object]] = [
            {"phone": phone(number), **(hours if number in with_hours else {}), "dialerPriority": priority}
            for number, priority in enumerate([5, 3, None, 1, 4, 2, 1, 5])
        ]
        add_many(emulator, items)
        emulator.campaign(lines=1)
        emulator.advance(hours=24)
        order = sorted(pages(emulator, "callAttempt/getReportByDate"), key=lambda row: row["startedAt"])
        assert [row["phone"] for row in order] == [phone(number) for number in (3, 6, 5, 1, 2, 4, 0, 7)]

    @pytest.mark.parametrize("lines", [1, 3, 7])
    def test_never_more_calls_at_once_than_lines(self, emulator: Emulator, lines: int) -> None:
        emulator.campaign(lines=lines)
        add_a_mixed_list(emulator)
        emulator.advance(hours=48)
        assert most_at_once(emulator) == lines

    def test_fewer_lines_cut_no_call_off_and_let_no_new_one_in(self, emulator: Emulator) -> None:
        emulator.settings(odds={"longCallWithResult": 1})
        emulator.campaign(lines=3)
        add_many(emulator, [{"phone": phone(number)} for number in range(6)])
        emulator.campaign(lines=1)
        assert get(emulator).json()["shortReport"]["inProcessCalls"] == 3
        emulator.advance(hours=1)
        rows = pages(emulator, "callAttempt/getReportByDate")
        ends = sorted(row["finishedAt"] for row in rows if moment(row["startedAt"]) == START)
        assert sorted(row["startedAt"] for row in rows)[3] == ends[-1]

    def test_more_lines_ring_more_at_once(self, emulator: Emulator) -> None:
        emulator.campaign(lines=1)
        add_many(emulator, [{"phone": phone(number)} for number in range(6)])
        emulator.campaign(lines=4)
        assert get(emulator).json()["shortReport"]["inProcessCalls"] == 4

    def test_a_cancel_in_mid_call_frees_the_line(self, emulator: Emulator) -> None:
        emulator.settings(odds={"longCallWithResult": 1})
        emulator.campaign(lines=1)
        add_many(emulator, [{"phone": phone(1)}, {"phone": phone(2)}])
        emulator.advance(seconds=7)
        post(emulator, "callJob/cancel", {"phones": [phone(1)]})
        (cut,) = attempts(emulator, phone(1))
        assert (cut["jobStatus"], cut["callDuration"], cut["reportData"]) == ("cancelledByUser", 7, None)
        assert rung(emulator, phone(2)) == [START + 7 * SECOND]
        assert get(emulator).json()["shortReport"]["inProcessCalls"] == 1
        emulator.advance(hours=1)
        assert get(emulator).json()["shortReport"]["inProcessCalls"] == 0, "its line was given back once"

    def test_a_paused_campaign_rings_nobody_new_and_goes_on_when_resumed(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={phone(1): ["noAnswer"], phone(2): ["longCallWithResult"]})
        emulator.campaign(lines=1)
        policy = {"maxAttempts": 2, "retryIntervalInMinutes": 30}
        add_many(emulator, [{"phone": phone(number), **policy} for number in (1, 2)])
        assert post(emulator, "control/pause").status_code == 200
        emulator.advance(hours=3)
        assert [job(emulator, phone(one))["jobStatus"] for one in (1, 2)] == ["onRetry", "planned"], "the call ended"
        assert post(emulator, "control/resume").status_code == 200
        emulator.advance(hours=1)
        assert rung(emulator, phone(2)) == [START + 3 * HOUR]
        assert rung(emulator, phone(1))[1] == moment(job(emulator, phone(2))["finishedAt"])

    @pytest.mark.parametrize("status", ["new", "planned", "finished", "deleted"])
    def test_nobody_is_rung_unless_the_campaign_runs(self, emulator: Emulator, status: str) -> None:
        emulator.campaign(lines=0)
        add(emulator)
        emulator.campaign(status=status)
        emulator.campaign(lines=10)
        emulator.advance(hours=24)
        assert job(emulator)["jobStatus"] == ("notDone" if status in ("finished", "deleted") else "planned")


def most_at_once(emulator: Emulator) -> int:
    """How many calls there were at once at most."""
    changes = []
    for row in pages(emulator, "callAttempt/getReportByDate"):
        changes += [(row["startedAt"], 1), (row["finishedAt"], -1)]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


class TestLives:
    def life(self, seed: int = 7, hours: float = 30.0, step: float | None = None) -> dict[str, Any]:
        """Live through some hours, looking after each step; or at the end alone."""
        with frozen(seed=seed) as emulator:
            emulator.campaign(lines=4)
            add_a_mixed_list(emulator)
            for _ in range(round(hours / step) if step else 1):
                emulator.advance(hours=step or hours)
                if step:
                    post(emulator, "callJob/getUnfinished", {})
            return told(emulator)

    def test_the_same_seed_and_requests_are_the_same_life(self) -> None:
        assert self.life() == self.life()

    def test_another_seed_is_another(self) -> None:
        assert self.life()["jobs"] != self.life(seed=8)["jobs"]

    def test_to_look_often_or_never_makes_no_difference(self) -> None:
        assert self.life(hours=6, step=0.05) == self.life(hours=6)

    def test_counts_add_up_all_along(self, emulator: Emulator) -> None:
        emulator.campaign(lines=4)
        add_a_mixed_list(emulator)
        seen, retried = set(), set()
        for _ in range(40):
            emulator.advance(minutes=6)
            report, unfinished = get(emulator).json()["shortReport"], pages(emulator, "callJob/getUnfinished")
            statuses = [row["jobStatus"] for row in unfinished]
            assert report["totalNumbers"] == 60 == len(unfinished) + report["processedNumbers"]
            assert report["inProcessCalls"] == statuses.count("inProcess") <= 4
            rung = pages(emulator, "callAttempt/getReportByDate")
            retried = {row["phone"] for row in rung if row["attemptNumber"] > 1}
            assert report["retryCalls"] == len(retried)
            assert sum(emulator.campaign().by_status.values()) == 60
            seen |= {*statuses}
        assert seen == {"planned", "inProcess", "onRetry"}
        rows = pages(emulator, "callAttempt/getReportByDate")
        assert report["usedTalkingTime"] == sum(row["callDuration"] or 0 for row in rows)

    @pytest.mark.parametrize("seconds", [0, 15, 600, 4321, 7200, 30_000])
    def test_saved_and_taken_up_again_in_mid_life_it_goes_on_as_it_would_have(
        self, emulator: Emulator, tmp_path: Path, seconds: int
    ) -> None:
        emulator.campaign(lines=4)
        add_a_mixed_list(emulator)
        emulator.advance(seconds=seconds)
        post(emulator, "callJob/cancel", {"phones": [phone(number) for number in range(0, 60, 9)]})
        emulator.save(tmp_path / "saved.json")
        with Emulator() as other:
            other.restore(tmp_path / "saved.json")
            for hours in (0, 1, 24):
                for one in (emulator, other):
                    one.advance(hours=hours)
                assert told(other) == told(emulator)

    def test_taken_up_again_in_mid_call_a_job_keeps_its_deadline(self, emulator: Emulator, tmp_path: Path) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer"]})
        times = {"default": [span("09:00", "09:10"), span("11:00", "12:00")]}
        policy = {"maxAttempts": 2, "retryIntervalInMinutes": 20, "gmtZone": "Z", "allowedTime": times}
        add_one(emulator, finishDateTime=(START + HOUR).isoformat(), **policy)
        emulator.advance(seconds=5)
        emulator.save(tmp_path / "saved.json")
        with Emulator() as other:
            other.restore(tmp_path / "saved.json")
            for one in (emulator, other):
                one.advance(hours=24)
            assert told(other) == told(emulator)
            assert moment(job(other)["finishedAt"]) == START + HOUR

    def test_taken_up_again_reports_keep_their_order(self, emulator: Emulator, tmp_path: Path) -> None:
        """Of what began, or ended, at one moment too."""
        emulator.campaign(lines=0)
        items = [{"phone": phone(number), "dialerPriority": 5 - number} for number in range(5)]
        add_many(emulator, items)
        emulator.campaign(lines=5)
        for number in (3, 1, 4):
            post(emulator, "callJob/cancel", {"phones": [phone(number)]})
        emulator.save(tmp_path / "saved.json")
        with Emulator() as other:
            other.restore(tmp_path / "saved.json")
            assert told(other) == told(emulator)


class TestAClockSetBack:
    def test_it_undoes_no_call_and_what_was_comes_again(self, emulator: Emulator) -> None:
        emulator.campaign(lines=4)
        add_a_mixed_list(emulator)
        emulator.advance(hours=3)
        before = told(emulator)
        emulator.advance(hours=-2)
        then, now = told(emulator), (START + HOUR).timestamp() * 1000
        assert all((row["finishedAt"] or 0) <= now for row in then["jobs"])
        assert all(row["finishedAt"] <= now for row in then["finished"])
        assert all(row["startedAt"] <= now for row in then["attempts"])
        emulator.advance(hours=2)
        assert told(emulator) == before

    @pytest.mark.parametrize("looks", [True, False])
    def test_what_came_to_pass_stays_whether_somebody_looked_or_not(self, emulator: Emulator, looks: bool) -> None:
        emulator.settings(outcomes={PHONE: ["longCallWithResult"]})
        add(emulator)
        emulator.advance(hours=1)
        assert not looks or job(emulator)["finishedAt"]
        emulator.advance(hours=-1)
        assert post(emulator, "callJob/cancel", {"phones": [PHONE]}).json() == [], "it is over, though not shown yet"
        emulator.advance(hours=1)
        assert job(emulator)["jobStatus"] == "longCallWithResult"

    def test_what_is_shown_as_open_is_unfinished_again(self, emulator: Emulator) -> None:
        emulator.campaign(lines=4)
        add_a_mixed_list(emulator)
        emulator.advance(hours=3)
        emulator.advance(hours=-2.75)
        then = told(emulator)
        shown = [row["callJobId"] for row in then["jobs"] if row["finishedAt"] is None]
        assert sorted(row["callJobId"] for row in then["unfinished"]) == sorted(shown)
        assert 0 < len(shown) < 60
        assert then["campaign"]["shortReport"]["processedNumbers"] == 60 - len(shown)

    def test_new_jobs_are_rung_then_and_counts_add_up(self, emulator: Emulator) -> None:
        emulator.campaign(lines=4)
        add_a_mixed_list(emulator)
        emulator.advance(hours=30)
        assert get(emulator).json()["shortReport"]["processedNumbers"] == 60
        emulator.advance(hours=-29)
        add(emulator, phone=phone(100))
        emulator.advance(minutes=10)
        assert rung(emulator, phone(100)) == [START + HOUR]
        emulator.advance(hours=48)
        report = get(emulator).json()["shortReport"]
        assert (report["totalNumbers"], report["processedNumbers"], report["inProcessCalls"]) == (61, 61, 0)

    def test_nothing_is_cancelled_before_it_began(self, emulator: Emulator) -> None:
        emulator.campaign(lines=0)
        add(emulator)
        emulator.advance(hours=1)
        emulator.campaign(lines=1)
        emulator.advance(minutes=-30)
        assert post(emulator, "callJob/cancel", {"phones": [PHONE]}).json() == [job(emulator)["callJobId"]]
        emulator.advance(hours=2)
        (attempt,) = attempts(emulator)
        assert attempt["startedAt"] <= attempt["finishedAt"]
        assert (attempt["jobStatus"], attempt["callDuration"]) == ("cancelledByUser", 0)


# The choice of the next moment, compared with a plain search

ZONES: dict[str, list[tuple[int, int]]] = {
    "Z": [],
    "+05:45": [],
    "-03:30:15": [],
    "Europe/Berlin": [(3, 31), (10, 27)],
    NEW_YORK: [(3, 10), (11, 3)],
    "Australia/Lord_Howe": [(4, 7), (10, 6)],  # by half an hour
    "Africa/Cairo": [(4, 26), (10, 31)],  # over midnight
    "America/Havana": [(3, 10), (11, 3)],  # over midnight, and back to it
}
"""The days of 2030 on which a zone's clocks are changed."""


def zone_of(name: str) -> tzinfo:
    return ZoneInfo(name) if "/" in name else datetime.fromisoformat(f"2030-01-01T00:00{name}").tzinfo or UTC


def next_allowed(item: Mapping[str, Any], zone: tzinfo, earliest: datetime) -> datetime | None:
    """The first moment at which the local clock shows what an item's days and times allow, minute by minute."""
    at = earliest
    while at < earliest + 16 * DAY:
        local = at.astimezone(zone)
        if _is_allowed(item, DAYS[local.weekday()], f"{local:%H:%M}"):
            return at
        at += MINUTE - local.second * SECOND
    return None


def _is_allowed(item: Mapping[str, Any], day: str, time: str) -> bool:
    times = item.get("allowedTime", {})
    spans = times.get(day, times.get("default"))
    return day in item.get("allowedDays", DAYS) and (
        spans is None or any(one["localTimeFrom"] <= time < one["localTimeTo"] for one in spans)
    )


def all_rings(item: Mapping[str, Any], zone: tzinfo, added: datetime, seconds: list[float]) -> list[datetime]:
    """When an item is rung whom nobody answers, if its attempts take so many seconds."""
    start, finish = item.get("startDateTime"), item.get("finishDateTime")
    earliest = added if start is None else max(added, datetime.fromisoformat(start))
    rings: list[datetime] = []
    while len(rings) < item["maxAttempts"]:
        at = next_allowed(item, zone, earliest)
        if at is None or (finish is not None and at >= datetime.fromisoformat(finish)):
            break
        rings.append(at)
        if len(rings) > len(seconds):
            break
        earliest = at + seconds[len(rings) - 1] * SECOND + item["retryIntervalInMinutes"] * MINUTE
    return rings


@st.composite
def spans(draw: st.DrawFn) -> list[dict[str, str]]:
    minutes = sorted(draw(st.sets(st.integers(0, 1439) | st.integers(0, 240), min_size=2, max_size=6)))
    times = [f"{minute // 60:02}:{minute % 60:02}" for minute in minutes]
    return [span(*pair) for pair in zip(times[::2], times[1::2], strict=False)]


@st.composite
def items(draw: st.DrawFn, added: datetime) -> dict[str, Any]:
    about = st.integers(-2 * 86400, 9 * 86400).map(lambda seconds: (added + seconds * SECOND).isoformat())
    item = draw(
        st.fixed_dictionaries(
            {"maxAttempts": st.integers(1, 3), "retryIntervalInMinutes": st.integers(1, 2880)},
            optional={
                "allowedDays": st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
                "allowedTime": st.dictionaries(st.sampled_from([*DAYS, "default"]), spans(), min_size=1),
                "startDateTime": about,
                "finishDateTime": about,
            },
        )
    )
    assume(item.get("startDateTime", "") < item.get("finishDateTime", "9"))
    return item


@pytest.fixture(scope="module")
def lasting() -> Iterator[Emulator]:
    with Emulator(tokens=(TOKEN,), outcomes={PHONE: ["noAnswer"]}) as emulator:
        yield emulator


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_each_ring_comes_at_the_first_moment_that_its_policy_allows(lasting: Emulator, data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(list(ZONES)))
    day = datetime(2030, *data.draw(st.sampled_from(ZONES[zone] or [(1, 7)])), tzinfo=UTC)
    added = day + data.draw(st.integers(-2 * 86400, 86400)) * SECOND
    item = data.draw(items(added))
    lasting.reset()
    lasting.freeze()
    lasting.set_time(added)
    add_one(lasting, gmtZone=zone, **item)
    lasting.advance(hours=24 * 40)
    seconds = [(row["finishedAt"] - row["startedAt"]) / 1000 for row in attempts(lasting)]
    assert rung(lasting) == all_rings(item, zone_of(zone), added, seconds)
    assert job(lasting)["jobStatus"] == ("noAnswer" if seconds else "notDone")


def test_hours_that_are_open_again_after_the_clock_was_set_back(emulator: Emulator) -> None:
    hours = {"allowedTime": {"default": [{"localTimeFrom": "09:00", "localTimeTo": "10:00"}]}, "gmtZone": "Z"}
    emulator.set_time(datetime(2030, 1, 7, 12, tzinfo=UTC))
    add_many(emulator, [{"phone": phone(1), **hours}])
    emulator.set_time(datetime(2030, 1, 7, 9, 30, tzinfo=UTC))
    add_many(emulator, [{"phone": phone(2), **hours}])
    assert [job.status for job in emulator.jobs(phone(2))] == ["inProcess"]
    emulator.advance(days=3)
    assert [job.attempts for job in emulator.jobs()] == [1, 1], "nobody is rung twice for it"


def test_lines_that_come_with_a_stop_ring_nobody(emulator: Emulator) -> None:
    emulator.campaign(lines=0)
    add(emulator)
    emulator.campaign(lines=10, status="finished")
    assert [(job.status, job.attempts) for job in emulator.jobs()] == [("notDone", 0)]
