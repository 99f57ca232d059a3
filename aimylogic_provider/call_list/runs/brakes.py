"""How many calls a list may have, by count and by what was usual, and how that is told. Numbers and words alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["FEWEST_RUNS", "RUNS", "Brakes", "Usual"]

RUNS = 10
"""Runs of which the usual number is made, at most: the last ones."""
FEWEST_RUNS = 3
"""Runs of which it is made, at least: of fewer it isn't known what is usual."""
_ROUNDING = 1e-6
"""A share of 0.29 of a hundred is 29, whatever floats make of it."""


@dataclass(frozen=True, slots=True)
class Usual:
    """How many calls the last runs of a task had that called somebody, the newest first.

    :param calls: a number for each run; empty if there were none
    """

    calls: Sequence[int] = ()

    @property
    def is_known(self) -> bool:
        """Whether there were enough runs to tell what is usual."""
        return len(self.calls) >= FEWEST_RUNS

    @property
    def median(self) -> float:
        """The number in the midst; there must be one at least."""
        return float(median(self.calls))

    def told(self) -> str:
        """What was usual, in words, as the end of a sentence."""
        if not self.calls:
            return "no earlier run of this task is known that called anybody"
        last = "run" if len(self.calls) == 1 else f"{len(self.calls)} runs"
        return f"usual are {_number(self.median)} (the median of its last {last}; the most were {max(self.calls):,})"


@dataclass(frozen=True, slots=True)
class Brakes:
    """What a task's list may hold.

    :param max_calls: calls, at most; None for any number
    :param max_change: by which share of the usual number it may differ from that; None for any
    """

    max_calls: int | None = None
    max_change: float | None = None

    @property
    def are_set(self) -> bool:
        """Whether there is one at all."""
        return self.max_calls is not None or self.max_change is not None

    def bounds(self, usual: Usual) -> tuple[int, int] | None:
        """From how many calls to how many *max_change* allows; None if it allows any."""
        if self.max_change is None or not usual.is_known:
            return None
        least = math.ceil(usual.median * (1 - self.max_change) - _ROUNDING)
        return max(least, 0), math.floor(usual.median * (1 + self.max_change) + _ROUNDING)

    def why_held(self, calls: int, usual: Usual) -> str | None:
        """Why a list of so many calls isn't sent, as a sentence without its stop; None if it is.

        It says the numbers, and what is usual.
        """
        are = f"{_calls(calls)} {'is' if calls == 1 else 'are'}"
        bounds = self.bounds(usual)
        if self.max_calls is not None and calls > self.max_calls:
            return f"{are} more than the {self.max_calls:,} that max_calls allows; {usual.told()}"
        if bounds is None or bounds[0] <= calls <= bounds[1]:
            return None
        than = "fewer" if calls < bounds[0] else "more"
        return f"{are} {than} than max_change={self.max_change} allows, {_range(*bounds)}; {usual.told()}"

    def told(self, calls: int, usual: Usual) -> str:
        """How many calls there are, how many may be, and what is usual: a line for the log, without its stop."""
        allowed = [] if self.max_calls is None else [f"max_calls allows {self.max_calls:,}"]
        if (bounds := self.bounds(usual)) is not None:
            allowed.append(f"max_change={self.max_change} allows {_range(*bounds)}")
        elif self.max_change is not None:
            allowed.append(
                f"max_change={self.max_change} isn't heeded yet, for what is usual is known once {FEWEST_RUNS} runs "
                "have called somebody"
            )
        return f"{_calls(calls)}: {'; '.join(allowed)}; {usual.told()}"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _range(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
