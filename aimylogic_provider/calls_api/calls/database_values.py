"""Values as drivers give them of types that only databases have, in the database's own plain writing."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any
from uuid import UUID

__all__ = ["database_text", "interval_text", "time_text"]

_ADDRESSES = (IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network)
_DRIVERS = ("psycopg", "psycopg2", "asyncpg")


def database_text(value: object) -> str | None:
    """The text of a UUID, a network address or a range; None for all else."""
    if isinstance(value, (UUID, *_ADDRESSES)):
        return str(value)
    if type(value).__module__.partition(".")[0] not in _DRIVERS:
        return None
    if type(value).__name__ == "Multirange":
        ranges: Any = value
        return "{" + ",".join(_range(one) for one in ranges) + "}"
    return _range(value) if hasattr(value, "lower") and hasattr(value, "upper_inc") else None


def interval_text(value: timedelta) -> str:
    """An interval as PostgreSQL writes it: ``1 day 02:03:04``."""
    sign = "-" if value < timedelta(0) else ""
    days, rest = abs(value).days, abs(value) - timedelta(days=abs(value).days)
    parts = [f"{sign}{days} {'day' if days == 1 and not sign else 'days'}"] if days else []
    if rest or not days:
        parts.append(f"{sign}{_clock(rest)}")
    return " ".join(parts)


def time_text(value: timedelta) -> str:
    """A TIME as MySQL writes it: ``-26:03:04``."""
    return f"{'-' if value < timedelta(0) else ''}{_clock(abs(value))}"


def _clock(value: timedelta) -> str:
    seconds, fraction = divmod(value // timedelta(microseconds=1), 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:06}".rstrip("0") if fraction else text


def _range(value: Any) -> str:
    if getattr(value, "isempty", False):
        return "empty"
    begins, ends = "[" if value.lower_inc else "(", "]" if value.upper_inc else ")"
    return f"{begins}{_bound(value.lower)},{_bound(value.upper)}{ends}"


def _bound(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f'"{value.isoformat(" ")}"'
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return f'"{text}"' if any(letter in text for letter in ' ,()[]"') or not text else text
