"""Random walks: requests, repeats, faults, settings and a clock that moves, each step compared with a reference model.

Everything goes over real sockets. ``AIMYLOGIC_EXAMPLES`` says how many walks of 50 steps there are (left out, 75, or
300 with ``AIMYLOGIC_PROOF=whole``); ``AIMYLOGIC_SEED`` chooses a run by its seed, which is printed; ``random`` takes a
fresh one.
With ``-s`` a table tells how often everything was reached.
"""

from __future__ import annotations

import copy
import io
import json
import math
import os
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import urllib3
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aimylogic_provider.emulator import Emulator, OrderedFault
from tests.chance import chosen_seed
from tests.conftest import OTHER_TOKEN, TOKEN
from tests.model.reference import (
    ADDS,
    COMMITTING,
    CONTROL,
    DAY,
    KEY,
    NO_CAMPAIGN,
    Asked,
    Job,
    Reference,
    Right,
    Rule,
)

EXAMPLES = 300 if os.environ.get("AIMYLOGIC_PROOF") == "whole" else 75
BATCH = 10
"""Examples at once: from the eleventh on, Hypothesis would spend most of them on variations of one and the same."""
_MOST_OF_USUAL = 4
"""How often the usual number of walks, at most, until all is reached that is to be."""
START = datetime(2030, 1, 1, tzinfo=UTC)
TIMEOUT = 2.0
LEAVES = 0.06
"""Seconds after which a client leaves, where an answer would come too late."""

Pairs = tuple[tuple[str, str], ...]
TOKENS = {1: TOKEN, 2: OTHER_TOKEN, NO_CAMPAIGN: "1.2.nosuchcampaign"}
BEFORE = ("reset", "close", "delay", "status", "garbage", "html", "redirect")
POSSIBLE = {
    "before_read": BEFORE,
    "before_commit": BEFORE,
    "after_commit": (*BEFORE, "truncated", "drip", "wrong_content_type", "no_date"),
    "in_body": ("reset", "close", "delay", "drip", "garbage"),
    "committed_late": BEFORE,
}
FAULTS = [(phase, action) for phase, actions in POSSIBLE.items() for action in actions]
PHONES = [f"7912000000{digit}" for digit in range(1, 5)]
WRITTEN = [*PHONES, *PHONES, "+79120000001", "+7 (912) 000-00-02", "12", "abc"]
PAYLOADS: list[Pairs] = [
    (), (), (("name", "Alex"),), (("name", "Bo"),), (("a", "1"), ("b", "2")), (("b", "2"), ("a", "1")),
]  # fmt: skip
ZONES = [None] * 8 + ["+03:00", "nowhere"]
KEYS = [None, None, None, "k1", "k1", "k2"]
CAMPAIGNS = [1, 1, 1, 1, 1, 2, 2, 2, NO_CAMPAIGN]
WAYS = ["POST", "POST", "POST, as a form", "POST, key in the query", "GET", "GET, key in the query", "GET, two keys"]
NESTED: list[dict[str, Any] | None] = [None, None, {}, {"name": "Alex"}, {"orders": [{"id": 1}]}]
PAGES: list[dict[str, int]] = [
    {}, {"pageSize": 1}, {"page": 1, "pageSize": 1}, {"page": 2, "pageSize": 1}, {"pageSize": 2}, {"pageSize": 3},
    {"page": 1, "pageSize": 2}, {"page": 1, "pageSize": 3}, {"page": 2, "pageSize": 2}, {"page": 1},
    {"page": 199, "pageSize": 200}, {"page": 200}, {"pageSize": 201}, {"pageSize": 0},
]  # fmt: skip
MOVES = [60 * minutes for minutes in (1, 7, 59)] + [3600 * hours for hours in (2, 12, 24, 30)]
LAGS = [0.0, 0.0, 60.0, 7200.0]

