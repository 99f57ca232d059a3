"""The end of lists: how far one came, and which are deleted, for their age or because nobody can send them.

Nothing here asks whose a list is. How one is deleted, and keeps its counts (``deleted.json``), ``stored_list`` tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

from aimylogic_provider.call_list.runs.lists_in_folder import ListInFolder, lists_in, pointer_to
from aimylogic_provider.call_list.store.list_reader import reports_among
from aimylogic_provider.call_list.store.manifest import CallListError, decode_claim, decode_manifest, decode_tombstone
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.read_objects import decoded, names_of
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list.store.traces.sent_traces import traces_among
from aimylogic_provider.idempotence.ports import Log

__all__ = ["delete_old", "end_of", "remove"]

_UNUSED = timedelta(days=1)
"""How long a list that nobody began to send is kept at least: a person may have to approve it."""


def end_of(path: str) -> Literal["never sent", "begun", "reported"] | None:
    """How far a list came: deleted before it was sent, begun to be sent, or all of it reported; None of any other.

    :param path: the address of its folder
    :raises CallListError: if that can't be read
    """
    found = ListInFolder(Folder(path), names_of(Folder(path)))
    if found.is_deleted:
        return "reported" if decoded(found.folder, "deleted.json", decode_tombstone).claims else "never sent"
    if not found.is_frozen or not found.claim_files:
        return None
    shards = decoded(found.folder, "list.json", decode_manifest).shards
    return "reported" if len(reports_among(found.names)) == shards else "begun"


def remove(list_folders: Iterable[Folder]) -> None:
    """Remove lists that nobody sends."""
    for list_folder in list_folders:
        list_folder.delete_all_but(None, last="list.json")


def delete_old(of_task: str, older_than: timedelta, log: Log, *, asked: timedelta = timedelta(0)) -> int:
    """Delete the lists that a task froze, in all its runs, and that are older than that; return how many.

    Those that are finished, and, once they are a day old, those that nobody began to send. One that can't be read is
    told of, and left.

    :param of_task: the address of the task's folder
    :param asked: for how long lists are asked whom they called: one that was sent since is kept
    """
    deleted = 0
    try:
        for found in lists_in(Folder(of_task)):
            try:
                deleted += _deleted(found, older_than, asked)
            except (OSError, CallListError) as error:
                log.warning("The old call list in %s can't be deleted: %s.", found.folder.address, error)
    except CallListError as error:
        log.warning("Old call lists in %s can't be deleted: %s.", of_task, error)
    return deleted


def _deleted(found: ListInFolder, older_than: timedelta, asked: timedelta) -> bool:
    """Delete a list if it is time for that; return whether it was."""
    if found.is_deleted:
        if len(found.names) > 1:  # somebody died while deleting it
            found.folder.delete_all_but("deleted.json", last="list.json")
        return False
    if not found.is_frozen:
        return False
    manifest = decoded(found.folder, "list.json", decode_manifest, listed=True)
    age = datetime.now(UTC) - datetime.fromisoformat(manifest.made_at)
    reports = len(reports_among(found.names))
    unused = age >= _UNUSED and not found.claim_files
    due = age >= older_than and (unused or reports == manifest.shards) and not (asked and _is_asked(found, asked))
    return due and CallList.open(pointer_to(found.folder)).delete()


def _is_asked(found: ListInFolder, asked: timedelta) -> bool:
    """Whether a list was sent, or claimed, within a time."""
    since = datetime.now(UTC).timestamp() - asked.total_seconds()
    sent = [trace.send.until for trace in traces_among(found.names)]
    claims = (decoded(found.folder, name, decode_claim, listed=True).at for name in found.claim_files)
    return max(sent, default=since) > since or any(at > since for at in claims)
