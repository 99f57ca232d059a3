"""The address that the server asks before it calls: validated, and in canonical form.

No source says what it is asked, and which answer means what: that is between the server and whoever answers there.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.calls_api.masking import mask_addresses, shown

__all__ = ["checked_address"]

_NAME = "external_check_url"
_LONGEST = 2000
_AS_IN = "give an address as in https://example.com/may-be-called"


def checked_address(value: object) -> str:
    """Return an address of http or https, its scheme and host in small letters.

    :raises RejectedError: if it is none, or bears what should not be seen; no more of it is named than its host
    """
    if not isinstance(value, str):
        raise RejectedTypeError(
            f"{_NAME} {shown(value)} is of type {type(value).__name__}: {_AS_IN}", what=_NAME, kind=type(value).__name__
        )
    text = str.__str__(value).strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, a bracket that isn't closed
        raise _not_an_address() from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or not _is_plain(text):
        raise _not_an_address()
    if "@" in parts.netloc:
        raise RejectedError(
            f"{_NAME} of {host} bears a user's name or password, which would show wherever the address does: have "
            "the address know who asks by something else, as by its network or a token in its query"
        )
    if "#" in text:
        raise RejectedError(f"{_NAME} {shown(text)} has a fragment (#…), which no server is sent: leave it out")
    if len(text) > _LONGEST:
        raise RejectedError(f"{_NAME} {mask_addresses(text)} has over {_LONGEST:,} characters: make it shorter")
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path, parts.query, ""))


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not set(text) & set(' \\<>"`')


def _not_an_address() -> RejectedError:
    """Without the value: what isn't an address can't be masked as one."""
    return RejectedError(
        f"{_NAME} isn't an address of http or https, in ASCII and without blanks (percent-encode others): {_AS_IN}"
    )
