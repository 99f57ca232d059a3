"""Where the lists of a task lie: ``<call_list_path>/<dag>/<task>/<run>[/loop-<iteration>][/<map index>]/<list>``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aimylogic_provider.call_list.store.manifest import (
    CallListError,
    Claim,
    Pointer,
    Tombstone,
    decode_claim,
    decode_manifest,
    decode_tombstone,
    sha256,
)
from aimylogic_provider.call_list.store.objects import INNER, Folder, folder_name
from aimylogic_provider.call_list.store.read_objects import decoded, decoded_as, names_of, read_from
from aimylogic_provider.call_list.store.stored_list import CallList, reports_among, told_of
from aimylogic_provider.idempotence.ports import Log

__all__ = [
    "TaskFolder", "check_not_of_another_index", "claimed_lists", "delete_old", "end_of", "is_list_id", "pointer_to",
    "remove", "source_of",
]  # fmt: skip

_UNUSED = timedelta(days=1)
"""How long a list that nobody began to send is kept at least: a person may have to approve it."""


_TURNED = (
    "Nothing is sent. Give what the task is mapped over in the order that it had, as by an ORDER BY, and clear the "
    "task; or start a new DAG run"
)


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """The folder of one task instance's lists.

    :param base: ``call_list_path``
    :param map_index: -1 if the task isn't mapped
    :param iteration: of the loop that the task is in, from 0; None outside of one. Lists of two iterations are two
        intended ones, of the same people or not
    """

    base: str
    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1
    iteration: int | None = None

    @property
    def words(self) -> str:
        """The task instance, in words: what a list and its claim are marked with."""
        looped = "" if self.iteration is None else f", iteration {self.iteration} of its loop"
        mapped = f", map index {self.map_index}" if self.map_index >= 0 else ""
        return f"task {self.task_id} of DAG {self.dag_id}, run {self.run_id}{looped}{mapped}"

    @property
    def folder(self) -> Folder:
        """The folder itself."""
        return self._of_indexes / str(self.map_index) if self.map_index >= 0 else self._of_indexes

    @property
    def _of_indexes(self) -> Folder:
        """That of all its map indexes."""
        run = self.of_task / folder_name(self.run_id)
        return run if self.iteration is None else run / f"loop-{self.iteration}"

    @property
    def of_task(self) -> Folder:
        """The folder of the task, with all its runs."""
        return Folder(self.base) / folder_name(self.dag_id) / folder_name(self.task_id)

    def holds_anything(self) -> bool:
        """Whether any try of this task instance, of this run or of one that had its id, left anything there.

        :raises CallListError: if that can't be told
        """
        return bool(names_of(self.folder))

    def fresh(self) -> tuple[str, Folder]:
        """The id of a new list, and a folder that no other has."""
        list_id = str(uuid.uuid4())
        return list_id, self.folder / list_id

    def begun(self, since: float | None, source: str = "") -> Pointer | dict[str, Any] | None:
        """The list that this task instance began to send, if its entry was lost; of a deleted one, its report.

        :param since: Unix seconds; older lists are those of a run of the same id, which was deleted and made again
        :param source: as in :meth:`check_source`
        :raises CallListError: if it began several, or a deleted one was of another source
        """
        found = list(self._of_ours(self.folder, since))
        if len(found) > 1:
            raise CallListError(
                f"this task's state was wiped, and {self.folder.address} holds {len(found)} call lists that it began "
                "to send: which one is this run's can't be told. Nothing is sent. Remove those that are not from there "
                "and clear the task"
            )
        if not found:
            return None
        list_folder, _, tombstone = found[0]
        if tombstone is None:
            return pointer_to(list_folder)
        if source != tombstone.source:
            raise self._turned(list_folder.address)
        return told_of(tombstone, 0, list_folder.address)

    def check_no_other(self, pointer: Pointer, of_task: str, shard: int, since: float | None) -> None:
        """Make sure that this task instance, whose entry is lost, did not begin to send another list.

        :param of_task: the folder of the task that freezes its lists, with all runs
        :param since: as in :meth:`begun`
        :raises CallListError: if it did
        """
        for list_folder, claim, _ in self._of_ours(Folder(of_task), since):
            if list_folder.address != pointer.path and claim.shard == shard:
                raise CallListError(
                    f"this task's state was wiped, and it began to send another call list, {list_folder.address}: its "
                    f"people may be those of {pointer.path}, so nothing is sent. Give it the first one, or start a new "
                    "DAG run"
                )

    def check_source(self, pointer: Pointer, source: str) -> None:
        """Make sure that a mapped task is still told to call the people of the list that it has frozen.

        The list that it is mapped over may have come back in another order.

        :param source: digest of what it is told now; empty if it isn't mapped
        :raises CallListError: if it isn't
        """
        if source and source != source_of(pointer):
            raise self._turned(pointer.path)

    def _turned(self, path: str) -> CallListError:
        return CallListError(
            f"{self.words} froze its call list, {path}, from another query or other connections than it is given now: "
            f"the people are others. {_TURNED}"
        )

    def check_no_other_index(self, source: str, since: float | None) -> None:
        """Make sure that no other map index began to send the people whom this mapped task is told to call.

        :param source: as in :meth:`check_source`
        :param since: as in :meth:`begun`
        :raises CallListError: if one did
        """
        if source:
            _check_not_sent(self._of_indexes, source, since)

    def _of_ours(self, folder: Folder, since: float | None) -> Iterator[tuple[Folder, Claim, Tombstone | None]]:
        """The lists that this task instance began to send."""
        for list_folder, claims, tombstone in claimed_lists(folder, since):
            if ours := [claim for claim in claims if claim.task == self.words]:
                yield list_folder, ours[0], tombstone

    def never_sent(self, pointer: Pointer) -> list[Folder]:
        """What was begun to be frozen and never came to be sent, besides *pointer*.

        Look for it before a write that a store refuses to a try that was replaced, and remove it after that: so it is
        of earlier tries, and not of a later one, which may have begun its list meanwhile.
        """
        return [
            list_folder for list_folder, names in _lists(self.folder)
            if list_folder.address != pointer.path
            and not any(name.startswith("claimed/") or name == "deleted.json" for name in names)
        ]  # fmt: skip

    def unfinished(self) -> list[Folder]:
        """What tries of this task that died began to freeze: nobody can point to it. As of :meth:`never_sent`."""
        return [
            list_folder for list_folder, names in _lists(self.folder)
            if "list.json" not in names and "deleted.json" not in names
        ]  # fmt: skip


def end_of(path: str) -> Literal["never sent", "begun", "reported"] | None:
    """How far a list came: deleted before it was sent, begun to be sent, or all of it reported; None of any other.

    :param path: the address of its folder
    :raises CallListError: if that can't be read
    """
    folder = Folder(path)
    names = names_of(folder)
    if "deleted.json" in names:
        return "reported" if decoded(folder, "deleted.json", decode_tombstone).claims else "never sent"
    if "list.json" not in names or not any(name.startswith("claimed/") for name in names):
        return None
    shards = decoded(folder, "list.json", decode_manifest).shards
    return "reported" if len(reports_among(names)) == shards else "begun"


def remove(list_folders: Iterable[Folder]) -> None:
    """Remove lists that nobody sends."""
    for list_folder in list_folders:
        list_folder.delete_all_but(None, last="list.json")


def check_not_of_another_index(pointer: Pointer, campaign: Callable[[], str], since: float | None) -> None:
    """Make sure that no list that another map index froze from the same source is sent to a campaign in this DAG run.

    :param campaign: returns its digest
    :param since: as in :meth:`TaskFolder.begun`
    :raises CallListError: if one is
    """
    run_folder, index = pointer.path.rsplit("/", 2)[:2]
    if index.isdigit() and (source := source_of(pointer)):
        _check_not_sent(Folder(run_folder), source, since, besides=pointer.path, campaign=campaign())


def _check_not_sent(
    run_folder: Folder, source: str, since: float | None, *, besides: str = "", campaign: str | None = None
) -> None:
    """Make sure that no list of a run's that is of a source is sent.

    :param besides: the address of a list that may be
    :param campaign: the digest of the campaign that counts; None for any
    """
    for list_folder, of_all, tombstone in claimed_lists(run_folder, since):
        claims = [claim for claim in of_all if campaign in (None, claim.campaign)]
        if not claims or list_folder.address == besides:
            continue
        found = decoded(list_folder, "list.json", decode_manifest, listed=True) if tombstone is None else tombstone
        if found.source == source:
            raise CallListError(
                f"{claims[0].task} began to send the people of the same query, {list_folder.address}, in this DAG run. "
                f"{_TURNED}"
            )


def source_of(pointer: Pointer) -> str:
    """The source of a list, or of one that was deleted."""
    tombstone = CallList.tombstone(pointer)
    return CallList.open(pointer).manifest.source if tombstone is None else tombstone.source


def delete_old(of_task: str, older_than: timedelta, log: Log) -> int:
    """Delete the lists that a task froze, in all its runs, and that are older than that; return how many.

    Those that are finished, and, once they are a day old, those that nobody began to send. One that can't be read is
    told of, and left.

    :param of_task: the address of the task's folder
    """
    deleted = 0
    try:
        for list_folder, names in _lists(Folder(of_task)):
            try:
                deleted += _deleted(list_folder, names, older_than)
            except (OSError, CallListError) as error:
                log.warning("The old call list in %s can't be deleted: %s.", list_folder.address, error)
    except CallListError as error:
        log.warning("Old call lists in %s can't be deleted: %s.", of_task, error)
    return deleted


def _deleted(list_folder: Folder, names: list[str], older_than: timedelta) -> bool:
    """Delete a list if it is time for that; return whether it was."""
    if "deleted.json" in names:
        if len(names) > 1:  # somebody died while deleting it
            list_folder.delete_all_but("deleted.json", last="list.json")
        return False
    if "list.json" not in names:
        return False
    manifest = decoded(list_folder, "list.json", decode_manifest, listed=True)
    age = datetime.now(UTC) - datetime.fromisoformat(manifest.made_at)
    reports = len(reports_among(names))
    unused = age >= _UNUSED and not any(name.startswith("claimed/") for name in names)
    due = age >= older_than and (unused or reports == manifest.shards)
    return due and CallList.open(pointer_to(list_folder)).delete()


def claimed_lists(folder: Folder, since: float | None) -> Iterator[tuple[Folder, list[Claim], Tombstone | None]]:
    """The lists beneath a folder, with who began to send them since then."""
    for list_folder, names in _lists(folder):
        tombstone = None
        if "deleted.json" in names:
            tombstone = decoded(list_folder, "deleted.json", decode_tombstone, listed=True)
            claims = list(tombstone.claims)
        elif "list.json" in names:
            files = [name for name in names if name.startswith("claimed/")]
            claims = [decoded(list_folder, name, decode_claim, listed=True) for name in files]
        else:
            continue
        yield list_folder, [claim for claim in claims if since is None or claim.at >= since], tombstone


def _lists(folder: Folder) -> Iterator[tuple[Folder, list[str]]]:
    """The folders of lists beneath a folder, and what each of them holds."""
    found: dict[str, list[str]] = {}
    for name in names_of(folder):
        parts = name.split("/")
        # A run's id may look like a list's: the list is the folder that its files lie in.
        inner = len(parts) - (2 if parts[-2:-1] and parts[-2] in INNER else 1)
        if inner >= 1 and is_list_id(parts[inner - 1]):
            found.setdefault("/".join(parts[:inner]), []).append("/".join(parts[inner:]))
    for path, names in found.items():
        yield folder / path, names


def is_list_id(name: str) -> bool:
    """Whether a folder's name is of the form that lists' have."""
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def pointer_to(list_folder: Folder) -> Pointer:
    """A pointer to the list that lies in a folder.

    :raises CallListError: if it is gone, or can't be reached or read
    """
    content = read_from(list_folder, "list.json", listed=True)
    manifest = decoded_as(list_folder, "list.json", content, decode_manifest)
    return Pointer(
        list_folder.address,
        sha256(content),
        manifest.rows,
        manifest.calls,
        manifest.doubles,
        manifest.rejected,
        manifest.shards,
        claimed=manifest.claimed,
        capped=manifest.capped,
    )
