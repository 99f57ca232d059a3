"""The arguments that say how often a person may be called: how they are checked as a DAG is parsed. Quick to import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

__all__ = ["check_caps", "check_only_new", "check_shared_only_new"]

_MOST_DAYS = 3660
_MOST_CALLS = 1000
_MOST_CAPS = 10
_AS_IN = '{"calls": 1, "days": 7}'


def check_caps(value: object) -> tuple[tuple[int, int], ...]:
    """Return the argument ``max_calls_per_person`` as calls and days, one pair for each cap.

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


def check_only_new(value: object) -> None:
    """Check the argument ``only_new``.

    :raises ValueError: if it can't be used
    """
    if isinstance(value, bool):
        return
    if not isinstance(value, timedelta) or not timedelta(0) < value <= timedelta(days=_MOST_DAYS):
        raise ValueError(
            f"only_new {value!r} can't be used: give True for once ever, a timedelta of up to {_MOST_DAYS:,} days, as "
            "in timedelta(days=30), for once within that, or False"
        )


def check_shared_only_new(kwargs: dict[str, Any]) -> None:
    """Check the argument ``only_new`` of a mapped task, if all its instances share it.

    :param kwargs: those of ``partial()``
    :raises ValueError: if it can't be used
    """
    from aimylogic_provider.airflow_task.one_at_a_time import given_or_default

    check_only_new(given_or_default("only_new", False, kwargs))


def _cap(value: object) -> tuple[int, int]:
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
    return value["calls"], value["days"]
