"""Arguments that several operators take: how they are checked, and what they are if left out."""

from __future__ import annotations

import os
import re
from datetime import timedelta

__all__ = [
    "DEFAULT_CONN_ID",
    "YEAR",
    "check_choice",
    "check_deferrable",
    "check_same_in_all_runs",
    "check_seconds",
    "check_share",
    "check_whole",
    "conn_id_of",
    "default_call_list_path",
    "differing_by",
    "is_deferrable",
    "is_share_or_count",
    "is_template",
    "report_lag_seconds",
    "says_yes",
]


DEFAULT_CONN_ID = "aimylogic_default"
"""The connection of a campaign, where none is named; as of the hook."""


def conn_id_of(given: str | None) -> str:
    """Return the id of a campaign's connection, as a field holds it once it is rendered: blank text is nothing."""
    return (given or "").strip() or DEFAULT_CONN_ID


def is_template(value: object) -> bool:
    """Return whether an argument is only known once the task runs."""
    return isinstance(value, str) and any(mark in value for mark in ("{{", "{%", "{#"))


_YES = ("true", "yes", "on", "1", "t", "y")
_NO = ("", "false", "no", "off", "0", "f", "n", "none", "null")
"""What a box that isn't ticked becomes in a template, too."""


def says_yes(call_again: object) -> bool:
    """Whether ``call_again`` says to call whom ``only_new`` spares: a value, or the text that a template made of it.

    :raises ValueError: if it says neither yes nor no
    """
    told = ("" if call_again is None else f"{call_again}").strip().lower()
    if told in _YES or told in _NO:
        return told in _YES
    raise ValueError(
        f"call_again {call_again!r} can't be used: give True to call again whom only_new spares, or False; of a "
        "template, text such as True, yes or 1, and False, no, 0, None or nothing"
    )


def report_lag_seconds(lag: object) -> float:
    """Return the argument ``report_lag`` in seconds.

    :raises ValueError: if it can't be used
    """
    seconds = lag.total_seconds() if isinstance(lag, timedelta) else lag
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 12 * 3600:
        raise ValueError(f"report_lag {lag!r} can't be used: give a timedelta, or seconds, from 0 to under 12 hours")
    return float(seconds)


def check_choice(name: str, value: object, one: str, other: str) -> None:
    """Check that an argument is one of two words.

    :raises ValueError: if not
    """
    if value not in (one, other):
        raise ValueError(f"{name} {value!r} can't be used: give '{one}' or '{other}'")


def default_call_list_path() -> str:
    """Where call lists are kept unless an operator says otherwise: a folder in AIRFLOW_HOME."""
    from airflow.configuration import AIRFLOW_HOME

    return os.path.join(AIRFLOW_HOME, "aimylogic_call_lists")


def check_whole(name: str, value: object, least: int, most: int, *, optional: bool = True) -> None:
    """Check that an argument is a whole number, or, if that is allowed, None.

    :raises ValueError: if not
    """
    if optional and value is None:
        return
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole and least <= value <= most):  # type: ignore[operator]
        raise ValueError(f"{name} {value!r} can't be used: give a whole number from {least:,} to {most:,}")


def is_deferrable(wanted: bool | None) -> bool:
    """Whether to wait by a trigger: as the DAG says, else as Airflow's configuration does (``default_deferrable``)."""
    if wanted is not None:
        return wanted
    from aimylogic_provider.airflow_task.airflow_imports import conf

    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


YEAR = 366 * 24 * 3600.0
"""Seconds: the longest time span that an argument may be."""


def check_seconds(name: str, value: object, least: float = 1.0) -> float:
    """Return an argument that is a time span, in seconds.

    :raises ValueError: if it can't be used
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not number or not least <= seconds <= YEAR:  # type: ignore[operator]
        raise ValueError(f"{name} {value!r} can't be used: give a timedelta, or seconds, from {least:g} to a year")
    return float(seconds)  # type: ignore[arg-type]


def check_deferrable(wanted: object) -> None:
    """Check the argument ``deferrable``.

    :raises ValueError: if it can't be used
    """
    if wanted is not None and not isinstance(wanted, bool):
        raise ValueError(f"deferrable {wanted!r} can't be used: give True, False, or None for Airflow's default")


def is_share_or_count(value: object) -> bool:
    """Return whether an argument is a share of the whole, from 0.0 to 1.0, or a whole number from 0."""
    if isinstance(value, float):
        return 0.0 <= value <= 1.0
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check_share(name: str, value: object) -> None:
    """Check that an argument is a share of the whole.

    :raises ValueError: if not
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ValueError(f"{name} {value!r} can't be used: give a share above 0 and at most 1.0, as in 0.95")


_OF_A_RUN = (
    r"(?<![\w.'\"])(?:ds|ts|run_id|dag_run|logical_date|execution_date|ti|loop|triggering_asset_events"
    r"|(?:ds|ts|data_interval|prev|next|task_instance|tomorrow|yesterday)_\w+|task_instance)\b"
)
"""What templates know of a run, or of the time that it is for. Compiled only where there is one."""


def check_same_in_all_runs(name: str, value: object) -> None:
    """Check that a template is rendered alike in all runs of the DAG, as far as its names tell.

    :raises ValueError: if it names what differs
    """
    if differing := differing_by(value):
        raise ValueError(
            f"{name} {value!r} may differ from run to run, by {', '.join(differing)}: runs that overlap are kept apart "
            "by tables in that place, and would not know of each other. Give one place for all runs; the table's own "
            "name may differ"
        )


def differing_by(value: object) -> list[str]:
    """The names in a template by which it may differ from run to run; none if it is none."""
    blocks = re.findall(r"\{[{%].*?[%}]\}", value, flags=re.DOTALL) if isinstance(value, str) else []
    return sorted({found for block in blocks for found in re.findall(_OF_A_RUN, block)})
