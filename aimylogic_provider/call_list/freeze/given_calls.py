"""Calls that a DAG gives, each made into the JSON that is stored and sent. What can't be a call is rejected.

A call is a dictionary of :data:`CALL_FIELDS`, or a phone alone. What a phone, a payload, a zone and a policy may be,
``calls_api`` says; how a list of calls reaches a task is the operator's affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import msgspec

from aimylogic_provider.call_list.freeze.call_rules import CallRules
from aimylogic_provider.call_list.freeze.phone_readings import PhoneReadings
from aimylogic_provider.call_list.freeze.request_size import SURELY_SHORT, check_bytes, check_url
from aimylogic_provider.call_list.freeze.rows import POLICY_FIELDS
from aimylogic_provider.call_list.store.manifest import Method
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.calls.policy import CallPolicy
from aimylogic_provider.calls_api.calls.policy_values import policy_value
from aimylogic_provider.calls_api.calls.text_values import as_value
from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.phones.phone import shown

__all__ = [
    "CALL_FIELDS", "GivenCallReader", "check_no_pages", "is_list", "is_page", "listed_calls",
    "own_policies", "page_within",
]  # fmt: skip

CALL_FIELDS = ("phone", "payload", "gmt_zone", "policy", "key")
"""What a call may hold: its ``key`` is kept beside it, and not sent."""

_EVEN_OF_ONE = "give a list, even of one, as in [{'phone': '+79123456789', 'payload': {'name': 'Alex'}}]"
_DEEPEST = 20
"""How deep in a call a page of people is looked for."""
_DIGITS = re.compile(r"\+?(?:\W{0,2}\d){7,15}")
_encode = msgspec.json.encode


def listed_calls(given: object) -> list[Any]:
    """Return the calls that an argument holds, or that its text says, in their order.

    :raises RejectedError: if it is no list of calls
    """
    value = as_value(given)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise RejectedError(
            "calls is missing: whatever was to give them gave nothing (None, as of a task that returned nothing, or "
            "was skipped). Have it return a list, and an empty one, [], where nobody is to be called"
        )
    if isinstance(value, Mapping):
        raise RejectedError(f"calls is a single dictionary: {_EVEN_OF_ONE}")
    if isinstance(given, str) and isinstance(value, (str, int, float)):
        raise RejectedError(
            f"calls is a text that says no list: {_EVEN_OF_ONE}; or a template that makes one, as in "
            "{{ ti.xcom_pull(task_ids='people') | tojson }}"
        )
    if is_list(value):
        return list(value)
    raise RejectedError(f"calls is of type {type(value).__name__}: {_way_out(value)}")


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it is a list in all but name: a tuple, say, or what Airflow brings of a mapped task."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview, range))


def _way_out(value: object) -> str:
    """How to make a list of what is none."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return "give a list of dictionaries, as by calls.to_dict('records')"
    if isinstance(value, Iterator):
        return "it can be read only once, and a retry must find what the first try did: give list(calls)"
    if isinstance(value, (set, frozenset)):
        return "it has no order: give a list, as by sorted(calls)"
    return _EVEN_OF_ONE


def check_no_pages(calls: Sequence[object]) -> None:
    """Make sure that none of the calls holds several people: as one rejected call, they would be missed.

    :raises RejectedError: if one does
    """
    for number, call in enumerate(calls, 1):
        if is_page(call) and not isinstance(call, Mapping):
            raise RejectedError(
                f"call {number:,} is of type {type(call).__name__}, and nobody is called: give its calls one by one. "
                "Lists of several tasks are to be joined to one"
            )
        if isinstance(call, Mapping) and (page := page_within(call)):
            raise RejectedError(f"call {number:,} is of type {type(call).__name__}, {page}")


