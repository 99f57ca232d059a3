"""Rows of a query made into calls, each as the JSON that is stored and sent. What can't be a call is rejected.

One row at a time: doubles, limits and files are ``freeze``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from math import isfinite
from typing import Any
from unicodedata import category, is_normalized

import msgspec

from aimylogic_provider.call_list.freeze.call_rules import CallRules
from aimylogic_provider.call_list.freeze.phone_readings import PhoneReadings
from aimylogic_provider.call_list.freeze.request_size import SURELY_SHORT, check_bytes, check_url
from aimylogic_provider.call_list.store.manifest import Method
from aimylogic_provider.calls_api.calls.call import ListedCall
from aimylogic_provider.calls_api.calls.consent import NoConsentError, has_consent
from aimylogic_provider.calls_api.calls.gmt_zone import canonical_gmt_zone
from aimylogic_provider.calls_api.calls.payload import flat_payload, nested_payload, nested_value
from aimylogic_provider.calls_api.calls.policy import CallPolicy
from aimylogic_provider.calls_api.calls.policy_values import policy_value
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import as_text, quick_phone, shown

__all__ = ["POLICY_FIELDS", "Columns", "RowReader"]

POLICY_FIELDS = (
    "start", "finish", "allowed_days", "allowed_time", "retry_interval_minutes", "max_attempts", "priority",
    "external_check_url", "external_check_max_retries",
)  # fmt: skip
"""The arguments of :meth:`.CallPolicy.of`."""

_LARGE = 10**18
_encode = msgspec.json.encode
_NULL = b"\\u0000"
"""A null character as JSON writes it, or the text of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns(CallRules):
    """Which columns of a query are what, and what holds for all of its rows.

    :param payload: None for all that are nothing else
    :param consent: the column that tells that a person may be called; see :func:`.has_consent`
    :param policy: by argument of :meth:`.CallPolicy.of`
    """

    phone: str
    gmt_zone: str | None = None
    payload: tuple[str, ...] | None = None
    keys: tuple[str, ...] = ()
    consent: str | None = None
    policy: Mapping[str, str] = field(default_factory=dict)


_WRITTEN_OTHERWISE: dict[type, str] = {
    float: "floating-point numbers", datetime: "times", bytes: "bytes", bytearray: "bytes", memoryview: "bytes",
}  # fmt: skip
"""What a cast writes otherwise than Python does: 1 and 1.0, a space and a T."""


