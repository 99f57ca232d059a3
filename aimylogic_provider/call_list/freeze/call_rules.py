"""What holds for all calls of a list, whether rows of a query or given calls become them. Values alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from aimylogic_provider.call_list.store.manifest import Method
from aimylogic_provider.calls_api.phones.phone import PhoneCheck, PhoneReading, PhoneRules

__all__ = ["CallRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRules:
    """What holds for all calls of a list.

    :param policy_of_all: what holds where a call says nothing else, by argument of :meth:`.CallPolicy.of`
    :param phone_region: and the three after it: see :class:`.PhoneRules`
    :param max_bytes: of a request with one call
    """

    policy_of_all: Mapping[str, object] = field(default_factory=dict)
    phone_region: str | None = None
    phone_reading: PhoneReading = "either"
    phone_check: PhoneCheck = "in use"
    countries: Collection[str] | None = None
    method: Method = "addPhones"
    max_bytes: int = 1_000_000

    def phones(self) -> PhoneRules:
        """How phones are read, and which are taken.

        :raises RejectedError: if one of those rules can't be used
        """
        return PhoneRules(
            region=self.phone_region, reading=self.phone_reading, check=self.phone_check, countries=self.countries
        )

    @property
    def reads_either_way(self) -> bool:
        """Whether a number without a plus may be a national one, or not."""
        return bool(self.phone_region) and self.phone_reading == "either"