REACHED: dict[str, Counter[str]] = {}
"""How often everything was reached, by sort."""
EXPECTED: dict[str, Sequence[str]] = {
    "fault": [f"{action} {phase}" for phase, action in FAULTS],
    "fault ordered with": ["nth", "every", "probability", "times", "key", "phone", "path", "method", "seconds"],
    "endpoint": [
        *COMMITTING, "callJob/getReport", "callJob/getReportByDate", "callJob/getUnfinished", "callAttempt/getReport",
        "callAttempt/getReportByDate", "campaign", "status",
    ],
    "request": [
        *(f"addPhone {way}, {key}" for way in dict.fromkeys(WAYS) for key in ("without a key", "with a key")),
        "test/addPhone without a key", "test/addPhone with a key",
        *(f"addPhones of {items}" for items in range(5)),
        *(f"{what} by {how}" for what in ("callJob/cancel", "callJob/getReport", "callAttempt/getReport")
          for how in ("phone", "id", "both", "neither")),
        "a repeat", "at the key's end", "shortly before it", "the client leaves",
    ],
    "clock": ["forwards", "backwards", "to the key's end", "runs", "stands still"],
    "setting": ["report_lag", "page_order", "campaign revived"],
    "model": [
        "without a key: the first", "without a key: again after a day", "with a key", "with a key: its repeat",
        "with a key: again after a day", "a page behind the first, full", "a page behind the first, empty",
        "a page in front, full", "a page in front, empty",
        *(f"answered {error}" for error in (
            "phone.duplicated", "phone.bad.format", "phone.gmtZone.bad.format", "invalid.call.task.state",
            "invalid.token", "phone.not.found", "id.not.found", "emulator.bad.request", "control error")),
    ],
}  # fmt: skip


def reach(sort: str, what: str, times: int = 1) -> None:
    REACHED.setdefault(sort, Counter())[what] += times


@dataclass
class Seen:
    """What became of a request, as its client sees it.

    :param error: why there was no answer
    :param broken: whether the body ended too soon; *body* is its first half then
    """

    seconds: float = 0.0
    error: str = ""
    status: int = 0
    body: bytes = b""
    broken: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


def fault_rule(phase: str) -> Any:
    """A step that orders a fault, instead of the one that there was."""

    @rule(
        action=st.sampled_from(POSSIBLE[phase]),
        often=st.sampled_from(
            [{}, {}, {}, {"times": 2}, {"times": None}, {"nth": 1}, {"nth": 2}, {"every": 2}, {"every": 2, "times": 1},
             {"probability": 0.5, "seed": 1}, {"probability": 0.7, "seed": 2, "times": 2}]
        ),
        match=st.sampled_from(
            [{}, {}, {}, {}, {}, {}, {}, {"method": "GET"}, {"method": "POST"}, {"phone": PHONES[0]}, {"key": "k1"},
             *({"path": path} for path in (*ADDS, "callJob/cancel", "callJob/getReport", "control/pause")),
             {"path": "addPhone", "key": "k1"}, {"path": "addPhone", "phone": f"+{PHONES[1]}"},
             {"path": "addPhones", "phone": PHONES[1]}]
        ),
        status=st.sampled_from([None, 404, 429, 307]),
        slow=st.booleans(),
        then=st.sampled_from(["new", "new", "again", ""]),
    )  # fmt: skip
    def order(self: Walk, action: str, then: str, **how: Any) -> None:
        self.order_a_fault(phase, action, **how)
        if then:
            self.meet_the_fault(again=then == "again")

    return order


class Kept(Emulator):
    """Keeps one connection to the emulator's own paths: a new one each time would take half of the test's time."""

    connection: io.BufferedRWPair

    def __enter__(self) -> Kept:
        super().__enter__()
        self._socket = socket.create_connection((self.host, self.port), timeout=30)
        self.connection = self._socket.makefile("rwb")
        return self

    def __exit__(self, *exc: object) -> None:
        self.connection.close()
        self._socket.close()
        super().__exit__(*exc)

    def _send(self, method: str, path: str, body: bytes | None) -> bytes:
        return self.talk((method, path, body))[0]

    def talk(self, *asked: tuple[str, str, bytes | None]) -> list[bytes]:
        """Send requests all at once, and return what each is answered."""
        for method, path, body in asked:
            head = f"{method} /_emulator{path} HTTP/1.1\r\nHost: emulator\r\nContent-Length: {len(body or b'')}\r\n\r\n"
            self.connection.write(head.encode() + (body or b""))
        self.connection.flush()
        return [self._answer() for _ in asked]

    def _answer(self) -> bytes:
        status, length = self.connection.readline().split()[1], 0
        while line := self.connection.readline().strip():
            name, _, value = line.lower().partition(b":")
            length = int(value) if name == b"content-length" else length
        content = self.connection.read(length)
        assert status == b"200", content
        return content


