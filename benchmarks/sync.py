"""``make bench``: the sync beside the bare way of doing the same, and its memory.

The bare way reads the same rows and sends the same requests, in a loop of ``requests`` (addPhones) or ``aiohttp``
(addPhone, as many at a time), each with a key of its own, and remembers nothing: when it dies, it begins again from the
top. Ours is a task of a real Airflow; what is timed is its ``execute``, freezing and imports included. Pairs of runs
alternate. Without keys (``--keyless``) the bare way lets the server do less, and is a bit faster. "results" is ours
with a results table in the warehouse; "excluded" is ours with an exclusion list as long as the list is, read when it is
frozen and again before each send, "rules" is "results" with that and a cap on calls a person.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

from aimylogic_provider.emulator import DEFAULT_TOKEN as TOKEN
from local_servers.airflow import LocalAirflow
from local_servers.emulator import LocalEmulator
from local_servers.postgres import LocalPostgres

SQL = "select id, phone, name, city, debt from customer order by id"
CITIES = ("Москва", "Казань", "Tver", "Пермь")


def customers(count: int) -> Iterator[tuple[int, str, str, str, float]]:
    """Rows like those of a shop."""
    for number in range(count):
        yield number, f"79{number + 100_000_000:09}", f"Клиент {number}", CITIES[number % 4], number * 0.5 + 0.25


def stopped(count: int) -> Iterator[str]:
    """An exclusion list as people write one; nobody of the customers is on it, so that as many calls are made."""
    for number in range(count):
        digits = f"9{number + 700_000_000:09}"
        yield f"8 ({digits[:3]}) {digits[3:6]}-{digits[6:8]}-{digits[8:]}" if number % 2 else f"+7{digits}"


# One run, in a process of its own


def key() -> dict[str, str]:
    """The header of a request."""
    return {} if os.environ.get("KEYLESS") else {"Idempotence-Key": str(uuid.uuid4())}


def rows_of(warehouse: str, address: str) -> Iterator[tuple[Any, ...]]:
    """The rows as a loop of one's own reads them."""
    if warehouse == "sqlite":
        yield from sqlite3.connect(address).execute(SQL)
    else:
        import psycopg2

        connection = psycopg2.connect(address)
        with connection.cursor("rows") as cursor:
            cursor.itersize = 1000
            cursor.execute(SQL)
            yield from cursor


def bare_lists(warehouse: str, address: str, url: str) -> None:
    """Post batches of a thousand, one after the other."""
    import requests

    session, rows = requests.Session(), rows_of(warehouse, address)
    while batch := list(islice(rows, 1000)):
        items = [{"phone": phone, "payload": {"name": name, "city": city, "debt": debt}}
                 for _, phone, name, city, debt in batch]  # fmt: skip
        answer = session.post(f"{url}/api/calls/campaign/{TOKEN}/addPhones", json=items, headers=key(), timeout=60)
        answer.raise_for_status()
        assert len(answer.json()) == len(items)


async def bare_numbers(warehouse: str, address: str, url: str) -> None:
    """Post one number at a time, sixteen side by side."""
    import aiohttp

    rows = rows_of(warehouse, address)

    async def worker(session: aiohttp.ClientSession) -> None:
        for _, phone, name, city, debt in rows:
            parameters = {"phone": phone, "name": name, "city": city, "debt": str(debt)}
            address = f"{url}/api/crmCalls/campaign/{TOKEN}/addPhone"
            async with session.post(address, params=parameters, headers=key()) as answer:
                assert answer.status == 200
                assert await answer.json()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16)) as session:
        await asyncio.gather(*(worker(session) for _ in range(16)))


