"""The results table: a row for each row of the query, before anything is sent, and never set back."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseHook

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.tables.results_table import ResultsTable
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import StateStore, TaskInstance, needs_record, told

PHONES = [phone(number) for number in range(25)]
RESULTS = {"results_table": "calls", "results_conn_id": "results"}


@pytest.fixture(params=["sqlite", "postgres", "any"])
def engine(request: pytest.FixtureRequest, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """Of an empty database, which the connection ``results`` names; "any" is one whose own upsert isn't known."""
    connection = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "results.db")})
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        with closing(postgres_connection(postgres)) as plain, plain.cursor() as cursor:
            cursor.execute("drop schema public cascade; create schema public; drop schema if exists other cascade")
            cursor.execute("create schema other")
        connection = postgres.connection("warehouse")
    if request.param == "any":
        monkeypatch.setattr(ResultsTable, "_upsert", ResultsTable._update_or_insert)
    monkeypatch.setenv("AIRFLOW_CONN_RESULTS", connection)
    made = BaseHook.get_hook("results").get_sqlalchemy_engine()
    yield made
    made.dispose()


def postgres_connection(postgres: Any) -> Any:
    import psycopg2

    connection = psycopg2.connect(postgres.dsn("warehouse"))
    connection.autocommit = True
    return connection


def test_what_became_of_each_row(sync: Sync, engine: sa.Engine) -> None:
    sync.add([*PHONES[:10], "123", PHONES[0]])
    sync.emulator.settings(bad_numbers=[PHONES[3]])
    report = sync.attempt(**RESULTS)
    assert report["results_table"] == "calls"
    jobs = {job.phone: job.id for job in sync.emulator.jobs()}
    expected: list[tuple[Any, ...]] = [
        (n, str(n), mask_phone(one), *(("created", jobs[one]) if one in jobs else ("refused", None)))
        for n, one in enumerate(PHONES[:10], 1)
    ]
    expected += [(11, "11", None, "rejected", None), (12, "12", None, "double", None)]
    assert told(engine, "row_number", "id", "phone", "outcome", "call_job_id") == expected
    reasons = told(engine, "reason")
    assert reasons[3] == ("phone.bad.format",)
    assert "is not a possible number" in reasons[10][0]
    assert reasons[11] == ("the same call as row 1",)
    (one,) = {*told(engine, "dag_id", "task_id", "run_id")}
    assert one == (sync.task.dag_id, "sync", sync.task.run_id)
    assert all(at is not None for row in told(engine, "frozen_at", "settled_at") for at in row)


def test_phones_in_full(sync: Sync, engine: sa.Engine) -> None:
    sync.add(PHONES[:2])
    sync.attempt(**RESULTS, results_phones="full")
    assert told(engine, "phone") == [(one,) for one in PHONES[:2]]


