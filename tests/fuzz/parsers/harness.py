"""What the harnesses of the parsers share: one input of bytes, checked for properties, by Hypothesis and by atheris."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from uuid import UUID

__all__ = ["CORPUS", "SECRET", "Harness", "NotAnInput", "check_told", "json_value", "text", "writable"]

CORPUS = Path(__file__).parent / "corpus"
SECRET = "123.456.bAYxokdzmkWBZP2Tjcf4W0nz"
"""A token as Aimylogic's are."""

_EXAMPLE = "+79123456789"
"""Stands in some errors, as the form that a phone should have."""
_PHONE = re.compile(r"\+?[0-9 ()./\-]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2})?")
_LONG = 20_000
"""Characters that no error has: it names a value, and doesn't repeat it."""


class NotAnInput(Exception):
    """The bytes are none that the parser can be given: nothing is checked."""


@dataclass(frozen=True, slots=True)
class Harness:
    """A parser, or several that belong together, with what is to hold of them.

    :param check: raises AssertionError, or whatever the parser shouldn't, for an input that breaks a property
    :param modules: whose lines it is to reach, within the package
    :param head: how many lines of an input stand before its JSON
    """

    name: str
    check: Callable[[bytes], None]
    modules: tuple[str, ...]
    head: int = 0

    @property
    def seeds(self) -> tuple[Path, ...]:
        """The inputs that are kept: what is usual, and what broke the parser once."""
        return tuple(sorted((CORPUS / self.name).iterdir()))

    def run(self, content: bytes) -> None:
        """Check one input; one that is none passes."""
        try:
            self.check(content)
        except NotAnInput:
            return


def text(content: bytes) -> str:
    """Bytes as text; those that are no UTF-8 become lone surrogates."""
    return content.decode("utf-8", "surrogateescape")


_KINDS: dict[str, Callable[[Any], object]] = {
    "bytes": lambda value: str(value).encode("utf-8", "replace"),
    "date": lambda value: date.fromisoformat(value),
    "datetime": lambda value: datetime.fromisoformat(value),
    "decimal": lambda value: Decimal(value),
    "power": lambda value: 10 ** min(int(value), 10_000),
    "text": lambda value: _Text(value),
    "time": lambda value: time.fromisoformat(value),
    "tuple": lambda value: tuple(value),
    "uuid": lambda value: UUID(value),
}
"""What JSON can't write: ``{"kind": "decimal", "of": "1.50"}``."""


class _Text(str):
    """Text of a kind of its own, as drivers may give it."""


def json_value(content: bytes, *, plain: bool = False) -> Any:
    """Bytes as the Python value that they write: NaN, lone surrogates and long integers too.

    :param plain: whether it is JSON alone
    """
    try:
        return json.loads(content.decode("utf-8", "replace"), object_hook=None if plain else _special)
    except (ValueError, RecursionError, InvalidOperation, TypeError, OverflowError, AttributeError):
        raise NotAnInput from None


def _special(found: dict[str, Any]) -> object:
    kind = found.get("kind")
    return (
        _KINDS[kind](found["of"])
        if len(found) == 2 and isinstance(kind, str) and kind in _KINDS and "of" in found
        else found
    )


def writable(value: object) -> str:
    """A value as JSON, in one form: fails for what JSON has no word for."""
    return json.dumps(value, allow_nan=False, sort_keys=True)


def check_told(error: Exception, *phones: str) -> None:
    """An error says something, in text that can be written, of a length that can be read, without the *phones*."""
    told = str(error)
    assert told, "it says nothing"
    assert len(told) < _LONG, f"it has {len(told)} characters"
    told.encode()
    told = told.replace(_EXAMPLE, "")
    for phone in phones:
        digits = re.sub(r"[^0-9]", "", phone)
        if len(digits) >= 7 and _PHONE.fullmatch(phone) and not _DATE.fullmatch(phone):
            assert phone not in told, "it tells the phone"
            assert digits not in told, "it tells the phone's digits"
