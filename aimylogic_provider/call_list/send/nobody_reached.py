"""Whether a task that settled its calls may end well: not if it reached nobody, and not if calls expired on the way.

A green task that reached nobody is a broken promise. Whom another run's list called is reached by that one, and whom a
rule of the user's spares is meant not to be called. Whether too many rows can't be read beside those, is told when the
list is frozen, and once more if its calls are spared right before they are sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import kind_of, most_frequent
from aimylogic_provider.call_list.store.manifest import Pointer
from aimylogic_provider.call_list.store.outcomes import Counts, RowCounts
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.calls_api.calls.consent import NO_CONSENT
from aimylogic_provider.calls_api.response_meaning import refusal_in_words
from aimylogic_provider.idempotence.errors import NotAddedError

__all__ = [
    "HeldElsewhereError", "NobodyReachedError", "check_none_held", "check_reached", "check_whole_list",
    "held_reasons", "reached_nobody", "why_not",
]  # fmt: skip

_HELD = "held by "
"""How a reason begins by which somebody is left to another list, which isn't over."""
_HANDFUL = 20
"""Calls. So many people may all say no between the freezing of a list and its sending; of more, a table went wrong."""


class NobodyReachedError(NotAddedError):
    """All is settled, and calls that were to be made were not, so that the task must not end well."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message, retryable=retryable)


class HeldElsewhereError(NobodyReachedError):
    """No list is made: nobody is left for it, and not all are called. Another try can help: it freezes anew."""


def check_reached(
    report: Mapping[str, Any],
    *,
    rejected: int,
    most: int | None,
    whole: bool,
    why: str = "",
    frozen: Pointer | None = None,
) -> None:
    """Let a task end well, or not.

    :param report: of what it sent
    :param rejected: rows of the whole list
    :param most: how many rows may be rejected, refused or expired; None if nothing was said of that
    :param whole: whether the report is of a whole list, or of the last of its shards, none of which reached anybody
    :param why: why calls weren't made, in sentences
    :param frozen: the list, if the report is of all of it
    :raises NobodyReachedError: if nobody was reached of those who were to be, or more calls expired than allowed
    """
    counts = RowCounts.of_report(report)
    if whole and counts.reached_nobody:
        raise NobodyReachedError(
            f"Nobody is called: of {counts.rows:,} rows {counts.set_aside_in_words}. {why}{_WAY_OUT}"
        )
    late = 0 if frozen is None else counts.excluded - frozen.excluded
    if frozen is not None and not counts.created and late > max(_HANDFUL, frozen.calls // 2):
        of = f"all {late:,}" if late == frozen.calls else f"{late:,} of {frozen.calls:,}"
        raise NobodyReachedError(
            f"Nobody is called: {of} calls of this list stood on the exclusion list right before they were to be "
            "sent, and none of them did when the list was frozen: did exclude_sql, or its table, go wrong meanwhile? "
            "Look at what it gives, and start a new DAG run, which asks it anew. If all of them have said no by now, "
            "mark the task as success"
        )
    aside = rejected + counts.refused + counts.expired
    if counts.expired and (most is None or aside > most):
        raise NobodyReachedError(
            f"{counts.expired:,} calls expired: they would have come too late to be dialled, and were not sent. "
            f"{counts.created:,} are created, {counts.refused:,} refused. {why}{_WAY_OUT}. To have a task end "
            "well with some, set max_rejected to how many rows may be rejected, refused or expired"
        )


def check_whole_list(call_list: CallList, look: Callable[[frozenset[int]], Mapping[int, str]]) -> None:
    """Let the task that settled a list's last calls end well, or not, if none of the list's calls was created.

    Of all shards together, and by what the last looks told, it is what :func:`check_reached` is of a report; and whom
    another list held right before they were to be sent, that one must have called by now.

    :param call_list: as it is now
    :param look: whom other lists called, or hold, among some phones, as of now; in words
    :raises NobodyReachedError: if nobody was reached of those who were to be
    :raises CallListError: if a file of the list, or another list, can't be read
    """
    frozen = call_list.pointer
    if not frozen.calls or not call_list.created_none():
        return
    counts = RowCounts.of_shard(frozen, 0, frozen.calls, sum(call_list.done().values(), Counts()))
    if frozen.shards > 1:
        check_reached(counts.as_report(), rejected=frozen.rejected, most=None, whole=True, frozen=frozen)
    if counts.rejected > counts.spared and (unreadable := _unreadable(call_list)) > counts.spared:
        raise NobodyReachedError(
            f"Nobody is called: of {counts.rows:,} rows {unreadable:,} can't be read, and the calls of the others were "
            f"spared right before they were to be sent ({counts.spared:,} rows are spared in all). "
            f"Each row with its reason: {frozen.rejected_rows}. {_WAY_OUT}"
        )
    _check_not_held(call_list, look)


def _unreadable(call_list: CallList) -> int:
    """Rows that were rejected, but for those of people who didn't agree to be called."""
    rejected = (line for part in call_list.parts("rejected") for line in part)
    return sum(not line["reason"].startswith(NO_CONSENT) for line in rejected)