class Walk(RuleBasedStateMachine):
    emulator: Kept
    session: requests.Session

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Asked] = []
        self.fault: OrderedFault | None = None
        self.runs = 0
        """For how many requests more the clock runs; 0 if it stands still."""
        self.sound = True
        """Whether no step has failed."""

    @initialize()
    def start(self) -> None:
        self.emulator.reset()
        self.emulator.freeze()
        self.emulator.set_time(START)
        facts = {}
        for number in (1, 2):
            self.emulator.campaign(number, lines=0)  # nobody is rung
            facts[number] = self.send(Asked("campaign", number, "GET")).body
        self.model = Reference(START.timestamp(), {number: json.loads(body) for number, body in facts.items()})

    # Requests

    @rule(
        way=st.sampled_from(WAYS),
        campaign=st.sampled_from(CAMPAIGNS),
        phone=st.sampled_from(WRITTEN),
        payload=st.sampled_from(PAYLOADS),
        zone=st.sampled_from(ZONES),
        key=st.sampled_from(KEYS),
    )
    def add(self, way: str, campaign: int, phone: str, payload: Pairs, zone: str | None, key: str | None) -> None:
        fields = (("phone", phone), *payload, *([("gmtZone", zone)] if zone else []))
        method, _, how = way.partition(", ")
        if key and how in ("key in the query", "two keys"):
            fields = (*fields, (KEY, f"{key} of the query" if how == "two keys" else key))
        header = None if how == "key in the query" else key
        reach("request", f"addPhone {way}, {'with' if key else 'without'} a key")
        self.exchange(Asked("addPhone", campaign, method, header, fields, how == "as a form"))

    @rule(
        campaign=st.sampled_from(CAMPAIGNS),
        phone=st.sampled_from(WRITTEN),
        payload=st.sampled_from(PAYLOADS),
        key=st.sampled_from(KEYS),
    )
    def add_for_testing(self, campaign: int, phone: str, payload: Pairs, key: str | None) -> None:
        reach("request", f"test/addPhone {'with' if key else 'without'} a key")
        self.exchange(Asked("test/addPhone", campaign, "GET", key, (("phone", phone), *payload)))

    @rule(
        campaign=st.sampled_from(CAMPAIGNS),
        first=st.integers(0, 3),
        count=st.sampled_from([0, 1, 1, 2, 2, 3, 3, 4, 4]),
        spoilt=st.sampled_from([None] * 6 + ["double", "12", "zone"]),
        payload=st.sampled_from(NESTED),
        key=st.sampled_from(KEYS),
    )
    def add_many(
        self, campaign: int, first: int, count: int, spoilt: str | None, payload: dict[str, Any] | None, key: str | None
    ) -> None:
        items: list[dict[str, Any]] = [{"phone": PHONES[(first + place) % 4]} for place in range(count)]
        if payload is not None and items:
            items[0]["payload"] = payload
        if spoilt and items:
            last = {"zone": {"gmtZone": "nowhere"}, "double": {"phone": f"+{PHONES[first]}"}, "12": {"phone": "12"}}
            items[-1] |= last[spoilt]
        reach("request", f"addPhones of {count}")
        self.exchange(Asked("addPhones", campaign, key=key, body=items))

    @rule(
        endpoint=st.sampled_from(["callJob/cancel", "callJob/cancel", "callJob/getReport", "callAttempt/getReport"]),
        campaign=st.sampled_from(CAMPAIGNS),
        phones=st.sampled_from([(), (), *((phone,) for phone in PHONES), ("+79120000001", PHONES[1]), ("12",)]),
        ids=st.lists(st.integers(-1, 30), max_size=3),
        key=st.sampled_from(KEYS),
    )
    def some_jobs(self, endpoint: str, campaign: int, phones: Sequence[str], ids: list[int], key: str | None) -> None:
        named = [self.job_id(number, campaign) for number in ids]
        body = {**({"phones": list(phones)} if phones else {}), **({"ids": named} if named else {})}
        how = {(True, True): "both", (True, False): "phone", (False, True): "id", (False, False): "neither"}
        reach("request", f"{endpoint} by {how[bool(phones), bool(named)]}")
        self.exchange(Asked(endpoint, campaign, key=key if endpoint == "callJob/cancel" else None, body=body))

    def job_id(self, number: int, campaign: int) -> str:
        """An id of the campaign, now and then of another or of none."""
        jobs = [job for job in self.model.jobs if job.campaign == campaign or number == 7]
        return jobs[number % len(jobs)].id if number >= 0 and jobs else "1"

    @rule(
        endpoint=st.sampled_from(["callJob/getReportByDate", "callJob/getUnfinished", "callAttempt/getReportByDate"]),
        campaign=st.sampled_from(CAMPAIGNS),
        page=st.sampled_from(PAGES),
        by=st.sampled_from([None, None, *((what, end) for what in ("created", "finished") for end in ("From", "To"))]),
        first=st.integers(0, 30),
        after=st.sampled_from([0, 0, -60, 3600]),
    )
    def pages(
        self, endpoint: str, campaign: int, page: dict[str, int], by: tuple[str, str] | None, first: int, after: int
    ) -> None:
        body: dict[str, Any] = {"pagination": page} if page else {}
        if endpoint == "callJob/getUnfinished":
            body = dict(page)
        if by and endpoint == "callJob/getReportByDate":
            jobs = self.model.cancelled or self.model.jobs
            bound = jobs[first % len(jobs)] if jobs else None
            moment = self.model.now if bound is None else bound.finished or bound.created
            what, end = by
            body["filter"] = {f"{what}At{end}": math.floor(moment + after) * 1000}
            if what == "finished" and first % 2:
                body["filter"] = {**body["filter"], "createdAtFrom": math.floor(moment - 7200) * 1000}
        self.exchange(Asked(endpoint, campaign, body=body))

    @rule(endpoint=st.sampled_from(["campaign", "status"]), campaign=st.sampled_from(CAMPAIGNS))
    def campaign(self, endpoint: str, campaign: int) -> None:
        self.exchange(Asked(endpoint, campaign, "GET"))

    @rule(
        what=st.sampled_from(["pause", "pause", "resume", "resume", "stop"]),
        campaign=st.sampled_from(CAMPAIGNS),
        key=st.sampled_from(KEYS),
    )
    def control(self, what: str, campaign: int, key: str | None) -> None:
        self.exchange(Asked(f"control/{what}", campaign, key=key))

    @precondition(lambda self: self.sent)
    @rule(back=st.integers(1, 8), turned=st.booleans())
    def again(self, back: int, turned: bool) -> None:
        """The same request once more, as a client does that saw no answer; its parameters perhaps in another order."""
        reach("request", "a repeat")
        asked = self.sent[-min(back, len(self.sent))]
        self.exchange(replace(asked, fields=asked.fields[::-1]) if turned else asked)

    @precondition(lambda self: not self.runs)
    @rule(back=st.integers(0, 8), early=st.sampled_from([0.0, 0.0, 1.0, 2.0**-10]))
    def at_the_end_of_a_key(self, back: int, early: float) -> None:
        """A repeat exactly 24 hours after the first use, or a little before."""
        known = {moment for job in self.model.jobs for moment in (job.created, job.finished)}
        moves = [
            (asked, first + DAY - early - self.model.now)
            for asked in self.sent
            if (first := self.model.first_use(asked)) is not None
            and (first in known or (first * 2**10).is_integer())  # else the clock ran, and only the server knows it
        ]
        near = [(asked, seconds) for asked, seconds in moves if -1800 <= seconds <= 30 * 3600]
        if near:
            asked, seconds = near[-1 - back % len(near)]
            reach("clock", "to the key's end")
            reach("request", "shortly before it" if early else "at the key's end")
            self.move(seconds)
            self.exchange(asked)

    # The clock, settings, campaigns, faults

    @rule(seconds=st.sampled_from([*MOVES, *(-60 * minutes for minutes in (1, 10, 30))]))
    def move_the_clock(self, seconds: int) -> None:
        reach("clock", "forwards" if seconds > 0 else "backwards")
        self.move(seconds)
        self.compare()

    def move(self, seconds: float) -> None:
        self.emulator.advance(seconds=seconds)
        self.model.now = self.model.now + seconds if not self.runs else self.clock()

    @precondition(lambda self: not self.runs)
    @rule(requests=st.integers(1, 3), rate=st.sampled_from([1.0, 1.0, 60.0]))
    def let_the_clock_run(self, requests: int, rate: float) -> None:
        reach("clock", "runs")
        self.emulator.run(rate)
        self.runs = requests
        self.compare()

    def stop_the_clock(self) -> None:
        reach("clock", "stands still")
        self.emulator.freeze()
        self.runs = 0
        self.model.now = float(math.ceil(self.clock()))
        self.emulator.set_time(datetime.fromtimestamp(self.model.now, UTC))

    @rule(lag=st.sampled_from(LAGS), newest_first=st.booleans())
    def change_settings(self, lag: float, newest_first: bool) -> None:
        if lag != self.model.lag:
            reach("setting", "report_lag")
        if newest_first != self.model.newest_first:
            reach("setting", "page_order")
        self.model.lag, self.model.newest_first = lag, newest_first
        self.emulator.settings(report_lag=lag, page_order="newest_first" if newest_first else "oldest_first")
        self.compare()

    @precondition(lambda self: "finished" in self.model.status.values())
    @rule()
    def revive(self) -> None:
        for number, status in self.model.status.items():
            if status == "finished":
                reach("setting", "campaign revived")
                self.emulator.campaign(number, status="inProgress")
                self.model.status[number] = "inProgress"
                self.model.stopped.pop(number, None)
        self.compare()

    before_read = fault_rule("before_read")
    before_commit = fault_rule("before_commit")
    after_commit = fault_rule("after_commit")
    in_body = fault_rule("in_body")
    committed_late = fault_rule("committed_late")

    def order_a_fault(
        self, phase: str, action: str, often: dict[str, Any], match: dict[str, Any], status: int | None, slow: bool
    ) -> None:
        self.drop_the_fault()
        order = {**often, **match}
        path = order.get("path", "")
        needs_body = phase == "in_body" or action in ("drip", "truncated")
        if (phase == "committed_late" and path not in COMMITTING) or (needs_body and "control" in path):
            order.pop("path", None)
        if phase == "before_read" and path == "addPhones":
            order.pop("phone", None)
        if action == "status" and status:
            order |= {"status": status, "headers": {"Retry-After": "7"}, "body": {"type": "too.many"}}
        elif action == "redirect" and status == 307:
            order |= {"status": status, "headers": {"Location": "/login"}}
        elif action in ("garbage", "html") and status and phase != "in_body":
            order |= {"status": status}
        if action in ("delay", "drip") or (slow and status == 404 and phase != "in_body"):
            order["seconds"] = 0.02
        if phase == "committed_late":
            order["commit_after"] = 0.02 if slow else 0.005
            if action == "delay" and slow:
                order["seconds"] = 30.0
        self.fault = self.emulator.fault(phase, action, **order)
        self.model.rule = Rule(phase, action, order)
        for name in EXPECTED["fault ordered with"]:
            if name in order:
                reach("fault ordered with", name)
        self.check_hits(*self.ask("/faults"))

    def meet_the_fault(self, *, again: bool) -> None:
        """Send what it can strike: what was sent before, or a number with a key of its own."""
        assert self.model.rule
        order = self.model.rule.order
        plain = Rule("", "", {name: order[name] for name in ("path", "method", "key", "phone") if name in order})
        fitting = [asked for asked in self.sent if copy.copy(plain).strikes(asked)]
        path, key, phone = order.get("path"), order.get("key", f"k{len(self.sent) + 3}"), order.get("phone", PHONES[2])
        if again and fitting:
            self.exchange(fitting[-1])
        elif path in (None, "addPhone"):
            method, fields = order.get("method", "POST"), (("phone", phone), ("name", "Alex"))
            self.exchange(Asked("addPhone", 1, method, key, fields, form=method == "POST" and len(self.sent) % 2 == 0))
        elif path == "addPhones":
            self.exchange(Asked(path, 2, key=key, body=[{"phone": PHONES[3]}, {"phone": phone}]))
        elif path == "test/addPhone":
            self.exchange(Asked(path, 1, "GET", key, (("phone", phone), ("name", "Bo"))))

    def drop_the_fault(self) -> None:
        if self.fault and (rule := self.model.rule):
            self.check_hits(*self.ask("/faults"))
            self.emulator.clear_faults()
            reach("fault", f"{rule.action} {rule.phase}", rule.hits)
            self.fault = self.model.rule = None

    # A step, and what is compared after it

    def exchange(self, asked: Asked) -> None:
        """Send a request; compare what its client sees, and what the server remembers, with the model.

        While the clock runs, the request took effect at some moment from *low* to *high*: the model is tried at both.
        """
        self.sound = False
        reach("endpoint", asked.endpoint)
        rule, low = self.model.rule, self.clock() if self.runs else self.model.now
        leaves = bool(
            rule and rule.order.get("seconds", 0) > TIMEOUT and asked.endpoint in COMMITTING
            and copy.deepcopy(rule).strikes(asked)
        )  # fmt: skip
        reach("request", "the client leaves", leaves)
        seen = self.send(asked, LEAVES if leaves else TIMEOUT)
        if rule and rule.phase == "committed_late":
            self.emulator.settle(5)
        phone = next((phone for phone in asked.phones(with_body=True) if phone in PHONES), PHONES[len(self.sent) % 4])
        only: dict[str, str] = [{}, {"campaign": "1"}, {"payload": '{"name": "Alex"}'}][len(self.sent) % 3]
        views, rings, faults, clock = self.ask(
            "/jobs?size=100000", f"/rings?{urlencode({'phone': phone, **only})}", "/faults", "/clock"
        )
        high = clock["now"] if self.runs else low
        assert self.runs or clock["now"] == low
        wrong: AssertionError | None = None
        for moment in dict.fromkeys((low, high)):
            model = copy.deepcopy(self.model) if self.runs else self.model
            model.now = moment
            try:
                right, struck = model.exchange(asked)
                self.bind(model, views, low, high)
                self.check_answer(seen, right, struck, low, high, leaves)
                self.check_memory(model, views)
            except AssertionError as error:
                wrong = error
            else:
                self.model = model
                break
        else:
            assert wrong is not None
            raise wrong
        for told, times in self.model.told.items():
            reach("model", told, times)
        self.model.told.clear()
        self.check_rings(rings, phone, **only)
        self.check_hits(faults)
        if asked.endpoint in COMMITTING:
            self.sent.append(asked)
        if self.runs:
            self.runs -= 1
            if not self.runs:
                self.stop_the_clock()
        self.sound = True

    def compare(self) -> None:
        """After a step without a request: it changed nothing else."""
        if self.runs:
            self.model.now = self.clock()
        views, faults = self.ask("/jobs?size=100000", "/faults")
        self.check_memory(self.model, views)
        self.check_hits(faults)

    def teardown(self) -> None:
        if not self.sound or not hasattr(self, "model"):
            return
        if self.fault and self.model.rule:
            assert self.fault.hits == self.model.rule.hits
        self.drop_the_fault()
        for phone in PHONES:
            assert self.emulator.rings(phone) == len(self.ringing(phone))
        told = {job.id: (job.phone, job.campaign, job.payload, job.key, job.created) for job in self.emulator.jobs()}
        assert told == {job.id: (job.phone, job.campaign, job.payload, job.key, job.created) for job in self.model.jobs}

    def bind(self, model: Reference, views: list[dict[str, Any]], low: float, high: float) -> None:
        """Give the new jobs the ids under which the server shows them, and, while the clock runs, their moments."""
        assert len(views) == len(model.jobs), "how many jobs there are"
        assert len({view["id"] for view in views}) == len(views)
        was = model.now
        for job, view in zip(model.jobs, views, strict=True):
            if not job.id:
                assert view["id"].isdecimal()
                job.id = view["id"]
            if self.runs and was in (job.created, job.finished):
                moment = view["created"] if job.created == was else view["finished"]
                assert moment is not None
                assert low <= moment <= high
                model.adopt(was, moment)
        if self.runs:
            model.doubt(was, low, high)

    def check_memory(self, model: Reference, views: list[dict[str, Any]]) -> None:
        assert views == [
            {
                "id": job.id,
                "campaign": job.campaign,
                "phone": job.phone,
                "payload": job.payload,
                "gmt_zone": job.zone,
                "key": job.key,
                "test": job.test,
                "created": job.created,
                "finished": model.ended(job),
                "status": "planned" if model.ended(job) is None else job.ending,
                "attempts": 0,
                "rings": job.finished is None,
                "redial": None,
                "checks": [],
            }
            for job in model.jobs
        ]

    def check_rings(self, told: dict[str, Any], phone: str, campaign: str = "", payload: str = "") -> None:
        ids = [
            job.id
            for job in self.ringing(phone)
            if campaign in ("", str(job.campaign)) and (not payload or job.payload == json.loads(payload))
        ]
        assert told == {"jobs": len(ids), "ids": ids}

    def ringing(self, phone: str) -> list[Job]:
        return [job for job in self.model.jobs if job.phone == phone and job.finished is None]

    def check_hits(self, told: list[dict[str, Any]]) -> None:
        rule = self.model.rule
        assert [one["hits"] for one in told] == ([rule.hits] if rule else []), "hits"

    def check_answer(
        self, seen: Seen, right: Right | None, struck: Rule | None, low: float, high: float, leaves: bool
    ) -> None:
        """Whether the client saw what it must see."""
        phase, action, order = (struck.phase, struck.action, struck.order) if struck else ("", "", {})
        if leaves:
            assert seen.error == "timeout"
            return
        if not (action == "drip" and right and right.empty):  # which drips no byte
            assert seen.seconds >= 0.9 * order.get("seconds", 0.0)
        if action in ("reset", "close") and phase != "in_body":
            assert seen.error == "connection"
            return
        assert seen.error == ""
        dates = [formatdate(second, usegmt=True) for second in range(int(low), int(high) + 1)]
        assert seen.headers.get("Date") in ([None] if action == "no_date" else dates), seen
        if action in ("status", "html", "redirect", "garbage") and phase != "in_body":
            self.check_own_answer(seen, action, order)
            return
        assert right is not None
        assert seen.status == right.status
        kind = "text/html; charset=utf-8" if action == "wrong_content_type" else "text/plain" if right.text else None
        assert seen.headers["Content-Type"] == (kind or "application/json")
        whole = seen.body if right.status >= 400 else written(right)
        half = len(whole) // 2
        assert seen.broken == (action in ("reset", "close"))
        if action == "truncated" or seen.broken:
            assert seen.body == whole[:half]
        elif action == "garbage":
            assert (len(seen.body), seen.body[:half]) == (len(whole), whole[:half])
            assert seen.body != whole
        elif right.text:
            assert seen.body.decode() == right.body()
        else:
            told = json.loads(seen.body)
            if right.status >= 400:
                assert told.pop("message")
                assert "args" not in told or told.pop("error")
            assert told == right.body()

    def check_own_answer(self, seen: Seen, action: str, order: Mapping[str, Any]) -> None:
        usual = {"status": 503, "garbage": 200, "html": 200, "redirect": 302}
        assert seen.status == order.get("status", usual[action])
        if action == "status":
            assert (json.loads(seen.body) if seen.body else None) == order.get("body")
            assert seen.headers.get("Retry-After") == order.get("headers", {}).get("Retry-After")
        elif action == "redirect":
            assert seen.headers["Location"] == order.get("headers", {}).get("Location", "/elsewhere")
        elif action == "html":
            assert seen.headers["Content-Type"].startswith("text/html")
            assert seen.body.startswith(b"<!doctype html>")
        else:
            with pytest.raises(ValueError, match="decode"):
                seen.body.decode()

    # The wire

    def send(self, asked: Asked, timeout: float = TIMEOUT) -> Seen:
        token = TOKENS[asked.campaign]
        family = "crmCalls" if asked.endpoint in ("addPhone", "test/addPhone") else "calls"
        path = "" if asked.endpoint == "campaign" else f"/{asked.endpoint}"
        seen, begun = Seen(), time.monotonic()
        try:
            answer = self.session.request(
                asked.method,
                f"{self.emulator.url}/api/{family}/campaign/{token}{path}",
                params=None if asked.form else asked.fields,
                data=asked.fields if asked.form else None,
                json=asked.body,
                headers={KEY: asked.key} if asked.key else None,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            )
            seen.status, seen.headers = answer.status_code, answer.headers
            with answer:
                half = int(answer.headers["Content-Length"]) // 2
                seen.body = answer.raw.read(half)
                try:
                    seen.body += answer.raw.read()
                except urllib3.exceptions.ProtocolError:
                    seen.broken = True
        except requests.Timeout:
            seen.error = "timeout"
        except requests.ConnectionError:
            seen.error = "connection"
        seen.seconds = time.monotonic() - begun
        return seen

    def ask(self, *paths: str) -> list[Any]:
        """Ask the emulator's own paths, all at once."""
        return [json.loads(told) for told in self.emulator.talk(*(("GET", path, None) for path in paths))]

    def clock(self) -> float:
        (told,) = self.ask("/clock")
        now: float = told["now"]
        return now


