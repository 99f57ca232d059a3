"""A task instance calls the people of one list: another one is told, in the same try, and not taken for done.

A later try goes on with the list of the first one, whatever its query says by then.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.operators import AddPhoneOperator, PrepareCallListOperator, SendCallListOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, needs_record

ANNS, BOBS = [phone(number) for number in range(25)], [phone(number) for number in range(100, 125)]
NAMED = "select id, phone, name from customer where name = :name order by id"
ANN = NAMED.replace(":name", "'Ann'")
BOB = NAMED.replace(":name", "'Bob'")

pytestmark = pytest.mark.parametrize("map_index", [-1, 0], ids=["plain", "mapped"])


@pytest.fixture
def sync(make_sync: Callable[..., Sync], map_index: int) -> Sync:
    sync = make_sync(batch_size=10)
    sync.task.map_index = map_index
    sync.add(ANNS, name="Ann")
    sync.add(BOBS, name="Bob")
    return sync


def without_a_store(sync: Sync, has_store: bool) -> None:
    if has_store and not sync.task.has_store:
        pytest.skip("needs the record")
    sync.task.has_store = has_store


def two(sync: Sync, first: dict[str, Any], second: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two operators of one try, as a function of a ``@task`` makes them; the names are whatever it says."""
    sync.task.current_try += 1
    context = sync.task.context()
    return sync.operator(**first).execute(context), sync.operator(**second).execute(context)


@pytest.mark.parametrize("has_store", [True, False])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"sql": ANN}, {"sql": BOB}),
        ({"sql": NAMED, "parameters": {"name": "Ann"}}, {"sql": NAMED, "parameters": {"name": "Bob"}}),
        ({"sql": ANN}, {"sql": ANN, "aimylogic_conn_id": "aimylogic_other"}),
        ({"sql": ANN}, {"sql": ANN, "sql_conn_id": "warehouse_2"}),
        ({"sql": ANN}, {"sql": ANN, "phone_column": "id"}),
        ({"sql": ANN}, {"sql": ANN, "payload_columns": []}),
        ({"sql": ANN}, {"sql": ANN, "policy": {"max_attempts": 3}}),
        ({"sql": ANN}, {"sql": ANN, "call_before": "2100-01-01T00:00:00Z"}),
    ],
    ids=["query", "parameters", "campaign", "database", "phone column", "payload", "policy", "deadline"],
)
def test_another_list_in_the_same_try_is_told(
    sync: Sync, has_store: bool, first: dict[str, Any], second: dict[str, Any]
) -> None:
    without_a_store(sync, has_store)
    for _ in range(2):  # a clear changes nothing in that
        with pytest.raises(
            AirflowFailException, match=r"nobody of this one is called\. Give each sync a task of its own"
        ):
            two(sync, first, second)
        sync.task.clear()
    sync.assert_once(ANNS)


