"""Faults: what each does in each phase to the answer and to the job; what rules match, count, and refuse to be."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from aimylogic_provider.emulator import DEFAULT_TOKEN, Emulator, EmulatorError
from aimylogic_provider.emulator.world import faults

PHONE = "79123456789"
ID = '"5665334669"'
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def add(emulator: Emulator, key: str | None = "a", phone: str = PHONE, *, timeout: float = 5) -> requests.Response:
    url = f"{emulator.url}/api/crmCalls/campaign/{DEFAULT_TOKEN}/addPhone"
    headers = {} if key is None else {"Idempotence-Key": key}
    return requests.post(url, params={"phone": phone}, headers=headers, timeout=timeout, allow_redirects=False)


def calls(emulator: Emulator, path: str, body: Any) -> requests.Response:
    return requests.post(f"{emulator.url}/api/calls/campaign/{DEFAULT_TOKEN}/{path}", json=body, timeout=5)


def add_list(emulator: Emulator, numbers: list[str]) -> requests.Response:
    body = [{"phone": number} for number in numbers]
    url = f"{emulator.url}/api/calls/campaign/{DEFAULT_TOKEN}/addPhones"
    return requests.post(url, json=body, headers={"Idempotence-Key": "list"}, timeout=5, allow_redirects=False)


def give_up(emulator: Emulator, key: str) -> None:
    """Ask, and go away without an answer."""
    with contextlib.suppress(*BROKEN, requests.Timeout):
        add(emulator, key, timeout=1)


# How each answer looks to the client; None for no whole answer.
LOOKS: dict[str, Any] = {
    "reset": None,
    "close": None,
    "delay": lambda answer: (answer.status_code, answer.text) == (200, ID),
    "status": lambda answer: (answer.status_code, answer.headers["Retry-After"]) == (429, "7"),
    "garbage": lambda answer: answer.status_code == 200 and answer.content[:3] == b"\x00\x01\x02",
    "html": lambda answer: answer.status_code == 200 and "text/html" in answer.headers["Content-Type"],
    "redirect": lambda answer: (answer.status_code, answer.headers["Location"]) == (302, "/elsewhere"),
    "truncated": lambda answer: (answer.status_code, answer.text) == (200, ID[:6]),
    "drip": lambda answer: (answer.status_code, answer.text) == (200, ID),
    "wrong_content_type": lambda answer: answer.text == ID and "text/html" in answer.headers["Content-Type"],
    "no_date": lambda answer: answer.text == ID and "Date" not in answer.headers,
    "garbage in_body": lambda answer: answer.text.startswith(ID[:6]) and answer.text != ID,
}
EXTRA: dict[str, dict[str, Any]] = {
    "status": {"status": 429, "headers": {"Retry-After": "7"}, "body": {"type": "too.many"}},
    "delay": {"seconds": 0.2},
    "drip": {"seconds": 0.2},
}
BEFORE = ["reset", "close", "delay", "status", "garbage", "html", "redirect"]
POSSIBLE = {
    "before_read": BEFORE,
    "before_commit": BEFORE,
    "after_commit": [*BEFORE, "truncated", "drip", "wrong_content_type", "no_date"],
    "in_body": ["reset", "close", "delay", "drip", "garbage"],
    "committed_late": BEFORE,
}


@pytest.mark.parametrize(("phase", "action"), [(phase, action) for phase in POSSIBLE for action in POSSIBLE[phase]])
def test_each_action_in_each_phase(emulator: Emulator, phase: str, action: str) -> None:
    fault = emulator.fault(phase, action, path="addPhone", **EXTRA.get(action, {}))
    looks = LOOKS.get(f"{action} {phase}", LOOKS[action])
    if looks is None:
        with pytest.raises(BROKEN):
            add(emulator)
    else:
        assert looks(add(emulator))
    assert fault.hits == 1, "a rule counts its hits"
    took_effect = phase in ("after_commit", "in_body") or (action == "delay" and phase != "committed_late")
    if phase == "committed_late":
        emulator.settle()
        took_effect = True
    assert emulator.rings(PHONE) == took_effect, "whether the job was made"
    assert (add(emulator).status_code, fault.hits) == (200, 1), "it struck once"
    assert emulator.rings(PHONE) == 1, "the key found the job, if there was one"


@pytest.mark.parametrize("action", BEFORE)
def test_an_add_phones_takes_effect_in_part(emulator: Emulator, action: str) -> None:
    fault = emulator.fault("in_part", action, places=[1, 3], **EXTRA.get(action, {}))
    assert add(emulator).text == ID, "a single number is added whole, or not at all"
    numbers = [f"7912000001{digit}" for digit in range(4)]
    if action in ("reset", "close"):
        with pytest.raises(BROKEN):
            add_list(emulator, numbers)
    elif action == "delay":
        assert len(add_list(emulator, numbers).json()) == 2
    else:
        assert LOOKS[action](add_list(emulator, numbers))
    assert fault.hits == 1
    added = [job for job in emulator.jobs() if job.phone in numbers]
    assert [job.phone for job in added] == [numbers[0], numbers[2]]
    again = add_list(emulator, numbers)
    assert again.json() == [job.id for job in added], "the key stands for those that were added"
    assert len(emulator.jobs()) == 3


def test_a_list_with_a_bad_number_is_not_even_added_in_part(emulator: Emulator) -> None:
    emulator.fault("in_part", "reset")
    with pytest.raises(BROKEN):
        add_list(emulator, ["79120000010", "12"])
    assert emulator.jobs() == []


def test_every_phase_and_action_is_tried_above() -> None:
    told = {**POSSIBLE, "in_part": BEFORE}
    assert {phase: set(actions) for phase, actions in told.items()} == faults.POSSIBLE


@pytest.mark.parametrize("action", ["reset", "close", "delay", "status", "html"])
def test_committed_late_the_job_is_made_after_the_client_gave_up(emulator: Emulator, action: str) -> None:
    """The client has its error first; the job comes when nobody waits for it any more."""
    emulator.fault(
        "committed_late", action, commit_after=1.0, **({"seconds": 5} if action == "delay" else {"seconds": 0})
    )  # late enough for the look below, on a busy machine
    if action in ("status", "html"):
        add(emulator)
    else:
        with pytest.raises((*BROKEN, requests.Timeout)):
            add(emulator, timeout=0.2)
    assert emulator.rings(PHONE) == 0
    emulator.settle()
    assert emulator.rings(PHONE) == 1
    (line,) = emulator.requests()
    assert line.outcome == f"{action} committed_late, 200", "the journal tells both"
    assert line.job == emulator.jobs()[0].id


def test_what_is_held_back_never_takes_effect_after_a_reset(emulator: Emulator) -> None:
    emulator.fault("committed_late", "reset", commit_after=0.3)
    emulator.fault("before_commit", "delay", seconds=0.3)
    with pytest.raises(BROKEN):
        add(emulator)
    waiting = threading.Thread(target=give_up, args=(emulator, "b"))
    waiting.start()
    while not emulator.faults()[-1].hits:
        time.sleep(0.01)
    emulator.reset()
    emulator.settle()
    waiting.join(5)
    time.sleep(0.4)
    assert emulator.jobs() == []
    assert emulator.count() == 0


@pytest.mark.parametrize(("phase", "action"), [("in_body", "delay"), ("in_body", "drip"), ("after_commit", "drip")])
def test_a_reset_lets_go_of_an_answer_that_is_held_back(emulator: Emulator, phase: Any, action: Any) -> None:
    emulator.fault(phase, action, seconds=20)
    heard: list[Any] = []

    def hear() -> None:
        try:
            heard.append(add(emulator, timeout=10).text)
        except (*BROKEN, requests.Timeout) as error:
            heard.append(type(error))

    waiting = threading.Thread(target=hear)
    waiting.start()
    while not emulator.faults()[0].hits:
        time.sleep(0.01)
    emulator.reset()
    emulator.settle(2)
    waiting.join(5)
    assert heard
    assert heard[0] != ID


def test_a_rule_of_before_a_reset_strikes_nothing_after_it(emulator: Emulator) -> None:
    emulator.fault("before_commit", "status", times=None)
    head = (
        f"POST /api/crmCalls/campaign/{DEFAULT_TOKEN}/addPhone HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=5) as connection:
        connection.sendall(head.encode() + b"pho")
        time.sleep(0.1)
        emulator.reset()
        connection.sendall(f"ne={PHONE}".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_rule_is_never_taken_for_another(emulator: Emulator, tmp_path: Path) -> None:
    first = emulator.fault("before_commit", "close")
    emulator.save(tmp_path / "saved.json")
    for forget in (emulator.clear_faults, emulator.reset):
        forget()
        emulator.fault("before_commit", "status")
        add(emulator)
        with pytest.raises(EmulatorError, match="was dropped"):
            _ = first.hits


def test_a_rules_own_content_type_is_the_only_one(emulator: Emulator) -> None:
    emulator.fault("before_commit", "status", headers={"content-type": "text/x-mine"}, body={})
    assert add(emulator).headers["Content-Type"] == "text/x-mine"


def test_a_delay_takes_real_time_and_a_frozen_clock_does_not_stop_it(emulator: Emulator) -> None:
    emulator.freeze()
    emulator.fault("before_commit", "delay", seconds=0.3)
    started = time.monotonic()
    assert add(emulator).status_code == 200
    assert time.monotonic() - started >= 0.3


def test_others_are_served_while_one_is_held_back(emulator: Emulator) -> None:
    emulator.fault("before_commit", "reset", seconds=30)
    held = threading.Thread(target=give_up, args=(emulator, "a"))
    held.start()
    while not emulator.faults()[0].hits:
        time.sleep(0.01)
    assert add(emulator, "b", timeout=10).status_code == 200
    held.join(5)


def test_rules_are_an_ordered_list(emulator: Emulator) -> None:
    for status, times in ((500, 1), (502, 2), (504, None)):
        emulator.fault("before_commit", "status", status=status, times=times)
    assert [add(emulator).status_code for _ in range(5)] == [500, 502, 502, 504, 504]
    assert [rule.hits for rule in emulator.faults()] == [1, 2, 2]
    emulator.clear_faults()
    assert add(emulator).status_code == 200


class TestMatching:
    def struck(self, emulator: Emulator, count: int = 12) -> list[int]:
        """Which of some requests were struck, counted from 1."""
        return [number for number in range(1, count + 1) if add(emulator, str(number)).status_code == 503]

    def test_the_nth(self, emulator: Emulator) -> None:
        emulator.fault("before_commit", "status", nth=3)
        assert self.struck(emulator) == [3]

    def test_every_nth(self, emulator: Emulator) -> None:
        emulator.fault("before_commit", "status", every=4)
        assert self.struck(emulator) == [4, 8, 12]

    def test_every_nth_so_many_times(self, emulator: Emulator) -> None:
        emulator.fault("before_commit", "status", every=4, times=2)
        assert self.struck(emulator) == [4, 8]

    def test_probability_is_drawn_from_its_seed(self, emulator: Emulator) -> None:
        drawn = []
        for seed in (1, 1, 2):
            emulator.reset()
            emulator.fault("before_commit", "status", probability=0.5, seed=seed)
            drawn.append(self.struck(emulator, 24))
        assert drawn[0] == drawn[1] != drawn[2]
        assert 4 <= len(drawn[0]) <= 20

    def test_every_rule_sees_what_matches_struck_or_not(self, emulator: Emulator) -> None:
        one = emulator.fault("before_commit", "status", nth=1)
        other = emulator.fault("before_commit", "html", status=502, nth=2)
        assert [add(emulator, str(number)).status_code for number in range(4)] == [503, 502, 200, 200]
        assert [(rule.seen, rule.hits) for rule in emulator.faults()] == [(4, 1), (4, 1)]
        assert (one.hits, other.hits) == (1, 1)

    def test_answers_without_a_body_are_not_truncated(self, emulator: Emulator) -> None:
        fault = emulator.fault("after_commit", "truncated")
        assert calls(emulator, "control/pause", None).status_code == 200
        assert fault.hits == 0

    def test_a_key(self, emulator: Emulator) -> None:
        emulator.fault("before_commit", "status", key="7", times=None)
        assert self.struck(emulator) == [7]

    def test_a_method(self, emulator: Emulator) -> None:
        emulator.fault("before_commit", "status", method="get", times=None)
        assert self.struck(emulator, 2) == []
        assert requests.get(f"{emulator.url}/api/calls/campaign/{DEFAULT_TOKEN}/status", timeout=5).status_code == 503

    def test_a_path_is_the_endpoint_and_not_another_that_ends_so(self, emulator: Emulator) -> None:
        fault = emulator.fault("before_commit", "status", path="/addPhone")
        url = f"{emulator.url}/api/crmCalls/campaign/{DEFAULT_TOKEN}/test/addPhone"
        assert requests.get(url, params={"phone": PHONE}, timeout=5).status_code == 200
        assert fault.hits == 0
        assert add(emulator).status_code == 503

    def test_a_phone_however_it_is_written(self, emulator: Emulator) -> None:
        emulator.fault("before_commit", "status", phone="+79120000001", times=None)
        assert add(emulator, phone="79120000001").status_code == 503
        assert add(emulator, "b", phone="+7 912 000-00-01").status_code == 503
        assert add(emulator, "c", phone="79120000002").status_code == 200

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("addPhones", [{"phone": "79120000002"}, {"phone": "+7 912 000 00 01"}]),
            ("callJob/getReport", {"phones": ["79120000001"]}),
            ("callJob/cancel", {"phones": ["79120000001"]}),
        ],
    )
    def test_a_phone_within_a_list(self, emulator: Emulator, path: str, body: Any) -> None:
        emulator.fault("before_commit", "status", path=path, phone="79120000001")
        assert calls(emulator, path, [{"phone": "79120000003"}] if path == "addPhones" else {}).status_code == 200
        assert calls(emulator, path, body).status_code == 503

    def test_only_what_is_not_refused_is_struck_after_the_commit(self, emulator: Emulator) -> None:
        fault = emulator.fault("after_commit", "reset")
        assert add(emulator, phone="12").status_code == 400
        assert fault.hits == 0


def test_a_body_cut_in_its_middle_says_how_long_it_would_have_been(emulator: Emulator) -> None:
    emulator.fault("in_body", "close")
    url = f"{emulator.url}/api/crmCalls/campaign/{DEFAULT_TOKEN}/addPhone?phone={PHONE}"
    with requests.post(url, timeout=5, stream=True) as answer:
        assert answer.headers["Content-Length"] == "12"
        assert answer.raw.read(6) == b'"56653'
        with pytest.raises(Exception, match="IncompleteRead"):
            answer.raw.read(6)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "phase"),
        ({"phase": "never", "action": "reset"}, "phase"),
        ({"phase": "before_commit", "action": "explode"}, "action"),
        ({"phase": "before_commit", "action": "reset", "typo": 1}, "typo"),
        ({"phase": "before_commit", "action": "status", "status": 99}, "status"),
        ({"phase": "before_commit", "action": "status", "status": "503"}, "status"),
        ({"phase": "before_commit", "action": "reset", "times": -1}, "times"),
        ({"phase": "before_commit", "action": "reset", "seconds": -1}, "seconds"),
        ({"phase": "before_commit", "action": "reset", "probability": 0}, "probability"),
        ({"phase": "before_commit", "action": "reset", "nth": 0}, "nth"),
        ({"phase": "before_commit", "action": "html", "headers": {"X": "a\r\nb"}}, "printable"),
        ({"phase": "before_commit", "action": "html", "headers": {"Content-Length": "1"}}, "connection's own"),
        ({"phase": "before_commit", "action": "reset", "path": "addFone"}, "matches no endpoint: use one of addPhone,"),
        ({"phase": "before_commit", "action": "reset", "path": "addPhones", "method": "GET"}, "never comes"),
        ({"phase": "before_commit", "action": "reset", "method": "PUT"}, "never comes to any endpoint"),
        ({"phase": "before_commit", "action": "truncated"}, "no meaning in phase 'before_commit'"),
        ({"phase": "in_body", "action": "status"}, "no meaning in phase 'in_body'"),
        ({"phase": "committed_late", "action": "no_date"}, "no meaning"),
        ({"phase": "committed_late", "action": "reset", "path": "status"}, "changes nothing"),
        ({"phase": "in_body", "action": "close", "path": "control/stop"}, "without a body"),
        ({"phase": "after_commit", "action": "truncated", "path": "control/stop"}, "without a body"),
        ({"phase": "before_commit", "action": "status", "body": json.loads("[" * 200 + "]" * 200)}, "nests"),
        ({"phase": "before_commit", "action": "reset", "path": "status", "phone": PHONE}, "bears no phone"),
        ({"phase": "before_read", "action": "reset", "path": "addPhones", "phone": PHONE}, "stands in the body"),
        ({"phase": "before_commit", "action": "reset", "phone": "12"}, "isn't a number with a country code"),
        ({"phase": "before_commit", "action": "reset", "path": "campaign", "key": "a"}, "takes no idempotence key"),
        ({"phase": "before_commit", "action": "reset", "nth": 1, "every": 2}, "exclude each other"),
        ({"phase": "before_commit", "action": "reset", "nth": 1, "times": 2}, "comes once"),
        ({"phase": "before_commit", "action": "reset", "status": 503}, "no answer of its own"),
        ({"phase": "before_commit", "action": "reset", "headers": {"X": "y"}}, "no answer of its own"),
        ({"phase": "before_commit", "action": "html", "body": {}}, "no use for body"),
        ({"phase": "before_commit", "action": "redirect", "status": 200}, "isn't a redirect"),
        ({"phase": "before_commit", "action": "delay"}, "needs seconds"),
        ({"phase": "after_commit", "action": "reset", "commit_after": 1}, "committed_late"),
        ({"phase": "in_part", "action": "truncated"}, "no meaning in phase 'in_part'"),
        ({"phase": "in_part", "action": "reset", "path": "addPhone"}, "adds no list"),
        ({"phase": "after_commit", "action": "reset", "places": [1]}, "places are for phase 'in_part'"),
        ({"phase": "in_part", "action": "reset", "places": [0]}, "places"),
        ({"phase": "before_commit", "action": "reset", "hits": 3}, "the server's to say"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_rule_that_can_not_be_is_refused_with_the_reason(
    emulator: Emulator, rule: dict[str, Any], message: str
) -> None:
    response = requests.post(f"{emulator.url}/_emulator/faults", json=rule, timeout=5)
    assert response.status_code == 400
    assert message in response.json()["error"]
    assert emulator.faults() == []


def test_a_dropped_rule_tells_no_hits(emulator: Emulator) -> None:
    fault = emulator.fault("before_commit", "reset")
    emulator.clear_faults()
    with pytest.raises(EmulatorError, match="was dropped"):
        _ = fault.hits