class RowReader:
    """Makes calls of rows.

    :param names: the query's columns, in order
    :raises RejectedError: if a column is missing, or named twice
    """

    way_out = "Correct the rows, the query or this task's arguments (phone_region, say), and clear the task"

    def __init__(self, columns: Columns, names: Sequence[str]) -> None:
        self._columns = columns
        self._names = list(names)
        self._phone = self._index("phone_column", columns.phone)
        self._zone = None if columns.gmt_zone is None else self._index("gmt_zone_column", columns.gmt_zone)
        self._keys = [(name, self._index("key_columns", name)) for name in columns.keys]
        self._consent = None if columns.consent is None else self._index("consent_column", columns.consent)
        self._kept = list(self._keys)
        if self._consent is not None and not self._is_key(self._consent):
            self._kept.append((str(columns.consent), self._consent))
        self._policy = [(one, self._index(f"policy_columns[{one!r}]", name)) for one, name in columns.policy.items()]
        self._payload = sorted(self._payload_places())
        self._zones: dict[object, str] = {}
        self._policies: dict[tuple[object, ...], str] = {}
        # Checked once, before a million rows are.
        self._rules = columns.phones()
        self.readings = PhoneReadings() if columns.reads_either_way else None
        of_all = self._policy_fragment([None] * len(self._policy))
        self._policy_of_all = "" if self._policy else of_all
        self._quick = quick_phone if self._rules.takes_what_is_in_use else self._rules.quick

    @property
    def method(self) -> Method:
        """How the calls are to be sent."""
        return self._columns.method

    @property
    def key_names(self) -> tuple[str, ...]:
        """The names of the key columns, and of the one that tells of consent."""
        return tuple(name for name, _ in self._kept)

    @property
    def policy_by_row(self) -> bool:
        """Whether columns give rows policies of their own."""
        return bool(self._columns.policy)

    @property
    def of_all(self) -> bytes:
        """A call with what holds for all rows alike, and of nobody; empty if rows have finishes of their own."""
        return (
            b""
            if "finish" in self._columns.policy
            else b'{"phone":""%b}' % self._policy_fragment([None] * len(self._policy)).encode()
        )

    def keys(self, row: Sequence[Any]) -> bytes:
        """Return the key columns as JSON, and what tells of consent."""
        if not self._kept:
            return b"{}"
        keys = {name: row[index] for name, index in self._kept}
        try:
            return _encode(keys, enc_hook=str)
        except (ValueError, OverflowError, RecursionError, TypeError):  # text that is no Unicode, a number too long
            return _encode({name: _encodable(value) for name, value in keys.items()}, enc_hook=str)

    def with_keys_checked(self, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        """Go through rows, and see that the database writes their keys as a results table does, or no query finds them.

        :raises RejectedError: for a float, a time or bytes, which it writes otherwise
        """
        kinds = tuple(_WRITTEN_OTHERWISE)
        for row in rows:
            for name, index in self._keys:
                if isinstance(row[index], kinds):
                    raise self._written_otherwise(name, row[index])
            yield row

    def _written_otherwise(self, name: str, key: object) -> RejectedError:
        words = next(words for kind, words in _WRITTEN_OTHERWISE.items() if isinstance(key, kind))
        return RejectedError(
            f"key_columns: {name!r} holds {words}, and the results table keeps its text, which a database writes "
            "otherwise: a query that leaves out who was called would not find them there, and they would be called "
            f"again. Select it as text, as in cast({name} as varchar(250)) as {name}, and compare it so"
        )

    def read(self, row: Sequence[Any]) -> tuple[str, bytes]:
        """Return the call that *row* is: its phone, and all of it as JSON.

        What is NULL in the row is left out of payload, policy and time zone.

        :raises RejectedError: if it can't be called, naming the value (a phone masked), the rule and the way out
        """
        if self._consent is not None and not has_consent(row[self._consent]):
            raise NoConsentError(str(self._columns.consent), row[self._consent])
        phone, call = self._listed(row) if self._columns.method == "addPhones" else self._single(row)
        check_bytes(call, self._columns.max_bytes, "columns")
        return phone, call

    def _listed(self, row: Sequence[Any]) -> tuple[str, bytes]:
        """As :meth:`.ListedCall.of` and its item would be, many times faster where values are plain."""
        phone = self._phone_of(row[self._phone])
        payload: dict[str, object] = {}
        for name, index in self._payload:
            value = row[index]
            if value is None:
                continue
            kind = type(value)
            if (
                (kind is str and (value.isascii() or is_normalized("NFC", value)))
                or kind is int
                or kind is bool
                or (kind is float and isfinite(value) and not value.is_integer())
            ):
                payload[name] = value
            else:
                payload[name] = nested_value(name, value)
        more = self._policy_of_all
        if self._zone is not None:
            more = self._cached(self._zones, row[self._zone], self._zone_fragment) + more
        if self._policy:
            values = tuple(row[index] for _, index in self._policy)
            more += self._cached(self._policies, values, self._policy_fragment, kinds=tuple(map(type, values)))
        if not payload:
            return phone, f'{{"phone":"{phone}"{more}}}'.encode()
        try:
            content = _encode(payload, enc_hook=_plain_text)
        except (OverflowError, ValueError):  # integers of more than 64 bits, text that is no Unicode
            content = (ListedCall.of(phone, payload).payload or "").encode()
        if _NULL in content:
            nested_payload(payload)  # says where, if it is one
        return phone, b'{"phone":"%b","payload":%b%b}' % (phone.encode(), content, more.encode())

    def _single(self, row: Sequence[Any]) -> tuple[str, bytes]:
        """As :meth:`.Call.of` would be, many times faster where values are plain."""
        phone = self._phone_of(row[self._phone])
        payload: dict[str, str] = {}
        length = 0
        for name, index in self._payload:
            value = row[index]
            if value is None:
                continue
            kind = type(value)
            if kind is str and (value.isascii() or is_normalized("NFC", value)):
                text = value
            elif kind is int and abs(value) < _LARGE:
                text = str(value)
            elif kind is float and isfinite(value) and not value.is_integer():
                text = repr(value)
            else:
                text = flat_payload({name: value})[name]
            payload[name] = text
            length += len(name) + len(text)
        more = "" if self._zone is None else self._cached(self._zones, row[self._zone], self._zone_fragment)
        if length > SURELY_SHORT:
            check_url(payload, "columns")
        try:
            content = _encode(payload, enc_hook=_plain_text)
        except ValueError:  # text that is no Unicode
            flat_payload(payload)  # says which
            raise
        if _NULL in content:
            flat_payload(payload)  # says where, if it is one
        return phone, b'{"phone":"%b","payload":%b%b}' % (phone.encode(), content, more.encode())

    def _phone_of(self, value: object) -> str:
        phone = self._quick(value) if type(value) is str else None
        if phone is None:
            phone = self._rules.canonical(value)
        if self.readings is not None:
            self.readings.add(value, phone)
        return phone

    @staticmethod
    def _cached(cache: dict[Any, str], value: Any, make: Callable[[Any], str], kinds: Any = None) -> str:
        """What *make* makes of a value, once; as 1, True and 1.0 are equal, *kinds* tells them apart."""
        try:
            if (known := cache.get((value, kinds))) is not None:
                return known
        except TypeError:  # a list, say
            return make(value)
        fragment = make(value)
        if len(cache) < 10_000:
            cache[value, kinds] = fragment
        return fragment

    @staticmethod
    def _zone_fragment(value: object) -> str:
        zone = canonical_gmt_zone(value)
        return "" if zone is None else f',"gmtZone":{_encode(zone).decode()}'

    def _policy_fragment(self, values: Sequence[object]) -> str:
        chosen = {name: policy_value(name, value) for name, value in self._columns.policy_of_all.items()}
        for (name, _), value in zip(self._policy, values, strict=True):
            if value is not None:
                chosen[name] = policy_value(name, value)
        policy = CallPolicy.of(**chosen)  # it checks each
        return f",{_encode(policy.as_item()).decode()[1:-1]}" if policy else ""

    def _payload_places(self) -> list[tuple[str, int]]:
        """Names of the payload, checked and brought to one form, and where they stand."""
        named = self._columns.payload
        if named is None:
            used = {self._phone, *(() if self._zone is None else (self._zone,))}
            used.update(index for _, index in chain(self._kept, self._policy))
            named = tuple(name for index, name in enumerate(self._names) if index not in used)
        check = nested_payload if self._columns.method == "addPhones" else flat_payload
        if self._columns.method == "addPhone" and self._columns.payload is None and "gmtZone" in named:
            raise RejectedError(
                "payload has the name 'gmtZone', which addPhone reads itself: say gmt_zone_column='gmtZone' if that "
                "column is the people's time zone, or else name it otherwise, with AS"
            )
        indexes = [(next(iter(check({name: ""}))), self._index("payload_columns", name)) for name in named]
        names = [name for name, _ in indexes]
        if twice := {name for name in names if names.count(name) > 1}:
            raise RejectedError(f"payload_columns name {shown(min(twice))} twice: name each column apart, with AS")
        return indexes

    def _is_key(self, place: int) -> bool:
        return any(index == place for _, index in self._keys)

    def _index(self, argument: str, name: str) -> int:
        """Where a column stands; written in other capitals, if no other column could be meant."""
        exact = [index for index, one in enumerate(self._names) if one == name]
        found = exact or [index for index, one in enumerate(self._names) if one.casefold() == str(name).casefold()]
        if len(found) == 1:
            return found[0]
        what = "has no such column" if not found else "has it more than once: name each column apart, with AS"
        columns = ", ".join(map(repr, self._names))
        raise RejectedError(f"{argument} {shown(name)}: the query {what}; its columns are {columns}{self._meant(name)}")

    def _meant(self, name: str) -> str:
        """A hint at the column that is meant, if what can't be seen in its name is all that it differs by."""
        for one in self._names:
            if _visible(one) == _visible(str(name)) and one.casefold() != str(name).casefold():
                strange = "a byte order mark" if "\ufeff" in one + str(name) else "blanks, or what can't be seen,"
                return f". {one!r} has {strange} in its name: name it with AS, or clean what the table was loaded from"
        return ""


def _visible(name: str) -> str:
    """A name without blanks and what can't be seen, in small letters."""
    return "".join(c for c in name if not c.isspace() and category(c) not in ("Cf", "Cc")).casefold()


def _plain_text(value: object) -> str:
    """Text of a kind of its own, as drivers may give it."""
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"a payload with a {type(value).__name__}")


def _encodable(value: object) -> object:
    """A value that JSON can bear: as it is, if that one can."""
    try:
        _encode(value, enc_hook=str)
    except (ValueError, OverflowError, RecursionError, TypeError):
        return as_text(value).encode("utf-8", "replace").decode()
    return value