@needs_record
@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_all_rows_are_pending_before_anything_is_sent(
    sync: Sync, engine: sa.Engine, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    seen: list[list[tuple[Any, ...]]] = []

    async def die(*arguments: object) -> None:
        seen.append(told(engine, "outcome"))
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(AiohttpTransport, "send", die)
        with pytest.raises(CrashError):
            sync.attempt(**RESULTS, method=method)
    assert seen[0] == [("pending",)] * 25
    assert sync.attempt(**RESULTS, method=method)["created"] == 25
    assert told(engine, "outcome") == [("created",)] * 25
    sync.assert_once(PHONES)


@needs_record
def test_what_cannot_be_known_is_told_so(sync: Sync, engine: sa.Engine) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(concurrency=1, **RESULTS)
    assert told(engine, "outcome") == [("created",)] * 10 + [("pending",)] * 10 + [("created",)] * 5
    from aimylogic_provider.hooks import AimylogicHook

    for other in ("system", "hand"):
        AimylogicHook().add_phone(PHONES[10], {"other": other})
    sync.emulator.advance(hours=25)
    with pytest.raises(AirflowFailException, match=r"Of 1 calls? it can't be known"):
        sync.attempt(concurrency=1, **RESULTS)
    assert told(engine, "outcome") == [("created",)] * 10 + [("unknown",)] + [("created",)] * 14
    (reason,) = told(engine, "reason")[10:11]
    assert "can't be known" in reason[0]


def test_a_database_that_fails_first_lets_nothing_be_sent(
    sync: Sync, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    with monkeypatch.context() as patched:
        patched.setattr(ResultsTable, "write", failing)
        with pytest.raises(AirflowException, match="can't be written"):
            sync.attempt(**RESULTS)
    assert sync.sends() == 0
    assert sync.attempt(**RESULTS)["created"] == 25
    assert told(engine, "outcome") == [("created",)] * 25


@needs_record
def test_a_database_that_fails_afterwards_is_tried_again_and_nobody_is_called(
    sync: Sync, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    write = ResultsTable.write

    def first_only(table: ResultsTable, rows: Any) -> None:
        if sync.sends():
            failing()
        write(table, rows)

    with monkeypatch.context() as patched:
        patched.setattr(ResultsTable, "write", first_only)
        with pytest.raises(AirflowException, match="can't be written"):
            sync.attempt(**RESULTS)
    assert told(engine, "outcome") == [("pending",)] * 25
    sends = sync.sends()
    assert sync.attempt(**RESULTS)["created"] == 25
    assert told(engine, "outcome") == [("created",)] * 25
    assert sync.sends() == sends
    sync.assert_once(PHONES)


@needs_record
@pytest.mark.parametrize("sent", [True, False])
def test_whatever_the_database_fails_of_the_tasks_own_error_is_told(
    sync: Sync, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, sent: bool
) -> None:
    """Else a person would not be asked about parked calls, or a task that must not be retried would be."""
    sync.add(PHONES)
    upsert = ResultsTable._upsert

    def exhausted(table: ResultsTable, *arguments: Any) -> None:
        if sync.sends():
            raise sa.exc.TimeoutError("QueuePool limit of size 5 overflow 10 reached")
        upsert(table, *arguments)

    monkeypatch.setattr(ResultsTable, "_upsert", exhausted)
    if not sent:
        sync.emulator.campaign(status="finished")
    error, told_so = (AirflowException, "can't be written") if sent else (AirflowFailException, "campaign is stopped")
    with pytest.raises(error, match=told_so):
        sync.attempt(**RESULTS)


def test_no_rows(sync: Sync, engine: sa.Engine) -> None:
    assert sync.attempt(**RESULTS)["rows"] == 0
    assert told(engine, "row_number") == []


@pytest.mark.parametrize("phones", [["none"], ["", "123", "none"]])
def test_rows_that_can_none_of_them_be_called(sync: Sync, engine: sa.Engine, phones: list[str]) -> None:
    sync.add(phones)
    with pytest.raises(AirflowFailException, match="Nobody can be called"):
        sync.attempt(**RESULTS)
    assert told(engine, "row_number", "outcome") == [(n, "rejected") for n in range(1, len(phones) + 1)]
    assert sync.sends() == 0


def test_what_people_write_is_no_obstacle(sync: Sync, engine: sa.Engine) -> None:
    """Neither in keys, nor in the reasons of rows that aren't called; what isn't written alike is no key, but text."""
    sync.execute("create table odd(id, phone, name, zone)")
    no_keys = {"x'00ff'": "hex(x'00ff')", "9e999": "'inf'", "1e16": "'1e16'"}
    odd = [
        "char(0)", "'a' || char(0) || 'b'", "'''; drop table calls; --'", "x'00ff'", "9e999", "'\\u0000'", "null",
        "1e16", "'%s :x {}'", "9223372036854775807",
    ]  # fmt: skip
    for place, one in enumerate(odd):
        key = no_keys.get(one, one)
        sync.execute(f"insert into odd values ({key}, '{PHONES[place]}', 'Alex', null)")
        sync.execute(f"insert into odd values ({key}, {one}, 'Alex', null)")
        sync.execute(f"insert into odd values ({key}, '{PHONES[place]}', 'Zoe', {one})")
    report = sync.attempt(**RESULTS, sql="select * from odd", gmt_zone_column="zone", max_calls_per_phone=2)
    outcomes = [outcome for (outcome,) in told(engine, "outcome")]
    assert report["rows"] == len(outcomes) == 30
    assert outcomes.count("created") == report["created"] == 11
    assert outcomes.count("rejected") == report["rejected"] == 19


def failing(*arguments: object) -> None:
    raise CallListError("the results table can't be written", retryable=True)


# The table itself


def row(number: int, outcome: str, job: str | None = None, **keys: object) -> dict[str, object]:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        "call_list": "list", "row_number": number, "dag_id": "d", "task_id": "t", "run_id": "r", "phone": None,
        "outcome": outcome, "call_job_id": job, "reason": None, "frozen_at": now, "settled_at": now, **keys,
    }  # fmt: skip


OPEN, ENDS = ("pending", "unknown"), ("created", "rejected", "refused", "double")


@pytest.mark.parametrize("before", [*OPEN, *ENDS])
def test_no_outcome_is_ever_set_back(engine: sa.Engine, before: str) -> None:
    table = ResultsTable(engine, "calls", [])
    after = [*OPEN, *ENDS]
    table.write([row(number, before, "old") for number in range(len(after))])
    table.write([row(number, outcome, "new") for number, outcome in enumerate(after)])
    assert told(engine, "outcome", "call_job_id") == [
        (outcome, "new")
        if outcome != "pending" and before != "created" and (before in OPEN or outcome == "created")
        else (before, "old")
        for outcome in after
    ]


def test_names_are_quoted_and_values_are_data(engine: sa.Engine) -> None:
    name, keys = 'Calls"; drop table x; --', ["select", "Ключ", 'a"b', "%s", ":x"]
    table = ResultsTable(engine, name, keys)
    values: dict[str, object] = {"select": 1, "Ключ": None, 'a"b': True, "%s": "'; drop", ":x": 0.5}
    table.write([row(1, "pending", **values)])
    ResultsTable(engine, name, keys).write([row(1, "created", "5", **values)])
    assert told(engine, *keys, "outcome", table=name) == [("1", None, "true", "'; drop", "0.5", "created")]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("id * 1.0", "floating-point numbers"),
        ("cast(phone as blob)", "bytes"),
        ("case when id = 1 then null when id = 2 then 2 else id * 1.0 end", "floating-point numbers"),
    ],
    ids=["floats", "bytes", "some floats"],
)
def test_a_key_that_a_database_writes_otherwise_is_refused_before_anything_is_sent(
    sync: Sync, key: str, kind: str
) -> None:
    """A query that leaves out who was called would not find it, and everybody would be called again each day."""
    sync.add([phone(number) for number in range(3)])
    sql = f"select {key} as id, phone from customer"
    with pytest.raises(AirflowFailException, match=rf"'id' holds {kind}.*Select it as text, as in cast\(id as"):
        sync.attempt(sql=sql, results_table="calls")
    assert sync.sends() == 0
    assert sync.attempt(sql=sql)["created"] == 3  # without a table nothing is compared
    sync.task = TaskInstance(task_id="sync", run_id="by text")
    sql = f"select cast({key} as varchar(250)) as id, phone from customer"
    assert sync.attempt(sql=sql, results_table="calls")["created"] == 3


