"""Finds a secret in what was written, in whatever form: as it is, encoded, escaped, quoted, folded, or in part."""

from __future__ import annotations

import base64
import html
import re
import string
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

__all__ = ["FORMS", "forms_of", "leaks"]

WINDOW = 12
"""Characters in a row that give a secret away: this many are never alike by chance."""

_OTHERS = bytes(set(range(256)) - set((string.ascii_letters + string.digits).encode()))
_ESCAPED = re.compile(rb"\\+(?:u00|x)([0-9a-fA-F]{2})")


def _unescaped(content: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), content)


def _unhtml(content: bytes) -> bytes:
    return html.unescape(content.decode("latin-1")).encode("latin-1", "ignore")


FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    "as it is": lambda content: content,
    "percent-encoded": unquote_to_bytes,
    "percent-encoded twice": lambda content: unquote_to_bytes(unquote_to_bytes(content)),
    "escaped": _unescaped,
    "HTML": _unhtml,
}
"""What each form is turned back by. In each, quotes, spaces, line ends and all other signs are passed over."""


def forms_of(content: bytes, secret: str) -> list[str]:
    """Return the names of the forms in which *secret*, or a part of it that gives it away, stands in *content*."""
    plain = secret.encode().translate(None, _OTHERS)
    parts = [plain[start : start + WINDOW] for start in range(len(plain) - WINDOW + 1)]
    found = []
    for name, turned_back in FORMS.items():
        letters = turned_back(content).translate(None, _OTHERS)
        if any(part in letters for part in parts):
            found.append(name)
    letters = content.translate(None, _OTHERS)
    for offset in range(3):
        # What stands before it decides where the groups of three begin; the ends depend on the neighbours.
        encoded = base64.b64encode(b"\0" * offset + secret.encode())[4:-4].translate(None, _OTHERS)
        if encoded in letters:
            found.append("base64")
            break
    return found


def leaks(places: Mapping[str, bytes], secret: str) -> dict[str, list[str]]:
    """Return the places where *secret* stands, and its forms there."""
    return {place: forms for place, content in places.items() if (forms := forms_of(content, secret))}
