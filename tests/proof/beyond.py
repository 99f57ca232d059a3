"""``make prove-beyond``: what becomes of calls once a bound of the promise is broken on purpose, as a table."""

from __future__ import annotations

import multiprocessing
import os
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

from tests.proof.beyond_world import BeyondWorld
from tests.proof.bounds import BOUNDS, Bound, Family, draw
from tests.proof.schedules import OF_LISTS
from tests.proof.seams import Beneath, beneath
from tests.proof.tally import Tally, tally

__all__ = ["ENDS", "play", "run", "table"]

ENDS = ("twice", "missed", "false", "parked", "fine")
_SCHEDULES, _OF_LISTS = 200, 100
_CHUNK = 50


def play(bound: Bound, family: Family, seed: int, now: Beneath, *, told: bool = False) -> BeyondWorld:
    """Run one schedule to its end.

    :param told: whether its story is kept
    """
    schedule, breaks = draw(bound, family, seed)
    world = BeyondWorld(schedule, breaks, now, told=told)
    world.run()
    return world


def run(bound: Bound, family: Family, seeds: range) -> Tally:
    """Count what becomes of the calls of some seeds."""
    found = Tally()
    with beneath() as now:
        for seed in seeds:
            found += tally(play(bound, family, seed, now))
    return found


def tallies(calls: int, lists: int) -> Iterator[tuple[Bound, Family, Tally]]:
    """Each family's tally, counted on all cores.

    :param calls: schedules of each family of calls
    :param lists: the same of syncs
    """
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("fork")) as pool:
        parts = []
        for number, bound in enumerate(BOUNDS):
            for place, family in enumerate(bound.families):
                count = lists if family.kind in OF_LISTS else calls
                seeds = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
                parts.append((bound, family, [pool.submit(_run, number, place, one) for one in seeds]))
        for bound, family, futures in parts:
            yield bound, family, sum((one.result() for one in futures), Tally())


def _run(number: int, place: int, seeds: range) -> Tally:
    bound = BOUNDS[number]
    return run(bound, bound.families[place], seeds)


def _fenced(family: Family, found: Tally) -> str:
    """How many of the doubled jobs came after ``call_before``; in brackets where nothing but syncs would send that."""
    if not found.doubled_jobs:
        return ""
    text = f"{found.fenced:,} of {found.doubled_jobs:,}"
    return text if family.kind in OF_LISTS and family.kind != "by number" else f"({text})"


def table(rows: list[tuple[Bound, Family, Tally]]) -> str:
    """The table, in Markdown."""
    head = ["", "what breaks", "kind", "schedules", *ENDS, "after call_before"]
    cells = [head, ["---"] * len(head)]
    for bound, family, found in rows:
        counts = [f"{found.of_thousand(end):,}" if found.ends[end] else "" for end in ENDS]
        cells.append(
            [str(bound.number), family.breaks, family.kind, f"{found.schedules:,}", *counts, _fenced(family, found)]
        )
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    )


def main() -> int:
    factor = float(os.environ.get("SEEDS") or 1)
    rows = list(tallies(int(_SCHEDULES * factor), int(_OF_LISTS * factor)))
    print("Of 1,000 calls, once a bound is broken:\n")
    print(table(rows))
    for bound in BOUNDS:
        text = f"{bound.number}. Assumed: {bound.name}. {bound.lesson}"
        print("\n" + textwrap.fill(text, 120, subsequent_indent="   "))
    return 0


if __name__ == "__main__":
    sys.exit(main())
