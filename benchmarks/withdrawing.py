"""What it costs to withdraw calls of many open jobs: seconds, requests, and the worker's memory beside that of a few.

``python -m benchmarks.withdrawing [JOBS]``. A tenth of the people have paid. The worker is a process of its own, and so
is the emulator; the results table is SQLite's.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

FEW = 1000


def main(jobs: int) -> None:
    """Print a table."""
    print(
        "| open jobs | withdrawn | seconds | seconds of processor | requests | most memory, MiB |\n"
        "|---|---|---|---|---|---|"
    )
    for number in (min(FEW, jobs), jobs):
        print(f"| {number:,} | {told_by('--in', str(number))} |", flush=True)


def told_by(*arguments: str) -> str:
    """The last line that another process of this program prints."""
    command = [sys.executable, "-m", "benchmarks.withdrawing", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1]


def prepare(jobs: int) -> None:
    """Add jobs, and have a worker withdraw some."""
    from aimylogic_provider.call_list.tables.results_table import ResultsTable
    from aimylogic_provider.call_list_task.databases import engine_of
    from aimylogic_provider.calls_api.calls.call import ListedCall
    from aimylogic_provider.emulator import Emulator
    from aimylogic_provider.hooks import AimylogicHook

    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        database = Path(folder, "results.db")
        os.environ["AIRFLOW_CONN_AIMYLOGIC_DEFAULT"] = emulator.connection()
        os.environ["AIRFLOW_CONN_WAREHOUSE"] = json.dumps({"conn_type": "sqlite", "host": str(database)})
        emulator.campaign(lines=0)
        hook = AimylogicHook()
        table = ResultsTable(engine_of("sql_conn_id", "warehouse"), "calls", ["id"])
        now = datetime.now(UTC)
        for start in range(0, jobs, 1000):
            numbers = range(start, min(start + 1000, jobs))
            ids = hook.add_phones([ListedCall.of(f"7912{number:07}") for number in numbers])
            table.write([
                {"call_list": "list", "row_number": number + 1, "dag_id": "d", "task_id": "t", "run_id": "r",
                 "id": number + 1, "phone": "7***", "outcome": "created", "call_job_id": job, "reason": None,
                 "frozen_at": now, "settled_at": now}
                for number, job in zip(numbers, ids, strict=True)
            ])  # fmt: skip
        table.close()
        with closing(sqlite3.connect(database)) as plain, plain:
            plain.execute("create table debts(id integer, paid integer)")
            plain.executemany("insert into debts values (?, ?)", ((n + 1, n % 10 == 0) for n in range(jobs)))
        before = emulator.count()
        seconds, memory, processor, withdrawn = json.loads(told_by("--withdraw"))
        cancelled = sum(job.status == "cancelledByUser" for job in emulator.jobs())
        assert cancelled == withdrawn == -(-jobs // 10), (cancelled, withdrawn)
        requests = emulator.count() - before
        print(f"{withdrawn:,} | {seconds:.1f} | {processor:.1f} | {requests:,} | {memory:.0f}")


def withdraw() -> None:
    """Withdraw, and print what it took."""
    from aimylogic_provider.operators import WithdrawCallsOperator

    operator = WithdrawCallsOperator(
        task_id="withdraw", results_table="calls", results_conn_id="warehouse", key_columns=["id"],
        sql="select id from debts where not paid", sql_conn_id="warehouse",
    )  # fmt: skip
    entry: dict[str, Any] = {}
    store = SimpleNamespace(get=entry.get, set=lambda key, value, **more: entry.update({key: value}))
    ti = SimpleNamespace(dag_id="d", task_id="withdraw", run_id="r", map_index=-1, id=uuid4(), try_number=1)
    context: Any = {"ti": ti, "task_state_store": store}
    began = time.perf_counter()
    counts = operator.execute(context)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(
        [time.perf_counter() - began, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, counts["withdrawn"]]
    ))  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--withdraw"]:
        withdraw()
    elif sys.argv[1:2] == ["--in"]:
        prepare(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
