"""Folders of write-once objects: alike on a local disk and on a store, and the owner's alone."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import example, given
from hypothesis import strategies as st

from aimylogic_provider.call_list.store.objects import Folder, folder_name


@pytest.fixture(params=["a local disk", "a store"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    if request.param == "a local disk":
        yield Folder(str(tmp_path / "lists"))
        return
    store = MemoryFileSystem()
    attach("memory", fs=store)
    name = f"/lists-{uuid4()}"
    yield Folder(f"memory:/{name}")
    if store.exists(name):  # it is one for all of this process
        store.rm(name, recursive=True)


def test_an_object_is_read_as_it_was_written(folder: Folder) -> None:
    for content in (b"", b"one\n", bytes(range(256)) * 1000):
        name = f"batches/{len(content)}.jsonl"
        folder.write(name, content)
        assert folder.read(name) == content


def test_an_object_that_is_not_there_is_not_found(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        folder.read("list.json")
    folder.write("list.json", b"{}")
    with pytest.raises(FileNotFoundError):
        folder.read("batches/00001.jsonl")


def test_names_are_those_of_all_objects_at_any_depth_sorted(folder: Folder) -> None:
    names = ["list.json", "done/00002.created-1.refused-0.ab.jsonl", "done/00001.jsonl", "a/b/c/d.json"]
    for name in names:
        folder.write(name, b"x")
    assert folder.names() == sorted(names)


def test_a_folder_that_is_not_there_has_no_names(folder: Folder) -> None:
    assert folder.names() == []


def test_names_are_told_of_another_readers_objects_too(folder: Folder) -> None:
    other = Folder(folder.address)
    folder.write("one", b"")
    assert folder.names() == ["one"]
    other.write("two", b"")
    assert folder.names() == ["one", "two"]


class RememberingStore(MemoryFileSystem):
    """One that remembers what it listed until it is told to forget that, as those of S3 and others do."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.remembered: dict[str, list[str]] = {}

    def find(self, path: str, *arguments: Any, **more: Any) -> list[str]:
        if path not in self.remembered:
            self.remembered[path] = super().find(path, *arguments, **more)
        return self.remembered[path]

    def invalidate_cache(self, path: str | None = None) -> None:
        self.remembered.clear()


def test_names_are_what_another_worker_has_written_by_now() -> None:
    """What it wrote in this run may say that a batch is done."""
    attach("memory", conn_id="remembering", fs=RememberingStore(skip_instance_cache=True))
    name = f"lists-{uuid4()}"
    folder = Folder(f"memory://remembering@{name}")
    folder.write("one", b"")
    assert folder.names() == ["one"]
    MemoryFileSystem(skip_instance_cache=True).pipe_file(f"/{name}/two", b"")
    assert folder.names() == ["one", "two"]


def test_a_folder_beneath_has_names_of_its_own(folder: Folder) -> None:
    beneath = folder / "dag" / "task"
    beneath.write("run/list.json", b"{}")
    (folder / "dag" / "task2").write("list.json", b"")
    assert beneath.names() == ["run/list.json"]
    assert (folder / "dag").names() == ["task/run/list.json", "task2/list.json"]
    assert beneath.address == f"{folder.address}/dag/task"


def test_what_is_deleted_is_gone_and_the_rest_is_not(folder: Folder) -> None:
    for name in ("list.json", "done/1", "done/2"):
        folder.write(name, name.encode())
    folder.delete("done/1")
    folder.delete("list.json")
    assert folder.names() == ["done/2"]
    assert folder.read("done/2") == b"done/2"


def test_what_is_gone_already_is_deleted_without_a_word(folder: Folder) -> None:
    folder.delete("never")
    folder.write("one", b"")
    for name in ("never", "deep/never", "one", "one"):
        folder.delete(name)
    assert folder.names() == []


