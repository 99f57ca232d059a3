"""Harness of a frozen list's files, on a disk. An input has a line that names the file, and the file.

``pointer`` names no file, but the pointer to the list.
"""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec

from aimylogic_provider.call_list.runs.lists_of_run import own_begun
from aimylogic_provider.call_list.runs.task_folder import TaskFolder
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.store.list_reader import told_of
from aimylogic_provider.call_list.store.manifest import FORMAT, Batch, CallListError, Manifest, Pointer, sha256
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.open_batch import OpenBatch
from aimylogic_provider.call_list.store.rows_beside import rows_beside
from aimylogic_provider.call_list.store.stored_call import CallLine
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list.tables.row_results import RowResults
from tests.fuzz.parsers.harness import CORPUS, Harness, NotAnInput, check_told, json_value

__all__ = ["HARNESS"]

DONE = "done/00001.created-1.refused-1.0a1b2c3d.jsonl"
PROGRESS = "progress/00001.0000001.0a1b2c3d.jsonl"
FILES = (
    "list.json", "batches/00001.jsonl", "rejected/00001.jsonl", "doubles/00001.jsonl", "claimed/0.0a1b2c3d.json", DONE,
    PROGRESS, "report-0.json", "deleted.json",
)  # fmt: skip
TASK = TaskFolder("", "winter_sale", "sync", "scheduled")
LIST_ID = "0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f"


def _file(name: str) -> bytes:
    """The file as it is kept among the seeds, which is whole."""
    return (CORPUS / "call_lists" / name.replace("/", "_")).read_bytes().split(b"\n", 1)[1]


class _Disk:
    """The folder of one list."""

    def __init__(self) -> None:
        base = self.base = Path(mkdtemp(prefix="aimylogic-fuzz-"))
        atexit.register(shutil.rmtree, base, ignore_errors=True)
        self.task = TaskFolder(str(base), TASK.dag_id, TASK.task_id, TASK.run_id)
        self.folder = Path(self.task.folder.address.removeprefix("file://")) / LIST_ID
        self.laid: dict[str, bytes] = {}
        for name in FILES:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)

    def lay(self, changed: str, content: bytes) -> Pointer:
        """Lay a list whose digests are right, and that lies where it says, with one file as it is given."""
        files = {name: content if name == changed else _WHOLE[name] for name in FILES}
        files["list.json"] = files["list.json"].replace(b"file:///lists", f"file://{self.base}".encode())
        if changed != "list.json":
            manifest: dict[str, Any] = msgspec.json.decode(files["list.json"])
            manifest["batches"][0]["sha256"] = sha256(files["batches/00001.jsonl"])
            manifest["parts"] = {name: sha256(files[name]) for name in manifest["parts"]}
            files["list.json"] = msgspec.json.encode(manifest)
        pointer = Pointer(f"file://{self.folder}", sha256(files["list.json"]), 4, 2, 1, 1)
        if changed == "deleted.json":
            files["deleted.json"] = content.replace(b"SHA256", pointer.sha256.encode())
        if changed != "deleted.json" and self.laid.pop("deleted.json", None) is not None:
            (self.folder / "deleted.json").unlink()
        for name in FILES:
            if self.laid.get(name) != files[name] and (name != "deleted.json" or changed == name):
                (self.folder / name).write_bytes(files[name])
                self.laid[name] = files[name]
        return pointer


_WHOLE: dict[str, bytes] = {}
_DISK: list[_Disk] = []


def _check(content: bytes) -> None:
    if not _DISK:
        _WHOLE.update((name, _file(name)) for name in FILES)
        _DISK.append(_Disk())
    head, _, rest = content.partition(b"\n")
    name = head.decode("latin-1")
    if name == "pointer":
        _check_pointer(rest)
    elif name in FILES:
        _check_file(_DISK[0], name, rest)
    else:
        raise NotAnInput


def _check_pointer(content: bytes) -> None:
    value = json_value(content, plain=True)
    try:
        pointer = Pointer.of(value)
    except CallListError as error:
        check_told(error)
        return
    assert Pointer.of(pointer.as_json()) == pointer
    if "://" not in pointer.path:  # no other place is looked into than this disk
        asked(Folder(pointer.path).address, lambda: CallList.open(pointer))


