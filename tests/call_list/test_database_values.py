"""Values that only databases have: in the database's own writing, or told once; and those that can't be read at all."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook

from aimylogic_provider.calls_api.calls.database_values import interval_text, time_text
from local_servers.mariadb import LocalMariaDB
from local_servers.postgres import LocalPostgres
from tests.call_list.sync import Sync, phone


def by_psycopg2(monkeypatch: pytest.MonkeyPatch, wanted: bool) -> None:
    """Have Airflow's hook of PostgreSQL use that driver, or else version 3; skip if it can't."""
    from airflow.providers.postgres.hooks import postgres as hooks

    if wanted and getattr(hooks, "USE_PSYCOPG3", False):
        monkeypatch.setattr(hooks, "USE_PSYCOPG3", False)
    elif not wanted and not getattr(hooks, "USE_PSYCOPG3", False):
        pytest.skip("this hook uses psycopg2 alone")


METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


@pytest.fixture(params=["psycopg", "psycopg2"])
def theirs(request: pytest.FixtureRequest, postgres: LocalPostgres, monkeypatch: pytest.MonkeyPatch) -> Any:
    by_psycopg2(monkeypatch, request.param == "psycopg2")
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", postgres.connection("warehouse"))
    return BaseHook.get_hook("theirs")


@METHODS
@pytest.mark.parametrize(
    ("expression", "sent"),
    [
        ("interval '26 hours'", "26:00:00"),
        ("interval '1 mon 3 days'", "1 mon 3 days"),
        ("interval '10000000 years'", "10000000 years"),
        ("daterange('2026-01-01', 'infinity')", "[2026-01-01,infinity)"),
        ("int4multirange(int4range(1, 5), int4range(7, 9))", "{[1,5),[7,9)}"),
        ("inet '::ffff:1.2.3.4'", "::ffff:1.2.3.4"),
        ("interval '-1 hour'", "-01:00:00"),
        ("int4range(1, 5)", "[1,5)"),
        ("int4range(null, 5)", "(,5)"),
        ("'empty'::int4range", "empty"),
        ("daterange('2026-01-01', '2026-02-01')", "[2026-01-01,2026-02-01)"),
        ("tsrange('2026-01-01 09:00', null)", '["2026-01-01 09:00:00",)'),
        ("inet '10.0.0.1'", "10.0.0.1"),
        ("inet '10.0.0.1/24'", "10.0.0.1/24"),
        ("cidr '10.0.0.0/8'", "10.0.0.0/8"),
        ("'b7e2a6a6-0c0f-4a3e-8a52-6f7f0c3a1d11'::uuid", "b7e2a6a6-0c0f-4a3e-8a52-6f7f0c3a1d11"),
        ("B'1'", "1"),
        ("time '09:30'", "09:30:00"),
        ("1500::numeric(9,2)", "1500.00"),
    ],
)
def test_a_value_of_postgresql_is_sent_as_it_writes_it(
    sync: Sync, theirs: Any, method: str, expression: str, sent: str
) -> None:
    sql = f"select '{phone(1)}' as phone, {expression} as x"
    assert sync.attempt(sql=sql, sql_conn_id="theirs", key_columns=[], method=method)["created"] == 1
    (job,) = sync.emulator.jobs()
    assert job.payload == {"x": sent}


@pytest.mark.parametrize(
    ("expression", "sent"),
    [
        ("array[interval '1 mon', null]", ["1 mon", None]),
        ("array[int4range(1, 5)]", ["[1,5)"]),
        ("array[date '2026-01-02']", ["2026-01-02"]),
        ("array[1.50]", ["1.50"]),
        ("array[array[1, 2], array[3, 4]]", [[1, 2], [3, 4]]),
    ],
)
def test_arrays_are_lists(sync: Sync, theirs: Any, expression: str, sent: list[Any]) -> None:
    sync.attempt(sql=f"select '{phone(1)}' as phone, {expression} as x", sql_conn_id="theirs", key_columns=[])
    (job,) = sync.emulator.jobs()
    assert job.payload == {"x": sent}


def test_arrays_of_uuids_are_lists_or_as_the_database_writes_them(sync: Sync, theirs: Any) -> None:
    uuid = "00000000-0000-0000-0000-000000000007"
    sync.attempt(sql=f"select '{phone(1)}' as phone, array[uuid '{uuid}'] as x", sql_conn_id="theirs", key_columns=[])
    (job,) = sync.emulator.jobs()
    assert job.payload in ({"x": [uuid]}, {"x": f"{{{uuid}}}"})


@pytest.mark.parametrize("expression", ["array[date 'infinity']", "array[timestamp '12000-01-01']"])
def test_an_array_that_python_has_none_for_is_told_with_its_column(sync: Sync, theirs: Any, expression: str) -> None:
    with pytest.raises(AirflowFailException, match=r"holds a date .* in 'days' "):
        sync.attempt(sql=f"select '{phone(1)}' as phone, {expression} as days", sql_conn_id="theirs", key_columns=[])


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("case i when 4321 then chr(1052) else 'M' end", "holds text that can't be decoded in 'phone', 'x' "),
        ("date '2026-01-01' + case i when 4321 then 2000000000 else i end", "holds a date or number .* 'x' "),
        ("to_timestamp(case i when 4321 then '2026-02-30' else '2026-01-01' end, 'YYYY-MM-DD')::date", "a date .* 'x'"),
    ],
)
def test_what_the_database_itself_has_no_value_for_is_told(
    sync: Sync, theirs: Any, postgres: LocalPostgres, monkeypatch: pytest.MonkeyPatch, expression: str, told: str
) -> None:
    latin = {**json.loads(postgres.connection("warehouse")), "extra": {"client_encoding": "LATIN1"}}
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", json.dumps(latin))
    sql = f"select '7912' || (3450000 + i) as phone, {expression} as x from generate_series(1, 5000) i"
    with pytest.raises(AirflowFailException, match=f"after the first 4,000 .*{told}"):
        sync.attempt(sql=sql, sql_conn_id="theirs", key_columns=[])


@pytest.mark.parametrize(
    ("expression", "method", "kind"),
    [
        (r"'\xdeadbeef'::bytea", "addPhones", "(bytes|memoryview)"),
        ("array[1, 2]", "addPhone", "list"),
        ("jsonb '{}'", "addPhone", "dict"),
    ],
)
def test_a_column_that_can_not_be_sent_is_told_once_and_nothing_is_frozen(
    sync: Sync, theirs: Any, expression: str, method: str, kind: str
) -> None:
    sql = f"select '7912' || (3450000 + i) as phone, {expression} as photo from generate_series(1, 50) i"
    told = rf"payload 'photo' is a {kind}.*leave it out by payload_columns"
    with pytest.raises(AirflowFailException, match=told):
        sync.attempt(sql=sql, sql_conn_id="theirs", key_columns=[], method=method)
    assert not sync.emulator.jobs()
    sync.task.clear()
    assert (
        sync.attempt(sql=sql, sql_conn_id="theirs", key_columns=[], method=method, payload_columns=[])["created"] == 50
    )


@METHODS
def test_whole_decimals_are_phones(sync: Sync, theirs: Any, method: str) -> None:
    sql = f"select {phone(1)}::numeric as phone union all select {phone(2)}.00::numeric(15,2)"
    assert sync.attempt(sql=sql, sql_conn_id="theirs", key_columns=[], method=method)["created"] == 2
    sync.assert_once([phone(1), phone(2)])


@pytest.mark.parametrize(
    "expression", ["date 'infinity'", "timestamp '-infinity'", "date '12000-01-01'", "timestamptz '0044-03-15 BC'"]
)
def test_a_date_that_python_has_none_for_is_told_with_its_place(sync: Sync, theirs: Any, expression: str) -> None:
    sql = (
        f"select '7912' || (3450000 + i) as phone, case when i = 4321 then {expression} else '2026-01-01' end as day "
        "from generate_series(1, 5000) i"
    )
    told = (
        r"a row after the first 4,000 of the query \(4,001 to 5,000\) holds a date.* in 'day' .*cast the column to text"
    )
    with pytest.raises(AirflowFailException, match=told) as failed:
        sync.attempt(sql=sql, sql_conn_id="theirs", key_columns=[])
    assert not sync.emulator.jobs()
    assert len(str(failed.value)) < 600


@pytest.mark.parametrize("infinite", ["date 'infinity'", "timestamp '-infinity'", "timestamptz 'infinity'"])
def test_an_infinite_date_is_none_of_the_year_9999(sync: Sync, theirs: Any, infinite: str) -> None:
    with pytest.raises(AirflowFailException, match=r"holds a date .* in 'day' .*infinity"):
        sync.attempt(sql=f"select '{phone(1)}' as phone, {infinite} as day", sql_conn_id="theirs", key_columns=[])
    sync.task.clear()
    last = "date '9999-12-31'"
    sync.attempt(sql=f"select '{phone(1)}' as phone, {last} as day", sql_conn_id="theirs", key_columns=[])
    assert [job.payload for job in sync.emulator.jobs()] == [{"day": "9999-12-31"}]


def test_text_that_can_not_be_decoded_is_told(sync: Sync) -> None:
    with closing(sqlite3.connect(sync.database)) as database, database:
        database.executemany(
            "insert into customer values (?, ?, cast(? as text))",
            [(1, phone(1), b"Alex"), (2, phone(2), b"\xff\xfe")],
        )
    with pytest.raises(AirflowFailException, match=r"text that can't be decoded.*leave the column out"):
        sync.attempt()


@METHODS
def test_values_of_mysql(sync: Sync, mariadb: LocalMariaDB, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", mariadb.connection(charset="utf8mb4"))
    mariadb.execute(
        "drop table if exists kinds",
        "create table kinds(phone decimal(15,0), a time, b bit(1), c bit(8), d year, e decimal(9,2), f datetime,"
        " g enum('x','y'), h tinyint(1), i time(3))",
        f"insert into kinds values ({phone(1)}, '-26:03:04', 1, 5, 2026, 1500, '2026-01-01 09:00', 'y', 1, '1:02:03.5')",  # noqa: E501,
    )
    assert sync.attempt(sql="select * from kinds", sql_conn_id="theirs", key_columns=[], method=method)["created"] == 1
    (job,) = sync.emulator.jobs()
    numbers = {"b": 1, "c": 5, "d": 2026, "h": 1}
    assert job.payload == {
        "a": "-26:03:04", "e": "1500.00", "f": "2026-01-01T09:00:00", "g": "y", "i": "01:02:03.5",
        **{name: value if method == "addPhones" else str(value) for name, value in numbers.items()},
    }  # fmt: skip


def test_a_blob_of_mysql_is_told_once(sync: Sync, mariadb: LocalMariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THEIRS", mariadb.connection())
    with pytest.raises(AirflowFailException, match=r"payload 'photo' is a bytes.*payload_columns"):
        sync.attempt(sql=f"select '{phone(1)}' as phone, unhex('ff') as photo", sql_conn_id="theirs", key_columns=[])


@pytest.mark.parametrize(
    ("value", "interval", "clock"),
    [
        (timedelta(0), "00:00:00", "00:00:00"),
        (timedelta(days=1), "1 day", "24:00:00"),
        (timedelta(days=2, seconds=5), "2 days 00:00:05", "48:00:05"),
        (timedelta(days=-1), "-1 days", "-24:00:00"),
        (timedelta(days=-1, hours=-2), "-1 days -02:00:00", "-26:00:00"),
        (timedelta(seconds=1, microseconds=500), "00:00:01.0005", "00:00:01.0005"),
    ],
)
def test_spans_of_time_in_each_databases_writing(value: timedelta, interval: str, clock: str) -> None:
    assert (interval_text(value), time_text(value)) == (interval, clock)
