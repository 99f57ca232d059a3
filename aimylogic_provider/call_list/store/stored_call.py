"""How a stored call reads: a line of a batch's file, and the call in it, by as much of it as is asked for.

All that knows the JSON of calls as lists hold them reads it here. ``freeze.rows`` makes it, once; what a call may hold
is told there, and in ``calls_api``. What a reader doesn't ask for isn't decoded, for a list has millions of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

__all__ = [
    "CallContent",
    "CallLine",
    "CallRhythm",
    "CallTimes",
    "HoursOfDay",
    "PhoneAndPayload",
    "decode_content",
    "decode_line",
    "decode_lines",
    "decode_phone_and_payload",
    "decode_rhythm",
    "decode_times",
    "encode_line",
    "parameters_of",
]  # fmt: skip


class _Phone(msgspec.Struct):
    phone: str


class PhoneAndPayload(msgspec.Struct):
    """What tells two calls of a list apart: whom, and about what, the latter as it is sent."""

    phone: str
    payload: msgspec.Raw = msgspec.Raw(b"")


class CallContent(msgspec.Struct):
    """What a person may want to know of a call: whom, and about what."""

    phone: str
    payload: dict[str, Any] = {}


class HoursOfDay(msgspec.Struct, frozen=True):
    """From when until when a call may be dialled on a day."""

    start: str = msgspec.field(name="localTimeFrom")
    end: str = msgspec.field(name="localTimeTo")


class CallTimes(msgspec.Struct):
    """When an item of addPhones may be dialled."""

    phone: str
    zone: str | None = msgspec.field(name="gmtZone", default=None)
    start: str | None = msgspec.field(name="startDateTime", default=None)
    finish: str | None = msgspec.field(name="finishDateTime", default=None)
    days: tuple[str, ...] = msgspec.field(name="allowedDays", default=())
    times: dict[str, tuple[HoursOfDay, ...]] = msgspec.field(name="allowedTime", default_factory=dict)


class CallRhythm(msgspec.Struct, frozen=True):
    """How often an item of addPhones may be dialled, and at which times of which days; of addPhone, nothing."""

    attempts: int | None = msgspec.field(name="maxAttempts", default=None)
    days: tuple[str, ...] = msgspec.field(name="allowedDays", default=())
    times: dict[str, tuple[HoursOfDay, ...]] = msgspec.field(name="allowedTime", default_factory=dict)


class _Parameters(msgspec.Struct, rename={"gmt_zone": "gmtZone"}):
    """All of a call of addPhone."""

    phone: str
    payload: dict[str, str] = {}
    gmt_zone: str | None = None


class CallLine(msgspec.Struct, frozen=True):
    """One call of a batch: a line of its file.

    :param row: which row of the query it was, from 1
    :param call: the item of addPhones, or the parameters of addPhone
    :param keys: the key columns
    """

    row: int
    call: msgspec.Raw
    keys: dict[str, Any] = {}

    @property
    def phone(self) -> str:
        """Whom it calls."""
        return _phone.decode(self.call).phone  # without a look at the rest of it


_phone = msgspec.json.Decoder(_Phone)
_parameters: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Parameters)
_line = msgspec.json.Decoder(CallLine)
decode_line, decode_lines = _line.decode, _line.decode_lines
decode_phone_and_payload = msgspec.json.Decoder(PhoneAndPayload).decode
decode_content = msgspec.json.Decoder(CallContent).decode
decode_rhythm = msgspec.json.Decoder(CallRhythm).decode
decode_times = msgspec.json.Decoder(CallTimes).decode


def encode_line(row: int, keys: bytes, call: bytes) -> bytes:
    """Return a line, with its end.

    :param keys: the key columns, as JSON
    :param call: as JSON
    """
    return b'{"row":%d,"keys":%b,"call":%b}\n' % (row, keys, call)  # JSON has no raw ends of lines


def parameters_of(call: msgspec.Raw) -> Iterator[tuple[str, str]]:
    """Return what addPhone is to be told of a call."""
    told = _parameters.decode(call)
    yield "phone", told.phone
    if told.gmt_zone is not None:
        yield "gmtZone", told.gmt_zone
    yield from told.payload.items()
