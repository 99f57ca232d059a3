"""Syncs mapped over queries that come back in another order: nobody is called twice, or silently left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, needs_record

ANNS, BOBS = [phone(number) for number in range(5)], [phone(number) for number in range(100, 105)]
ANN = "select id, phone, name from customer where name = 'Ann' order by id"
BOB = "select id, phone, name from customer where name = 'Bob' order by id"
BROKEN = "select id, phone, name from nowhere"

Attempt = Callable[..., dict[str, Any]]


@pytest.fixture
def sync(make_sync: Callable[..., Sync]) -> Sync:
    sync = make_sync()
    sync.add(ANNS, name="Ann")
    sync.add(BOBS, name="Bob")
    return sync


class Mapped:
    """Two map indexes of one sync, or of one that is in two halves."""

    def __init__(self, sync: Sync, *, halves: bool = False) -> None:
        self.sync = sync
        self.run = TaskInstance().run
        names = ("prepare", "send") if halves else ("sync",)
        self.tasks = [
            [TaskInstance(task_id=name, map_index=index, run=self.run) for name in names] for index in range(2)
        ]

    def attempt(self, index: int, sql: str, **arguments: Any) -> dict[str, Any]:
        """The next try of a map index."""
        for task in self.tasks[index]:
            task.current_try += 1
        report: dict[str, Any]
        if len(self.tasks[index]) == 1:
            (task,) = self.tasks[index]
            report = self.sync.operator(sql=sql, **arguments).execute(task.context())
            return report
        preparing, sending = self.tasks[index]
        where: dict[str, Any] = {"call_list_path": str(self.sync.lists)}
        pointer = PrepareCallListOperator(
            task_id="prepare", sql=sql, sql_conn_id="warehouse", key_columns=["id"], **where
        ).execute(preparing.context())
        report = SendCallListOperator(task_id="send", call_list=pointer, **where, **arguments).execute(
            sending.context()
        )
        return report

    def clear(self, hours: float) -> None:
        """Clear the whole run."""
        self.run.clear_number += 1
        self.sync.emulator.advance(hours=hours)

    def wipe(self) -> None:
        """Lose what is on record."""
        for tasks in self.tasks:
            for task in tasks:
                task.rows.clear()


@pytest.mark.parametrize("hours", [1, 30])
@pytest.mark.parametrize("halves", [False, True], ids=["whole", "in halves"])
def test_a_turned_list_stops_all_whose_people_are_others(sync: Sync, hours: float, halves: bool) -> None:
    mapped = Mapped(sync, halves=halves)
    assert mapped.attempt(0, ANN)["created"] == len(ANNS)
    with pytest.raises(Exception, match="nowhere"):
        mapped.attempt(1, BROKEN)
    mapped.clear(hours)
    with pytest.raises(AirflowFailException, match="othing is sent"):
        mapped.attempt(0, BOB)
    with pytest.raises(AirflowFailException, match="began to send the same people"):
        mapped.attempt(1, ANN)
    sync.assert_once(ANNS)
    if not halves:  # those say that the list is another one, however the whole run is cleared
        mapped.clear(0)
        assert mapped.attempt(0, ANN)["created"] == len(ANNS)
        assert mapped.attempt(1, BOB)["created"] == len(BOBS)
        sync.assert_once([*ANNS, *BOBS])


@needs_record
@pytest.mark.parametrize("arguments", [{}, {"keep_call_list": timedelta(0)}], ids=["kept", "deleted"])
@pytest.mark.parametrize("wiped", [False, True], ids=["on record", "wiped"])
def test_so_do_lists_that_are_deleted_or_no_longer_on_record(
    sync: Sync, arguments: dict[str, Any], wiped: bool
) -> None:
    mapped = Mapped(sync)
    mapped.attempt(0, ANN, **arguments)
    mapped.clear(30)
    if wiped:
        mapped.wipe()
    with pytest.raises(AirflowFailException, match=r"froze its call list, .*, from other rows"):
        mapped.attempt(0, BOB, **arguments)
    with pytest.raises(AirflowFailException, match="map index 0 began to send"):
        mapped.attempt(1, ANN, **arguments)
    sync.assert_once(ANNS)
    assert mapped.attempt(0, ANN, **arguments)["created"] == len(ANNS)
    sync.assert_once(ANNS)


def test_one_query_for_two_campaigns_may_not_turn_either(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SECOND", "aimylogic://:another-token@127.0.0.1:1/")
    mapped = Mapped(sync)
    mapped.attempt(0, ANN)
    mapped.clear(1)
    with pytest.raises(AirflowFailException, match="by other connections, than it is given now"):
        mapped.attempt(0, ANN, aimylogic_conn_id="second")
    with pytest.raises(AirflowFailException, match="map index 0 began to send"):
        mapped.attempt(1, ANN)
    sync.assert_once(ANNS)


def test_retries_and_clears_in_the_same_order_go_on(sync: Sync) -> None:
    mapped = Mapped(sync)
    for index, sql in enumerate((ANN, BOB)):
        mapped.attempt(index, sql)
    mapped.clear(30)
    for index, sql in enumerate((ANN, BOB)):
        assert mapped.attempt(index, sql)["created"] == 5
    sync.assert_once([*ANNS, *BOBS])


def test_a_task_that_is_not_mapped_goes_on_with_its_list_whatever_the_query_says_now(sync: Sync) -> None:
    assert sync.attempt(sql=ANN)["created"] == len(ANNS)
    assert sync.attempt(sql=BOB)["created"] == len(ANNS)
    sync.assert_once(ANNS)


def test_halves_may_send_one_query_to_two_campaigns(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SECOND", "aimylogic://:another-token@127.0.0.1:1/")
    mapped = Mapped(sync, halves=True)
    mapped.attempt(0, ANN)
    for _ in range(2):  # a retry goes on as the first try does: to where nobody answers
        with pytest.raises(AirflowException, match=r"127\.0\.0\.1"):
            mapped.attempt(1, ANN, aimylogic_conn_id="second")
