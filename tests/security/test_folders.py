"""Ids never lead out of the call lists' folder, nor two of them into one; files with phones are the owner's alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest

from aimylogic_provider.call_list.runs.task_folder import TaskFolder
from aimylogic_provider.call_list.store.objects import Folder, folder_name
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.private_file import write_private
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, needs_record

LONG = "обзвон_клиентов_" * 15
IDS = [
    "a", "A", "a/b", "a\\b", "a//b", "/a", "a/", "../a", "..", ".", "...", "%2e%2e", "..%2fa", "a%2Fb", "a%252Fb", "~",
    "~root", "$HOME", "${HOME}", "a b", " a", "a\n", "a\t", "a?b", "a#b", "a:b", "C:\\a", "\\\\host\\a", "s3://b/a",
    "file:///etc", "a*", "[a]", "{a}", "é", "e\u0301", "\u202ea", "обзвон", LONG, LONG + "x", LONG[:-1], "x" * 250,
    "x" * 254, "x" * 255, "x" * 256, "x" * 300, "0", "-1", "con", ".hidden", "a.12345678", "batches", "list.json",
]  # fmt: skip


def test_each_id_has_one_folder_of_its_own_on_a_disk(tmp_path: Path) -> None:
    for one in IDS:
        TaskFolder(str(tmp_path / "lists"), one, "task", "run").folder.write("list.json", one.encode())
        TaskFolder(str(tmp_path / "lists"), "dag", one, "run").folder.write("list.json", one.encode())
        TaskFolder(str(tmp_path / "lists"), "dag", "task", one).folder.write("list.json", one.encode())
    for one in IDS:
        for ids in ((one, "task", "run"), ("dag", one, "run"), ("dag", "task", one)):
            assert TaskFolder(str(tmp_path / "lists"), *ids).folder.read("list.json") == one.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["lists"]
    depths = {len(Path(name).parts) for name in Folder(str(tmp_path / "lists")).names()}
    assert depths == {4}


def test_no_two_ids_have_one_folder() -> None:
    names = {one: folder_name(one) for one in IDS}
    assert [(one, other) for one, other in combinations(IDS, 2) if names[one] == names[other]] == []
    assert all(len(name.encode()) <= 255 for name in names.values())
    # Nor does an id that was made to look like a shortened one.
    assert folder_name(names[LONG]) != names[LONG]


@needs_record
@pytest.mark.parametrize("dag_id", [LONG[:240], "../../../elsewhere", "x" * 250])
def test_a_sync_of_whatever_name_lies_beneath_its_path(dag_id: str, make_sync: Callable[..., Sync]) -> None:
    sync = make_sync()
    sync.task.dag_id = dag_id
    sync.add([phone(number) for number in range(3)])
    sync.attempt()
    assert sync.lists in sync.folder.resolve().parents
    sync.task.clear()
    sync.attempt()
    sync.assert_once([phone(number) for number in range(3)])


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def loose(folder: Path) -> list[str]:
    """What others could read."""
    return [str(path) for path in folder.rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o077]


@pytest.mark.usefixtures("umask")
def test_what_holds_phones_is_the_owners_whatever_the_umask(make_sync: Callable[..., Sync], tmp_path: Path) -> None:
    sync = make_sync()
    sync.add([phone(1), "none", phone(1), phone(2)])
    sync.emulator.fault("before_commit", "reset", times=1)
    sync.attempt()
    assert len([path for path in sync.lists.rglob("*") if path.is_file()]) >= 6
    assert loose(sync.lists) == []
    os.chmod(sync.lists, 0o777)
    sync.task = TaskInstance(task_id="sync", run_id="another")
    sync.attempt()
    assert loose(sync.lists) == [], "a folder that is everybody's does not make what is in it so"


@pytest.mark.usefixtures("umask")
def test_what_the_emulator_saves_is_the_owners(emulator: Emulator, tmp_path: Path) -> None:
    emulator.save(tmp_path / "state")
    emulator.save(tmp_path / "state")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    assert loose(tmp_path) == []


def test_a_link_that_somebody_planted_is_not_followed(tmp_path: Path) -> None:
    """In a folder that others may write in: under the name of the draft, or of the file."""
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"")
    theirs.chmod(0o666)
    shared = tmp_path / "shared"
    shared.mkdir()
    for name in ("state", f"state.{os.getpid()}", f".state.{os.getpid()}"):
        (shared / name).symlink_to(theirs)
    write_private(shared / "state", b"+79123456789")
    folder = Folder(str(shared))
    (shared / "list.json").symlink_to(theirs)
    folder.write("list.json", b"+79123456789")
    assert theirs.read_bytes() == b""
    assert not (shared / "state").is_symlink()
    assert not (shared / "list.json").is_symlink()
    assert stat.S_IMODE((shared / "state").stat().st_mode) == 0o600


def test_what_fails_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "state", b"+79123456789")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_only_what_is_of_a_list_is_deleted(tmp_path: Path) -> None:
    """A folder may be named by whoever fills in a form."""
    ours = ["list.json", "rejected.csv", "report-0.json", "batches/00001.jsonl", "claimed/0.12345678.json"]
    others = ["passwords.txt", ".ssh", "data/list.json", "batches/more/00001.jsonl", "report-x.json", ".hidden.conf"]
    for name in (*ours, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("x")
    Folder(str(tmp_path)).delete_all_but(None, last="list.json")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(others)
