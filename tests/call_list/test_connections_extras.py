"""What a query and a results table see is what the hook's own connection sees, whatever its extra says."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook

from aimylogic_provider.call_list.freeze.warehouse import streamed
from aimylogic_provider.call_list_task.databases import database_hook, engine_of
from aimylogic_provider.calls_api.errors import RejectedError
from local_servers.mariadb import LocalMariaDB
from local_servers.postgres import LocalPostgres
from tests.call_list.sync import Sync, phone
from tests.call_list.test_database_values import by_psycopg2

LOG = logging.getLogger(__name__)
PG_EXTRAS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "schemas": {"options": "-c search_path=sales,public"},
    "time zone": {"options": "-c TimeZone=Asia/Tokyo"},
    "timeout": {"options": "-c statement_timeout=54321"},
    "role": {"options": "-c role=seller"},
    "application": {"application_name": "callers"},
    "encoding": {"client_encoding": "LATIN1"},
    "TLS": {"sslmode": "prefer"},
    "dictionaries": {"cursor": "dictcursor"},
    "named tuples": {"cursor": "namedtuplecursor"},
    "keepalives": {"keepalives_idle": 30, "connect_timeout": 10},
    "several": {"options": "-c search_path=sales -c TimeZone=UTC", "cursor": "dictcursor"},
}
PG_SEEN = (
    "select phone, current_setting('search_path') as path, current_setting('TimeZone') as zone, "
    "current_setting('statement_timeout') as timeout, current_user::text as who, "
    "current_setting('application_name') as application, current_setting('client_encoding') as encoding, "
    "timestamptz '2026-01-01 00:00+00' as seen from client"
)
MYSQL_EXTRAS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "character set": {"charset": "utf8mb4"},
    "old character set": {"charset": "utf8"},
    "dictionaries": {"cursor": "dictcursor"},
    "unbuffered": {"cursor": "sscursor"},
    "unbuffered dictionaries": {"cursor": "ssdictcursor"},
    "another client": {"client": "mysql-connector-python"},
}
MYSQL_SEEN = "select phone, name, database() as db, @@character_set_client as cs, @@sql_mode as mode from client"


def plain(rows: Any) -> list[list[Any]]:
    return [list(row.values()) if isinstance(row, dict) else list(row) for row in rows]


def seen(sql: str, parameters: Any = None) -> list[list[Any]]:
    hook = BaseHook.get_hook("theirs")
    with streamed(hook, sql, parameters, LOG) as (_, rows):  # type: ignore[arg-type]
        return [list(row) for row in rows]


@pytest.fixture(scope="module")
def sales(postgres_server: LocalPostgres) -> LocalPostgres:
    import psycopg2

    postgres_server.create("extras")
    with closing(psycopg2.connect(postgres_server.dsn("extras"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(
            f"create schema sales; create table public.client as select '{phone(1)}'::text as phone;"
            f"create table sales.client as select '{phone(2)}'::text as phone;"
            "create role seller; grant usage, create on schema sales, public to seller;"
            "grant all on public.client, sales.client to seller"
        )
    return postgres_server


def postgres_connection(postgres: LocalPostgres, extra: dict[str, Any]) -> str:
    return json.dumps({**json.loads(postgres.connection("extras")), "extra": extra})


@pytest.fixture(params=PG_EXTRAS.values(), ids=PG_EXTRAS.keys())
def of_postgres(
    sales: LocalPostgres, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", postgres_connection(sales, request.param))
    extra: dict[str, Any] = request.param
    return extra


def test_a_query_of_postgresql_sees_what_the_hook_sees(of_postgres: dict[str, Any]) -> None:
    assert seen(PG_SEEN) == plain(BaseHook.get_hook("theirs").get_records(PG_SEEN))


def test_a_results_table_in_postgresql_is_where_the_hook_would_make_it(of_postgres: dict[str, Any], sync: Sync) -> None:
    sync.add([phone(5)])
    sync.attempt(sql=PG_SEEN, sql_conn_id="theirs", key_columns=[], results_table="told",
                 payload_columns=[])  # fmt: skip
    hook = BaseHook.get_hook("theirs")
    assert [row[0] for row in plain(hook.get_records("select outcome from told"))] == ["created"]
    hook.run("drop table told, aimylogic_claims, aimylogic_lists")
    expected = phone(2) if "search_path=sales" in str(of_postgres.get("options")) else phone(1)
    sync.assert_once([expected])


def test_the_engine_of_a_connection_reads_rows_as_sqlalchemy_needs_them(of_postgres: dict[str, Any]) -> None:
    engine = engine_of("results_conn_id", "theirs")
    with closing(engine.connect()) as connection:
        assert connection.execute(sa.text("select 1 as one, 2 as two")).one() == (1, 2)
    engine.dispose()


@pytest.fixture(params=MYSQL_EXTRAS.values(), ids=MYSQL_EXTRAS.keys())
def of_mysql(mariadb: LocalMariaDB, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    mariadb.execute(
        "drop table if exists client", "create table client(phone varchar(20), name varchar(50)) character set utf8mb4",
        f"insert into client values ('{phone(3)}', 'Мария'), ('{phone(4)}', null)",
    )  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", mariadb.connection(**request.param))
    extra: dict[str, Any] = request.param
    return extra


def test_a_query_of_mysql_sees_what_the_hook_sees(of_mysql: dict[str, Any]) -> None:
    records = plain(BaseHook.get_hook("theirs").get_records(MYSQL_SEEN))
    assert seen(MYSQL_SEEN) == records
    assert [row[1] for row in records] == ["Мария", None]


def test_a_sync_from_mysql_with_its_results_there(of_mysql: dict[str, Any], sync: Sync, mariadb: LocalMariaDB) -> None:
    mariadb.execute("drop table if exists told")
    arguments = {
        "sql": "select phone, name from client",
        "sql_conn_id": "theirs",
        "key_columns": ["name"],
        "results_table": "told",
    }
    assert sync.attempt(**arguments)["created"] == 2
    records = plain(BaseHook.get_hook("theirs").get_records("select name, outcome from told order by 1"))
    assert records == [[None, "created"], ["Мария", "created"]]


def test_parameters_in_mysqls_style(of_mysql: dict[str, Any]) -> None:
    assert seen("select phone from client where phone = %s", [phone(3)]) == [[phone(3)]]
    assert seen("select phone from client where phone = %(p)s", {"p": phone(4)}) == [[phone(4)]]
    assert seen("select count(*) from client where phone like '79%'") == [[2]]


def test_a_query_of_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: Sync) -> None:
    duckdb = pytest.importorskip("duckdb")
    file = str(tmp_path / "w.duckdb")
    with closing(duckdb.connect(file)) as connection:
        connection.execute(
            f"create table client as select '{phone(6)}' as phone, 12.50::decimal(9,2) as debt, 9.0::double as whole, "
            "interval 26 hours as took, [1, 2] as numbers"
        )
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", json.dumps({"conn_type": "duckdb", "host": file}))
    try:
        BaseHook.get_hook("theirs")
    except Exception as error:  # noqa: BLE001
        pytest.skip(f"apache-airflow-providers-duckdb is absent: {error}")
    assert sync.attempt(sql="select * from client", sql_conn_id="theirs", key_columns=[])["created"] == 1
    (job,) = sync.emulator.jobs()
    assert job.payload == {"debt": "12.50", "whole": 9, "took": "1 day 02:00:00", "numbers": [1, 2]}

    sql = "create temp table chosen as select phone from client; select phone from chosen"
    assert seen(sql) == [[phone(6)]]


def test_a_results_table_in_duckdb_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: Sync
) -> None:
    pytest.importorskip("duckdb")
    monkeypatch.setenv("AIRFLOW_CONN_DUCK", json.dumps({"conn_type": "duckdb", "host": str(tmp_path / "w.duckdb")}))
    try:
        database_hook("results_conn_id", "duck")
    except RejectedError as error:
        pytest.skip(str(error))
    sync.add([phone(1)])
    with pytest.raises(AirflowFailException, match="results_conn_id 'duck' is of a database that SQLAlchemy doesn't"):
        sync.attempt(results_table="told", results_conn_id="duck")


@pytest.mark.parametrize(
    ("connection", "reason"),
    [
        (None, "isn't defined"),
        ({"conn_type": "http", "host": "example.com"}, "is a connection of type 'http', which isn't a database's"),
        (
            {"conn_type": "aimylogic", "password": "1.2.x"},
            "is a connection of type 'aimylogic', which isn't a database's",
        ),
        ({"conn_type": "nothing of the kind"}, "Unknown hook type"),
    ],
)
def test_a_connection_that_is_no_database_is_told_in_words(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any] | None, reason: str
) -> None:
    if connection is not None:
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps(connection))
    with pytest.raises(AirflowFailException, match=f"sql_conn_id 'other'.*{reason}"):
        sync.attempt(sql_conn_id="other")
    sync.add([phone(1)])
    with pytest.raises(AirflowFailException, match=f"results_conn_id 'other'.*{reason}"):
        sync.attempt(results_table="told", results_conn_id="other")


STATEMENTS = {
    "what is set before": "set statement_timeout = 60000; select phone from public.client",
    "a temporary table": "create temp table chosen as select phone from public.client; select phone from chosen;",
    "a call": "call pick(null)",
    "a CTE that writes": "with taken as (update queue set taken = true where not taken returning phone) "
    "select phone from taken",
    "rows that a statement returns": "update queue set taken = true where not taken returning phone",
    "a comment behind it": "select phone from public.client; -- that is all",
    "values": f"values ('{phone(1)}')",
    "a table": "table public.client",
}


@pytest.fixture(scope="module")
def queue(sales: LocalPostgres) -> LocalPostgres:
    import psycopg2

    with closing(psycopg2.connect(sales.dsn("extras"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(
            "create table queue(phone text, taken boolean default false);"
            "create procedure pick(inout phone text) language sql as "
            f"$$ select '{phone(1)}'::text $$;"
            "create procedure none_of_them() language sql as $$ select 1 $$"
        )
    return sales


@pytest.mark.parametrize("sql", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_what_no_cursor_can_be_declared_for_is_read_otherwise(
    queue: LocalPostgres, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", queue.connection("extras"))
    hook: Any = BaseHook.get_hook("theirs")
    hook.run(f"delete from queue; insert into queue values ('{phone(1)}')", split_statements=True)
    assert seen(sql) == [[phone(1)]]
    if "queue" in sql:
        assert plain(hook.get_records("select taken from queue")) == [[True]], "what it wrote is kept"


@pytest.mark.parametrize("sql", [f"{STATEMENTS['a CTE that writes']} where false", "call none_of_them()",
                                 "begin; values (1); commit", "do $$ begin perform 1; end $$"])  # fmt: skip
def test_a_statement_that_writes_and_gives_nobody(
    queue: LocalPostgres, monkeypatch: pytest.MonkeyPatch, sync: Sync, sql: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", queue.connection("extras"))
    if "where false" in sql:
        assert sync.attempt(sql=sql, sql_conn_id="theirs", key_columns=["phone"])["rows"] == 0
        with streamed(BaseHook.get_hook("theirs"), sql.replace("false", "phone = %s"), ["nobody"], LOG) as (names, _):  # type: ignore[arg-type]
            assert names == ["phone"]
        return
    with pytest.raises(AirflowFailException, match=r"request: the statement '.*' … gives no rows: give a query"):
        sync.attempt(sql=sql, sql_conn_id="theirs", key_columns=[])


def test_psycopg2_tells_what_it_can_not_stream(queue: LocalPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    by_psycopg2(monkeypatch, wanted=True)
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", queue.connection("extras"))
    for sql in ("what is set before", "a temporary table", "values", "a table"):
        assert seen(STATEMENTS[sql]) == [[phone(1)]]
    for sql in (STATEMENTS["a call"], STATEMENTS["a CTE that writes"], "selec 1"):
        with pytest.raises(RejectedError, match=r"unless it is a mistake \(.*\): give one SELECT") as error:
            seen(sql)
    assert 'syntax error at or near "selec"' in str(error.value)


@pytest.mark.parametrize(
    "sql", ["\ufeffselect phone from public.client", "\ufeff-- all\nset work_mem='8MB'; table client"]
)
def test_a_byte_order_mark_before_a_query_means_nothing(
    queue: LocalPostgres, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", queue.connection("extras"))
    assert seen(sql) == [[phone(1)]]


def test_a_mistake_in_one_is_told_by_the_database_itself(queue: LocalPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", queue.connection("extras"))
    for sql in ("selec 1", "set statement_timeout = 1000; selec 1"):
        with pytest.raises(Exception, match="selec") as error:
            seen(sql)
        assert "DECLARE" not in str(error.value)


def test_a_statement_whose_reading_failed_has_written_nothing(
    queue: LocalPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", queue.connection("extras"))
    hook: Any = BaseHook.get_hook("theirs")
    hook.run(f"delete from queue; insert into queue values ('{phone(1)}')", split_statements=True)

    def fail() -> None:
        with streamed(hook, STATEMENTS["a CTE that writes"], None, LOG) as (_, rows):
            list(rows)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert plain(hook.get_records("select taken from queue")) == [[False]]


@pytest.mark.long
def test_a_writing_statement_is_not_all_in_memory(queue: LocalPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", queue.connection("extras"))
    sql = (
        "set work_mem = '8MB'; create temp table many as select i, 'row ' || i as t from generate_series(1, 100000) i;"
    )
    hook: Any = BaseHook.get_hook("theirs")
    for last in ("select * from many", "with gone as (delete from many returning *) select * from gone"):
        tracemalloc.start()
        with streamed(hook, f"{sql} {last}", None, LOG) as (_, rows):
            assert sum(1 for _ in rows) == 100_000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 * 2**20
