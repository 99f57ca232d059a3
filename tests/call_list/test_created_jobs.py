"""Which call jobs a list's calls have, as its folder tells: of a whole list, of one under way, of one that is gone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from aimylogic_provider.call_list.report.created_jobs import created_jobs, unsettled_calls
from aimylogic_provider.call_list.store.manifest import CallListError, Pointer, sha256
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, needs_record

PHONES = [phone(number) for number in range(25)]


class Halves:
    """A list that one task freezes, and others send."""

    def __init__(self, sync: Sync, shards: int = 1, **arguments: Any) -> None:
        self.sync = sync
        self.run = sync.task.run
        self.call_list: dict[str, Any] = PrepareCallListOperator(
            task_id="prepare", sql="select id, phone, name from customer order by id", sql_conn_id="warehouse",
            call_list_path=str(sync.lists), batch_size=10, shards=shards, **arguments,
        ).execute(TaskInstance(task_id="prepare", run=self.run, current_try=1).context())  # fmt: skip
        self.pointer = Pointer.of(self.call_list)
        self.sending = [TaskInstance(task_id="send", run=self.run, map_index=shard) for shard in range(shards)]

    def send(self, shard: int = 0, **arguments: Any) -> dict[str, Any]:
        task = self.sending[shard]
        task.current_try += 1
        report: dict[str, Any] = SendCallListOperator(
            task_id="send", call_list=self.call_list, shard=shard, call_list_path=str(self.sync.lists), **arguments
        ).execute(task.context())
        return report


def phones_of(sync: Sync, ids: list[str]) -> list[str]:
    jobs = {job.id: job.phone for job in sync.emulator.jobs()}
    assert len(set(ids)) == len(ids)
    return [jobs[one] for one in ids]


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_the_jobs_of_a_synced_list_are_told_in_its_order(sync: Sync, method: str) -> None:
    sync.add([*PHONES, *PHONES[:3], "nonsense"])
    sync.emulator.settings(bad_numbers=PHONES[5:7])
    halves = Halves(sync, method=method)
    assert halves.send()["created"] == 23
    assert phones_of(sync, list(created_jobs(halves.pointer))) == [*PHONES[:5], *PHONES[7:]]
    assert unsettled_calls(halves.pointer) == 0


@needs_record
def test_adopted_jobs_are_told_too(sync: Sync) -> None:
    sync.add(PHONES)
    halves = Halves(sync)
    sync.emulator.fault("after_commit", "reset", path="addPhones", times=9)
    with pytest.raises(AirflowException):
        halves.send()
    assert (list(created_jobs(halves.pointer)), unsettled_calls(halves.pointer)) == ([], 25)
    sync.emulator.advance(hours=30)
    assert halves.send()["created"] == 25
    assert phones_of(sync, list(created_jobs(halves.pointer))) == PHONES
    sync.assert_once(PHONES)


def test_of_a_list_that_is_not_sent_there_are_none(sync: Sync) -> None:
    sync.add(PHONES)
    halves = Halves(sync)
    assert (list(created_jobs(halves.pointer)), unsettled_calls(halves.pointer)) == ([], 25)


def test_all_shards_tell_theirs(sync: Sync) -> None:
    sync.add(PHONES)
    halves = Halves(sync, shards=3)
    halves.send(0)
    assert unsettled_calls(halves.pointer) == 25 - len(sync.emulator.jobs()) > 0
    halves.send(2)
    halves.send(1)
    assert sorted(phones_of(sync, list(created_jobs(halves.pointer)))) == PHONES
    assert unsettled_calls(halves.pointer) == 0


def test_of_a_batch_under_way_those_are_told_that_are_written_down(sync: Sync) -> None:
    sync.add(PHONES)
    halves = Halves(sync, method="addPhone")
    sync.emulator.fault("before_commit", "status", path="addPhone", phone=PHONES[13], times=None, status=503)
    with pytest.raises(AirflowException):
        halves.send()
    found = phones_of(sync, list(created_jobs(halves.pointer)))
    assert set(PHONES[:10]) <= set(found) <= {job.phone for job in sync.emulator.jobs()}
    assert unsettled_calls(halves.pointer) == 25 - len(found) > 0


def test_one_batch_is_read_at_a_time(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    halves = Halves(sync)
    halves.send()
    read = Folder.read
    seen: list[str] = []
    monkeypatch.setattr(Folder, "read", lambda folder, name: seen.append(name) or read(folder, name))  # type: ignore[func-returns-value]
    ids = created_jobs(halves.pointer)
    taken = [next(ids) for _ in range(10)]
    assert [name for name in seen if name.startswith("done/")] == seen[-1:]
    assert len([*taken, *ids]) == 25
    assert len([name for name in seen if name.startswith("done/")]) == 3


def test_a_deleted_list_tells_what_to_do(sync: Sync) -> None:
    sync.add(PHONES)
    halves = Halves(sync)
    halves.send(keep_call_list=timedelta(0))
    for ask in (created_jobs, unsettled_calls):
        with pytest.raises(CallListError, match=r"was deleted, but for its counts: .*keep_call_list"):
            ask(halves.pointer)


def test_a_list_that_is_deleted_while_it_is_read_is_no_short_list(sync: Sync) -> None:
    sync.add(PHONES)
    halves = Halves(sync)
    halves.send()
    ids = created_jobs(halves.pointer)
    next(ids)
    assert halves.send(keep_call_list=timedelta(0))["created"] == 25
    with pytest.raises(CallListError, match="was deleted, but for its counts"):
        list(ids)


def test_a_list_that_is_gone_or_changed_is_an_error(sync: Sync) -> None:
    sync.add(PHONES)
    halves = Halves(sync)
    halves.send()
    folder = Path(halves.pointer.path.removeprefix("file://"))
    (done, *_) = sorted(folder.glob("done/*"))
    content = done.read_bytes()
    done.write_bytes(content.replace(b'"job"', b'"jog"'))
    with pytest.raises(CallListError, match="can't be read"):
        list(created_jobs(halves.pointer))
    done.write_bytes(content)
    with pytest.raises(CallListError, match="is not what was frozen"):
        created_jobs(Pointer.of({**halves.call_list, "sha256": sha256(b"another")}))
    (folder / "list.json").unlink()
    with pytest.raises(CallListError, match=r"has no list\.json"):
        unsettled_calls(halves.pointer)
