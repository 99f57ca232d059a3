"""What each rule costs a sync: processor time with it beside processor time with none, in one run.

Run it with ``python -m benchmarks.rules``. Each turn syncs one table of SQLite by addPhones under each of the rules in
turn, in a process of its own; the emulator is another one. What is compared is the processor time of ``execute`` alone,
for the machine may have other work. Nobody stands on the exclusion list, which is as long as the table, and no cap is
reached, so that all make as many calls, but for the holdout.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.sync import SQL, customers, stopped
from local_servers.emulator import LocalEmulator

EXCLUDED: dict[str, Any] = {"exclude_sql": "select phone from stop"}
RESULTS: dict[str, Any] = {"results_table": "calls"}
CAPPED: dict[str, Any] = {**RESULTS, "max_calls_per_person": {"calls": 1000, "days": 7}}
RULES: dict[str, dict[str, Any]] = {
    "none": {"max_calls_per_phone": None},
    "max_calls_per_phone=1": {},
    "holdout=0.1": {"holdout": 0.1},
    "max_calls, max_change": {"max_calls": 10_000_000, "max_change": 0.5},
    "exclude_sql": EXCLUDED,
    "results_table": RESULTS,
    "results_table, only_new": {**RESULTS, "only_new": True},
    "results_table, max_calls_per_person": CAPPED,
    "all but the holdout": {**EXCLUDED, **CAPPED, "only_new": True, "max_calls": 10_000_000, "max_change": 0.5},
}
SYNC = """
import json, logging, sys, time
logging.disable(logging.CRITICAL)
from aimylogic_provider.transfers import SqlToAimylogicOperator
from tests.conftest import TaskInstance

operator = SqlToAimylogicOperator(task_id="sync", **json.loads(sys.argv[1]))
context = TaskInstance(task_id="sync", current_try=1).context()
began, cpu = time.perf_counter(), time.process_time()
report = operator.execute(context)
took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
print("\\n" + json.dumps({**took, "created": report["created"], "held_out": report["held_out"]}))
"""


def synced(emulator: LocalEmulator, file: Path, rows: int, rule: dict[str, Any]) -> dict[str, float]:
    """One sync, of which nothing is left; what it took."""
    emulator.reset()
    with tempfile.TemporaryDirectory() as folder:
        warehouse = shutil.copy(file, folder)
        arguments = {
            "sql": SQL, "sql_conn_id": "warehouse", "key_columns": ["id"], "call_list_path": f"{folder}/lists", **rule,
        }  # fmt: skip
        environment = {
            **os.environ, "AIRFLOW_HOME": folder, "AIRFLOW__CORE__FERNET_KEY": "A" * 43 + "=",
            "AIRFLOW_CONN_AIMYLOGIC_DEFAULT": emulator.connection(),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": warehouse}),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", SYNC, json.dumps(arguments)], env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
    took: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    assert took["created"] + took["held_out"] == rows, took
    return took


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--runs", type=int, default=3)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, LocalEmulator() as emulator:
        file = Path(folder, "warehouse.db")
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("create table customer(id integer, phone text, name text, city text, debt real)")
            database.executemany("insert into customer values (?, ?, ?, ?, ?)", customers(chosen.rows))
            database.execute("create table stop(phone text)")
            database.executemany("insert into stop values (?)", ((one,) for one in stopped(chosen.rows)))
        turns = [
            {name: synced(emulator, file, chosen.rows, rule) for name, rule in RULES.items()}
            for _ in range(chosen.runs)
        ]
    print(f"{'a sync with':36} {'of CPU':>8} {'of none':>8} {'seconds':>8}   {chosen.rows:,} rows, {chosen.runs} turns")
    for name in RULES:
        cpu, seconds = (median(turn[name][what] for turn in turns) for what in ("cpu", "seconds"))
        share = median(turn[name]["cpu"] / turn["none"]["cpu"] for turn in turns)
        print(f"{name:36} {cpu:>6.2f} s {share:>8.2f} {seconds:>6.1f} s")


if __name__ == "__main__":
    main()
