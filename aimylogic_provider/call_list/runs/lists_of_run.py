"""Which list of its DAG run a task sends, or why none: rules over the lists that ``lists_in_folder`` finds begun.

A clear of the whole run has a list frozen anew. Who began to send the first one goes on with that, or the rest of its
people would never be called; and nobody begins the second one, or the others would be called twice. A mapped task may
get another index's people when what it is mapped over comes back in another order.

A rule takes values and raises, or says which list; what lies where, and what is deleted, is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from aimylogic_provider.call_list.runs.lists_in_folder import BegunList, ListInFolder, begun_lists, pointer_to
from aimylogic_provider.call_list.runs.task_folder import TaskFolder
from aimylogic_provider.call_list.store.list_reader import reports_among
from aimylogic_provider.call_list.store.manifest import CallListError, Pointer
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.stored_list import CallList

__all__ = [
    "INSTEAD", "check_all_shards", "check_began_no_other", "check_not_of_another_index", "check_same_source",
    "check_source_unsent", "delete_unsent", "followed", "is_sent_instead", "never_sent", "of_one_origin",
    "others_begun", "own_begun", "unfinished", "was_begun",
]  # fmt: skip

INSTEAD = "for another list of this DAG run was begun to be sent before"
"""Why a list that was frozen later was deleted, as what is left of it tells."""

_TURNED = (
    "Nothing is sent. Give what the task is mapped over in the order that it had (sort it), and clear the "
    "task; or start a new DAG run"
)


def own_begun(begun: Iterable[BegunList], task: TaskFolder, source: str = "") -> Pointer | BegunList | None:
    """The list that a task instance began to send, if its entry was lost; a deleted one as what is left of it.

    :param begun: those in its folder
    :param source: as of :func:`check_same_source`
    :raises CallListError: if it began several, or a deleted one was of another source
    """
    found = [one for one in begun if one.claim_of(task.words) is not None]
    if len(found) > 1:
        raise CallListError(
            f"this task's state was wiped, and {task.folder.address} holds {len(found)} call lists that it began "
            "to send: which one is this run's can't be told. Nothing is sent. Remove those that are not from there "
            "and clear the task"
        )
    if not found:
        return None
    [own] = found
    if own.tombstone is None:
        return pointer_to(own.folder)
    if source != own.source():
        raise _turned(task, own.folder.address)
    return own


def check_began_no_other(begun: Iterable[BegunList], task: TaskFolder, pointer: Pointer, shard: int) -> None:
    """Make sure that a task instance, whose entry is lost, did not begin to send another list.

    :param begun: those of the task that freezes its lists, of all runs
    :raises CallListError: if it did
    """
    for one in begun:
        claim = one.claim_of(task.words)
        if claim is not None and one.folder.address != pointer.path and claim.shard == shard:
            raise CallListError(
                f"this task's state was wiped, and it began to send another call list, {one.folder.address}: its "
                f"people may be those of {pointer.path}, so nothing is sent. Give it the first one, or start a new "
                "DAG run"
            )


def check_same_source(task: TaskFolder, pointer: Pointer, source: str) -> None:
    """Make sure that a mapped task is still told to call the people of the list that it has frozen.

    The list that it is mapped over may have come back in another order.

    :param source: digest of what it is told now; empty if it isn't mapped
    :raises CallListError: if it isn't
    """
    if source and source != _source_of(pointer):
        raise _turned(task, pointer.path)


def check_source_unsent(
    begun: Iterable[BegunList], source: str, *, besides: str = "", campaign: str | None = None
) -> None:
    """Make sure that nobody began to send the people whom a mapped task is told to call.

    :param begun: the lists of all its map indexes
    :param source: as of :func:`check_same_source`
    :param besides: the address of a list that may be
    :param campaign: the digest of the campaign that counts; None for any
    :raises CallListError: if somebody did
    """
    for one in begun if source else ():
        claims = one.sent_to(campaign)
        if claims and one.folder.address != besides and one.source() == source:
            raise CallListError(
                f"{claims[0].task} began to send the same people, {one.folder.address}, in this DAG run. {_TURNED}"
            )


def check_not_of_another_index(pointer: Pointer, campaign: Callable[[], str], since: float | None) -> None:
    """Make sure that no list that another map index froze from the same source is sent to a campaign in this DAG run.

    :param campaign: returns its digest
    :param since: as of :func:`.begun_lists`
    :raises CallListError: if one is
    """
    run_folder, index = pointer.path.rsplit("/", 2)[:2]
    if index.isdigit() and (source := _source_of(pointer)):
        begun = begun_lists(Folder(run_folder), since)
        check_source_unsent(begun, source, besides=pointer.path, campaign=campaign())


def _turned(task: TaskFolder, path: str) -> CallListError:
    return CallListError(
        f"{task.words} froze its call list, {path}, from other rows, or by other connections, than it is given now: "
        f"the people are others. {_TURNED}"
    )


def never_sent(lists: Iterable[ListInFolder], pointer: Pointer) -> list[Folder]:
    """What was begun to be frozen and never came to be sent, besides *pointer*.

    Look for it before a write that a store refuses to a try that was replaced, and remove it after that: so it is
    of earlier tries, and not of a later one, which may have begun its list meanwhile.

    :param lists: of the task instance
    """
    return [
        one.folder for one in lists
        if one.folder.address != pointer.path and not one.claim_files and not one.is_deleted
    ]  # fmt: skip


def unfinished(lists: Iterable[ListInFolder]) -> list[Folder]:
    """What tries of a task that died began to freeze: nobody can point to it. As of :func:`never_sent`."""
    return [one.folder for one in lists if not one.is_frozen and not one.is_deleted]


def others_begun(given: Pointer, since: float | None) -> list[BegunList]:
    """The lists of a DAG run that were begun to be sent, besides the one that a task is given.

    :param since: as of :func:`.begun_lists`
    """
    folders = dict.fromkeys((given.path.rpartition("/")[0], *given.elsewhere))
    return [one for folder in folders for one in begun_lists(Folder(folder), since) if one.folder.address != given.path]


def of_one_origin(one: Pointer, other: Pointer) -> bool:
    """Whether two lists were frozen by one task instance, wherever they lie; if it is mapped, from one source.

    Else their people may be others, and not the same ones again.
    """
    return _of_one_origin(one.path, lambda: _source_of(one), other)


def is_sent_instead(given: Pointer, since: float | None) -> bool:
    """Whether another list is sent in the stead of one that nobody sends: it was deleted for that, or one was begun.

    :param since: as of :func:`.begun_lists`
    """
    tombstone = CallList.tombstone(given)
    if tombstone is not None and tombstone.because == INSTEAD:
        return True
    return any(_of_one_origin(one.folder.address, one.source, given) for one in others_begun(given, since))


def _of_one_origin(path: str, source: Callable[[], str], other: Pointer) -> bool:
    """As :func:`of_one_origin`, by the address of one of the two lists, and by what tells its source."""
    if _origin(path) != _origin(other.path):
        return False
    mapped = path.split("/")[-2].isdigit()
    return not mapped or source() == _source_of(other)


def followed(
    begun: Sequence[BegunList], given: Pointer, task: TaskFolder, shard: int, *, began: float | None, was_tried: bool
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


def _source_of(pointer: Pointer) -> str:
    """The source of a list, or of one that was deleted."""
    tombstone = CallList.tombstone(pointer)
    return CallList.open(pointer).manifest.source if tombstone is None else tombstone.source


def _origin(path: str) -> list[str]:
    """The part of a list's address that tells which task instance froze it: DAG, task, run, and loop and index."""
    parts = path.split("/")[:-1]
    mapped = parts[-1].isdigit()
    looped = parts[-1 - mapped].startswith("loop-")
    return parts[-3 - looped - mapped :]
