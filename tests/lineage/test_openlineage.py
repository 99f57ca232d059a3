"""What OpenLineage is told of transfers and halves: events by real HTTP, read by OpenLineage's own classes."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.lineage.openlineage_datasets import operator_lineage
from aimylogic_provider.lineage.task_lineage import TaskLineage
from aimylogic_provider.operators import (
    AddPhoneOperator,
    AddPhonesOperator,
    PrepareCallListOperator,
    SendCallListOperator,
    UpdateResultsOperator,
)
from aimylogic_provider.transfers import AimylogicToSqlOperator, SqlToAimylogicOperator
from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome
from tests.conftest import TOKEN, TaskInstance
from tests.lineage.events import Emitted

SQL = "select id, phone, name from customer where name <> %(name)s order by id"
CAMPAIGN = ("aimylogic://campaign", "aimylogic_default")
PRIVATE = ("9123456789", "345-67-89", "Alexandra", "Nobody", TOKEN, "password")


@pytest.fixture
def sync(connections: None, no_pauses: None, tmp_path: Path) -> Callable[..., SqlToAimylogicOperator]:
    def make(**arguments: Any) -> SqlToAimylogicOperator:
        given = {
            "sql": SQL, "sql_conn_id": "warehouse", "parameters": {"name": "Nobody"}, "key_columns": ["id"],
            "call_list_path": str(tmp_path), "results_table": "calls", **arguments,
        }  # fmt: skip
        return SqlToAimylogicOperator(task_id="sync", **given)

    return make


def run(operator: Any, task: TaskInstance | None = None) -> Any:
    task = task or TaskInstance(task_id=operator.task_id)
    task.current_try += 1
    return operator.execute(task.context())


def names(datasets: list[Any]) -> list[tuple[str, str]]:
    return [(one.namespace, one.name) for one in datasets]


def rows(datasets: list[Any]) -> dict[str, int | None]:
    return {one.name: one.outputFacets["outputStatistics"].rowCount for one in datasets if one.outputFacets}


def test_a_sync_tells_its_query_the_tables_it_read_the_campaign_and_counts(
    warehouse: str, sync: Callable[..., SqlToAimylogicOperator], emitted: Emitted
) -> None:
    operator = sync(sql=f"-- who is to pay\n{SQL};")
    started = emitted.of(operator, "running")
    assert started.job.facets["sql"].query == SQL
    assert (names(started.inputs), names(started.outputs)) == ([], [CAMPAIGN]), "no database is asked before it begins"
    run(operator)
    ended = emitted.of(operator, "success")
    assert ended.job.facets["sql"].query == SQL
    assert names(ended.inputs) == [(warehouse, "warehouse.public.customer")]
    assert names(ended.outputs) == [CAMPAIGN, (warehouse, "warehouse.public.calls")]
    assert rows(ended.outputs) == {"aimylogic_default": 2, "warehouse.public.calls": 3}
    assert not [told for told in PRIVATE if told in "".join(emitted.bodies)]


def test_a_report_brought_home_tells_the_campaign_and_the_tables_with_counts(
    warehouse: str, connections: None, no_pauses: None, emitted: Emitted, emulator: Emulator
) -> None:
    run(AddPhonesOperator(task_id="add", calls=[{"phone": "79123456789", "payload": {"name": "Alexandra"}}]))
    emulator.advance(hours=1)
    operator = AimylogicToSqlOperator(task_id="home", sql_conn_id="warehouse", attempts_table="attempts")
    assert names(emitted.of(operator, "running").inputs) == [CAMPAIGN]
    run(operator)
    ended = emitted.of(operator, "success")
    assert names(ended.inputs) == [CAMPAIGN]
    assert names(ended.outputs) == [
        (warehouse, "warehouse.public.aimylogic_jobs"), (warehouse, "warehouse.public.attempts"),
    ]  # fmt: skip
    assert rows(ended.outputs) == {"warehouse.public.aimylogic_jobs": 1, "warehouse.public.attempts": 1}
    assert not [told for told in PRIVATE if told in "".join(emitted.bodies)]


def test_halves_hang_together_by_the_folder_of_their_lists(
    warehouse: str, connections: None, no_pauses: None, emitted: Emitted, tmp_path: Path
) -> None:
    prepare = PrepareCallListOperator(
        task_id="prepare", sql="select phone from customer", sql_conn_id="warehouse", call_list_path=str(tmp_path)
    )
    given = run(prepare)
    prepared = emitted.of(prepare, "success")
    assert names(prepared.inputs) == [(warehouse, "warehouse.public.customer")]
    lists = [("file", f"{tmp_path}/winter_sale/prepare")]
    assert names(prepared.outputs) == lists
    send = SendCallListOperator(task_id="send", call_list=given, results_table="calls", results_conn_id="warehouse")
    report = run(send)
    sent = emitted.of(send, "success")
    assert (names(sent.inputs), sent.job.facets.get("sql")) == (lists, None)
    assert names(sent.outputs) == [CAMPAIGN, (warehouse, "warehouse.public.calls")]
    update = UpdateResultsOperator(
        task_id="update", results_table="calls", results_conn_id="warehouse", call_list=report
    )
    run(update)
    updated = emitted.of(update, "success")
    assert names(updated.inputs) == [CAMPAIGN]
    assert names(updated.outputs) == [(warehouse, "warehouse.public.calls")]


def test_a_failed_try_tells_what_it_created_and_the_next_one_the_rest(
    warehouse: str, sync: Callable[..., SqlToAimylogicOperator], emitted: Emitted, emulator: Emulator
) -> None:
    given = {"sql": "select phone, id, name from customer", "parameters": None, "batch_size": 1, "concurrency": 1}
    task = TaskInstance(task_id="sync")
    emulator.fault("before_commit", "reset", path="addPhones", phone="79123456780", times=9)
    with pytest.raises(AirflowException):
        run(first := sync(**given), task)
    failed = emitted.of(first, "failed")
    assert names(failed.inputs) == [(warehouse, "warehouse.public.customer")]
    assert (failed.eventType.value, rows(failed.outputs)) == ("FAIL", {"aimylogic_default": 1})
    emulator.clear_faults()
    run(second := sync(**given), task)
    ended = emitted.of(second, "success")
    assert names(ended.inputs) == [], "it didn't ask the warehouse, which may be down by now"
    assert rows(ended.outputs) == {"aimylogic_default": 1, "warehouse.public.calls": 3}


def test_a_try_that_waited_in_the_triggerer_tells_all_of_it(
    warehouse: str, sync: Callable[..., SqlToAimylogicOperator], emitted: Emitted
) -> None:
    report = run(sync())
    waited = sync(wait_for_completion=True, deferrable=True)
    event = WaitEnd(WaitOutcome.OVER, {"longCallWithResult": 2}).as_event()
    waited.execute_after_wait(TaskInstance(task_id="sync").context(), event, report, created_now=2)
    ended = emitted.of(waited, "success")
    assert names(ended.inputs) == [(warehouse, "warehouse.public.customer")]
    assert rows(ended.outputs) == {"aimylogic_default": 2, "warehouse.public.calls": 3}


def test_a_dry_run_writes_nothing(
    sqlite_warehouse: None, sync: Callable[..., SqlToAimylogicOperator], emitted: Emitted
) -> None:
    operator = sync(dry_run=True, sql="select phone, id from customer", parameters=None)
    run(operator)
    assert names(emitted.of(operator, "success").outputs) == []


def test_a_single_call_tells_its_campaign(connections: None, no_pauses: None, emitted: Emitted) -> None:
    operator = AddPhoneOperator(task_id="call", phone="+7 912 345-67-89", payload={"name": "Alexandra"})
    run(operator)
    ended = emitted.of(operator, "success")
    assert (names(ended.inputs), names(ended.outputs)) == ([], [CAMPAIGN])
    assert rows(ended.outputs) == {"aimylogic_default": 1}
    assert not [told for told in PRIVATE if told in emitted.bodies[-1]]


@pytest.mark.parametrize("broken", ["parser", "database", "provider"])
def test_whatever_fails_in_it_no_task_does(
    broken: str,
    sqlite_warehouse: None,
    sync: Callable[..., SqlToAimylogicOperator],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if broken != "provider":
        request.getfixturevalue("emitted")
    load = builtins.__import__

    def broken_import(name: str, *more: Any, **others: Any) -> Any:
        if name.startswith("airflow.providers.openlineage"):
            raise ImportError(name)
        return load(name, *more, **others)

    operator = sync(sql="select phone, id from customer", parameters=None)
    if broken == "provider":
        monkeypatch.setattr(builtins, "__import__", broken_import)
    report = run(operator)
    if broken == "parser":
        monkeypatch.setattr("airflow.providers.openlineage.sqlparser.SQLParser.normalize_sql", None)
    if broken == "database":
        monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE")
    told = operator.get_openlineage_facets_on_complete(None)
    assert (told is None) == (broken == "provider")
    assert report["created"] == 2
    assert json.dumps(report)


def test_who_logs_in_to_a_store_is_not_told() -> None:
    lineage = TaskLineage(writes_lists="ftp://user:secret@store.example/lists/sale")
    assert names(operator_lineage(lineage).outputs) == [("ftp://store.example", "lists/sale")]
