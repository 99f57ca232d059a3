"""The address of a job's policy is asked, over real sockets, before each ring: who says no is not rung."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from aimylogic_provider.calls_api import CallPolicy, ListedCall
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.http.admin_types import JobView
from aimylogic_provider.hooks import AimylogicHook
from tests.emulator.asking import PHONE, add_many, ask, phone, post

MONDAY = datetime(2030, 1, 7, 9, tzinfo=UTC)
SECRET = "token-of-the-address"
Reply = tuple[int, object]


class Asked:
    """A server that is asked whether somebody may be called.

    :param replies: what it answers, one after the other, and the last one from then on: status and JSON (or bytes); a
        function is called for them
    """

    def __init__(self) -> None:
        self.replies: list[Reply | Callable[[], Reply]] = [(200, {"call": True})]
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        """Method, path and what was told."""
        self.url = ""

    def wait_for_a_request(self) -> None:
        until = time.monotonic() + 60
        while not self.requests and time.monotonic() < until:
            time.sleep(0.005)

    def reply(self, method: str, target: str, content_type: str, body: str) -> Reply:
        path, _, query = target.partition("?")
        told = json.loads(body) if content_type == "application/json" else parse_qs(body or query)
        self.requests.append((method, path, told))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply() if callable(reply) else reply


@pytest.fixture
def asked() -> Iterator[Asked]:
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, content = asked.reply(self.command, self.path, self.headers.get("Content-Type", ""), body)
            written = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Location", f"{asked.url}&redirected=1")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # the emulator no longer waited
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        asked.url = f"http://127.0.0.1:{server.server_port}/may-be-called?token={SECRET}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield asked
        server.shutdown()
        thread.join()


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    """Its clock stands still on a Monday."""
    emulator.freeze()
    emulator.set_time(MONDAY)
    emulator.settings(outcomes={PHONE: ["noAnswer", "longCallWithResult"]})
    return emulator


def add_one(emulator: Emulator, url: str, retries: int | None = None, number: str = PHONE, **more: Any) -> None:
    check = {"externalCheckUrl": url, **({} if retries is None else {"externalCheckMaxRetries": retries})}
    answer = add_many(emulator, [{"phone": number, "externalCheck": check, **more}])
    assert answer.status_code == 200, answer.text


def settled(emulator: Emulator) -> JobView:
    """The job, once its address was asked."""
    emulator.settle()
    (job,) = emulator.jobs()
    return job


def test_who_says_yes_is_rung(emulator: Emulator, asked: Asked) -> None:
    add_one(emulator, asked.url)
    job = settled(emulator)
    assert (job.status, job.attempts) == ("inProcess", 1)
    assert asked.requests == [("POST", "/may-be-called", {"phone": PHONE, "callJobId": job.id})]
    assert [(one.says, one.requests, one.reason) for one in job.checks] == [("call", 1, "status 200")]


def test_who_says_no_is_not_rung(emulator: Emulator, asked: Asked) -> None:
    asked.replies = [(200, {"call": False})]
    add_one(emulator, asked.url, 5)
    job = settled(emulator)
    assert (job.status, job.attempts, job.rings) == ("notDone", 0, False)
    assert (emulator.rings(PHONE), len(asked.requests)) == (0, 1)
    emulator.advance(hours=30)
    assert settled(emulator).attempts == 0


def test_of_two_who_are_added_at_once_the_one_who_says_no_is_not_rung(emulator: Emulator, connections: None) -> None:
    """From the provider's policy to the ring: the emulator asks a server that knows who has paid since."""
    paid = phone(2)
    with ThreadingHTTPServer(("127.0.0.1", 0), _of_who_paid(paid)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        url = f"http://localhost:{server.server_port}/"
        policy = CallPolicy.of(external_check_url=url, external_check_max_retries=1)
        people = [ListedCall.of(one, policy=policy) for one in (phone(1), paid)]
        AimylogicHook().add_phones(people, idempotence_key="1")
        emulator.settle()
        server.shutdown()
    assert (emulator.rings(phone(1)), emulator.rings(paid)) == (1, 0)


def _of_who_paid(paid: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"call": told["phone"] != paid}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def test_each_ring_is_asked_about_anew(emulator: Emulator, asked: Asked) -> None:
    asked.replies = [(200, {"call": True}), (200, {"call": False})]
    add_one(emulator, asked.url, maxAttempts=2, retryIntervalInMinutes=30)
    emulator.settle()
    emulator.advance(hours=1)  # the first ring was not answered
    job = settled(emulator)
    assert (job.status, job.attempts) == ("noAnswer", 1), "as a job ends whose deadline comes between two rings"
    assert [one.says for one in job.checks] == ["call", "don't call"]


def test_a_ring_waits_for_its_hours_and_only_then_is_it_asked_about(emulator: Emulator, asked: Asked) -> None:
    hours = {"default": [{"localTimeFrom": "10:00", "localTimeTo": "11:00"}]}
    add_one(emulator, asked.url, gmtZone="Z", allowedTime=hours)
    assert (settled(emulator).status, asked.requests) == ("planned", [])
    emulator.advance(hours=1)
    assert (settled(emulator).status, len(asked.requests)) == ("inProcess", 1)


@pytest.mark.parametrize("then", ["closed", "paused", "no lines"])
def test_a_yes_that_comes_too_late_is_asked_for_again(emulator: Emulator, asked: Asked, then: str) -> None:
    hours = {"default": [{"localTimeFrom": "09:00", "localTimeTo": "10:00"}]}

    def late() -> Reply:
        match then:
            case "closed":
                emulator.advance(hours=1)
            case "paused":
                emulator.campaign(status="paused")
            case "no lines":
                emulator.campaign(lines=0)
        return 200, {"call": True}

    asked.replies = [late, (200, {"call": False})]
    add_one(emulator, asked.url, gmtZone="Z", allowedTime=hours)
    job = settled(emulator)
    assert (job.status, job.attempts, [one.says for one in job.checks]) == ("planned", 0, ["call"])
    emulator.advance(hours=23 if then == "closed" else 0)
    emulator.campaign(status="inProgress", lines=10)
    job = settled(emulator)
    assert (job.status, [one.says for one in job.checks]) == ("notDone", ["call", "don't call"])


def test_a_job_that_is_cancelled_while_its_address_is_asked_is_not_rung(emulator: Emulator, asked: Asked) -> None:
    cancelled = threading.Event()

    def late() -> Reply:
        post(emulator, "callJob/cancel", {"phones": [PHONE]})
        cancelled.set()
        return 200, {"call": True}

    asked.replies = [late]
    add_one(emulator, asked.url)
    assert cancelled.wait(60)
    assert (settled(emulator).status, emulator.rings(PHONE)) == ("cancelledByUser", 0)


def test_the_others_are_rung_and_served_while_an_address_is_silent(emulator: Emulator, asked: Asked) -> None:
    go_on = threading.Event()
    asked.replies = [lambda: (200, {"call": go_on.wait(10)})]
    add_one(emulator, asked.url)
    add_many(emulator, [{"phone": phone(1)}])
    begun = time.monotonic()
    assert [job.status for job in emulator.jobs()] == ["planned", "inProcess"]
    assert ask(emulator, "GET", "").status_code == 200
    assert time.monotonic() - begun < 8
    go_on.set()
    emulator.settle()
    assert emulator.jobs(PHONE)[0].attempts == 1


def test_who_is_asked_about_takes_a_line(emulator: Emulator, asked: Asked) -> None:
    emulator.campaign(lines=2)
    asked.replies = [(200, {"call": False})] * 3 + [(200, {"call": True})]
    check = {"externalCheckUrl": asked.url}
    add_many(emulator, [{"phone": phone(number), "externalCheck": check} for number in range(8)])
    emulator.settle()
    counts = [job.status for job in emulator.jobs()]
    assert (counts.count("notDone"), counts.count("inProcess"), counts.count("planned")) == (3, 2, 3)
    assert len(asked.requests) == 5, "the rest is asked about when a line is free"
    assert sum(emulator.campaigns()[0].by_status.values()) == 8


# No answer


@pytest.mark.parametrize(
    "reply",
    [
        (500, {"call": True}), (404, {"call": True}), (302, {"call": True}), (200, b""), (200, b"call"), (200, []),
        (200, {"call": "yes"}), (200, {"call": 1}), (200, {}), (200, b"x" * 70_000),
        (200, b'{"call": true, "more": "' + b"x" * 70_000 + b'"}'),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_no_answer_and_nobody_is_rung(emulator: Emulator, asked: Asked, reply: Reply) -> None:
    asked.replies = [reply]
    add_one(emulator, asked.url, 2)
    job = settled(emulator)
    assert (job.status, job.attempts, emulator.rings(PHONE)) == ("technicalError", 0, 0)
    assert ([(one.says, one.requests) for one in job.checks], len(asked.requests)) == ([("none", 3)], 3)


def test_a_repeat_that_is_answered_counts(emulator: Emulator, asked: Asked) -> None:
    asked.replies = [(503, b""), (200, b"?"), (200, {"call": True})]
    add_one(emulator, asked.url, 2)
    job = settled(emulator)
    assert (job.attempts, [(one.says, one.requests) for one in job.checks]) == (1, [("call", 3)])


def test_an_address_that_never_answers_is_not_waited_for(emulator: Emulator, asked: Asked) -> None:
    emulator.settings(check_timeout=0.2)
    go_on = threading.Event()
    asked.replies = [lambda: (200, {"call": not go_on.wait(10)})]
    begun = time.monotonic()
    add_one(emulator, asked.url)
    job = settled(emulator)
    assert 0.15 < time.monotonic() - begun < 8
    go_on.set()
    assert (job.status, job.checks[0].reason) == ("technicalError", "no answer in time")


def test_nobody_listens_there(emulator: Emulator) -> None:
    add_one(emulator, "http://127.0.0.1:9/")
    assert settled(emulator).checks[0].reason == "no answer: ClientConnectorError"


def test_a_setting_has_whoever_gives_no_answer_called(emulator: Emulator, asked: Asked) -> None:
    emulator.settings(check_unanswered="called")
    asked.replies = [(500, b"")]
    add_one(emulator, asked.url)
    assert (settled(emulator).attempts, settled(emulator).checks[0].says) == (1, "none")


# Whom it asks, and how


@pytest.mark.parametrize(
    "url", ["http://example.com/", "http://192.0.2.1/", "http://0.0.0.0/", "http://localhost.example/"]
)
def test_no_other_machine_is_asked_unless_a_setting_names_it(emulator: Emulator, url: str) -> None:
    add_one(emulator, url, 3)
    job = settled(emulator)
    assert (job.status, [(one.requests, one.reason) for one in job.checks]) == (
        "technicalError", [(0, "a host that check_hosts doesn't name")],
    )  # fmt: skip


@pytest.mark.parametrize("hosts", [["Checks.invalid"], ["*"]])
def test_a_setting_names_others(emulator: Emulator, hosts: list[str]) -> None:
    emulator.settings(check_hosts=hosts, check_timeout=1)
    add_one(emulator, "http://checks.invalid/")
    (check,) = settled(emulator).checks
    assert check.requests == 1, "it was tried, and has no such name found"


def test_a_redirect_is_not_followed(emulator: Emulator, asked: Asked) -> None:
    asked.replies = [(302, {"call": True})]
    add_one(emulator, asked.url)
    settled(emulator)
    assert len(asked.requests) == 1


@pytest.mark.parametrize(
    ("sends", "method", "told"),
    [
        ("form", "POST", {"number": [PHONE], "id": ["JOB"]}),
        ("query", "GET", {"token": [SECRET], "number": [PHONE], "id": ["JOB"]}),
    ],
)
def test_how_it_asks_is_a_setting(emulator: Emulator, asked: Asked, sends: Any, method: str, told: Any) -> None:
    emulator.settings(check_sends=sends, check_phone="number", check_job="id", check_field="ok")
    asked.replies = [(200, {"ok": True})]
    add_one(emulator, asked.url)
    job = settled(emulator)
    assert job.attempts == 1
    assert asked.requests == [(method, "/may-be-called", {**told, "id": [job.id]})]


@pytest.mark.parametrize(
    ("status", "says"),
    [(200, "call"), (204, "call"), (403, "don't call"), (404, "don't call"), (429, "none"), (500, "none")],
)
def test_the_status_may_be_the_answer(emulator: Emulator, asked: Asked, status: int, says: str) -> None:
    emulator.settings(check_reads="status")
    asked.replies = [(status, b"")]
    add_one(emulator, asked.url)
    job = settled(emulator)
    assert ([one.says for one in job.checks], job.attempts) == ([says], says == "call")


@pytest.mark.parametrize(
    "check",
    [{"externalCheckUrl": "example.com"}, {"externalCheckUrl": "ftp://example.com/"}, {"externalCheckUrl": "http://"},
     {"externalCheckUrl": "http://[/"}, {"externalCheckUrl": "http://a/", "externalCheckMaxRetries": -1},
     {"externalCheckUrl": "http://a/", "externalCheckMaxRetries": 101}],
)  # fmt: skip
def test_what_can_not_be_asked_is_refused(emulator: Emulator, check: dict[str, object]) -> None:
    assert add_many(emulator, [{"phone": PHONE, "externalCheck": check}]).status_code == 400
    assert emulator.jobs() == []


# What is told of it


def test_the_journal_has_each_request_and_nothing_has_the_address(
    emulator: Emulator, asked: Asked, tmp_path: Path
) -> None:
    asked.replies = [(500, b""), (200, {"call": False})]
    add_one(emulator, asked.url, 1)
    job = settled(emulator)
    lines = [line for line in emulator.requests() if line.endpoint == "externalCheck"]
    assert [(line.method, line.outcome, line.phone, line.jobs) for line in lines] == [
        ("POST", outcome, f"{PHONE[:4]}***{PHONE[-4:]}", (job.id,))
        for outcome in ("none: status 500", "don't call: status 200")
    ]
    assert (emulator.count("externalCheck"), emulator.count(), emulator.count("addPhones")) == (2, 1, 1)
    shown = [ask(emulator, "POST", "callJob/getReport", json={"phones": [PHONE]}).text, str(emulator.requests())]
    shown += [str(emulator.jobs()), str(emulator.campaigns())]
    assert SECRET not in "".join(shown)


def test_who_was_being_asked_about_is_asked_about_again_once_a_snapshot_is_taken_up(
    emulator: Emulator, asked: Asked, tmp_path: Path
) -> None:
    go_on = threading.Event()
    asked.replies = [lambda: (200, {"call": go_on.wait(10)}), (200, {"call": False})]
    add_one(emulator, asked.url)
    asked.wait_for_a_request()
    emulator.save(tmp_path / "asking.json")
    emulator.restore(tmp_path / "asking.json")
    job = settled(emulator)
    go_on.set()
    assert (job.status, len(asked.requests), len(job.checks)) == ("notDone", 2, 1)
    emulator.save(tmp_path / "asked.json")
    emulator.reset()
    emulator.restore(tmp_path / "asked.json")
    assert emulator.jobs() == [job]


def test_a_reset_forgets_what_is_being_asked(emulator: Emulator, asked: Asked) -> None:
    go_on = threading.Event()
    asked.replies = [lambda: (200, {"call": go_on.wait(10)})]
    add_one(emulator, asked.url)
    asked.wait_for_a_request()
    emulator.reset()
    emulator.settle()
    go_on.set()
    assert (emulator.jobs(), emulator.requests()) == ([], [])


# The hours of laws


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ((7, 7, 59), (7, 8, 0)), ((7, 21, 59), (7, 21, 59)), ((7, 22, 0), (8, 8, 0)),  # a Monday
        ((12, 8, 30), (12, 9, 0)), ((12, 20, 0), (13, 9, 0)), ((13, 20, 0), (14, 8, 0)),  # the weekend
    ],
)  # fmt: skip
def test_nobody_is_rung_outside_of_a_laws_hours(
    emulator: Emulator, connections: None, moment: tuple[int, int, int], opens: tuple[int, int, int]
) -> None:
    """By the clock of whoever is called: Yekaterinburg's is five hours ahead of UTC."""
    day, hour, minute = moment
    emulator.set_time(datetime.fromisoformat(f"2030-01-{day:02}T{hour:02}:{minute:02}:00+05:00"))
    policy = CallPolicy.of(allowed_time="RU 230-FZ")
    hook = AimylogicHook()
    (job,) = hook.add_phones([ListedCall.of(PHONE, None, "Asia/Yekaterinburg", policy)], idempotence_key="1")
    emulator.advance(days=3)
    first = hook.get_call_attempts(ids=[job])[0]
    day, hour, minute = opens
    assert first.started_at == datetime.fromisoformat(f"2030-01-{day:02}T{hour:02}:{minute:02}:00+05:00")
