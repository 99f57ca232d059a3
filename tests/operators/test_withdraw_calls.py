"""WithdrawCallsOperator: calls are cancelled of whom a query no longer selects, and of nobody else, whatever fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import BaseHook

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import WithdrawCallsOperator
from tests.call_list.conftest import make_sync, sync
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, told

__all__ = ["make_sync", "sync"]

PHONES = [phone(number) for number in range(25)]
UNPAID = "select id from customer where name <> 'paid'"
Withdraw = Callable[..., dict[str, Any]]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def results(
    request: pytest.FixtureRequest, sync: Sync, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sa.Engine]:
    """Of an empty database, in which the sync keeps its results."""
    connection = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "results.db")})
    if request.param == "postgres":
        import psycopg2

        postgres = request.getfixturevalue("postgres")
        with closing(psycopg2.connect(postgres.dsn("warehouse"))) as plain:
            plain.autocommit = True
            plain.cursor().execute("drop schema public cascade; create schema public")
        connection = postgres.connection("warehouse")
    monkeypatch.setenv("AIRFLOW_CONN_RESULTS", connection)
    sync.arguments |= {"results_table": "calls", "results_conn_id": "results"}
    made = BaseHook.get_hook("results").get_sqlalchemy_engine()
    yield made
    made.dispose()


@pytest.fixture
def task() -> TaskInstance:
    """The task that withdraws, of the same DAG as the sync."""
    return TaskInstance(task_id="withdraw")


@pytest.fixture
def withdraw(sync: Sync, task: TaskInstance) -> Withdraw:
    def withdraw(**arguments: Any) -> dict[str, Any]:
        """The next try."""
        task.current_try += 1
        table = {"results_table": "calls", "results_conn_id": sync.arguments.get("results_conn_id", "warehouse")}
        given = {"sql": UNPAID, "sql_conn_id": "warehouse", "key_columns": ["id"], **table, **arguments}
        counts: dict[str, Any] = WithdrawCallsOperator(task_id="withdraw", **given).execute(task.context())
        assert json.loads(json.dumps(counts)) == counts
        assert counts["open"] == counts["still_selected"] + counts["without_key"] + counts["deselected"]
        return counts

    return withdraw


@pytest.fixture
def sent(sync: Sync, results: sa.Engine) -> Emulator:
    """25 calls that nobody rings yet, by the emulator's own account."""
    sync.emulator.campaign(lines=0)
    sync.add(PHONES)
    sync.attempt()
    return sync.emulator


@pytest.fixture
def in_warehouse(sync: Sync) -> Emulator:
    """The same, with the results in the warehouse, for what doesn't hang on the database."""
    sync.arguments |= {"results_table": "calls"}
    sync.emulator.campaign(lines=0)
    sync.add(PHONES)
    sync.attempt()
    return sync.emulator


def pay(sync: Sync, *numbers: int) -> None:
    sync.execute(f"update customer set name = 'paid' where id in ({', '.join(map(str, numbers))})")


def cancelled(emulator: Emulator) -> list[str]:
    """Whose jobs the emulator has cancelled."""
    return sorted(job.phone for job in emulator.jobs() if job.status == "cancelledByUser")


def counts_of(told: dict[str, Any], *names: str) -> tuple[int, ...]:
    return tuple(told[name] for name in names)


def test_whoever_has_paid_is_called_no_more(sync: Sync, results: sa.Engine, sent: Emulator, withdraw: Withdraw) -> None:
    pay(sync, 3, 7)
    counts = withdraw()
    assert cancelled(sent) == [PHONES[2], PHONES[6]]
    names = ("open", "still_selected", "deselected", "withdrawn", "too_late", "gone", "not_shown")
    assert counts_of(counts, *names) == (25, 23, 2, 2, 0, 0, 0)
    rows = told(results, "row_number", "outcome", "job_status", "finished_at", "reason")
    assert {row[0] for row in rows if row[4] is not None} == {3, 7}
    for number, outcome, status, finished, reason in rows:
        if number in (3, 7):
            assert (outcome, status) == ("created", "cancelledByUser")
            assert finished is not None
            assert reason.startswith("withdrawn 20")
            assert reason.endswith("the query of winter_sale.withdraw selects this person no longer")
        else:
            assert (outcome, finished, reason) == ("created", None, None)


def test_twice_is_harmless(sync: Sync, results: sa.Engine, sent: Emulator, withdraw: Withdraw) -> None:
    pay(sync, 3)
    assert withdraw()["withdrawn"] == 1
    requests = sent.count("callJob/cancel")
    before = told(results, "row_number", "reason", "job_status")
    again = withdraw()
    assert counts_of(again, "open", "still_selected", "withdrawn") == (24, 24, 0)
    assert (sent.count("callJob/cancel"), told(results, "row_number", "reason", "job_status")) == (requests, before)
    assert len(cancelled(sent)) == 1
