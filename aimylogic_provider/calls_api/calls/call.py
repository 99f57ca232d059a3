"""A call: one number to be called, with its payload and time zone, validated and in canonical form.

:class:`Call` is what addPhone takes, :class:`ListedCall` what addPhones does: a nested payload, and a policy.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from aimylogic_provider.calls_api.calls.gmt_zone import canonical_gmt_zone
from aimylogic_provider.calls_api.calls.payload import flat_payload, nested_payload
from aimylogic_provider.calls_api.calls.policy import CallPolicy
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import PhoneCheck, PhoneReading, canonical_phone, mask_phone

__all__ = ["Call", "ListedCall"]

# Made once: for each of a million calls that would cost more than the encoding.
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Call:
    """One number to be called. Make it with :meth:`of`, which validates.

    :param phone: digits with country code
    :param payload: text by name, sorted by name
    :param gmt_zone: ``Z``, ``±hh:mm[:ss]``, an IANA id, or None for the number's own zone
    """

    phone: str = field(repr=False)
    payload: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    gmt_zone: str | None = None

    @classmethod
    def of(
        cls,
        phone: object,
        payload: Mapping[str, object] | None = None,
        gmt_zone: object = None,
        *,
        phone_region: str | None = None,
        phone_reading: PhoneReading = "either",
        phone_check: PhoneCheck = "in use",
        countries: Collection[str] | None = None,
    ) -> Call:
        """Validate what a user wrote and return it in canonical form.

        :param phone_region: and the other rules of phones: as of :meth:`ListedCall.of`
        :raises RejectedError: naming the value (a phone masked), the rule and the way out
        """
        return cls(
            phone=canonical_phone(phone, phone_region, reading=phone_reading, check=phone_check, countries=countries),
            payload=tuple(flat_payload(payload).items()),
            gmt_zone=canonical_gmt_zone(gmt_zone),
        )

    @property
    def masked_phone(self) -> str:
        """The phone as it may be shown."""
        return mask_phone(self.phone)


@dataclass(frozen=True, slots=True)
class ListedCall:
    """One number of a list to be called. Make it with :meth:`of`, which validates.

    :param phone: digits with country code
    :param payload: a JSON object as compact text, its names sorted, or None for none
    :param gmt_zone: ``Z``, ``±hh:mm[:ss]``, an IANA id, or None for the number's own zone
    :param policy: when and how often to call, or None for as the campaign does
    """

    phone: str = field(repr=False)
    payload: str | None = field(default=None, repr=False)
    gmt_zone: str | None = None
    policy: CallPolicy | None = None

    @classmethod
    def of(
        cls,
        phone: object,
        payload: Mapping[str, object] | None = None,
        gmt_zone: object = None,
        policy: CallPolicy | None = None,
        *,
        phone_region: str | None = None,
        phone_reading: PhoneReading = "either",
        phone_check: PhoneCheck = "in use",
        countries: Collection[str] | None = None,
    ) -> ListedCall:
        """Validate what a user wrote and return it in canonical form. An empty payload or policy is the same as none.

        :param phone: in any writing, with country code, or national with *phone_region*
        :param payload: names and values, which may nest; the campaign's script reads them
        :param gmt_zone: the person's time zone, as in ``+03:30`` or ``Europe/Moscow``; None for the number's own
        :param policy: when and how often to call, made by ``CallPolicy.of(…)``; None for as the campaign does
        :param phone_region: two-letter code of the country whose national numbers are understood
        :param phone_reading: whether numbers without a plus bear their country code (``international``), don't
            (``national``), or may (``either``)
        :param phone_check: whether numbers without a plus must be ``in use``, or only ``possible``, as those of new
            ranges are
        :param countries: two-letter codes of those that may be called; None for all
        :raises RejectedError: naming the value (a phone masked), the rule and the way out
        """
        if policy is not None and not isinstance(policy, CallPolicy):
            raise RejectedError(f"policy is of type {type(policy).__name__}: make it with CallPolicy.of(…)")
        content = nested_payload(payload)
        return cls(
            phone=canonical_phone(phone, phone_region, reading=phone_reading, check=phone_check, countries=countries),
            payload=_compact(content) if content else None,
            gmt_zone=canonical_gmt_zone(gmt_zone),
            policy=policy or None,
        )

    @property
    def masked_phone(self) -> str:
        """The phone as it may be shown."""
        return mask_phone(self.phone)

    def as_item(self) -> dict[str, object]:
        """Return the item of addPhones' JSON list."""
        item: dict[str, object] = {"phone": self.phone}
        if self.payload is not None:
            item["payload"] = json.loads(self.payload)
        if self.gmt_zone is not None:
            item["gmtZone"] = self.gmt_zone
        return item if self.policy is None else {**item, **self.policy.as_item()}