def test_all_is_deleted_but_one_and_one_of_them_last(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who breaks off in the midst of it leaves what names the rest."""
    deleted: list[str] = []
    delete = Folder.delete

    def watched(place: Folder, name: str) -> None:
        deleted.append(name)
        delete(place, name)

    monkeypatch.setattr(Folder, "delete", watched)
    for name in ("list.json", "done/1", "unknown/1", "deleted.json"):
        folder.write(name, b"")
    folder.delete_all_but("deleted.json", last="list.json")
    assert folder.names() == ["deleted.json"]
    assert sorted(deleted) == ["done/1", "list.json", "unknown/1"]
    assert deleted[-1] == "list.json"
    folder.delete_all_but(None, last="list.json")
    assert folder.names() == []


def test_an_object_may_be_written_again_with_the_same_name(folder: Folder) -> None:
    """An entry that lies in a file is written over."""
    folder.write("entry.json", b"a longer one")
    folder.write("entry.json", b"two")
    assert folder.read("entry.json") == b"two"
    assert folder.names() == ["entry.json"]


def test_a_name_that_a_url_would_read_otherwise_is_taken_as_it_is(folder: Folder) -> None:
    run = folder / folder_name("manual__2026-01-01T00:00:00+00:00?a#b/100%")
    run.write("list.json", b"{}")
    assert run.read("list.json") == b"{}"
    (name,) = folder.names()
    assert name == "manual__2026-01-01T00:00:00+00:00%3Fa%23b%2F100%25/list.json"


# On a local disk


def test_a_plain_path_is_one_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Folder("lists/").address == Folder(str(tmp_path / "lists")).address == f"file://{tmp_path}/lists"
    assert Folder("memory://lists/").address == "memory://lists"


def test_folders_and_files_are_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Folder(str(tmp_path / "new" / "lists")).write("done/1", b"x")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"new": 0o700, "lists": 0o700, "done": 0o700, "1": 0o600}


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_write_that_is_interrupted_leaves_no_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    folder = Folder(str(tmp_path / "lists"))
    folder.write("entry.json", b"one")

    def interrupted(*arguments: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, broken, interrupted)
        for name in ("done/1", "entry.json"):
            with pytest.raises(OSError, match="No space left"):
                folder.write(name, b"two")
    assert folder.names() == ["entry.json"]
    assert folder.read("entry.json") == b"one"
    with pytest.raises(FileNotFoundError):
        folder.read("done/1")


def test_an_object_that_is_being_written_does_not_show_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(str(tmp_path))
    shown: list[list[str]] = []
    replace = os.replace

    def watched(draft: Path, target: Path) -> None:
        assert draft.read_bytes() == b"whole", "it is all there before it gets its name"
        shown.append(folder.names())
        replace(draft, target)

    monkeypatch.setattr(os, "replace", watched)
    folder.write("list.json", b"whole")
    assert shown == [[]]


def test_folders_that_are_left_empty_go_too_and_so_do_drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft that was never finished holds phones as well."""
    folder = Folder(str(tmp_path / "lists" / "one"))
    for name in ("done/1", "batches/1", "list.json"):
        folder.write(name, b"")

    def interrupted(*arguments: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", interrupted)
        with pytest.raises(OSError, match="No space left"):
            folder.write("batches/2", b"+79123456789")
    folder.delete_all_but("list.json", last="list.json")
    assert [path.name for path in (tmp_path / "lists" / "one").iterdir()] == ["list.json"]
    folder.delete_all_but(None, last="list.json")
    assert list((tmp_path / "lists").iterdir()) == []


def test_names_that_can_not_all_be_listed_are_none_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not listed would be taken for absent, and a batch that is done for one to be sent."""
    folder = Folder(str(tmp_path))
    folder.write("done/1", b"")
    scandir = os.scandir

    def broken(path: str) -> object:
        if str(path).endswith("done"):
            raise OSError(errno.EIO, "Input/output error")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", broken)
    with pytest.raises(OSError, match="Input/output error"):
        folder.names()


# Names of folders


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("./\\%~"), max_size=20))
@example("")
@example(".")
@example("..")
@example("...")
@example("../../etc")
@example("a/../b")
@example("..\\..")
@example("%2E%2E")
@example("\x00")
def test_a_folders_name_stays_one_folder(text: str) -> None:
    name = folder_name(text)
    assert name not in ("", ".", "..")
    assert not set(name) & set("/\\\x00?#")
    assert os.path.normpath(f"/lists/{name}/list.json") == f"/lists/{name}/list.json"


NAMES = st.text("./%2EF0 aA", max_size=6)


@given(NAMES, NAMES)
@example("", "%00")
@example(".", "%2E")
@example("..", ".%2E")
def test_different_texts_have_different_folders(one: str, other: str) -> None:
    assert (folder_name(one) == folder_name(other)) == (one == other)


@pytest.mark.parametrize("text", ["winter_sale", "task-1.group", "scheduled__2026-01-01T00:00:00+00:00", "a b~c@d=e,f"])
def test_usual_names_are_left_as_they_are(text: str) -> None:
    assert folder_name(text) == text