def asked(told: str, ask: Callable[[], Any]) -> Any:
    """What was asked for, or None where it was refused, with an error that names the place."""
    try:
        return ask()
    except CallListError as error:
        check_told(error)
        assert told in str(error), f"it doesn't name {told}"
        return None


def _check_file(disk: _Disk, name: str, content: bytes) -> None:
    pointer = disk.lay(name, content)
    place = disk.folder.name
    asked(place, lambda: own_begun(disk.task.begun_lists(None), disk.task))
    if name == "deleted.json":
        tombstone = asked(name, lambda: CallList.tombstone(pointer))
        if tombstone is not None:
            assert tombstone.sha256 == pointer.sha256
            report = asked(place, lambda: told_of(tombstone, 0, pointer.path, disk.task.words))
            assert report is None or isinstance(report, dict)
        return
    found = asked(place, lambda: CallList.open(pointer))
    if name == "list.json":
        # A list with other digests than the pointer's is never opened.
        other = Pointer(pointer.path, "0" * 64, 4, 2, 1, 1)
        assert asked("list.json", lambda: CallList.open(other)) is None
    if found is None:
        assert name == "list.json", "the others don't keep a list from being opened"
        return
    _check_manifest(found.manifest)
    claims = asked("claimed/", found.claims)
    assert (claims is not None) or name.startswith("claimed/")
    for kind in ("rejected", "doubles"):
        asked(f"{kind}/", lambda kind=kind: list(found.parts(kind)))  # type: ignore[misc]
    asked(place, lambda: list(RowResults(found, 0, {}, full_phones=True).of_others()))
    asked(place, lambda: list(rows_beside(found, range(1000))))
    for batch in found.manifest.batches[:3]:
        _check_batch(found, batch, name)


def _check_manifest(manifest: Manifest) -> None:
    assert manifest.format == FORMAT
    written = msgspec.json.encode(manifest)
    assert msgspec.json.decode(written, type=Manifest) == manifest, "what is written back is another list"
    assert min(manifest.rows, manifest.calls, manifest.doubles, manifest.rejected) >= 0
    assert manifest.shards >= 1


def _check_batch(found: CallList, batch: Batch, changed: str) -> None:
    lines = asked("batches/", lambda: found.lines(batch))
    outcomes = asked("done/", lambda: found.outcomes(batch))
    counts = found.done().get(batch.name)
    if outcomes is not None and counts is not None:
        created = sum(one.outcome == "created" for one in outcomes)
        assert (created, len(outcomes)) == (counts.created, counts.created + counts.refused), "it is not whole"
        assert all(one.job for one in outcomes if one.outcome == "created"), "a created call without a job"
    if lines is None or not all(_has_phone(line) for line in lines):
        return
    asked("", lambda: list(RowResults(found, 0, {}, full_phones=False).of_calls(lambda batch: (outcomes or [], ()))))
    name = found.furthest_progress(batch)
    if name is None:
        return
    work = asked("", lambda: BatchUnderWay.load(found, batch, OpenBatch(progress=name), "c"))
    if work is None:
        return
    assert len(work.outcomes) == int(name.split(".")[1]), "a settled call is taken for an unsettled one"
    assert len(work.unsettled) == len(lines) - len(work.outcomes)
    for place in range(len(lines)):
        assert isinstance(work.phone(place), str)


def _has_phone(line: CallLine) -> bool:
    """Whether a batch's line is one that freezing makes: its digest tells any other."""
    try:
        call = msgspec.json.decode(line.call)
    except (ValueError, RecursionError):
        return False
    return isinstance(call, dict) and isinstance(call.get("phone"), str)


HARNESS = Harness(
    "call_lists",
    _check,
    (
        "call_list/store/manifest.py",
        "call_list/store/list_reader.py",
        "call_list/store/stored_list.py",
        "call_list/send/batch_under_way.py",
        "call_list/tables/row_results.py",
    ),
    head=1,
)
