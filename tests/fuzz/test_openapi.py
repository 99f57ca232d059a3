"""Both served OpenAPI documents, fuzzed: no error of the server's own, and every answer is as its document says.

``AIMYLOGIC_FUZZ_EXAMPLES`` is how many requests each operation gets, valid ones and broken ones each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.http.admin_routes import AdminApi
from aimylogic_provider.emulator.http.exchange import Target
from aimylogic_provider.emulator.http.openapi import calls_document
from aimylogic_provider.emulator.world.faults import FaultAction
from aimylogic_provider.emulator.world.faults import Phase as When
from aimylogic_provider.emulator.world.state import EmulatorState
from tests.conftest import OTHER_TOKEN, TOKEN

EXAMPLES = int(os.environ.get("AIMYLOGIC_FUZZ_EXAMPLES", "8"))
TIMEOUT = 5.0
PHONES = ("79123456789", "+79123456780", "4915123456789", "12")
GOOD: dict[str, tuple[Any, ...]] = {
    "phone": PHONES,
    "phones": tuple([phone] for phone in PHONES),
    "gmtZone": ("+03:00", "Europe/Moscow", "Z", ""),
    "startDateTime": ("2026-01-01", "2030-01-01T00:00:00+03:00"),
    "finishDateTime": ("2040-01-01", "2020-01-01T00:00:00Z"),
    "allowedDays": (["mon"], ["sat", "sun"]),
    "allowedTime": ({"default": [{"localTimeFrom": "09:00", "localTimeTo": "18:00"}]},),
    "retryIntervalInMinutes": (1, 2880),
    "maxAttempts": (1, 50),
    "dialerPriority": (1, 5),
    **dict.fromkeys(
        ("createdAtFrom", "createdAtTo", "startedAtFrom", "startedAtTo", "finishedAtFrom", "finishedAtTo"),
        (0, 4e12, "2026-01-01", "2040-01-01T00:00:00Z", ""),
    ),
    "pagination": ({}, {"page": 0, "pageSize": 1}, {"page": 199, "pageSize": 200}),
    "campaign": ("1", "2"),
    "size": ("0", "100000"),
    "start": ("0", "1"),
    "last": ("0", "5"),
    "payload": ('{"name":"Alex"}', "{}"),
}
"""Values that come through the gate, for what a document can only call a text or a number."""
# Not positive_data_acceptance: a document can't say which texts are phone numbers, nor negative_data_rejection: a form
# decoder takes every text. Both are told of by the contract's own tests. What is checked is what a document does say.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=timedelta(seconds=TIMEOUT),
    derandomize="AIMYLOGIC_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


class _Nobody:
    pending = 0

    def drop_pending(self) -> None:
        """Nothing is pending."""


def _documents() -> dict[str, dict[str, Any]]:
    answer = AdminApi(EmulatorState(), _Nobody()).answer("GET", Target("/_emulator/openapi.json", ""), b"")
    return {"calls-api.json": calls_document(), "openapi.json": json.loads(answer.body)}


def _can_be_broken(operation: dict[str, Any]) -> bool:
    """Whether it takes anything that a document can call wrong. Any text is a path's part, any JSON a snapshot."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return bool(body) or any(one["in"] == "query" for one in operation["parameters"])


OPERATIONS = [
    (name, path, method.upper(), mode)
    for name, document in _documents().items()
    for path, operations in document["paths"].items()
    for method, operation in operations.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or _can_be_broken(operation)
]


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    """One for all: starting one for each operation would take longer than to fuzz it."""
    with Emulator(tokens=(TOKEN, OTHER_TOKEN)) as running:
        yield running


@pytest.fixture(scope="module")
def schemas(served: Emulator) -> dict[str, Any]:
    return {
        name: schemathesis.openapi.from_url(f"{served.url}/_emulator/{name}", timeout=TIMEOUT)
        for name in ("calls-api.json", "openapi.json")
    }


