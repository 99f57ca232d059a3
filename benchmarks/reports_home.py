"""``make bench-reports``: attempts brought home by AimylogicToSqlOperator, beside a bare loop that does the same once.

``python -m benchmarks.reports_home [--attempts N] [--databases sqlite postgres mariadb]``. The bare loop asks for pages
by ``requests``, day by day, and upserts them: it reads once, so that a page that shifts is a gap; it remembers nothing.
Ours reads all twice; what is timed is its ``execute``. Each run is a process of its own, whose peak memory is that of
its whole life, Airflow's import with it. Then the report's pages fail and shift at random, the worker is killed in
between, and it goes on: a row for each attempt, no more. And the same interval again: no row changes.
All of them take no more memory than a tenth. A tenth's jobs come home, too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, nullcontext
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aimylogic_provider.emulator import DEFAULT_TOKEN as TOKEN
from benchmarks.many_calls import DAYS, ManyCalls
from local_servers.mariadb import LocalMariaDB
from local_servers.postgres import LocalPostgres

DATABASES = ("sqlite", "postgres", "mariadb")
MORE_MEMORY = 20
"""MB, at most, that all of them take more than a tenth."""
BY_DATE = "callAttempt/getReportByDate"
COLUMNS = (
    "call_job_id", "attempt_number", "phone", "started_at", "finished_at", "call_result", "job_status", "call_seconds",
    "tag_name", "tag_payload", "report_data",
)  # fmt: skip
FIELDS = (
    "callJobId", "attemptNumber", "phone", "startedAt", "finishedAt", "callResult", "jobStatus", "callDuration",
    "tagName", "tagPayload", "reportData",
)  # fmt: skip


# One run, in a process of its own


def bare(address: str, url: str, start: datetime, end: datetime) -> dict[str, Any]:
    """The loop that one writes: a day after the other, page by page, once."""
    import requests

    session, read, began = requests.Session(), 0, time.monotonic()
    kind = kind_of(address)
    places = ", ".join("?" if kind == "sqlite" else "%s" for _ in COLUMNS)
    told = "values({})" if kind == "mariadb" else "excluded.{}"
    sets = ", ".join(f"{name} = {told.format(name)}" for name in COLUMNS[2:])
    values = "values %s" if kind == "postgres" else f"values ({places})"
    found = (
        "on duplicate key update" if kind == "mariadb" else "on conflict (call_job_id, attempt_number) do update set"
    )
    upsert = f"insert into bare ({', '.join(COLUMNS)}) {values} {found} {sets}"
    with closing(connect(address)) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "create table if not exists bare (call_job_id varchar(40), attempt_number int, phone varchar(40), "
            "started_at bigint, finished_at bigint, call_result text, job_status text, call_seconds int, "
            "tag_name text, tag_payload text, report_data text, primary key (call_job_id, attempt_number))"
        )
        day = start
        while day < end:
            limits = {"startedAtFrom": day.isoformat(), "startedAtTo": (day + timedelta(days=1)).isoformat()}
            for page in count():
                asked = {"filter": limits, "pagination": {"page": page, "pageSize": 200}}
                answer = session.post(f"{url}/api/calls/campaign/{TOKEN}/{BY_DATE}", json=asked, timeout=60)
                answer.raise_for_status()
                items = answer.json()["items"]
                if not items:
                    break
                rows = [
                    (*(item[field] for field in FIELDS[:-2]), *(json.dumps(item[field]) for field in FIELDS[-2:]))
                    for item in items
                ]
                if kind != "postgres":
                    cursor.executemany(upsert, rows)
                else:
                    from psycopg2.extras import execute_values

                    execute_values(cursor, upsert, rows)
                connection.commit()
                read += len(rows)
            day += timedelta(days=1)
    return {"read": read, "seconds": time.monotonic() - began}


def ours(table: str, start: datetime, end: datetime) -> dict[str, Any]:
    """A task, at Airflow's seam.

    :param table: ``attempts`` or ``jobs``
    """
    from aimylogic_provider.transfers import AimylogicToSqlOperator

    operator = AimylogicToSqlOperator(
        task_id="home", sql_conn_id="home", phones="full", start=start.isoformat(), end=end.isoformat(),
        jobs_table=table if table == "jobs" else None, attempts_table=table if table == "attempts" else None,
    )  # fmt: skip
    ti = SimpleNamespace(dag_id="bench", run_id="bench", task_id="home", map_index=-1, try_number=1)
    ti.task = operator
    context: Any = {"ti": ti, "run_id": "bench"}
    began = time.monotonic()
    report: dict[str, Any] = operator.execute(context)
    return {**report[table], "seconds": time.monotonic() - began}


def connect(address: str) -> Any:
    """A connection to a database."""
    kind = kind_of(address)
    if kind == "sqlite":
        return sqlite3.connect(address)
    if kind == "mariadb":
        import MySQLdb

        return MySQLdb.connect(
            host="127.0.0.1", port=int(address.partition(":")[2]), user="warehouse", passwd="warehouse",
            db="warehouse", charset="utf8mb4",
        )  # fmt: skip
    import psycopg2

    return psycopg2.connect(address)


def kind_of(address: str) -> str:
    """Which database it is, by its address."""
    return "sqlite" if address.endswith(".db") else "mariadb" if address.startswith("mariadb:") else "postgres"


# All of them


class Bench:
    """One database.

    :param address: a file of SQLite, a DSN of PostgreSQL, or ``mariadb:`` and a port
    :param connection: the same as an Airflow connection
    """

    def __init__(self, emulator: ManyCalls, address: str, connection: str, attempts: int) -> None:
        self.emulator = emulator
        self.address = address
        self.attempts = attempts
        self.end = emulator.now() - timedelta(hours=12)
        self.start = self.end - timedelta(days=DAYS + 1)
        self.tenth = self.start + timedelta(days=1 + DAYS / 10 - 0.5)
        self.environment = {
            **os.environ,
            "AIRFLOW_CONN_HOME": connection,
            "AIRFLOW_CONN_AIMYLOGIC_DEFAULT": emulator.connection(),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        }

    def begin(self, way: str, end: datetime) -> subprocess.Popen[str]:
        """Begin a run."""
        of_run = [way, self.address, self.emulator.url, self.start.isoformat(), end.isoformat()]
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.reports_home", "--run", *of_run],
            env=self.environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, way: str, end: datetime | None = None) -> dict[str, Any]:
        """Run it to its end; return its report, with ``seconds`` and ``peak`` (MB)."""
        process = self.begin(way, end or self.end)
        output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"the run {way} failed with {process.returncode}")
        report: dict[str, Any] = json.loads(output.splitlines()[-1])
        return report

    def run_to_the_end(self) -> int:
        """Run ours until a try doesn't fail, as Airflow's retries do; return how many did."""
        for failed in range(10):
            process = self.begin("attempts", self.end)
            process.communicate()
            if not process.returncode:
                return failed
        raise RuntimeError("ten tries failed")

    def kill(self, asked: int) -> None:
        """Begin ours, and kill it once it has asked for so many pages."""
        begun, process = self.emulator.count(BY_DATE), self.begin("attempts", self.end)
        while self.emulator.count(BY_DATE) - begun < asked:
            if process.poll() is not None:
                raise RuntimeError("the run was over before it was killed")
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def drop(self, table: str) -> None:
        """Forget a table, and how far it was read."""
        with closing(connect(self.address)) as connection:
            cursor = connection.cursor()
            for name in (table, "aimylogic_read_until"):
                cursor.execute(f"drop table if exists {name}")
            connection.commit()

    def told(self) -> tuple[int, int, str]:
        """Rows, different attempts, and a digest of all that stands in the table."""
        with closing(connect(self.address)) as connection:
            cursor = connection.cursor()
            cursor.execute("select count(*), count(distinct call_job_id) from attempts")
            rows, jobs = cursor.fetchone()
            if kind_of(self.address) == "postgres":
                cursor = connection.cursor("told")  # or the driver would have all of them in memory
            cursor.execute("select * from attempts order by call_job_id, attempt_number")
            digest = sha256()
            for row in cursor:
                digest.update(repr(row).encode())
        return rows, jobs, digest.hexdigest()


def measure(bench: Bench, name: str, kills: int) -> None:
    """Print the rows of one database."""

    def rate(report: dict[str, Any]) -> str:
        return f"{bench.attempts / report['seconds']:,.0f} rows/s"

    loop = bench.run("bare")
    tenth = bench.run("attempts", bench.tenth)
    bench.drop("attempts")
    before = bench.emulator.count(BY_DATE)
    whole = bench.run("attempts")
    pages = bench.emulator.count(BY_DATE) - before
    print(f"| {name} | bare loop | {rate(loop)} | | {loop['peak']:.0f} MB |")
    print(f"| | ours | {rate(whole)} | {loop['seconds'] / whole['seconds']:.2f} of the bare loop's rate | "
          f"{whole['peak']:.0f} MB; {tenth['peak']:.0f} MB of a tenth |")  # fmt: skip
    assert (loop["read"], whole["new"]) == (bench.attempts, bench.attempts), (loop, whole)
    assert whole["peak"] < tenth["peak"] + MORE_MEMORY, (whole, tenth)
    assert bench.told()[:2] == (bench.attempts, jobs_of(bench.attempts)), bench.told()
    jobs = bench.run("jobs", bench.tenth)
    print(f"| | ours, the jobs of a tenth | {jobs['new'] / jobs['seconds']:,.0f} rows/s | | {jobs['peak']:.0f} MB |")

    bench.drop("attempts")
    bench.emulator.settings(page_shifts=0.01)
    faults = [
        bench.emulator.fault("before_commit", "status", status=503, path=BY_DATE, probability=0.01),
        bench.emulator.fault("in_body", "reset", path=BY_DATE, probability=0.005),
    ]
    chance = random.Random(1)
    for _ in range(kills):
        # So that all of them together ask about as much as one run that is left alone; some of it is asked for again.
        bench.kill(1 + int(chance.random() * 2 * pages / (kills + 2)))
    began = time.monotonic()
    failed = bench.run_to_the_end()
    print(f"| | pages fail and shift at random, {failed} tries fail, the worker is killed {kills} times | the last: "
          f"{time.monotonic() - began:.0f} s | {bench.told()[0]:,} rows, {bench.attempts:,} attempts | |")  # fmt: skip
    again(bench)
    assert sum(fault.hits for fault in faults) or bench.attempts < 100_000, "no page failed"
    bench.emulator.clear_faults()
    bench.emulator.settings(page_shifts=0)


def again(bench: Bench) -> None:
    """The same interval again: nothing changes."""
    rows, jobs, digest = bench.told()
    assert (rows, jobs) == (bench.attempts, jobs_of(bench.attempts)), (rows, jobs)
    report = bench.run("attempts")
    assert (report["new"], report["changed"]) == (0, 0), report
    assert bench.told() == (rows, jobs, digest)
    print(f"| | the same interval again | {bench.attempts / report['seconds']:,.0f} rows/s | "
          f"{report['new']} new, {report['changed']} changed | |")  # fmt: skip


def jobs_of(attempts: int) -> int:
    """How many jobs have so many attempts: of two jobs one has two."""
    return attempts // 3 * 2 + attempts % 3


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--run", nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.run:
        way, address, url, start, end = chosen.run
        limits = datetime.fromisoformat(start), datetime.fromisoformat(end)
        report = bare(address, url, *limits) if way == "bare" else ours(way, *limits)
        peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]
        print("\n" + json.dumps({**report, "peak": peak}), flush=True)
        return
    postgres = LocalPostgres() if "postgres" in chosen.databases else None
    mariadb = LocalMariaDB() if "mariadb" in chosen.databases else None
    with (
        ManyCalls(chosen.attempts) as emulator,
        postgres or nullcontext(),
        mariadb or nullcontext(),
        tempfile.TemporaryDirectory() as folder,
    ):
        print(f"{chosen.attempts:,} attempts\n\n| database | way | rate | | peak memory |\n|---|---|---|---|---|")
        for name in chosen.databases:
            file = Path(folder, "home.db")
            address, connection = str(file), json.dumps({"conn_type": "sqlite", "host": str(file)})
            if postgres is not None and name == "postgres":
                postgres.create("warehouse")
                address, connection = postgres.dsn("warehouse"), postgres.connection("warehouse")
            if mariadb is not None and name == "mariadb":
                address, connection = f"mariadb:{mariadb.port}", mariadb.connection(charset="utf8mb4")
            measure(Bench(emulator, address, connection, chosen.attempts), name, chosen.kills)


if __name__ == "__main__":
    main()
