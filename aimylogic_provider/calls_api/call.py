"""A call: one number to be called, with its payload and time zone, validated and in canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aimylogic_provider.calls_api.gmt_zone import canonical_gmt_zone
from aimylogic_provider.calls_api.payload import flat_payload
from aimylogic_provider.calls_api.phone import canonical_phone, mask_phone

__all__ = ["Call"]


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
    ) -> Call:
        """Validate what a user wrote and return it in canonical form.

        :raises RejectedError: naming the value (a phone masked), the rule and the way out
        """
        return cls(
            phone=canonical_phone(phone, phone_region),
            payload=tuple(flat_payload(payload).items()),
            gmt_zone=canonical_gmt_zone(gmt_zone),
        )

    @property
    def masked_phone(self) -> str:
        """The phone as it may be shown."""
        return mask_phone(self.phone)
