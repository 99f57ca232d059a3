"""What a DAG file pays for importing each public name, once Airflow's SDK is there: beside HttpOperator, in one run.

Each figure is the median over fresh processes, in which the import alone is timed; the candidates take turns, so that a
machine whose speed drifts treats them alike. Run: make bench
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from aimylogic_provider import hooks, operators, sensors, transfers, triggers

BASE = "import airflow.sdk; from airflow.providers.common.compat.sdk import BaseOperator, BaseHook"
OURS = {
    name: f"from {package.__name__} import {name}"
    for package in (operators, transfers, sensors, hooks, triggers)
    for name in package.__all__
}
CANDIDATES = {
    **OURS,
    "Airflow's own BaseTrigger": "from airflow.triggers.base import BaseTrigger",
    "EmptyOperator": "from airflow.providers.standard.operators.empty import EmptyOperator",
    "HttpOperator": "from airflow.providers.http.operators.http import HttpOperator",
}
RUNS = 7


def milliseconds(statement: str) -> float:
    """Time one import in a fresh process."""
    code = f"import time\n{BASE}\nbegin = time.perf_counter()\n{statement}\nprint(time.perf_counter() - begin)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1]) * 1000


def main() -> None:
    """Print the table."""
    times: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for statement in CANDIDATES.values():
        milliseconds(statement)  # writes the bytecode
    for _ in range(RUNS):
        for name, statement in CANDIDATES.items():
            times[name].append(milliseconds(statement))
    print(f"{'import, after airflow.sdk and compat':38}{'min':>9}{'median':>9}{'max':>9}   ms, {RUNS} processes each")
    for name, figures in times.items():
        print(f"{name:38}{min(figures):9.1f}{statistics.median(figures):9.1f}{max(figures):9.1f}")
    ratio = statistics.median(times["HttpOperator"]) / statistics.median(times["AddPhoneOperator"])
    print(f"HttpOperator costs {ratio:.0f} times as much as AddPhoneOperator.")


if __name__ == "__main__":
    main()