def _known(served: Emulator) -> list[str]:
    """Begin anew, with a few jobs of several ages, so that reports have something to show."""
    served.reset()
    url = f"{served.url}/api/crmCalls/campaign/{TOKEN}/addPhone"
    ids = []
    for phone in ("79123456789", "79123456780"):
        ids.append(requests.post(url, params={"phone": phone, "name": "Alex"}, timeout=TIMEOUT).json())
        served.advance(minutes=10)
    return ids


def _deepened(case: Case, draw: Any, ids: list[str]) -> None:
    """Let most requests come through the gate: with a real token, a phone that is one, a job that exists."""
    path = case.path_parameters or {}
    if "token" in path:
        path["token"] = draw(st.sampled_from((TOKEN, TOKEN, TOKEN, OTHER_TOKEN, path["token"])))
    if "number" in path:
        path["number"] = draw(st.sampled_from(("1", "2", "3", path["number"])))
    good = {**GOOD, "ids": tuple([number] for number in ids)}
    for part in (case.query, *(case.body if isinstance(case.body, list) else [case.body])):
        for fields in (part, part.get("filter")) if isinstance(part, dict) else ():
            for name in sorted(fields.keys() & good.keys()) if isinstance(fields, dict) else ():
                chosen = draw(st.sampled_from((*good[name], None, fields[name])))
                if chosen is not None:
                    fields[name] = chosen
                else:
                    del fields[name]


@pytest.mark.parametrize(("document", "path", "method", "mode"), OPERATIONS, ids=lambda part: str(part))
def test_answers_are_as_the_document_says(
    served: Emulator, schemas: dict[str, Any], document: str, path: str, method: str, mode: GenerationMode
) -> None:
    operation = schemas[document][path][method]
    ids = _known(served)
    changes_the_emulator = document == "openapi.json" and method != "GET"

    @FUZZ
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        _deepened(case, data.draw, ids)
        try:
            response = case.call(base_url=served.url, timeout=TIMEOUT)
        finally:
            # Rules that wait for hours, a clock that races, a limit of one byte: each would spoil the next request.
            if changes_the_emulator:
                served.reset()
        case.validate_response(response, checks=CHECKS)
        assert TOKEN not in response.text or path.endswith("/snapshot")

    fuzz()


def test_the_operations_above_are_those_that_are_served(served: Emulator) -> None:
    for name, document in _documents().items():
        assert requests.get(f"{served.url}/_emulator/{name}", timeout=TIMEOUT).json() == document


@pytest.mark.parametrize("name", ["calls-api.json", "openapi.json"])
def test_refusals_that_no_request_of_the_document_meets_are_in_it_too(served: Emulator, name: str) -> None:
    """Other methods, other content types, bodies that are too large, pages of other sites."""
    for path, operations in _documents()[name]["paths"].items():
        url = served.url + path.format(token=TOKEN, number=1)
        offered = {method.upper() for method in operations}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - offered:
            answer = requests.request(method, url, timeout=TIMEOUT)
            assert answer.status_code == 405
            assert set(answer.headers["Allow"].split(", ")) == offered
        for method, operation in operations.items():
            for headers, body in (
                ({"Content-Type": "text/plain"}, b"{}"),
                ({"Content-Length": str(10**12)}, b""),
                ({"Origin": "http://elsewhere.example"}, b""),
            ):
                answer = requests.request(method, url, headers=headers, data=body, timeout=TIMEOUT)
                assert {str(answer.status_code), "405"} <= operation["responses"].keys()
    served.reset()


_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
_NAMES = ("Content-Type", "content-type", "Server", "Content-Length", "Transfer-Encoding", "X-Any", "X\r\nY")
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_RULES = st.fixed_dictionaries(
    {
        "phase": st.sampled_from([when.value for when in When]),
        "action": st.sampled_from([action.value for action in FaultAction]),
    },
    optional={
        "path": st.sampled_from(["", "addPhone", "status"]),
        "method": st.sampled_from(["", "POST", "get"]),
        "phone": st.sampled_from(["", "79123456789", "+79123456780"]),
        "key": st.sampled_from(["", "a"]),
        "nth": st.sampled_from([1, 2]),
        "every": st.sampled_from([1, 2]),
        "probability": st.sampled_from([1.0, 0.5]),
        "seed": st.integers(),
        "status": st.integers(200, 599),
        "headers": st.dictionaries(st.sampled_from(_NAMES) | _TEXT, _TEXT | st.text(max_size=5), max_size=2),
        "body": _JSON,
        "seconds": st.sampled_from([0, 0.01]),
        "commit_after": st.sampled_from([0, 0.01]),
        "times": st.sampled_from([None, 1, 2]),
    },
)  # fmt: skip


