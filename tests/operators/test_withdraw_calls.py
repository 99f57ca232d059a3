"""WithdrawCallsOperator: calls are cancelled of whom a query no longer selects, and of nobody else, whatever fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk import DAG, exceptions

from aimylogic_provider.call_list.freeze import warehouse
from aimylogic_provider.call_list.tables import withdrawn_rows
from aimylogic_provider.call_list_task.open_jobs import queried_tables
from aimylogic_provider.call_list_task.open_jobs import withdrawing as withdrawing_module
from aimylogic_provider.call_list_task.open_jobs.key_digests import key_digest, key_text
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.operators import WithdrawCallsOperator
from tests.answers import said
from tests.call_list.conftest import make_sync
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import HAS_RECORD, TaskInstance, needs_record, told
from tests.operators.kept_results import results

__all__ = ["make_sync", "results"]

PHONES = [phone(number) for number in range(25)]
UNPAID = "select id from customer where name <> 'paid'"
Withdraw = Callable[..., dict[str, Any]]


@pytest.fixture
def sync(make_sync: Callable[..., Sync]) -> Sync:
    """One that sends all in one request, so that jobs are made in the order of rows."""
    return make_sync(batch_size=100)


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


# What the query may be


SYNCS_OWN = (
    "select id, phone, name from customer where not exists (select 1 from {} where {}.id = cast(customer.id as text) "
    "and outcome in ('pending', 'created'))"
)


@pytest.mark.parametrize(
    "sql",
    [
        SYNCS_OWN.format("calls", "calls"),
        SYNCS_OWN.format("main.calls r", "r"),
        SYNCS_OWN.format('"Calls" r', "r"),
        SYNCS_OWN.format("CALLS r", "r"),
        SYNCS_OWN.format("main . [calls] r", "r"),
        SYNCS_OWN.format("/* of today */ calls -- whose\n r", "r"),
        "with known as (select id from main.`calls`) select id from customer where id not in (select id from known)",
        "select c.id from customer c left outer join calls r on r.id = c.id where r.id is null",
        "select c.id from customer c, calls r where c.id <> r.id",
        "select c.id from customer c join customer d on c.id = d.id, calls r where c.id <> r.id",
        "select id from customer except select id from calls",
        "select id from (calls)",
        "select id from customer where id not in (select row_key from main.aimylogic_claims)",
        "select id from customer where id not in (select 1 from Aimylogic_Lists)",
    ],
)
def test_a_query_that_looks_to_who_was_called_is_refused(sql: str) -> None:
    with pytest.raises(RejectedError, match="where everybody stands who was called"):
        queried_tables.check_not_queried(sql, ["main.calls"])


@pytest.mark.parametrize(
    "sql",
    [
        UNPAID + " -- and not those in calls, nor from calls",
        "/* no more from calls */ " + UNPAID,
        UNPAID + " and name <> 'from calls'",
        "select id, (select 3) as calls from customer where name <> 'paid' order by calls",
        "select calls.id from customer calls where calls.name <> 'paid' and 1 is distinct from 2",
        "select a.id from customer a join customer b on coalesce(a.id, 0) = coalesce(b.id, 0) where a.name <> 'paid'",
    ],
)
def test_one_that_only_speaks_of_it_is_not(sql: str) -> None:
    queried_tables.check_not_queried(sql, ["main.calls"])


def test_the_syncs_own_query_cancels_nothing(in_warehouse: Emulator, withdraw: Withdraw) -> None:
    with pytest.raises(AirflowFailException, match="the results table, 'calls'"):
        withdraw(sql=SYNCS_OWN.format("calls", "calls"))
    assert (cancelled(in_warehouse), in_warehouse.count("callJob/getReport")) == ([], 0)


def test_another_table_of_that_name_is_told_apart_by_its_schema() -> None:
    queried_tables.check_not_queried("select id from crm.calls join db..paid on 1 = 1", ["sales.calls"])
    for one in ("calls", "sales.calls", "db.sales.calls", "db..calls"):
        with pytest.raises(RejectedError, match="the results table"):
            queried_tables.check_not_queried(f"select id from {one}", ["sales.calls"])


def test_a_table_that_another_task_of_the_dag_writes_is_refused(in_warehouse: Emulator, sync: Sync) -> None:
    with DAG("winter_sale"):
        sync.operator(results_table="other")
        operator = WithdrawCallsOperator(
            task_id="withdraw", sql="select id from other", sql_conn_id="warehouse", key_columns=["id"],
            results_table="calls",
        )  # fmt: skip
    with pytest.raises(AirflowFailException, match="the results table, 'other'"):
        operator.execute(TaskInstance(task_id="withdraw").context())


def test_a_view_over_it_is_stopped_for_it_selects_nobody(
    sync: Sync, in_warehouse: Emulator, withdraw: Withdraw
) -> None:
    sync.add([phone(100)], "not called yet")
    sync.execute(f"create view still as {SYNCS_OWN.format('calls', 'calls')}")
    with pytest.raises(AirflowException, match="none of them is among those of the 25 open calls"):
        withdraw(sql="select id from still", max_withdrawn=None)
    assert cancelled(in_warehouse) == []


# What cancels nothing


def test_an_empty_query_cancels_nothing(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    with pytest.raises(AirflowException, match="gave no rows, while 25 calls are open"):
        withdraw(sql=UNPAID + " and id < 0", max_withdrawn=None)
    assert cancelled(in_warehouse) == []
    with pytest.raises(AirflowException, match=re.escape("max_withdrawn=0.2 allows 10")):
        withdraw(sql=UNPAID + " and id < 0", allow_empty=True)
    assert cancelled(in_warehouse) == []
    assert withdraw(sql=UNPAID + " and id < 0", allow_empty=True, max_withdrawn=1.0)["withdrawn"] == 25
    assert withdraw(sql=UNPAID + " and id < 0")["open"] == 0, "where nothing is open, nothing is asked"


def test_a_failing_query_cancels_nothing(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    with pytest.raises(Exception, match="no such column"):
        withdraw(sql="select id from customer where payed")
    with pytest.raises(AirflowFailException, match="gives no rows"):
        withdraw(sql="update customer set name = 'paid' where id = 1")
    assert cancelled(in_warehouse) == []


@pytest.mark.long
def test_a_query_that_fails_midway_cancels_nothing(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    failing = "select case when id < 20 then id else abs(-9223372036854775807 - 1) end as id from customer"
    with pytest.raises(Exception, match="integer overflow"):
        withdraw(sql=failing, max_withdrawn=None)
    assert cancelled(in_warehouse) == []


def test_too_many_cancel_nothing_and_the_numbers_are_told(
    sync: Sync, in_warehouse: Emulator, withdraw: Withdraw
) -> None:
    pay(sync, *range(1, 12))
    told = r"selects 11 of 25 open calls no longer \(44%\), and max_withdrawn=0.2 allows 10. Nothing is cancelled"
    with pytest.raises(AirflowException, match=told):
        withdraw()
    with pytest.raises(AirflowException, match="max_withdrawn=5 allows 5"):
        withdraw(max_withdrawn=5)
    assert cancelled(in_warehouse) == []
    assert withdraw(max_withdrawn=11)["withdrawn"] == 11


@pytest.mark.long
def test_of_few_calls_any_share_may_be_withdrawn(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    pay(sync, *range(1, 11))
    assert withdraw(max_withdrawn=0.01)["withdrawn"] == 10
    pay(sync, 11)
    with pytest.raises(AirflowException, match=re.escape("max_withdrawn=0.0 allows 0")):
        withdraw(max_withdrawn=0.0)


def test_all_that_are_left_may_be_withdrawn_if_the_query_knows_others_of_their_lists(
    sync: Sync, in_warehouse: Emulator, withdraw: Withdraw
) -> None:
    AimylogicHook().cancel_call_jobs(ids=[job.id for job in in_warehouse.jobs() if job.phone != PHONES[0]])
    pay(sync, 1)
    assert counts_of(withdraw(), "open", "withdrawn", "still_selected") == (1, 1, 0)
    assert len(cancelled(in_warehouse)) == 25


def test_a_wrong_key_column_cancels_nothing(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    with pytest.raises(AirflowException, match="Do id of the query hold what they held when the list was made"):
        withdraw(sql="select id + 1000 as id from customer", max_withdrawn=None)
    with pytest.raises(AirflowFailException, match="the query has no column 'id'; it gives 'number'"):
        withdraw(sql="select id as number from customer")
    with pytest.raises(AirflowFailException, match="has no such column; of key columns it has 'id'"):
        withdraw(key_columns=["debt"])
    assert cancelled(in_warehouse) == []


def test_rows_that_mean_nobody_cancel_nothing(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    with pytest.raises(AirflowFailException, match="1 of the query's 25 rows have nothing in id"):
        withdraw(sql="select case id when 3 then null else id end as id from customer")
    with pytest.raises(AirflowFailException, match="5 of the query's 25 rows have nothing in id"):
        withdraw(sql="select case when id < 6 then ' ' else id end as id from customer")
    assert cancelled(in_warehouse) == []


def test_a_dry_run_tells_and_writes_nothing(sync: Sync, results: sa.Engine, sent: Emulator, withdraw: Withdraw) -> None:
    pay(sync, 3, 7)
    columns = ("row_number", "job_status", "updated_at", "reason")
    before = told(results, *columns)
    counts = withdraw(dry_run=True)
    assert counts_of(counts, "open", "deselected", "withdrawn") == (25, 2, 0)
    assert (cancelled(sent), sent.count("callJob/cancel"), told(results, *columns)) == ([], 0, before)


# Who is who


def test_keys_are_compared_however_they_are_written(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    pay(sync, 3)
    for written in ("id", "cast(id as text)", "' ' || id || '  '", "cast(id as real)", "id || '.00'"):
        sql = f"select {written} as ID from customer where name <> 'paid'"
        assert counts_of(withdraw(sql=sql, dry_run=True), "still_selected", "deselected") == (24, 1), written


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((7, "7", " 7\n", 7.0, Decimal("7.00"), "7."), "7"),
        ((10**16, 1e16, Decimal("1E+16"), "10000000000000000"), "10000000000000000"),
        (("007", b"007"), "007"),
        (("1e5",), "1e5"),
        ((None, "", "  "), None),
        ((True, "true"), "true"),
        ((datetime(2026, 1, 2, 3, 4), "2026-01-02 03:04:00", "2026-01-02T03:04:00"), "2026-01-02T03:04:00"),
        ((date(2026, 1, 2), "2026-01-02"), "2026-01-02"),
        ((UUID(int=7), str(UUID(int=7))), str(UUID(int=7))),
    ],
)
def test_one_key_has_one_text(values: tuple[Any, ...], text: str | None) -> None:
    assert {key_text(value) for value in values} == {text}


def test_several_key_columns_are_one_key() -> None:
    assert key_digest(["a", "bc"]) != key_digest(["ab", "c"])
    assert key_digest(["a", None]) == key_digest(["a", ""]) != key_digest([None, "a"])
    assert key_digest([None, " "]) is None


def test_a_call_that_has_no_key_is_kept(sync: Sync, results: sa.Engine, withdraw: Withdraw) -> None:
    sync.emulator.campaign(lines=0)
    sync.add(PHONES)
    sync.execute("update customer set id = null where id = 5")
    sync.attempt()
    pay(sync, 3)
    counts = withdraw(sql=UNPAID + " and id is not null")
    assert counts_of(counts, "open", "still_selected", "without_key", "withdrawn") == (25, 23, 1, 1)
    assert cancelled(sync.emulator) == [PHONES[2]]


def test_phones_tell_people_apart_in_any_writing(sync: Sync, results: sa.Engine, withdraw: Withdraw) -> None:
    sync.emulator.campaign(lines=0)
    sync.add(PHONES)
    sync.attempt(results_phones="full")
    pay(sync, 3)
    written = "'8 (' || substr(phone, 2, 3) || ') ' || substr(phone, 5)"
    sql = f"select {written} as tel from customer where name <> 'paid' union all select 'none' union all select null"
    # What means nobody by its phone is left out beforehand.
    with pytest.raises(AirflowFailException, match="1 of the query's 26 rows have nothing in tel"):
        withdraw(sql=sql, key_columns=None, phone_column="tel", phone_region="RU")
    sql = sql.removesuffix(" union all select null")
    assert withdraw(sql=sql, key_columns=None, phone_column="tel", phone_region="RU")["withdrawn"] == 1
    assert cancelled(sync.emulator) == [PHONES[2]]


@pytest.mark.parametrize(
    "written",
    [
        "'8 (' || substr(phone, 2, 3) || ') ' || substr(phone, 5)",
        "substr(phone, 2)",
        "'tel. +' || phone || ' ext. 3'",
        "cast(phone as integer)",
    ],
)
def test_a_phone_that_may_be_meant_is_kept_though_no_region_is_given(
    sync: Sync, results: sa.Engine, withdraw: Withdraw, written: str
) -> None:
    sync.emulator.campaign(lines=0)
    sync.add(PHONES)
    sync.attempt(results_phones="full")
    pay(sync, 3)
    sql = f"select case when id < 5 then {written} else '+' || phone end as tel from customer where name <> 'paid'"
    withdraw(sql=sql, key_columns=None, phone_column="tel")
    assert cancelled(sync.emulator) == [PHONES[2]]


def test_masked_phones_tell_nobody_apart(in_warehouse: Emulator, withdraw: Withdraw) -> None:
    with pytest.raises(AirflowFailException, match=r"phones are masked in it, as in 7912\*\*\*0000: several people"):
        withdraw(sql="select phone from customer", key_columns=None, phone_column="phone")
    assert cancelled(in_warehouse) == []


# Whose jobs


def test_only_jobs_of_this_dag_are_looked_at(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    other = TaskInstance(dag_id="spring_sale", task_id="sync")
    other.current_try = 1
    sync.execute("update customer set phone = '79130000' || substr(phone, 9), id = id + 100")
    sync.operator(call_list_path=str(sync.lists)).execute(other.context())
    assert len(in_warehouse.jobs()) == 50
    sync.execute("update customer set id = id - 100")
    sync.add([phone(500)])
    pay(sync, 3)
    counts = withdraw()
    assert counts_of(counts, "open", "withdrawn") == (25, 1)
    assert cancelled(in_warehouse) == [PHONES[2]]
    counts = withdraw(dag_ids=["spring_sale"], sql="select id + 100 as id from customer where name <> 'paid'")
    assert counts_of(counts, "open", "withdrawn") == (25, 1)
    assert cancelled(in_warehouse)[1].startswith("79130000")


def test_a_dag_that_called_nobody_and_has_no_task_that_does_is_told(
    in_warehouse: Emulator, withdraw: Withdraw, task: TaskInstance
) -> None:
    task.dag_id = "withdraw_hourly"
    with pytest.raises(AirflowFailException, match="has no row of the DAGs withdraw_hourly"):
        withdraw()


def test_jobs_of_another_campaign_stay(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    """A table that two campaigns share: each task withdraws in its own."""
    in_warehouse.campaign(2, lines=0)
    other = TaskInstance(task_id="sync_other", run_id=sync.task.run_id)
    other.current_try = 1
    operator = sync.operator(aimylogic_conn_id="aimylogic_other", call_list_path=str(sync.lists))
    operator.execute(other.context())
    pay(sync, 3)
    assert counts_of(withdraw(), "open", "withdrawn", "not_shown") == (25, 1, 25)
    in_other = in_warehouse.jobs(campaign=2)
    assert (len(in_other), {job.status for job in in_other}) == (25, {"planned"})
    counts = withdraw(task_ids="sync_other", aimylogic_conn_id="aimylogic_other")
    assert counts_of(counts, "open", "withdrawn", "not_shown") == (25, 1, 0)


def test_a_query_that_knows_nobody_of_one_of_two_tasks_cancels_nothing(
    sync: Sync, in_warehouse: Emulator, withdraw: Withdraw
) -> None:
    """A table that two tasks share, who call other people: debtors, and those who asked for a call."""
    other = TaskInstance(task_id="sync_others", run_id=sync.task.run_id)
    other.current_try = 1
    leads = [phone(number) for number in range(100, 111)]
    sync.execute("create table lead(id integer, phone text)")
    for number, one in enumerate(leads, 501):
        sync.execute(f"insert into lead values ({number}, '{one}')")
    sync.operator(sql="select id, phone from lead", call_list_path=str(sync.lists)).execute(other.context())
    pay(sync, 3)
    with pytest.raises(AirflowException, match=r"nobody of task sync_others.*11.*Nothing is cancelled.*task_ids"):
        withdraw(max_withdrawn=0.5)
    assert cancelled(in_warehouse) == []
    assert withdraw(max_withdrawn=0.5, allow_empty=True, dry_run=True)["deselected"] == 12
    assert counts_of(withdraw(task_ids="sync"), "open", "withdrawn") == (25, 1)
    assert cancelled(in_warehouse) == [PHONES[2]]


def test_the_wrong_campaign_is_told(in_warehouse: Emulator, withdraw: Withdraw) -> None:
    with pytest.raises(AirflowException, match="knows none of the jobs of 25 rows"):
        withdraw(aimylogic_conn_id="aimylogic_other", report_lag=0)


def test_whoever_is_added_while_the_query_runs_is_not_withdrawn(
    sync: Sync, in_warehouse: Emulator, withdraw: Withdraw, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(sync, 3)
    streamed = warehouse.streamed
    later = TaskInstance(task_id="sync", run_id="scheduled__2026-01-02T00:00:00+00:00")

    def at_once(*arguments: Any) -> Any:
        monkeypatch.setattr(warehouse, "streamed", streamed)
        sync.execute("update customer set id = id + 100, phone = '79130000' || substr(phone, 9)")
        later.current_try = 1
        sync.operator().execute(later.context())
        sync.execute("update customer set id = id - 100")
        return streamed(*arguments)

    monkeypatch.setattr(warehouse, "streamed", at_once)
    assert counts_of(withdraw(), "open", "withdrawn") == (25, 1)
    assert (len(in_warehouse.jobs()), cancelled(in_warehouse)) == (50, [PHONES[2]])


# Too late


def test_a_job_that_rings_now_is_ended_and_was_too_late(sync: Sync, results: sa.Engine, withdraw: Withdraw) -> None:
    emulator = sync.emulator
    emulator.freeze()
    emulator.campaign(lines=2)
    sync.add(PHONES)
    sync.attempt()
    emulator.advance(seconds=1)
    ringing = {job.phone for job in emulator.jobs() if job.status == "inProcess"}
    assert ringing == {*PHONES[:2]}
    emulator.campaign(lines=0)  # who rings, rings on, and nobody else does
    pay(sync, 1, 3)
    counts = withdraw()
    assert counts_of(counts, "deselected", "withdrawn", "too_late") == (2, 1, 1)
    assert cancelled(emulator) == [PHONES[0], PHONES[2]]
    rows = {row[0]: row[1:] for row in told(results, "row_number", "job_status", "reason")}
    assert rows[1][1].startswith("withdrawn too late, as it rang, and ended 20")
    assert rows[3][1].startswith("withdrawn 20")
    assert {rows[number][0] for number in (1, 3)} == {"cancelledByUser"}


def test_a_job_between_its_rings_is_withdrawn(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    emulator = in_warehouse
    emulator.freeze()
    emulator.settings(odds={"noAnswer": 1.0}, max_attempts=3)
    emulator.campaign(lines=30)
    emulator.advance(minutes=3)
    assert {job.status for job in emulator.jobs()} == {"onRetry"}
    emulator.campaign(lines=0)
    pay(sync, 3)
    assert counts_of(withdraw(), "withdrawn", "too_late") == (1, 0)


def test_a_job_that_ends_before_it_is_cancelled_was_too_late(
    sync: Sync, results: sa.Engine, sent: Emulator, withdraw: Withdraw, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(sync, 3, 7)
    cancel = endpoints.cancel_call_jobs

    def late(**arguments: Any) -> Any:
        sent.campaign(lines=30)
        sent.advance(days=3)
        return cancel(**arguments)

    monkeypatch.setattr(endpoints, "cancel_call_jobs", late)
    assert counts_of(withdraw(), "deselected", "withdrawn", "too_late") == (2, 0, 2)
    assert cancelled(sent) == []
    rows = {row[0]: row[1:] for row in told(results, "row_number", "finished_at", "reason")}
    assert [(rows[number][0] is not None, rows[number][1]) for number in (3, 7)] == [(True, None), (True, None)]


# Whatever fails


@needs_record
@pytest.mark.parametrize(
    "dies",
    [
        "after it asked",
        "before it tells",
        pytest.param("before it asks", marks=pytest.mark.long),
        pytest.param("after it told", marks=pytest.mark.long),
    ],
)
def test_a_kill_in_the_midst_and_a_retry_come_to_the_same_end(
    sync: Sync, results: sa.Engine, sent: Emulator, withdraw: Withdraw, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    monkeypatch.setattr(withdrawing_module, "IDS_PER_REQUEST", 4)
    pay(sync, *range(1, 11))
    seen: list[int] = []

    def crash(*arguments: Any, **more: Any) -> Any:
        seen.append(1)
        if len(seen) == 2 and dies.startswith("before"):
            raise CrashError
        found = real(*arguments, **more)
        if len(seen) == 2:
            raise CrashError
        return found

    where: Any = withdrawing_module.JobCancelling if "ask" in dies else withdrawn_rows.WithdrawnRows
    name = "run" if "ask" in dies else "tell"
    real = getattr(where, name)
    with monkeypatch.context() as patched:
        patched.setattr(where, name, crash)
        with pytest.raises(CrashError):
            withdraw()
    assert 4 <= len(cancelled(sent)) < 10
    counts = withdraw()
    assert counts_of(counts, "open", "still_selected", "deselected", "withdrawn", "too_late") == (25, 15, 10, 10, 0)
    assert cancelled(sent) == PHONES[:10]
    rows = told(results, "row_number", "job_status", "reason")
    assert [row[0] for row in rows if row[2] is not None and row[1] == "cancelledByUser"] == list(range(1, 11))
    assert counts_of(withdraw(), "open", "withdrawn") == (15, 0), "a clear begins anew"


@needs_record
def test_what_an_earlier_try_withdrew_is_no_new_excess(
    sync: Sync, in_warehouse: Emulator, withdraw: Withdraw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withdrawing_module, "IDS_PER_REQUEST", 4)
    pay(sync, *range(1, 11))
    run = withdrawing_module.JobCancelling.run

    def once(self: Any, selection: Any) -> Any:
        if cancelled(in_warehouse):
            raise CrashError
        return run(self, selection)

    with monkeypatch.context() as patched:
        patched.setattr(withdrawing_module.JobCancelling, "run", once)
        with pytest.raises(CrashError):
            withdraw(max_withdrawn=10)
    pay(sync, 11)
    told = "selects 11 of 25 open calls no longer .*, and max_withdrawn=10 allows 10. Nothing more is cancelled"
    with pytest.raises(AirflowException, match=told):
        withdraw(max_withdrawn=10)
    assert withdraw(max_withdrawn=11)["withdrawn"] == 11


def test_a_lost_answer_is_repeated_and_counts_once(
    sync: Sync, results: sa.Engine, sent: Emulator, withdraw: Withdraw
) -> None:
    pay(sync, 3, 7)
    sent.fault("after_commit", "reset", path="callJob/cancel")
    assert counts_of(withdraw(), "deselected", "withdrawn", "too_late") == (2, 2, 0)
    assert len(cancelled(sent)) == 2


@pytest.mark.long
def test_a_campaign_that_does_not_answer_is_asked_by_the_next_try(
    sync: Sync, results: sa.Engine, sent: Emulator, withdraw: Withdraw
) -> None:
    pay(sync, 3, 7)
    sent.fault("after_commit", "reset", path="callJob/cancel", times=3)
    with pytest.raises(AirflowException):
        withdraw()
    assert withdraw()["still_selected"] == 23
    assert len(cancelled(sent)) == 2


# A person's yes


@dataclass
class Questions:
    """What Airflow keeps of the questions: one for each task instance, in the words in which it was asked first."""

    asked: dict[Any, Any] = field(default_factory=dict)

    def send(self, msg: Any) -> Any:
        return SimpleNamespace(subject=self.asked.setdefault(msg.ti_id, msg).subject)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Questions:
    from airflow.sdk.execution_time import task_runner

    questions = Questions()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", questions, raising=False)
    return questions


TaskAwaitingInput: Any = getattr(exceptions, "TaskAwaitingInput", TaskDeferred)


def answer(task: TaskInstance, waiting: Any, option: str, *, hours_ago: float = 0.0) -> dict[str, Any]:
    """Airflow resumes the task with an answer."""
    operator = WithdrawCallsOperator(
        task_id="withdraw", sql=UNPAID, sql_conn_id="warehouse", key_columns=["id"], results_table="calls",
        on_excess="ask",
    )  # fmt: skip
    event = said(option, responded_at=datetime.now(UTC) - timedelta(hours=hours_ago))
    counts: dict[str, Any] = operator.execute_complete(task.context(), event, **waiting.value.kwargs)
    return counts


def test_a_person_may_say_yes_to_more(
    sync: Sync, in_warehouse: Emulator, withdraw: Withdraw, task: TaskInstance, questions: Questions
) -> None:
    pay(sync, *range(1, 13))
    with pytest.raises(TaskAwaitingInput) as waiting:
        withdraw(on_excess="ask")
    (question,) = questions.asked.values()
    assert question.subject == "Withdraw 12 of 25 open calls? (aimylogic_default)"
    assert question.options == ["Withdraw 12 calls", "Leave them: nothing is cancelled"]
    assert question.body == (
        "The query selects 12 of 25 open calls no longer (48%), and max_withdrawn=0.2 allows 10.\n\nOf 25 open calls, "
        "the query selects 13 people's still, and 12 people's no longer. \n\n**Your answer**, which holds for a day\n\n"
        "1. **Withdraw 12 calls**: so many are cancelled at most, of those whom the query doesn't select then.\n"
        "2. **Leave them: nothing is cancelled**, and the task is skipped."
    )
    assert cancelled(in_warehouse) == []
    pay(sync, 13)
    with pytest.raises(AirflowException, match="said yes to 12, but 13 are more than that"):
        answer(task, waiting, "Withdraw 12 calls")
    sync.execute("update customer set name = 'Alex' where id = 13")
    if HAS_RECORD:
        assert withdraw(on_excess="ask")["withdrawn"] == 12, "a yes is noted"
    else:
        assert answer(task, waiting, "Withdraw them")["withdrawn"] == 12
    assert cancelled(in_warehouse) == PHONES[:12]


def test_a_person_may_say_no(
    sync: Sync, in_warehouse: Emulator, withdraw: Withdraw, task: TaskInstance, questions: Questions
) -> None:
    pay(sync, *range(1, 13))
    with pytest.raises(TaskAwaitingInput) as waiting:
        withdraw(on_excess="ask")
    with pytest.raises(AirflowSkipException, match="said to leave the calls"):
        answer(task, waiting, "Leave them")
    with pytest.raises(AirflowException, match="said yes to 12, but that yes is more than a day old"):
        answer(task, waiting, "Withdraw them", hours_ago=25)
    with pytest.raises(AirflowFailException, match="can't be used: give one of Withdraw 12 calls"):
        answer(task, waiting, "Perhaps")
    assert cancelled(in_warehouse) == []


@needs_record
def test_a_question_about_fewer_is_not_taken_for_one_about_more(
    sync: Sync, in_warehouse: Emulator, withdraw: Withdraw, questions: Questions
) -> None:
    pay(sync, *range(1, 13))
    with pytest.raises(TaskAwaitingInput):
        withdraw(on_excess="ask")
    pay(sync, 13)
    with pytest.raises(AirflowFailException, match="this one's is another: “Withdraw 12 of 25 open calls"):
        withdraw(on_excess="ask")
    sync.execute("update customer set name = 'Alex' where id = 13")
    with pytest.raises((TaskAwaitingInput, TaskDeferred)):
        withdraw(on_excess="ask")
    assert cancelled(in_warehouse) == []


# Of a list


def test_a_list_tells_by_its_files_and_any_writing_of_phones(sync: Sync, withdraw: Withdraw) -> None:
    sync.emulator.campaign(lines=0)
    sync.add(PHONES)
    report = sync.attempt()
    pay(sync, 3)
    none = {"results_table": None, "results_conn_id": None, "call_list": report}
    assert withdraw(**none, dry_run=True)["deselected"] == 1
    sql = "select '+' || phone as tel from customer where name <> 'paid'"
    assert withdraw(**none, sql=sql, key_columns=None, phone_column="tel")["withdrawn"] == 1
    assert cancelled(sync.emulator) == [PHONES[2]]
    pay(sync, 4)
    assert counts_of(withdraw(**none), "open", "withdrawn") == (24, 1)
    with pytest.raises(AirflowFailException, match="the call list has the key columns 'id'"):
        withdraw(**none, sql="select id as debt from customer", key_columns=["debt"])


def test_a_list_knows_its_results_table(in_warehouse: Emulator, sync: Sync, withdraw: Withdraw) -> None:
    with pytest.raises(AirflowFailException, match="the results table, 'calls'"):
        withdraw(results_table=None, call_list=sync.entry["call_list"], sql="select id from calls")


@pytest.mark.long
def test_one_list_of_a_table(sync: Sync, in_warehouse: Emulator, withdraw: Withdraw) -> None:
    pay(sync, 3)
    assert withdraw(call_list=sync.entry["call_list"], dag_ids=None)["withdrawn"] == 1


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"results_table": None}, "results_table and call_list are both left out"),
        ({"key_columns": "id"}, "a single text"),
        ({"key_columns": None}, "neither is"),
        ({"phone_column": "phone"}, "both are given"),
        ({"max_withdrawn": True}, "max_withdrawn True"),
        ({"max_withdrawn": 1.5}, "max_withdrawn 1.5"),
        ({"max_withdrawn": -1}, "max_withdrawn -1"),
        ({"max_withdrawn": "20%"}, "max_withdrawn '20%'"),
        ({"on_excess": "warn"}, "on_excess 'warn'"),
        ({"dry_run": "no"}, "dry_run 'no'"),
        ({"allow_empty": 1}, "allow_empty 1"),
    ],
)
def test_arguments_that_can_not_be_used_are_told_when_the_dag_is_parsed(
    arguments: dict[str, Any], message: str
) -> None:
    given = {"sql": UNPAID, "sql_conn_id": "warehouse", "key_columns": ["id"], "results_table": "calls", **arguments}
    with pytest.raises(ValueError, match=message):
        WithdrawCallsOperator(task_id="withdraw", **given)
