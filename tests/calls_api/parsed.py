"""What ``phonenumbers`` alone makes of digits: the quick ways must give the same."""

from __future__ import annotations

from aimylogic_provider.calls_api.phones.phone import PhoneRules, _international, _of_region

__all__ = ["parsed_phone"]


def parsed_phone(text: str, region: str | None) -> str:
    """Return the canonical form of digits, with or without a plus.

    :param region: of those that have phone numbers, in capitals, or None
    :raises RejectedError: as ``canonical_phone`` does
    """
    rules = PhoneRules(region=region)
    return _international(text, rules) if text.startswith("+") or region is None else _of_region(text, region, rules)
