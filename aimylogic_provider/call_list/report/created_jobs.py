"""Which call jobs the calls of a list have, as its folder tells: read batch by batch, and nobody is asked.

What became of these jobs since, only the campaign's report tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from aimylogic_provider.call_list.store.list_reader import ListReader, jobs_forgotten
from aimylogic_provider.call_list.store.manifest import Batch, CallListError, Pointer
from aimylogic_provider.call_list.store.outcomes import CallOutcome

__all__ = ["created_jobs", "outcomes_so_far", "unsettled_calls"]


def created_jobs(pointer: Pointer, shard: int | None = None) -> Iterator[str]:
    """The ids of the call jobs that a list's calls have, in the list's order, each once.

    Created ones and adopted ones. Of a batch that is under way those that are written down so far, which may be none:
    :func:`unsettled_calls` tells of how many calls it isn't known. The list is opened at once, and is told as it is
    then; its files are read as the ids are taken, one batch at a time.

    :param shard: whose calls alone are meant; None for all
    :raises CallListError: if the list was deleted, or can't be read: also while the ids are taken
    """
    return _jobs_of(_opened(pointer), shard)


def unsettled_calls(pointer: Pointer) -> int:
    """How many calls of a list have no outcome that is written down: to be sent, under way, or parked. 0: all settled.

    Only the names of the list's files are read.

    :raises CallListError: as of :func:`created_jobs`
    """
    call_list = _opened(pointer)
    done = call_list.done()
    return sum(batch.calls - call_list.told_so_far(batch) for batch in call_list.manifest.batches
               if batch.name not in done)  # fmt: skip


def _opened(pointer: Pointer) -> ListReader:
    if ListReader.tombstone(pointer) is not None:
        raise jobs_forgotten(pointer.path)
    return ListReader.open(pointer)


def _jobs_of(call_list: ListReader, shard: int | None) -> Iterator[str]:
    done = call_list.done()
    for batch in call_list.manifest.batches if shard is None else call_list.batches(shard):
        # No two batches share a job: none is adopted that another call has.
        outcomes = outcomes_so_far(call_list, batch, done)
        yield from dict.fromkeys(outcome.job for outcome in outcomes if outcome.job is not None)


def outcomes_so_far(call_list: ListReader, batch: Batch, done: Collection[str]) -> list[CallOutcome]:
    """What became of a batch's calls, as far as it is written down.

    :param done: the names of the batches that are done
    :raises CallListError: if the list was deleted, or can't be read
    """
    try:
        if batch.name in done:
            return call_list.outcomes(batch)
        name = call_list.furthest_progress(batch)
        return [] if name is None else call_list.progress(name)
    except CallListError:
        if ListReader.tombstone(call_list.pointer) is None:
            raise
        raise jobs_forgotten(call_list.pointer.path) from None