DAGS = """
import os, time
from datetime import datetime
from pathlib import Path
from airflow.sdk import DAG
from aimylogic_provider.transfers import SqlToAimylogicOperator

class Timed(SqlToAimylogicOperator):
    def execute(self, context):
        profile = None
        if os.environ.get("PROFILE"):
            import cProfile
            profile = cProfile.Profile()
            profile.enable()
        began = time.perf_counter()
        report = super().execute(context)
        took = time.perf_counter() - began
        if profile is not None:
            profile.disable()
            profile.dump_stats(os.environ["PROFILE"])
        status = Path("/proc/self/status").read_text()
        peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
        return {"seconds": took, "peak": peak, "report": report}

RULES = {
    "results": {"results_table": "results_{{ run_id }}"},
    "excluded": {"exclude_sql": "select phone from stop"},
    "rules": {
        "results_table": "results_{{ run_id }}", "exclude_sql": "select phone from stop",
        "max_calls_per_person": {"calls": 1000, "days": 7},
    },
}
for name, method in (("addPhones", "addPhones"), ("addPhone", "addPhone"), *((name, "addPhones") for name in RULES)):
    with DAG(f"bench_{name}", schedule=None, start_date=datetime(2026, 1, 1), params={"warehouse": ""}):
        Timed(
            task_id="sync", sql_conn_id="{{ params.warehouse }}", key_columns=["id"], method=method,
            sql="select id, phone, name, city, debt from customer order by id", call_list_path=os.environ["LISTS"],
            keep_call_list=None, **RULES.get(name, {}),
        )
"""


def one_run(method: str, warehouse: str, address: str, url: str) -> None:
    """Run the bare way once and print what it took."""
    began = time.perf_counter()
    if method == "addPhones":
        bare_lists(warehouse, address, url)
    else:
        asyncio.run(bare_numbers(warehouse, address, url))
    print("\n" + json.dumps({"seconds": time.perf_counter() - began}))


# All runs


class Bench:
    """A real Airflow, an emulator, and warehouses, for all runs."""

    def __init__(self, folder: Path, airflow: LocalAirflow, emulator: LocalEmulator) -> None:
        self.folder = folder
        self.airflow = airflow
        self.emulator = emulator
        self._runs = count(1)
        airflow.connect(emulator.url, TOKEN)
        for name in ("addPhones", "addPhone", "results", "excluded", "rules"):
            airflow.wait_for_dag(f"bench_{name}")

    def run(self, way: str, method: str, warehouse: Warehouse) -> dict[str, Any]:
        """One run; what it took."""
        self.emulator.reset()
        if way == "bare":
            command = [sys.executable, "-m", "benchmarks.sync", "--one", method, warehouse.kind, warehouse.address,
                       self.emulator.url]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
            results: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        else:
            dag, run = f"bench_{method if way == 'ours' else way}", f"run-{next(self._runs)}"
            self.airflow.trigger(dag, run, {"warehouse": warehouse.conn_id})
            self.airflow.wait_for_task(dag, run, "sync", ("success",), seconds=600)
            results = self.airflow.xcom(dag, run, "sync")
        held = self.emulator.campaigns()[0].jobs
        assert held == warehouse.rows, f"{held} jobs for {warehouse.rows} rows"
        return results


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A table of customers.

    :param address: as the bare way finds it
    :param connection: as Airflow finds it
    """

    kind: str
    rows: int
    address: str
    connection: str

    @property
    def conn_id(self) -> str:
        """Of the connection."""
        return f"{self.kind}_{self.rows}"

    @classmethod
    def of(cls, kind: str, rows: int, folder: Path, postgres: LocalPostgres) -> Warehouse:
        """Make one."""
        if kind == "sqlite":
            path = str(folder / f"warehouse-{rows}.db")
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("create table customer(id integer, phone text, name text, city text, debt real)")
                database.executemany("insert into customer values (?, ?, ?, ?, ?)", customers(rows))
                database.execute("create table stop(phone text)")
                database.executemany("insert into stop values (?)", ((one,) for one in stopped(rows)))
            return cls(kind, rows, path, json.dumps({"conn_type": "sqlite", "host": path}))
        import psycopg2

        name = f"warehouse_{rows}"
        postgres.create(name)
        with closing(psycopg2.connect(postgres.dsn(name))) as connection, connection, connection.cursor() as cursor:
            cursor.execute("create table customer(id integer, phone text, name text, city text, debt float8)")
            cursor.copy_expert(
                "copy customer from stdin",
                StringIO("".join("\t".join(map(str, row)) + "\n" for row in customers(rows))),
            )
            cursor.execute("create table stop(phone text)")
            cursor.copy_expert("copy stop from stdin", StringIO("".join(f"{one}\n" for one in stopped(rows))))
        return cls(kind, rows, postgres.dsn(name), postgres.connection(name))


_PAIRS = {"results": ("ours", "results"), "excluded": ("ours", "excluded"), "rules": ("results", "rules")}
"""What is compared with what, by the part of the benchmark."""


def compared(bench: Bench, part: str, method: str, warehouse: Warehouse, runs: int) -> dict[str, Any]:
    """Pairs of runs, alternating; medians, and that of the pairs' ratios."""
    first, second = _PAIRS.get(part, ("bare", "ours"))
    pairs = []
    for number in range(runs):
        order = (first, second) if number % 2 else (second, first)
        pairs.append({way: bench.run(way, method, warehouse)["seconds"] for way in order})
    return {
        "method": method,
        "warehouse": warehouse.kind,
        "rows": warehouse.rows,
        "runs": runs,
        **{way: warehouse.rows / median(pair[way] for pair in pairs) for way in (first, second)},
        "ratio": median(pair[first] / pair[second] for pair in pairs),
    }


