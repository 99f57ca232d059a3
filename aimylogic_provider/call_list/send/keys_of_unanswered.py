"""Until when the keys protect what went unanswered of a list: for whoever says when the next try is to come.

Nothing is decided here about a batch: ``decision`` does that, when the next try asks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aimylogic_provider.call_list.send.decision import MOST_SILENT
from aimylogic_provider.call_list.store.open_batch import OpenBatch, SendNote
from aimylogic_provider.idempotence.record.records import ClockSource
from aimylogic_provider.idempotence.time_limits import Limits, latest_repeat, margin

__all__ = ["keys_live_until"]


def keys_live_until(
    batches: Iterable[OpenBatch], campaign: str, limits: Limits, *, time_is_known: bool
) -> float | None:
    """Return the server's time up to which all that went unanswered can be repeated by its key.

    :param campaign: digest of where calls are sent now
    :param time_is_known: whether the server tells its time just now; else an hour is taken off
    :returns: None if nothing is unanswered, or no key protects it
    """
    now = ClockSource.SERVER if time_is_known else ClockSource.WORKER
    ends = [
        latest_repeat(min(send[0] for send in sends), limits, margin({now, *(send[2] for send in sends)}))
        for batch in batches
        for sends in _protected(batch)
        if all(send[3] == campaign for send in sends)
    ]
    return min(ends, default=None)


def _protected(batch: OpenBatch) -> Iterator[tuple[SendNote, ...]]:
    """The sends of each of a batch's parts that may be repeated as it was sent."""
    if batch.sends and not (batch.key_lost or batch.other_key) and batch.silent < MOST_SILENT:
        yield batch.sends
    for part in batch.apart:
        if part.sends and not part.other_key and part.silent < MOST_SILENT:
            yield part.sends
