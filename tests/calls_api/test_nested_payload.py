"""Payloads of addPhones: JSON's own kinds of values, nested, made in one way."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimylogic_provider.calls_api.calls.payload import MAX_DEPTH, nested_payload
from aimylogic_provider.calls_api.errors import RejectedError


class Level(IntEnum):
    HIGH = 3


class NumPyFloat(float):
    """Writes itself as NumPy's float64 does."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)!r})"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        ("", '""'),
        ("e\u0301", '"\u00e9"'),
        (0, "0"),
        (Level.HIGH, "3"),
        (10**30, "1" + "0" * 30),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        (NumPyFloat(0.5), "0.5"),
        (Decimal("10.50"), '"10.50"'),
        (date(2026, 1, 2), '"2026-01-02"'),
        (time(9, 30), '"09:30:00"'),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), '"2026-01-02T03:04:00+00:00"'),
        ([1, [2, {"b": 1, "a": None}], ()], '[1, [2, {"a": null, "b": 1}], []]'),
        (OrderedDict(b=1, a=2), '{"a": 2, "b": 1}'),
        ({}, "{}"),
    ],
)
def test_values_keep_their_kind(value: object, text: str) -> None:
    assert json.dumps(nested_payload({"name": value}), ensure_ascii=False) == f'{{"name": {text}}}'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"b": 1, "a": {"d": 1, "c": 2}}, {"a": {"c": 2, "d": 1}, "b": 1}),
        ({"a": [{"c": 1, "b": 2}]}, {"a": ({"b": 2, "c": 1},)}),
        ({"a": "e\u0301"}, {"a": "\u00e9"}),
        ({"a": {"e\u0301": 1}}, {"a": {"\u00e9": 1}}),
        ({"a": 1.0}, {"a": 1}),
        ({"a": -0.0}, {"a": 0}),
    ],
)
def test_equal_payloads_give_equal_text(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert json.dumps(nested_payload(one)) == json.dumps(nested_payload(other))


def test_true_is_not_one() -> None:
    assert json.dumps(nested_payload({"a": True})) != json.dumps(nested_payload({"a": 1}))


def test_the_payload_stands_apart_so_no_name_is_reserved() -> None:
    names = ["Idempotence-Key", "gmtZone", "phone"]
    assert list(nested_payload(dict.fromkeys(reversed(names), 1))) == names


def test_none_is_empty() -> None:
    assert nested_payload(None) == nested_payload({}) == {}


def nested(depth: int) -> dict[str, object]:
    """A payload of so many objects and lists within each other."""
    value: object = "x"
    for level in range(depth - 1):
        value = [value] if level % 2 else {"n": value}
    return {"a": value}


def test_the_depth_has_a_limit() -> None:
    assert nested_payload(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(RejectedError, match=f"more than {MAX_DEPTH} objects and lists deep: make it flatter"):
        nested_payload(nested(MAX_DEPTH + 1))


def test_a_payload_that_holds_itself_is_rejected() -> None:
    payload: dict[str, object] = {}
    payload["again"] = [payload, payload]
    with pytest.raises(RejectedError, match="objects and lists deep"):
        nested_payload(payload)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"a": {"b": [1, {1, 2}]}}, r"payload 'a' 'b'\[1\] is a set: make it text"),
        ({"a": b"x"}, "payload 'a' is a bytes"),
        ({"a": [float("nan")]}, r"payload 'a'\[0\] is nan: only finite"),
        ({"a": float("-inf")}, "only finite"),
        ({"a": Decimal("NaN")}, "only finite"),
        ({"a": 10**5000}, "too long a number to be written: send it as text"),
        ({"a": {1: "x"}}, "payload 'a' has the name 1: names are text"),
        ({"a": {"": "x"}}, "not empty"),
        ({None: "x"}, "names are text"),
        ({"a": {"\ud800": "x"}}, "lone surrogate"),
        ({"a": ["\ud800"]}, r"payload 'a'\[0\] holds a lone surrogate"),
        ({"a": ["x\0"]}, r"payload 'a'\[0\] holds a null character"),
        ({"a": {"\0": "x"}}, "holds a null character"),
        ({"a": {"\u00e9": 1, "e\u0301": 2}}, "payload 'a' names '\u00e9' twice"),
        ([1], "payload is of type list: give a dictionary"),
        ("{}", "payload is of type str: give a dictionary"),
    ],
)
def test_what_cannot_be_sent_is_rejected_by_its_place(payload: Any, message: str) -> None:
    with pytest.raises(RejectedError, match=message):
        nested_payload(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(min_size=1), JSON, max_size=4))
def test_the_canonical_form_is_stable(payload: dict[str, Any]) -> None:
    try:
        canonical = nested_payload(payload)
    except RejectedError as error:
        assert "twice" in str(error) or "null character" in str(error)
        return
    text = json.dumps(canonical)
    assert json.dumps(nested_payload(json.loads(text))) == text
