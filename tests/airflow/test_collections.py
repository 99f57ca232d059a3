"""The example `collections_by_the_rules`, both of its DAGs, by ``dag.test()``: who is called, who isn't, and why."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow
from tests.airflow.campaign import TOKEN

pytestmark = pytest.mark.long

SAID_NO, WITHOUT_CONSENT, ABROAD, PAID_BEFORE = 1, 2, 3, 4
PEOPLE = range(10)
TESTED = """
import sys, collections_by_the_rules as example
for name in sys.stdin:
    print("\\nended", getattr(example, name.strip()).test().state, flush=True)
"""


@pytest.fixture
def warehouse(airflow: LocalAirflow, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Ten debtors, of whom each rule leaves out one."""
    path = tmp_path / "warehouse.db"
    with closing(sqlite3.connect(path)) as warehouse:
        warehouse.execute("create table said_no (phone text)")
        warehouse.execute(
            "create table debtor (id integer, phone text, gmt_zone text, name text, owes integer, agreed_on text)"
        )
        warehouse.executemany("insert into debtor values (?, ?, 'Europe/Moscow', 'Alex', ?, ?)", map(debtor, PEOPLE))
        warehouse.execute("insert into said_no values (?)", [f"8 (912) 000-00-{SAID_NO:02}"])
        warehouse.commit()
        airflow.connect_sqlite(path, "warehouse")
        yield warehouse


def debtor(number: int) -> tuple[int, str, int, str | None]:
    phone = "+442079460000" if number == ABROAD else f"+7912000{number:04}"
    return number, phone, 0 if number == PAID_BEFORE else 100, None if number == WITHOUT_CONSENT else "2026-01-02"


@contextmanager
def runs(airflow: LocalAirflow) -> Iterator[Callable[[str], None]]:
    """What runs one of the example's DAGs; all of them in one process, for Airflow takes seconds to begin."""
    folder = airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]
    process = subprocess.Popen(
        [sys.executable, "-c", TESTED], env={**airflow.environment, "PYTHONPATH": folder}, cwd=folder, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    late = threading.Timer(240, process.kill)
    late.start()

    def run(dag: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{dag}\n")
        process.stdin.flush()
        told = []
        for line in process.stdout:
            told.append(line)
            if line.startswith("ended "):
                break
        assert told[-1:] == ["ended success\n"], "".join(told)[-5000:]

    try:
        yield run
    finally:
        late.cancel()
        process.kill()
        process.communicate()


def test_collections_by_the_rules(airflow: LocalAirflow, warehouse: sqlite3.Connection) -> None:
    with Emulator(tokens=(TOKEN,)) as emulator, ExitStack() as opened:
        airflow.connect(emulator.url, TOKEN)  # Airflow's own fernet key is that by which people are known
        emulator.campaign(lines=0)
        run = opened.enter_context(runs(airflow))
        run("calling")
        told = warehouse.execute("select outcome, reason from aimylogic_collections").fetchall()
        assert Counter(outcome for outcome, _ in told) == {"created": 6, "rejected": 2, "excluded": 1}
        assert sum("no consent" in str(reason) for _, reason in told) == 1
        called = {int(job.phone[-4:]) for job in emulator.jobs()}
        assert called == {*PEOPLE} - {SAID_NO, WITHOUT_CONSENT, ABROAD, PAID_BEFORE}

        warehouse.execute("insert into debtor values (?, ?, 'Europe/Moscow', 'Alex', ?, ?)", debtor(10))
        warehouse.commit()
        run("calling")
        assert Counter(job.phone for job in emulator.jobs()).most_common(1)[0][1] == 1, "once a day"
        assert len(emulator.jobs()) == 7

        warehouse.execute("update debtor set owes = 0 where id = 5")
        warehouse.execute("insert into said_no values ('+79120000006')")
        warehouse.commit()
        emulator.advance(minutes=11)  # by then new jobs are sure to show in reports
        run("withdrawing")
        cancelled = {int(job.phone[-4:]) for job in emulator.jobs() if job.status == "cancelledByUser"}
        assert cancelled == {5, 6}
