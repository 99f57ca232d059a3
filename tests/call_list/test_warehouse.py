"""Rows streamed from SQLite and from PostgreSQL: nothing but the rows, in order, and never all at once."""

from __future__ import annotations

import json
import logging
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from aimylogic_provider.call_list.freeze.warehouse import streamed
from aimylogic_provider.calls_api.errors import RejectedError
from local_servers.postgres import LocalPostgres
from tests.call_list.sync import Sync, phone

LOG = logging.getLogger(__name__)


@pytest.fixture(params=["sqlite", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    connection = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")})
    if request.param == "postgres":
        connection = request.getfixturevalue("postgres").connection("warehouse")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection)
    kind: str = request.param
    return kind


def rows(sql: str, parameters: object = None) -> tuple[list[str], list[tuple[object, ...]]]:
    hook = BaseHook.get_hook("warehouse")
    with streamed(hook, sql, parameters, LOG) as (names, found):  # type: ignore[arg-type]
        return names, [tuple(row) for row in found]


def test_columns_and_rows(warehouse: str) -> None:
    assert rows("select 1 as id, '7912' as phone union all select 2, null order by id") == (
        ["id", "phone"], [(1, "7912"), (2, None)],
    )  # fmt: skip


def test_a_percent_sign_is_a_percent_sign_where_there_are_no_parameters(warehouse: str) -> None:
    assert rows("select 1 as one where 'abc' like 'a%'")[1] == [(1,)]


def test_parameters_in_the_drivers_style(warehouse: str) -> None:
    if warehouse == "sqlite":
        assert rows("select ? as one", [5])[1] == [(5,)]
        assert rows("select :n as one", {"n": 5})[1] == [(5,)]
    else:
        assert rows("select %s as one", [5])[1] == [(5,)]
        assert rows("select %(n)s as one", {"n": 5})[1] == [(5,)]


def test_a_statement_that_gives_no_rows_is_refused(warehouse: str) -> None:
    """By the database itself, where it has a cursor of its own for rows alone."""
    from sqlalchemy.exc import ProgrammingError

    with pytest.raises((RejectedError, ProgrammingError), match=r"gives no rows|syntax error"):
        rows("create table nothing_of_the_kind (id integer)")


def test_many_rows_are_streamed(warehouse: str) -> None:
    sql = {
        "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) "
        "select i, 'row number ' || i as text from n",
        "postgres": "select i, 'row number ' || i as text from generate_series(1, 200000) as n(i)",
    }[warehouse]
    hook = BaseHook.get_hook("warehouse")
    rows("select 1")  # what is imported and made once
    tracemalloc.start()
    with streamed(hook, sql, None, LOG) as (_, found):  # type: ignore[arg-type]
        count = sum(1 for _ in found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 200_000
    assert peak < 8 * 2**20, "200,000 rows at once take 30 MiB"


def test_a_sync_from_postgresql_with_its_own_types(
    sync: Sync, postgres: LocalPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg2

    with psycopg2.connect(postgres.dsn("warehouse")) as connection, connection.cursor() as cursor:
        cursor.execute(
            "create table people as select 7::bigint as id, %s::text as phone, 12.50::numeric as debt, "
            "date '2026-12-01' as due, timestamptz '2026-12-01 09:00+00' as seen, true as vip, null::text as note, "
            "'b7e2a6a6-0c0f-4a3e-8a52-6f7f0c3a1d11'::uuid as reference, jsonb '{\"a\": [1]}' as more",
            [phone(1)],
        )
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres.connection("warehouse"))
    report = sync.attempt(sql="select * from people where phone like '79%'")
    assert (report["created"], report["rejected"]) == (1, 0)
    (job,) = sync.emulator.jobs()
    assert job.payload == {
        "debt": "12.50",
        "due": date(2026, 12, 1).isoformat(),
        "seen": datetime(2026, 12, 1, 9, tzinfo=UTC).isoformat(),
        "vip": True,
        "reference": str(UUID("b7e2a6a6-0c0f-4a3e-8a52-6f7f0c3a1d11")),
        "more": {"a": [1]},
    }
    assert Decimal(job.payload["debt"]) == Decimal("12.5")


class _TupleCursor:
    """A driver's cursor that gives tuples of rows, and an empty one at their end."""

    description = (("id",), ("phone",))

    def __init__(self) -> None:
        self._batches = [((1, "7912"), (2, "7913")), ((3, "7914"),)]

    def execute(self, sql: str) -> None: ...

    def fetchmany(self, size: int) -> tuple[tuple[object, ...], ...]:
        return self._batches.pop(0) if self._batches else ()

    def close(self) -> None: ...


def test_a_driver_whose_rows_end_with_an_empty_tuple() -> None:
    class Connection:
        def cursor(self) -> _TupleCursor:
            return _TupleCursor()

        def close(self) -> None: ...

    class Hook:
        def get_sqlalchemy_engine(self) -> None:
            raise NotImplementedError

        def get_conn(self) -> Connection:
            return Connection()

    with streamed(Hook(), "select id, phone from customer", None, LOG) as (names, found):  # type: ignore[arg-type]
        taken = [row for row, _ in zip(found, range(9), strict=False)]  # for it must not go on for ever
    assert (names, taken) == (["id", "phone"], [(1, "7912"), (2, "7913"), (3, "7914")])
