"""Where the lists of a task lie: ``<call_list_path>/<dag>/<task>/<run>[/<map index>]/<list>``."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from aimylogic_provider.call_list.manifest import CallListError, Manifest, Pointer, sha256
from aimylogic_provider.call_list.objects import Folder, folder_name
from aimylogic_provider.call_list.stored import CallList, summed

__all__ = ["TaskFolder", "delete_old"]

_UNUSED = timedelta(days=1)
"""How long a list that nobody began to send is kept at least: a person may have to approve it."""


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """The folder of one task instance's lists.

    :param base: ``call_list_path``
    :param map_index: -1 if the task isn't mapped
    """

    base: str
    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1

    @property
    def words(self) -> str:
        """The task instance, in words: what a list and its claim are marked with."""
        mapped = f", map index {self.map_index}" if self.map_index >= 0 else ""
        return f"task {self.task_id} of DAG {self.dag_id}, run {self.run_id}{mapped}"

    @property
    def folder(self) -> Folder:
        """The folder itself."""
        own = self.of_task / folder_name(self.run_id)
        return own / str(self.map_index) if self.map_index >= 0 else own

    @property
    def of_task(self) -> Folder:
        """The folder of the task, with all its runs."""
        return Folder(self.base) / folder_name(self.dag_id) / folder_name(self.task_id)

    def fresh(self) -> tuple[str, Folder]:
        """The id of a new list, and a folder that no other has."""
        list_id = str(uuid.uuid4())
        return list_id, self.folder / list_id

    def begun(self) -> Pointer | dict[str, object] | None:
        """The list that this task instance began to send, if its entry was lost; of a deleted one, its report.

        :raises CallListError: if it began several
        """
        found: list[Pointer | dict[str, object]] = []
        for place, names in _lists(self.folder):
            if "deleted.json" in names:
                found.append(msgspec.json.decode(place.read("deleted.json")))
            elif "list.json" in names and any(name.startswith("claimed/") for name in names):
                found.append(_pointer(place))
        if len(found) > 1:
            raise CallListError(
                f"this task's state was wiped, and {self.folder.address} holds {len(found)} call lists that it began "
                "to send: which one is this run's can't be told. Nothing is sent. Remove those that are not from there "
                "and clear the task"
            )
        return found[0] if found else None

    def clear_rubbish(self, pointer: Pointer) -> None:
        """Remove what was begun to be frozen and never came to be sent, now that *pointer* is the list."""
        for place, names in _lists(self.folder):
            sent = any(name.startswith("claimed/") or name == "deleted.json" for name in names)
            if place.address != pointer.path and not sent:
                place.delete(names)


def delete_old(of_task: str, older_than: timedelta) -> int:
    """Delete the lists that a task froze, in all its runs, and that are older than that; return how many.

    Those that are finished, and, once they are a day old, those that nobody began to send.

    :param of_task: the address of the task's folder
    """
    deleted = 0
    for place, names in _lists(Folder(of_task)):
        if "list.json" not in names:
            continue
        manifest = msgspec.json.decode(place.read("list.json"), type=Manifest)
        age = datetime.now(UTC) - datetime.fromisoformat(manifest.made_at)
        reports = [name for name in names if name.startswith("report-")]
        unused = age >= _UNUSED and not any(name.startswith("claimed/") for name in names)
        if age >= older_than and (unused or len(reports) == manifest.shards):
            told = [msgspec.json.decode(place.read(name)) for name in reports]
            CallList.open(_pointer(place)).delete(summed(told))
            deleted += 1
    return deleted


def _lists(folder: Folder) -> Iterator[tuple[Folder, list[str]]]:
    """The folders of lists beneath a folder, and what each of them holds."""
    found: dict[str, list[str]] = {}
    for name in folder.names():
        parts = name.split("/")
        for depth, part in enumerate(parts[:-1], 1):
            if _is_list_id(part):
                found.setdefault("/".join(parts[:depth]), []).append("/".join(parts[depth:]))
                break
    for place, names in found.items():
        yield folder / place, names


def _is_list_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def _pointer(place: Folder) -> Pointer:
    content = place.read("list.json")
    manifest = msgspec.json.decode(content, type=Manifest)
    return Pointer(
        place.address,
        sha256(content),
        manifest.rows,
        manifest.calls,
        manifest.doubles,
        manifest.rejected,
        manifest.shards,
    )
