"""Harness of a query's rows. An input is ``[columns, row]``: which of some readers reads it, and the row's values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from aimylogic_provider.call_list.freeze.rows import Columns, RowReader
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.errors import RejectedError
from tests.fuzz.parsers.harness import Harness, NotAnInput, check_told, json_value

__all__ = ["HARNESS"]

NAMES = ("phone", "zone", "name", "day", "when", "attempts", "days", "hours")
COLUMNS = (
    Columns(phone="phone"),
    Columns(phone="phone", method="addPhone"),
    Columns(phone="PHONE", gmt_zone="zone", payload=("name", "when"), keys=("day",), phone_region="RU"),
    Columns(phone="phone", gmt_zone="zone", payload=("name",), keys=("day", "hours"), method="addPhone"),
    Columns(
        phone="phone",
        payload=("name",),
        policy={"start": "when", "max_attempts": "attempts", "allowed_days": "days", "allowed_time": "hours"},
        policy_of_all={"priority": "3"},
        max_bytes=2000,
    ),
)


@cache
def _reader(which: int) -> RowReader:
    return RowReader(COLUMNS[which], NAMES)


def _check(content: bytes) -> None:
    match json_value(content):
        case [int() as which, [*row]]:
            which %= len(COLUMNS)
            row = [*row[: len(NAMES)], *[None] * (len(NAMES) - len(row))]
        case _:
            raise NotAnInput
    reader = _reader(which)
    json.loads(reader.keys(row))
    try:
        phone, call = reader.read(row)
    except RejectedError as error:
        check_told(error, *(value for value in row[:1] if isinstance(value, str)))
        return
    assert reader.read(row) == (phone, call), "the same row is another call"
    item: Any = json.loads(call)
    assert item["phone"] == phone
    assert phone.isdigit()
    _check_same(COLUMNS[which], row, item)


def _check_same(columns: Columns, row: Sequence[Any], item: dict[str, Any]) -> None:
    """The quick way gives the very call that the careful one does."""
    payload = None if columns.policy or columns.payload is not None else dict(zip(NAMES[1:], row[1:], strict=True))
    if payload is None:
        payload = {name: row[NAMES.index(name)] for name in columns.payload or ()}
    payload = {name: str(value) if isinstance(value, UUID) else value for name, value in payload.items()}
    payload = {name: value for name, value in payload.items() if value is not None}
    zone = row[1] if columns.gmt_zone else None
    if columns.method == "addPhone":
        call = Call.of(row[0], payload, zone, phone_region=columns.phone_region)
        expected: dict[str, Any] = {"phone": call.phone, "payload": dict(call.payload)}
        if call.gmt_zone is not None:
            expected["gmtZone"] = call.gmt_zone
    else:
        listed = ListedCall.of(row[0], payload, zone, phone_region=columns.phone_region)
        expected = listed.as_item()
    assert {name: item[name] for name in expected} == expected
    assert _kinds(item.get("payload", {})) == _kinds(expected.get("payload", {}))


def _kinds(value: object) -> str:
    """``repr`` tells 1 from 1.0 and True."""
    return repr(value)


HARNESS = Harness("rows", _check, ("call_list/freeze/rows.py",))
