"""What went unanswered of a list: until when keys protect it, and from when on the report tells what came of it.

For whoever says when the next try is to come. Nothing is decided here about a batch: ``decision`` does that, then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aimylogic_provider.call_list.send.decision import MOST_SILENT
from aimylogic_provider.call_list.store.open_batch import OpenBatch, SendNote
from aimylogic_provider.idempotence.record.records import ClockSource
from aimylogic_provider.idempotence.time_limits import Limits, latest_repeat, margin, shown_at

__all__ = ["UnansweredSends"]


class _Part(NamedTuple):
    """What was sent together.

    :param is_protected: whether it can be repeated by its key
    :param twice: whether the report must show nothing for twice its lag before it is sent anew
    """

    sends: tuple[SendNote, ...]
    is_protected: bool
    twice: bool


class UnansweredSends:
    """The sends of a list that went unanswered.

    :param campaign: digest of where calls are sent now: what was sent elsewhere, nothing settles
    :param time_is_known: whether the server tells its time just now; else an hour is taken off each limit
    """

    def __init__(self, batches: Iterable[OpenBatch], campaign: str, limits: Limits, *, time_is_known: bool) -> None:
        parts = [part for batch in batches for part in _parts(batch)]
        self._parts = [part for part in parts if all(send[3] == campaign for send in part.sends)]
        self._limits = limits
        self._now = ClockSource.SERVER if time_is_known else ClockSource.WORKER

    def keys_live_until(self) -> float | None:
        """Return the server's time up to which all that a key protects can be repeated; None if none protects any."""
        ends = [
            latest_repeat(min(send[0] for send in part.sends), self._limits, self._margin(part))
            for part in self._parts
            if part.is_protected
        ]
        return min(ends, default=None)

    def shown_by(self) -> float | None:
        """Return the server's time from which on the report tells of all that no key protects; None if that is none."""
        ends = [
            shown_at(max(send[1] for send in part.sends), self._limits, self._margin(part))
            + (self._limits.report_lag if part.twice else 0.0)
            for part in self._parts
            if not part.is_protected
        ]
        return max(ends, default=None)

    def _margin(self, part: _Part) -> float:
        return margin({self._now, *(send[2] for send in part.sends)})


def _parts(batch: OpenBatch) -> Iterator[_Part]:
    if batch.sends:
        other_key = batch.key_lost or batch.other_key
        yield _Part(batch.sends, not other_key and batch.silent < MOST_SILENT, bool(batch.other_key or batch.silent))
    for part in batch.apart:
        if part.sends:
            protected = not part.other_key and part.silent < MOST_SILENT
            yield _Part(part.sends, protected, bool(part.other_key or part.silent))
