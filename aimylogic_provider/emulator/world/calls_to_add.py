"""A number to be added, as a request bears it, and how the server checks it: phone, time zone, doubles in a list.

What its campaign and its key make of it is for ``campaign``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from aimylogic_provider.calls_api.calls.gmt_zone import canonical_gmt_zone
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.emulator.world.jobs import Policy
from aimylogic_provider.emulator.world.phones import server_phone
from aimylogic_provider.emulator.world.refusal import Refusal
from aimylogic_provider.emulator.world.settings import Settings

__all__ = ["WantedCall", "checked_call", "checked_calls", "duplicated"]

_SPACE_FOR_PLUS = re.compile("^(UTC|GMT|UT|) ")
_OFFSET = re.compile(r"(?:UTC|GMT|UT)?(?:Z|\+[0-9]|\+[0-9]{2}|[+-][0-9]{2}(?::?[0-9]{2}){1,2})")
"""The contract's offsets; what a client may write besides, it must bring to one of them."""


@dataclass(frozen=True, slots=True)
class WantedCall:
    """A number to be added, as the request bears it.

    :param payload: JSON text, or None for none
    """

    phone: str
    payload: str | None
    gmt_zone: str | None
    policy: Policy | None = None


def checked_call(wanted: WantedCall, settings: Settings) -> WantedCall:
    """Return it with phone and zone in canonical form.

    :raises Refusal: if the server doesn't take one of them
    """
    zone = wanted.gmt_zone
    try:
        phone = server_phone(wanted.phone, eight=settings.takes_eight)
    except RejectedError:
        phone = ""
    if not phone or (settings.bad_numbers and settings.knows_bad(phone)):
        raise Refusal(400, "phone.bad.format", "The phone is not a number of its country", phone=wanted.phone)
    if zone is not None:
        try:
            zone = _zone(zone)
        except RejectedError:
            raise Refusal(
                400, "phone.gmtZone.bad.format", "The time zone is of none of the allowed forms",
                phone=wanted.phone, gmtZone=zone,
            ) from None  # fmt: skip
    if phone == wanted.phone and zone is wanted.gmt_zone:
        return wanted
    return WantedCall(phone, wanted.payload, zone, wanted.policy)


def checked_calls(wanted: Iterable[WantedCall], settings: Settings) -> list[WantedCall]:
    """Return them with phones and zones in canonical form.

    :raises Refusal: if the server doesn't take one of them, or one phone is there twice
    """
    checked = [checked_call(one, settings) for one in wanted]
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for one in checked:
        if one.phone in seen:
            repeated[one.phone] = None
        seen.add(one.phone)
    if repeated:
        raise duplicated(next(iter(repeated)), "The list holds phones twice", [*repeated])
    return checked


def duplicated(phone: str, message: str, phones: Sequence[str] | None = None) -> Refusal:
    """The refusal of a phone that was added before, or stands in a list twice."""
    return Refusal(400, "phone.duplicated", message, phone=phone, phonesDuplicates=list(phones or [phone]))


@lru_cache(4096)
def _zone(text: str) -> str | None:
    # The vendor's own example writes +03:30 into the query as it is, where a form decoder reads a space.
    zone = _SPACE_FOR_PLUS.sub(r"\1+", text, count=1)
    canonical = canonical_gmt_zone(zone)
    if canonical not in (None, zone) and not _OFFSET.fullmatch(zone.strip()):
        raise RejectedError("none of the contract's forms")
    return canonical
