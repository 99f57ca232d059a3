"""AimylogicHook over a transport that answers as it is told: one request for each write, up to three for each read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from aimylogic_provider.calls_api.calls.call import ListedCall
from aimylogic_provider.calls_api.errors import ApiError, Known, RejectedError
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind, Request, Response
from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.hooks.connection_extra import ConnectionExtra

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB = {"callJobId": "1", "phone": "79123456789"}
CALLS = [ListedCall.of("+79123456789"), ListedCall.of("+79123456780")]


class Wire:
    """What was sent, and what is answered: the last answer again and again."""

    def __init__(self) -> None:
        self.sent: list[tuple[Request[Any], str]] = []
        self.answers: list[Response | NoResponse] = []

    def answer(self, content: object, status: int = 200) -> None:
        self.answers.append(Response(status, {}, b"" if content is None else json.dumps(content).encode()))

    def send(self, transport: RequestsTransport, request: Request[Any], url: str) -> Response:
        self.sent.append((request, url))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, NoResponse):
            raise answer
        return answer

    @property
    def bodies(self) -> list[object]:
        return [request.json for request, _ in self.sent]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setattr(RequestsTransport, "send", lambda *arguments: wire.send(*arguments))
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", json.dumps({"conn_type": "aimylogic", "password": "1.2.x"}))
    return wire


@pytest.fixture
def hook(wire: Wire) -> AimylogicHook:
    return AimylogicHook()


WRITES: list[tuple[Callable[..., object], object, object]] = [
    (lambda hook, **key: hook.add_phones(CALLS, **key), ["7", "8"], ("7", "8")),
    (lambda hook, **key: hook.cancel_call_jobs(ids=["1"], **key), ["1"], ("1",)),
    (lambda hook, **key: hook.pause_campaign(**key), None, None),
    (lambda hook, **key: hook.resume_campaign(**key), None, None),
    (lambda hook, **key: hook.stop_campaign(**key), None, None),
]
READS: list[Callable[..., tuple[Any, ...]]] = [
    lambda hook: hook.get_unfinished_call_jobs(),
    lambda hook: hook.get_call_attempts(ids=["1"]),
    lambda hook: hook.get_call_attempts_by_date(started_from=MOMENT),
]


@pytest.mark.parametrize(("write", "content", "result"), WRITES)
def test_a_write_bears_its_key_and_returns_its_result(
    hook: AimylogicHook, wire: Wire, write: Callable[..., object], content: object, result: object
) -> None:
    wire.answer(content)
    assert write(hook, idempotence_key="k") == result
    assert [request.key for request, _ in wire.sent] == ["k"]


@pytest.mark.parametrize("write", [write for write, _, _ in WRITES])
def test_a_write_is_sent_once_whatever_happens(hook: AimylogicHook, wire: Wire, write: Callable[..., object]) -> None:
    wire.answers.append(NoResponse(NoResponseKind.TIMEOUT, "detail"))
    with pytest.raises(ApiError) as error:
        write(hook, idempotence_key="k")
    assert (error.value.known, error.value.retryable) == (Known.UNANSWERED, True)
    assert len(wire.sent) == 1


@pytest.mark.parametrize("read", READS)
def test_a_read_is_repeated(hook: AimylogicHook, wire: Wire, read: Callable[..., tuple[Any, ...]]) -> None:
    wire.answer(None, 503)
    wire.answers.append(NoResponse(NoResponseKind.RESET, "detail"))
    wire.answer([JOB])
    assert len(read(hook)) == 1
    assert len(wire.sent) == 3


@pytest.mark.parametrize("read", READS)
def test_a_read_is_given_up_after_three(hook: AimylogicHook, wire: Wire, read: Callable[..., object]) -> None:
    wire.answer(None, 503)
    with pytest.raises(ApiError):
        read(hook)
    assert len(wire.sent) == 3


@pytest.mark.parametrize("read", READS)
def test_a_refused_read_is_not_repeated(hook: AimylogicHook, wire: Wire, read: Callable[..., object]) -> None:
    wire.answer({"type": "invalid.token", "message": ""}, 404)
    with pytest.raises(ApiError, match=r"invalid\.token"):
        read(hook)
    assert len(wire.sent) == 1


def test_another_count_of_ids_is_no_answer(hook: AimylogicHook, wire: Wire) -> None:
    wire.answer(["7"])
    with pytest.raises(ApiError, match="1 ids for 2 numbers") as error:
        hook.add_phones(CALLS)
    assert (error.value.known, error.value.retryable) == (Known.UNANSWERED, True)


def test_a_bad_list_is_never_sent(hook: AimylogicHook, wire: Wire) -> None:
    with pytest.raises(RejectedError):
        hook.add_phones([CALLS[0], CALLS[0]])
    assert not wire.sent


def test_the_path_is_the_campaigns(hook: AimylogicHook, wire: Wire) -> None:
    wire.answer(None)
    hook.stop_campaign()
    assert wire.sent[0][1] == "https://app.aimylogic.com/api/calls/campaign/1.2.x/control/stop"


@pytest.mark.parametrize("method", ["cancel_call_jobs", "get_call_attempts", "get_call_jobs"])
def test_phones_are_made_canonical(hook: AimylogicHook, wire: Wire, method: str) -> None:
    wire.answer([])
    getattr(hook, method)(phones=["+7 (912) 345-67-89", 79123456780], ids=[5])
    assert wire.bodies == [{"phones": ["79123456789", "79123456780"], "ids": ["5"]}]


@pytest.mark.parametrize("method", ["cancel_call_jobs", "get_call_attempts", "get_call_jobs"])
@pytest.mark.parametrize("arguments", [{}, {"phones": "79123456789"}, {"ids": "12"}, {"ids": [1.0]}])
def test_what_cannot_be_meant_is_never_sent(
    hook: AimylogicHook, wire: Wire, method: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(RejectedError) as error:
        getattr(hook, method)(**arguments)
    assert not wire.sent
    assert "79123456789" not in str(error.value)


def test_pages_and_times_go_through(hook: AimylogicHook, wire: Wire) -> None:
    wire.answer({"items": [], "pagination": {}})
    assert hook.get_unfinished_call_jobs(page=3, page_size=50) == ()
    assert hook.get_call_attempts_by_date(
        started_from=MOMENT, started_to=MOMENT, finished_from=MOMENT, finished_to=MOMENT, page=1, page_size=2
    ) == ()  # fmt: skip
    names = ["startedAtFrom", "startedAtTo", "finishedAtFrom", "finishedAtTo"]
    assert wire.bodies == [
        {"page": 3, "pageSize": 50},
        {"filter": dict.fromkeys(names, "2026-01-02T03:04:05.000Z"), "pagination": {"page": 1, "pageSize": 2}},
    ]


def test_extras_that_mean_nothing_are_named(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"conn_type": "aimylogic", "password": "1.2.x", "extra": {"timeout": 5, "read_timeout": 7}}
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", json.dumps(content))
    hook = AimylogicHook()
    warnings: list[str] = []
    monkeypatch.setattr(
        AimylogicHook, "log", type("Log", (), {"warning": lambda self, text, *more: warnings.append(text % more)})()
    )
    assert hook.send_timeout == 27.0
    assert len(warnings) == 1
    assert "mean nothing here: timeout." in warnings[0]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("readtimeout", "read_timeout"), ("readTimeout", "read_timeout"), ("read-timeout", "read_timeout"),
        ("READ_TIMEOUT", "read_timeout"), ("connection_timeout", "connect_timeout"), ("verify_ssl", "verify"),
        ("verfy", "verify"), ("proxys", "proxies"), ("allow_http", "allow_plain_http"),
        ("timeout", None), ("token", None), ("schema", None),
    ],
)  # fmt: skip
def test_an_extra_that_means_nothing_is_told_with_the_nearest_that_does(written: str, meant: str | None) -> None:
    extra = ConnectionExtra.of("default", {written: 5, "verify": False})
    assert extra.unknown_in_words() == (written if meant is None else f"{written} (did you mean {meant}?)")


def test_importing_the_hook_loads_none_of_what_it_sends_with() -> None:
    code = """
import sys
import airflow.providers.common.compat.sdk as sdk
sdk.BaseHook
before = set(sys.modules)
import aimylogic_provider.hooks.aimylogic
print(*(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    loaded = done.stdout.strip().splitlines()[-1:]
    heavy = ("aimylogic_provider.calls_api", "requests", "urllib3", "phonenumbers", "tenacity")
    assert not [name for name in " ".join(loaded).split() if name.startswith(heavy)]
