"""Syncs under a real Airflow: workers killed at random moments, rows changed between two tries, and what a log tells.

However often it was killed, each number is called once, and the results table has every row as the server has it.
``AIMYLOGIC_KILLS`` says how many kills there are in all; ``make prove-kills`` makes it 50.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import canonical_phone, mask_phone
from aimylogic_provider.emulator import OrderedFault
from local_servers.airflow import LocalAirflow, wait_for
from local_servers.postgres import LocalPostgres, postgres_programs
from local_servers.warehouse import BAD_PHONES, make_warehouse, warehouse_phone
from tests.airflow.campaign import Campaign
from tests.chance import chosen_seed
from tests.conftest import needs_record, told

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in Linux's /proc")

KILLS = int(os.environ.get("AIMYLOGIC_KILLS", "2"))
SEED = chosen_seed(1)
ROWS = 2400
DOUBLES = range(1, ROWS, 200)
"""Customers who stand in the warehouse twice."""
GOOD = [warehouse_phone(number) for number in range(ROWS) if number % 100 != 99]
REFUSED = {warehouse_phone(number) for number in range(7, ROWS, 300)}
"""Good ones that the server knows to be bad."""
FAULTS = {"addPhones": 0.1, "addPhone": 0.002}
"""How many requests of each method are answered with 503, and how many answers are lost."""
AGAIN = {"addPhones": 3, "addPhone": 1000}
"""How many requests of each method may be unanswered when a try ends."""
MakeSync = Callable[[str, int], dict[str, Any]]


@pytest.fixture
def make_sync(airflow: LocalAirflow, campaign: Campaign, tmp_path: Path) -> MakeSync:
    """A warehouse of its own, with room for the results, and the parameters of a run that syncs it."""

    def make(name: str, rows: int = ROWS) -> dict[str, Any]:
        warehouse = f"warehouse-{name}"
        airflow.connect_database(make_warehouse(tmp_path / f"{warehouse}.db", rows), warehouse)
        return {
            "conn_id": campaign.conn_id, "sql_conn_id": warehouse, "results_conn_id": warehouse,
            "lists": str(tmp_path / "lists"),
        }  # fmt: skip

    return make


def add_doubles(warehouse: Path) -> None:
    with closing(sqlite3.connect(warehouse)) as database, database:
        database.executemany(
            "insert into customer select ?, phone, gmt_zone, name, due from customer where id = ?",
            [(ROWS + count, number + 1) for count, number in enumerate(DOUBLES, 1)],
        )


def make_trouble(campaign: Campaign, method: str, seed: int) -> list[OrderedFault]:
    """Refused numbers, 503s, lost answers; and delays, so that a try takes seconds, most of them in mid-request."""
    campaign.emulator.reset()
    campaign.emulator.settings(bad_numbers=sorted(REFUSED))
    share = FAULTS[method]
    faults = [
        campaign.fault("before_commit", "status", path=method, probability=share, seed=seed),
        campaign.fault("after_commit", "reset", path=method, probability=share, seed=seed + 1),
    ]
    if method == "addPhones":
        for phase in ("before_commit", "after_commit"):
            campaign.fault(phase, "delay", path=method, seconds=0.15, times=None)
    else:
        campaign.fault("after_commit", "delay", path=method, seconds=0.01, times=None)
    return faults


@dataclass
class KilledSync:
    """A DAG run of a sync whose worker is killed at random moments.

    :param results: the database that has the results table
    """

    airflow: LocalAirflow
    campaign: Campaign
    dag: str
    run: str
    results: sa.Engine
    moments: random.Random
    tries: int = 0
    retried: int = 0
    created: set[tuple[Any, ...]] = field(default_factory=set)

    def follow(self, kills: int) -> list[str]:
        """See the task succeed, and kill its worker so often meanwhile; return what that was doing each time."""
        killed: list[str] = []
        while True:
            pid, self.tries = wait_for(f"try {self.tries + 1} of {self.run}", self.next_try, 180, every=0.1)
            if not pid:
                break
            self.wait_for_a_moment(pid)
            if len(killed) < kills:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(self.phase())
            self.assert_nothing_is_set_back()
        task = self.airflow.task(self.dag, self.run, "sync")
        assert task["state"] == "success", self.airflow.log(self.dag, self.run, "sync", self.tries)[-3000:]
        return killed

    def next_try(self) -> tuple[int, int] | None:
        """Process and number of a new try, once it runs; no process once the task is over."""
        task = self.airflow.task(self.dag, self.run, "sync")
        number = task["try_number"]
        if task["state"] in ("success", "failed"):
            return 0, number
        if task["state"] == "up_for_retry" and number > self.retried:
            # A batch of which it is unsure what was sent, or that was refused then, waits out the report's lag.
            self.retried = number
            self.campaign.emulator.settle()
            self.campaign.emulator.advance(minutes=self.moments.choice([0, 30]))
        return (task["pid"], number) if task["state"] == "running" and number > self.tries and task["pid"] else None

    def wait_for_a_moment(self, pid: int) -> None:
        """Wait for any moment of a try, or for one about when the table is upserted, after the last number was sent."""
        if self.moments.random() < 0.5:
            time.sleep(self.moments.uniform(0.0, 3.0))
        else:
            wait_for("the last number", lambda: self.all_sent() or not Path(f"/proc/{pid}").exists(), 90, every=0.02)
            time.sleep(self.moments.uniform(0.0, 0.6))

    def all_sent(self) -> bool:
        return self.campaign.emulator.campaign().jobs == len(GOOD) - len(REFUSED)

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """What the results table has of the run; nothing if there is no table yet."""
        known = sa.inspect(self.results).has_table("calls")
        return told(self.results, *columns, run=self.run) if known else []

    def phase(self) -> str:
        """What a worker that was killed now was doing."""
        outcomes = Counter(outcome for (outcome,) in self.rows("outcome"))
        known = outcomes["created"] + outcomes["refused"]
        if outcomes.total() < ROWS + len(DOUBLES):
            return "freezing, or writing the first rows"
        if not self.all_sent():
            return "sending"
        if known < len(GOOD):
            return "upserting the table" if known else "about to upsert the table"
        return "ending, all told"

    def assert_nothing_is_set_back(self) -> None:
        """What the results table had as created, at an earlier look at it, it still has."""
        created = {row for row in self.rows("outcome", "row_number", "call_job_id") if row[0] == "created"}
        assert self.created <= created
        self.created = created

    def assert_told(self) -> int:
        """The results table is equal to what the server holds, row for row; return how many rows it has."""
        jobs = {job.phone: job.id for job in self.campaign.jobs}
        assert Counter(job.phone for job in self.campaign.jobs) == Counter({*GOOD} - REFUSED), "each number once"
        expected: list[tuple[Any, ...]] = []
        for number in range(ROWS):
            phone, row = warehouse_phone(number), number + 1
            if number % 100 == 99:
                ending = (None, "rejected", None, why_rejected(BAD_PHONES[number // 100 % len(BAD_PHONES)]))
            elif phone in REFUSED:
                ending = (mask_phone(phone), "refused", None, "phone.bad.format")
            else:
                ending = (mask_phone(phone), "created", jobs[phone], None)
            expected.append((row, str(row), *ending))
        for row, number in enumerate(DOUBLES, ROWS + 1):
            expected.append((row, str(row), None, "double", None, f"the same call as row {number + 1}"))
        columns = ("row_number", "id", "phone", "outcome", "call_job_id", "reason")
        assert self.rows(*columns) == expected
        return len(expected)


def why_rejected(phone: str) -> str:
    with pytest.raises(RejectedError) as caught:
        canonical_phone(phone)
    return str(caught.value)


@needs_record
@pytest.mark.long
@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_killed_at_random_moments(
    airflow: LocalAirflow,
    campaign: Campaign,
    make_sync: MakeSync,
    method: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Results lie in the warehouse, which is SQLite, and in PostgreSQL, if there is one, by turns."""
    dag, moments = f"sync_{method}", random.Random(f"{SEED}{method}")
    postgres: LocalPostgres | None = request.getfixturevalue("postgres") if postgres_programs() else None
    if postgres is not None:
        postgres.create("results")
        airflow.connect_database(postgres.connection("results"), "results")
    airflow.wait_for_dag(dag)
    phases: Counter[str] = Counter()
    runs = tries = rows = clears = struck = 0
    while (left := KILLS // 2 - phases.total()) > 0:
        runs += 1
        run = f"killed-{method}-{runs}"
        conf = make_sync(run, ROWS)
        warehouse = tmp_path / f"{conf['sql_conn_id']}.db"
        add_doubles(warehouse)
        results = f"sqlite:///{warehouse}"
        # The first run by addPhone, the second by addPhones, and so on.
        if postgres is not None and (runs % 2 == 0) == (method == "addPhones"):
            results, conf["results_conn_id"] = postgres.url("results"), "results"
        faults = make_trouble(campaign, method, SEED + runs)
        sync = KilledSync(airflow, campaign, dag, run, sa.create_engine(results), moments)
        airflow.trigger(dag, run, conf)
        killed = sync.follow(min(left, moments.randint(1, 3)))
        rows += sync.assert_told()
        if moments.random() < 0.4:
            clears += 1
            airflow.clear(dag, run)
            killed += sync.follow(min(left - len(killed), 1))
            rows += sync.assert_told()
        report = airflow.xcom(dag, run, "sync")
        counts = {"rows": ROWS + len(DOUBLES), "created": len(GOOD) - len(REFUSED), "refused": len(REFUSED),
                  "rejected": ROWS - len(GOOD), "doubles": len(DOUBLES), "unknown": 0}  # fmt: skip
        assert {name: report[name] for name in counts} == counts
        keys = Counter(line.key for line in campaign.emulator.requests() if line.endpoint == method)
        again, most = keys.total() - len(keys), (sync.tries - 1) * AGAIN[method] + sum(fault.hits for fault in faults)
        assert again <= most, f"{again} requests were sent again, in {sync.tries} tries"
        phases.update(killed)
        tries += sync.tries
        struck += sum(fault.hits for fault in faults)
        sync.results.dispose()
    print(
        f"\n{phases.total()} kills in {runs} syncs by {method} ({tries} tries), {clears} of them cleared when finished."
    )
    print(
        f"{struck} requests were answered with 503 or not at all. {rows:,} rows of results: each as the server has it"
    )
    for phase, count in phases.most_common():
        print(f"  {count} killed while {phase}")


@needs_record
def test_rows_changed_between_two_tries(airflow: LocalAirflow, campaign: Campaign, make_sync: MakeSync) -> None:
    airflow.wait_for_dag("sync_addPhones")
    conf = make_sync("changed", 500)
    campaign.fault("before_commit", "status", path="addPhones", times=None)
    airflow.trigger("sync_addPhones", "changed", conf)
    airflow.wait_for_task("sync_addPhones", "changed", "sync", ("up_for_retry",))
    path = airflow.api("GET", "/api/v2/connections/warehouse-changed")["host"]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("delete from customer where id < 100")
        database.execute("update customer set phone = '79990000001' where id = 200")
        database.execute("insert into customer values (9999, '79990000002', null, 'New', '')")
    campaign.emulator.clear_faults()
    airflow.wait_for_task("sync_addPhones", "changed", "sync", ("success",))
    assert Counter(job.phone for job in campaign.jobs) == Counter(
        warehouse_phone(number) for number in range(500) if number % 100 != 99
    )
    log = airflow.log(
        "sync_addPhones", "changed", "sync", airflow.task("sync_addPhones", "changed", "sync")["try_number"]
    )
    assert "the warehouse is not asked again" in log
    assert "495 calls created" in log


def test_prepared_by_one_task_and_sent_in_shards_by_others(
    airflow: LocalAirflow, campaign: Campaign, make_sync: MakeSync
) -> None:
    airflow.wait_for_dag("sync_in_halves")
    airflow.trigger("sync_in_halves", "halves", make_sync("halves", 1000))
    assert airflow.wait_for_run("sync_in_halves", "halves") == "success"
    assert Counter(job.phone for job in campaign.jobs) == Counter(
        warehouse_phone(number) for number in range(1000) if number % 100 != 99
    )
