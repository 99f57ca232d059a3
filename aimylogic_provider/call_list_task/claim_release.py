"""Whom a task's list surely was not sent to is held no more once that task ended for good: the next DAG run calls them.

That nothing was sent is proven by the task's entry, in which each request is noted before it leaves, and which Airflow
refuses to a try that it replaced. If the task is cleared, it takes back whom no other run's list has taken meanwhile.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Batch, Pointer
    from aimylogic_provider.call_list.store.stored_list import CallList
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, SyncEntry
    from aimylogic_provider.call_list.tables.claims import Claims, Person
    from aimylogic_provider.call_list.tables.row_results import KnownOutcomes
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["let_go_unsent", "taken_by_others"]


def taken_by_others(claims: Claims, call_list: CallList, shard: int, known: KnownOutcomes) -> frozenset[str]:
    """Hold again whom an earlier try let go; return the batches of which another list has taken somebody.

    :raises CallListError: if the database fails, or a file of the list can't be read
    """
    from aimylogic_provider.call_list.tables.released_rows import UnsentRows

    def unsettled(batch: Batch) -> list[Person]:
        outcomes, _ = known(batch)
        return list(_people(call_list, batch, {one.row for one in outcomes}))

    holder = claims.holder(call_list.manifest.id)
    if holder is None:
        return frozenset()
    batches = call_list.batches(shard)
    return UnsentRows(claims, holder, shard).take_back(lambda: ((batch.name, unsettled(batch)) for batch in batches))


def let_go_unsent(
    keeper: EntryKeeper,
    pointer: Pointer,
    shard: int,
    task: TaskFolder,
    *,
    is_fenced: bool,
    keeps_list: bool,
    results_table: str,
    conn_id: str,
    log: Log,
) -> None:
    """A task ended for good: have its list hold nobody any more of whom surely nothing was sent. Only logs what fails.

    :param keeps_list: whether the task goes on with the list in any case
    :param is_fenced: whether no other try of the task can send by now what isn't noted in its entry
    """
    from aimylogic_provider.call_list.store.manifest import CallListError
    from aimylogic_provider.call_list.store.stored_list import CallList
    from aimylogic_provider.call_list.tables.released_rows import UnsentRows
    from aimylogic_provider.call_list_task.claims_of_task import opened_claims

    entry = keeper.entry
    try:
        if CallList.tombstone(pointer) is not None:
            return
        with opened_claims(results_table, conn_id) as claims:
            if (holder := claims.holder(pointer.list_id)) is None:
                return
            if not is_fenced:
                raise CallListError("on this Airflow it isn't sure that an earlier try of it sends no more")
            rows = UnsentRows(claims, holder, shard)
            number = rows.enter()
            try:
                call_list = CallList.open(pointer)
                claimed = call_list.claimed(shard, task.words) is not None
            except CallListError:
                if pointer.shards > 1 or not entry.sure or _has_noted(entry):
                    raise
                keeper.save_now()  # refused to a try that was replaced, which may not know what its successor does
                rows.let_all_go(number)
                gone, left = pointer.calls, 0
            else:
                unsent, others = _split(entry, call_list, shard, claimed=claimed)
                if not claimed and not keeps_list:
                    entry.call_list = None  # the task may be given another one, which it then sends
                keeper.save_now()
                left = sum(1 for _ in others())
                beside = partial(_rows_beside, call_list)
                gone = rows.let_go(number, unsent, others, beside, unbegun=not call_list.claims())
    except Exception as error:  # noqa: BLE001  # the task's own error is the one to be told
        log.warning(
            "Who was not sent yet of the call list %s stays held by it, so that no other run calls them: %s. Clear the "
            "task, which goes on with them.", pointer.path, f"{error}".rstrip("."),
        )  # fmt: skip
        return
    if gone:
        log.info(
            "Nothing was sent for %s calls of this list: they are held no more, and not pending in %s, so that another "
            "DAG run calls them if its query selects them. A clear of this task goes on with those of them whom no "
            "other run has taken by then.", f"{gone:,}", results_table,
        )  # fmt: skip
    if left:
        log.warning(
            "%s calls stay held by this list, for it isn't known whether the requests for them were heeded: no other "
            "run calls them. Clear this task, which finds out by the campaign's report.", f"{left:,}",
        )  # fmt: skip


def _has_noted(entry: SyncEntry) -> bool:
    """Whether the task may have sent anything, as its entry alone tells."""
    return bool(entry.fence or entry.done or entry.open or entry.before or entry.doubtful_since)


def _split(entry: SyncEntry, call_list: CallList, shard: int, *, claimed: bool) -> tuple[_People, _People]:
    """A shard's unsettled people to whom surely nothing was sent, or nothing that is open; and the others.

    :param claimed: whether the shard was ever begun to be sent
    """
    done, batches = call_list.done(), call_list.batches(shard)
    left = [batch for batch in batches if batch.name not in done]
    # A lost entry may have noted more. A new one tells so once it was written for a request: see Shard.claim
    kept = bool(entry.fence) or (entry.sure and not call_list.has_traces(batches))
    whole = not claimed or (kept and entry.before is None and entry.doubtful_since is None)
    unsent = {batch.name for batch in left if _is_unsent(entry, batch, whole=whole)}
    return (
        _People(entry, call_list, [batch for batch in left if batch.name in unsent]),
        _People(entry, call_list, [batch for batch in left if batch.name not in unsent]),
    )


def _is_unsent(entry: SyncEntry, batch: Batch, *, whole: bool) -> bool:
    state = entry.open.get(batch.name)
    if state is None:
        return whole
    return not state.sends and not any(part.sends for part in state.apart)


class _People:
    """Whom some batches have left, anew with each call."""

    def __init__(self, entry: SyncEntry, call_list: CallList, batches: list[Batch]) -> None:
        self._entry = entry
        self._list = call_list
        self._batches = batches

    def __call__(self) -> Iterator[Person]:
        for batch in self._batches:
            state = self._entry.open.get(batch.name)
            told = [] if state is None or state.progress is None else self._list.progress(state.progress)
            yield from _people(self._list, batch, {one.row for one in told})


def _rows_beside(call_list: CallList, calls: Container[int]) -> Iterator[int]:
    """The rows that were set aside because of some calls."""
    from aimylogic_provider.call_list.store.rows_beside import rows_beside

    return (line["row"] for _, lines in rows_beside(call_list, calls) for line in lines)


def _people(call_list: CallList, batch: Batch, settled: set[int]) -> Iterator[Person]:
    from aimylogic_provider.call_list.tables.row_keys import person_of

    for line in call_list.lines(batch):
        if line.row not in settled:
            yield person_of(line.row, line.keys, line.phone, call_list.manifest.consent)
