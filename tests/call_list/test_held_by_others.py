"""Whom another list holds: told of with a way out that calls nobody twice, and never left out in silence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowTaskTimeout

from aimylogic_provider.call_list.freeze import batch_cutting, warehouse
from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.tables.claims import Claims
from aimylogic_provider.call_list.tables.results_table import ResultsTable
from aimylogic_provider.transfers import SqlToAimylogicOperator
from tests.call_list import test_claims
from tests.call_list.sync import Sync
from tests.call_list.test_claims import (
    NOT_CALLED_YET,
    PHONES,
    Halves,
    another_run,
    dies_before_sending,
    dying,
    held,
)
from tests.call_list.test_loops import looped
from tests.conftest import TaskInstance, needs_record
from tests.operators.looped import Loop

sync, beside = test_claims.sync, test_claims.beside
Patch = pytest.MonkeyPatch
Output = pytest.CaptureFixture[str]


def list_id(sync: Sync) -> str:
    return str(sync.entry["call_list"]["path"].rpartition("/")[2])


def let_pass(sync: Sync, **time: float) -> None:
    """All lists were begun so long ago."""
    begun = datetime.now(UTC) - timedelta(**time)
    sync.execute(f"update aimylogic_lists set begun_at = '{begun:%Y-%m-%d %H:%M:%S.%f}'")


# The way out


@needs_record
def test_a_list_that_nobody_began_to_send_is_given_up_as_the_log_says(sync: Sync, capsys: Output) -> None:
    Halves(sync).prepare()
    Halves(sync, "second").prepare()
    log = capsys.readouterr().out
    (told,) = [line for line in log.splitlines() if "25 rows are held by the call list" in line]
    given_up = told.partition("in aimylogic_lists set state to 'given up' where call_list is '")[2].partition("'")[0]
    assert "pending" not in told, "there are no such rows to be deleted"
    sync.execute(f"update aimylogic_lists set state = 'given up' where call_list = '{given_up}'")
    third = Halves(sync, "third")
    assert third.send(third.prepare(sql=NOT_CALLED_YET))["created"] == 25


@needs_record
def test_a_list_whose_answers_were_lost_is_to_be_cleared_and_not_given_up(
    sync: Sync, beside: Sync, capsys: Output
) -> None:
    sync.emulator.fault("after_commit", "reset", path="addPhones", times=50)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    capsys.readouterr()
    beside.attempt(sql=NOT_CALLED_YET)
    log = capsys.readouterr().out
    assert "jobs may exist of which no answer told. Clear the task that sends it, which settles them" in log
    assert "delete those of whom the campaign's report shows no job" in log
    assert "Whoever has one would be called twice" in log
    sync.task.clear()
    assert sync.attempt()["created"] == 25
    assert another_run(sync, "next").attempt(sql=NOT_CALLED_YET)["rows"] == 0
    sync.assert_once(PHONES)


@needs_record
def test_a_list_that_was_given_up_by_hand_is_not_sent_any_more(sync: Sync, monkeypatch: Patch) -> None:
    dies_before_sending(sync, monkeypatch)
    sync.execute(f"update aimylogic_lists set state = 'given up' where call_list = '{list_id(sync)}'")
    sync.execute("delete from calls")
    assert another_run(sync, "next").attempt(sql=NOT_CALLED_YET)["created"] == 25
    with pytest.raises(AirflowFailException, match="was given up before it was sent to its end"):
        sync.attempt()
    sync.assert_once(PHONES)


# A list that is sent isn't given up, and the reverse


@needs_record
@pytest.mark.parametrize("shared_disk", [True, False])
def test_a_list_is_either_sent_or_given_up(sync: Sync, shared_disk: bool, monkeypatch: Patch) -> None:
    """*prepare* is cleared alone, and another run freezes, while *send* writes its pending rows."""
    one, other = Halves(sync), Halves(sync, "second")
    first = one.prepare()
    write, streamed, lists = ResultsTable.write, warehouse.streamed, []

    def slowly(table: ResultsTable, rows: Any) -> None:
        monkeypatch.setattr(ResultsTable, "write", write)
        with monkeypatch.context() as patched:
            patched.setattr(warehouse, "streamed", while_streamed)
            if not shared_disk:
                patched.setattr(Folder, "names", lambda _: [])
            lists.append(one.prepare())
        write(table, rows)

    @contextmanager
    def while_streamed(*arguments: Any) -> Iterator[Any]:
        with monkeypatch.context() as patched:
            patched.setattr(warehouse, "streamed", streamed)
            lists.append(other.prepare())
        with streamed(*arguments) as found:
            yield found

    monkeypatch.setattr(ResultsTable, "write", slowly)
    assert one.send(first)["created"] == 25
    assert [prepared["claimed"] for prepared in lists] == [25, 25]
    assert other.send(lists[0])["created"] == 0
    sync.assert_once(PHONES)


@needs_record
def test_a_clear_that_wipes_the_state_goes_on_with_a_list_that_was_about_to_be_sent(
    sync: Sync, monkeypatch: Patch
) -> None:
    with dying(monkeypatch, Shard, "claim"):
        sync.attempt()
    path = sync.entry["call_list"]["path"]
    sync.task.clear(discards=True)
    report = sync.attempt(sql=NOT_CALLED_YET)
    assert (report["call_list"], report["created"]) == (path, 25)
    sync.assert_once(PHONES)


# Never in silence


@needs_record
@pytest.mark.parametrize("hours", [23, 25])
def test_a_run_whose_people_an_abandoned_list_holds_fails_once_all_others_are_called(
    sync: Sync, hours: float, capsys: Output
) -> None:
    Halves(sync, "day 0").prepare(sql="select id, phone, name from customer where id <= 10")
    let_pass(sync, hours=hours)
    run = Halves(sync, "day 1")
    prepared = run.prepare()
    if hours < 24:
        assert run.send(prepared)["claimed"] == 10
    else:
        with pytest.raises(AirflowFailException, match=r"10 rows are held by the call list .* of run day 0") as failed:
            run.send(prepared)
        assert "aimylogic_lists set state to 'given up'" in str(failed.value)
    sync.assert_once(PHONES[10:])
    if hours > 24:
        sync.execute("update aimylogic_lists set state = 'given up' where run_id = 'day 0'")
        assert run.send(prepared)["created"] == 15
        later = Halves(sync, "day 2")
        assert later.send(later.prepare(sql=NOT_CALLED_YET))["created"] == 10
        sync.assert_once(PHONES)


@needs_record
@pytest.mark.parametrize("keep", [timedelta(days=30), timedelta(0)])
def test_people_whom_the_query_hides_as_pending_are_missed_by_no_green_run(
    sync: Sync, keep: timedelta, monkeypatch: Patch
) -> None:
    """Each later run tells of them, until somebody acts."""
    sync.arguments |= {"sql": NOT_CALLED_YET, "keep_call_list": keep}
    dies_before_sending(sync, monkeypatch)
    let_pass(sync, hours=23)
    assert another_run(sync, "day 1").attempt()["rows"] == 0
    let_pass(sync, hours=25)
    sync.add([test_claims.phone(99)])
    days = [another_run(sync, "day 2"), another_run(sync, "day 3")]
    for day in (*days, *days):
        with pytest.raises(
            AirflowFailException, match=r"25 rows are held .*, and nobody seems to go on with it"
        ) as failed:
            day.attempt()
        assert "Clear the task that sends it" in str(failed.value)
        sync.assert_once([test_claims.phone(99)])
    assert sync.attempt()["created"] == 25
    for day in days:
        assert day.attempt()["rows"] in (0, 1)
    sync.assert_once([*PHONES, test_claims.phone(99)])


@needs_record
def test_a_dry_run_tells_nobody_of_an_abandoned_list(sync: Sync, beside: Sync, monkeypatch: Patch) -> None:
    dies_before_sending(sync, monkeypatch)
    let_pass(sync, hours=25)
    beside.task.current_try += 1
    assert beside.operator(dry_run=True, sql=NOT_CALLED_YET).execute(beside.task.context())["rows"] == 0


@needs_record
@pytest.mark.parametrize("shards", [1, 2])
def test_halves_tell_of_an_abandoned_list_whom_their_query_hides(sync: Sync, shards: int, monkeypatch: Patch) -> None:
    first = Halves(sync, "day 0")
    with dying(monkeypatch, Shard, "claim"):
        first.send(begun := first.prepare())
    let_pass(sync, hours=25)
    sync.add([test_claims.phone(99)])
    run = Halves(sync, "day 1")
    call_list = run.prepare(sql=NOT_CALLED_YET, shards=shards)
    assert call_list["calls"] == 1
    for shard in range(shards):
        run.tasks["send"] = TaskInstance(task_id="send", run_id="day 1", map_index=shard if shards > 1 else -1)
        with pytest.raises(AirflowFailException, match="of run day 0"):
            run.send(call_list, shard=shard)
    sync.assert_once([test_claims.phone(99)])
    assert first.send(begun)["created"] == 25
    assert run.send(call_list, shard=shards - 1)["rows"] <= 1


@needs_record
@pytest.mark.parametrize("hours", [23, 25])
@pytest.mark.parametrize("run_id", [None, "the next day"])
@pytest.mark.parametrize("knows", ["context", "operator"])
def test_the_list_of_a_task_that_the_dag_has_no_more_is_told_of(
    sync: Sync, hours: float, run_id: str | None, knows: str, monkeypatch: Patch
) -> None:
    """A task that was renamed, also within its run."""
    dies_before_sending(sync, monkeypatch)
    let_pass(sync, hours=hours)
    renamed = another_run(sync, run_id or sync.task.run_id)
    renamed.task.task_id = "renamed"
    has_tasks(renamed, monkeypatch, "renamed", "report", knows=knows)
    if hours < 24:
        assert renamed.attempt(sql=NOT_CALLED_YET)["rows"] == 0
        return
    with pytest.raises(AirflowFailException, match="of task sync, which the DAG doesn't have any more") as failed:
        renamed.attempt(sql=NOT_CALLED_YET)
    assert "settle that one by hand" in str(failed.value)
    sync.execute("update aimylogic_lists set state = 'given up' where task_id = 'sync'")
    sync.execute("delete from calls where outcome = 'pending'")
    renamed.task.clear()
    assert renamed.attempt(sql=NOT_CALLED_YET)["created"] == 25
    sync.assert_once(PHONES)


@needs_record
@pytest.mark.parametrize("other", ["a task that is there", "another DAG", "an unknown DAG"])
def test_the_list_of_any_other_task_is_none_of_this_ones_affairs(sync: Sync, other: str, monkeypatch: Patch) -> None:
    dies_before_sending(sync, monkeypatch)
    let_pass(sync, hours=25)
    another = another_run(sync, "the next day")
    another.task.task_id = "another"
    if other == "another DAG":
        another.task.dag_id = "another"
    if other != "an unknown DAG":
        has_tasks(another, monkeypatch, "another", *(["sync"] if other == "a task that is there" else []))
    assert another.attempt(sql=NOT_CALLED_YET)["rows"] == 0


def has_tasks(sync: Sync, monkeypatch: Patch, *tasks: str, knows: str = "context") -> None:
    """Have a task be in a DAG of these tasks."""
    dag = SimpleNamespace(task_dict=dict.fromkeys(tasks))
    if knows == "operator":
        monkeypatch.setattr(SqlToAimylogicOperator, "get_dag", lambda _: dag)
    else:
        context = sync.task.context
        monkeypatch.setattr(sync.task, "context", lambda: {**context(), "dag": dag})


@needs_record
def test_a_list_that_can_only_expire_is_abandoned_at_once(sync: Sync) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    Halves(sync).prepare(call_before=soon)
    run = Halves(sync, "second")
    with pytest.raises(AirflowFailException, match="nobody seems to go on with it"):
        run.send(run.prepare())


@needs_record
def test_a_list_of_a_deleted_run_of_the_same_id_is_told_of_at_once(sync: Sync, monkeypatch: Patch) -> None:
    dies_before_sending(sync, monkeypatch)
    old = list_id(sync)
    sync.add([test_claims.phone(99)])
    again = another_run(sync, sync.task.run_id)
    with pytest.raises(AirflowFailException, match=f"{old} .*a deleted DAG run of the same id") as failed:
        again.attempt()
    assert "settle that one by hand" in str(failed.value)
    sync.assert_once([test_claims.phone(99)])


@needs_record
@pytest.mark.parametrize("ended", [AirflowTaskTimeout("execution_timeout"), KeyboardInterrupt()])
@pytest.mark.parametrize("place", [(batch_cutting.BatchCutter, "close"), (Shard, "claim")])
def test_a_last_try_that_is_interrupted_before_it_sends_holds_nobody(
    sync: Sync, beside: Sync, place: tuple[Any, str], ended: BaseException, monkeypatch: Patch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise ended

    with monkeypatch.context() as patched:
        patched.setattr(*place, interrupted)
        with pytest.raises(type(ended)):
            sync.attempt()
    assert held() == 0
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 25


# Loops


@needs_record
def test_the_iterations_of_a_loop_are_told_apart_on_purpose(sync: Sync) -> None:
    loop = Loop(task_id="body.sync")
    sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[0], times=50)
    with pytest.raises(AirflowException):
        looped(sync, loop, 0)
    sync.emulator.clear_faults()
    assert looped(sync, loop, 1)["created"] == 25


@needs_record
def test_an_iteration_leaves_the_unsent_list_of_another_one_alone(sync: Sync, monkeypatch: Patch) -> None:
    loop = Loop(task_id="body.sync")
    with dying(monkeypatch, Claims, "begin_sending"):
        looped(sync, loop, 0)
    assert looped(sync, loop, 1)["created"] == 25
    assert looped(sync, loop, 0)["created"] == 25


# What is gone since


@needs_record
def test_a_connection_that_was_renamed_holds_up_no_try(sync: Sync, monkeypatch: Patch, capsys: Output) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OLD", os.environ["AIRFLOW_CONN_WAREHOUSE"])
    with dying(monkeypatch, Claims, "claim", after=True):
        sync.attempt(results_conn_id="old")
    monkeypatch.delenv("AIRFLOW_CONN_OLD")
    assert sync.attempt(results_conn_id="warehouse")["created"] == 25
    assert "The connection 'old' is gone" in capsys.readouterr().out
    assert held() == 0


@needs_record
@pytest.mark.parametrize("error", [AirflowException("The conn_id isn't defined"), RuntimeError("403"), OSError("no")])
def test_an_old_list_behind_a_store_that_is_gone_holds_up_nobody_but_its_own_people(
    sync: Sync, beside: Sync, error: Exception, monkeypatch: Patch, capsys: Output
) -> None:
    dies_before_sending(sync, monkeypatch)
    sync.add([test_claims.phone(99)])
    old, names = sync.entry["call_list"]["path"], Folder.names

    def of_today(folder: Folder) -> list[str]:
        if folder.address == old:
            raise error
        return names(folder)

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "names", of_today)
        report = beside.attempt()
    assert (report["created"], report["claimed"]) == (1, 25)
    assert "can't be seen" in capsys.readouterr().out


# Who is the same


@needs_record
def test_lists_find_each_other_whichever_results_tables_they_tell_of(
    sync: Sync, beside: Sync, monkeypatch: Patch
) -> None:
    """As one a day is, or one that was renamed."""
    dies_before_sending(sync, monkeypatch)
    assert beside.attempt(results_table="calls_20260102")["claimed"] == 25
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_what_is_given_up_leaves_the_results_table_that_told_of_it(sync: Sync) -> None:
    one = Halves(sync)
    prepared = one.prepare()
    values = f"'{prepared['path'].rpartition('/')[2]}', 1, 'd', 't', 'r', 'pending', '2026-01-01'"
    sync.execute(
        f"insert into calls (call_list, row_number, dag_id, task_id, run_id, outcome, frozen_at) values ({values})"
    )
    one.prepare(results_table="calls_of_today")
    with closing(test_claims.engine().connect()) as connection:
        assert connection.exec_driver_sql("select count(*) from calls").scalar_one() == 0


@needs_record
@pytest.mark.parametrize("field", ["results_table", "results_conn_id"])
@pytest.mark.parametrize("template", ["{{ ds_nodash }}", "{% if run_id %}a{% endif %}"])
def test_a_place_of_claims_that_differs_from_run_to_run_is_refused(sync: Sync, field: str, template: str) -> None:
    value = f"{template}.calls" if field == "results_table" else template
    with pytest.raises(ValueError, match="differ from run to run"):
        sync.operator(**{field: value})


@pytest.mark.parametrize(
    "arguments",
    [
        {"results_table": "calls_{{ ds_nodash }}"},
        {"results_table": "{{ var.value.schema }}.calls_{{ ds }}"},
        {"results_conn_id": "{{ var.value.warehouse }}"},
        {"results_conn_id": "{{ params.warehouse }}"},
        {"results_table": None, "results_conn_id": "{{ run_id }}"},
    ],
)
def test_any_other_template_is_taken(sync: Sync, arguments: dict[str, Any]) -> None:
    assert sync.operator(**arguments)


@needs_record
@pytest.mark.parametrize("keys", [[], ["name"], ["id", "name"], ["ID"]])
def test_other_key_columns_don_t_have_anybody_called_twice(
    sync: Sync, beside: Sync, keys: list[str], monkeypatch: Patch
) -> None:
    dies_before_sending(sync, monkeypatch)
    sync.execute("drop table calls")  # which has no columns for others
    if keys == ["ID"]:
        beside.arguments["sql"] = "select id as ID, phone, name from customer"
    report = beside.attempt(key_columns=keys, results_table="other")
    assert (report["created"], report["claimed"]) == (0, 25)


@needs_record
def test_keys_that_name_a_group_hold_nobody_else_of_it(sync: Sync, beside: Sync, monkeypatch: Patch) -> None:
    sync.execute("alter table customer add column region text")
    sync.execute("update customer set region = iif(id <= 13, 'North', 'South')")
    sync.arguments |= {"key_columns": ["region"], "sql": "select phone, name, region from customer order by id"}
    dies_before_sending(sync, monkeypatch)
    for number in range(50, 84):
        sync.execute(f"insert into customer values ({number}, '{test_claims.phone(number)}', 'Alex', 'North')")
    report = beside.attempt()
    assert (report["created"], report["claimed"]) == (34, 25)
    assert held() == 25


@needs_record
@pytest.mark.parametrize("first", ["id = 1", "id <= 2"])
def test_a_key_may_come_to_name_a_group_in_one_list_alone(
    sync: Sync, beside: Sync, first: str, monkeypatch: Patch
) -> None:
    sync.arguments |= {"key_columns": ["name"], "sql": f"select phone, name from customer where {first}"}
    dies_before_sending(sync, monkeypatch)
    second = "id <= 2" if first == "id = 1" else "id in (2, 3)"
    report = beside.attempt(sql=f"select phone, name from customer where {second}")
    assert (report["created"], report["claimed"]) == (1, 1)
