"""The contract as a table of tests, a row for each sentence of it, against the running server.

``pytest -v tests/emulator/test_contract.py`` reads as the contract does. Times are moved, never waited for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from aimylogic_provider.emulator import Emulator
from tests.conftest import OTHER_TOKEN, TOKEN
from tests.emulator.asking import (
    KEY,
    PHONE,
    add,
    add_many,
    ask,
    attempts,
    crm,
    get,
    job,
    jobs,
    phone,
    post,
)

START = datetime(2030, 1, 7, 9, tzinfo=UTC)
"""A Monday."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND, MOMENT = timedelta(seconds=1), timedelta(milliseconds=1)
NOW = timedelta()
UUID = "0b7e5d0e-6ba2-4d3c-9a4b-6d3f8a1c2e5f"


def table(names: str, *rows: Sequence[Any]) -> pytest.MarkDecorator:
    """Rows of the contract: a sentence each, and what belongs to it."""
    return pytest.mark.parametrize(names.split(), [pytest.param(*values, id=sentence) for sentence, *values in rows])


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    """Its clock stands still, and nobody is rung until a test wants it."""
    emulator.freeze()
    emulator.set_time(START)
    emulator.campaign(lines=0)
    return emulator


def after(emulator: Emulator, passed: timedelta) -> None:
    """Let so much time have passed since the start."""
    emulator.set_time(START + passed)


def milliseconds(passed: timedelta) -> int:
    return round((START + passed).timestamp() * 1000)


# Addresses, methods and tokens

ADDRESSES: dict[str, dict[str, Any]] = {
    "addPhone": {"GET": {"params": {"phone": PHONE}}, "POST": {"params": {"phone": PHONE}}},
    "test/addPhone": {"GET": {"params": {"phone": PHONE}}},
    "addPhones": {"POST": {"json": [{"phone": PHONE}]}},
    "callJob/cancel": {"POST": {"json": {}}},
    "callJob/getReport": {"POST": {"json": {}}},
    "callJob/getReportByDate": {"POST": {"json": {}}},
    "callJob/getUnfinished": {"POST": {"json": {}}},
    "callAttempt/getReport": {"POST": {"json": {}}},
    "callAttempt/getReportByDate": {"POST": {"json": {}}},
    "": {"GET": {}},
    "status": {"GET": {}},
    "control/pause": {"POST": {}},
    "control/resume": {"POST": {}},
    "control/stop": {"POST": {}},
}
"""Each endpoint's methods, each with a request that could be answered."""
EVERY_REQUEST = [(method, name, given) for name, methods in ADDRESSES.items() for method, given in methods.items()]


class TestAddresses:
    @table("method name given", *[(f"{one[0]} {one[1] or 'the campaign'} is served", *one) for one in EVERY_REQUEST])
    def test_address(self, emulator: Emulator, method: str, name: str, given: dict[str, Any]) -> None:
        if name == "control/resume":
            emulator.campaign(status="paused")
        assert ask(emulator, method, name, **given).status_code == 200

    @table(
        "method name",
        *[
            (f"{name or 'the campaign'} has no {method}", method, name)
            for name, methods in ADDRESSES.items()
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
            if method not in methods
        ],
    )
    def test_method(self, emulator: Emulator, method: str, name: str) -> None:
        answer = ask(emulator, method, name, params={"phone": PHONE})
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == ADDRESSES[name].keys()
        assert jobs(emulator) == 0

    @table(
        "method name given", *[(f"{one[0]} {one[1] or 'the campaign'} asks for a token", *one) for one in EVERY_REQUEST]
    )
    def test_unknown_token(self, emulator: Emulator, method: str, name: str, given: dict[str, Any]) -> None:
        answer = ask(emulator, method, name, token="12.34.unknown", **given)
        assert (answer.status_code, answer.json()["type"]) == (404, "invalid.token")

    @table("token number", ("one token is one campaign", TOKEN, 1), ("another is another", OTHER_TOKEN, 2))
    def test_token(self, emulator: Emulator, token: str, number: int) -> None:
        add(emulator, token=token)
        assert [campaign.number for campaign in emulator.campaigns() if campaign.jobs] == [number]

    @table(
        "path",
        ("there is nothing but the Calls API", "/api"),
        ("addPhones is none of crmCalls", f"/api/crmCalls/campaign/{TOKEN}/addPhones"),
        ("the reports are none of crmCalls", f"/api/crmCalls/campaign/{TOKEN}/callJob/getReport"),
        ("an address has no slash behind it", f"/api/calls/campaign/{TOKEN}/status/"),
        ("control does nothing else", f"/api/calls/campaign/{TOKEN}/control/delete"),
        ("no token is no campaign", "/api/calls/campaign//status"),
    )
    def test_unknown_path(self, emulator: Emulator, path: str) -> None:
        answer = requests.post(emulator.url + path, json={}, timeout=10)
        assert answer.status_code == 404
        assert "POST /api/calls/campaign/{token}/callJob/getReport" in answer.json()["paths"]


# addPhone


class TestAddPhone:
    @table(
        "method name given",
        ("GET takes the parameters in the query", "GET", "addPhone", "params"),
        ("POST takes them in the query too", "POST", "addPhone", "params"),
        ("POST takes them as a form as well", "POST", "addPhone", "data"),
        ("the test address takes them in the query", "GET", "test/addPhone", "params"),
    )
    def test_parameters(self, emulator: Emulator, method: str, name: str, given: str) -> None:
        fields = {"phone": PHONE, "gmtZone": "+03:30", "name": "Alex", "n": "1", "empty": ""}
        assert ask(emulator, method, name, **{given: fields}).status_code == 200
        (made,) = emulator.jobs()
        assert (made.phone, made.gmt_zone) == (PHONE, "+03:30")
        assert made.payload == {"name": "Alex", "n": "1", "empty": ""}, "all others are payload, as text"

    def test_query_and_form_are_read_together(self, emulator: Emulator) -> None:
        answer = ask(emulator, "POST", "addPhone", params={"phone": PHONE, "a": "1"}, data={"b": "2"})
        assert answer.status_code == 200
        assert emulator.jobs()[0].payload == {"a": "1", "b": "2"}

    @table("name", ("addPhone answers the id as a JSON string", "addPhone"), ("so does test/addPhone", "test/addPhone"))
    def test_answer(self, emulator: Emulator, name: str) -> None:
        answer = ask(emulator, "GET", name, params={"phone": PHONE})
        assert re.fullmatch(r'"[1-9][0-9]*"', answer.text)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == emulator.jobs()[0].id == job(emulator)["callJobId"]

    @table(
        "written",
        ("the vendor's command works as printed, raw plus and all", "+03:30"),
        ("a plus can be percent-encoded", "%2B03:30"),
    )
    def test_the_vendors_command(self, emulator: Emulator, written: str) -> None:
        url = f"{crm(emulator)}/addPhone?phone=79123456789&gmtZone={written}&name=Alex"
        request = requests.Request("POST", url, headers={KEY: "d5f41bd4"}).prepare()
        request.url = url
        assert requests.Session().send(request, timeout=10).status_code == 200
        (made,) = emulator.jobs()
        assert (made.phone, made.gmt_zone, made.payload) == (PHONE, "+03:30", {"name": "Alex"})
        assert made.key == "d5f41bd4"

    @table(
        "fields",
        ("phone is required", {}),
        ("phone is not empty", {"phone": ""}),
        ("phone is no word", {"phone": "abc"}),
        ("phone is not too short", {"phone": "7912"}),
        ("phone is not too long", {"phone": PHONE + "0"}),
        ("phone has a country code", {"phone": "09123456789"}),
    )
    def test_phone(self, emulator: Emulator, fields: dict[str, str]) -> None:
        answer = ask(emulator, "POST", "addPhone", params=fields)
        assert (answer.status_code, answer.json()["type"]) == (400, "phone.bad.format")
        assert answer.json()["phone"] == fields.get("phone", "")
        assert jobs(emulator) == 0