def test_a_key_that_the_database_could_not_hold_keeps_nobody_from_being_called(engine: sa.Engine) -> None:
    table = ResultsTable(engine, "calls", ["id"])
    table.write([row(1, "pending", id="a\0b")])
    assert told(engine, "id") == [("a\ufffdb",)]


@pytest.mark.long
def test_as_many_rows_at_once_as_a_batch_may_have(engine: sa.Engine, request: pytest.FixtureRequest) -> None:
    """And so many parameters few databases take; those that are told row by row are asked for fewer."""
    rows = 10_000 if request.node.callspec.params["engine"] == "any" else 40_000
    if engine.dialect.name == "sqlite":
        limit = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER
        sa.event.listen(engine, "connect", lambda connection, _: connection.setlimit(limit, 1000))
    table = ResultsTable(engine, "calls", [])
    for outcome in ("pending", "created"):
        table.write([row(number, outcome, "5") for number in range(rows)])
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select outcome, count(*) from calls group by outcome").fetchall() == [
            ("created", rows)
        ]


@pytest.mark.parametrize(
    ("column", "length", "difference"),
    [
        ("call_job_id", 4, "its column 'call_job_id' holds 4 characters at most, and not 40"),
        ("reason", 20, "its column 'reason' holds 20 characters at most, and not 1,000"),
        ("outcome", 3, "its column 'outcome' holds 3 characters at most, and not 8"),
        ("call_job_id", 40, None),
        ("reason", 1000, None),
        ("phone", 20, None),
    ],
)
def test_a_table_with_no_room_for_what_is_known_after_the_sending_is_refused_before(
    engine: sa.Engine, column: str, length: int, difference: str | None
) -> None:
    """Or the calls were made, and no try could ever write so."""
    made = ResultsTable(engine, "calls", [])._table.to_metadata(sa.MetaData(), name="short")
    made.c[column].type = sa.String(length)
    made.create(engine)
    if difference is None:
        ResultsTable(engine, "short", []).write([row(1, "created", "5")])
        return
    with pytest.raises(RejectedError, match=difference):
        ResultsTable(engine, "short", [])


