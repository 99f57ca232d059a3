"""Whether a task that settled its calls may end well: not if it reached nobody, and not if calls expired on the way.

A green task that reached nobody is a broken promise. Whom another run's list holds is called by that one, and whom a
rule of the user's spares is meant not to be called. Whether too many rows can't be read beside those, is told when the
list is frozen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import kind_of, most_frequent
from aimylogic_provider.call_list.store.manifest import Pointer
from aimylogic_provider.call_list.store.outcomes import RowCounts
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.calls_api.response_meaning import refusal_in_words
from aimylogic_provider.idempotence.errors import NotAddedError

__all__ = ["NobodyReachedError", "check_reached", "reached_nobody", "why_not"]


_HANDFUL = 20
"""Calls. So many people may all say no between the freezing of a list and its sending; of more, a table went wrong."""


class NobodyReachedError(NotAddedError):
    """All is settled, and calls that were to be made were not, so that the task must not end well."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


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
    if frozen is not None and _HANDFUL < frozen.calls == counts.excluded - frozen.excluded:
        raise NobodyReachedError(
            f"Nobody is called: all {frozen.calls:,} calls of this list stood on the exclusion list right before they "
            "were to be sent, and none of them did when the list was frozen: did exclude_sql, or its table, go wrong "
            "meanwhile? Look at what it gives, and start a new DAG run, which asks it anew. If all of them have said "
            "no by now, mark the task as success"
        )
    aside = rejected + counts.refused + counts.expired
    if counts.expired and (most is None or aside > most):
        raise NobodyReachedError(
            f"{counts.expired:,} calls expired: they would have come too late to be dialled, and were not sent. "
            f"{counts.created:,} are created, {counts.refused:,} refused. {why}{_WAY_OUT}. To have a task end "
            "well with some, set max_rejected to how many rows may be rejected, refused or expired"
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
