"""Calls that a DAG gives, one by one: each is stored as a query's row is, or rejected with its reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from aimylogic_provider.call_list.freeze.call_rules import CallRules
from aimylogic_provider.call_list.freeze.given_calls import GivenCallReader, listed_calls
from aimylogic_provider.call_list.freeze.rows import Columns, RowReader
from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError

A_PHONE = "79261112233"
FINISH = datetime(2030, 1, 2, 18, tzinfo=UTC)
NAMES = "phone, payload, gmt_zone, policy, key"
POLICY_NAMES = "start, finish, allowed_days, allowed_time, retry_interval_minutes, max_attempts, priority"


class Frame:
    """As a data frame is: of no truth, and equal to nothing as a whole."""

    columns = ("phone",)

    def to_dict(self, orient: str) -> list[dict[str, str]]:
        return [{"phone": A_PHONE}]

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


def reader(*calls: Any, **rules: Any) -> GivenCallReader:
    return GivenCallReader(CallRules(**rules), calls)


def read(call: Any, **rules: Any) -> dict[str, Any]:
    whom, content = reader(call, **rules).read(call)
    item: dict[str, Any] = json.loads(content)
    assert whom == item["phone"]
    return item


@pytest.mark.parametrize(
    ("payload", "zone", "policy"),
    [
        ({}, None, {}),
        ({"name": "Àlex", "debt": 1500.5, "n": 7, "yes": True}, "+3", {}),
        ({"day": FINISH.date(), "sum": Decimal("1500.00"), "whole": 2.0}, "Europe/Moscow", {"finish": FINISH}),
        (
            {"z": "1", "a": "2"},
            "UTC",
            {"allowed_days": "tue, mon", "priority": 1.0, "finish": "2030-01-02T18:00+00:00"},
        ),
        (
            {"name": "Alex"},
            None,
            {"allowed_time": {"default": [[time(9), "18:00"]]}, "max_attempts": 3, "retry_interval_minutes": 60},
        ),
    ],
)
@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_a_call_is_stored_as_a_querys_row_of_the_same_values(
    method: Any, payload: dict[str, Any], zone: str | None, policy: dict[str, Any]
) -> None:
    if method == "addPhone":
        policy = {}
    columns = Columns(
        phone="phone",
        gmt_zone="zone",
        payload=(*payload,),
        policy={name: f"of {name}" for name in policy},
        method=method,
    )
    names = ["phone", "zone", *payload, *columns.policy.values()]
    row = (A_PHONE, zone, *payload.values(), *policy.values())
    given = {"phone": "+7 (926) 111-22-33", "payload": payload, "gmt_zone": zone, "policy": policy}
    assert reader(given, method=method).read(given) == RowReader(columns, names).read(row)


@pytest.mark.parametrize("alone", ["+7 926 111-22-33", 79261112233, 79261112233.0, Decimal(79261112233)])
def test_a_phone_alone_is_a_call_without_a_payload(alone: Any) -> None:
    assert read(alone) == read({"phone": alone}) == {"phone": A_PHONE}


def test_a_payload_may_nest_and_hold_nothing() -> None:
    payload = {"items": [1, {"b": None}], "none": None}
    assert read({"phone": A_PHONE, "payload": payload})["payload"] == payload


@pytest.mark.parametrize("nothing", [None, {}, {"max_attempts": None}, {"finish": " "}])
def test_what_a_calls_policy_leaves_out_is_that_of_all(nothing: Any) -> None:
    of_all = {"max_attempts": 3, "priority": 2}
    assert read({"phone": A_PHONE, "policy": nothing}, policy_of_all=of_all) == {
        "phone": A_PHONE, "maxAttempts": 3, "dialerPriority": 2,
    }  # fmt: skip
    own = read({"phone": A_PHONE, "policy": {"priority": 1}}, policy_of_all=of_all)
    assert (own["maxAttempts"], own["dialerPriority"]) == (3, 1)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (None, "phone is None: it is missing"),
        ({}, "phone is None: it is missing"),
        ({"phone": " "}, "phone is empty"),
        ({"phone": float("nan")}, "phone is None: it is missing|isn't a whole number"),
        (7.5, "is a float that isn't a whole number"),
        (True, "is of type bool"),
        (b"79261112233", "phone is of type bytes"),
        ([A_PHONE], rf"the call is a list: give a dictionary of {NAMES}, or a phone alone. Lists of several tasks"),
        ({"phone": A_PHONE, "payloads": {}}, rf"unknown name 'payloads': there are {NAMES}\. .* belongs into"),
        ({"phone": A_PHONE, "gmtZone": "Z"}, f"the call has an unknown name 'gmtZone': there are {NAMES}"),
        ({"phone": A_PHONE, 7: 7}, f"the call has an unknown name 7: there are {NAMES}"),
        ({"phone": A_PHONE, A_PHONE: 7}, r"the call has an unknown name '7926\*\*\*2233'"),
        ({"phone": A_PHONE, "payload": "Alex"}, "payload is of type str: give a dictionary"),
        ({"phone": A_PHONE, "payload": {"it": object()}}, "payload 'it' is a object: make it"),
        ({"phone": A_PHONE, "payload": {"it": float("nan")}}, "only finite numbers"),
        ({"phone": A_PHONE, "gmt_zone": "Mars"}, "Mars"),
        ({"phone": A_PHONE, "policy": "daily"}, f"policy is of type str: give a dictionary of {POLICY_NAMES}"),
        ({"phone": A_PHONE, "policy": {"maxAttempts": 3}}, f"an unknown name 'maxAttempts': there are {POLICY_NAMES}"),
        ({"phone": A_PHONE, "policy": {"max_attempts": 51}}, "max_attempts 51 isn't a whole number from 1 to 50"),
        ({"phone": A_PHONE, "policy": {"finish": "tomorrow"}}, "finish 'tomorrow' can't be read"),
        ({"phone": A_PHONE, "policy": {"finish": datetime(2030, 1, 2)}}, "has no time zone"),
        ({"phone": A_PHONE, "policy": {"finish": FINISH, "start": FINISH}}, "is not before finish"),
        ({"phone": A_PHONE, "payload": {"it": "x" * 2000}}, "more than max_batch_bytes allows .* leave names out"),
    ],
)  # fmt: skip
def test_what_is_no_call_is_rejected_with_the_way_out(call: Any, told: str) -> None:
    with pytest.raises(RejectedError, match=told) as error:
        reader(call, max_bytes=1000).read(call)
    assert not isinstance(error.value, RejectedTypeError), "there is no column of which it would tell"
    assert A_PHONE not in str(error.value)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"items": [1]}, "payload 'items' is a list: .*addPhones takes nested ones"),
        ({"name": None}, "payload 'name' is None: leave the name out"),
        ({"phone": "1"}, "which addPhone reads itself"),
        ({"it": "я" * 1500}, "URL would have over .* leave names out of the payload, or use method='addPhones'"),
    ],
)
def test_what_add_phone_does_not_take_is_rejected(payload: Any, told: str) -> None:
    with pytest.raises(RejectedError, match=told):
        read({"phone": A_PHONE, "payload": payload}, method="addPhone")


def test_a_policy_needs_add_phones() -> None:
    call = {"phone": A_PHONE, "policy": {"priority": 1}}
    with pytest.raises(RejectedError, match="the policy of a call needs method='addPhones'"):
        reader(call, method="addPhone")
    with pytest.raises(RejectedError, match="policy is of type str"):
        read({"phone": A_PHONE, "policy": "x"}, method="addPhone")


def test_rules_of_phones_hold_for_all_and_are_told_once() -> None:
    with pytest.raises(RejectedError, match="phone_region 'XX' is not a region"):
        reader(phone_region="XX")
    with pytest.raises(RejectedError, match="max_attempts 51"):
        reader(policy_of_all={"max_attempts": 51})
    with pytest.raises(RejectedError, match="only KZ may be called"):
        read(A_PHONE, countries=["KZ"])
    assert read("8 (926) 111-22-33", phone_region="RU")["phone"] == A_PHONE
    of_region = reader(phone_region="RU")
    assert of_region.readings is not None
    of_region.read("8 (926) 111-22-33")
    assert of_region.readings.national == 1


def test_keys_stand_beside_calls_if_any_has_one() -> None:
    assert (reader(A_PHONE).key_names, reader(A_PHONE).keys(A_PHONE)) == ((), b"{}")
    keyed = reader({"phone": A_PHONE, "key": 7}, A_PHONE)
    assert keyed.key_names == ("key",)
    for key, written in [(7, 7), ("a", "a"), (FINISH.date(), "2030-01-02"), (None, None), ("\ud800", r"'\ud800'")]:
        assert json.loads(keyed.keys({"phone": A_PHONE, "key": key})) == {"key": written}
    assert json.loads(keyed.keys(A_PHONE)) == {"key": None}


def test_what_holds_for_all_is_known_unless_calls_have_policies_of_their_own() -> None:
    rules: dict[str, Any] = {"policy_of_all": {"finish": FINISH}}
    assert b"2030-01-02" in reader(A_PHONE, **rules).of_all
    own = reader({"phone": A_PHONE, "policy": {"priority": 1}}, **rules)
    assert (own.of_all, own.policy_by_row) == (b"", True)


@pytest.mark.parametrize(
    "given",
    [
        [A_PHONE],
        (A_PHONE,),
        f'["{A_PHONE}"]',
        f"['{A_PHONE}']",
        json.dumps(f'["{A_PHONE}"]'),
        f"\ufeff ['{A_PHONE}']",
    ],
)
def test_a_list_is_one_however_it_is_written(given: Any) -> None:
    assert listed_calls(given) == [A_PHONE]


def test_an_empty_one_is_nobody() -> None:
    assert listed_calls([]) == listed_calls("[]") == listed_calls(()) == []


EVEN_OF_ONE = "give a list, even of one"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, r"calls is missing: .* an empty one, \[\], where nobody is to be called"),
        ("", "calls is missing"),
        (" \n", "calls is missing"),
        ("None", "calls is missing"),
        ("null", "calls is missing"),
        ({"phone": A_PHONE}, f"calls is a single dictionary: {EVEN_OF_ONE}"),
        (json.dumps({"phone": A_PHONE}), f"calls is a single dictionary: {EVEN_OF_ONE}"),
        (A_PHONE, f"calls is a text that says no list: {EVEN_OF_ONE}.*tojson"),
        ("+7 926 111-22-33", f"calls is a text that says no list: {EVEN_OF_ONE}"),
        ("[{'at': datetime.datetime(2026, 1, 1)}]", "calls is a text that says no list"),
        (int(A_PHONE), f"calls is of type int: {EVEN_OF_ONE}"),
        ({A_PHONE}, r"calls is of type set: it has no order: give a list, as by sorted\(calls\)"),
        (iter([A_PHONE]), r"it can be read only once, .*: give list\(calls\)"),
        (Frame(), r"calls is of type Frame: .* calls.to_dict\('records'\)"),
        (b"[]", "calls is of type bytes"),
        (range(3), "calls is of type range"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_list_is_refused_with_the_way_out(given: Any, told: str) -> None:
    with pytest.raises(RejectedError, match=told) as error:
        listed_calls(given)
    assert A_PHONE not in str(error.value)


def test_no_kind_of_value_breaks_the_reader() -> None:
    frame = Frame()
    recursive: dict[str, Any] = {"phone": A_PHONE}
    recursive["payload"] = recursive
    odd: list[Any] = [
        {"phone": A_PHONE, "policy": frame}, {"phone": A_PHONE, "payload": {"it": frame}}, {"phone": frame}, frame,
        {"phone": A_PHONE, "gmt_zone": frame}, {"phone": A_PHONE, "policy": {"priority": frame}}, recursive,
        {"phone": A_PHONE, "policy": {"allowed_days": frame}}, {frozenset(): 1},
    ]  # fmt: skip
    made = reader(*odd)
    for call in odd:
        with pytest.raises(RejectedError):
            made.read(call)
        assert made.keys(call) == b"{}"