@pytest.mark.parametrize(("name", "keys"), [("c" * 64, []), ("calls", ["k" * 64]), ("calls", ["Ж" * 40])])
def test_a_name_that_is_too_long_for_the_database_is_refused(engine: sa.Engine, name: str, keys: list[str]) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite takes names of any length")
    with pytest.raises(RejectedError, match="too long for a name in this database, which takes 63: "):
        ResultsTable(engine, name, keys)


@pytest.mark.parametrize("keys", [["id", "id"], ["id", "ID"]])
def test_a_key_column_that_is_named_twice_is_refused(engine: sa.Engine, keys: list[str]) -> None:
    with pytest.raises(RejectedError, match=r"key_columns name '[iI][dD]' twice"):
        ResultsTable(engine, "calls", keys)


def test_a_schema(engine: sa.Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no schemas")
    ResultsTable(engine, "other.calls", ["id"]).write([row(1, "pending", id=1)])
    assert sa.inspect(engine).has_table("calls", "other")


@pytest.mark.parametrize(
    ("made", "difference"),
    [
        ("create table calls (id integer)", "it lacks the column 'call_list'; it lacks the column 'row_number'"),
        (None, "it lacks the column 'customer'"),
    ],
)
def test_a_table_of_another_shape_is_refused_with_the_difference(
    engine: sa.Engine, made: str | None, difference: str
) -> None:
    if made is None:
        ResultsTable(engine, "calls", ["id"])
    else:
        with engine.begin() as connection:
            connection.exec_driver_sql(made)
    with pytest.raises(RejectedError, match="has another shape than the results of this task") as caught:
        ResultsTable(engine, "calls", ["customer"])
    assert difference in str(caught.value)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("alter table calls add extra integer not null default 1", None),
        ("alter table calls add extra integer", None),
        ("alter table calls drop column reason", "it lacks the column 'reason'"),
        ("alter table calls rename column reason to why", "it lacks the column 'reason'"),
    ],
)
def test_a_table_that_somebody_changed(engine: sa.Engine, change: str, difference: str | None) -> None:
    ResultsTable(engine, "calls", ["id"])
    with engine.begin() as connection:
        connection.exec_driver_sql(change)
    if difference is None:
        ResultsTable(engine, "calls", ["id"]).write([row(1, "created", id=1)])
        return
    with pytest.raises(RejectedError, match=difference):
        ResultsTable(engine, "calls", ["id"])


def test_a_table_with_other_types_and_no_key_is_refused(engine: sa.Engine) -> None:
    ResultsTable(engine, "calls", ["id"])
    with engine.begin() as connection:
        columns = "call_list, cast(null as varchar(9)) as row_number, dag_id, task_id, run_id, id, phone, outcome, "
        connection.exec_driver_sql(
            f"create table copy as select {columns} call_job_id, reason, frozen_at, settled_at from calls"
        )
    with pytest.raises(RejectedError, match="call_list and row_number are not unique in it"):
        ResultsTable(engine, "copy", ["id"])


