"""How large a request is: whether a call fits into the body of addPhones, or into the URL of addPhone, which bears all.

How a call is made isn't known here; what to leave out of it, each reader says in its own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from aimylogic_provider.calls_api.address import MAX_URL
from aimylogic_provider.calls_api.calls.payload import flat_payload
from aimylogic_provider.calls_api.errors import RejectedError

__all__ = ["BRACKETS", "SURELY_SHORT", "check_bytes", "check_url"]

BRACKETS = len("[]")
"""Bytes of an addPhones request besides its calls, each of which brings its comma."""

SURELY_SHORT = 600
"""Characters of a payload that take no more than twelve each in a URL, and so need no :func:`check_url`."""

_ROOM_FOR_ADDRESS = 500
"""Characters of a URL that host, path and token take at most; of addPhone, which sends all else in the query."""


def check_bytes(call: bytes, most: int, parts: str) -> None:
    """Check that a call fits into a request alone.

    :param call: as JSON
    :param most: bytes of a request
    :param parts: what its payload is made of, in words
    :raises RejectedError: if it doesn't
    """
    takes = len(call) + BRACKETS
    if takes > most:
        raise RejectedError(
            f"a request with this call takes {takes:,} bytes, more than max_batch_bytes allows ({most:,}): "
            f"leave {parts} out of its payload"
        )


def check_url(payload: Mapping[str, str], parts: str) -> None:
    """Check that a payload fits into a URL.

    :param parts: what it is made of, in words
    :raises RejectedError: if it doesn't, or holds text that is no Unicode
    """
    try:
        length = len(urlencode(payload, quote_via=quote, safe=""))
    except UnicodeEncodeError:
        flat_payload(payload)  # says which
        raise
    if length > MAX_URL - _ROOM_FOR_ADDRESS:
        raise RejectedError(
            f"the request's URL would have over {length:,} characters, more than pass every proxy: leave {parts} "
            "out of the payload, or use method='addPhones', which sends it in the body"
        )
