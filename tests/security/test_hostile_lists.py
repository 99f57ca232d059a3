"""Call lists that nobody froze: edited ones, another's, and those that whoever fills in a form points to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from aimylogic_provider.call_list.store.manifest import CallListError, Pointer, sha256
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance

PHONES = [phone(number) for number in range(25)]
List = dict[str, Any]


@pytest.fixture
def sync(make_sync: Callable[..., Sync]) -> Sync:
    made = make_sync()
    made.add([*PHONES, "none", PHONES[0]])
    return made


@pytest.fixture
def call_list(sync: Sync) -> List:
    return prepared(sync, TaskInstance(task_id="prepare", run=sync.task.run, current_try=1))


def prepared(sync: Sync, task: TaskInstance) -> List:
    context: Any = task.context()
    made: List = PrepareCallListOperator(
        task_id="prepare", sql="select id, phone, name from customer order by id", sql_conn_id="warehouse",
        call_list_path=str(sync.lists), batch_size=10, key_columns=["id"],
    ).execute(context)  # fmt: skip
    return made


def send(sync: Sync, call_list: Any, **arguments: Any) -> List:
    context: Any = TaskInstance(task_id="send", run=sync.task.run, current_try=1).context()
    return SendCallListOperator(task_id="send", call_list=call_list, **arguments).execute(context)


def folder_of(call_list: List) -> Path:
    return Path(call_list["path"].removeprefix("file://"))


def forged(call_list: List, change: Callable[[dict[str, Any]], object]) -> List:
    """The list with another ``list.json``, and a pointer to that, digest and all."""
    file = folder_of(call_list) / "list.json"
    content = json.loads(file.read_bytes())
    change(content)
    file.write_text(json.dumps(content))
    return {**call_list, "sha256": sha256(file.read_bytes())}


def first_batch(**fields: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["batches"][0].update(fields)


FORGED: dict[str, Callable[[dict[str, Any]], object]] = {
    "a batch elsewhere": first_batch(name="../../../../../etc/passwd"),
    "a batch at the root": first_batch(name="/etc/passwd"),
    "a batch of no name": first_batch(name=""),
    "a batch by a pattern": first_batch(name="00001.x"),
    "a batch twice": lambda content: content["batches"].append(content["batches"][0]),
    "a batch of no shard": first_batch(shard=1),
    "a batch of a shard before the first": first_batch(shard=-1),
    "a batch of fewer calls": first_batch(calls=9),
    "a batch of none": first_batch(calls=0),
    "a batch of many": first_batch(calls=10**9),
    "no batches": lambda content: content.update(batches=[]),
    "other counts": lambda content: content.update(calls=7),
    "other rejected ones": lambda content: content.update(rejected=0),
    "more shards": lambda content: content.update(shards=4),
    "rejected rows elsewhere": lambda content: content["parts"].update({"rejected/../../x.jsonl": "0" * 64}),
    "parts of another kind": lambda content: content["parts"].update({"list.json": "0" * 64}),
    "another task's folder": lambda content: content.update(task_folder=content["task_folder"] + "/../elsewhere"),
    "all folders": lambda content: content.update(task_folder="file:///srv"),
    "a folder whose name begins alike": lambda content: content.update(task_folder=content["task_folder"][:-1]),
    "another format": lambda content: content.update(format=99),
    "another method": lambda content: content.update(method="addEverybody"),
    "text for a number": lambda content: content.update(calls="25"),
    "a list for a name": first_batch(name=["00001"]),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED.keys())
def test_a_list_that_nobody_froze_is_neither_sent_nor_deleted(
    sync: Sync, call_list: List, change: Callable[[dict[str, Any]], object]
) -> None:
    """Its digest is right: whoever made it gave that too."""
    given = forged(call_list, change)
    before = sorted(folder_of(call_list).rglob("*"))
    with pytest.raises(AirflowFailException):
        send(sync, given)
    with pytest.raises(CallListError):
        CallList.discard(Pointer.of(given), "for a person said no to it")
    assert sync.emulator.jobs() == []
    assert sorted(folder_of(call_list).rglob("*")) == before


def test_the_forger_of_these_tests_forges_well(sync: Sync, call_list: List) -> None:
    """Or they would fail for another reason."""
    assert send(sync, forged(call_list, lambda content: None))["created"] == 25


@pytest.mark.parametrize("field", ["rows", "calls", "doubles", "rejected", "shards"])
def test_a_pointer_with_other_counts_is_refused(sync: Sync, call_list: List, field: str) -> None:
    """They bound how many may be set aside, and are what a person is told."""
    with pytest.raises(AirflowFailException):
        send(sync, {**call_list, field: call_list[field] + 1}, shard=0)
    assert sync.emulator.jobs() == []


def test_a_list_elsewhere_is_refused_where_it_is_said_where_lists_lie(
    sync: Sync, call_list: List, tmp_path: Path
) -> None:
    """As one of somebody's own, to which a form's field points."""
    theirs = tmp_path / "theirs" / folder_of(call_list).relative_to(sync.lists)
    shutil.copytree(folder_of(call_list), theirs)
    address = f"file://{theirs}"
    moved = {**call_list, "path": address}
    moved = forged(moved, lambda content: content.update(task_folder=f"file://{theirs.parent.parent}"))
    for path in (address, f"file://{sync.lists}/../theirs/{theirs.relative_to(tmp_path / 'theirs')}"):
        with pytest.raises(AirflowFailException, match="nothing of it is sent"):
            send(sync, {**moved, "path": path}, call_list_path=str(sync.lists))
    with pytest.raises(AirflowFailException, match="nothing of it is sent"):
        send(sync, {**moved, "path": f"file://{sync.lists}-of-others/x"}, call_list_path=str(sync.lists))
    assert sync.emulator.jobs() == []
    assert send(sync, call_list, call_list_path=str(sync.lists))["created"] == 25


def test_another_runs_list_in_this_ones_place_is_refused(sync: Sync, call_list: List) -> None:
    sync.execute("update customer set name = 'Somebody else'")
    other = prepared(sync, TaskInstance(task_id="prepare", run_id="another", run=sync.task.run, current_try=1))
    shutil.rmtree(folder_of(call_list))
    shutil.copytree(folder_of(other), folder_of(call_list))
    with pytest.raises(AirflowFailException, match="not what was frozen"):
        send(sync, call_list)
    assert sync.emulator.jobs() == []


@pytest.mark.parametrize(
    "content",
    [None, [], "", "{{ x }}", {}, {"path": "/etc"}, {"path": 1, "sha256": "x"}, "[" * 100_000, "(" * 100_000,
     "9" * 5000, "__import__('os').system('false')", {"path": "/etc", "sha256": None, "rows": "1"}],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_pointer_is_told_so(sync: Sync, content: Any) -> None:
    with pytest.raises(AirflowFailException, match="this isn't a call list"):
        send(sync, content)


@pytest.mark.parametrize(
    "line", [b"\xff" * 100, b"[" * 100_000, b"{}", b'{"row": 1, "call": {"phone": "1"}}' * 2], ids=range(4)
)
@pytest.mark.parametrize("again", [True, False], ids=["with its digest", "without"])
def test_a_batch_that_is_none_sends_nothing(sync: Sync, call_list: List, line: bytes, again: bool) -> None:
    file = folder_of(call_list) / "batches" / "00001.jsonl"
    file.write_bytes(line)
    if again:
        call_list = forged(call_list, first_batch(sha256=sha256(line)))
    with pytest.raises(AirflowFailException, match=r"(?i)nothing (of it is sent|is sent by it)"):
        send(sync, call_list, concurrency=1)
    assert not {job.phone for job in sync.emulator.jobs()} & {*PHONES[:10], "1"}


def test_a_batch_that_is_a_link_elsewhere_sends_nothing_of_it(sync: Sync, call_list: List, tmp_path: Path) -> None:
    file = folder_of(call_list) / "batches" / "00001.jsonl"
    other = tmp_path / "other"
    other.write_bytes(file.read_bytes().replace(PHONES[0].encode(), PHONES[24].encode()))
    file.unlink()
    file.symlink_to(other)
    with pytest.raises(AirflowFailException, match="is not what was frozen"):
        send(sync, call_list, concurrency=1)
    assert PHONES[0] not in {job.phone for job in sync.emulator.jobs()}
