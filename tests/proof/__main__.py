"""``make prove``: the whole proof, or one seed of it, told step by step."""

from __future__ import annotations

import os
import platform
import sys
import time
from importlib.metadata import version

os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

from tests.proof.promise import INVARIANTS, Violation
from tests.proof.swarm import Failure, Level, Reached, play, replayed, shrunk, swarm

_SEEDS: dict[Level, int] = {"operators": 20_000, "beneath": 200_000}


def tell_failure(failure: Failure) -> None:
    """All that is needed to see it again, and its shortest form."""
    print(
        f"\nVIOLATION of {failure.invariant!r} ({INVARIANTS[failure.invariant]})\n{failure.text}\n"
        f"Airflow {version('apache-airflow-core')}, Python {platform.python_version()}; replay: make prove "
        f"SEED={failure.seed} LEVEL={failure.level}"
    )
    with replayed(failure.level, failure.seed, failure.kind) as (schedule, now):
        print(f"Its shortest form:\n{shrunk(failure.level, schedule, now, failure.invariant)}")


def tell_reached(level: Level, reached: Reached, seconds: float) -> None:
    print(
        f"\n{level}: {reached.schedules:,} schedules, {reached.tries:,} tries, {len(reached.failures)} violations, "
        f"{seconds:.0f} s"
    )
    print("  ended:", ", ".join(f"{name} {count:,}" for name, count in sorted(reached.outcomes.items())))
    print("  reached:", ", ".join(f"{name} {count:,}" for name, count in sorted(reached.counters.items())))


def replay(level: Level, seed: int) -> int:
    """Run one seed, and tell its story."""
    with replayed(level, seed) as (schedule, now):
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
        return replay(level, int(os.environ["SEED"]))
    factor = int(os.environ.get("SEEDS") or _SEEDS["operators"]) / _SEEDS["operators"]
    failures = []
    for one, usual in _SEEDS.items():
        began = time.monotonic()
        reached = swarm(one, range(int(usual * factor)))
        tell_reached(one, reached, time.monotonic() - began)
        failures += reached.failures
    for failure in failures[:5]:
        tell_failure(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
