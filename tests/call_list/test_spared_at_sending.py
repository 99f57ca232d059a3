"""Lists whose calls were all spared right before they were sent: whether their task may be green, and what rings."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list_task.before_the_rest.first_calls import SendsFirstCallsFirst
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from tests.call_list.sync import Sync, phone
from tests.call_list.test_caps import FERNET_KEY
from tests.call_list.test_exclusion import stop
from tests.call_list.test_only_new_by_lists import PHONES as PEOPLE
from tests.call_list.test_only_new_by_lists import MakeRun, called, last_line, run
from tests.conftest import TaskInstance, needs_record

__all__ = ["run"]

PHONES = [phone(number) for number in range(30)]
STOP = {"exclude_sql": "select phone from stop", "exclude_conn_id": "warehouse"}


def prepared(sync: Sync, **arguments: Any) -> dict[str, Any]:
    sql = "select id, phone, name from customer order by id"
    told = {
        "sql": sql,
        "sql_conn_id": "warehouse",
        "key_columns": ["id"],
        "call_list_path": str(sync.lists),
        **arguments,
    }
    pointer: dict[str, Any] = PrepareCallListOperator(task_id="prepare", batch_size=10, **told).execute(
        TaskInstance(task_id="prepare", current_try=1).context()  # type: ignore[arg-type]
    )
    return pointer


def sent(pointer: dict[str, Any], shard: int = 0, **arguments: Any) -> dict[str, Any]:
    index = shard if pointer["shards"] > 1 else -1
    task = TaskInstance(task_id="send", current_try=1, map_index=index)
    operator = SendCallListOperator(task_id="send", call_list=pointer, shard=shard, **arguments)
    return operator.execute(task.context())  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def fernet_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", FERNET_KEY)


# Beside rows that can't be read


@pytest.mark.parametrize(("unreadable", "fails"), [(5, False), (6, True)])
def test_a_few_who_are_excluded_late_excuse_no_more_rows_that_cant_be_read(
    sync: Sync, unreadable: int, fails: bool
) -> None:
    sync.add(["none"] * unreadable + PHONES[:5])
    stop(sync)
    pointer = prepared(sync, **STOP)
    stop(sync, *PHONES)
    if fails:
        with pytest.raises(AirflowFailException, match=r"of 11 rows 6 can't be read, and the calls of the others were"):
            sent(pointer, **STOP)
    else:
        assert (sent(pointer, **STOP)["excluded"], pointer["rejected"]) == (5, 5)
    assert sync.sends() == 0


def test_who_gave_no_consent_is_no_row_that_cant_be_read(sync: Sync) -> None:
    sync.add(PHONES[:9])
    stop(sync)
    sql = "select id, phone, name, case when id < 4 then 'yes' end as agreed from customer order by id"
    pointer = prepared(sync, **STOP, sql=sql, consent_column="agreed")
    stop(sync, *PHONES)
    report = sent(pointer, **STOP)
    assert (report["excluded"], report["rejected"], report["created"]) == (3, 6, 0)


# By mistake, or not


@pytest.mark.parametrize("shards", [1, 2])
def test_most_of_a_list_that_is_excluded_late_fails_it_though_others_are_capped(
    sync: Sync, emulator: Emulator, shards: int
) -> None:
    """Not all of them are excluded: one was called by another list meanwhile. A mistake it is all the same."""
    table = {"results_table": "calls", "max_calls_per_person": {"calls": 1, "days": 7}}
    sync.add(PHONES)
    stop(sync)
    pointer = prepared(sync, **STOP, **table, shards=shards)
    sync.execute("delete from customer where id > 3")
    sync.attempt(sql="select id, phone, name from customer", key_columns=["id"], **table)
    stop(sync, *PHONES[3:])
    ends = []
    for shard in range(shards):
        try:
            ends.append(sent(pointer, shard, **STOP, results_table="calls", results_conn_id="warehouse")["created"])
        except AirflowFailException as failed:
            ends.append(str(failed)[:44])
    assert ends == [0] * (shards - 1) + ["Nobody is called: 27 of 30 calls of this lis"]


def test_shards_of_which_one_was_refused_and_the_last_one_spared_fail_with_the_last(sync: Sync) -> None:
    sync.add(PHONES[:12])
    stop(sync)
    sync.emulator.settings(bad_numbers=("79*",))
    pointer = prepared(sync, **STOP, shards=2)
    refused = sent(pointer, 0, **STOP)["refused"]
    assert 0 < refused < 12
    stop(sync, *PHONES)
    with pytest.raises(AirflowFailException, match=rf"Nobody is called: of 12 rows .* {refused} refused by the server"):
        sent(pointer, 1, **STOP)


def test_whom_another_dag_called_meanwhile_as_often_as_may_be_makes_an_honest_end(
    sync: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    table = {"results_table": "calls", "max_calls_per_person": {"calls": 1, "days": 7}}
    sync.add(PHONES)
    pointer = prepared(sync, **table)
    assert sync.attempt(sql="select id, phone, name from customer", key_columns=["id"], **table)["created"] == 30
    capsys.readouterr()
    report = sent(pointer, results_table="calls", results_conn_id="warehouse")
    assert (report["created"], report["capped"]) == (0, 30)
    assert "nobody is called" in " ".join(capsys.readouterr().out.casefold().split())


# Left to another list


@needs_record
def test_whom_another_list_held_and_called_by_the_next_try_is_an_honest_end(run: MakeRun, emulator: Emulator) -> None:
    first, second = run("a"), run("b")
    first.read()
    second.read()
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        first.call()
    emulator.clear_faults()
    with pytest.raises(AirflowException, match="The next try of this task looks whether it has") as told:
        second.call()
    assert not isinstance(told.value, AirflowFailException), "another try can help"
    assert first.call()["created"] == 6
    assert second.call()["capped"] == 6


@needs_record
def test_whom_another_list_held_and_never_called_is_told_as_a_failure(run: MakeRun, emulator: Emulator) -> None:
    first, second, third = run("a"), run("b"), run("c")
    first.read()
    second.read()
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        first.call()
    with pytest.raises(AirflowException):
        second.call()
    emulator.clear_faults()
    emulator.settings(bad_numbers=("79*",))
    emulator.advance(minutes=25)  # for the report to tell that nothing came of what went unanswered
    with pytest.raises(AirflowFailException, match="6 refused by the server"):
        first.call()
    emulator.settings(bad_numbers=())
    with pytest.raises(
        AirflowFailException, match=r"6 of this list's people were left .* Start a new DAG run with them"
    ):
        second.call()
    assert third.read()["calls"] == 6
    assert third.call()["created"] == 6


def test_two_clicks_whose_other_run_called_all_end_well_with_a_word(
    run: MakeRun, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run("a"), run("b")
    first.read()
    second.read()
    first.call()
    assert second.call()["created"] == 0
    assert "nobody is called: all 6 were called by the list of" in last_line(capsys)


# What rings before


def test_ones_own_phone_does_not_ring_for_a_list_that_calls_nobody(
    run: MakeRun, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run("a"), run("b")
    first.read()
    second.read()
    first.call()
    assert second.call(test_phone="+79160000000", after_test="ask")["created"] == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "test_phone isn't called: nobody of this list is left to be called (called by the list of" in told
    assert called(emulator).keys() == {*PEOPLE}


def test_it_rings_if_one_is_left(run: MakeRun, emulator: Emulator) -> None:
    first, second = run("a", PEOPLE[:5]), run("b")
    first.read()
    second.read()
    first.call()
    assert second.call(test_phone="+79160000000")["created"] == 1
    assert "79160000000" in called(emulator)


def test_nobody_is_asked_about_the_rest_of_a_list_that_calls_nobody(
    run: MakeRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(*arguments: Any) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(SendsFirstCallsFirst, "_ask_for_the_rest", asks)
    first, second, third = run("a"), run("b"), run("c", PEOPLE[:4])
    first.read()
    second.read()
    third.lists = third.lists / "elsewhere"
    third.read()
    first.call()
    assert second.call(first=2)["created"] == 0
    assert called(emulator).keys() == {*PEOPLE}
