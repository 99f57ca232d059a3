"""Whether a column of consent says that a person agreed to be called: evidence does; what is empty, or a no, doesn't.

What the law asks of consent isn't known here.
"""

from __future__ import annotations

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.masking import as_text
from aimylogic_provider.calls_api.phones.phone_text import is_missing

__all__ = ["NoConsentError", "has_consent"]

_NO = frozenset(
    {
        *("false", "f", "no", "n", "off", "0", "none", "null", "(null)", "nil", "nan", "nat", "<na>", "n/a", "#n/a"),
        *("undefined", "\\n", "нет", "н", "ложь", "ні", "жоқ", "nein", "non"),
    }
)
"""What is written for no, or for nothing, in small letters."""


NO_CONSENT = "no consent: "
"""How the reason begins of a row without it."""


class NoConsentError(RejectedError):
    """A row is of somebody who didn't agree to be called, as far as it tells.

    :param column: of consent
    :param value: that stands there
    """

    def __init__(self, column: str, value: object) -> None:
        what = "says no" if _is_told(value) else "is empty"
        super().__init__(f"{NO_CONSENT}{column!r} {what}. Whoever agreed has a date there, or a document's number")


def has_consent(value: object) -> bool:
    """Whether a value of a column of consent is neither empty nor a no."""
    if is_missing(value):
        return False
    if isinstance(value, (bytes, bytearray, memoryview)):
        text = bytes(value).decode("utf-8", "replace")
        return has_consent(text) if text.isprintable() else any(bytes(value))  # or bits, as of a BIT(1)
    if isinstance(value, str):
        return _says_something(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(has_consent(one) for one in value)
    try:
        return bool(value)
    except (TypeError, ValueError):  # of a kind that is neither true nor false
        return True


def _says_something(text: str) -> bool:
    """Whether a text has a letter or a digit, isn't a no, and isn't 0, as in 0.0."""
    plain = text.strip().strip(".!'\"{}[]() ").casefold()
    if plain in _NO or not any(one.isalnum() for one in plain):
        return False
    return bool(plain.strip("0.,-+: "))  # nor a day 0, as MySQL has them


def _is_told(value: object) -> bool:
    return not is_missing(value) and bool(as_text(value).strip())