def main() -> None:
    """Measure, print a table, and write the figures as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--numbers", type=int, default=100_000, help="rows sent by addPhone")
    options.add_argument("--memory", type=int, nargs=2, default=(100_000, 1_000_000), help="rows")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--only", choices=("lists", "numbers", "results", "excluded", "rules", "memory"))
    options.add_argument("--keyless", action="store_true", help="the bare way sends no idempotence keys")
    options.add_argument("--json", type=Path, default=Path(".bench/sync.json"))
    chosen = options.parse_args()
    if chosen.one:
        one_run(*chosen.one)
        return
    if chosen.keyless:
        os.environ["KEYLESS"] = "1"
    cases = [("lists", "addPhones", kind, chosen.rows) for kind in ("sqlite", "postgres")]
    cases += [("numbers", "addPhone", "sqlite", chosen.numbers)]
    cases += [("results", "addPhones", kind, chosen.rows) for kind in ("sqlite", "postgres")]
    cases += [
        (part, "addPhones", kind, chosen.rows) for part in ("excluded", "rules") for kind in ("sqlite", "postgres")
    ]
    cases += [("memory", "addPhones", "sqlite", rows) for rows in chosen.memory]
    cases = [case for case in cases if chosen.only in (None, case[0])]
    table: list[dict[str, Any]] = []
    memory: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name, LocalEmulator() as emulator, LocalPostgres() as postgres:
        folder = Path(name)
        (folder / "dags").mkdir()
        (folder / "dags" / "bench.py").write_text(DAGS)
        wanted = {(kind, rows) for _, _, kind, rows in cases}
        warehouses = {one: Warehouse.of(*one, folder, postgres) for one in sorted(wanted)}
        settings = {f"AIRFLOW_CONN_{one.conn_id.upper()}": one.connection for one in warehouses.values()}
        settings["LISTS"] = str(folder / "lists")
        with LocalAirflow(folder / "home", folder / "dags", settings=settings) as airflow:
            bench = Bench(folder, airflow, emulator)
            for part, method, kind, rows in cases:
                if part == "memory":
                    run = bench.run("results", method, warehouses[kind, rows])
                    memory.append({"rows": rows, "peak": run["peak"]})
                else:
                    table.append(compared(bench, part, method, warehouses[kind, rows], chosen.runs))
    show(table, memory)
    chosen.json.parent.mkdir(exist_ok=True)
    chosen.json.write_text(json.dumps({"sync": table, "memory": memory}, indent=1))


def show(table: Sequence[dict[str, Any]], memory: Sequence[dict[str, Any]]) -> None:
    """Print the tables."""
    for first, second in (("bare", "ours"), *_PAIRS.values()):
        rows = [row for row in table if second in row and first in row]
        if rows:
            print(f"{'numbers a second':16} {'from':9} {'rows':>9} {first:>9} {second:>9} {f'{second}/{first}':>13}")
        for row in rows:
            print(f"{row['method']:16} {row['warehouse']:9} {row['rows']:>9,} {row[first]:>9,.0f} {row[second]:>9,.0f} "
                  f"{row['ratio']:>13.0%}")  # fmt: skip
    for row in memory:
        print(f"peak memory of the task, with results, at {row['rows']:>9,} rows: {row['peak'] / 2**20:,.0f} MiB")
    if len(memory) == 2:
        print(f"that is {memory[1]['peak'] / memory[0]['peak']:.2f} times as much")


if __name__ == "__main__":
    main()