@pytest.mark.parametrize("name", ["phone", "Outcome", "ROW_NUMBER"])
def test_a_key_column_of_a_name_that_is_taken(engine: sa.Engine, name: str) -> None:
    with pytest.raises(RejectedError, match=f"key column '{name}' has the name of a column that the results table has"):
        ResultsTable(engine, "calls", [name])


@pytest.mark.parametrize("name", ["", "schema.", "."])
def test_a_name_that_is_none(engine: sa.Engine, name: str) -> None:
    with pytest.raises(RejectedError, match="isn't a table's name"):
        ResultsTable(engine, name, [])


def test_many_make_and_write_it_at_once(engine: sa.Engine) -> None:
    errors: list[BaseException] = []
    together = threading.Barrier(4)

    def write(shard: int) -> None:
        own = BaseHook.get_hook("results").get_sqlalchemy_engine()
        try:
            together.wait()
            with closing(ResultsTable(own, "calls", [])) as table:
                for outcome in ("pending", "created"):
                    for start in range(0, 200, 50):
                        # Every row is written by two: a shard, and a try of it that was replaced.
                        table.write([row(start + n + 1000 * (shard // 2), outcome, "5") for n in range(50)])
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=write, args=(shard,)) for shard in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert told(engine, "outcome") == [("created",)] * 400


# Against the oracle


@needs_record
@pytest.mark.parametrize("seed", range(20))
def test_after_deaths_retries_and_clears_it_says_what_the_server_holds(
    sync: Sync, seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    connection = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "results.db")})
    monkeypatch.setenv("AIRFLOW_CONN_RESULTS", connection)
    chance = random.Random(seed)
    sync.add([*PHONES, "123", PHONES[0]])
    sync.emulator.settings(bad_numbers=[PHONES[7]])
    arguments = {**RESULTS, "method": chance.choice(["addPhones", "addPhone"]), "max_rejected": None}
    left = 0

    def dying(original: Any) -> Any:
        def watched(*values: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise CrashError
            return original(*values, **more)

        return watched

    with monkeypatch.context() as patched:
        patched.setattr(ResultsTable, "write", dying(ResultsTable.write))
        patched.setattr(StateStore, "set", dying(StateStore.set))
        patched.setattr(AiohttpTransport, "send", dying(AiohttpTransport.send))
        for _ in range(chance.randint(1, 6)):
            left = chance.randint(1, 12)
            if chance.random() < 0.3:
                sync.task.clear()
            with suppress(CrashError, AirflowException):
                sync.attempt(**arguments)
            if chance.random() < 0.5:
                sync.emulator.advance(hours=chance.choice([0.2, 1]))
    sync.emulator.advance(hours=0.5)
    with suppress(AirflowException):  # the first try that asks the report may have to wait for its lag
        sync.attempt(**arguments)
    sync.emulator.advance(hours=0.5)
    assert sync.attempt(**arguments)["created"] == 24
    engine = BaseHook.get_hook("results").get_sqlalchemy_engine()
    jobs = {job.phone: job.id for job in sync.emulator.jobs()}
    assert len(jobs) == len(sync.emulator.jobs()) == 24
    expected: list[tuple[Any, ...]] = [
        (n, "created", jobs[one]) if one in jobs else (n, "refused", None) for n, one in enumerate(PHONES, 1)
    ]
    expected += [(26, "rejected", None), (27, "double", None)]
    assert told(engine, "row_number", "outcome", "call_job_id") == expected


# Before the query, and without sending


def test_the_query_may_ask_the_table_whom_it_leaves_out(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Two days in a row: nobody who was reached is called again, and a refused number that was corrected is."""
    sync.add([*PHONES[:5], "123"])
    sync.emulator.settings(bad_numbers=[PHONES[0]])
    sql = (
        "select id, phone, name from customer where not exists (select 1 from calls where calls.id = "
        "cast(customer.id as text) and calls.outcome not in ('rejected', 'refused')) order by id"
    )
    report = sync.attempt(sql=sql, results_table="calls")
    assert (report["created"], report["refused"], report["rejected"]) == (4, 1, 1)
    sync.emulator.advance(hours=24)
    sync.execute(f"update customer set phone = '{PHONES[20]}' where id = 1")
    sync.execute(f"update customer set phone = '{PHONES[21]}' where id = 6")
    sync.add(PHONES[10:12])
    next_day = Sync.__new__(Sync)
    next_day.__dict__.update(sync.__dict__)
    next_day.task = type(sync.task)(task_id="sync", run_id="the next day")
    report = next_day.attempt(sql=sql, results_table="calls")
    assert (report["rows"], report["created"]) == (4, 4)
    sync.assert_once([*PHONES[1:5], PHONES[20], PHONES[21], *PHONES[10:12]])


def test_a_dry_run_reports_and_sends_nothing(sync: Sync) -> None:
    sync.add([*PHONES[:3], "123", PHONES[0]])
    sync.task.current_try += 1
    report = sync.operator(dry_run=True).execute(sync.task.context())
    assert {name: report[name] for name in ("dry_run", "rows", "calls", "doubles", "rejected")} == {
        "dry_run": True, "rows": 5, "calls": 3, "doubles": 1, "rejected": 1,
    }  # fmt: skip
    assert sync.sends() == 0
    with open(report["rejected_rows"].removeprefix("file://"), encoding="utf-8-sig") as file:
        lines = file.read().splitlines()
    assert lines[0] == "row,id,reason"
    assert lines[1].startswith("4,4,")
    assert "is not a possible number" in lines[1]
    # A clear that sends queries anew.
    sync.task.clear()
    sync.execute("delete from customer where id > 2")
    assert sync.attempt()["created"] == 2
    sync.assert_once(PHONES[:2])


LEAVES_OUT_WHO_IS_CALLED = """select id, phone, name from customer where not exists (
    select 1 from calls as known where known.id = cast(customer.id as text)
    and known.outcome not in ('rejected', 'refused')) order by id"""


def lose_all(sync: Sync) -> None:
    """The list is on a disk that the next worker doesn't have; so is the state on an Airflow without a store."""
    sync.lists.rename(f"{sync.lists}-of-another-worker")
    sync.task.rows.clear()
    sync.emulator.advance(hours=1)


def after_the_lag(sync: Sync) -> dict[str, Any]:
    """The report of a try that was preceded by one that had to wait for the report's lag."""
    with pytest.raises(AirflowException, match="wait for the report"):
        sync.attempt()
    sync.emulator.advance(minutes=30)
    return sync.attempt()


@pytest.mark.parametrize("store", [pytest.param(True, marks=needs_record), False])
@pytest.mark.parametrize("index", [-1, 0])
@pytest.mark.parametrize("phase", ["before_commit", "after_commit"])
def test_whoever_is_pending_in_a_list_that_is_lost_is_not_missed(
    make_sync: Callable[..., Sync], store: bool, index: int, phase: Any
) -> None:
    """By a query that leaves out who stands in the table; once a person deleted them there, the report tells."""
    sync = make_sync(batch_size=10, concurrency=1, results_table="calls", sql=LEAVES_OUT_WHO_IS_CALLED)
    sync.task.has_store, sync.task.map_index = store, index
    sync.add(PHONES)
    sync.emulator.fault(phase, "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    lose_all(sync)
    before = sync.calls_by_phone()
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="25 rows of this run stand as pending in calls"):
            sync.attempt()
    assert sync.calls_by_phone() == before
    sync.execute("delete from calls where outcome = 'pending'")
    if phase == "before_commit":
        report = after_the_lag(sync)
        assert (report["rows"], report["created"]) == (len(PHONES), len(PHONES))
    else:  # jobs that may be another system's
        with pytest.raises(AirflowFailException, match="25 calls"):
            after_the_lag(sync)
    sync.assert_once(PHONES)


@needs_record
def test_that_rows_stand_as_pending_is_told_at_the_end_of_a_try(
    make_sync: Callable[..., Sync], capsys: pytest.CaptureFixture[str]
) -> None:
    sync = make_sync(batch_size=10, concurrency=1, results_table="calls")
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    assert "25 rows stand as pending in calls" in capsys.readouterr().out
