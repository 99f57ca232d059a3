"""Phones as the emulated server takes them: with country code, with or without a plus."""

from __future__ import annotations

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phone import canonical_phone

__all__ = ["known_phone", "server_phone"]


def server_phone(text: str) -> str:
    """Return a phone in canonical form.

    :raises RejectedError: if it is no possible number
    """
    return canonical_phone(text if text.startswith("+") else f"+{text}")


def known_phone(text: str) -> str:
    """Return a phone in canonical form, or what is none as it is."""
    try:
        return server_phone(text)
    except RejectedError:
        return text
