"""Ten runs at once of two DAGs under one cap, their workers killed at random: nobody is called more often, nor lost.

Each try is a process of its own, which SIGKILL ends before or after whatever statement, note or request; the database
and the emulator are real, and only Airflow's seam is played. ``python -m tests.call_list.capped_runs`` goes through 20
seeds in each database.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import sqlalchemy as sa

from aimylogic_provider.emulator import Emulator
from local_servers.postgres import LocalPostgres

__all__ = ["Account", "hunted"]

CAP = 2
RUNS = 5
"""Of each DAG."""
DAGS = ("winter", "spring")
FERNET_KEY = "c" * 43 + "="
MOST_KILLS = 3
"""Of one run's workers."""
MOST_TRIES = 90
MOMENTS = 130
"""A try is killed at one of so many moments, if it has as many."""


@dataclass(frozen=True)
class Run:
    """A run, as a process is told of it."""

    dag_id: str
    run_id: str
    people: str
    """The condition that selects them."""
    folder: str
    environment: Mapping[str, str]


@dataclass
class Account:
    """What a seed came to."""

    tries: int = 0
    kills: int = 0
    people: int = 0
    jobs: int = 0
    capped: int = 0
    faults: list[str] = field(default_factory=list)


def attempt(run: Run, try_number: int, dies_at: int) -> None:
    """One try, in its own process.

    :param dies_at: the moment at which it is killed; 0 for none
    """
    os.environ.update(run.environment)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    from aimylogic_provider.idempotence import retry, server_time
    from aimylogic_provider.transfers import SqlToAimylogicOperator
    from tests.conftest import TaskInstance

    retry._jitter = lambda state: 0.0  # type: ignore[attr-defined]
    server_time.SystemClock.sleep = lambda self, seconds: None  # type: ignore[method-assign]
    _die_at(dies_at)
    store = Path(run.folder, f"{run.dag_id} {run.run_id}.json")
    task = TaskInstance(dag_id=run.dag_id, run_id=run.run_id, task_id="sync", most_tries=MOST_TRIES)
    task.rows = _Kept(store)
    task.assets = None
    task.current_try = try_number
    operator = SqlToAimylogicOperator(
        task_id="sync",
        sql=f"select id, phone from customer where {run.people} order by id",
        sql_conn_id="warehouse",
        key_columns=["id"],
        results_table="calls",
        call_list_path=str(Path(run.folder, "lists")),
        max_calls_per_person={"calls": CAP, "days": 7},
        batch_size=20,
        concurrency=2,
        report_lag=1,
    )
    try:
        operator.execute(task.context())
    except Exception as error:  # noqa: BLE001 - what a task ends with
        sys.stderr.write(f"{run.dag_id} {run.run_id} {try_number}: {type(error).__name__}: {error}\n")
        os._exit(1)
    os._exit(0)


def _moments() -> None:
    """A moment passes."""


def _die_at(moment: int) -> None:
    """Have this process killed at that moment: they are counted before and after statements, notes and requests."""
    global _moments
    from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport

    lock, passed = threading.Lock(), [0]

    def count() -> None:
        with lock:
            passed[0] += 1
            if passed[0] == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    original = AiohttpTransport.send

    async def send(*arguments: Any, **more: Any) -> Any:
        count()
        answer = await original(*arguments, **more)
        count()
        return answer

    _moments = count  # type: ignore[assignment]
    AiohttpTransport.send = send  # type: ignore[method-assign]
    for event in ("before_cursor_execute", "after_cursor_execute", "commit"):
        sa.event.listen(sa.Engine, event, lambda *_: count())


class _Kept(dict[str, str]):
    """A task instance's rows in Airflow's state store, which outlive its processes."""

    def __init__(self, file: Path) -> None:
        super().__init__(json.loads(file.read_text()) if file.exists() else {})
        self._file = file

    def __setitem__(self, key: str, value: str) -> None:
        _moments()
        super().__setitem__(key, value)
        new = self._file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(self))
        new.replace(self._file)
        _moments()


