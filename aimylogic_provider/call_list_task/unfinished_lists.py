"""Lists of other runs that hold rows: whoever meets one is told of it with the way out, and of its end it is let go.

A list that nobody goes on with would leave its people out for ever, in runs that are green: a query that leaves out who
is pending doesn't even find them. So each later run ends as failed, once all is settled that is its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aimylogic_provider.call_list.tables.claims import Claims, ListHolder, UnfinishedList
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["ABANDONED_AFTER", "check_not_abandoned", "tell_of", "unfinished_lists"]

End = Literal["never sent", "begun", "reported"] | None
"""How far a list came, as its folder shows."""

ABANDONED_AFTER = 24 * 3600.0
"""Seconds after which a list that still holds rows is gone on with by nobody, as far as anybody sees."""


def unfinished_lists(claims: Claims, holder: ListHolder, log: Log) -> list[tuple[UnfinishedList, End]]:
    """The other lists that hold rows, and how far they came; those whose folder shows their end are let go of.

    :raises CallListError: if the database fails; another try can help
    """
    return list(_unfinished(claims, holder, log))


def tell_of(others: Iterable[tuple[UnfinishedList, End]], claims: Claims, holder: ListHolder, log: Log) -> None:
    """Tell in the log which other lists hold rows, and the way out."""
    for other, end in others:
        log.warning(
            "%s. It is to call them, and this run doesn't. %s.", _words(other, holder),
            _way_out(claims, other, end, holder),
        )  # fmt: skip


def check_not_abandoned(list_id: str, claims: closing[Claims], tasks: Collection[str] | None, log: Log) -> None:
    """Make sure that somebody goes on with each other list of the task, and of those that its DAG has no more.

    :param list_id: the list that this task has sent
    :param tasks: all that the DAG has now, if they are known
    :raises CallListError: if nobody goes on with one of them, or the database fails
    """
    from aimylogic_provider.call_list.store.manifest import CallListError

    with claims as tables:
        holder = tables.holder(list_id)
        if holder is None:
            return
        found = _unfinished(tables, holder, log, tasks)
        abandoned = [one for one in found if _is_abandoned(one[0], holder)]
        if not abandoned:
            return
        tell_of(abandoned[1:], tables, holder, log)
        other, end = abandoned[0]
        raise CallListError(
            f"{_words(other, holder)}, and nobody seems to go on with it: they are called by no run. All that is this "
            f"run's own is settled. {_way_out(tables, other, end, holder)}. Then clear this task"
        )


def _is_abandoned(other: UnfinishedList, holder: ListHolder) -> bool:
    """Whether nobody goes on with a list.

    That is so of this very task instance's earlier one, as of a DAG run of the same id that was deleted: it has another
    list now.
    """
    return (
        (_is_own(other, holder) and other.earlier)
        or _now() - other.began_at > ABANDONED_AFTER
        or _is_too_late(other.holder.path)
    )


def _is_too_late(path: str) -> bool:
    """Whether the last finish of a list's calls has passed, by this worker's clock."""
    from aimylogic_provider.call_list.store.manifest import decode_manifest
    from aimylogic_provider.call_list.store.objects import Folder
    from aimylogic_provider.call_list.store.read_objects import decoded

    try:
        finishes = decoded(Folder(path), "list.json", decode_manifest).finishes
    except Exception:  # noqa: BLE001 - whatever its store raises; then its age tells
        return False
    return finishes is not None and finishes[1] < _now()


def _unfinished(
    claims: Claims, holder: ListHolder, log: Log, tasks: Collection[str] | None = None
) -> Iterator[tuple[UnfinishedList, End]]:
    """The other lists that hold rows, and how far they came; those whose folder shows their end are let go of.

    :param tasks: as :meth:`.Claims.unfinished` takes them
    """
    from aimylogic_provider.call_list.runs.old_lists import end_of

    for other in claims.unfinished(holder, tasks):
        try:
            end = end_of(other.holder.path)
        except Exception as error:  # noqa: BLE001 - whatever its store raises: today's list lies elsewhere
            log.warning(
                "How far %s came can't be seen (%s: %s): what it holds stays held.", other.holder.words,
                type(error).__name__, error,
            )  # fmt: skip
            end = "begun"  # for all that is known
        if end == "reported":
            claims.ended(other.holder)
        elif end == "never sent":
            claims.give_up(other.holder)
        else:
            yield other, end


def _words(other: UnfinishedList, holder: ListHolder) -> str:
    whose = ""
    if not other.holder.is_of_task(holder):
        whose = f", of task {other.holder.task_id}, which the DAG doesn't have any more"
    elif _is_own(other, holder):
        whose = ", an earlier one of this task, or of a deleted DAG run of the same id"
    return (
        f"{other.rows:,} rows are held by {other.holder.words}{whose}, which was begun at "
        f"{other.begun_at:%Y-%m-%d %H:%M} UTC and is unfinished"
    )


def _is_own(other: UnfinishedList, holder: ListHolder) -> bool:
    return other.holder.is_of_task(holder) and other.holder.run_id == holder.run_id


def _way_out(claims: Claims, other: UnfinishedList, end: End, holder: ListHolder) -> str:
    """What a person can do; a list of which something may have been sent is to be settled, and not given up."""
    own, gone = _is_own(other, holder), not other.holder.is_of_task(holder)
    give_up = f"in {claims.lists_table} set state to 'given up' where call_list is '{other.holder.call_list}'"
    if not other.being_sent and end is None:
        clear = "If" if own or gone else "If that run has ended without it, clear its task; or, if"
        return f"{clear} nobody is to send it, give it up, so that the next run calls them: {give_up}"
    settle = "Clear the task that sends it, which settles them by the campaign's report. Only if that can't be done any"
    settle = f"{settle} more, do it by hand"
    if own or gone:
        reason = "This task has another list now" if own else "Nothing sends it any more"
        settle = f"{reason}, so settle that one by hand"
    return (
        f"Its sending was begun, so that jobs may exist of which no answer told. {settle}: {give_up}, and of its "
        f"pending rows in {other.holder.results_table} delete those of whom the campaign's report shows no job, for "
        "the next run calls them. Whoever has one would be called twice"
    )


def _now() -> float:
    return datetime.now(UTC).timestamp()