@needs_record
def test_a_campaign_is_another_one_by_its_token_not_by_its_connections_name(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.attempt(sql=ANN)
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", sync.emulator.connection("77.88.secondcampaign"))
    with pytest.raises(AirflowFailException, match="nobody of this one is called"):
        sync.operator(sql=ANN).execute(sync.task.context())


@pytest.mark.parametrize("has_store", [True, False])
def test_the_same_list_in_the_same_try_is_done(sync: Sync, has_store: bool) -> None:
    without_a_store(sync, has_store)
    first, second = two(sync, {"sql": ANN}, {"sql": ANN})
    assert first["created"] == second["created"] == len(ANNS)
    sync.assert_once(ANNS)


def test_a_dry_run_before_the_sync_is_no_list_of_the_task(sync: Sync) -> None:
    two(sync, {"sql": ANN, "dry_run": True}, {"sql": ANN})
    sync.assert_once(ANNS)


def fails_in_the_middle(sync: Sync, **arguments: Any) -> None:
    fault = sync.emulator.fault("after_commit", "reset", path="addPhones", phone=ANNS[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(concurrency=1, **arguments)
    assert fault.hits == 3


@pytest.mark.parametrize("has_store", [True, False])
@pytest.mark.parametrize("hours", [0, 25])
def test_a_retry_goes_on_though_its_query_holds_the_time_of_day(sync: Sync, has_store: bool, hours: int) -> None:
    """As by ``macros.datetime.now()``: Airflow renders it anew for each try."""
    without_a_store(sync, has_store)
    fails_in_the_middle(sync, sql=f"{ANN} -- at 07:00")
    sync.emulator.advance(hours=hours)
    sync.add([phone(500)], name="Ann")
    assert sync.attempt(sql=f"{ANN} -- at 08:00")["created"] == len(ANNS)
    sync.assert_once(ANNS)


@pytest.mark.parametrize("has_store", [True, False])
def test_after_a_clear_a_mapped_task_is_told_if_its_query_is_another(
    sync: Sync, has_store: bool, map_index: int
) -> None:
    """Its index may be other people's by now. One that isn't mapped goes on with its list."""
    without_a_store(sync, has_store)
    fails_in_the_middle(sync, sql=f"{ANN} -- at 07:00")
    sync.task.clear()
    if map_index >= 0:
        for _ in range(2):
            with pytest.raises(AirflowFailException, match="from other rows, or by other connections"):
                sync.attempt(sql=f"{ANN} -- at 08:00")
    else:
        sync.attempt(sql=f"{ANN} -- at 08:00")
    sync.attempt(sql=f"{ANN} -- at 07:00")
    sync.attempt(sql=f"{ANN} -- at 09:00")  # a retry since
    sync.assert_once(ANNS)


def test_a_clear_of_this_task_alone_counts_though_the_run_says_nothing_of_it(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, map_index: int
) -> None:
    fails_in_the_middle(sync, sql=ANN)
    context = TaskInstance.context

    def cleared(task: TaskInstance) -> dict[str, Any]:
        found = context(task)
        found["ti"].max_tries = 4
        return found

    monkeypatch.setattr(TaskInstance, "context", cleared)
    if map_index >= 0:
        with pytest.raises(AirflowFailException, match="from other rows"):
            sync.attempt(sql=BOB)
    else:
        assert sync.attempt(sql=BOB)["created"] == len(ANNS)


@needs_record
def test_an_entry_of_before_is_checked_as_before(sync: Sync, map_index: int) -> None:
    fails_in_the_middle(sync, sql=ANN)
    entry = {name: value for name, value in sync.entry.items() if name not in ("tried", "cleared")}
    sync.task.rows["aimylogic"] = json.dumps(entry)
    if map_index >= 0:
        with pytest.raises(AirflowFailException, match="from other rows"):
            sync.attempt(sql=BOB)
    assert sync.attempt(sql=ANN)["created"] == len(ANNS)


# The halves, and single calls


def prepared(sync: Sync, sql: str, task_id: str = "prepare") -> dict[str, Any]:
    task = TaskInstance(task_id=task_id, run=sync.task.run, current_try=1, map_index=sync.task.map_index)
    return PrepareCallListOperator(
        task_id=task_id, sql=sql, sql_conn_id="warehouse", call_list_path=str(sync.lists), batch_size=10
    ).execute(task.context())


@pytest.mark.parametrize("has_store", [True, False])
@pytest.mark.parametrize("of_one_task", [True, False])
def test_two_lists_that_one_try_is_to_send_are_told(sync: Sync, has_store: bool, of_one_task: bool) -> None:
    without_a_store(sync, has_store)
    sync.task.current_try = 1
    lists = prepared(sync, ANN), prepared(sync, BOB, "prepare" if of_one_task else "prepare_more")

    def send(call_list: dict[str, Any], **arguments: Any) -> Any:
        operator = SendCallListOperator(
            task_id="sync", call_list=call_list, call_list_path=str(sync.lists), **arguments
        )
        return operator.execute(sync.task.context())

    send(lists[0])
    assert send(lists[0])["created"] == len(ANNS)
    for again in (lambda: send(lists[1]), lambda: send(lists[0], aimylogic_conn_id="aimylogic_other")):
        with pytest.raises(AirflowFailException, match="nobody of this one is called"):
            again()
    sync.assert_once(ANNS)


def test_two_shards_that_one_try_is_to_send_are_told(sync: Sync) -> None:
    sync.task.current_try = 1
    task = TaskInstance(task_id="prepare", run=sync.task.run, current_try=1)
    call_list = PrepareCallListOperator(
        task_id="prepare", sql=ANN, sql_conn_id="warehouse", call_list_path=str(sync.lists), shards=2
    ).execute(task.context())
    made = [SendCallListOperator(task_id="sync", call_list=call_list, shard=shard) for shard in range(2)]
    made[0].execute(sync.task.context())
    with pytest.raises(AirflowFailException, match="nobody of this one is called"):
        made[1].execute(sync.task.context())


def test_two_lists_that_one_try_prepares_are_two_lists(sync: Sync) -> None:
    task = TaskInstance(task_id="prepare", run=sync.task.run, current_try=1)
    made = [
        PrepareCallListOperator(
            task_id="prepare", sql=sql, sql_conn_id="warehouse", call_list_path=str(sync.lists)
        ).execute(task.context())
        for sql in (ANN, BOB)
    ]
    assert made[0]["path"] != made[1]["path"]
    assert [one["calls"] for one in made] == [len(ANNS), len(BOBS)]


@needs_record
@pytest.mark.parametrize("hours", [0, 25])
def test_two_single_calls_of_one_try_are_two_calls(sync: Sync, hours: int) -> None:
    task = TaskInstance(map_index=sync.task.map_index)
    for _ in range(2):
        task.current_try += 1
        jobs = [AddPhoneOperator(task_id="add_phone", phone=one).execute(task.context()) for one in ANNS[:2]]
        assert len({*jobs}) == 2
        sync.emulator.advance(hours=hours)
    sync.assert_once(ANNS[:2])


@needs_record
@pytest.mark.parametrize(
    "other", [{"payload": {"name": "Bob"}}, {"aimylogic_conn_id": "aimylogic_other"}], ids=["payload", "campaign"]
)
def test_one_person_twice_in_one_try_is_called_twice_or_told(sync: Sync, other: dict[str, Any], map_index: int) -> None:
    task = TaskInstance(map_index=map_index, current_try=1)
    first = AddPhoneOperator(task_id="add_phone", phone=ANNS[0]).execute(task.context())
    try:
        second = AddPhoneOperator(task_id="add_phone", phone=ANNS[0], **other).execute(task.context())
    except AirflowFailException as told:
        assert first in str(told) or "parked" in str(told)
    else:
        assert second != first
        assert len(sync.emulator.jobs(ANNS[0])) == 2


@needs_record
def test_a_sync_and_a_single_call_in_one_try_are_told(sync: Sync) -> None:
    sync.attempt(sql=ANN)
    with pytest.raises(AirflowFailException):
        AddPhoneOperator(task_id="sync", phone=BOBS[0]).execute(sync.task.context())
    sync.assert_once(ANNS)
    task = TaskInstance(current_try=1)
    AddPhoneOperator(task_id="add_phone", phone=BOBS[0]).execute(task.context())
    with pytest.raises(AirflowFailException, match="an entry of a sync"):
        SqlToAimylogicOperator(task_id="add_phone", sql=ANN, sql_conn_id="warehouse").execute(task.context())
    sync.assert_once([*ANNS, BOBS[0]])
