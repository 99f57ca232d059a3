"""No task is green that found people and reached nobody: none of them can be called, or all are refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from aimylogic_provider.call_list.rows import Columns, RowReader
from aimylogic_provider.calls_api.errors import RejectedTypeError
from aimylogic_provider.operators import PrepareCallListOperator
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance

PHONES = [phone(number) for number in range(12)]


def prepare(sync: Sync, **arguments: Any) -> dict[str, Any]:
    task = TaskInstance(task_id="prepare", current_try=1)
    operator = PrepareCallListOperator(
        task_id="prepare", **{"sql": "select id, phone, name from customer order by id", "sql_conn_id": "warehouse",
                              "call_list_path": str(sync.lists), **arguments},
    )  # fmt: skip
    pointer: dict[str, Any] = operator.execute(task.context())
    return pointer


def lines(capsys: pytest.CaptureFixture[str], words: str) -> list[str]:
    """The lines of the log with some words."""
    return [line for line in capsys.readouterr().out.splitlines() if words in line]


# Every row is rejected


def test_rows_that_are_all_rejected_fail_the_task_with_the_commonest_reasons(sync: Sync) -> None:
    sync.add(["8915"] * 3 + [""] * 9)
    told = r"12 rows, and every one is rejected.* 9 × phone is empty; 3 × phone is not a possible number"
    with pytest.raises(AirflowFailException, match=told) as failed:
        sync.attempt()
    assert "rejected.csv" in str(failed.value)
    assert sync.emulator.count("addPhones") == 0


def test_they_fail_it_however_many_rows_may_be_rejected(sync: Sync) -> None:
    sync.add([""] * 3)
    with pytest.raises(AirflowFailException, match="every one is rejected"):
        sync.attempt(max_rejected=100)


def test_once_they_are_corrected_a_clear_asks_the_query_anew(sync: Sync) -> None:
    """As with a forgotten region: nothing was frozen that would have to be gone on with."""
    sync.add(f"8912000{number:04}" for number in range(12))
    with pytest.raises(AirflowFailException, match="phone_region"):
        sync.attempt()
    sync.task.clear()
    assert sync.attempt(phone_region="RU")["created"] == 12


def test_the_preparing_operator_fails_alike(sync: Sync) -> None:
    sync.add(["none"])
    with pytest.raises(AirflowFailException, match="every one is rejected"):
        prepare(sync)


def test_a_dry_run_fails_alike(sync: Sync) -> None:
    sync.add(["none"])
    with pytest.raises(AirflowFailException, match="every one is rejected"):
        sync.operator(dry_run=True).execute(TaskInstance(task_id="sync", current_try=1).context())


def test_one_who_can_be_called_is_enough(sync: Sync) -> None:
    sync.add(["none", PHONES[0], "none"])
    assert sync.attempt()["created"] == 1


# None was found


def test_no_rows_at_all_are_a_success_that_says_so(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    assert sync.attempt()["rows"] == 0
    assert "The query gave no rows: there is nobody to call" in capsys.readouterr().out


def test_a_dry_run_says_loudly_that_nobody_is_called(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    sync.add(PHONES)
    sync.operator(dry_run=True).execute(TaskInstance(task_id="sync", current_try=1).context())
    (told,) = lines(capsys, "dry run")
    assert "[warning" in told
    assert "nobody is called" in told


# What a column's type explains


def test_a_columns_type_is_told_once_at_its_first_row(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(sync.database)) as database, database:
        database.execute("create table photos(id, phone, photo)")
        database.executemany("insert into photos values (?, ?, x'00')", list(enumerate(PHONES, 1)))
    with pytest.raises(AirflowFailException, match=r"12 × payload 'photo' is of type bytes"):
        sync.attempt(sql="select * from photos")
    (told,) = lines(capsys, "A column has one type")
    assert "Row 1 is rejected: payload 'photo' is a bytes" in told
    assert "cast the column in the query" in told


@pytest.mark.parametrize(
    ("column", "value", "what", "kind"),
    [
        ("phone", 79123456789.0, "phone", "float"),
        ("phone", Decimal(79123456789), "phone", "Decimal"),
        ("zone", 3, "gmt_zone", "int"),
        ("name", b"Alex", "payload 'name'", "bytes"),
        ("name", {1, 2}, "payload 'name'", "set"),
        ("finish", datetime(2026, 1, 2), "finish", "datetime without a time zone"),
        ("finish", 1767225600, "finish", "int"),
        ("priority", Decimal(1), "priority", "Decimal"),
        ("days", 3, "allowed_days", "int"),
        ("times", 9, "allowed_time", "int"),
    ],
)  # fmt: skip
def test_of_each_column_it_is_known_what_its_type_is_to_blame_for(
    column: str, value: object, what: str, kind: str
) -> None:
    names = ("phone", "zone", "name", "finish", "priority", "days", "times")
    policy = {"finish": "finish", "priority": "priority", "allowed_days": "days", "allowed_time": "times"}
    reader = RowReader(Columns(phone="phone", gmt_zone="zone", policy=policy), names)
    row = {**dict.fromkeys(names), "phone": "79123456789", column: value}
    with pytest.raises(RejectedTypeError) as rejected:
        reader.read([row[name] for name in names])
    assert (rejected.value.what, rejected.value.kind) == (what, kind)


def test_a_reason_of_a_value_is_not_taken_for_one_of_a_type(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    sync.add(["none", PHONES[0]])
    sync.attempt()
    assert "A column has one type" not in capsys.readouterr().out