def written(right: Right) -> bytes:
    """An answer as the server writes it."""
    body = right.body()
    return body.encode() if right.text else json.dumps(body, separators=(",", ":"), default=int).encode()


def test_random_walks() -> None:
    examples = int(os.environ.get("AIMYLOGIC_EXAMPLES", EXAMPLES))
    number = chosen_seed(191323067)
    print(f"\nAIMYLOGIC_SEED={number} repeats this run")
    REACHED.clear()
    with Kept(tokens=(TOKEN, OTHER_TOKEN)) as emulator, requests.Session() as session:
        session.trust_env = False
        for batch in range(0, _MOST_OF_USUAL * examples, BATCH):
            if batch >= examples and (examples < EXAMPLES or not any(_never_reached().values())):
                break
            walk = type("Walk", (Walk,), {"emulator": emulator, "session": session})
            run_state_machine_as_test(
                seed(f"{number}/{batch}")(walk),
                settings=settings(
                    max_examples=BATCH,
                    stateful_step_count=50,
                    deadline=None,
                    database=None,
                    report_multiple_bugs=False,
                    phases=[Phase.generate, Phase.shrink],
                    suppress_health_check=list(HealthCheck),
                ),
            )
    for sort, names in EXPECTED.items():
        counted = REACHED.get(sort, Counter())
        print(f"\n{sort}:")
        print("\n".join(f"{counted[name]:7}  {name}" for name in dict.fromkeys([*names, *counted])))
    if examples >= EXAMPLES:
        never = _never_reached()
        assert not any(never.values()), f"never reached: {never}"


