"""A run that is cleared whole has its list frozen anew: the one that was begun is finished, nobody is called twice."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.store.manifest import Pointer, Tombstone
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from tests.call_list.sync import Sync, phone
from tests.conftest import HAS_RECORD, TaskInstance, needs_record

PHONES = [phone(number) for number in range(60)]
QUERY = "select id, phone, name from customer order by id"
STORES = pytest.mark.parametrize("has_store", [False, pytest.param(True, marks=needs_record)])


class Run:
    """A run of a task that prepares a list and of one that sends it, in shards or whole."""

    def __init__(self, sync: Sync, shards: int = 1, *, has_store: bool = HAS_RECORD) -> None:
        self.sync = sync
        self.shards = shards
        self.path = str(sync.lists)
        self.run = sync.task.run
        self.has_store = has_store
        self.preparing = TaskInstance(task_id="prepare", run=self.run, has_store=has_store)
        self.sending: dict[int, TaskInstance] = {}
        self.prepare()

    def prepare(self, **arguments: Any) -> None:
        self.preparing.current_try += 1
        self.call_list: dict[str, Any] = PrepareCallListOperator(
            task_id="prepare", sql_conn_id="warehouse", key_columns=["id"], call_list_path=self.path, batch_size=10,
            shards=self.shards, **{"sql": QUERY, **arguments},
        ).execute(self.preparing.context())  # fmt: skip

    def send(self, shard: int = 0, **arguments: Any) -> dict[str, Any]:
        index = -1 if self.shards == 1 else shard
        made = TaskInstance(task_id="send", run=self.run, map_index=index, has_store=self.has_store)
        task = self.sending.setdefault(index, made)
        task.current_try += 1
        report: dict[str, Any] = SendCallListOperator(
            task_id="send", call_list=self.call_list, shard=shard, call_list_path=self.path,
            **{"concurrency": 1, **arguments},
        ).execute(task.context())  # fmt: skip
        return report

    def clear(self, **arguments: Any) -> None:
        """Clear the whole run: what prepares runs again at once."""
        self.sync.task.clear()
        self.prepare(**arguments)

    def lose_what_is_on_record(self) -> None:
        """As a clear by the pages of Airflow 3.4 does."""
        for task in (self.preparing, *self.sending.values()):
            task.rows.clear()

    @property
    def folder(self) -> Path:
        return Path(self.call_list["path"].removeprefix("file://"))


def half_sent(run: Run, shard: int = 0) -> dict[str, Any]:
    """The second batch of a shard went unanswered, or its last one; return the list that was begun."""
    begun = run.folder if not run.sending else Path(run.sending[min(run.sending)].entry["call_list"]["path"][7:])
    batches = [one["name"] for one in json.loads((begun / "list.json").read_text())["batches"] if one["shard"] == shard]
    line = (begun / f"batches/{batches[1]}.jsonl").read_text().splitlines()[0]
    unanswered = json.loads(line)["call"]["phone"]
    fault = run.sync.emulator.fault("after_commit", "reset", path="addPhones", phone=unanswered, times=3)
    with pytest.raises(AirflowException):
        run.send(shard)
    assert fault.hits == 3
    return run.call_list


@STORES
@pytest.mark.parametrize("wiped", [False, True])
@pytest.mark.parametrize("hours", [0, 25])
def test_a_list_that_was_half_sent_is_finished_and_the_new_one_is_deleted_unsent(
    sync: Sync, capsys: pytest.CaptureFixture[str], has_store: bool, wiped: bool, hours: int
) -> None:
    sync.add(PHONES)
    run = Run(sync, has_store=has_store)
    first = half_sent(run)
    sync.emulator.advance(hours=hours)
    sync.add([phone(500)])
    if wiped:
        run.lose_what_is_on_record()
    run.clear()
    assert run.call_list["path"] != first["path"]
    lost = hours and (wiped and has_store)
    if lost:  # the report may show others' jobs by then, and none is taken for ours
        for match in ("wait for the report", "Of 10 calls it can't be known"):
            with pytest.raises(AirflowException, match=match):
                run.send()
            sync.emulator.advance(minutes=30)
    else:
        assert run.send()["call_list"] == first["path"]
    assert "Going on with the call list that was begun in this DAG run" in capsys.readouterr().out
    assert [file.name for file in run.folder.rglob("*")] == ["deleted.json"]
    sync.assert_once(PHONES)
    if not lost:
        for _ in range(2):
            run.clear()
            assert run.send()["created"] == len(PHONES)
        sync.assert_once(PHONES)


@needs_record
def test_a_retry_after_such_a_clear_goes_on_alike(sync: Sync) -> None:
    sync.add(PHONES)
    run = Run(sync)
    half_sent(run)
    run.clear()
    half_sent(run)
    assert run.send()["created"] == len(PHONES)
    sync.assert_once(PHONES)


@needs_record
@pytest.mark.parametrize("kept", [timedelta(days=30), timedelta(0)])
def test_a_list_that_was_sent_whole_is_told_of_and_no_other_is_sent(sync: Sync, kept: timedelta) -> None:
    sync.add(PHONES)
    run = Run(sync)
    first = run.send(keep_call_list=kept)
    run.clear()
    again = run.send(keep_call_list=kept)
    assert {**again, "seconds": 0, "numbers_per_second": 0} == {**first, "seconds": 0, "numbers_per_second": 0}
    assert [file.name for file in run.folder.rglob("*")] == ["deleted.json"]
    sync.assert_once(PHONES)


@needs_record
def test_a_list_that_nobody_began_to_send_is_replaced(sync: Sync) -> None:
    sync.add(PHONES)
    run = Run(sync)
    sync.add([phone(500)])
    run.clear()
    assert run.send()["created"] == len(PHONES) + 1


@needs_record
@pytest.mark.parametrize("wiped", [False, True])
def test_each_shard_goes_on_with_the_list_that_was_begun_those_too_that_did_not_begin(sync: Sync, wiped: bool) -> None:
    sync.add(PHONES)
    run = Run(sync, shards=3)
    first = half_sent(run, 0)
    run.send(1)
    if wiped:
        run.lose_what_is_on_record()
    run.clear()
    reports = [run.send(shard) for shard in range(3)]
    assert {report["call_list"] for report in reports} == {first["path"]}
    assert sum(report["created"] for report in reports) == len(PHONES)
    assert [file.name for file in run.folder.rglob("*")] == ["deleted.json"]
    sync.assert_once(PHONES)


@needs_record
def test_a_shard_whose_neighbour_deletes_the_new_list_while_it_looks_at_it_looks_again(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    run = Run(sync, 2)
    first = half_sent(run)
    run.clear()
    found = CallList.tombstone

    def deleted_just_after(pointer: Pointer) -> Tombstone | None:
        monkeypatch.setattr(CallList, "tombstone", staticmethod(found))
        before = found(pointer)
        run.send(0)
        return before

    monkeypatch.setattr(CallList, "tombstone", staticmethod(deleted_just_after))
    with pytest.raises(AirflowException, match="was deleted while it was looked at: the next try looks again") as ended:
        run.send(1)
    assert not isinstance(ended.value, AirflowFailException)
    assert run.send(1)["call_list"] == first["path"]
    sync.assert_once(PHONES)


@needs_record
def test_more_shards_go_on_with_what_was_begun_and_the_new_ones_stop(sync: Sync) -> None:
    sync.add(PHONES)
    run = Run(sync, shards=2)
    half_sent(run, 0)
    run.send(1)
    run.shards = 4
    run.clear()
    for shard in (2, 3):
        with pytest.raises(AirflowFailException, match="began to send another list of this DAG run"):
            run.send(shard)
    assert run.send(0)["created"] + run.send(1)["created"] == len(PHONES)
    sync.assert_once(PHONES)


@needs_record
def test_fewer_shards_say_whose_people_nobody_calls(sync: Sync) -> None:
    sync.add(PHONES)
    run = Run(sync, shards=4)
    half_sent(run, 0)
    run.send(3)
    run.shards = 2
    run.clear()
    for shard in (0, 1):
        with pytest.raises(
            AirflowFailException, match=r"begun in 4 shards, and there are 2 now.* nobody sends 2\. Give"
        ):
            run.send(shard)
    run.shards = 4
    run.clear()
    assert sum(run.send(shard)["created"] for shard in range(4)) == len(PHONES)
    sync.assert_once(PHONES)


# Another call_list_path


@needs_record
@pytest.mark.parametrize("shards", [2, 4])
def test_a_run_whose_lists_lie_elsewhere_now_calls_nobody_again(sync: Sync, tmp_path: Path, shards: int) -> None:
    """The tasks that are new would find nothing where lists lie now: 2,500 of 5,000 were called twice."""
    sync.add(PHONES)
    run = Run(sync, shards=2)
    half_sent(run, 0)
    run.send(1)
    run.shards, run.path = shards, str(tmp_path / "elsewhere")
    run.clear()
    for shard in range(2, shards):
        with pytest.raises(AirflowFailException, match="began to send another list of this DAG run"):
            run.send(shard)
    assert run.send(0)["created"] + run.send(1)["created"] == len(PHONES)
    sync.assert_once(PHONES)


@needs_record
def test_a_shard_that_did_not_begin_sends_nothing_of_a_list_that_lies_elsewhere(sync: Sync, tmp_path: Path) -> None:
    sync.add(PHONES)
    run = Run(sync, shards=2)
    half_sent(run, 0)
    run.path = str(tmp_path / "elsewhere")
    run.clear()
    assert [Path(folder).name for folder in run.call_list["elsewhere"]] == [run.preparing.run_id]
    with pytest.raises(AirflowFailException, match="lies elsewhere than call_list_path says"):
        run.send(1)
    run.path = str(sync.lists)
    run.clear()
    assert sum(run.send(shard)["created"] for shard in range(2)) == len(PHONES)
    sync.assert_once(PHONES)


@needs_record
@pytest.mark.parametrize("hours", [0, 25])
@pytest.mark.parametrize("cleared", [False, True])
def test_a_sync_follows_its_entry_wherever_lists_lie_now(sync: Sync, tmp_path: Path, hours: int, cleared: bool) -> None:
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[15], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(concurrency=1)
    sync.emulator.advance(hours=hours)
    if cleared:
        sync.task.clear()
    assert sync.attempt(call_list_path=str(tmp_path / "elsewhere"))["created"] == len(PHONES)
    assert not (tmp_path / "elsewhere").exists()
    sync.assert_once(PHONES)


@pytest.mark.parametrize("hours", [0, 25])
def test_without_a_store_a_sync_whose_lists_lie_elsewhere_now_calls_nobody_again(
    sync: Sync, tmp_path: Path, hours: int
) -> None:
    sync.task.has_store = False
    sync.add(PHONES)
    sync.attempt()
    sync.emulator.advance(hours=hours)
    for match in ("wait for the report", "it can't be known"):
        with pytest.raises(AirflowException, match=match):
            sync.attempt(call_list_path=str(tmp_path / "elsewhere"))
        sync.emulator.advance(minutes=30)
    sync.assert_once(PHONES)


# What is not followed


@needs_record
def test_another_tasks_list_is_not_taken_for_the_begun_one_frozen_anew(sync: Sync) -> None:
    sync.add(PHONES)
    run = Run(sync)
    half_sent(run)
    sync.task.clear()
    run.preparing.task_id = "prepare_others"
    run.prepare()
    with pytest.raises(AirflowFailException, match="which another task froze"):
        run.send()
    assert (run.folder / "list.json").exists()


@needs_record
def test_a_list_of_a_run_of_the_same_id_that_was_deleted_is_not_taken_for_this_runs(sync: Sync) -> None:
    """It would be told as sent, and nobody of this run be called."""
    sync.add(PHONES)
    Run(sync).send()
    sync.task = TaskInstance(task_id="sync")
    sync.task.run.start_date += timedelta(hours=1)
    sync.task.run.run_after += timedelta(hours=1)
    run = Run(sync)
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="began to send another list of this DAG run"):
        run.send()
    assert (run.folder / "list.json").exists()


@needs_record
def test_a_task_that_never_ran_is_not_the_one_that_began_a_list_in_a_deleted_run(sync: Sync) -> None:
    """A scheduled run that is made again has the times that it had."""
    sync.add(PHONES)
    Run(sync).send()
    run = Run(sync)
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="began to send another list of this DAG run"):
        run.send()
