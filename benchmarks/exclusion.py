"""What an exclusion list costs: the seconds and the memory of one look, at 1,000 and at 1,000,000 excluded phones.

Run it with ``python -m benchmarks.exclusion``. A look reads the whole list from SQLite, in a process of its own, past
the phones of a call list of 100,000; it is what freezing does once, and sending as often as it looks again. "Resident"
is the most that the process ever held, all modules and the call list's own phones included.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

LOOK = """
import json, logging, sys, time
from pathlib import Path
from airflow.providers.common.compat.sdk import BaseHook
from aimylogic_provider.call_list.exclusion.excluded_phones import ExclusionQuery
from aimylogic_provider.call_list.exclusion.phone_set import PhoneSet

phones, entries = map(int, sys.argv[1:])
listed = PhoneSet(79_000_000_000 + number * 997 % 1_000_000_000 for number in range(phones))
query = ExclusionQuery(hook=BaseHook.get_hook("stop"), sql=f"select phone from stop limit {entries}", column="phone",
                       region=None, unreadable="fail", log=logging.getLogger())
began, cpu = time.perf_counter(), time.process_time()
found = query.excluded(listed)
took = time.perf_counter() - began, time.process_time() - cpu
status = Path("/proc/self/status").read_text()
peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
print(json.dumps({"seconds": took[0], "cpu": took[1], "peak": peak, "hit": len(found.phones), "read": found.entries}))
"""
WRITINGS = (
    "8 ({0}) {1}-{2}-{3}",
    "+7{0}{1}{2}{3}",
    "7{0}{1}{2}{3}",
    "8{0}{1}{2}{3}",
    "{0}{1}{2}{3}",
    "+7 {0} {1} {2} {3}",
)


def entries(count: int) -> Iterator[tuple[str]]:
    """Phones as people write them."""
    chosen = random.Random(1)
    for _ in range(count):
        digits = f"9{chosen.randrange(10**9):09}"
        yield (chosen.choice(WRITINGS).format(digits[:3], digits[3:6], digits[6:8], digits[8:]),)


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--phones", type=int, default=100_000, help="of the call list")
    options.add_argument("--entries", type=int, nargs="+", default=(1000, 1_000_000), help="of the exclusion list")
    options.add_argument("--runs", type=int, default=3)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "stop.db")
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("create table stop(phone text)")
            database.executemany("insert into stop values (?)", entries(max(chosen.entries)))
        connection = json.dumps({"conn_type": "sqlite", "host": str(file)})
        environment = {**os.environ, "AIRFLOW_CONN_STOP": connection, "AIRFLOW_HOME": folder}
        print(f"{'excluded':>10} {'read':>10} {'hit':>6} {'seconds':>8} {'of CPU':>7} {'resident':>10}")
        for count in chosen.entries:
            command = [sys.executable, "-c", LOOK, str(chosen.phones), str(count)]
            looks = [
                json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
                for _ in range(chosen.runs)
            ]
            middle = {name: median(look[name] for look in looks) for name in looks[0]}
            read = f"{count:>10,} {middle['read']:>10,} {middle['hit']:>6,}"
            print(f"{read} {middle['seconds']:>8.2f} {middle['cpu']:>7.2f} {middle['peak'] / 2**20:>6,.0f} MiB")


if __name__ == "__main__":
    main()
