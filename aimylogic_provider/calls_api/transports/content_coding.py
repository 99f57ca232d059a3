"""A body as it comes in: unpacked, whole, and never more of it than is allowed.

The libraries beneath unpack too, but some of their versions as much as there is, and none says that a body is cut off:
of an id, some digits would be left.
"""

from __future__ import annotations

import zlib
from typing import Any

from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind

__all__ = ["ACCEPTED", "Body"]

ACCEPTED = "gzip"
"""The content codings that a request names (``Accept-Encoding``)."""

_PACKED = ("gzip", "x-gzip", "deflate")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Body:
    """Takes a body bit by bit.

    :param coding: as the header ``Content-Encoding`` says, or empty
    :param most: bytes that it may have, unpacked
    :raises NoResponse: for a coding that nobody asked for
    """

    def __init__(self, coding: str, most: int) -> None:
        name = coding.strip().lower()
        if name not in ("", "identity", *_PACKED):
            raise NoResponse(NoResponseKind.UNDECODABLE, "an unknown content encoding")
        self._is_packed = name in _PACKED
        self._unpacker: Any = None
        self._body = bytearray()
        self._most = most

    def add(self, part: bytes) -> None:
        """Take the next bytes.

        :raises NoResponse: if they can't be unpacked, or are too many then
        """
        if not self._is_packed:
            self._take(part)
            return
        while part:
            if self._unpacker is None:
                self._unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                self._take(self._unpacker.decompress(part, self._most - len(self._body) + 1))
            except zlib.error:
                raise NoResponse(NoResponseKind.UNDECODABLE, "bad data") from None
            part = b""
            if self._unpacker.eof:  # and perhaps another member follows
                part, self._unpacker = self._unpacker.unused_data.lstrip(b"\0"), None  # without padding

    def whole(self) -> bytes:
        """Return it.

        :raises NoResponse: if its packing is cut off
        """
        if self._unpacker is not None:
            raise NoResponse(NoResponseKind.UNDECODABLE, "cut off")
        return bytes(self._body)

    def _take(self, part: bytes) -> None:
        if len(self._body) + len(part) > self._most:
            raise NoResponse(NoResponseKind.TOO_LARGE, f"over {self._most:,} bytes")
        self._body += part
