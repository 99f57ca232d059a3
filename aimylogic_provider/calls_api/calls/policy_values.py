"""The values of a call policy as columns and templates give them: lists and times may also be written as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from aimylogic_provider.calls_api.calls.lawful_hours import LAWFUL_HOURS, lawful_hours
from aimylogic_provider.calls_api.calls.text_values import as_value
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import shown

__all__ = ["policy_value"]


def policy_value(name: str, value: Any) -> Any:
    """Return a value as :meth:`.CallPolicy.of` takes it.

    :param name: of that method's argument
    :raises RejectedError: for text that can't be read
    """
    if _is_whole(value):
        return int(value)
    if not isinstance(value, str):
        return _times(value) if name == "allowed_time" else value
    text = str.__str__(value).strip()  # a driver's own kind of text can't be decoded
    try:
        match name:
            case "allowed_days":
                days = as_value(text)
                return [day.strip() for day in text.split(",")] if isinstance(days, str) else days
            case "allowed_time":
                times = as_value(text)
                if isinstance(times, str) and lawful_hours(times) is None:
                    raise ValueError
                return _times(times)
            case "external_check_url":
                return text
            case "start" | "finish":
                return datetime.fromisoformat(text)
            case _:
                return int(text.removesuffix(".0"))
    except (ValueError, RecursionError):
        raise RejectedError(
            f"{name} {shown(value)} can't be read: give days as in 'mon,tue', times of the day as JSON, as in "
            f'\'{{"default": [["09:00", "18:00"]]}}\', or by the name of a law\'s ({", ".join(LAWFUL_HOURS)}), '
            "moments in ISO 8601 with a zone, and numbers as whole ones"
        ) from None


def _is_whole(value: Any) -> bool:
    """Whether it is a whole number as databases have it in a column of decimals."""
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, float) and value.is_integer()


def _times(value: Any) -> Any:
    """Allowed times, of which a weekday's may be text too."""
    return {day: as_value(times) for day, times in value.items()} if isinstance(value, Mapping) else value
