"""Caps: how many calls a person may have within which time, as a list says of itself in its manifest.

Values alone. Whoever sends a list holds the caps with which it was frozen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Literal

import msgspec

__all__ = ["Cap", "held_by_lists"]

_DAY = 24 * 3600


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """So many calls a person at most. A version that doesn't know how one is told sends nothing of its list.

    :param calls: how many
    :param seconds: within which; None for ever
    :param rule: the argument that said so, as reasons name it
    :param keyless: whether it holds only for rows whose key columns say nothing
    :param by: what tells whom somebody called: tables beside the results table, or the lists of the task that froze it;
        or nobody, for that run was to call again on purpose
    """

    calls: Annotated[int, msgspec.Meta(ge=1)]
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None
    rule: Literal["max_calls_per_person", "only_new"]
    keyless: bool = False
    by: Literal["table", "lists", "nobody"] = "table"

    @property
    def words(self) -> str:
        """What it allows."""
        calls = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        return f"{self.rule} allows {calls} {'in all' if self.seconds is None else f'in {_span(self.seconds)}'}"


def held_by_lists(caps: Iterable[Cap]) -> str:
    """What another run must say to call whom a list holds and calls no more, as a sentence without its stop.

    :param caps: of the list; if none is told by lists, the sentence is empty
    """
    if all(cap.by == "table" for cap in caps):
        return ""
    return (
        "By only_new this list holds those whom it hasn't called: until that is over, give the new run those people "
        "alone, and call_again"
    )


def _span(seconds: float) -> str:
    days, rest = divmod(seconds, _DAY)
    if rest:
        return f"{timedelta(seconds=seconds)}"
    return "1 day" if days == 1 else f"{days:,.0f} days"
