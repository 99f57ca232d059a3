"""Lists of other runs that hold rows: whoever meets one is told of it with the way out, and of its end it is let go.

A list that nobody goes on with would leave its people out for ever, in runs that are green. So a run whose people such
a list holds ends as failed, once it has called all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aimylogic_provider.call_list.store.stored_list import CallList
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


def check_not_abandoned(call_list: CallList, claims: closing[Claims], log: Log) -> None:
    """Make sure that nobody goes on with none of the lists that hold rows of this one.

    :raises CallListError: if nobody does, or the database fails
    """
    from aimylogic_provider.call_list.store.manifest import CallListError

    with claims as tables:
        holder = tables.holder(call_list.manifest.id)
        if holder is None:
            return
        for other, end in _unfinished(tables, holder, log):
            if other.holder.call_list in call_list.manifest.held_by and _is_abandoned(other, holder):
                raise CallListError(
                    f"{_words(other, holder)}, and nobody seems to go on with it: some of this run's rows are among "
                    "them, and are called by neither. All others of this run are settled. "
                    f"{_way_out(tables, other, end, holder)}. Then clear this task"
                )


def _is_abandoned(other: UnfinishedList, holder: ListHolder) -> bool:
    """Whether nobody goes on with a list.

    That is so of this very task instance's earlier one, as of a DAG run of the same id that was deleted: it has another
    list now.
    """
    return (
        other.holder.run_id == holder.run_id
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


def _unfinished(claims: Claims, holder: ListHolder, log: Log) -> Iterator[tuple[UnfinishedList, End]]:
    """The other lists that hold rows, and how far they came; those whose folder shows their end are let go of."""
    from aimylogic_provider.call_list.runs.old_lists import end_of

    for other in claims.unfinished(holder):
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
    own = ", an earlier one of this task, or of a deleted DAG run of the same id" if _is_own(other, holder) else ""
    return (
        f"{other.rows:,} rows are held by {other.holder.words}{own}, which was begun at "
        f"{other.begun_at:%Y-%m-%d %H:%M} UTC and is unfinished"
    )


def _is_own(other: UnfinishedList, holder: ListHolder) -> bool:
    return other.holder.run_id == holder.run_id


def _way_out(claims: Claims, other: UnfinishedList, end: End, holder: ListHolder) -> str:
    """What a person can do; a list of which something may have been sent is to be settled, and not given up."""
    own = _is_own(other, holder)
    give_up = f"in {claims.lists_table} set state to 'given up' where call_list is '{other.holder.call_list}'"
    if not other.being_sent and end is None:
        clear = "If" if own else "If that run has ended without it, clear its task; or, if"
        return f"{clear} nobody is to send it, give it up, so that the next run calls them: {give_up}"
    settle = "Clear the task that sends it, which settles them by the campaign's report. Only if that can't be done any"
    settle = "This task has another list now, so settle that one by hand" if own else f"{settle} more, do it by hand"
    return (
        f"Its sending was begun, so that jobs may exist of which no answer told. {settle}: {give_up}, and of its "
        f"pending rows in {other.holder.results_table} delete those of whom the campaign's report shows no job, for "
        "the next run calls them. Whoever has one would be called twice"
    )


def _now() -> float:
    return datetime.now(UTC).timestamp()
