"""One list calls one phone once, whatever its rows say, unless it is told how often."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from aimylogic_provider.call_list.freeze.preview import Preview
from aimylogic_provider.call_list.store.manifest import Pointer
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list_task.questions.approval_question import question
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance

PLACEHOLDER = phone(0)
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


def capped(sync: Sync) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sync.files("capped/*") for line in path.read_text().splitlines()]


@METHODS
def test_a_placeholder_on_many_rows_is_one_call(sync: Sync, method: str, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(sync.database)) as database, database:
        database.executemany(
            "insert into customer values (?, ?, ?)", [(n, PLACEHOLDER, f"name {n}") for n in range(1, 1501)]
        )
    sync.add([phone(1)])
    report = sync.attempt(method=method)
    assert (report["created"], report["capped"], report["rows"]) == (2, 1499, 1501)
    sync.assert_once([PLACEHOLDER, phone(1)])
    assert "1,499 of 1,501 rows are capped" in capsys.readouterr().out
    lines = capped(sync)
    assert [line["row"] for line in lines] == list(range(2, 1501))
    assert all("called for row 1 already" in line["reason"] for line in lines)
    assert lines[0]["keys"] == {"id": 2}


@METHODS
@pytest.mark.parametrize(("most", "created"), [(1, 3), (2, 5), (3, 6), (1000, 6), (None, 6)])
def test_as_many_as_may_be_are_called(sync: Sync, method: str, most: int | None, created: int) -> None:
    sync.add([phone(n) for n in range(3)])
    sync.add([phone(0), phone(2)], name="Boris")
    sync.add([phone(0)], name="Clara")
    report = sync.attempt(method=method, max_calls_per_phone=most)
    assert (report["created"], report["capped"]) == (created, 6 - created)


def test_a_double_of_a_row_that_is_called_is_a_double_and_of_one_that_is_capped_is_capped(sync: Sync) -> None:
    sync.add([phone(0)])
    sync.add([phone(0)], name="Boris")
    sync.add([phone(0)])
    sync.add([phone(0)], name="Boris")
    report = sync.attempt()
    assert (report["created"], report["doubles"], report["capped"]) == (1, 1, 2)
    assert [line["row"] for line in capped(sync)] == [2, 4]


def test_the_results_table_tells_them_with_the_row_that_was_called(sync: Sync) -> None:
    sync.add([phone(0)])
    sync.add([phone(0)], name="Boris")
    sync.attempt(results_table="calls")
    with closing(sqlite3.connect(sync.database)) as database:
        rows = database.execute("select id, outcome, reason from calls order by row_number").fetchall()
    assert [row[:2] for row in rows] == [("1", "created"), ("2", "capped")]
    assert "called for row 1 already" in rows[1][2]


def test_a_dry_run_and_an_approval_tell_them(sync: Sync) -> None:
    sync.add([phone(0)])
    sync.add([phone(0)], name="Boris")
    report = sync.operator(dry_run=True).execute(TaskInstance(task_id="sync", current_try=1).context())
    assert (report["calls"], report["capped"], report["countries"]) == (1, 1, {"RU": 1})
    sync.attempt()
    pointer = Pointer.of(sync.entry["call_list"]) if sync.task.has_store else None
    if pointer is not None:
        preview = Preview.of(CallList.open(pointer))
        told = question(preview, pointer.path, None, 0.0)
        assert "1 with phones that are called, or were called, as often as may be" in told
        assert "**By country**: RU 1" in told


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "2", 1001])
def test_a_number_that_can_not_be_used_is_told_while_the_dag_is_read(sync: Sync, most: Any) -> None:
    with pytest.raises(ValueError, match="max_calls_per_phone"):
        sync.operator(max_calls_per_phone=most)


def test_those_who_are_capped_are_none_who_were_not_reached(sync: Sync) -> None:
    sync.add([phone(0)])
    sync.add([phone(0)], name="Boris")
    sync.emulator.settings(bad_numbers=[phone(0)])
    with pytest.raises(AirflowFailException, match="Nobody is called"):
        sync.attempt()
