"""Which list a task sends when it is handed another one than was begun in its DAG run: the begun one, or none.

A clear of the whole run has the list frozen anew. Who began to send the first one goes on with that, or the rest of its
people would never be called; and nobody begins the second one, or the others would be called twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aimylogic_provider.call_list.store.manifest import CallListError, Claim, Pointer, Tombstone
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.stored_list import CallList, reports_among
from aimylogic_provider.call_list.store.task_folder import TaskFolder, claimed_lists, pointer_to, source_of

__all__ = [
    "INSTEAD", "Begun", "begun_lists", "check_all_shards", "delete_unsent", "followed", "of_one_origin", "was_begun",
]  # fmt: skip

INSTEAD = "for another list of this DAG run was begun to be sent before"
"""Why a list that was frozen later was deleted, as what is left of it tells."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A list that somebody began to send."""

    folder: Folder
    claims: Sequence[Claim]
    tombstone: Tombstone | None


def begun_lists(given: Pointer, since: float | None) -> list[Begun]:
    """The lists of a DAG run that were begun to be sent, besides the one that a task is given.

    :param since: as in :meth:`TaskFolder.begun`
    """
    folders = dict.fromkeys((given.path.rpartition("/")[0], *given.elsewhere))
    return [
        Begun(list_folder, claims, tombstone)
        for folder in folders
        for list_folder, claims, tombstone in claimed_lists(Folder(folder), since)
        if claims and list_folder.address != given.path
    ]


def of_one_origin(one: Pointer, other: Pointer) -> bool:
    """Whether two lists were frozen by one task instance, wherever they lie; if it is mapped, from one source.

    Else their people may be others, and not the same ones again.
    """
    if _origin(one.path) != _origin(other.path):
        return False
    mapped = one.path.split("/")[-2].isdigit()
    return not mapped or source_of(one) == source_of(other)


def followed(
    begun: Sequence[Begun], given: Pointer, task: TaskFolder, shard: int, *, began: float | None, was_tried: bool
) -> Pointer | None:
    """The one of the begun lists of which a task without an entry is surely to send its shard; None if none is.

    :param begun: not empty
    :param began: when the DAG run began at the earliest, with all that clocks may differ by (Unix seconds)
    :param was_tried: whether this task instance has run before in this DAG run
    """
    if len(begun) > 1 or began is None or (CallList.tombstone(given) is None and CallList.open(given).claims()):
        return None
    found = begun[0]
    family = replace(task, map_index=-1).words
    ours = all(claim.task == family or claim.task.startswith(f"{family}, map index ") for claim in found.claims)
    # A DAG run of the same id, which was deleted and made again, has the same words.
    if found.tombstone is not None or not ours or any(claim.at < began for claim in found.claims):
        return None
    pointer = pointer_to(found.folder)
    of_shard = {claim.task for claim in found.claims if claim.shard == shard}
    if shard >= pointer.shards or not of_one_origin(pointer, given):
        return None
    if of_shard:
        return pointer if of_shard == {task.words} and was_tried else None
    # A shard without calls is reported, and claimed by nobody.
    is_over = shard in reports_among(found.folder.names()) and CallList.open(pointer).batches(shard)
    return None if is_over else pointer


def was_begun(pointer: Pointer) -> bool:
    """Whether somebody began to send a list.

    :raises CallListError: if it is gone, unreachable, or not the list that was frozen
    """
    tombstone = CallList.tombstone(pointer)
    return bool(CallList.open(pointer).claims() if tombstone is None else tombstone.claims)


def delete_unsent(given: Pointer) -> bool:
    """Delete a list in whose stead another one is sent; return whether it is deleted. Safe to repeat.

    :raises CallListError: if it is gone without a trace, unreachable, or not the list that was frozen
    """
    return CallList.discard(given, INSTEAD)


def check_all_shards(sent: Pointer, given: Pointer, way_out: str) -> None:
    """Make sure that no shard is left over of a list that has more of them than the task that sends it has indexes now.

    :raises CallListError: if one is
    """
    if given.shards >= sent.shards or "deleted.json" in (names := Folder(sent.path).names()):
        return
    left = [shard for shard in range(given.shards, sent.shards) if shard not in reports_among(names)]
    if left:
        raise CallListError(
            f"the list in {sent.path} was begun in {sent.shards} shards, and there are {given.shards} now: this one is "
            f"sent, and nobody sends {', '.join(map(str, left[:10]))}{', …' if len(left) > 10 else ''}. {way_out}"
        )


def _origin(path: str) -> list[str]:
    """The part of a list's address that tells which task instance froze it: DAG, task, run, and loop and index."""
    parts = path.split("/")[:-1]
    mapped = parts[-1].isdigit()
    looped = parts[-1 - mapped].startswith("loop-")
    return parts[-3 - looped - mapped :]
