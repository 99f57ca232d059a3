"""Caps: how many calls a person may have within which time. Values alone.

A list says in its manifest which ones it was frozen with; so whoever sends it holds the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aimylogic_provider.call_list.store.manifest import CallListError

__all__ = ["Cap", "only_new_cap", "read_caps", "told_caps"]

_DAY = 24 * 3600
_MOST_DAYS = 3660
_MOST_CALLS = 1000
_MOST_CAPS = 10
_AS_IN = '{"calls": 1, "days": 7}'


@dataclass(frozen=True, slots=True)
class Cap:
    """So many calls a person at most.

    :param seconds: within which; None for ever
    :param rule: the argument that said so, as reasons name it
    :param keyless: whether it holds only for rows whose key columns say nothing
    """

    calls: int
    seconds: float | None
    rule: str
    keyless: bool = False

    def words(self) -> str:
        """What it allows."""
        within = "in all" if self.seconds is None else f"in {_span(self.seconds)}"
        return f"{self.rule} allows {self.calls} {within}"

    def as_json(self) -> dict[str, Any]:
        """The cap as a manifest has it."""
        return {"calls": self.calls, "seconds": self.seconds, "rule": self.rule, "keyless": self.keyless}


def read_caps(value: object) -> tuple[Cap, ...]:
    """The argument ``max_calls_per_person``.

    :raises ValueError: if it can't be used, with the rule and the way out
    """
    if value is None:
        return ()
    if isinstance(value, Mapping):
        return (_cap(value),)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and 0 < len(value) <= _MOST_CAPS:
        return tuple(_cap(one) for one in value)
    raise ValueError(
        f"max_calls_per_person {value!r} can't be used: give {_AS_IN}, or a list of up to {_MOST_CAPS} of such, all of "
        "which hold"
    )


def only_new_cap(only_new: object, *, keyless: bool) -> Cap | None:
    """The cap that ``only_new`` is by phone; None for False.

    :param keyless: whether other rows are compared by their keys
    :raises ValueError: if it can't be used
    """
    if only_new is False:
        return None
    if only_new is True:
        return Cap(1, None, "only_new", keyless)
    if isinstance(only_new, timedelta) and timedelta(0) < only_new <= timedelta(days=_MOST_DAYS):
        return Cap(1, only_new.total_seconds(), "only_new", keyless)
    raise ValueError(
        f"only_new {only_new!r} can't be used: give True for once ever, a timedelta of up to {_MOST_DAYS:,} days, as in "
        "timedelta(days=30), for once within that, or False"
    )


def told_caps(told: Sequence[Mapping[str, Any]]) -> tuple[Cap, ...]:
    """The caps of a manifest.

    :raises CallListError: if they are not understood, as those of a later version of this package
    """
    try:
        return tuple(
            Cap(int(one["calls"]), None if one["seconds"] is None else float(one["seconds"]), str(one["rule"]),
                bool(one["keyless"]))
            for one in told
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise CallListError(
            f"the list says how often a person may be called in a form that isn't known here ({told!r}): nothing is "
            "sent. Was it frozen by a later version of this package? Install that one here, too"
        ) from None


def _cap(value: object) -> Cap:
    whole = f"max_calls_per_person {value!r}"
    if not isinstance(value, Mapping):
        raise ValueError(f"{whole} can't be used: give {_AS_IN}, or a list of such")
    if unknown := sorted(map(str, value.keys() - {"calls", "days"})):
        raise ValueError(f"{whole} has {unknown[0]!r}, which means nothing here: give 'calls' and 'days', as {_AS_IN}")
    for name, most in (("calls", _MOST_CALLS), ("days", _MOST_DAYS)):
        if name not in value:
            raise ValueError(f"{whole} lacks {name!r}: give 'calls' and 'days', as {_AS_IN}")
        one = value[name]
        if isinstance(one, bool) or not isinstance(one, int) or not 1 <= one <= most:
            raise ValueError(
                f"{whole} can't be used, for {name!r} is {one!r}: give a whole number from 1 to {most:,}, as {_AS_IN}"
            )
    return Cap(value["calls"], float(value["days"] * _DAY), "max_calls_per_person")


def _span(seconds: float) -> str:
    days = seconds / _DAY
    if days == int(days):
        return "1 day" if days == 1 else f"{int(days):,} days"
    return f"{timedelta(seconds=seconds)}"
