"""What seldom comes together: lost state, moved folders, other lists, deletion, and two tries without a fence."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.freeze import warehouse
from aimylogic_provider.call_list.runs import old_lists
from aimylogic_provider.call_list.runs.old_lists import delete_old
from aimylogic_provider.call_list.send.send_notes import SendNotes
from aimylogic_provider.call_list.send.settings import SendSettings
from aimylogic_provider.call_list.store.manifest import Claim, Pointer
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from tests.call_list.sync import CrashError, Sync, phone
from tests.call_list.test_sync import park_one_of_half_a_batch
from tests.conftest import OTHER_TOKEN, ReplacedError, StateStore, TaskInstance, connection_json, needs_record

PHONES = [phone(number) for number in range(25)]
LOG = logging.getLogger(__name__)


class Halves:
    """A task that prepares, and one that sends."""

    def __init__(self, sync: Sync, run_id: str | None = None, shards: int = 1) -> None:
        self.sync = sync
        self.shards = shards
        more = {} if run_id is None else {"run_id": run_id}
        self.preparing = TaskInstance(task_id="prepare", run=sync.task.run, **more)
        self.sending = [
            TaskInstance(task_id="send", run=sync.task.run, map_index=index if shards > 1 else -1, **more)
            for index in range(shards)
        ]

    def prepare(self) -> dict[str, Any]:
        self.preparing.current_try += 1
        pointer: dict[str, Any] = self.operator().execute(self.preparing.context())
        return pointer

    def operator(self) -> PrepareCallListOperator:
        return PrepareCallListOperator(
            task_id="prepare", sql="select id, phone, name from customer order by id", sql_conn_id="warehouse",
            key_columns=["id"], call_list_path=str(self.sync.lists), batch_size=10, shards=self.shards,
        )  # fmt: skip

    def send(self, call_list: Any, shard: int = 0, **arguments: Any) -> dict[str, Any]:
        task = self.sending[shard]
        task.current_try += 1
        operator = SendCallListOperator(
            task_id="send", call_list=call_list, shard=shard, call_list_path=str(self.sync.lists), **arguments
        )
        report: dict[str, Any] = operator.execute(task.context())
        return report


def half_sent(sync: Sync) -> None:
    """A try whose third batch was created, and not answered."""
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[22], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(concurrency=1)


# State and list are both out of reach


@pytest.mark.parametrize("has_store", [False, pytest.param(True, marks=needs_record)])
def test_neither_state_nor_list_are_there_any_more(sync: Sync, has_store: bool) -> None:
    """As on another worker's disk. A list frozen anew has other keys, so the report is asked before it is sent."""
    sync.task.has_store = has_store
    half_sent(sync)
    sync.task.rows.clear()
    shutil.rmtree(sync.lists)
    sync.add([phone(800)])
    with pytest.raises(AirflowException, match="wait for the report"):
        sync.attempt()
    sync.assert_once(PHONES)
    sync.emulator.advance(minutes=30)
    with pytest.raises(AirflowFailException, match="Of 25 calls it can't be known"):
        sync.attempt()
    sync.assert_once([*PHONES, phone(800)])


def test_a_first_try_that_left_no_trace_delays_the_list_by_the_reports_lag(sync: Sync) -> None:
    sync.task.current_try = 1  # it was killed before it wrote anything
    sync.add(PHONES)
    with pytest.raises(AirflowException, match="wait for the report"):
        sync.attempt()
    sync.emulator.advance(minutes=30)
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


def test_a_later_call_of_the_same_phone_is_not_begun_while_an_earlier_one_waits(sync: Sync) -> None:
    sync.task.current_try = 1
    sync.add(PHONES[:3])
    sync.add(PHONES[:1], name="Boris")
    with pytest.raises(AirflowException, match=r"^1 batches wait for the report"):
        sync.attempt(max_calls_per_phone=2)
    sync.emulator.advance(minutes=30)
    assert sync.attempt(max_calls_per_phone=2)["created"] == 4


@needs_record
def test_wiped_state_takes_nobody_elses_jobs_for_ours(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "status", path="addPhones", phone=PHONES[2], times=1, status=503,
                        headers={"Retry-After": "60"})  # fmt: skip
    with pytest.raises(AirflowException, match="asks to wait 60 seconds"):
        sync.attempt(concurrency=1)
    sync.emulator.advance(hours=12)
    for one in PHONES[20:]:
        AimylogicHook().add_phone(one, {"other": "system"})
    sync.emulator.advance(hours=13)
    sync.task.rows.clear()
    with pytest.raises(AirflowException, match="1 batches wait for the report"):
        sync.attempt()
    sync.emulator.advance(minutes=30)
    with pytest.raises(AirflowFailException, match="Of 5 calls it can't be known"):
        sync.attempt()
    assert {sync.emulator.rings(one, {"name": "Alex"}) for one in PHONES[:20]} == {1}


