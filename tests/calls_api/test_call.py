"""Calls of a list: canonical, hashable, and silent about people."""

from __future__ import annotations

from typing import Any

import pytest

from aimylogic_provider.calls_api.calls.call import ListedCall
from aimylogic_provider.calls_api.calls.policy import CallPolicy
from aimylogic_provider.calls_api.errors import RejectedError


def test_a_whole_item() -> None:
    call = ListedCall.of(
        "8 (912) 345-67-89",
        {"b": {"d": [1, None]}, "a": "Алекс"},
        "+3",
        CallPolicy.of(max_attempts=2, allowed_days=["sat"]),
        phone_region="RU",
    )
    assert call.payload == '{"a":"Алекс","b":{"d":[1,null]}}'
    assert call.as_item() == {
        "phone": "79123456789",
        "payload": {"a": "Алекс", "b": {"d": [1, None]}},
        "gmtZone": "+03:00",
        "allowedDays": ["sat"],
        "maxAttempts": 2,
    }


def test_what_is_left_out_is_no_field() -> None:
    assert ListedCall.of("+79123456789").as_item() == {"phone": "79123456789"}


def test_an_empty_payload_or_policy_is_none() -> None:
    assert ListedCall.of("+79123456789", {}, "", CallPolicy.of()) == ListedCall.of("79123456789")
    assert ListedCall.of("+79123456789", {}).payload is None
    assert ListedCall.of("+79123456789", policy=CallPolicy.of()).policy is None


def test_calls_that_mean_the_same_are_one() -> None:
    written = [
        ListedCall.of("+7 912 345-67-89", {"a": {"c": 1, "b": 2}}, "UTC+3", CallPolicy.of(allowed_days=["tue", "mon"])),
        ListedCall.of(79123456789, {"a": {"b": 2, "c": 1}}, "+03:00", CallPolicy.of(allowed_days=["mon", "tue"])),
    ]
    assert len(set(written)) == 1


@pytest.mark.parametrize("other", [{"a": True}, {"a": "1"}, {"a": [1]}, {"A": 1}, {"a": 1, "b": None}])
def test_payloads_of_other_kinds_are_other_calls(other: dict[str, Any]) -> None:
    assert ListedCall.of("+79123456789", other) != ListedCall.of("+79123456789", {"a": 1})


def test_people_are_not_shown() -> None:
    call = ListedCall.of("+79123456789", {"name": "Alex"})
    assert "79123456789" not in repr(call)
    assert "Alex" not in repr(call)
    assert call.masked_phone == "7912***6789"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"phone": "123"}, "phone"),
        ({"payload": {"a": {1}}}, "payload"),
        ({"gmt_zone": "Mars"}, "gmt_zone"),
        ({"policy": {"max_attempts": 1}}, r"policy is of type dict: make it with CallPolicy\.of"),
    ],
)
def test_a_bad_part_is_rejected(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(RejectedError, match=message):
        ListedCall.of(**{"phone": "+79123456789", **arguments})
