"""What went unanswered of a list: until when keys protect it, and from when on the report tells what came of it.

For whoever says when the next try is to come. Nothing is decided here about a batch: ``decision`` does that, then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from aimylogic_provider.call_list.send.decision import MOST_SILENT
from aimylogic_provider.call_list.store.open_batch import OpenBatch, SendNote
from aimylogic_provider.idempotence.time_limits import ClockSource, Limits, latest_repeat, margin, shown_at

__all__ = ["UnansweredSends"]


class _Part(NamedTuple):
    """What was sent together, or is to be.

    :param places: whose calls it has; None for the one under way
    :param is_protected: whether it can be repeated by its key
    :param twice: whether the report must show nothing for twice its lag before it is sent anew
    """

    places: Collection[int] | None
    sends: tuple[SendNote, ...]
    is_protected: bool
    twice: bool


class UnansweredSends:
    """What is known of the sends of a list that went unanswered.

    :param method: by which it is sent
    :param campaign: digest of where calls are sent now: what was sent elsewhere, nothing settles
    :param time_is_known: whether the server tells its time just now; else an hour is taken off each limit
    """

    def __init__(self, method: str, campaign: str, limits: Limits, *, time_is_known: bool) -> None:
        # A single number is repeated by its key in every try; see by_add_phone.
        self._most_silent = MOST_SILENT if method == "addPhones" else None
        self._campaign = campaign
        self._limits = limits
        self._now = ClockSource.SERVER if time_is_known else ClockSource.WORKER

    def keys_live_until(self, batches: Iterable[OpenBatch]) -> float | None:
        """Return the server's time up to which all that a key protects can be repeated; None if none protects any."""
        ends = [
            latest_repeat(min(send[0] for send in part.sends), self._limits, self._margin(part))
            for batch in batches
            for part in self._parts(batch)
            if part.sends and part.is_protected and self._is_of_here(part)
        ]
        return min(ends, default=None)

    def keys_wait_for_the_time(self, batches: Iterable[OpenBatch], now: float) -> bool:
        """Whether something can be repeated by its key once the server tells its time again, as it did at those sends.

        :param now: the server's time by the worker's clock
        """
        by_worker = margin({ClockSource.WORKER})
        return any(
            all(send[2] == ClockSource.SERVER for send in part.sends)
            and now < latest_repeat(min(send[0] for send in part.sends), self._limits, by_worker)
            for batch in batches
            for part in self._parts(batch)
            if part.sends and part.is_protected and self._is_of_here(part)
        )

    def gone_on_with(self, batch: OpenBatch, left: Collection[int], waits: Mapping[int, float]) -> set[float]:
        """Return the server's times from which on something can be done about a batch, each for some calls; 0 for now.

        :param left: the places of its calls that something is left to be done about
        :param waits: until when some of them wait for the report, by place, as a try has just now learnt
        """
        times: set[float] = set()
        rest = {*left}
        for part in self._parts(batch):
            places = rest.intersection(part.places) if part.places is not None else batch.under_way_of(rest)
            rest -= places
            times |= {waits[place] for place in places if place in waits}
            if self._is_of_here(part) and not places <= waits.keys():
                times.add(self._tried_from(part))
        return times | {0.0} if rest else times  # what is left then comes after the part under way

    def _tried_from(self, part: _Part) -> float:
        """When a part of which no more is known can be tried again."""
        if not part.sends or part.is_protected:
            return 0.0
        shown = shown_at(max(send[1] for send in part.sends), self._limits, self._margin(part))
        return shown + (self._limits.report_lag if part.twice else 0.0)

    def _parts(self, batch: OpenBatch) -> Iterator[_Part]:
        """The parts of a batch; last the one that is under way."""
        under_way = _Part(
            None,
            batch.sends,
            not (batch.key_lost or batch.other_key) and self._is_repeated(batch.silent),
            bool(batch.other_key or batch.silent),
        )
        apart = [
            _Part(
                part.open_places(()),
                part.sends,
                not part.other_key and self._is_repeated(part.silent),
                bool(part.other_key or part.silent),
            )
            for part in batch.apart
        ]
        yield from (*apart, under_way)

    def _is_of_here(self, part: _Part) -> bool:
        """Whether it was sent nowhere else: nothing settles that."""
        return all(send[3] == self._campaign for send in part.sends)

    def _is_repeated(self, silent: int) -> bool:
        return self._most_silent is None or silent < self._most_silent

    def _margin(self, part: _Part) -> float:
        return margin({self._now, *(send[2] for send in part.sends)})
