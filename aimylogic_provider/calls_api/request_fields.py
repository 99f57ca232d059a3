"""The parts of which the endpoints' requests are made: keys, phones and ids, pages, time ranges, checked.

What only one endpoint takes stands beside its request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from numbers import Integral
from typing import Any, TypeVar

from aimylogic_provider.calls_api.endpoint_table import Endpoint
from aimylogic_provider.calls_api.errors import RejectedError, UnreadableError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.json_values import read_id
from aimylogic_provider.calls_api.phones.phone import canonical_phone, mask_phone, shown

__all__ = [
    "IDS_PER_REQUEST",
    "canonical_phones",
    "checked_id",
    "checked_key",
    "listed",
    "listed_ids",
    "pagination",
    "phones_and_ids",
    "post_json",
    "time_range",
]

T = TypeVar("T")

IDS_PER_REQUEST = 200
"""Ids, or phones, of one request at most: as many as the contract has rows on a page; of ids it names no limit."""


def post_json(endpoint: Endpoint, parse: Callable[[bytes], T], body: object, **more: Any) -> Request[T]:
    """Return a POST with a JSON body."""
    return Request(endpoint, "POST", parse, headers={"Content-Type": "application/json"}, json=body, **more)


def checked_key(key: str | None) -> str | None:
    """Return an idempotence key as it is given, if a header can bear it.

    :raises RejectedError: if none can
    """
    if key is not None and not (
        isinstance(key, str) and key.isascii() and key.isprintable() and key.strip() == key != ""
    ):
        raise RejectedError(
            "idempotence_key is empty or holds characters that no HTTP header can bear: use a UUID, or other "
            "printable ASCII text without spaces at its ends"
        )
    return key


def listed(name: str, values: Iterable[T]) -> list[T]:
    """Return *values* as a list.

    :raises RejectedError: for a single text, whose characters would else be taken for a value each; for an object, too
    """
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise RejectedError(f"{name} is a single {type(values).__name__}: give a list, even of one")
    return list(values)


def canonical_phones(phones: Iterable[str | int]) -> list[str]:
    """Return phones as requests bear them, of any writings with a country code.

    :raises RejectedError: if one is no phone, or they are a single text
    """
    return [canonical_phone(phone) for phone in listed("phones", phones)]


def listed_ids(name: str, ids: Iterable[object]) -> list[str]:
    """Return call job ids as the decimal strings that they are.

    :param name: of the argument that holds them
    :raises RejectedError: for a single text, and for an id that isn't a decimal string or a whole number
    """
    return [checked_id(f"{name}[{place}]", number) for place, number in enumerate(listed(name, ids))]


def phones_and_ids(phones: Iterable[str], ids: Iterable[str | int]) -> dict[str, list[str]]:
    """Return the body by which reports and cancel know what is meant.

    :raises RejectedError: if neither is given, or an id isn't a decimal string
    """
    wanted = {
        "phones": [str(phone) for phone in listed("phones", phones)],
        "ids": listed_ids("ids", ids),
    }
    if not any(wanted.values()):
        raise RejectedError("neither phones nor ids are given: give at least one")
    return {name: values for name, values in wanted.items() if values}


def pagination(page: int, page_size: int) -> dict[str, int]:
    """Return the part of a body that chooses a page.

    :param page: 0 to 199
    :param page_size: rows, 1 to 200
    :raises RejectedError: for a page out of range
    """
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in (page, page_size))
    if not whole or not 0 <= page <= 199 or not 1 <= page_size <= 200:
        raise RejectedError(
            f"page {shown(page)} of size {shown(page_size)} can't be asked for: pages are 0 to 199, sizes 1 to 200; "
            "split the time range instead, where there is one"
        )
    return {"page": page, "pageSize": page_size}


def time_range(limits: Mapping[str, datetime | None]) -> dict[str, str]:
    """Return the part of a body that chooses a time range, by the limits that are given: ISO 8601, in UTC.

    The vendor's document types them so, and has no word of what a number there would mean.

    :raises RejectedError: for a time without a zone
    """
    return {name: _iso(name, moment) for name, moment in limits.items() if moment is not None}


def _iso(name: str, moment: datetime) -> str:
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise RejectedError(
            f"{name} {shown(str(moment))} isn't a datetime, or has no time zone: give an aware datetime"
        )
    text = datetime.fromtimestamp(round(moment.timestamp() * 1000) / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def checked_id(place: str, value: object) -> str:
    """Return a call job's id as the decimal string that it is.

    :param place: where it stands, for errors
    :raises RejectedError: if it is none
    """
    try:
        return read_id(int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value)
    except UnreadableError:
        raise RejectedError(
            f"{place} {mask_phone(value)!r} of type {type(value).__name__} isn't a call job id: give a decimal "
            "string, as in '5665334669' (an id that went through a float has lost its digits; cast the column to text)"
        ) from None