def test_a_list_is_sent_by_one_task_alone(sync: Sync) -> None:
    sync.add(PHONES)
    halves, others = Halves(sync), Halves(sync, run_id="another")
    call_list = halves.prepare()
    halves.send(call_list)
    with pytest.raises(AirflowFailException, match="is sent by task send of DAG winter_sale"):
        others.send(call_list)
    sync.assert_once(PHONES)


@needs_record
def test_a_run_that_was_deleted_and_made_again_is_a_new_run(sync: Sync) -> None:
    sync.add(PHONES)
    sync.attempt()
    sync.task = TaskInstance(task_id="sync")
    sync.task.run.start_date += timedelta(hours=1)
    sync.task.current_try = 1  # its first try left no trace
    sync.execute("delete from customer")
    sync.add([phone(500)])
    with pytest.raises(AirflowException, match="wait for the report"):
        sync.attempt()
    sync.emulator.advance(minutes=100)
    assert sync.attempt()["rows"] == 1
    sync.assert_once([*PHONES, phone(500)])


@pytest.mark.parametrize("hours", [-2, 2])
def test_without_a_store_the_list_is_found_again_whatever_airflow_s_clock_shows(sync: Sync, hours: int) -> None:
    sync.task.has_store = False
    sync.task.run.start_date += timedelta(hours=hours)
    half_sent(sync)
    sync.attempt()
    sync.assert_once(PHONES)


def test_without_a_store_a_run_that_was_made_again_is_a_new_run(sync: Sync) -> None:
    sync.task.has_store = False
    sync.add(PHONES)
    sync.attempt()
    sync.task = TaskInstance(task_id="sync", has_store=False)
    sync.task.run.start_date += timedelta(hours=1)
    sync.execute("delete from customer")
    sync.add([phone(500)])
    assert sync.attempt()["rows"] == 1
    sync.assert_once([*PHONES, phone(500)])


# The store answers wrongly


