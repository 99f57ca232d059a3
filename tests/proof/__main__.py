"""``make prove``: the proof; ``WHOLE=1``: with all combinations; or one schedule of it, told step by step."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from tempfile import mkdtemp

os.environ.setdefault("AIRFLOW_HOME", mkdtemp(prefix="aimylogic-proof-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

from tests.proof import coverage
from tests.proof.exhaustive import BATCH, CALL, Product, combinations, evenly, exhaustive, numbered
from tests.proof.promise import INVARIANTS, Violation
from tests.proof.schedules import Schedule
from tests.proof.seams import Beneath, beneath
from tests.proof.swarm import Failure, Level, Reached, play, replayed, shrunk, swarm

_SEEDS: dict[Level, int] = {"operators": 20_000, "beneath": 200_000}
_EXHAUSTIVE: tuple[tuple[Product, Level, int, frozenset[str]], ...] = (
    (CALL, "beneath", 1, coverage.EXHAUSTIVE_CALL),
    (CALL, "operators", 31, coverage.EXHAUSTIVE_CALL_IN_PART),
    (BATCH, "operators", 5, coverage.EXHAUSTIVE_BATCH),
)
"""Of which product, where, one of how many combinations runs (with ``WHOLE`` all do), and what they must reach."""
_TOLD = 5


def tell_failure(failure: Failure) -> None:
    """All that is needed to see it again, and its shortest form."""
    one = failure.schedule
    replay = f"COMBINATION='{one.combination}'" if one.combination else f"SEED={one.seed}"
    print(
        f"\nVIOLATION of {failure.invariant!r} ({INVARIANTS[failure.invariant]})\n{failure.text}\n"
        f"Airflow {version('apache-airflow-core')}, Python {platform.python_version()}; replay: make prove "
        f"{replay} LEVEL={failure.level}\n{one}"
    )
    with beneath() as now:
        print(f"Its shortest form:\n{shrunk(failure.level, one, now, failure.invariant)}")


def tell_reached(name: str, run: Callable[[], Reached], expected: Iterable[str]) -> tuple[list[Failure], list[str]]:
    """Run a part of the proof and tell what it reached.

    :returns: its failures, and what of *expected* it didn't reach
    """
    began = time.monotonic()
    reached = run()
    print(
        f"\n{name}: {reached.schedules:,} schedules, {reached.tries:,} tries, {len(reached.failures)} violations, "
        f"{time.monotonic() - began:.0f} s"
    )
    print("  ended:", ", ".join(f"{name} {count:,}" for name, count in sorted(reached.outcomes.items())))
    print("  reached:", ", ".join(f"{name} {count:,}" for name, count in sorted(reached.counters.items())), flush=True)
    lacking = coverage.missing(expected, reached.counters)
    if lacking:
        print("  NEVER REACHED:", ", ".join(lacking))
    return reached.failures, lacking


def replay(level: Level, schedule: Schedule, now: Beneath) -> int:
    """Run one schedule, and tell its story."""
    print(schedule)
    try:
        world = play(level, schedule, now, told=True)
    except Violation as found:
        print(f"VIOLATION: {found}")
        print(f"Its shortest form:\n{shrunk(level, schedule, now, found.invariant)}")
        return 1
    print("\n".join(world.simulation.story or ()))
    print(f"The promise was kept. Trace {world.simulation.trace}")
    return 0


def main() -> int:
    level: Level = "beneath" if os.environ.get("LEVEL") == "beneath" else "operators"
    if os.environ.get("SEED"):
        with replayed(level, int(os.environ["SEED"])) as (schedule, now):
            return replay(level, schedule, now)
    if os.environ.get("COMBINATION"):
        schedule = numbered(os.environ["COMBINATION"])
        with beneath() as now:
            return replay(level, schedule, now)
    failures: list[Failure] = []
    lacking: list[str] = []

    def prove(name: str, run: Callable[[], Reached], expected: Iterable[str]) -> None:
        failed, never = tell_reached(name, run, expected)
        for failure in failed[: max(0, _TOLD - len(failures))]:  # at once, for the rest may take long, or be stopped
            tell_failure(failure)
        failures.extend(failed)
        lacking.extend(never)

    whole = bool(os.environ.get("WHOLE"))
    for product in (CALL, BATCH):
        found = combinations(product)
        print(f"exhaustive: {len(found):,} combinations of one {product.name}")
        for of, where, every, expected in _EXHAUSTIVE:
            if of is product:
                every = 1 if whole else every
                part = evenly(found, every)
                name = f"exhaustive, one {product.name}, {where}, {'all' if every == 1 else f'1 of {every}'}"
                prove(name, lambda of=of, where=where, part=part: exhaustive(of, where, part), expected)
    factor = int(os.environ.get("SEEDS") or _SEEDS["operators"]) / _SEEDS["operators"]
    for one, usual in _SEEDS.items():
        seeds = range(int(usual * factor))
        # Fewer seeds than usual needn't reach all.
        prove(
            f"swarm, {one}", lambda one=one, seeds=seeds: swarm(one, seeds), coverage.SWARM[one] if factor >= 1 else ()
        )
    if failures:
        seeds_of = ", ".join(f"{one.level} {one.schedule.combination or one.seed}" for one in failures)
        print(f"\n{len(failures)} violations in all: {seeds_of}")
    return 1 if failures or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
