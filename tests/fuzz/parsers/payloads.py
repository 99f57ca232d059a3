"""Harness of payloads, policies and the calls made of them. An input is ``[payload, policy]``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from unicodedata import is_normalized

from aimylogic_provider.call_list.freeze.rows import POLICY_FIELDS
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.calls.payload import MAX_DEPTH, RESERVED, flat_payload, nested_payload
from aimylogic_provider.calls_api.calls.policy import WEEKDAYS, CallPolicy
from aimylogic_provider.calls_api.errors import RejectedError
from tests.fuzz.parsers.harness import Harness, NotAnInput, check_told, json_value, writable

__all__ = ["HARNESS"]

PHONE = "+79123456789"


def _check(content: bytes) -> None:
    match json_value(content):
        case [payload, policy]:
            _check_flat(payload)
            _check_nested(payload)
            _check_policy(policy)
        case _:
            raise NotAnInput


def _check_flat(payload: Any) -> None:
    try:
        flat = flat_payload(payload)
    except RejectedError as error:
        check_told(error)
        return
    assert all(isinstance(part, str) for pair in flat.items() for part in pair)
    assert "" not in flat
    assert not RESERVED & flat.keys()
    assert [*flat] == sorted(flat)
    writable(flat)
    for part in (part for pair in flat.items() for part in pair):
        part.encode()
        assert is_normalized("NFC", part), "what looks the same is not the same"
        assert len(part) < 100_000, "a value of few characters became one of many"
    assert flat_payload(flat) == flat, "the canonical form is another payload's"
    assert dict(Call.of(PHONE, payload).payload) == flat


def _check_nested(payload: Any) -> None:
    try:
        nested = nested_payload(payload)
    except RejectedError as error:
        check_told(error)
        return
    written = writable(nested)
    assert nested_payload(nested) == nested, "the canonical form is another payload's"
    assert _depth(nested) <= MAX_DEPTH
    call = ListedCall.of(PHONE, payload)
    if call.payload is not None:
        call.payload.encode()
        assert json.dumps(json.loads(call.payload), sort_keys=True) == written, "what is sent reads otherwise"
    assert call.as_item().get("payload", {}) == nested


def _depth(value: object) -> int:
    match value:
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case list():
            return 1 + max(map(_depth, value), default=0)
        case _:
            return 0


def _check_policy(content: Any) -> None:
    if not isinstance(content, Mapping) or not content.keys() <= {*POLICY_FIELDS}:
        raise NotAnInput
    try:
        policy = CallPolicy.of(**content)
    except RejectedError as error:
        check_told(error)
        return
    item = policy.as_item()
    writable(item)
    hash(policy)
    assert bool(policy) == bool(item)
    for name, most in (("retryIntervalInMinutes", 2880), ("maxAttempts", 50), ("dialerPriority", 5)):
        number = item.get(name, 1)
        assert type(number) is int
        assert 1 <= number <= most
    assert {*policy.allowed_days} <= {*WEEKDAYS}
    if policy.start is not None and policy.finish is not None:
        assert policy.start < policy.finish
    for moment in (policy.start, policy.finish):
        assert moment is None or datetime.fromisoformat(moment.isoformat()) == moment
    for _, pairs in policy.allowed_time:
        times = [clock for pair in pairs for clock in pair]
        assert times == sorted(times), "times of a day overlap"
    again = CallPolicy.of(
        start=policy.start,
        finish=policy.finish,
        allowed_days=policy.allowed_days or None,
        allowed_time=dict(policy.allowed_time) or None,
        retry_interval_minutes=policy.retry_interval_minutes,
        max_attempts=policy.max_attempts,
        priority=policy.priority,
    )
    assert again == policy, "the canonical form is another policy's"


HARNESS = Harness(
    "payloads", _check, ("calls_api/calls/payload.py", "calls_api/calls/policy.py", "calls_api/calls/call.py")
)