def _never_reached() -> dict[str, list[str]]:
    return {sort: [name for name in names if not REACHED[sort][name]] for sort, names in EXPECTED.items()}


def test_a_form_is_read_after_a_fault_that_comes_before_its_body() -> None:
    """A rule that looks for a phone where none is known yet must not keep the body from being looked at later."""
    with Emulator() as emulator:
        emulator.fault("before_read", "status", phone=PHONES[1])
        url = f"{emulator.url}/api/crmCalls/campaign/{TOKEN}/addPhone"
        assert requests.post(url, data={"phone": PHONES[0], "name": "Alex"}, timeout=5).status_code == 200
        (job,) = emulator.jobs()
        assert (job.phone, job.payload) == (PHONES[0], {"name": "Alex"})


def test_every_fault_is_tried_and_every_endpoint() -> None:
    from aimylogic_provider.calls_api.endpoint_table import ENDPOINTS, Commits
    from aimylogic_provider.emulator.world import faults

    # What is added in part is not in this model: see tests/emulator/test_faults.py.
    possible = {phase: actions for phase, actions in faults.POSSIBLE.items() if phase != faults.Phase.IN_PART}
    assert {(phase, action) for phase, actions in possible.items() for action in actions} == set(FAULTS)
    assert {endpoint.name for endpoint in ENDPOINTS} == set(EXPECTED["endpoint"])
    committing = {endpoint.name for endpoint in ENDPOINTS if endpoint.commits is not Commits.NOTHING}
    assert set(COMMITTING) == committing == {endpoint.name for endpoint in ENDPOINTS if endpoint.takes_key}
    assert set(CONTROL) == {name.partition("/")[2] for name in committing if "control" in name}