@needs_record
@pytest.mark.parametrize("method", ["addPhone", "addPhones"])
def test_a_folder_that_can_not_be_listed_is_not_taken_for_an_empty_one(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    sync.add(PHONES)
    sync.attempt(method=method)
    sync.task.clear()
    sync.emulator.advance(hours=25)
    scandir = os.scandir

    def failing(path: Any = ".") -> Any:
        if str(path).endswith("/done"):
            raise OSError(116, "Stale file handle")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    with pytest.raises(AirflowException, match="can't be reached"):
        sync.attempt(method=method)
    sync.assert_once(PHONES)


@needs_record
def test_finished_batches_that_are_missing_stop_the_task(sync: Sync) -> None:
    half_sent(sync)
    sync.files("done/*")[0].unlink()
    with pytest.raises(AirflowFailException, match="some of its files are missing"):
        sync.attempt()
    sync.assert_once(PHONES)


# Two tries, and no fence


def test_without_a_store_two_tries_that_freeze_at_once_send_one_list(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.task.has_store = False
    sync.add(PHONES)
    original: Callable[..., Any] = warehouse.streamed
    begun: list[bool] = []

    def streamed(*arguments: Any) -> Any:
        if not begun:
            begun.append(True)
            sync.attempt()  # the other try, whole
        return original(*arguments)

    monkeypatch.setattr(warehouse, "streamed", streamed)
    sync.task.current_try += 1
    with pytest.raises(AirflowException, match="another try froze the list meanwhile"):
        sync.operator().execute(sync.task.context())
    sync.assert_once(PHONES)


def test_without_a_store_a_try_that_another_has_overtaken_sends_nothing_more(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stood still before its first send, for longer than keys live; a second try has sent the whole list since."""
    sync.task.has_store = False
    sync.add(PHONES)
    open_list = CallList.open

    def opening(pointer: Pointer) -> CallList:
        monkeypatch.setattr(CallList, "open", open_list)
        opened = open_list(pointer)
        sync.attempt()
        sync.emulator.advance(hours=25)
        return opened

    monkeypatch.setattr(CallList, "open", opening)
    sync.task.current_try += 1
    with pytest.raises(AirflowException, match="another try of this task has written"):
        sync.operator().execute(sync.task.context())
    sync.assert_once(PHONES)


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_what_was_decided_before_the_worker_stood_still_is_not_sent(
    sync: Sync, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would leave ten minutes after the time by which it was decided, and which is noted."""
    sync.add(PHONES)
    note, stood_still = SendNotes.note, [0.0]

    async def noting(*arguments: Any) -> None:
        if not stood_still[0]:
            stood_still[0] = 600.0
            sync.emulator.advance(seconds=600)
        await note(*arguments)

    monkeypatch.setattr(SendNotes, "note", noting)
    for name in ("wall", "monotonic"):
        clock = getattr(SystemClock, name)
        monkeypatch.setattr(SystemClock, name, lambda self, clock=clock: clock(self) + stood_still[0])
    one_batch = {"method": method, "batch_size": 30}  # another one may be decided, and sent, after that time
    with pytest.raises(AirflowException, match="More than 30 seconds passed between deciding to send batch 00001"):
        sync.attempt(concurrency=1, **one_batch)
    assert sync.sends() == 0
    assert sync.attempt(**one_batch)["created"] == 25
    sync.assert_once(PHONES)


def test_a_try_to_prepare_that_was_replaced_leaves_its_successors_list_alone(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    halves = Halves(sync)
    write = Folder.write
    lists: list[Any] = []

    def writing(folder: Folder, name: str, content: bytes) -> None:
        if name == "list.json" and not lists:
            lists.append(None)
            lists[0] = halves.prepare()
        write(folder, name, content)

    monkeypatch.setattr(Folder, "write", writing)
    halves.prepare()
    halves.send(lists[0])
    sync.assert_once(PHONES)


def test_a_try_to_prepare_that_was_replaced_leaves_alone_what_its_successor_is_freezing(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    write = Folder.write
    begun: list[Folder] = []

    def writing(folder: Folder, name: str, content: bytes) -> None:
        write(folder, name, content)
        if name == "list.json" and not begun:
            begun.append(Folder(folder.address.rpartition("/")[0]) / str(uuid4()))
            write(begun[0], "batches/00001.jsonl", b"{}")

    monkeypatch.setattr(Folder, "write", writing)
    Halves(sync).prepare()
    assert begun[0].names() == ["batches/00001.jsonl"]


@needs_record
def test_a_try_to_prepare_that_was_replaced_freezes_nothing(sync: Sync) -> None:
    sync.add(PHONES)
    halves = Halves(sync)
    context = halves.preparing.context()
    halves.preparing.current_try += 1
    with pytest.raises(ReplacedError):
        halves.operator().execute(context)
    assert list(sync.lists.rglob("list.json")) == []


# Deletion


def test_a_list_is_deleted_at_once_or_later_and_its_counts_stay(sync: Sync) -> None:
    sync.add(PHONES)
    first = sync.attempt(keep_call_list=timedelta(0))
    folder = Path(first["call_list"].removeprefix("file://"))
    assert [path.name for path in folder.rglob("*")] == ["deleted.json"]
    assert PHONES[0] not in (folder / "deleted.json").read_text()
    sync.task.clear()
    assert sync.attempt() == first
    sync.assert_once(PHONES)


def test_a_copy_that_somebody_made_in_a_lists_folder_keeps_no_task_from_ending(sync: Sync) -> None:
    sync.add(PHONES)
    sync.attempt()
    (sync.folder / "report-0.json.bak").write_bytes(b"{}")
    sync.task.clear()
    assert sync.attempt(keep_call_list=timedelta(0))["created"] == 25
    assert [file.name for file in sync.files("*.json")] == ["deleted.json"]


def test_a_path_with_steps_up_in_it_is_one_as_any_other(sync: Sync) -> None:
    sync.add(PHONES)
    assert sync.attempt(call_list_path=f"file://{sync.lists}/../lists")["created"] == 25


@needs_record
def test_a_list_that_is_deleted_while_all_are_looked_through_is_no_reason_to_give_up(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    sync.attempt()
    sync.task.rows.clear()
    sync.task.clear()
    read = Folder.read

    def reading(folder: Folder, name: str) -> bytes:
        if name.startswith("claimed/"):
            raise FileNotFoundError(name)
        return read(folder, name)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "read", reading)
        with pytest.raises(AirflowException, match="the next try looks again") as told:
            sync.attempt()
    assert not isinstance(told.value, AirflowFailException)


def test_a_list_that_nobody_sent_is_deleted_too_and_never_said_to_be_sent(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_lists, "_UNUSED", timedelta(0))  # a day passes
    sync.add(PHONES)
    waiting, others = Halves(sync), Halves(sync, run_id="scheduled__2026-02-01T00:00:00+00:00")
    call_list = waiting.prepare()
    others.send(others.prepare(), keep_call_list=timedelta(0))
    with pytest.raises(AirflowFailException, match="deleted before it was sent"):
        waiting.send(call_list)


def test_shards_of_a_deleted_list_tell_their_own_counts(sync: Sync) -> None:
    sync.add(PHONES)
    halves = Halves(sync, shards=2)
    call_list = halves.prepare()
    reports = [halves.send(call_list, shard, keep_call_list=timedelta(0)) for shard in (0, 1)]
    assert sum(report["rows"] for report in reports) == 25
    sync.task.clear()
    assert [halves.send(call_list, shard) for shard in (0, 1)] == reports
    sync.assert_once(PHONES)


def test_whoever_dies_while_deleting_loses_no_counts(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_lists, "_UNUSED", timedelta(0))
    sync.add(PHONES)
    delete = Folder.delete

    def dying(folder: Folder, name: str) -> None:
        if name == "list.json":
            raise CrashError
        delete(folder, name)

    monkeypatch.setattr(Folder, "delete", dying)
    with pytest.raises(CrashError):
        sync.attempt(keep_call_list=timedelta(0))
    monkeypatch.setattr(Folder, "delete", delete)
    delete_old(f"{sync.lists}/winter_sale/sync", timedelta(0), LOG)
    left = [path for path in sync.lists.rglob("*.json*") if path.name != "entry.json" and "%sent" not in str(path)]
    assert [path.name for path in left] == ["deleted.json"]
    assert sync.attempt()["created"] == 25


@pytest.mark.parametrize("moment", ["opened", "about to write"])
def test_two_that_delete_a_list_at_once_lose_no_counts(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """As the last two shards of a list do, if it is not kept: else a clear would say that nobody was called."""
    sync.add(PHONES)
    first = sync.attempt()
    of_task = f"{sync.lists}/winter_sale/sync"
    others: list[int] = []
    opening, writing, deleting = CallList.open, Folder.write, Folder.delete

    def other() -> None:
        """Somebody else deletes it at this very moment, and has not come to its end."""
        if not others:
            others.append(0)
            with monkeypatch.context() as patched:
                patched.setattr(
                    Folder, "delete", lambda folder, name: None if name == "list.json" else deleting(folder, name)
                )
                others.append(delete_old(of_task, timedelta(0), LOG))

    def open_late(pointer: Pointer) -> CallList:
        other()
        return opening(pointer)

    def write_late(folder: Folder, name: str, content: bytes) -> None:
        if name == "deleted.json":
            other()
        writing(folder, name, content)

    with monkeypatch.context() as patched:
        if moment == "opened":
            patched.setattr(CallList, "open", open_late)
        else:
            patched.setattr(Folder, "write", write_late)
        delete_old(of_task, timedelta(0), LOG)
    assert others == [0, 1]
    sync.task.clear()
    assert sync.attempt() == first
    sync.task.rows.clear()
    assert sync.attempt() == first
    sync.assert_once(PHONES)


def test_a_list_whose_sending_begins_just_then_is_not_taken_for_unused(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be deleted in the middle of its sending, and said to have called nobody."""
    monkeypatch.setattr(old_lists, "_UNUSED", timedelta(0))  # a day passes
    sync.add(PHONES)
    halves = Halves(sync)
    call_list = halves.prepare()
    opening = CallList.open

    def open_late(pointer: Pointer) -> CallList:
        opening(pointer).claim(Claim("task send", 0, 0.0, "server", "campaign"))
        return opening(pointer)

    with monkeypatch.context() as patched:
        patched.setattr(CallList, "open", open_late)
        assert delete_old(f"{sync.lists}/winter_sale/prepare", timedelta(0), LOG) == 0
    assert CallList.tombstone(Pointer.of(call_list)) is None
    assert len(opening(Pointer.of(call_list)).lines(opening(Pointer.of(call_list)).batches(0)[0])) == 10


def test_what_was_begun_to_be_frozen_is_deleted_by_the_next_try(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds phones, and nobody points to it."""
    sync.add(PHONES)
    halves = Halves(sync)
    first = halves.prepare()
    write = Folder.write

    def dying(folder: Folder, name: str, content: bytes) -> None:
        if name == "list.json":
            raise CrashError
        write(folder, name, content)

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "write", dying)
        with pytest.raises(CrashError):
            halves.prepare()
    folders = {path.parent for path in sync.lists.rglob("batches")}
    assert len(folders) == 2
    last = halves.prepare()
    left = {str(path.parent) for path in sync.lists.rglob("batches")}
    assert left == {one["path"].removeprefix("file://") for one in (first, last)}, "an earlier list may be asked about"
    assert halves.send(first)["created"] == 25


def test_a_run_id_that_looks_like_a_lists_is_deleted_like_any_other(sync: Sync) -> None:
    sync.task.run_id = "3f2b1c9e-8d61-4f6c-9a73-0a1b2c3d4e5f"
    sync.add(PHONES)
    sync.attempt()
    assert delete_old(f"{sync.lists}/winter_sale/sync", timedelta(0), LOG) == 1


def test_an_old_list_that_can_not_be_read_fails_nobody(sync: Sync) -> None:
    sync.add(PHONES)
    alien = sync.lists / "winter_sale" / "sync" / "older" / "3f2b1c9e-8d61-4f6c-9a73-0a1b2c3d4e5f"
    alien.mkdir(parents=True)
    (alien / "list.json").write_text("{}")
    assert sync.attempt()["created"] == 25


# What people are told, and what is set aside


@needs_record
def test_a_parked_number_bears_the_jobs_that_the_report_shows(sync: Sync) -> None:
    park_one_of_half_a_batch(sync)
    (unknown,) = [json.loads(line) for line in sync.files("unknown/*")[0].read_text().splitlines()]
    assert sorted(unknown["jobs"]) == sorted(job.id for job in sync.emulator.jobs(PHONES[0]))


def test_one_rows_policy_is_refused_alone(sync: Sync) -> None:
    sync.execute("alter table customer add column urgency integer")
    sync.add_with_priority(PHONES[:10])
    sync.emulator.fault("before_commit", "status", path="addPhones", phone=PHONES[3], times=None, status=400,
                        body={"type": "invalid.dialer_priority", "message": ""})  # fmt: skip
    report = sync.attempt(
        sql="select id, phone, name, urgency from customer order by id", policy_columns={"priority": "urgency"}
    )
    assert (report["created"], report["refused"]) == (9, 1)
    sync.assert_once([one for one in PHONES[:10] if one != PHONES[3]])


def test_the_policy_of_all_rows_is_refused_once(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "status", path="addPhones", times=None, status=400,
                        body={"type": "invalid.dialer_priority", "message": ""})  # fmt: skip
    with pytest.raises(AirflowFailException, match="All calls of this list have the same policy"):
        sync.attempt(policy={"priority": 5}, concurrency=1)
    assert sync.sends() == 1


@needs_record
def test_numbers_that_a_stopped_campaign_refused_can_go_to_another_one(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES[:10])
    sync.emulator.campaign(status="finished")
    with pytest.raises(AirflowFailException):
        sync.attempt(method="addPhone")
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, OTHER_TOKEN))
    sync.task.clear()
    assert sync.attempt(method="addPhone")["created"] == 10


def test_a_rate_is_kept_to_and_not_wasted(make_sync: Callable[..., Sync], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SendSettings, "FRESH", 1.0)  # 30 seconds, scaled down
    sync = make_sync(batch_size=100)
    sync.add([phone(number) for number in range(60)])
    assert sync.attempt(method="addPhone", requests_per_second=30)["seconds"] > 1.7
    moments = [line.at for line in sync.emulator.requests() if line.endpoint == "addPhone"]
    assert len(moments) == 60
    assert all(later - earlier > 0.9 for earlier, later in zip(moments, moments[30:], strict=False))


@needs_record
def test_no_write_of_the_state_forgets_a_send_before_what_became_of_it_is_written_down(
    make_sync: Callable[..., Sync], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many batches share a write, so one's write must not take along what another has not made durable yet."""
    sync = make_sync(batch_size=2, concurrency=4)
    sync.add(PHONES)
    write, save = Folder.write, StateStore.set
    noted: set[str] = set()
    done: set[str] = set()

    def slow_write(folder: Folder, name: str, content: bytes) -> None:
        if name.startswith("done/"):
            time.sleep(0.02)
        write(folder, name, content)
        if name.startswith("done/"):
            done.add(name.removeprefix("done/").partition(".")[0])

    def checked_save(store: StateStore, key: str, value: Any, **more: Any) -> None:
        durable = set(done)
        unsent = {name for name in noted - durable if not value["open"].get(name, {}).get("sends")}
        # What became durable while this write was put together may be left out of it.
        assert not unsent - done
        noted.update(value["open"])
        save(store, key, value, **more)

    monkeypatch.setattr(Folder, "write", slow_write)
    monkeypatch.setattr(StateStore, "set", checked_save)
    assert sync.attempt()["created"] == 25
    assert len(noted) == len(done) == 13
