"""Which reader of an operator's fields gets them as they were rendered, and which with phones masked.

Airflow reads a task's fields for its page *Rendered Templates* in the task's own process, as all other code does: by
their names. So what tells them apart is who reads: the modules of Airflow's that show, or store, what they read.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from itertools import islice
from types import FrameType
from typing import Any

from aimylogic_provider.calls_api.masking import mask_addresses, mask_phone

__all__ = ["as_shown", "masked_phones"]

# The task runner serialises what the page shows, and renders the label of a map index; a command prints the fields.
_SHOWS = re.compile(r"airflow\.(?:sdk\.execution_time|models|serialization|cli|providers\.openlineage)\b")
# A template that is being rendered reads for whoever has it rendered, and so does Airflow 3.4's helper that renders it.
_TEMPLATE = re.compile(r"jinja2\b|airflow\.sdk\.definitions\.context$|$")
_BETWEEN = r"[\s()./\-\u2010-\u2015\u2212]{0,5}"
_PART_OF_PHONE = re.compile(r"[\d\s()./\-\u2010-\u2015\u2212+]")
_PHONE = re.compile(rf"\+{_BETWEEN}\d(?:{_BETWEEN}\d){{6,}}|\(?\d(?:{_BETWEEN}\d){{9,}}")
_DATE = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]")


_POLICY_NAMES = ("policy", "external_check_url")
"""In a call, or among arguments: what may hold an address that the server is to ask."""
_CALLS, _CHARACTERS, _ARGUMENTS = 10, 2000, 100
"""How many calls of a list are shown, how much of a text that says none, and how many names of a dictionary."""


def as_shown(
    value: Any,
    reader: FrameType,
    *,
    is_phone: bool,
    of_calls: bool = False,
    of_arguments: bool = False,
    of_policy: bool = False,
) -> Any:
    """Return a value as it is, or masked, if Airflow reads it to show it.

    :param reader: the frame that reads
    :param is_phone: whether the whole of it is a phone, in any writing, or a list of phones
    :param of_calls: whether it is a list of calls
    :param of_arguments: whether it holds a function's arguments
    :param of_policy: whether it is a call policy
    """
    if value is None or not _SHOWS.match(_module(reader)):
        return value
    # Airflow reads it before the task begins: what can't be shown would fail every try.
    try:
        if of_policy:
            return _masked_policy(value)
        return _shown(value, is_phone=is_phone, of_calls=of_calls, of_arguments=of_arguments)
    except Exception:  # noqa: BLE001 - whatever a value's own methods may raise
        return _of_type(value)


def _shown(value: Any, *, is_phone: bool, of_calls: bool, of_arguments: bool) -> Any:
    if of_calls:
        return _masked_calls(value)
    if of_arguments:
        return _masked_arguments(value)
    if not value:
        return value
    if is_phone:
        several = isinstance(value, (list, tuple, set, frozenset))
        return [mask_phone(one) for one in value] if several else mask_phone(value)
    return masked_phones(value)


def _of_type(value: object) -> str:
    return f"of type {type(value).__name__}"


def _masked_text(text: str) -> str:
    """The beginning of a text, masked: no phone in it is cut before it is masked, for half of it would be shown."""
    end = min(len(text), _CHARACTERS + 100)
    while end < len(text) and end and _PART_OF_PHONE.match(text[end - 1]):
        end -= 1
    masked: str = masked_phones(text[:end])
    return masked[:_CHARACTERS]


def _masked_calls(value: Any) -> Any:
    """The first calls of a list, or of a text that says one, masked; of what is neither, its type."""
    from aimylogic_provider.calls_api.calls.text_values import as_value

    calls = as_value(value)
    if isinstance(calls, (list, tuple)):
        more = len(calls) - _CALLS
        return [_masked_call(one) for one in calls[:_CALLS]] + ([f"… and {more:,} more"] if more > 0 else [])
    if isinstance(value, str):
        return _masked_text(mask_addresses(value))
    return masked_phones(_masked_policy(value)) if isinstance(value, (Mapping, int, float)) else _of_type(value)


def _masked_arguments(value: Any) -> Any:
    """Arguments, masked: the first few of what is long; of what isn't plain its type, for its text may be anything."""
    if isinstance(value, str):
        return _masked_text(value)
    if isinstance(value, Mapping):
        more = len(value) - _ARGUMENTS
        named = {
            _masked_name(name): mask_phone(one)
            if name == "phone" and isinstance(one, (str, int))
            else _masked_arguments(_masked_policy(one) if name in _POLICY_NAMES else one)
            for name, one in islice(value.items(), _ARGUMENTS)
        }
        return named | ({"…": f"and {more:,} more"} if more > 0 else {})
    if isinstance(value, (list, tuple, set, frozenset)):
        more = len(value) - _CALLS
        some = [_masked_arguments(one) for one in islice(value, _CALLS)]
        return [*some, f"… and {more:,} more"] if more > 0 else some
    if value is None or isinstance(value, (bool, int, float, Decimal)):
        return masked_phones(value)
    return value if isinstance(value, (date, time, timedelta)) else _of_type(value)


def _masked_policy(value: Any) -> Any:
    """A call policy with its addresses masked but for their hosts: a secret may stand in them."""
    if isinstance(value, str):
        return mask_addresses(value)
    if isinstance(value, Mapping):
        return {name: _masked_policy(one) for name, one in value.items()}
    return [_masked_policy(one) for one in value] if isinstance(value, (list, tuple)) else value


def _masked_call(call: Any) -> Any:
    if isinstance(call, Mapping):
        return {
            _masked_name(name): mask_phone(one)
            if one and name == "phone"
            else masked_phones(_masked_policy(one) if name in _POLICY_NAMES else one)
            for name, one in call.items()
        }
    return masked_phones(call) if call is None or isinstance(call, (list, tuple)) else mask_phone(call)


def masked_phones(value: Any) -> Any:
    """Return plain values with whatever could be a phone in them masked.

    That is ten digits or more, and not a time, or seven behind a plus: in any script's digits, with what people write
    between them; as numbers, too, and as names.
    """
    if isinstance(value, str):
        return _PHONE.sub(_masked, value)
    if isinstance(value, bytes):
        return masked_phones(value.decode(errors="replace"))
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _masked_number(value)
    if isinstance(value, Mapping):
        return {_masked_name(name): masked_phones(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [masked_phones(one) for one in value]
    return value


def _masked_name(name: Any) -> Any:
    """A name of a dictionary; one that isn't plain, as the text of it."""
    plain = name is None or isinstance(name, (str, bytes, bool, int, float, Decimal))
    return masked_phones(name if plain else str(name))


def _masked_number(value: float | Decimal) -> Any:
    try:
        whole = isinstance(value, int) or (math.isfinite(value) and value == int(value))
        digits = str(abs(int(value))) if whole else ""
    except (ValueError, OverflowError):  # a number too long for a text, or one that says that it is none
        return _of_type(value)
    return mask_phone(int(value)) if _PHONE.fullmatch(digits) else value


def _masked(found: re.Match[str]) -> str:
    return found[0] if _DATE.fullmatch(found[0]) else mask_phone(unicodedata.normalize("NFKC", found[0]))


def _module(frame: FrameType | None) -> str:
    """The module that reads, or has a template rendered that does."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if not _TEMPLATE.match(name):
            return name
        frame = frame.f_back
    return ""
