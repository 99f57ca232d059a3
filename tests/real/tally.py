"""What was done and found in all: kills by kind and place, numbers by what became of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.real.signals import Kind

__all__ = ["Tally"]


@dataclass
class Tally:
    """Counts.

    :param checked: intended calls that were compared with the server's jobs
    :param twice: of these, those with more jobs than one
    :param missed: of these, those with neither a job, nor a refusal, nor parked
    :param parked: of these, those that wait for a person
    """

    kills: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    scenarios: list[str] = field(default_factory=list)
    tries: int = 0
    checked: int = 0
    twice: int = 0
    missed: int = 0
    parked: int = 0
    began: float = field(default_factory=time.monotonic)
    _kinds: list[Kind] = field(default_factory=list)

    def next_kind(self, draw: random.Random) -> Kind:
        """Kinds by turns, in an order that is drawn."""
        if not self._kinds:
            self._kinds = draw.sample(list(Kind), len(Kind))
        return self._kinds.pop()

    def rounds(self, kills: int, most: int) -> Iterator[tuple[int, int]]:
        """Numbers of runs, and how many kills each may strike, until so many more are counted."""
        until = self.kills.total() + kills
        for number in range(1, 30):
            left = until - self.kills.total()
            if left <= 0:
                return
            yield number, min(left, most)
        raise AssertionError(f"{left} of {kills} kills are left after {number} runs: hardly anything is struck")

    def kill(self, kind: Kind, place: str) -> None:
        """Count a try that was struck at a place."""
        self.kills[kind, place] += 1

    def calls(
        self, expected: list[str], jobs: list[str], parked: set[str] | None = None, *, again: bool = False
    ) -> None:
        """Compare intended calls, one for each phone, with the phones of the jobs.

        :param expected: phones
        :param jobs: phones of all jobs
        :param parked: those of the expected ones that wait for a person, and may have a job
        :param again: whether these were compared before, and have been counted
        """
        held = Counter(jobs)
        if not again:
            self.checked += len(expected)
            self.parked += len(parked or ())
        twice = [phone for phone in expected if held[phone] > 1]
        missed = [phone for phone in expected if not held[phone] and phone not in (parked or ())]
        self.twice += len(twice)
        self.missed += len(missed)
        strangers = set(held) - set(expected)
        assert (twice, missed, strangers) == ([], [], set()), "called twice, missed, and called without being meant"

    def lines(self) -> list[str]:
        """The table."""
        seconds = time.monotonic() - self.began
        width = max((len(place) for _, place in self.kills), default=0)
        table = [f"{self.kills.total()} kills in {self.tries} tries:"]
        table.append(f"  {'':{width}}  {'  '.join(f'{kind:>19}' for kind in Kind)}")
        for place in sorted({place for _, place in self.kills}):
            counts = "  ".join(f"{self.kills[kind, place] or '':>19}" for kind in Kind)
            table.append(f"  {place:{width}}  {counts}")
        sums = "  ".join(f"{sum(number for (of, _), number in self.kills.items() if of is kind):>19}" for kind in Kind)
        table.append(f"  {'in all':{width}}  {sums}")
        for scenario, times in Counter(self.scenarios).items():
            table.append(f"{scenario}: {times}")
        table.append(
            f"{self.checked:,} numbers checked: {self.twice} called twice, {self.missed} missed, {self.parked} parked. "
            f"{seconds:.0f} seconds."
        )
        return table
