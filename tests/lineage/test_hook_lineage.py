"""What a plugin of Airflow's that reads lineage by hook learns of a task's statements."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, BaseHook

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import (
    AddPhonesOperator,
    PrepareCallListOperator,
    UpdateResultsOperator,
    WithdrawCallsOperator,
)
from aimylogic_provider.transfers import AimylogicToSqlOperator, SqlToAimylogicOperator
from tests.lineage.test_openlineage import run

SQL = "select id, phone, name from customer where name <> ? order by id"


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What Airflow's own collector has by now, as if a plugin had asked for it: statement and count, by connection."""
    from airflow.providers.common.compat.lineage import hook

    sdk = pytest.importorskip("airflow.sdk.lineage", reason="the collector lies elsewhere before Airflow 3.2")
    monkeypatch.setattr("airflow.sdk.plugins_manager.get_hook_lineage_readers_plugins", lambda: [object])
    sdk.get_hook_lineage_collector.cache_clear()

    def read() -> list[tuple[str, str, int | None]]:
        told = hook.get_hook_lineage_collector().collected_assets.extra
        assert {one.key for one in told} == {"sql_job"}
        assert not [one for one in told if "sql_parameters" in one.value]
        return [(one.context.get_conn_id(), one.value["sql"], one.value.get("row_count")) for one in told]

    yield read
    sdk.get_hook_lineage_collector.cache_clear()


@pytest.fixture
def arguments(sqlite_warehouse: None, connections: None, no_pauses: None, tmp_path: Path) -> dict[str, Any]:
    return {"sql": SQL, "parameters": ["Nobody"], "sql_conn_id": "warehouse", "call_list_path": str(tmp_path)}


def test_a_sync_tells_its_query_and_its_results_table(arguments: dict[str, Any], collected: Any) -> None:
    run(SqlToAimylogicOperator(task_id="sync", results_table="calls", **arguments))
    written = "INSERT INTO calls (call_list, row_number) VALUES (?, ?)"
    assert collected() == [("warehouse", SQL, 3), ("warehouse", written, 3)]


def test_it_is_told_as_the_hook_itself_tells_it(arguments: dict[str, Any], collected: Any) -> None:
    run(PrepareCallListOperator(task_id="prepare", **arguments))
    BaseHook.get_hook("warehouse").get_records("select 1")  # type: ignore[attr-defined]
    (ours, _, rows), (theirs, *_) = collected()
    assert (ours, rows) == (theirs, 3)


def test_each_of_several_statements_is_told(arguments: dict[str, Any], collected: Any) -> None:
    arguments |= {"sql": "create temp table due as select * from customer; select phone from due;", "parameters": None}
    run(PrepareCallListOperator(task_id="prepare", **arguments))
    assert [(sql.rstrip(";"), rows) for _, sql, rows in collected()] == [
        ("create temp table due as select * from customer", None), ("select phone from due", 3),
    ]  # fmt: skip


def test_a_query_whose_rows_cannot_be_used_is_told_without_a_count(arguments: dict[str, Any], collected: Any) -> None:
    with pytest.raises(AirflowException):
        run(PrepareCallListOperator(task_id="prepare", phone_column="mobile", **arguments))
    assert collected() == [("warehouse", SQL, None)]


def test_tables_of_the_report_are_told(
    arguments: dict[str, Any], collected: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = run(SqlToAimylogicOperator(task_id="sync", results_table="calls", **arguments))
    run(AddPhonesOperator(task_id="add", calls=["79123450000"]))
    emulator.advance(hours=1)
    run(AimylogicToSqlOperator(task_id="home", sql_conn_id="warehouse"))
    run(UpdateResultsOperator(task_id="up", results_table="calls", results_conn_id="warehouse", call_list=report))
    *_, jobs, attempts, results = ((*sql.partition(" (")[::2], rows) for _, sql, rows in collected())
    assert jobs == ("INSERT INTO aimylogic_jobs", "campaign, call_job_id) VALUES (?, ?)", 3)
    assert attempts[::2] == ("INSERT INTO aimylogic_attempts", 3)
    assert results[::2] == ("INSERT INTO calls", 2)


@pytest.mark.parametrize("broken", ["not there", "fails"])
def test_whatever_fails_in_it_no_task_does(
    broken: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """common.sql before 1.32 has no such module; and a plugin of somebody's may be at fault."""
    import sys

    from airflow.providers.common.sql.hooks import sql

    def fails(*args: object, **more: object) -> None:
        raise RuntimeError("+7 912 345-67-89")

    if broken == "not there":
        monkeypatch.setitem(sys.modules, "airflow.providers.common.sql.hooks.lineage", None)
        monkeypatch.setattr(sql, "send_sql_hook_lineage", lambda **more: None)
    else:
        monkeypatch.setattr("airflow.providers.common.compat.lineage.hook.get_hook_lineage_collector", fails)
    with caplog.at_level(logging.DEBUG, "aimylogic_provider.lineage"):
        report = run(SqlToAimylogicOperator(task_id="sync", results_table="calls", **arguments))
    assert report["created"] == 2
    told = [record for record in caplog.records if record.name.startswith("aimylogic_provider.lineage")]
    assert {record.levelno for record in told} == {logging.DEBUG}
    assert "345-67-89" not in caplog.text


def test_a_withdrawal_tells_its_query_and_its_results_table(
    arguments: dict[str, Any], collected: Any, emulator: Emulator
) -> None:
    emulator.campaign(lines=0)
    run(SqlToAimylogicOperator(task_id="sync", results_table="calls", key_columns=["id"], **arguments))
    sql = "select id from customer where id <> 1"
    given = {"sql": sql, "sql_conn_id": "warehouse", "key_columns": ["id"], "results_table": "calls"}
    assert run(WithdrawCallsOperator(task_id="withdraw", **given))["withdrawn"] == 1
    *_, query, results = collected()
    assert query == ("warehouse", sql, 2)
    assert (results[0], results[1].partition(" (")[0]) == ("warehouse", "INSERT INTO calls")
