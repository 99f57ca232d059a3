"""A list that has lost files while its task's entry is there: the task stops and says so, and sends nothing anew."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.store.done_batches import DoneBatches
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.sync_entry import SyncEntry
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import needs_record

PHONES = [phone(number) for number in range(45)]
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])
pytestmark = needs_record


def killed_with_a_batch_that_the_entry_does_not_name(sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """The third batch's outcomes are written, and the worker dies before the next write of the entry."""
    sync.add(PHONES)
    write = Folder.write

    def dying(folder: Folder, name: str, content: bytes) -> None:
        write(folder, name, content)
        if name.startswith("done/00003"):
            raise CrashError

    monkeypatch.setattr(Folder, "write", dying)
    with pytest.raises(CrashError):
        sync.attempt(method=method, concurrency=1, requests_per_second=10_000)  # a batch at a time
    monkeypatch.setattr(Folder, "write", write)


@METHODS
@pytest.mark.parametrize("hours", [0, 25])
@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("form", ["of now", "of before"])
def test_one_lost_file_stops_the_task_though_there_are_as_many_as_were_counted(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str, hours: int, lost: int, form: str
) -> None:
    killed_with_a_batch_that_the_entry_does_not_name(sync, monkeypatch, method)
    assert (sync.entry["done"], len(sync.files("done/*"))) == (2, 3)
    if form == "of before":
        entry = {name: value for name, value in sync.entry.items() if name != "done_batches"}
        sync.task.rows["aimylogic"] = json.dumps(entry)
    (file,) = sync.files(f"done/{lost:05}.*")
    content = file.read_bytes()
    file.unlink()
    sync.emulator.advance(hours=hours)
    sends = sync.sends()
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"some of its files are missing.*Put them back, and clear"):
            sync.attempt(method=method)
    assert sync.sends() == sends
    file.write_bytes(content)  # it comes back
    assert sync.attempt(method=method)["created"] == len(PHONES)
    sync.assert_once(PHONES)


@METHODS
@pytest.mark.parametrize("hours", [0, 25])
def test_a_lost_file_that_the_entry_does_not_name_yet_is_found_out_by_key_or_report(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str, hours: int
) -> None:
    killed_with_a_batch_that_the_entry_does_not_name(sync, monkeypatch, method)
    (file,) = sync.files("done/00003.*")
    file.unlink()
    sync.emulator.advance(hours=hours)
    assert sync.attempt(method=method)["created"] == len(PHONES)
    sync.assert_once(PHONES)


def half_sent(sync: Sync, method: str) -> None:
    """A try in which the fourth batch's requests went unanswered, and one of its numbers was refused before."""
    sync.add(PHONES)
    sync.emulator.settings(bad_numbers=[PHONES[31]])
    sync.emulator.fault("after_commit", "reset", path=method, phone=PHONES[35], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(method=method, concurrency=1, requests_per_second=10_000)  # a batch at a time
    assert len(sync.files("done/*")) == 4, "all but that one"
    assert sync.files("progress/*"), "the refused one"


@METHODS
@pytest.mark.parametrize("hours", [0, 25])
@pytest.mark.parametrize(
    "lost",
    [
        "done/*", "done/00002.*", "progress/*", "claimed/*", "batches/00004.jsonl", "batches/*", "list.json", "*",
        "**/*.json*",
    ],
)  # fmt: skip
def test_whatever_is_lost_nothing_is_sent_until_it_is_back(
    sync: Sync, tmp_path: Path, method: str, hours: int, lost: str
) -> None:
    half_sent(sync, method)
    copy = tmp_path / "copy"
    shutil.copytree(sync.folder, copy)
    for path in sync.files(lost):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    sync.emulator.advance(hours=hours)
    sends, folder = sync.sends(), sync.folder
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"[Nn]othing is sent|nothing of it is sent"):
            sync.attempt(method=method)
    assert sync.sends() == sends
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(copy, folder)
    assert sync.attempt(method=method)["created"] == len(PHONES) - 1
    sync.assert_once([one for one in PHONES if one != PHONES[31]])


@METHODS
@pytest.mark.parametrize("lost", ["unknown/*", "report-0.json"])
def test_what_is_told_to_people_alone_may_be_lost(sync: Sync, method: str, lost: str) -> None:
    sync.add(PHONES)
    sync.attempt(method=method)
    for file in sync.files(lost):
        file.unlink()
    sync.task.clear()
    sync.emulator.advance(hours=25)
    sends = sync.sends()
    assert sync.attempt(method=method)["created"] == len(PHONES)
    assert sync.sends() == sends


@METHODS
@pytest.mark.parametrize("hidden", ["done/", "claimed/", "progress/", "done/00002"])
def test_a_listing_that_shows_files_late_stops_the_task_and_no_more(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str, hidden: str
) -> None:
    half_sent(sync, method)
    sync.emulator.advance(hours=25)
    names = Folder.names
    sends = sync.sends()
    with monkeypatch.context() as patched:
        patched.setattr(Folder, "names", lambda folder: [one for one in names(folder) if not one.startswith(hidden)])
        if hidden == "progress/":  # which is read by its name
            sync.attempt(method=method)
        else:
            with pytest.raises(AirflowFailException, match="can't be seen yet"):
                sync.attempt(method=method)
            assert sync.sends() == sends
    assert sync.attempt(method=method)["created"] == len(PHONES) - 1
    sync.assert_once([one for one in PHONES if one != PHONES[31]])


def test_a_batch_that_is_left_is_looked_for_before_anything_is_sent(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "status", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    sync.files("batches/00005.jsonl")[0].unlink()
    sends = sync.sends()
    with pytest.raises(AirflowFailException, match=r"has no batches/00005\.jsonl"):
        sync.attempt()
    assert sync.sends() == sends


def test_the_entry_of_many_batches_stays_small(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(batch_size=1)
    sync.add([phone(number) for number in range(1200)])
    assert sync.attempt()["created"] == 1200
    assert len(sync.entry["done_batches"]) == 200
    assert len(sync.task.rows["aimylogic"]) < 1500


# The set itself


NAMES = [f"{number:05}" for number in range(1, 20)]


def test_each_batch_is_told_apart_in_the_set() -> None:
    for name in NAMES:
        done = DoneBatches(NAMES)
        done.add(name)
        again = DoneBatches(NAMES, done.text)
        assert again.missing_in([]) == [name]
        assert again.missing_in(NAMES) == []
        assert again.missing_in([other for other in NAMES if other != name]) == [name]
    assert DoneBatches(NAMES).missing_in([]) == []


@pytest.mark.parametrize("told", ["x", "AA==", "AAAAAA==", "AAAI", "AAA", "Я"])
def test_a_set_that_is_not_of_the_shard_is_told(told: str) -> None:
    with pytest.raises(CallListError, match="names batches that this shard of the list doesn't have"):
        DoneBatches(NAMES, told)


def test_an_entry_of_before_is_read() -> None:
    assert SyncEntry.of({"sure": True, "done": 3, "format": "call list 1"}).done_batches == ""