def test_a_rule_is_refused_with_a_reason_or_answers_what_it_says(served: Emulator) -> None:
    """Rules of every kind, each followed by a request that it may strike: no 5xx but one that was ordered."""

    @settings(FUZZ, max_examples=EXAMPLES * 40)
    @given(_RULES)
    def fuzz(rule: dict[str, Any]) -> None:
        served.reset()
        ordered = requests.post(f"{served.url}/_emulator/faults", json=rule, timeout=TIMEOUT)
        assert ordered.status_code in (200, 400)
        if ordered.status_code == 400:
            assert ordered.json()["error"]
            return
        url = f"{served.url}/api/crmCalls/campaign/{TOKEN}/addPhone"
        for _ in range(2):
            before = served.faults()[0].hits
            try:
                answer = requests.post(
                    url, params={"phone": "79123456789"}, headers={"Idempotence-Key": "a"}, timeout=TIMEOUT,
                    allow_redirects=False,
                ).status_code  # fmt: skip
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                answer = None
            served.settle()
            (after,) = served.faults()
            assert answer in ((after.status, 200, None) if after.hits > before else (200,))

    fuzz()


def _leaves(content: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in inner:
        yield from _leaves(value, (*place, name))


ODD = [None, 0, -1, 1.5, 1e300, "", "x", [], {}, True, 2**62]


def _tampered(saved: str, place: tuple[Any, ...], value: Any) -> str:
    content = json.loads(saved)
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return json.dumps(content)


def _saved(served: Emulator) -> str:
    """A snapshot with open, ringing and finished jobs, with and without a policy."""
    _known(served)
    url = f"{served.url}/api/calls/campaign/{TOKEN}/addPhones"
    item = {name: values[0] for name, values in GOOD.items() if name in _POLICY} | {"payload": {"name": "Alex"}}
    assert requests.post(url, json=[item], timeout=TIMEOUT).status_code == 200
    served.advance(hours=2)
    return requests.get(f"{served.url}/_emulator/snapshot", timeout=TIMEOUT).text


_POLICY = ("phone", "gmtZone", "startDateTime", "finishDateTime", "allowedDays", "allowedTime", "maxAttempts")


def _check_can_be_lived_with(served: Emulator, snapshot: str) -> None:
    served.reset()
    try:
        answer = requests.put(f"{served.url}/_emulator/snapshot", data=snapshot, timeout=TIMEOUT)
        assert answer.status_code in (200, 400)
        for path in ("/_emulator/overview", "/_emulator/jobs", "/_emulator/snapshot", f"/api/calls/campaign/{TOKEN}"):
            assert requests.get(served.url + path, timeout=TIMEOUT).status_code in (200, 404)
    finally:
        served.reset()


def test_a_snapshot_that_was_tampered_with_is_refused_or_can_be_lived_with(served: Emulator) -> None:
    saved = _saved(served)
    places = [place for place in _leaves(json.loads(saved)) if place]

    @settings(FUZZ, max_examples=EXAMPLES * 15)
    @given(st.sampled_from(places), st.sampled_from(ODD))
    def fuzz(place: tuple[Any, ...], value: Any) -> None:
        _check_can_be_lived_with(served, _tampered(saved, place, value))

    fuzz()


@pytest.mark.parametrize(
    ("place", "value"), [(("payload",), "x"), (("policy", "start"), 1e300), (("policy", "times"), [])], ids=str
)
def test_a_job_that_was_tampered_with_is_refused_or_can_be_lived_with(
    served: Emulator, place: tuple[str, ...], value: Any
) -> None:
    _check_can_be_lived_with(served, _tampered(_saved(served), ("jobs", 2, *place), value))
