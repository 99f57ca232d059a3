"""How many numbers a second a way adds without faults: a whole DAG run, from start to end as Airflow tells them.

A task for each number is timed with few of them, for each costs a process; a task for the whole list, with many. Rounds
alternate, so that a machine whose speed drifts treats all alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from aimylogic_provider.emulator import EmulatorClient
from benchmarks.peers.faults import wait_for_end
from benchmarks.peers.ways import WAYS, people
from local_servers.airflow import LocalAirflow

__all__ = ["Speed", "measure"]

RAW = "loop"
TIMED = {way.id: way.timed for way in WAYS if way.timed is not None}
"""Rows for each way that is timed. HttpOperator is as fast with whatever key."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians of all rounds.

    :param rate: numbers a second
    :param ratio: of the rates of this way and the raw one in the same round
    """

    numbers: int
    rate: float
    ratio: float


def measure(airflow: LocalAirflow, emulators: Mapping[str, EmulatorClient], rounds: int) -> dict[str, Speed]:
    """Time the ways, by their ids.

    :raises RuntimeError: if a run doesn't add just its numbers
    """
    rates: list[dict[str, float]] = []
    for number in range(rounds):
        order = list(TIMED) if number % 2 else list(reversed(TIMED))
        rates.append({way: _rate(airflow, emulators[way], way, f"speed_{number}") for way in order})
    return {
        way: Speed(
            numbers=len(people(rows)),
            rate=median(one[way] for one in rates),
            ratio=median(one[way] / one[RAW] for one in rates),
        )
        for way, rows in TIMED.items()
    }


def _rate(airflow: LocalAirflow, emulator: EmulatorClient, name: str, run: str) -> float:
    """One run's."""
    way = next(way for way in WAYS if way.id == name)
    dag, numbers = way.dag_id(TIMED[name]), len(people(TIMED[name]))
    emulator.reset()
    airflow.trigger(dag, run)
    state = wait_for_end(airflow, dag, run)
    held = emulator.campaign().jobs
    if state != "success" or held != numbers:
        raise RuntimeError(f"{dag} ended as {state}, with {held} jobs for {numbers} numbers")
    told = airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns/{run}")
    seconds = datetime.fromisoformat(told["end_date"]) - datetime.fromisoformat(told["start_date"])
    return numbers / seconds.total_seconds()