def _check_not_held(call_list: CallList, look: Callable[[frozenset[int]], Mapping[int, str]]) -> None:
    """Have the task fail as long as it isn't known that whom it left to another list was called by that.

    :raises NobodyReachedError: if it isn't; another try can help as long as that list isn't over
    """
    held: set[int] = set()
    for batch in call_list.manifest.batches:
        rows = {one.row for one in call_list.outcomes(batch) if (one.reason or "").startswith(_HELD)}
        held |= {int(line.phone) for line in call_list.lines(batch) if line.row in rows} if rows else set()
    if not held:
        return
    found = look(frozenset(held))
    if still := held_reasons(Counter(found.values())):
        raise NobodyReachedError(_held_in_words(still, f"{still.total():,} of this list's people"), retryable=True)
    if left := len(held) - len(found):
        raise NobodyReachedError(
            f"Nobody is called: {left:,} of this list's people were left to another run's list, which held them right "
            "before they were to be sent, and didn't call them (its log, and its page, tell why). Start a new DAG run "
            "with them"
        )


def check_none_held(reasons: Mapping[str, int], rows: int) -> None:
    """Have no list be made of which nobody is left to be called, as long as a list that isn't over holds some of them.

    :param reasons: why its rows aren't called, and how many for each
    :param rows: of the whole list
    :raises HeldElsewhereError: if one does; another try can help
    """
    if still := held_reasons(reasons):
        raise HeldElsewhereError(_held_in_words(still, f"{still.total():,} of {rows:,} rows"), retryable=True)


def held_reasons(reasons: Mapping[str, int]) -> Counter[str]:
    """Those of some reasons by which people are left to a list that isn't over."""
    return Counter({reason: count for reason, count in reasons.items() if reason.startswith(_HELD)})


def _held_in_words(still: Counter[str], who: str) -> str:
    [(reason, count), *others] = still.most_common()
    beside = f" ({still.total() - count:,} of them by {'another one' if len(others) == 1 else 'others'})"
    return (
        f"Nobody is called yet, and {who} are {reason}{beside if others else ''}. That list calls whom it holds by "
        "itself, and then nothing is to be done here; if its task failed, clear that one. The next try of this task "
        "looks whether it has"
    )


def reached_nobody(report: Mapping[str, Any]) -> bool:
    """Whether rows were to be called, and none was, as a report tells."""
    return RowCounts.of_report(report).reached_nobody


def why_not(call_list: CallList, shard: int) -> str:
    """Return why calls of a shard weren't made, in sentences: the most frequent reasons, and the first one whole.

    :raises CallListError: if a file of the list is gone or unreachable
    """
    reasons: Counter[str] = Counter()
    first = ""
    for batch in call_list.batches(shard):
        for one in call_list.outcomes(batch):
            if one.reason is not None:
                reasons[kind_of(one.reason)] += 1
                told = refusal_in_words(one.reason) if one.outcome == "refused" else one.reason
                first = first or f"row {one.row}: {told}"
    return f"Most frequent: {most_frequent(reasons)}. The first is {first}. " if reasons else ""


_WAY_OUT = (
    "This list sends them no more; in a results table their outcome tells it. Correct what the reasons name, and start "
    "a new DAG run that has them among its rows"
)
