"""The first calls of a list, which are sent before all others: which they are, and whether the rest may follow.

Values and arithmetic. They are sent, waited for and asked about elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

from aimylogic_provider.call_list.store.manifest import Batch
from aimylogic_provider.call_list.store.outcomes import Counts
from aimylogic_provider.calls_api.statuses import talked

__all__ = ["Bounds", "FirstFigures", "held_back"]

_HAIR = 1e-9
"""By which a share of a count may miss a whole number, as floats make it."""


def held_back(batches: Sequence[Batch], first: int, begun: Collection[str]) -> frozenset[str]:
    """Return the names of the batches that wait until the first calls are over.

    Batches are taken whole: the first ones that hold so many calls together go before. What was begun waits no more.

    :param batches: in the order in which they are sent
    :param begun: names of those that are done, or of which something may have been sent
    """
    before = 0
    held = set()
    for batch in batches:
        if before >= first and batch.name not in begun:
            held.add(batch.name)
        before += batch.calls
    return frozenset(held)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Within which the rest follows the first calls.

    :param min_reached: share of the first calls that reached somebody, at least; None for any
    :param max_refused: share of them that the server refused, at most; None for any
    """

    min_reached: float | None
    max_refused: float | None

    def broken(self, figures: FirstFigures) -> list[str]:
        """Return which bounds are broken, in words; none if the rest may follow."""
        sent = figures.sent
        if not sent:
            return ["none of them was sent, so that nothing is known"]
        broken = []
        if self.max_refused is not None and figures.refused > floor(self.max_refused * sent + _HAIR):
            broken.append(
                f"the server refused {_share(figures.refused, sent)}, and max_refused allows {self.max_refused:.4g}"
            )
        if self.min_reached is not None and figures.reached < ceil(self.min_reached * sent - _HAIR):
            broken.append(
                f"{_share(figures.reached, sent)} reached somebody, and min_reached is {self.min_reached:.4g}"
            )
        return broken


@dataclass(frozen=True, slots=True)
class FirstFigures:
    """What became of the first calls.

    :param counts: by outcome
    :param ends: of their jobs that are over, how many ended with which status
    :param open: jobs that aren't over, or that the report doesn't know
    """

    counts: Counts
    ends: Mapping[str, int]
    open: int = 0

    @property
    def sent(self) -> int:
        """Calls that were sent, and answered: all shares are of these."""
        return self.counts.created + self.counts.refused

    @property
    def refused(self) -> int:
        """Calls that the server refused."""
        return self.counts.refused

    @property
    def reached(self) -> int:
        """Calls in which somebody was talked to, as far as that is known."""
        return sum(count for status, count in self.ends.items() if talked(status))

    def in_words(self) -> str:
        """Return the figures, in words."""
        ends = sorted(self.ends.items(), key=lambda one: -one[1])
        told = ", ".join([*(f"{name} {count:,}" for name, count in ends), *([f"open {self.open:,}"] * bool(self.open))])
        aside = self.counts.settled - self.sent
        return (
            f"{self.sent:,} of the first calls were sent: {self.counts.created:,} created, {self.refused:,} refused by "
            f"the server{f'; {aside:,} more were not sent' if aside else ''}. {self.reached:,} reached somebody. "
            f"Their call jobs: {told or 'none'}"
        )


def _share(count: int, whole: int) -> str:
    return f"{count:,} of {whole:,} ({count / whole:.1%})"
