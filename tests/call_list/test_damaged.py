"""Files of a list that were damaged: an error names them, and nothing is taken as said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from airflow.providers.common.compat.sdk import AirflowException

from aimylogic_provider.call_list.runs.lists_of_run import own_begun
from aimylogic_provider.call_list.runs.task_folder import TaskFolder
from aimylogic_provider.call_list.store.manifest import Batch, CallListError, Manifest, Pointer, sha256
from aimylogic_provider.call_list.store.stored_list import CallList
from tests.call_list.sync import Sync, phone
from tests.conftest import needs_record

PHONES = [phone(number) for number in range(25)]


def opened(sync: Sync) -> CallList:
    content = (sync.folder / "list.json").read_bytes()
    return CallList.open(Pointer(f"file://{sync.folder}", sha256(content), 25, 25, 0, 0))


def damage(file: Path, content: bytes) -> str:
    file.write_bytes(content)
    return file.name


def test_a_list_of_another_format_is_left_to_the_version_that_froze_it(tmp_path: Path) -> None:
    content = b'{"format": 2, "calls": {"number": 25}}'
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(CallListError, match="finish the list with the version that froze it"):
        CallList.open(Pointer(f"file://{tmp_path}", sha256(content), 25, 25, 0, 0))


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"{}", b"\xff", b"[" * 100_000], ids=lambda one: str(one[:9]))
@pytest.mark.parametrize("pattern", ["claimed/*", "deleted.json", "report-0.json", "done/*"])
def test_a_file_that_is_no_more_what_it_was_is_named(sync: Sync, pattern: str, content: bytes) -> None:
    sync.add(PHONES)
    sync.attempt()
    found = opened(sync)
    file = sync.folder / pattern if "*" not in pattern else sync.files(pattern)[0]
    if content == b"{}" and pattern == "report-0.json":
        pytest.skip("any object is a report")
    name = damage(file, content)
    reading: dict[str, Callable[[], object]] = {
        "claimed/*": found.claims,
        "deleted.json": lambda: CallList.tombstone(found.pointer),
        "report-0.json": found.delete,
        "done/*": lambda: found.outcomes(found.manifest.batches[0]),
    }
    with pytest.raises(CallListError, match=rf"{name} can't be read .* nothing is sent") as told:
        reading[pattern]()
    assert len(str(told.value)) < 1000


@pytest.mark.parametrize("name", ["list.json", "claimed/*", "deleted.json"])
def test_a_list_that_may_have_been_begun_and_can_not_be_read_is_named(sync: Sync, name: str) -> None:
    """The task's state is lost, so that the folder alone tells of it."""
    sync.add(PHONES)
    sync.attempt()
    file = sync.files(name)[0] if "*" in name else sync.folder / name
    damage(file, b"{")
    task = TaskFolder(str(sync.lists), sync.task.dag_id, "sync", sync.task.run_id)
    with pytest.raises(CallListError, match=rf"{file.name} can't be read"):
        own_begun(task.begun_lists(None), task)


def test_results_cut_at_the_end_of_a_line_are_not_all(sync: Sync) -> None:
    sync.add(PHONES)
    sync.attempt()
    found, file = opened(sync), sync.files("done/*")[0]
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(CallListError, match=rf"{file.name} can't be read \(it tells of 9 calls"):
        found.outcomes(found.manifest.batches[0])


@needs_record
@pytest.mark.parametrize("how", ["cut", "doubled", "of another batch", "without a job"])
def test_progress_that_is_not_whole_leaves_nobody_to_be_called_again(sync: Sync, how: str) -> None:
    """What it lacks would be taken for not settled, and sent once more."""
    sync.add(PHONES[:10])
    sync.emulator.fault("before_commit", "reset", path="addPhone", phone=PHONES[5], times=9)
    with pytest.raises(AirflowException):
        sync.attempt(method="addPhone", concurrency=1)
    name = sync.entry["open"]["00001"]["progress"]
    file = sync.folder / "progress" / name
    lines = file.read_bytes().splitlines(keepends=True)
    assert len(lines) > 1
    damaged = {
        "cut": lines[:-1],
        "doubled": [*lines[:-1], lines[0]],
        "of another batch": [*lines[:-1], b'{"row": 99, "outcome": "created", "job": "1"}\n'],
        "without a job": [*lines[:-1], b'{"row": 1, "outcome": "created"}\n'],
    }
    file.write_bytes(b"".join(damaged[how]))
    sync.emulator.clear_faults()
    before = sync.sends()
    with pytest.raises(AirflowException, match=f"{name} can't be read"):
        sync.attempt(method="addPhone", concurrency=1)
    assert sync.sends() == before


WHOLE = Manifest(
    format=1, id="a", made_at="2026-01-01T00:00:00+00:00", task="t", task_folder="file:///t", method="addPhones",
    rows=2, calls=2, doubles=0, rejected=0, shards=1, policy_by_row=False, batches=(Batch("00001", 2, 0, 0, "a"),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"calls": 3}, "as many calls"), ({"shards": 0}, ">= 1"), ({"rows": -1}, ">= 0"),
        ({"rows": 2**70}, "9007199254740992"),
        ({"made_at": "today"}, "isoformat"), ({"made_at": "2026-01-01"}, "no time zone"),
        ({"batches": [{"name": "00001", "calls": 2, "turn": 0, "shard": 1, "sha256": "a"}]}, "doesn't have"),
        ({"batches": [{"name": "00001", "calls": 1, "turn": 0, "shard": 0, "sha256": "a"}] * 2}, "one name"),
    ],
    ids=str,
)  # fmt: skip
def test_a_list_that_contradicts_itself_is_not_sent(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    """A batch of a shard that no task sends would be missed."""
    content = msgspec.json.encode(msgspec.to_builtins(WHOLE) | change)
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(CallListError, match=rf"list\.json can't be read .*{why}"):
        CallList.open(Pointer(f"file://{tmp_path}", sha256(content), 2, 2, 0, 0))


POINTER = {"path": "/lists", "sha256": "a", "rows": 1, "calls": 1, "doubles": 0, "rejected": 0}


@pytest.mark.parametrize(
    "change",
    [{"path": "/a\0"}, {"path": "/a\ud800"}, {"path": ""}, {"rows": -1}, {"shards": 0}, {"\ud800": 1}],
    ids=str,
)
def test_what_points_nowhere_is_no_call_list(change: dict[str, Any]) -> None:
    with pytest.raises(CallListError, match="this isn't a call list"):
        Pointer.of({**POINTER, **change})


def test_an_address_that_no_store_has_is_told() -> None:
    with pytest.raises(CallListError, match="can't be reached") as told:
        CallList.open(Pointer.of({**POINTER, "path": "no-such-store://lists"}))
    assert CallList.tombstone(Pointer.of({**POINTER, "path": "no-such-store://lists"})) is None
    assert not told.value.retryable