# gmtZone

ZONES = [
    ("Z", "Z", "Z"),
    ("+h", "+3", "+03:00"),
    ("+hh", "+03", "+03:00"),
    ("+hh:mm", "+03:30", "+03:30"),
    ("-hh:mm", "-03:30", "-03:30"),
    ("+hhmm", "+0330", "+03:30"),
    ("-hhmm", "-0330", "-03:30"),
    ("+hh:mm:ss", "+03:30:15", "+03:30:15"),
    ("-hh:mm:ss", "-03:30:15", "-03:30:15"),
    ("+hhmmss", "+033015", "+03:30:15"),
    ("-hhmmss", "-033015", "-03:30:15"),
    ("an offset behind UTC", "UTC+3", "+03:00"),
    ("an offset behind GMT", "GMT-03:30", "-03:30"),
    ("an offset behind UT", "UT+033015", "+03:30:15"),
    ("Z behind UTC", "UTCZ", "Z"),
    ("a zone of the IANA", "Europe/Moscow", "Europe/Moscow"),
    ("a zone of the IANA with a part more", "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ("-18:00 at least", "-18:00", "-18:00"),
    ("+18:00 at most", "+18:00", "+18:00"),
    ("it may be left out", None, None),
]
NO_ZONES = [
    ("not over +18:00", "+18:00:01"),
    ("not under -18:00", "-18:00:01"),
    ("not +19", "+19"),
    ("-h is no form", "-3"),
    ("+h:mm is no form", "+3:30"),
    ("an offset has a sign", "03:30"),
    ("minutes end at 59", "+03:60"),
    ("seconds end at 59", "+03:30:60"),
    ("colons are everywhere or nowhere", "+03:3015"),
    ("an offset has three parts at most", "+03:30:15:00"),
    ("an abbreviation isn't a zone", "MSK"),
    ("an unknown place isn't a zone", "Mars/Phobos"),
    ("nor is a path", "../zone"),
]


class TestGmtZone:
    @table("written taken", *[(f"gmtZone: {sentence}", *values) for sentence, *values in ZONES])
    def test_form(self, emulator: Emulator, written: str | None, taken: str | None) -> None:
        given = {} if written is None else {"gmtZone": written}
        assert add(emulator, **given).status_code == 200
        assert add_many(emulator, [{"phone": PHONE, **given}]).status_code == 200
        assert [one.gmt_zone for one in emulator.jobs()] == [taken, taken]

    @table("written", *[(f"gmtZone: {sentence}", *values) for sentence, *values in NO_ZONES])
    def test_no_form(self, emulator: Emulator, written: str) -> None:
        answers = [add(emulator, gmtZone=written), add_many(emulator, [{"phone": PHONE, "gmtZone": written}])]
        assert [answer.status_code for answer in answers] == [400, 400]
        for answer in answers:
            error = answer.json()
            assert error.pop("message")
            assert error == {"type": "phone.gmtZone.bad.format", "phone": PHONE, "gmtZone": written}
        assert jobs(emulator) == 0


# Duplicates and keys


class TestDuplicates:
    @table(
        "first second passed then",
        ("neither has a key: at once an error", None, None, NOW, "error"),
        ("neither has a key: within 24 hours an error", None, None, DAY - MOMENT, "error"),
        ("neither has a key: later a new job", None, None, DAY, "new"),
        ("both have the same key: at once the first job's id", "a", "a", NOW, "first"),
        ("both have the same key: within 24 hours the first job's id", "a", "a", DAY - MOMENT, "first"),
        ("both have the same key: later a new job", "a", "a", DAY, "new"),
        ("different keys: at once a new job", "a", "b", NOW, "new"),
        ("different keys: within 24 hours a new job", "a", "b", DAY - MOMENT, "new"),
        ("different keys: later a new job", "a", "b", DAY, "new"),
        ("only the first has a key: at once a new job", "a", None, NOW, "new"),
        ("only the first has a key: within 24 hours a new job", "a", None, DAY - MOMENT, "new"),
        ("only the first has a key: later a new job", "a", None, DAY, "new"),
        ("only the second has a key: at once a new job", None, "a", NOW, "new"),
        ("only the second has a key: within 24 hours a new job", None, "a", DAY - MOMENT, "new"),
        ("only the second has a key: later a new job", None, "a", DAY, "new"),
    )
    @pytest.mark.parametrize(
        "methods", [("GET", "GET"), ("GET", "POST"), ("POST", "GET"), ("POST", "POST")], ids=" ".join
    )
    def test_cell(
        self,
        emulator: Emulator,
        first: str | None,
        second: str | None,
        passed: timedelta,
        then: str,
        methods: tuple[str, str],
    ) -> None:
        one = ask(emulator, methods[0], "addPhone", key=first, params={"phone": PHONE, "name": "Alex"})
        after(emulator, passed)
        other = ask(emulator, methods[1], "addPhone", key=second, params={"phone": PHONE, "name": "Alex"})
        assert one.status_code == 200
        if then == "error":
            assert (other.status_code, other.json()["type"], jobs(emulator)) == (400, "phone.duplicated", 1)
        else:
            assert (other.status_code, jobs(emulator)) == (200, 2 if then == "new" else 1)
            assert (other.json() == one.json()) == (then == "first")

    @table(
        "first second is_duplicate",
        ("the same phone and payload are a duplicate", {"name": "Alex"}, {"name": "Alex"}, True),
        ("the same phone without a payload is one", {}, {}, True),
        ("another payload is none", {"name": "Alex"}, {"name": "Maria"}, False),
        ("a payload beside none is none", {"name": "Alex"}, {}, False),
        ("none beside a payload is none", {}, {"name": "Alex"}, False),
        ("a field more is none", {"name": "Alex"}, {"name": "Alex", "age": "30"}, False),
        ("an empty field is a payload", {}, {"name": ""}, False),
        ("the order of fields plays no part", {"a": "1", "b": "2"}, {"b": "2", "a": "1"}, True),
        ("another phone is none", {"phone": phone(1)}, {"phone": phone(2)}, False),
        ("a phone with a plus is the same", {}, {"phone": f"+{PHONE}"}, True),
        ("gmtZone plays no part", {"gmtZone": "+03:00"}, {"gmtZone": "+05:00"}, True),
        ("nor does its absence", {"gmtZone": "+03:00"}, {}, True),
    )
    def test_what_is_a_duplicate(
        self, emulator: Emulator, first: dict[str, str], second: dict[str, str], is_duplicate: bool
    ) -> None:
        assert add(emulator, **first).status_code == 200
        assert add(emulator, **second).status_code == (400 if is_duplicate else 200)

    def test_24_hours_count_from_the_first_and_not_from_one_that_was_refused(self, emulator: Emulator) -> None:
        answers = []
        for passed in (NOW, DAY - HOUR, DAY, 2 * DAY - HOUR):
            after(emulator, passed)
            answers.append(add(emulator).status_code)
        assert answers == [200, 400, 200, 400]

    @table(
        "first second",
        ("test/addPhone knows no duplicates", "test/addPhone", "test/addPhone"),
        ("addPhone doesn't count for test/addPhone", "addPhone", "test/addPhone"),
        ("test/addPhone doesn't count for addPhone", "test/addPhone", "addPhone"),
    )
    def test_restricted_is_addphone_alone(self, emulator: Emulator, first: str, second: str) -> None:
        for name in (first, second):
            assert ask(emulator, "GET", name, params={"phone": PHONE}).status_code == 200
        assert jobs(emulator) == 2

    def test_campaigns_have_duplicates_of_their_own(self, emulator: Emulator) -> None:
        assert [add(emulator, token=token).status_code for token in (TOKEN, OTHER_TOKEN)] == [200, 200]


class TestKeys:
    def test_a_repeat_does_not_prolong_the_key(self, emulator: Emulator) -> None:
        ids = []
        for passed in (NOW, DAY - HOUR, DAY, DAY + HOUR, 2 * DAY - MOMENT, 2 * DAY):
            after(emulator, passed)
            ids.append(add(emulator, "a").json())
        assert [ids.index(one) for one in ids] == [0, 0, 2, 2, 2, 5], "it lives for a day from each first use"

    @table(
        "other",
        ("with another phone", {"phone": phone(1)}),
        ("with another payload", {"name": "Maria"}),
        ("with another zone", {"gmtZone": "+05:00"}),
    )
    def test_the_same_key_with_other_parameters_is_the_first_job(
        self, emulator: Emulator, other: dict[str, str]
    ) -> None:
        assert add(emulator, "a").json() == add(emulator, "a", **other).json()
        assert jobs(emulator) == 1

    @table(
        "refused",
        ("of a bad phone", {"phone": "12"}),
        ("of a bad zone", {"gmtZone": "MSK"}),
    )
    def test_an_error_uses_up_no_key(self, emulator: Emulator, refused: dict[str, str]) -> None:
        assert add(emulator, "a", **refused).status_code == 400
        after(emulator, DAY - HOUR)
        first = add(emulator, "a")
        after(emulator, DAY + HOUR)
        assert (first.status_code, add(emulator, "a").json()) == (200, first.json()), "its first use is the second"

    def test_a_refusal_for_the_campaigns_state_uses_up_no_key(self, emulator: Emulator) -> None:
        emulator.campaign(status="finished")
        assert add(emulator, "a").status_code == 400
        emulator.campaign(status="inProgress")
        assert add(emulator, "a").status_code == 200

    def test_keys_belong_to_a_campaign(self, emulator: Emulator) -> None:
        ids = [add(emulator, "a", token=token).json() for token in (TOKEN, OTHER_TOKEN)]
        assert ids[0] != ids[1]
        assert [campaign.jobs for campaign in emulator.campaigns()] == [1, 1]

    def test_keys_belong_to_an_endpoint(self, emulator: Emulator) -> None:
        ids = [add(emulator, "a").json(), *add_many(emulator, [{"phone": PHONE}], "a").json()]
        assert ids[0] != ids[1]
        assert post(emulator, "callJob/cancel", {"ids": ids[:1]}, "a").json() == ids[:1]

    def test_a_stopped_campaign_refuses_even_a_repeat(self, emulator: Emulator) -> None:
        add(emulator, "a")
        emulator.campaign(status="finished")
        assert add(emulator, "a").json()["type"] == "invalid.call.task.state"

    def test_get_takes_the_key_in_the_query_too(self, emulator: Emulator) -> None:
        first = ask(emulator, "GET", "addPhone", params={"phone": PHONE, KEY: "a"}).json()
        assert add(emulator, "a").json() == first
        assert [(one.key, one.payload) for one in emulator.jobs()] == [("a", {})], "where it isn't a payload"

    def test_for_post_the_query_bears_no_key(self, emulator: Emulator) -> None:
        add(emulator, **{KEY: "a"})
        assert [(one.key, one.payload) for one in emulator.jobs()] == [(None, {KEY: "a"})]

    def test_a_key_can_be_a_uuid(self, emulator: Emulator) -> None:
        assert add(emulator, UUID).json() == add(emulator, UUID).json()
        assert emulator.jobs()[0].key == UUID

    def test_a_key_switches_the_check_for_duplicates_off(self, emulator: Emulator) -> None:
        for key in (None, "a", "b"):
            assert add(emulator, key).status_code == 200
        assert emulator.rings(PHONE) == 3
        assert add(emulator).status_code == 400

    @table(
        "passed expected",
        ("addPhones answers the same key with the same ids", DAY - MOMENT, True),
        ("for a day", DAY, False),
    )
    def test_add_phones(self, emulator: Emulator, passed: timedelta, expected: bool) -> None:
        first = add_many(emulator, [{"phone": phone(1)}, {"phone": phone(2)}], "a")
        after(emulator, passed)
        other = add_many(emulator, [{"phone": phone(3)}], "a")
        assert (other.json() == first.json()) is expected
        assert jobs(emulator) == (2 if expected else 3)

    @table(
        "first second", ("addPhones without keys adds again", None, None), ("addPhones with another key too", "a", "b")
    )
    def test_add_phones_anew(self, emulator: Emulator, first: str | None, second: str | None) -> None:
        ids = [add_many(emulator, [{"phone": PHONE}], key).json() for key in (first, second)]
        assert ids[0] != ids[1]

    @table(
        "passed expected",
        ("cancel answers the same key with the same ids", DAY - MOMENT, True),
        ("for a day", DAY, False),
    )
    def test_cancel(self, emulator: Emulator, passed: timedelta, expected: bool) -> None:
        made = add(emulator).json()
        assert post(emulator, "callJob/cancel", {"ids": [made]}, "a").json() == [made]
        after(emulator, passed)
        answer = post(emulator, "callJob/cancel", {"ids": [made]}, "a").json()
        assert answer == ([made] if expected else [])

    @table(
        "what before",
        ("pause with a known key is not refused", "pause", "inProgress"),
        ("nor is resume", "resume", "paused"),
        ("nor is stop", "stop", "inProgress"),
    )
    def test_control(self, emulator: Emulator, what: str, before: str) -> None:
        emulator.campaign(status=before)
        answers = []
        for key, passed in (("a", NOW), ("a", DAY - MOMENT), (None, DAY - MOMENT), ("a", DAY)):
            after(emulator, passed)
            answers.append(post(emulator, f"control/{what}", key=key).status_code)
        assert answers == [200, 200, 400, 400]

    def test_a_repeated_control_changes_nothing(self, emulator: Emulator) -> None:
        for what, key in (("pause", "a"), ("resume", "b"), ("pause", "a")):
            assert post(emulator, f"control/{what}", key=key).status_code == 200
        assert get(emulator, "status").text == "inProgress"


# addPhones


def span(start: str = "09:00", end: str = "18:00") -> dict[str, str]:
    return {"localTimeFrom": start, "localTimeTo": end}


ITEMS: list[tuple[str, dict[str, Any]]] = [
    ("an item needs nothing but its phone", {}),
    ("phone may have a plus", {"phone": f"+{PHONE}"}),
    ("payload may nest", {"payload": {"a": {"b": [1, None, {"c": True}]}}}),
    ("payload may be empty", {"payload": {}}),
    ("allowedDays may be one", {"allowedDays": ["sun"]}),
    ("allowedDays may be all seven", {"allowedDays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}),
    ("allowedTime may name a default", {"allowedTime": {"default": [span()]}}),
    ("allowedTime may name weekdays", {"allowedTime": {"mon": [span()], "sun": [span("00:00", "23:59")]}}),
    ("a day may have several spans", {"allowedTime": {"mon": [span("09:00", "12:00"), span("13:00", "18:00")]}}),
    ("spans may touch", {"allowedTime": {"mon": [span("09:00", "12:00"), span("12:00", "18:00")]}}),
    ("spans may stand in any order", {"allowedTime": {"mon": [span("13:00", "18:00"), span("09:00", "12:00")]}}),
    ("retryIntervalInMinutes begins at 1", {"retryIntervalInMinutes": 1}),
    ("retryIntervalInMinutes ends at 2880", {"retryIntervalInMinutes": 2880}),
    ("maxAttempts begins at 1", {"maxAttempts": 1}),
    ("maxAttempts ends at 50", {"maxAttempts": 50}),
    ("dialerPriority begins at 1", {"dialerPriority": 1}),
    ("dialerPriority ends at 5", {"dialerPriority": 5}),
    ("startDateTime may stand alone", {"startDateTime": "2030-01-08T10:00:00Z"}),
    ("finishDateTime may stand alone", {"finishDateTime": "2030-01-08T10:00:00+03:00"}),
    (
        "startDateTime is before finishDateTime",
        {"startDateTime": "2030-01-08T10:00:00Z", "finishDateTime": "2030-01-08T10:00:01Z"},
    ),
    (
        "as moments, not as text",
        {"startDateTime": "2030-01-08T12:00:00+03:00", "finishDateTime": "2030-01-08T10:00:00Z"},
    ),
]
BAD_TIME, BAD_PRIORITY, OTHER = "invalid.call.allowed.time", "invalid.dialer_priority", "emulator.bad.request"
BAD_ITEMS: list[tuple[str, object, str]] = [
    ("phone is required", {"phone": None}, OTHER),
    ("phone is text or a whole number", {"phone": 79123456789.5}, OTHER),
    ("phone is a number of its country", {"phone": "7912345"}, "phone.bad.format"),
    ("gmtZone is one", {"gmtZone": "MSK"}, "phone.gmtZone.bad.format"),
    ("payload is an object", {"payload": "Alex"}, OTHER),
    ("payload is no list", {"payload": ["Alex"]}, OTHER),
    ("allowedDays are 1 at least", {"allowedDays": []}, BAD_TIME),
    ("allowedDays are weekdays", {"allowedDays": ["monday"]}, BAD_TIME),
    ("allowedDays are in small letters", {"allowedDays": ["Mon"]}, BAD_TIME),
    ("allowedDays are 7 at most", {"allowedDays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "mon"]}, BAD_TIME),
    ("allowedDays are a list", {"allowedDays": "mon"}, OTHER),
    ("allowedTime names weekdays or default", {"allowedTime": {"monday": [span()]}}, BAD_TIME),
    ("allowedTime has a list for each", {"allowedTime": {"mon": span()}}, OTHER),
    ("a span has an end", {"allowedTime": {"mon": [{"localTimeFrom": "09:00"}]}}, OTHER),
    ("a time is HH:MM", {"allowedTime": {"mon": [span("9:00")]}}, BAD_TIME),
    ("a time has no seconds", {"allowedTime": {"mon": [span("09:00:00")]}}, BAD_TIME),
    ("hours end at 23", {"allowedTime": {"mon": [span("09:00", "24:00")]}}, BAD_TIME),
    ("minutes end at 59", {"allowedTime": {"mon": [span("09:00", "18:60")]}}, BAD_TIME),
    ("a span begins before it ends", {"allowedTime": {"mon": [span("18:00", "09:00")]}}, BAD_TIME),
    ("a span is not empty", {"allowedTime": {"mon": [span("09:00", "09:00")]}}, BAD_TIME),
    ("spans don't overlap", {"allowedTime": {"mon": [span("09:00", "12:01"), span("12:00", "18:00")]}}, BAD_TIME),
    ("nor in another order", {"allowedTime": {"mon": [span("12:00", "18:00"), span("09:00", "12:01")]}}, BAD_TIME),
    (
        "nor lie within another",
        {"allowedTime": {"default": [span("09:00", "18:00"), span("10:00", "11:00")]}},
        BAD_TIME,
    ),
    ("retryIntervalInMinutes is not under 1", {"retryIntervalInMinutes": 0}, OTHER),
    ("retryIntervalInMinutes is not over 2880", {"retryIntervalInMinutes": 2881}, OTHER),
    ("retryIntervalInMinutes is a number", {"retryIntervalInMinutes": "60"}, OTHER),
    ("maxAttempts is not under 1", {"maxAttempts": 0}, OTHER),
    ("maxAttempts is not over 50", {"maxAttempts": 51}, OTHER),
    ("maxAttempts is a whole number", {"maxAttempts": 1.5}, OTHER),
    ("dialerPriority is not under 1", {"dialerPriority": 0}, BAD_PRIORITY),
    ("dialerPriority is not over 5", {"dialerPriority": 6}, BAD_PRIORITY),
    ("startDateTime is ISO 8601", {"startDateTime": "tomorrow"}, BAD_TIME),
    ("startDateTime is no number", {"startDateTime": "1893456000000"}, BAD_TIME),
    ("finishDateTime is ISO 8601", {"finishDateTime": "08.01.2030"}, BAD_TIME),
    (
        "startDateTime is not finishDateTime",
        {"startDateTime": "2030-01-08T10:00:00Z", "finishDateTime": "2030-01-08T10:00:00Z"},
        BAD_TIME,
    ),
    (
        "nor after it, as moments and not as text",
        {"startDateTime": "2030-01-08T10:00:00Z", "finishDateTime": "2030-01-08T12:00:00+03:00"},
        BAD_TIME,
    ),
]


class TestAddPhones:
    @table("item", *ITEMS)
    def test_item(self, emulator: Emulator, item: dict[str, Any]) -> None:
        answer = add_many(emulator, [{"phone": PHONE, **item}])
        assert (answer.status_code, answer.json()) == (200, [emulator.jobs()[0].id])
        assert emulator.jobs()[0].payload == item.get("payload", {})

    @table("item error", *BAD_ITEMS)
    def test_bad_item(self, emulator: Emulator, item: dict[str, Any], error: str) -> None:
        bad = {name: value for name, value in {"phone": PHONE, **item}.items() if value is not None}
        answer = add_many(emulator, [{"phone": phone(1)}, bad, {"phone": phone(2)}])
        assert (answer.status_code, answer.json()["type"]) == (400, error)
        assert answer.json()["message"]
        assert jobs(emulator) == 0, "all or none"

    @table("place", ("a bad item in front spoils all", 0), ("in the middle too", 2), ("at the end too", 4))
    def test_all_or_none(self, emulator: Emulator, place: int) -> None:
        items = [{"phone": phone(number)} for number in range(4)]
        assert add_many(emulator, [*items[:place], {"phone": "12"}, *items[place:]]).status_code == 400
        assert jobs(emulator) == 0
        assert add_many(emulator, items).status_code == 200

    def test_the_ids_stand_in_the_order_of_the_items(self, emulator: Emulator) -> None:
        phones = [phone(number) for number in (5, 1, 9, 3)]
        ids = add_many(emulator, [{"phone": one} for one in phones]).json()
        assert len(set(ids)) == 4
        rows = post(emulator, "callJob/getReport", {"ids": ids}).json()
        assert {row["callJobId"]: row["phone"] for row in rows} == dict(zip(ids, phones, strict=True))

    @table(
        "first second",
        ("no phone stands twice in the list", PHONE, PHONE),
        ("nor with a plus and without", PHONE, f"+{PHONE}"),
    )
    def test_unique_within(self, emulator: Emulator, first: str, second: str) -> None:
        items = [{"phone": first, "payload": {"n": 1}}, {"phone": phone(1)}, {"phone": second, "payload": {"n": 2}}]
        answer = add_many(emulator, items)
        assert (answer.status_code, answer.json()["type"], jobs(emulator)) == (400, "phone.duplicated", 0)

    @table(
        "first second",
        ("addPhones looks for no duplicates of before", "addPhones", "addPhones"),
        ("nor for those of addPhone", "addPhone", "addPhones"),
        ("nor does addPhone for those of addPhones", "addPhones", "addPhone"),
    )
    def test_no_check_against_earlier_requests(self, emulator: Emulator, first: str, second: str) -> None:
        for name in (first, second):
            answer = add(emulator) if name == "addPhone" else add_many(emulator, [{"phone": PHONE}])
            assert answer.status_code == 200
        assert jobs(emulator) == 2

    def test_no_limit_is_stated(self, emulator: Emulator) -> None:
        ids = add_many(emulator, [{"phone": phone(number)} for number in range(5000)]).json()
        assert len(set(ids)) == jobs(emulator) == 5000

    @table(
        "body",
        ("the body is a list", b"{}"),
        ("of objects", b'["79123456789"]'),
        ("and not empty", b"[]"),
        ("nor absent", b""),
        ("it is JSON", b"[{"),
        ("in UTF-8", b'[{"phone": "79123456789", "payload": {"name": "\xff"}}]'),
    )
    def test_body(self, emulator: Emulator, body: bytes) -> None:
        answer = ask(emulator, "POST", "addPhones", data=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["type"], jobs(emulator)) == (400, OTHER, 0)


# Errors

STOPPED = {"type": "invalid.call.task.state", "state": "FINISHED"}
DUPLICATED = {"type": "phone.duplicated", "phone": PHONE, "phonesDuplicates": [PHONE]}
ERRORS: list[tuple[str, str, str, str, dict[str, Any], int, dict[str, Any]]] = [
    ("addPhone: a duplicate is named", "added", "POST", "addPhone", {"params": {"phone": PHONE}}, 400, DUPLICATED),
    (
        "addPhones: a phone twice in the list is named", "", "POST", "addPhones",
        {"json": [{"phone": PHONE}, {"phone": PHONE}]}, 400, DUPLICATED,
    ),
    (
        "addPhone: a bad phone is named", "", "GET", "addPhone",
        {"params": {"phone": "7912"}}, 400, {"type": "phone.bad.format", "phone": "7912"},
    ),
    (
        "test/addPhone: a bad phone is named", "", "GET", "test/addPhone",
        {"params": {"phone": "7912"}}, 400, {"type": "phone.bad.format", "phone": "7912"},
    ),
    (
        "addPhones: a bad phone is named", "", "POST", "addPhones",
        {"json": [{"phone": PHONE}, {"phone": "7912"}]}, 400, {"type": "phone.bad.format", "phone": "7912"},
    ),
    (
        "a bad zone is named with its phone", "", "POST", "addPhones",
        {"json": [{"phone": PHONE, "gmtZone": "MSK"}]},
        400, {"type": "phone.gmtZone.bad.format", "phone": PHONE, "gmtZone": "MSK"},
    ),
    ("if stopped, it refuses GET addPhone", "stopped", "GET", "addPhone", {"params": {"phone": PHONE}}, 400, STOPPED),
    ("and POST addPhone", "stopped", "POST", "addPhone", {"params": {"phone": PHONE}}, 400, STOPPED),
    ("and test/addPhone", "stopped", "GET", "test/addPhone", {"params": {"phone": PHONE}}, 400, STOPPED),
    ("and addPhones", "stopped", "POST", "addPhones", {"json": [{"phone": PHONE}]}, 400, STOPPED),
    (
        "bad allowed times have no further fields", "", "POST", "addPhones",
        {"json": [{"phone": PHONE, "allowedDays": []}]}, 400, {"type": "invalid.call.allowed.time"},
    ),
    (
        "nor has a bad priority", "", "POST", "addPhones",
        {"json": [{"phone": PHONE, "dialerPriority": 6}]}, 400, {"type": "invalid.dialer_priority"},
    ),
    ("nor has an unknown token", "", "GET", "status", {"token": "1.2.three"}, 404, {"type": "invalid.token"}),
]  # fmt: skip
UNKNOWN = [
    (f"{endpoint}: {said}", endpoint, body, error)
    for endpoint in ("callJob/getReport", "callAttempt/getReport", "callJob/cancel")
    for said, body, error in (
        ("an unknown phone", {"phones": [phone(9)]}, "phone.not.found"),
        ("an unknown id", {"ids": ["1"]}, "id.not.found"),
        ("an unknown phone among known ones", {"phones": [PHONE, phone(9)]}, "phone.not.found"),
        ("an unknown id beside a known phone", {"phones": [PHONE], "ids": ["1"]}, "id.not.found"),
    )
]


class TestErrors:
    @table("given method endpoint arguments status expected", *ERRORS)
    def test_fields(
        self,
        emulator: Emulator,
        given: str,
        method: str,
        endpoint: str,
        arguments: dict[str, Any],
        status: int,
        expected: Mapping[str, object],
    ) -> None:
        if given == "stopped":
            emulator.campaign(status="finished")
        if given == "added":
            add(emulator)
        answer = ask(emulator, method, endpoint, **arguments)
        error = answer.json()
        message = error.pop("message")
        assert (answer.status_code, error) == (status, expected)
        assert isinstance(message, str)
        assert message
        assert answer.headers["Content-Type"] == "application/json"

    @table("endpoint body error", *UNKNOWN)
    def test_unknown(self, emulator: Emulator, endpoint: str, body: object, error: str) -> None:
        add(emulator)
        add(emulator, phone=phone(9), token=OTHER_TOKEN)
        answer = post(emulator, endpoint, body)
        assert (answer.status_code, answer.json()["type"]) == (400, error)
        assert answer.json()["message"]
        assert job(emulator)["jobStatus"] == "planned", "nothing is cancelled"

    def test_an_id_of_another_campaign_is_unknown(self, emulator: Emulator) -> None:
        made = add(emulator, token=OTHER_TOKEN).json()
        assert post(emulator, "callJob/getReport", {"ids": [made]}).json()["type"] == "id.not.found"
        assert post(emulator, "callJob/cancel", {"ids": [made]}).json()["type"] == "id.not.found"


# Reports

JOB = {
    "callJobId", "phone", "createdAt", "finishedAt", "jobStatus", "attemptsCount", "callDuration", "redialNumber",
    "tagName", "tagPayload", "reportData",
}  # fmt: skip
ATTEMPT = JOB - {"createdAt", "attemptsCount"} | {"attemptNumber", "startedAt", "callResult"}
BY_DATE = ["callJob/getReportByDate", "callAttempt/getReportByDate"]
PAGED = [*BY_DATE, "callJob/getUnfinished"]


def paged(endpoint: str, page: dict[str, Any]) -> dict[str, Any]:
    """The body that asks for a page: getUnfinished's is the pagination itself."""
    return page if endpoint == "callJob/getUnfinished" else {"pagination": page}


class TestReports:
    @pytest.fixture
    def ids(self, emulator: Emulator) -> list[str]:
        """The first phone has two jobs, the second and the third have one each; all are ringing."""
        emulator.campaign(lines=10)
        return [add(emulator, f"{n}", phone=phone(one)).json() for n, one in enumerate((1, 2, 3, 1))]

    @table(
        "phones chosen expected",
        ("by a phone", [2], [], [1]),
        ("by phones", [2, 3], [], [1, 2]),
        ("a phone has all its jobs", [1], [], [0, 3]),
        ("by an id", [], [2], [2]),
        ("by ids", [], [0, 2], [0, 2]),
        ("by both, which add up", [2], [0], [0, 1]),
        ("by both, each job once", [1], [0, 3], [0, 3]),
        ("by neither: none", [], [], []),
    )
    @pytest.mark.parametrize("report", ["callJob", "callAttempt"])
    def test_which(
        self,
        emulator: Emulator,
        ids: list[str],
        report: str,
        phones: list[int],
        chosen: list[int],
        expected: list[int],
    ) -> None:
        body = {"phones": [phone(one) for one in phones], "ids": [ids[one] for one in chosen]}
        rows = post(emulator, f"{report}/getReport", {name: value for name, value in body.items() if value}).json()
        assert sorted(row["callJobId"] for row in rows) == [ids[one] for one in expected]

    @table(
        "body",
        ("phones are text or whole numbers", {"phones": [True]}),
        ("ids are text or whole numbers", {"ids": [5665334669.5]}),
        ("phones are a list", {"phones": PHONE}),
        ("the body is an object", [PHONE]),
    )
    @pytest.mark.parametrize("endpoint", ["callJob/getReport", "callAttempt/getReport", "callJob/cancel"])
    def test_bad_body(self, emulator: Emulator, ids: list[str], endpoint: str, body: object) -> None:
        answer = post(emulator, endpoint, body)
        assert (answer.status_code, answer.json()["type"]) == (400, OTHER)

    @table(
        "endpoint fields",
        ("a job has these fields, and neither payload nor key", "callJob/getReport", JOB),
        ("by date too", "callJob/getReportByDate", JOB),
        ("unfinished too", "callJob/getUnfinished", JOB),
        ("an attempt has these", "callAttempt/getReport", ATTEMPT),
        ("by date as well", "callAttempt/getReportByDate", ATTEMPT),
    )
    def test_fields(self, emulator: Emulator, endpoint: str, fields: set[str]) -> None:
        emulator.campaign(lines=10)
        add(emulator, "secret", name="Alex")
        answer = post(emulator, endpoint, {"phones": [PHONE]})
        (row,) = answer.json()["items"] if endpoint in PAGED else answer.json()
        assert row.keys() == fields
        assert not re.search("secret|Alex", answer.text)

    def test_a_job_that_is_planned(self, emulator: Emulator) -> None:
        made = add(emulator).json()
        assert job(emulator) == {
            "callJobId": made, "phone": PHONE, "createdAt": milliseconds(NOW), "finishedAt": None,
            "jobStatus": "planned", "attemptsCount": 0, "callDuration": 0, "redialNumber": None, "tagName": None,
            "tagPayload": None, "reportData": None,
        }  # fmt: skip
        assert attempts(emulator) == []

    def test_a_job_that_is_over(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["longCallWithResult"]})
        emulator.campaign(lines=1)
        made = add(emulator).json()
        after(emulator, HOUR)
        row = job(emulator)
        talked = row["callDuration"]
        assert row["finishedAt"] == milliseconds(timedelta(seconds=talked)), "Unix milliseconds"
        assert (row["jobStatus"], row["attemptsCount"]) == ("longCallWithResult", 1)
        assert row["tagName"] == row["reportData"]["answer"]
        assert attempts(emulator) == [
            {
                "callJobId": made, "phone": PHONE, "attemptNumber": 1, "startedAt": milliseconds(NOW),
                "finishedAt": row["finishedAt"], "callResult": row["tagName"], "callDuration": talked,
                "jobStatus": "longCallWithResult", "redialNumber": None, "tagName": row["tagName"],
                "tagPayload": None, "reportData": row["reportData"],
            }
        ]  # fmt: skip

    @pytest.mark.parametrize("report", ["callJob", "callAttempt"])
    def test_a_new_job_may_show_after_a_lag(self, emulator: Emulator, report: str) -> None:
        emulator.settings(report_lag=300)
        emulator.campaign(lines=10)
        add(emulator)
        answers = []
        for passed in (NOW, 300 * SECOND - MOMENT, 300 * SECOND):
            after(emulator, passed)
            answers.append(post(emulator, f"{report}/getReport", {"phones": [PHONE]}))
        assert [answer.status_code for answer in answers] == [400, 400, 200]
        assert answers[0].json()["type"] == "phone.not.found"
        assert len(answers[2].json()) == 1


class TestByDate:
    """Jobs 0, 1 and 2 begin a minute apart, and are rung at once. Jobs 0 and 1 end 5 seconds later, 2 goes on."""

    @pytest.fixture
    def emulator(self, emulator: Emulator) -> Emulator:
        emulator.settings(odds={"longCallWithResult": 1})
        emulator.campaign(lines=10)
        for number in range(3):
            after(emulator, number * 60 * SECOND)
            add(emulator, phone=phone(number))
            if number < 2:
                after(emulator, (number * 60 + 5) * SECOND)
                post(emulator, "callJob/cancel", {"phones": [phone(number)]})
        return emulator

    @table(
        "bounds expected",
        ("without a filter: all", {}, [0, 1, 2]),
        ("from a beginning on, that one included", {"From": 60_000}, [1, 2]),
        ("a millisecond later, without it", {"From": 60_001}, [2]),
        ("to a beginning, that one included", {"To": 60_000}, [0, 1]),
        ("a millisecond earlier, without it", {"To": 59_999}, [0]),
        ("from and to", {"From": 60_000, "To": 60_000}, [1]),
        ("from an end on, that one included", {"finishedAtFrom": 65_000}, [1]),
        ("a millisecond after the last end, none", {"finishedAtFrom": 65_001}, []),
        ("to an end, that one included, and none that is open", {"finishedAtTo": 65_000}, [0, 1]),
        ("a millisecond before the end, without it", {"finishedAtTo": 64_999}, [0]),
        ("from an end to an end", {"finishedAtFrom": 5_000, "finishedAtTo": 5_000}, [0]),
        ("beginning and end together, one from each side", {"From": 1, "finishedAtTo": 70_000}, [1]),
        ("beginning and end together, the other way round", {"To": 60_000, "finishedAtFrom": 65_000}, [1]),
        ("to before from: none", {"From": 60_000, "To": 0}, []),
    )
    @pytest.mark.parametrize("written", ["milliseconds", "text"])
    @pytest.mark.parametrize(("endpoint", "begins"), [(BY_DATE[0], "createdAt"), (BY_DATE[1], "startedAt")])
    def test_filter(
        self,
        emulator: Emulator,
        endpoint: str,
        begins: str,
        written: str,
        bounds: dict[str, int],
        expected: list[int],
    ) -> None:
        chosen: dict[str, object] = {}
        for name, passed in bounds.items():
            moment = START + passed * MOMENT
            name = name if name.startswith("finished") else f"{begins}{name}"
            chosen[name] = round(moment.timestamp() * 1000) if written == "milliseconds" else moment.isoformat()
        answer = post(emulator, endpoint, {"filter": chosen}).json()
        assert sorted(row["phone"] for row in answer["items"]) == [phone(one) for one in expected]

    @pytest.mark.parametrize("endpoint", BY_DATE)
    def test_a_time_that_is_none_is_refused(self, emulator: Emulator, endpoint: str) -> None:
        answer = post(emulator, endpoint, {"filter": {"finishedAtFrom": "soon"}})
        assert (answer.status_code, answer.json()["type"]) == (400, OTHER)

    @pytest.mark.parametrize(("endpoint", "begins"), [(BY_DATE[0], "createdAt"), (BY_DATE[1], "startedAt")])
    def test_what_a_report_tells_as_its_time_finds_it(self, emulator: Emulator, endpoint: str, begins: str) -> None:
        """Though the clock is finer than a millisecond."""
        for number, microseconds in enumerate((123_400, 123_600), 3):
            emulator.set_time(START + HOUR + timedelta(microseconds=microseconds))
            add(emulator, phone=phone(number))
            (row,) = attempts(emulator, phone(number)) if begins == "startedAt" else [job(emulator, phone(number))]
            exactly = {"filter": {f"{begins}From": row[begins], f"{begins}To": row[begins]}}
            assert phone(number) in [one["phone"] for one in post(emulator, endpoint, exactly).json()["items"]]


class TestPages:
    @table(
        "page",
        ("page begins at 0", {"page": 0}),
        ("page ends at 199", {"page": 199}),
        ("pageSize begins at 1", {"pageSize": 1}),
        ("pageSize ends at 200", {"pageSize": 200}),
        ("without any it is the first 20", {}),
    )
    @pytest.mark.parametrize("endpoint", PAGED)
    def test_page(self, emulator: Emulator, endpoint: str, page: dict[str, int]) -> None:
        answer = post(emulator, endpoint, paged(endpoint, page)).json()
        assert answer == {"items": [], "pagination": {"page": 0, "pageSize": 20, **page}}, "there is no total"

    @table(
        "page",
        ("page is not under 0", {"page": -1}),
        ("page is not over 199", {"page": 200}),
        ("pageSize is not under 1", {"pageSize": 0}),
        ("pageSize is not over 200", {"pageSize": 201}),
        ("page is a number", {"page": "1"}),
    )
    @pytest.mark.parametrize("endpoint", PAGED)
    def test_no_page(self, emulator: Emulator, endpoint: str, page: dict[str, Any]) -> None:
        answer = post(emulator, endpoint, paged(endpoint, page))
        assert (answer.status_code, answer.json()["type"]) == (400, OTHER)

    @pytest.mark.parametrize("endpoint", PAGED)
    def test_each_row_is_on_one_page(self, emulator: Emulator, endpoint: str) -> None:
        emulator.campaign(lines=100)
        add_many(emulator, [{"phone": phone(number)} for number in range(45)])
        pages = [post(emulator, endpoint, paged(endpoint, {"page": page})).json()["items"] for page in range(4)]
        assert [len(page) for page in pages] == [20, 20, 5, 0]
        assert {row["phone"] for page in pages for row in page} == {phone(number) for number in range(45)}

    def test_40_000_rows_show_at_most(self, emulator: Emulator) -> None:
        add_many(emulator, [{"phone": phone(number)} for number in range(40_001)])
        for endpoint in ("callJob/getReportByDate", "callJob/getUnfinished"):
            last = post(emulator, endpoint, paged(endpoint, {"page": 199, "pageSize": 200})).json()["items"]
            assert len(last) == 200
            assert phone(0) not in [row["phone"] for row in last], "the 40,001st from the newest"
            beyond = paged(endpoint, {"page": 200, "pageSize": 200})
            assert post(emulator, endpoint, beyond).status_code == 400


def test_unfinished_are_the_jobs_whose_finishedat_is_null(emulator: Emulator) -> None:
    emulator.settings(odds={"longCallWithResult": 1}, outcomes={phone(1): ["nonexistentNumber"]})
    emulator.campaign(lines=2)
    add_many(emulator, [{"phone": phone(number)} for number in (1, 2, 3)])
    add(emulator, phone=phone(4))
    post(emulator, "callJob/cancel", {"phones": [phone(4)]})
    after(emulator, 5 * SECOND)
    rows = post(emulator, "callJob/getUnfinished", {}).json()["items"]
    assert {row["phone"]: row["finishedAt"] for row in rows} == {phone(2): None, phone(3): None}


# Cancelling


class TestCancel:
    @table(
        "phones chosen expected",
        ("by phones", [1, 2], [], [1, 2]),
        ("by ids", [], [0, 2], [0, 2]),
        ("by both", [1], [0, 1], [0, 1]),
        ("by neither: none", [], [], []),
    )
    def test_which(self, emulator: Emulator, phones: list[int], chosen: list[int], expected: list[int]) -> None:
        ids = add_many(emulator, [{"phone": phone(number)} for number in range(3)]).json()
        body = {"phones": [phone(one) for one in phones], "ids": [ids[one] for one in chosen]}
        assert post(emulator, "callJob/cancel", body).json() == [ids[one] for one in expected]
        rows = post(emulator, "callJob/getReport", {"ids": ids}).json()
        cancelled = [row["callJobId"] for row in rows if row["jobStatus"] == "cancelledByUser"]
        assert cancelled == [ids[one] for one in expected]

    def test_the_answer_names_those_that_were_open(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={phone(1): ["nonexistentNumber"]})
        emulator.campaign(lines=1)
        ids = add_many(emulator, [{"phone": phone(1)}]).json()
        after(emulator, HOUR)
        emulator.campaign(lines=0)
        ids += add_many(emulator, [{"phone": phone(2)}, {"phone": phone(3)}]).json()
        assert post(emulator, "callJob/cancel", {"ids": ids[1:2]}).json() == ids[1:2]
        assert post(emulator, "callJob/cancel", {"ids": ids}).json() == ids[2:]
        assert job(emulator, phone(1))["jobStatus"] == "nonexistentNumber", "what is over stays as it was"

    def test_a_running_call_ends_and_none_follows(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer"]})
        emulator.campaign(lines=1)
        add_many(emulator, [{"phone": PHONE, "maxAttempts": 9, "retryIntervalInMinutes": 1}])
        after(emulator, 5 * SECOND)
        post(emulator, "callJob/cancel", {"phones": [PHONE]})
        after(emulator, DAY)
        (attempt,) = attempts(emulator)
        assert attempt["finishedAt"] == job(emulator)["finishedAt"] == milliseconds(5 * SECOND)
        assert job(emulator)["jobStatus"] == "cancelledByUser"

    def test_no_attempt_follows_one_that_is_over(self, emulator: Emulator) -> None:
        emulator.settings(outcomes={PHONE: ["noAnswer"]})
        emulator.campaign(lines=1)
        add_many(emulator, [{"phone": PHONE, "maxAttempts": 9, "retryIntervalInMinutes": 60}])
        after(emulator, HOUR / 2)
        post(emulator, "callJob/cancel", {"phones": [PHONE]})
        after(emulator, DAY)
        assert [attempt["callResult"] for attempt in attempts(emulator)] == [None]

    def test_one_that_never_rang_never_rings(self, emulator: Emulator) -> None:
        add(emulator)
        post(emulator, "callJob/cancel", {"phones": [PHONE]})
        emulator.campaign(lines=10)
        after(emulator, DAY)
        assert attempts(emulator) == []
        assert emulator.rings(PHONE) == 0


# Control, campaign and status


class TestControl:
    @table(
        "before what then",
        ("pause pauses", "inProgress", "pause", "paused"),
        ("resume resumes", "paused", "resume", "inProgress"),
        ("stop stops", "inProgress", "stop", "finished"),
        ("stop stops what is paused", "paused", "stop", "finished"),
    )
    def test_what(self, emulator: Emulator, before: str, what: str, then: str) -> None:
        emulator.campaign(status=before)
        answer = post(emulator, f"control/{what}")
        assert (answer.status_code, answer.content) == (200, b""), "an empty answer"
        assert get(emulator, "status").text == get(emulator).json()["status"] == then

    @table(
        "before what",
        ("what is paused can't be paused", "paused", "pause"),
        ("nor what is stopped", "finished", "pause"),
        ("what runs can't be resumed", "inProgress", "resume"),
        ("nor what is stopped, then", "finished", "resume"),
        ("what is stopped can't be stopped", "finished", "stop"),
        ("nor what is deleted", "deleted", "stop"),
    )
    def test_refused(self, emulator: Emulator, before: str, what: str) -> None:
        emulator.campaign(status=before)
        answer = post(emulator, f"control/{what}")
        assert (answer.status_code, answer.json().keys()) == (400, {"error", "message", "args"})
        assert answer.json()["message"]
        assert get(emulator, "status").text == before

    def test_a_paused_campaign_takes_numbers_and_keeps_them(self, emulator: Emulator) -> None:
        emulator.campaign(lines=10)
        post(emulator, "control/pause")
        assert [add(emulator).status_code, add_many(emulator, [{"phone": phone(1)}]).status_code] == [200, 200]
        after(emulator, DAY)
        assert job(emulator)["jobStatus"] == job(emulator, phone(1))["jobStatus"] == "planned"
        post(emulator, "control/resume")
        assert job(emulator)["jobStatus"] == job(emulator, phone(1))["jobStatus"] == "inProcess"

    def test_control_is_one_campaigns(self, emulator: Emulator) -> None:
        post(emulator, "control/stop")
        assert get(emulator, "status", token=OTHER_TOKEN).text == "inProgress"
        assert add(emulator, token=OTHER_TOKEN).status_code == 200


class TestCampaign:
    def test_its_fields(self, emulator: Emulator) -> None:
        emulator.campaign(name="Winter sale", lines=7)
        campaign = get(emulator).json()
        report = campaign.pop("shortReport")
        assert campaign.keys() == {
            "id", "name", "projectName", "creationDate", "botId", "status", "startTime", "endTime",
            "maxSimultaneousCalls",
        }  # fmt: skip
        assert (campaign["name"], campaign["maxSimultaneousCalls"]) == ("Winter sale", 7)
        assert isinstance(campaign["creationDate"], int), "Unix milliseconds"
        assert report == {
            "totalNumbers": 0, "processedNumbers": 0, "usedTalkingTime": 0, "usedAsrSeconds": 0, "inProcessCalls": 0,
            "retryCalls": 0,
        }  # fmt: skip

    def test_its_short_report_counts(self, emulator: Emulator) -> None:
        outcomes = ["longCallWithResult", "noAnswer", "nonexistentNumber", "longCallWithResult", "noAnswer"]
        emulator.settings(outcomes={phone(number): [one] for number, one in enumerate(outcomes)})
        emulator.campaign(lines=3)
        policy = {"maxAttempts": 2, "retryIntervalInMinutes": 60}
        add_many(emulator, [{"phone": phone(number), **policy} for number in range(3)])
        after(emulator, 600 * SECOND)
        add_many(emulator, [{"phone": phone(number), **policy} for number in range(3, 5)])
        talked = job(emulator, phone(0))["callDuration"]
        assert get(emulator).json()["shortReport"] == {
            "totalNumbers": 5, "processedNumbers": 2, "usedTalkingTime": talked, "usedAsrSeconds": talked,
            "inProcessCalls": 2, "retryCalls": 0,
        }  # fmt: skip

    @table(
        "status",
        *[(f"a status is {one}", one) for one in ("new", "planned", "inProgress", "finished", "paused", "deleted")],
    )
    def test_status(self, emulator: Emulator, status: str) -> None:
        emulator.campaign(status=status)
        answer = get(emulator, "status")
        assert (answer.text, answer.headers["Content-Type"]) == (status, "text/plain"), "a bare string"
        assert get(emulator).json()["status"] == status


# Date

ANSWERS: list[tuple[str, str, str, dict[str, Any], int]] = [
    ("a 200 bears Date", "POST", "addPhone", {"params": {"phone": PHONE}}, 200),
    ("an empty 200 too", "POST", "control/stop", {}, 200),
    ("a 400 too", "POST", "addPhone", {"params": {"phone": "12"}}, 400),
    ("an error of control too", "POST", "control/resume", {}, 400),
    ("a 404 for a token too", "GET", "status", {"token": "1.2.three"}, 404),
    ("a 404 for a path too", "GET", "nowhere", {}, 404),
    ("a 405 too", "GET", "addPhones", {}, 405),
    ("a 415 too", "POST", "addPhones", {"data": "[]"}, 415),
]


@table("method endpoint arguments status", *ANSWERS)
@pytest.mark.parametrize("moved", [-1000 * DAY, NOW, 1000 * DAY + 999 * MOMENT], ids=["earlier", "now", "later"])
def test_date(
    emulator: Emulator, method: str, endpoint: str, arguments: dict[str, Any], status: int, moved: timedelta
) -> None:
    after(emulator, moved)
    answer = ask(emulator, method, endpoint, **arguments)
    assert answer.status_code == status
    assert parsedate_to_datetime(answer.headers["Date"]) == (START + moved).replace(microsecond=0)


def test_keys_and_reports_run_on_the_clock_that_date_shows(emulator: Emulator) -> None:
    answer = add(emulator)
    date = parsedate_to_datetime(answer.headers["Date"])
    assert job(emulator)["createdAt"] == date.timestamp() * 1000
    emulator.set_time(date + DAY)
    assert add(emulator).status_code == 200


def test_the_token_alone_opens_a_campaign(emulator: Emulator) -> None:
    for headers in ({}, {"Authorization": "Bearer other"}):
        assert ask(emulator, "GET", "status", headers=headers).status_code == 200
