"""``make compare``: peers on the same faults. Each way of adding numbers, under each fault, in a real Airflow.

Prints two tables in Markdown: all faults together, with the speed without faults, and each fault by itself. Each way
is set up with care: see ``benchmarks/peers/ways.py``. Ends with 1 if one of this provider's ways called somebody twice
or missed somebody.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aimylogic_provider.emulator import Emulator
from benchmarks.peers.counting import Tally
from benchmarks.peers.faults import Fault, Peers
from benchmarks.peers.speed import Speed, measure
from benchmarks.peers.ways import LIST, TIMEOUT, WAREHOUSE, WAYS
from local_servers.airflow import LocalAirflow
from local_servers.postgres import LocalPostgres
from local_servers.warehouse import make_warehouse

ROOT = Path(__file__).parent.parent
Results = Mapping[Fault, Mapping[str, Tally]]


@contextmanager
def peers(seed: int) -> Iterator[Peers]:
    """A real Airflow, on PostgreSQL, with all ways, and a campaign for each."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(LocalPostgres())
        postgres.create("airflow")
        emulators = {way.id: stack.enter_context(Emulator()) for way in WAYS}
        settings = {
            "PYTHONPATH": str(ROOT),
            "CALL_LISTS": str(folder / "lists"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.url("airflow"),
            "AIRFLOW__CORE__PARALLELISM": "12",
            f"AIRFLOW_CONN_{WAREHOUSE.upper()}": make_warehouse(folder / "warehouse.db", LIST),
        }
        for way in WAYS:
            # A sync's request may take as long as twice the first and the second together.
            connection = emulators[way.id].connection(connect_timeout=1, read_timeout=TIMEOUT)
            if not way.is_ours:
                connection = json.dumps({**json.loads(connection), "conn_type": "http", "extra": {}})
            settings[f"AIRFLOW_CONN_{way.conn_id.upper()}"] = connection
        dags = ROOT / "benchmarks" / "peers" / "dags"
        airflow = stack.enter_context(LocalAirflow(folder / "home", dags, settings=settings))
        for way in WAYS:
            for rows in way.sizes:
                airflow.wait_for_dag(way.dag_id(rows))
        yield Peers(airflow, emulators, seed)


def total_table(results: Results, speeds: Mapping[str, Speed]) -> str:
    """All faults together: a line for each way."""
    lines = [
        "| way | numbers | called twice | missed, task green | missed, task red | red, yet added (log names the job) "
        "| requests | numbers a second | times the loop's |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for way in WAYS:
        all_faults = sum((tallies[way.id] for tallies in results.values()), Tally())
        speed = speeds.get(way.id)
        timed = f"{speed.rate:,.1f} | {speed.ratio:.3g}" if speed else "– | –"
        lines.append(
            f"| {way.title} | {all_faults.intended} | {all_faults.twice} | {all_faults.missed_unseen} "
            f"| {all_faults.missed_seen} | {all_faults.failed} ({all_faults.told}) | {all_faults.requests} | {timed} |"
        )
    return "\n".join(lines)


def fault_table(results: Results) -> str:
    """Each fault by itself: a column for each."""
    lines = [f"| way | {' | '.join(results)} |", f"| --- |{' --- |' * len(results)}"]
    lines += [f"| {way.title} | {' | '.join(told(one[way.id]) for one in results.values())} |" for way in WAYS]
    return "\n".join(lines)


def told(found: Tally) -> str:
    """What a fault did, in a few words."""
    words = {
        "twice": found.twice,
        "missed, green": found.missed_unseen,
        "missed, red": found.missed_seen,
        "red, yet added": found.failed,
    }
    return ", ".join(f"{count} {word}" for word, count in words.items() if count) or "each once"


def main() -> int:
    """Compare, print the tables, and return the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1, help="of the people whom faults strike")
    options.add_argument("--faults", nargs="*", choices=[fault.name.lower() for fault in Fault], help="all if left out")
    options.add_argument("--rounds", type=int, default=3, help="of the runs that are timed; 0 for none")
    chosen = options.parse_args()
    faults = [fault for fault in Fault if chosen.faults is None or fault.name.lower() in chosen.faults]
    began = time.monotonic()
    results: dict[Fault, dict[str, Tally]] = {}
    with peers(chosen.seed) as running:
        say(began, "Airflow is up.")
        speeds = measure(running.airflow, running.emulators, chosen.rounds) if chosen.rounds else {}
        for name, speed in speeds.items():
            say(began, f"{name}: {speed.numbers:,} numbers a run, {1000 / speed.rate:,.1f} ms each.")
        for fault in faults:
            results[fault] = running.suffer(fault)
            say(began, f"{fault}: done.")
    print(f"\n{total_table(results, speeds)}\n\n{fault_table(results)}\n")
    for way in WAYS:
        print(f"- {way.title}: {way.about}")
    ours = [tally for tallies in results.values() for way in WAYS if way.is_ours for tally in [tallies[way.id]]]
    return 0 if all(tally.is_once for tally in ours) else 1


def say(began: float, text: str) -> None:
    """Tell how far it is, on stderr: the tables are for a file."""
    print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
