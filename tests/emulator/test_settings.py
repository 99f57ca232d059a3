"""Each setting of the emulator: what its default does, what each alternative changes, and what it refuses to be."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import requests

from aimylogic_provider.emulator import Emulator, EmulatorError
from aimylogic_provider.emulator.world.settings import Settings
from tests.conftest import OTHER_TOKEN, TOKEN
from tests.emulator.asking import KEY, PHONE, add, add_many, ask, attempts, calls, get, job, jobs, phone, post

START = datetime(2030, 1, 7, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    """Its clock stands still, and nobody is rung until a test wants it."""
    emulator.freeze()
    emulator.set_time(START)
    emulator.campaign(lines=0)
    return emulator


def choose(emulator: Emulator, **chosen: object) -> None:
    """Change a setting, unless it is left as it is."""
    if any(value is not None for value in chosen.values()):
        emulator.settings(**chosen)


class TestKeys:
    @pytest.mark.parametrize(("campaign_before_key", "status"), [(None, 400), (True, 400), (False, 200)])
    @pytest.mark.parametrize("endpoint", ["addPhone", "addPhones"])
    def test_campaign_before_key(
        self, emulator: Emulator, endpoint: str, campaign_before_key: bool | None, status: int
    ) -> None:
        """Whether a stopped campaign refuses even a repeat."""
        choose(emulator, campaign_before_key=campaign_before_key)
        arguments: dict[str, Any] = (
            {"params": {"phone": PHONE}} if endpoint == "addPhone" else {"json": [{"phone": PHONE}]}
        )
        first = ask(emulator, "POST", endpoint, key="a", **arguments)
        emulator.campaign(status="finished")
        repeat = ask(emulator, "POST", endpoint, key="a", **arguments)
        assert repeat.status_code == status
        assert (repeat.json() == first.json()) == (status == 200)
        assert ask(emulator, "POST", endpoint, key="b", **arguments).status_code == 400, "what is new is refused anyway"
        assert jobs(emulator) == 1

    @pytest.mark.parametrize("same_key_other_parameters", [None, "first_job", "new_job"])
    @pytest.mark.parametrize(
        ("endpoint", "first", "other"),
        [
            ("addPhone", {"params": {"phone": PHONE}}, {"params": {"phone": phone(1)}}),
            ("addPhone", {"params": {"phone": PHONE}}, {"params": {"phone": PHONE, "name": "Alex"}}),
            ("addPhone", {"params": {"phone": PHONE}}, {"params": {"phone": PHONE, "gmtZone": "Z"}}),
            ("addPhones", {"json": [{"phone": PHONE}]}, {"json": [{"phone": phone(1)}]}),
        ],
    )
    def test_same_key_other_parameters(
        self,
        emulator: Emulator,
        endpoint: str,
        first: dict[str, Any],
        other: dict[str, Any],
        same_key_other_parameters: str | None,
    ) -> None:
        choose(emulator, same_key_other_parameters=same_key_other_parameters)
        ids = [ask(emulator, "POST", endpoint, key="a", **given).json() for given in (first, other, first, other)]
        is_new = same_key_other_parameters == "new_job"
        assert ids == ([*ids[:2], *ids[:2]] if is_new else ids[:1] * 4)
        assert (ids[0] != ids[1], jobs(emulator)) == (is_new, 2 if is_new else 1)

    @pytest.mark.parametrize("same_key_other_parameters", [None, "new_job"])
    def test_same_key_other_parameters_of_cancel(
        self, emulator: Emulator, same_key_other_parameters: str | None
    ) -> None:
        choose(emulator, same_key_other_parameters=same_key_other_parameters)
        ids = add_many(emulator, [{"phone": phone(1)}, {"phone": phone(2)}]).json()
        answers = [post(emulator, "callJob/cancel", {"ids": [one]}, "a").json() for one in ids]
        assert answers == ([ids[:1], ids[1:]] if same_key_other_parameters else [ids[:1], ids[:1]])

    @pytest.mark.parametrize("error_uses_up_key", [None, False, True])
    def test_error_uses_up_key(self, emulator: Emulator, error_uses_up_key: bool | None) -> None:
        choose(emulator, error_uses_up_key=error_uses_up_key)
        refused = add(emulator, "a", phone="12")
        emulator.set_time(START + DAY - timedelta(seconds=1))
        repeat = add(emulator, "a")
        if error_uses_up_key:
            assert (repeat.status_code, repeat.json()) == (400, refused.json()), "with the same words"
            emulator.set_time(START + DAY)
            repeat = add(emulator, "a")
        assert repeat.status_code == 200

    @pytest.mark.parametrize("error_uses_up_key", [None, False, True])
    @pytest.mark.parametrize(
        ("endpoint", "refused", "good"),
        [
            ("addPhones", [{"phone": "12"}], [{"phone": PHONE}]),
            ("addPhones", [{"phone": PHONE, "dialerPriority": 6}], [{"phone": PHONE}]),
            ("callJob/cancel", {"ids": ["1"]}, {}),
            ("control/resume", None, None),
        ],
    )
    def test_error_uses_up_key_of_others(
        self, emulator: Emulator, endpoint: str, refused: object, good: object, error_uses_up_key: bool | None
    ) -> None:
        choose(emulator, error_uses_up_key=error_uses_up_key)
        first = post(emulator, endpoint, refused, "a")
        emulator.campaign(status="paused")
        repeat = post(emulator, endpoint, good, "a")
        assert (first.status_code, repeat.status_code) == (400, 400 if error_uses_up_key else 200)
        assert not error_uses_up_key or repeat.json() == first.json()

    @pytest.mark.parametrize("keys_shared_by_campaigns", [None, False, True])
    def test_keys_shared_by_campaigns(self, emulator: Emulator, keys_shared_by_campaigns: bool | None) -> None:
        choose(emulator, keys_shared_by_campaigns=keys_shared_by_campaigns)
        ids = [add(emulator, "a", token=token).json() for token in (TOKEN, OTHER_TOKEN)]
        assert (ids[0] == ids[1]) is bool(keys_shared_by_campaigns)
        assert emulator.campaign(2).jobs == (0 if keys_shared_by_campaigns else 1)

    @pytest.mark.parametrize("test_address_heeds_key", [None, False, True])
    def test_test_address_heeds_key(self, emulator: Emulator, test_address_heeds_key: bool | None) -> None:
        choose(emulator, test_address_heeds_key=test_address_heeds_key)
        ids = {ask(emulator, "GET", "test/addPhone", key="a", params={"phone": PHONE}).json() for _ in range(3)}
        assert len(ids) == (1 if test_address_heeds_key else 3)
        assert ask(emulator, "GET", "test/addPhone", params={"phone": PHONE}).json() not in ids, "without a key: new"


class TestReports:
    @pytest.mark.parametrize("page_order", [None, "newest_first", "oldest_first"])
    @pytest.mark.parametrize(
        ("endpoint", "filters"),
        [
            ("callJob/getReportByDate", {}),
            ("callJob/getReportByDate", {"finishedAtFrom": 0}),
            ("callJob/getUnfinished", {}),
            ("callAttempt/getReportByDate", {}),
        ],
    )
    def test_page_order(
        self, emulator: Emulator, endpoint: str, filters: dict[str, int], page_order: str | None
    ) -> None:
        choose(emulator, page_order=page_order)
        emulator.settings(odds={"longCallWithResult": 1})
        emulator.campaign(lines=10)
        for number in range(5):
            add(emulator, phone=phone(number))
            emulator.advance(seconds=1)
        for number in range(5) if filters else ():
            post(emulator, "callJob/cancel", {"phones": [phone(number)]})
            emulator.advance(seconds=1)
        found = []
        for page in range(3):
            asked = {"page": page, "pageSize": 2}
            body = asked if endpoint == "callJob/getUnfinished" else {"filter": filters, "pagination": asked}
            found += [row["phone"] for row in post(emulator, endpoint, body).json()["items"]]
        oldest = [phone(number) for number in range(5)]
        assert found == (oldest if page_order == "oldest_first" else oldest[::-1])

    @pytest.mark.parametrize("page_order", ["newest_first", "oldest_first"])
    @pytest.mark.parametrize("page_shifts", [None, 0, 0.2, 1])
    @pytest.mark.parametrize("endpoint", ["callJob/getReportByDate", "callJob/getUnfinished"])
    def test_page_shifts(self, emulator: Emulator, endpoint: str, page_shifts: float | None, page_order: Any) -> None:
        emulator.settings(page_order=page_order)
        choose(emulator, page_shifts=page_shifts)
        ids = add_many(emulator, [{"phone": phone(number)} for number in range(310)]).json()
        ids.sort(reverse=page_order == "newest_first")
        off = []
        for page in range(30):
            which = {"page": page, "pageSize": 10}
            rows = post(emulator, endpoint, which if "Unfinished" in endpoint else {"pagination": which}).json()
            shown = [row["callJobId"] for row in rows["items"]]
            start = ids.index(shown[0])
            assert shown == ids[start : start + 10]
            off.append(start - 10 * page)
        assert off[0] == 0, "nothing lies before the first page"
        assert {*map(abs, off)} <= {0, 1, 2, 3}
        shifted = sum(rows != 0 for rows in off)
        assert shifted in {None: [0], 0: [0], 0.2: range(1, 16), 1: [29]}[page_shifts]

    @pytest.mark.parametrize("report_lag", [None, 0, 0.5, 300])
    @pytest.mark.parametrize(
        ("endpoint", "body"),
        [
            ("callJob/getReport", {"phones": [PHONE]}),
            ("callJob/getReport", {"ids": ["5665334669"]}),
            ("callAttempt/getReport", {"phones": [PHONE]}),
            ("callJob/cancel", {"phones": [PHONE]}),
            ("callJob/cancel", {"ids": ["5665334669"]}),
            ("callJob/getReportByDate", {}),
            ("callJob/getReportByDate", {"filter": {"finishedAtFrom": 0}}),
            ("callJob/getUnfinished", {}),
            ("callAttempt/getReportByDate", {}),
        ],
    )
    def test_report_lag(
        self, emulator: Emulator, endpoint: str, body: dict[str, Any], report_lag: float | None
    ) -> None:
        choose(emulator, report_lag=report_lag)
        if endpoint == "callJob/getReportByDate" and body:  # over at once
            add_many(emulator, [{"phone": PHONE, "finishDateTime": START.isoformat()}])
        else:
            emulator.campaign(lines=1 if "Attempt" in endpoint else 0)
            add(emulator)
        lag, shown = timedelta(seconds=report_lag or 0), []
        for passed in (lag - timedelta(milliseconds=1), lag) if lag else (lag,):
            emulator.set_time(START + passed)
            answer = post(emulator, endpoint, body)
            rows = answer.json() if answer.status_code == 200 else []
            shown.append(bool(rows["items"] if isinstance(rows, dict) else rows))
        assert shown == ([False, True] if lag else [True])

    @pytest.mark.parametrize(("times_as", "kind"), [(None, int), ("milliseconds", int), ("text", str)])
    def test_times_as(self, emulator: Emulator, times_as: str | None, kind: type) -> None:
        choose(emulator, times_as=times_as)
        emulator.set_time(START + timedelta(milliseconds=250))
        emulator.settings(outcomes={PHONE: ["longCallWithResult"]})
        emulator.campaign(lines=1)
        add(emulator)
        emulator.advance(hours=1)
        (attempt,) = attempts(emulator)
        told = [job(emulator)["createdAt"], attempt["startedAt"], job(emulator)["finishedAt"], attempt["finishedAt"]]
        campaign = get(emulator).json()
        assert {type(time) for time in (*told, campaign["creationDate"], campaign["startTime"])} == {kind}
        assert told[0] == told[1] == {int: 1894006800250, str: "2030-01-07T09:00:00.250+00:00"}[kind]
        assert told[2] == told[3]

    @pytest.mark.parametrize("cancelled_status", [None, "cancelledByUser", "canceled"])
    def test_cancelled_status(self, emulator: Emulator, cancelled_status: str | None) -> None:
        choose(emulator, cancelled_status=cancelled_status)
        emulator.campaign(lines=1)
        add(emulator)
        post(emulator, "callJob/cancel", {"phones": [PHONE]})
        (attempt,) = attempts(emulator)
        shown = {
            job(emulator)["jobStatus"],
            attempt["jobStatus"],
            attempt["jobStatus"],
            *emulator.campaign().by_status,
        }
        assert shown == {cancelled_status or "cancelledByUser"}


class TestAnswers:
    @pytest.mark.parametrize(
        ("id_as", "text", "content_type"),
        [
            (None, '"5665334669"', "application/json"),
            ("json", '"5665334669"', "application/json"),
            ("text", "5665334669", "text/plain"),
        ],
    )
    @pytest.mark.parametrize("endpoint", ["addPhone", "test/addPhone"])
    def test_id_as(self, emulator: Emulator, endpoint: str, id_as: str | None, text: str, content_type: str) -> None:
        choose(emulator, id_as=id_as)
        answer = ask(emulator, "GET", endpoint, params={"phone": PHONE})
        assert (answer.text, answer.headers["Content-Type"]) == (text, content_type)

    @pytest.mark.parametrize("ids_order", [None, "request", "reversed"])
    def test_ids_order(self, emulator: Emulator, ids_order: str | None) -> None:
        choose(emulator, ids_order=ids_order)
        ids = add_many(emulator, [{"phone": phone(number)} for number in range(3)], "1").json()
        assert ids == sorted(ids, reverse=ids_order == "reversed")
        assert add_many(emulator, [{"phone": phone(number)} for number in range(3)], "1").json() == ids, "a repeat"

    @pytest.mark.parametrize(
        ("status_as", "text", "content_type"),
        [
            (None, "inProgress", "text/plain"),
            ("text", "inProgress", "text/plain"),
            ("json", '"inProgress"', "application/json"),
        ],
    )
    def test_status_as(self, emulator: Emulator, status_as: str | None, text: str, content_type: str) -> None:
        choose(emulator, status_as=status_as)
        answer = get(emulator, "status")
        assert (answer.text, answer.headers["Content-Type"]) == (text, content_type)

    @pytest.mark.parametrize("running_status", [None, "inProgress", "inProcess"])
    def test_running_status(self, emulator: Emulator, running_status: str | None) -> None:
        choose(emulator, running_status=running_status)
        shown = [get(emulator, "status").text, get(emulator).json()["status"], emulator.campaign().status]
        assert shown == [running_status or "inProgress"] * 3
        emulator.campaign(status="paused")
        assert get(emulator, "status").text == "paused"

    @pytest.mark.parametrize(
        ("json_content_type", "sent", "status"),
        [
            (None, None, 415),
            (None, "text/plain", 415),
            (None, "application/json", 200),
            (None, "Application/JSON; charset=utf-8", 200),
            (True, "text/plain", 415),
            (False, None, 200),
            (False, "text/plain", 200),
        ],
    )
    @pytest.mark.parametrize(
        ("endpoint", "body"),
        [
            ("addPhones", '[{"phone": "79123456789"}]'),
            ("callJob/cancel", "{}"),
            ("callJob/getReport", "{}"),
            ("callJob/getReportByDate", "{}"),
            ("callJob/getUnfinished", "{}"),
            ("callAttempt/getReport", "{}"),
            ("callAttempt/getReportByDate", "{}"),
        ],
    )
    def test_json_content_type(
        self,
        emulator: Emulator,
        endpoint: str,
        body: str,
        json_content_type: bool | None,
        sent: str | None,
        status: int,
    ) -> None:
        choose(emulator, json_content_type=json_content_type)
        headers = {} if sent is None else {"Content-Type": sent}
        answer = requests.post(f"{calls(emulator)}/{endpoint}", data=body.encode(), headers=headers, timeout=10)
        assert answer.status_code == status
        assert (jobs(emulator) == 1) == (status == 200 and endpoint == "addPhones")

    @pytest.mark.parametrize(("unknown_fields", "status"), [(None, 200), ("ignored", 200), ("refused", 400)])
    @pytest.mark.parametrize(
        ("endpoint", "body"),
        [
            ("addPhones", [{"phone": PHONE}, {"phone": phone(1), "priority": 1}]),
            ("callJob/cancel", {"priority": 1}),
            ("callJob/getReport", {"phones": [], "priority": 1}),
            ("callJob/getReportByDate", {"filter": {"priority": 1}}),
            ("callJob/getUnfinished", {"page": 0, "priority": 1}),
            ("callAttempt/getReportByDate", {"priority": {}}),
        ],
    )
    def test_unknown_fields(
        self, emulator: Emulator, endpoint: str, body: object, unknown_fields: str | None, status: int
    ) -> None:
        choose(emulator, unknown_fields=unknown_fields)
        answer = post(emulator, endpoint, body)
        assert answer.status_code == status
        if status == 400:
            assert answer.json()["type"] == "emulator.bad.request"
            assert "priority" in answer.json()["message"]
            assert jobs(emulator) == 0

    def test_what_a_payload_holds_is_never_unknown(self, emulator: Emulator) -> None:
        emulator.settings(unknown_fields="refused")
        assert add_many(emulator, [{"phone": PHONE, "payload": {"priority": {"phone": 1}}}]).status_code == 200

    @pytest.mark.parametrize(("max_body", "size", "status"), [(None, 2**20, 200), (300, 300, 200), (300, 301, 413)])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_max_body(self, emulator: Emulator, max_body: int | None, size: int, status: int, chunked: bool) -> None:
        choose(emulator, max_body=max_body)
        body = b'[{"phone": "79123456789"}]'.ljust(size)
        headers = {"Content-Type": "application/json"}
        data = iter([body[:100], body[100:]]) if chunked else body
        answer = requests.post(f"{calls(emulator)}/addPhones", data=data, headers=headers, timeout=10)
        assert (answer.status_code, jobs(emulator)) == (status, 1 if status == 200 else 0)

    def test_max_body_is_16_megabytes_at_first(self, emulator: Emulator) -> None:
        size = 16 * 2**20
        for body, status in ((b"[".ljust(size), 400), (b"[".ljust(size + 1), 413)):
            answer = ask(emulator, "POST", "addPhones", data=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == status


class TestControl:
    @pytest.mark.parametrize(("control_repeats", "status"), [(None, 400), ("refused", 400), ("accepted", 200)])
    @pytest.mark.parametrize(("what", "before"), [("pause", "paused"), ("resume", "inProgress"), ("stop", "finished")])
    def test_control_repeats(
        self, emulator: Emulator, what: str, before: str, control_repeats: str | None, status: int
    ) -> None:
        choose(emulator, control_repeats=control_repeats)
        emulator.campaign(status=before)
        assert post(emulator, f"control/{what}").status_code == status
        assert get(emulator, "status").text == before

    @pytest.mark.parametrize(("resumes_stopped", "status"), [(None, 400), (False, 400), (True, 200)])
    def test_resumes_stopped(self, emulator: Emulator, resumes_stopped: bool | None, status: int) -> None:
        choose(emulator, resumes_stopped=resumes_stopped)
        post(emulator, "control/stop")
        assert post(emulator, "control/resume").status_code == status
        assert add(emulator).status_code == status

    def test_what_is_deleted_is_never_resumed(self, emulator: Emulator) -> None:
        emulator.settings(resumes_stopped=True, control_repeats="accepted")
        emulator.campaign(status="deleted")
        assert [post(emulator, f"control/{what}").status_code for what in ("pause", "resume", "stop")] == [400] * 3


class TestNumbers:
    @pytest.mark.parametrize(
        ("bad_numbers", "number", "status"),
        [
            (None, "79120000001", 200),
            (["79120000001"], "79120000001", 400),
            (["+79120000001"], "79120000001", 400),
            (["79120000001"], "+79120000001", 400),
            (["79120000001"], "79120000002", 200),
            (["7912000000"], "79120000001", 200),
            (["7912*"], "79120000001", 400),
            (["+7912*"], "79120000001", 400),
            (["7913*", "7912*"], "79120000001", 400),
            (["7913*"], "79120000001", 200),
        ],
    )
    @pytest.mark.parametrize("endpoint", ["addPhone", "test/addPhone", "addPhones"])
    def test_bad_numbers(
        self, emulator: Emulator, endpoint: str, bad_numbers: list[str] | None, number: str, status: int
    ) -> None:
        choose(emulator, bad_numbers=bad_numbers)
        if endpoint == "addPhones":
            answer = add_many(emulator, [{"phone": number}])
        else:
            answer = ask(emulator, "GET", endpoint, params={"phone": number})
        assert answer.status_code == status
        if status == 400:
            assert (answer.json()["type"], answer.json()["phone"]) == ("phone.bad.format", number)


class TestLife:
    def lives(self, emulator: Emulator, count: int = 40, hours: float = 500) -> list[dict[str, Any]]:
        """Add numbers, and live them through."""
        emulator.campaign(lines=count)
        add_many(emulator, [{"phone": phone(number)} for number in range(count)])
        emulator.advance(hours=hours)
        body = {"phones": [phone(number) for number in range(count)]}
        return list(post(emulator, "callAttempt/getReport", body).json())

    def test_seed_decides_how_lives_go(self) -> None:
        lives = []
        for seed in (0, None, 1, 1):
            with Emulator(tokens=(TOKEN,), **({} if seed is None else {"seed": seed})) as emulator:
                emulator.freeze()
                emulator.set_time(START)
                lives.append(self.lives(emulator))
        assert lives[0] == lives[1] != lives[2] == lives[3]

    @pytest.mark.parametrize(
        ("odds", "results"),
        [
            (None, {"longCallWithResult", "longCallWithNoResult", "noAnswer", "nonexistentNumber", "technicalError"}),
            ({"noAnswer": 1}, {"noAnswer"}),
            ({"technicalError": 0.5, "longCallWithResult": 0}, {"technicalError"}),
            ({"longCallWithNoResult": 3, "nonexistentNumber": 1}, {"longCallWithNoResult", "nonexistentNumber"}),
        ],
    )
    def test_odds(self, emulator: Emulator, odds: dict[str, float] | None, results: set[str]) -> None:
        choose(emulator, odds=odds)
        found = [attempt["jobStatus"] for attempt in self.lives(emulator, 200)]
        assert set(found) == results
        if len(results) == 2:
            assert 120 < found.count("longCallWithNoResult") < 180, "they are weights"

    def test_outcomes_come_before_odds(self, emulator: Emulator) -> None:
        emulator.settings(odds={"nonexistentNumber": 1}, outcomes={phone(1): ["noAnswer", "longCallWithResult"]})
        emulator.settings(max_attempts=3)
        self.lives(emulator, 3)
        rows = attempts(emulator, phone(1))
        assert [row["callResult"] is not None for row in rows] == [False, True]
        assert job(emulator, phone(2))["jobStatus"] == "nonexistentNumber"

    def test_outcomes_may_name_a_phone_with_a_plus(self, emulator: Emulator) -> None:
        emulator.settings(odds={"nonexistentNumber": 1}, outcomes={f"+{phone(1)}": ["longCallWithResult"]})
        self.lives(emulator, 2)
        assert [job(emulator, phone(one))["jobStatus"] for one in (0, 1)] == ["nonexistentNumber", "longCallWithResult"]

    @pytest.mark.parametrize(("max_attempts", "count"), [(None, 1), (1, 1), (2, 2), (50, 50)])
    def test_max_attempts(self, emulator: Emulator, max_attempts: int | None, count: int) -> None:
        choose(emulator, max_attempts=max_attempts)
        emulator.settings(odds={"noAnswer": 1})
        assert [attempt["attemptNumber"] for attempt in self.lives(emulator, 1)] == list(range(1, count + 1))

    @pytest.mark.parametrize(("retry_interval", "seconds"), [(None, 3600), (0, 0), (90.0, 90)])
    def test_retry_interval(self, emulator: Emulator, retry_interval: float | None, seconds: int) -> None:
        choose(emulator, retry_interval=retry_interval)
        emulator.settings(odds={"noAnswer": 1}, max_attempts=3)
        first, second, third = self.lives(emulator, 1)
        pauses = [second["startedAt"] - first["finishedAt"], third["startedAt"] - second["finishedAt"]]
        assert pauses == [seconds * 1000] * 2

    def test_a_policy_comes_before_the_settings(self, emulator: Emulator) -> None:
        emulator.settings(odds={"noAnswer": 1}, max_attempts=5, retry_interval=7)
        emulator.campaign(lines=1)
        add_many(emulator, [{"phone": PHONE, "maxAttempts": 2, "retryIntervalInMinutes": 30}])
        emulator.advance(hours=9)
        first, second = attempts(emulator)
        assert second["startedAt"] - first["finishedAt"] == 30 * 60_000

    def test_what_a_policy_leaves_open_the_settings_say(self, emulator: Emulator) -> None:
        emulator.settings(odds={"noAnswer": 1}, max_attempts=2, retry_interval=7)
        emulator.campaign(lines=1)
        add_many(emulator, [{"phone": PHONE, "dialerPriority": 1}])
        emulator.advance(hours=9)
        first, second = attempts(emulator)
        assert second["startedAt"] - first["finishedAt"] == 7_000

    def test_a_change_leaves_what_was_as_it_was(self, emulator: Emulator) -> None:
        emulator.settings(odds={"longCallWithResult": 1})
        emulator.campaign(lines=1)
        add(emulator)
        emulator.advance(hours=1)
        emulator.settings(odds={"noAnswer": 1}, seed=9)
        assert job(emulator)["jobStatus"] == "longCallWithResult", "though nobody had looked yet"


BAD: list[tuple[str, object]] = [
    ("campaign_before_key", "yes"),
    ("same_key_other_parameters", "second_job"),
    ("error_uses_up_key", 1),
    ("keys_shared_by_campaigns", None),
    ("test_address_heeds_key", "false"),
    ("page_order", "newest"),
    ("report_lag", -0.001),
    ("report_lag", 366 * 86400 + 1),
    ("report_lag", "300"),
    ("id_as", "number"),
    ("ids_order", "shuffled"),
    ("status_as", "html"),
    ("times_as", "seconds"),
    ("page_cap", 0),
    ("page_cap", 201),
    ("page_shifts", -0.1),
    ("page_shifts", 1.1),
    ("limits_by_date", "seconds"),
    ("phones_as", "words"),
    ("redials", -1),
    ("redials", 6),
    ("cancelled_status", "cancelled"),
    ("running_status", "running"),
    ("json_content_type", "application/json"),
    ("unknown_fields", "dropped"),
    ("control_repeats", "ignored"),
    ("resumes_stopped", 0),
    ("bad_numbers", "79120000001"),
    ("bad_numbers", ["7912 000"]),
    ("bad_numbers", ["*79"]),
    ("bad_numbers", [""]),
    ("bad_numbers", [79120000001]),
    ("max_body", 0),
    ("max_body", 2**30 + 1),
    ("max_body", 1.5),
    ("seed", -1),
    ("seed", 2**62),
    ("seed", "lucky"),
    ("odds", {}),
    ("odds", {"noAnswer": 0}),
    ("odds", {"noAnswer": -1}),
    ("odds", {"noAnswer": 1e6 + 1}),
    ("odds", {"busy": 1}),
    ("outcomes", {PHONE: []}),
    ("outcomes", {PHONE: ["busy"]}),
    ("outcomes", {PHONE: "noAnswer"}),
    ("outcomes", {"12": ["noAnswer"]}),
    ("takes_eight", "yes"),
    ("stop_ends_jobs", 1),
    ("max_attempts", 0),
    ("max_attempts", 51),
    ("max_attempts", True),
    ("retry_interval", -1),
    ("retry_interval", 366 * 86400 + 1),
    ("check_sends", "xml"),
    ("check_phone", ""),
    ("check_phone", "callJobId"),
    ("check_job", "phone"),
    ("check_job", "x" * 101),
    ("check_reads", "html"),
    ("check_field", ""),
    ("check_timeout", 0),
    ("check_timeout", 61),
    ("check_unanswered", "rung"),
    ("check_hosts", "example.com"),
    ("check_hosts", [""]),
    ("typo", True),
]


class TestValues:
    @pytest.mark.parametrize(("name", "value"), BAD)
    def test_a_bad_value_is_refused_with_a_reason_and_nothing_changes(
        self, emulator: Emulator, name: str, value: object
    ) -> None:
        before = emulator.settings()
        with pytest.raises(EmulatorError, match=name):
            emulator.settings(**{"report_lag": 7, "retry_interval": 8, name: value})
        assert emulator.settings() == before

    def test_each_has_a_bad_value_above(self) -> None:
        assert {name for name, _ in BAD} == {*Settings.__struct_fields__, "typo"}

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("report_lag", 0), ("report_lag", 366 * 86400), ("retry_interval", 0), ("retry_interval", 366 * 86400),
            ("max_body", 1), ("max_body", 2**30), ("seed", 0), ("seed", 2**62 - 1), ("max_attempts", 1),
            ("max_attempts", 50), ("odds", {"noAnswer": 1e6}), ("bad_numbers", []), ("outcomes", {}),
        ],
    )  # fmt: skip
    def test_the_outermost_values_are_taken(self, emulator: Emulator, name: str, value: object) -> None:
        taken = emulator.settings(**{name: value})
        assert msgspec.json.decode(msgspec.json.encode(taken))[name] == value

    def test_those_that_are_not_named_stay(self, emulator: Emulator) -> None:
        emulator.settings(report_lag=7)
        emulator.settings(seed=8)
        assert (emulator.settings().report_lag, emulator.settings().seed) == (7, 8)

    @pytest.mark.parametrize(("name", "value"), [("report_lag", -1), ("odds", {}), ("typo", 1)])
    def test_an_emulator_does_not_start_with_a_bad_value(self, name: str, value: object) -> None:
        with pytest.raises(EmulatorError, match=name):
            Emulator(**{name: value})

    def test_each_is_described(self) -> None:
        assert set(re.findall(r":param (\w+):", inspect.getdoc(Settings) or "")) == set(Settings.__struct_fields__)


@pytest.fixture
def ours() -> Iterator[Emulator]:
    with Emulator(tokens=(TOKEN,), report_lag=300, page_order="oldest_first") as emulator:
        yield emulator


def test_a_reset_goes_back_to_those_of_the_start(ours: Emulator) -> None:
    ours.settings(report_lag=7, page_order="newest_first", seed=9)
    ours.reset()
    assert (ours.settings().report_lag, ours.settings().page_order, ours.settings().seed) == (300, "oldest_first", 0)


def test_campaigns_share_them(emulator: Emulator) -> None:
    emulator.settings(bad_numbers=[PHONE])
    assert [add(emulator, token=token).status_code for token in (TOKEN, OTHER_TOKEN)] == [400, 400]


def test_a_key_in_the_query_is_heeded_like_one_in_the_header(emulator: Emulator) -> None:
    emulator.settings(test_address_heeds_key=True)
    query = {"phone": PHONE, KEY: "a"}
    assert len({ask(emulator, "GET", "test/addPhone", params=query).json() for _ in range(2)}) == 1


def test_a_token_that_is_made_anew_names_the_same_campaign_and_the_old_one_none(emulator: Emulator) -> None:
    def asked(token: str) -> requests.Response:
        return requests.get(f"{emulator.url}/api/calls/campaign/{token}", timeout=5)

    before = asked(TOKEN).json()["id"]
    emulator.campaign(token="1.2.madeanew")
    assert asked("1.2.madeanew").json()["id"] == before
    assert asked(TOKEN).status_code == 404
    for token in (OTHER_TOKEN, "", "with/slash"):
        with pytest.raises(EmulatorError):
            emulator.campaign(token=token)
    assert asked("1.2.madeanew").json()["id"] == before