def page_within(call: Mapping[Any, object]) -> str:
    """Where a call holds several people that it has no place for, in words, and the way out; empty if it doesn't.

    A name that there isn't may be a misspelt one, and is a fault of that call alone, unless there are several below it.
    """
    if is_page(phone := call.get("phone")):
        return (
            f"with a {type(phone).__name__} as its phone, and nobody is called: give a call for each phone, as by "
            "`for phone in …`"
        )
    for name, value in call.items():
        if name not in CALL_FIELDS and is_page(value):
            return (
                f"with a {type(value).__name__} under {shown(name)}, and nobody is called: give its calls one by one, "
                f"dictionaries of {', '.join(CALL_FIELDS)}. What the campaign's script reads belongs into payload"
            )
    if phone is None and _is_of_several(call):
        return f"of several, and nobody is called: give its calls one by one, dictionaries of {', '.join(CALL_FIELDS)}"
    return ""


def _is_of_several(call: Mapping[Any, object]) -> bool:
    """Whether it has people by their phones, or by whatever other name."""
    unknown = {name: value for name, value in call.items() if name not in CALL_FIELDS}
    phones = sum(_DIGITS.fullmatch(str(name)) is not None for name in unknown if isinstance(name, (str, int)))
    return phones > 1 or sum(isinstance(value, Mapping) for value in unknown.values()) > 1


def is_page(value: object, depth: int = 0) -> bool:
    """Whether several could be taken from it one by one, at whatever depth."""
    if isinstance(value, str) and value.lstrip("\ufeff \n")[:1] in ("[", "{"):
        value = as_value(value)
    if isinstance(value, Mapping):
        return depth < _DEEPEST and any(is_page(one, depth + 1) for one in value.values())
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return False
    return isinstance(value, Iterable) or hasattr(value, "to_pylist")


def own_policies(calls: Iterable[object]) -> frozenset[str]:
    """Return which parts of a policy calls give by themselves, by whatever names."""
    return frozenset(str(name) for call in calls for name, _ in _policy_items(call))


def _policy_items(call: object) -> Iterator[tuple[object, object]]:
    policy = call.get("policy") if isinstance(call, Mapping) else None
    if isinstance(policy, Mapping):
        yield from ((name, value) for name, value in policy.items() if not _is_nothing(value))


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


