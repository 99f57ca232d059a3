"""Phones and addresses as people may see them, and values as errors may name them: masked.

Nothing here says whether a value is a phone that can be called.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["as_text", "mask_addresses", "mask_phone", "mask_within", "shown"]

# Up to the first digit no digits, so that no text, however long, takes more than one reading.
_WRITTEN = re.compile(r"\+?[ ()./\-]*[0-9][0-9 ()./\-]*")
_DATE = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9](?: [0-2][0-9])?")
_WRITTEN_WITHIN = re.compile(r"\+?\(?[0-9](?:[ ()./\-]{0,3}[0-9]){6,}")

_ADDRESS = re.compile(r"""(https?://)(?:[^\s"'<>/?#]*@)?([^\s"'<>/?#@]*)([^\s"'<>]*)""", re.IGNORECASE)
"""An address in a text: its scheme, its host, and what may be a secret."""


def mask_phone(value: object) -> str:
    """Return a phone as it may be logged: ``7912***6789``.

    Of a shorter one, and of a value that is no phone, only two characters at each end are shown, or none.
    """
    text = as_text(value)
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) >= 11 and _WRITTEN.fullmatch(text):
        return f"{digits[:4]}***{digits[-4:]}"
    return f"{text[:2]}***{text[-2:]}" if len(text) >= 7 else "***"


def mask_addresses(text: str) -> str:
    """Return a text with its web addresses as they may be shown: ``https://example.com/…``.

    What stands behind the host, or before it, may be a secret by which somebody is let in.
    """
    return _ADDRESS.sub(lambda found: f"{found[1]}{found[2]}{'/…' if found[3].strip('/') else found[3]}", text)


def mask_within(text: str) -> str:
    """Return a text with all in it masked that could be a phone, or an address."""
    return _WRITTEN_WITHIN.sub(_masked_unless_date, mask_addresses(text))


def shown(value: object) -> str:
    """Return a value as an error may name it: like ``repr``, but with what could be a phone, or an address, masked.

    A phone may stand where something else is meant to, as when two arguments are swapped.
    """
    if isinstance(value, bool) or value is None:
        return repr(value)
    text = as_text(value)
    if len(re.sub(r"[^0-9]", "", text)) >= 7 and _WRITTEN.fullmatch(text) and not _DATE.fullmatch(text):
        return repr(mask_phone(text))
    masked = _WRITTEN_WITHIN.sub(_masked_unless_date, mask_addresses(text)[:100])  # cut off before it is searched
    return repr(masked) if isinstance(value, str) or masked != text else as_text(value, repr)


def _masked_unless_date(found: re.Match[str]) -> str:
    return found[0] if _DATE.fullmatch(found[0]) else mask_phone(found[0])


def as_text(value: object, write: Callable[[object], str] = str) -> str:
    """A value as text, also one that holds a number with more digits than Python writes."""
    try:
        return write(value)
    except (ValueError, RecursionError):
        return f"{type(value).__name__} too long to be written"
