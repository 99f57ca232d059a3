"""No task is green that found people and reached nobody: none of them can be called, or all are refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from aimylogic_provider.call_list.freeze.rows import Columns, RowReader
from aimylogic_provider.call_list.send.nobody_reached import reached_nobody
from aimylogic_provider.call_list.store.outcomes import RowCounts
from aimylogic_provider.calls_api.errors import RejectedTypeError
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
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


@pytest.mark.parametrize("prepares", [False, True])
def test_a_table_that_cant_be_read_is_not_excused_by_a_few_who_are_excluded(sync: Sync, prepares: bool) -> None:
    sync.add(["none"] * 7 + PHONES[:2])
    rules = {"exclude_sql": "select phone from customer where phone like '79%'"}
    told = r"9 rows, and 7 are rejected, and the other 2 aren't to be called by this run\. Most frequent: 7 × phone"
    begin = partial(prepare, sync) if prepares else sync.attempt
    with pytest.raises(AirflowFailException, match=told):
        begin(**rules)
    assert sync.sends() == 0


def test_a_few_bad_rows_beside_many_who_are_excluded_end_well_and_the_log_says_that_nobody_is_called(
    sync: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.add(["none"] * 2 + PHONES[:7])
    report = sync.attempt(exclude_sql="select phone from customer where phone like '79%'")
    assert (report["rejected"], report["excluded"], report["created"]) == (2, 7, 0)
    assert len(lines(capsys, "Nobody is called: none of the 9 rows is left to be called")) == 1


def test_shards_whose_calls_are_refused_are_summed_to_a_failure_that_names_who_was_spared() -> None:
    none = dict.fromkeys(("created", "doubles", "rejected", "refused", "unknown", "expired", "claimed"), 0)
    counts = RowCounts.of_report({"rows": 12, **none, "rejected": 7, "refused": 1, "excluded": 3, "capped": 1})
    assert counts.set_aside_in_words == (
        "7 are rejected, 1 refused by the server, and 0 expired; the others are spared: 1 capped, 3 excluded"
    )


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
    told, end = lines(capsys, "dry run")
    assert "[warning" in told
    assert "Done in" in end
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
        ("phone", b"79123456789", "phone", "bytes"),
        ("phone", ["79123456789"], "phone", "list"),
        ("zone", 3, "gmt_zone", "int"),
        ("name", b"Alex", "payload 'name'", "bytes"),
        ("name", {1, 2}, "payload 'name'", "set"),
        ("finish", datetime(2026, 1, 2), "finish", "datetime without a time zone"),
        ("finish", 1767225600, "finish", "int"),
        ("priority", Decimal("1.5"), "priority", "Decimal"),
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


# A campaign that calls nobody


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("paused", "The campaign is paused: nobody who is added is called until it is resumed"),
        ("new", "The campaign is new: nobody who is added is called before it is started"),
        ("planned", "The campaign is planned: nobody who is added is called before it begins"),
    ],
)
def test_a_campaign_that_calls_nobody_yet_is_told_once(
    sync: Sync, capsys: pytest.CaptureFixture[str], status: str, told: str
) -> None:
    sync.emulator.campaign(status=status)
    sync.add(PHONES)
    assert sync.attempt()["created"] == 12
    assert len(lines(capsys, told)) == 1


def test_a_campaign_that_runs_is_not_worth_a_word(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    sync.add(PHONES)
    sync.attempt()
    assert lines(capsys, "The campaign is") == []


def test_a_campaign_that_is_finished_fails_the_task(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    sync.emulator.campaign(status="finished")
    sync.add(PHONES)
    with pytest.raises(AirflowFailException, match="campaign is stopped"):
        sync.attempt()
    assert len(lines(capsys, "The campaign is finished")) == 1


# Lists without calls


def test_an_empty_list_is_sent_with_a_word(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    task = TaskInstance(task_id="send", run=sync.task.run, current_try=1)
    report = SendCallListOperator(task_id="send", call_list=prepare(sync)).execute(task.context())
    assert (report["rows"], report["created"]) == (0, 0)
    assert len(lines(capsys, "There is nobody to call in this call list")) == 1


def test_a_shard_without_calls_says_so_and_fails_nobody(sync: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    sync.add(PHONES[:1])
    pointer = prepare(sync, shards=2)
    reports = []
    for shard in range(2):
        task = TaskInstance(task_id="send", run=sync.task.run, map_index=shard, current_try=1)
        operator = SendCallListOperator(task_id="send", call_list=pointer, shard=shard)
        reports.append(operator.execute(task.context()))
    assert sorted(report["created"] for report in reports) == [0, 1]
    assert len(lines(capsys, "There is nobody to call in this shard")) == 1


def test_shards_that_reach_nobody_fail_with_the_last_of_them(sync: Sync) -> None:
    """One bad number alone in its shard is no reason to fail it: that it was the only one is known at the end."""
    sync.emulator.settings(bad_numbers=("79*",))
    sync.add(PHONES)
    pointer = prepare(sync, shards=2)
    ends = []
    for shard in range(2):
        task = TaskInstance(task_id="send", run=sync.task.run, map_index=shard, current_try=1)
        operator = SendCallListOperator(task_id="send", call_list=pointer, shard=shard)
        try:
            ends.append(operator.execute(task.context())["created"])
        except AirflowFailException as failed:
            ends.append(str(failed)[:16])
    assert ends == [0, "Nobody is called"]


@pytest.mark.parametrize(
    ("counts", "reached"),
    [
        ({"created": 1, "refused": 5}, True),
        ({"created": 1, "rejected": 9_999}, True),
        ({"claimed": 6}, True),
        ({"capped": 6}, True),
        ({"excluded": 9_999}, True),
        ({"held_out": 6}, True),
        ({"claimed": 5, "rejected": 5}, True),
        ({"excluded": 9_990, "rejected": 10}, True),
        ({"capped": 2, "excluded": 2, "held_out": 2, "rejected": 5}, True),
        ({"doubles": 2}, True),
        ({"unknown": 1, "refused": 5}, True),
        ({"rejected": 6}, False),
        ({"excluded": 9_999, "refused": 1}, False),
        ({"held_out": 500, "expired": 1}, False),
        ({"refused": 6}, False),
        ({"claimed": 1, "refused": 5}, False),
        ({"claimed": 1, "expired": 5}, False),
        ({"claimed": 1, "rejected": 4, "refused": 1}, False),
    ],
    ids=str,
)
def test_which_ends_without_a_call_are_honest(counts: dict[str, int], reached: bool) -> None:
    """Whether too many are rejected beside who is spared, freezing tells. A refusal is excused by nothing."""
    none = dict.fromkeys(("created", "doubles", "rejected", "refused", "unknown", "expired", "claimed"), 0)
    assert reached_nobody({"rows": sum(counts.values()), **none, **counts}) is not reached
