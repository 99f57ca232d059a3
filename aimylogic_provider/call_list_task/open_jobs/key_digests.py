"""What a person is told by in two places: key columns, or a phone, brought to one digest however they are written.

Where two writings may be one value, they are taken for one: a call that is in doubt isn't withdrawn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time
from hashlib import blake2b
from typing import Any

__all__ = ["key_digest", "key_text"]

_WHOLE = re.compile(r"[+-]?\d+\.0*")
_POWER = re.compile(r"-?\d(?:\.\d+)?[eE]\+\d{2}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:")


def key_text(value: Any) -> str | None:
    """A key's value as text that doesn't hang on its type: 7, "7", " 7 ", 7.0 and Decimal("7.00") are one.

    Zeros in front count, for what begins with them is no number: "007" isn't "7".

    :returns: None for nothing, and for blank text
    """
    from aimylogic_provider.call_list.tables.results_table import key_as_text

    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value).decode(errors="replace")
    text = value.isoformat() if isinstance(value, (date, time)) else key_as_text(value)
    text = "" if text is None else text.strip()
    if _WHOLE.fullmatch(text):
        text = text.partition(".")[0]
    elif _POWER.fullmatch(text):  # as Python writes large floats, and Decimals
        text = f"{int(float(text))}"
    elif _MOMENT.match(text):
        text = text.replace(" ", "T", 1)
    return text or None


def key_digest(values: Sequence[Any]) -> bytes | None:
    """A digest of key columns, in their order; None if none of them says anything."""
    texts = [key_text(value) for value in values]
    if not any(texts):
        return None
    digest = blake2b(digest_size=16)
    for text in texts:
        content = (text or "").encode(errors="surrogatepass")
        digest.update(b"%d:%b" % (len(content), content))
    return digest.digest()
