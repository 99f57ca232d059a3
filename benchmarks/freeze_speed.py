"""How fast a query becomes a frozen list, beside another checkout of this project, in one run.

Run it with ``python -m benchmarks.freeze_speed PATH``, PATH being the other checkout. Each turn freezes one table of
SQLite by both, in processes of their own, one after the other; the ratio of the medians is what counts.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

ROWS = 200_000
TURNS = 3
HERE = Path(__file__).resolve().parent.parent
KINDS = {
    "digits": ("7912{0:07}", {}),
    "with plus": ("+7912{0:07}", {}),
    "national, with region": ("8912{0:07}", {"phone_region": "RU"}),
    "by addPhone": ("7912{0:07}", {"method": "addPhone"}),
}
FREEZE = """
import json, logging, sys, tempfile, time
from airflow.providers.common.compat.sdk import BaseHook
from aimylogic_provider.call_list.freeze.batch_cutting import Cut
from aimylogic_provider.call_list.freeze.freeze import ListOrigin, freeze
from aimylogic_provider.call_list.freeze.rejected.rejected_limit import Limit
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.freeze.rows import Columns, RowReader
from aimylogic_provider.call_list.freeze.warehouse import streamed

log = logging.getLogger("freeze")
columns = Columns(phone="phone", keys=("id",), **json.loads(sys.argv[1]))
hook = BaseHook.get_hook("warehouse")
with tempfile.TemporaryDirectory() as folder:
    begun = time.process_time()
    with streamed(hook, "select * from customer", None, log) as (names, rows):
        reader = RowReader(columns, names)
        made = freeze(rows, reader, Folder(folder + "/list"), cut=Cut(1000), limit=Limit(), log=log,
                      origin=ListOrigin("list", "a task", "file://" + folder))
    print(time.process_time() - begun, made.calls)
"""


def main(other: Path) -> None:
    """Print a table."""
    print(f"Seconds of processor to freeze {ROWS:,} rows, medians of {TURNS} turns\n")
    print("| rows | other | this | this / other |\n|---|---|---|---|")
    for name, (phone, arguments) in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "warehouse.db")
            with closing(sqlite3.connect(file)) as database, database:
                database.execute("create table customer(id integer, phone text, name text, debt real, day text)")
                database.executemany(
                    "insert into customer values (?, ?, ?, ?, '2026-12-01')",
                    ((n, phone.format(n * 37 % 10_000_000), f"Name {n}", n + 0.5) for n in range(ROWS)),
                )
            times: dict[Path, list[float]] = {other: [], HERE: []}
            for _ in range(TURNS):
                for checkout in times:
                    times[checkout].append(_seconds(checkout, file, arguments))
            before, after = (statistics.median(one) for one in times.values())
            print(f"| {name} | {before:.2f} | {after:.2f} | {after / before:.2f} |")


def _seconds(checkout: Path, file: Path, arguments: dict[str, str]) -> float:
    connection = json.dumps({"conn_type": "sqlite", "host": str(file)})
    environment = {**os.environ, "PYTHONPATH": str(checkout), "AIRFLOW_CONN_WAREHOUSE": connection}
    done = subprocess.run(
        [sys.executable, "-c", FREEZE, json.dumps(arguments)], env=environment, cwd="/", check=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    seconds, calls = done.stdout.split()[-2:]
    assert int(calls) == ROWS
    return float(seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
