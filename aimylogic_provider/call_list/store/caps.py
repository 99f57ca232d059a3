"""Caps: how many calls a person may have within which time, as a list says of itself in its manifest.

Values alone. Whoever sends a list holds the caps with which it was frozen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Literal

import msgspec

from aimylogic_provider.idempotence.time_limits import CALL_AGAIN_AFTER

__all__ = ["Cap", "held_by_lists"]

_DAY = 24 * 3600


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """So many calls a person at most. A version that doesn't know how one is told sends nothing of its list.

    :param calls: how many
    :param seconds: within which; None for ever
    :param rule: the argument that said so, as reasons name it
    :param keyless: whether it holds only for rows whose key columns say nothing
    :param by: what tells whom somebody called: tables beside the results table, or the lists of the task that froze it;
        or nobody, for that run was to call again on purpose, as lists of earlier versions say
    :param triggered: when the run was triggered (Unix seconds, by Airflow's clock) that is to call again on purpose,
        whomever others called well before that; None for a run that isn't
    """

    calls: Annotated[int, msgspec.Meta(ge=1)]
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None
    rule: Literal["max_calls_per_person", "only_new"]
    keyless: bool = False
    by: Literal["table", "lists", "nobody"] = "table"
    triggered: float | None = None

    @property
    def words(self) -> str:
        """What it allows."""
        calls = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        return f"{self.rule} allows {calls} {'in all' if self.seconds is None else f'in {_span(self.seconds)}'}"

    @property
    def again_until(self) -> float | None:
        """Until when whom others called is called again on purpose (Unix seconds); None if nobody is."""
        return None if self.triggered is None else self.triggered - CALL_AGAIN_AFTER

    def since(self, now: float, here: float) -> float:
        """From when on a call counts (Unix seconds, by the server's clock).

        :param now: by the server's clock
        :param here: at the same moment, by the clock of this machine, which Airflow's is taken for
        """
        since = float("-inf") if self.seconds is None else now - self.seconds
        if self.triggered is None:
            return since
        # The earliest reading: whichever clock is wrong, two clicks don't lift each other's calls.
        return max(since, min(self.triggered, self.triggered + now - here, now) - CALL_AGAIN_AFTER)


def held_by_lists(caps: Iterable[Cap]) -> str:
    """What another run must say to call whom a list holds and calls no more, as a sentence without its stop.

    :param caps: of the list; if none is told by lists, the sentence is empty
    """
    if all(cap.by == "table" for cap in caps):
        return ""
    return (
        "By only_new this list holds those whom it hasn't called: until that is over, give the new run those people "
        f"alone, and call_again; that helps from {CALL_AGAIN_AFTER / 60:.0f} minutes after this list's last try on"
    )


def _span(seconds: float) -> str:
    days, rest = divmod(seconds, _DAY)
    if rest:
        return f"{timedelta(seconds=seconds)}"
    return "1 day" if days == 1 else f"{days:,.0f} days"