def hunted(
    seed: int,
    kind: Literal["sqlite", "postgresql"],
    postgres: LocalPostgres | None = None,
    people: int = 120,
    of_each: int = RUNS,
) -> Account:
    """Play one seed; return what it came to.

    :param of_each: how many runs each DAG has
    """
    chance = random.Random(seed)
    account = Account(people=people)
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        emulator = stack.enter_context(Emulator())
        if kind == "sqlite":
            engine = sa.create_engine(f"sqlite:///{folder}/warehouse.db")
            warehouse = json.dumps({"conn_type": "sqlite", "host": f"{folder}/warehouse.db"})
        else:
            assert postgres is not None
            postgres.create(name := f"seed_{seed}")
            engine, warehouse = sa.create_engine(postgres.url(name)), postgres.connection(name)
        stack.enter_context(closing(_Disposed(engine)))
        phones = {number: f"79{number + 120_000_000:09}" for number in range(people)}
        with engine.begin() as connection:
            connection.exec_driver_sql("create table customer(id integer, phone varchar(20))")
            connection.execute(
                sa.text("insert into customer values (:id, :phone)"),
                [{"id": number, "phone": phone} for number, phone in phones.items()],
            )
        environment = {
            "AIRFLOW__CORE__FERNET_KEY": FERNET_KEY,
            "AIRFLOW_CONN_WAREHOUSE": warehouse,
            "AIRFLOW_CONN_AIMYLOGIC_DEFAULT": emulator.connection(connect_timeout=2, read_timeout=10),
        }
        runs = [
            Run(dag_id, f"run {number}", _some(chance, people), folder, environment)
            for dag_id in DAGS
            for number in range(of_each)
        ]
        lock = threading.Lock()
        threads = [
            threading.Thread(target=_to_its_end, args=(run, random.Random(chance.random()), account, lock))
            for run in runs
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _compare(engine, Counter(job.phone for job in emulator.jobs()), {job.id for job in emulator.jobs()}, account)
    return account


class _Disposed:
    def __init__(self, engine: sa.Engine) -> None:
        self.close = engine.dispose


def _some(chance: random.Random, people: int) -> str:
    """A condition that selects two thirds of the people."""
    left_out = chance.sample(range(people), people // 3)
    return f"id not in ({', '.join(map(str, left_out))})"


def _to_its_end(run: Run, chance: random.Random, account: Account, lock: threading.Lock) -> None:
    context = multiprocessing.get_context("forkserver")
    kills = chance.randint(1, MOST_KILLS)
    for number in range(1, MOST_TRIES):
        dies_at = chance.randint(1, MOMENTS) if kills else 0
        kills -= bool(kills)
        process = context.Process(target=attempt, args=(run, number, dies_at))
        process.start()
        process.join()
        with lock:
            account.tries += 1
            account.kills += process.exitcode == -signal.SIGKILL
        if process.exitcode == 0:
            return
        if process.exitcode > 0:
            time.sleep(3)  # a batch that went unanswered twice waits for the report
    with lock:
        account.faults.append(f"{run.dag_id} {run.run_id} never ended well")


def _compare(engine: sa.Engine, rings: Counter[str], jobs: set[str], account: Account) -> None:
    """Hold the results table, the claims and the server's jobs against each other."""
    account.jobs = len(jobs)
    with engine.connect() as connection:
        rows = connection.execute(sa.text(
            "select calls.id, outcome, call_job_id, customer.phone from calls join customer "
            "on calls.id = cast(customer.id as varchar(20))"
        )).all()  # fmt: skip
        claims = connection.execute(sa.text("select count(*) from aimylogic_person_calls")).scalar_one()
        held = connection.execute(sa.text("select count(*) from aimylogic_claims where ended is null")).scalar_one()
    account.capped = sum(row.outcome == "capped" for row in rows)
    faults = account.faults
    faults += [f"{phone} is called {times} times" for phone, times in rings.items() if times > CAP]
    lost = {row.phone for row in rows if row.outcome == "capped" and rings[row.phone] < CAP}
    faults += [f"{phone} is capped, and called {rings[phone]} times only" for phone in sorted(lost)]
    faults += [f"{row.phone} is left out" for row in rows if not rings[row.phone]]
    faults += [f"row {row.id} is {row.outcome}" for row in rows if row.outcome not in ("created", "capped", "claimed")]
    told = [row.call_job_id for row in rows if row.outcome == "created"]
    if sorted(told) != sorted(jobs):
        faults.append(f"the results table tells of {len(told)} jobs, and the server has {len(jobs)}")
    if claims != len(jobs):
        faults.append(f"{claims} calls of persons are claimed, and the server has {len(jobs)} jobs")
    if held:
        faults.append(f"{held} rows are held")


def preload() -> None:
    """Have the processes of the tries begin with all that is imported by then."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(["tests.call_list.capped_runs_preloaded"])


def main() -> int:
    """Go through the seeds; return 1 if one finds a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    chosen = parser.parse_args()
    bad = 0
    preload()
    with LocalPostgres() as postgres:
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            for kind in ("sqlite", "postgresql"):
                began = time.monotonic()
                account = hunted(seed, kind, postgres)  # type: ignore[arg-type]
                bad += bool(account.faults)
                print(
                    f"{kind}, seed {seed}: {account.tries} tries, {account.kills} killed; {account.people} people, "
                    f"{account.jobs} jobs, {account.capped} rows capped; {time.monotonic() - began:.1f} s"
                    + "".join(f"\n  FAULT: {fault}" for fault in account.faults[:10]),
                    flush=True,
                )
    print("No cap was exceeded, and nobody was lost." if not bad else f"{bad} seeds found faults.")
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