class GivenCallReader:
    """Makes calls of what a DAG gives.

    :param calls: all of them, for the list says what any of them has
    :raises RejectedError: if what holds for all can't be used
    """

    way_out = (
        "Correct the calls and clear the task that makes them, or correct this task's arguments (phone_region, say) "
        "and clear it"
    )

    def __init__(self, rules: CallRules, calls: Sequence[object]) -> None:
        self._rules = rules
        self.key_names: tuple[str, ...] = ("key",) if any(_has_key(call) for call in calls) else ()
        self.policy_by_row = bool(own_policies(calls))
        if self.policy_by_row and rules.method == "addPhone":
            raise RejectedError("the policy of a call needs method='addPhones': addPhone has no call policies")
        self._phones: dict[str, Any] = {
            "phone_region": rules.phone_region,
            "phone_reading": rules.phone_reading,
            "phone_check": rules.phone_check,
            "countries": rules.countries,
        }
        # Checked once, and not as a fault of each call.
        rules.phones()
        self._of_all = self._policy({})
        way_out = "Write a plus before those that bear it"
        self.readings = PhoneReadings(way_out) if rules.reads_either_way else None

    @property
    def method(self) -> Method:
        """How the calls are to be sent."""
        return self._rules.method

    @property
    def of_all(self) -> bytes:
        """A call with what holds for all alike, and of nobody; empty if calls have policies of their own."""
        return b"" if self.policy_by_row else b'{"phone":""%b}' % _policy_part(self._of_all).encode()

    def keys(self, call: object) -> bytes:
        """Return the call's key as JSON."""
        if not self.key_names:
            return b"{}"
        key = call.get("key") if isinstance(call, Mapping) else None
        try:
            return _encode({"key": key}, enc_hook=str)
        except (ValueError, OverflowError, RecursionError, TypeError):  # text that is no Unicode, a number too long
            return _encode({"key": shown(key)})

    def read(self, call: object) -> tuple[str, bytes]:
        """Return the call: its phone, and all of it as JSON.

        :raises RejectedError: if it can't be called, naming the value (a phone masked), the rule and the way out
        """
        try:
            phone, content = self._read(_named(call))
        except RejectedTypeError as error:  # of this call alone: there is no column
            raise RejectedError(str(error)) from None
        check_bytes(content, self._rules.max_bytes, "names")
        return phone, content

    def _read(self, call: Mapping[str, Any]) -> tuple[str, bytes]:
        written, payload, zone = call.get("phone"), call.get("payload"), call.get("gmt_zone")
        policy = self._policy_of(call.get("policy"))
        if self._rules.method == "addPhone":
            single = Call.of(written, payload, zone, **self._phones)
            self._count(written, single.phone)
            return single.phone, _single_item(single)
        listed = ListedCall.of(written, payload, zone, policy, **self._phones)
        self._count(written, listed.phone)
        return listed.phone, _listed_item(listed)

    def _count(self, written: object, phone: str) -> None:
        if self.readings is not None:
            self.readings.add(written, phone)

    def _policy_of(self, given: object) -> CallPolicy | None:
        if given is None:
            return self._of_all
        if not isinstance(given, Mapping):
            raise RejectedError(
                f"policy is of type {type(given).__name__}: give a dictionary of {', '.join(POLICY_FIELDS)}"
            )
        for name in given:
            if name not in POLICY_FIELDS:
                raise RejectedError(f"policy has an unknown name {shown(name)}: there are {', '.join(POLICY_FIELDS)}")
        return self._policy({name: value for name, value in given.items() if not _is_nothing(value)})

    def _policy(self, own: Mapping[str, object]) -> CallPolicy | None:
        chosen = {**self._rules.policy_of_all, **own}
        return CallPolicy.of(**{name: policy_value(name, value) for name, value in chosen.items()}) or None


def _named(call: object) -> Mapping[str, Any]:
    """A call by names; a phone alone is one without a payload."""
    if not isinstance(call, Mapping):
        if isinstance(call, (list, tuple, set, frozenset)):
            raise RejectedError(
                f"the call is a {type(call).__name__}: give a dictionary of {', '.join(CALL_FIELDS)}, or a phone "
                "alone. Lists of several tasks are to be joined to one"
            )
        return {"phone": call}
    for name in call:
        if name not in CALL_FIELDS:
            raise RejectedError(
                f"the call has an unknown name {shown(name)}: there are {', '.join(CALL_FIELDS)}. What the campaign's "
                "script reads belongs into payload"
            )
    return call


def _has_key(call: object) -> bool:
    return isinstance(call, Mapping) and call.get("key") is not None


def _listed_item(call: ListedCall) -> bytes:
    """An item of addPhones, as :meth:`.ListedCall.as_item` is, without reading the payload again."""
    payload = "" if call.payload is None else f',"payload":{call.payload}'
    zone = "" if call.gmt_zone is None else f',"gmtZone":{_encode(call.gmt_zone).decode()}'
    return f'{{"phone":"{call.phone}"{payload}{zone}{_policy_part(call.policy)}}}'.encode()


def _policy_part(policy: CallPolicy | None) -> str:
    return f",{_encode(policy.as_item()).decode()[1:-1]}" if policy else ""


def _single_item(call: Call) -> bytes:
    """What addPhone is told, as :class:`.RowReader` writes it."""
    payload = dict(call.payload)
    if sum(len(name) + len(text) for name, text in call.payload) > SURELY_SHORT:
        check_url(payload, "names")
    zone = {} if call.gmt_zone is None else {"gmtZone": call.gmt_zone}
    return _encode({"phone": call.phone, "payload": payload, **zone})
