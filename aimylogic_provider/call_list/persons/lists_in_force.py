"""A cap as a task's own lists hold it: a look at the others when one is frozen, and before each request.

Who sends a list claims it before he looks at the others'. So of two who are at it at once, at least one sees the other,
and leaves to it whoever is on both lists; that not each leaves them to the other, is up to whoever runs the tasks.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence

from aimylogic_provider.call_list.freeze.preview import capped_by_lists
from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import most_frequent
from aimylogic_provider.call_list.freeze.rules import Marked, SparedKind
from aimylogic_provider.call_list.runs.called_by_lists import CalledByLists
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.last_look import Barred
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.server_time import Clock, Reading
from aimylogic_provider.idempotence.time_limits import CALL_AGAIN_AFTER

__all__ = ["CalledLately", "ListsLook", "capped_because", "tell_capped", "way_out"]

_GONE_BY = 3.0
"""Seconds for which a look is gone by, at most."""


class CalledLately:
    """A :class:`.PhoneRule`: who stands in another list of the task.

    :param lists: makes what is asked about some phones
    """

    kind: SparedKind = "capped"
    starts = ()

    def __init__(self, lists: Callable[[frozenset[int]], CalledByLists]) -> None:
        self._lists = lists

    def marked_phones(self, phones: Callable[[], Iterable[int]]) -> Marked:
        """Mark who is called, or was.

        :raises CallListError: if a list can't tell whom it called
        """
        found = self._lists(frozenset(phones())).look()
        numbers: dict[str, int] = {}
        marks = array("L")
        for phone in phones():
            reason = found.get(phone)
            marks.append(0 if reason is None else numbers.setdefault(reason, len(numbers) + 1))
        return Marked(marks, [*numbers])


class ListsLook:
    """A :class:`.LastLook`: whom another list of the task called since, or is about to call.

    :param lists: makes what is asked, and has others know before that this task is at its list; called in a thread
    """

    def __init__(self, lists: Callable[[], CalledByLists], clock: Clock) -> None:
        self._make = lists
        self._lists: CalledByLists | None = None
        self._clock = clock
        self._looking = asyncio.Lock()
        self._found: Mapping[int, str] = {}
        self._began: Reading | None = None

    async def barred(self, under_way: BatchUnderWay, places: Sequence[int]) -> Mapping[int, Barred]:
        """Tell which calls are for somebody whom another list called, or holds.

        :raises NotAddedError: if it can't be known
        """
        async with self._looking:
            if self._began is None or not self._began.is_within(_GONE_BY, self._clock):
                began = Reading.of(self._clock)
                self._found, self._began = await asyncio.to_thread(self._look), began
        reasons = {place: self._found.get(int(under_way.phone(place))) for place in places}
        return {place: Barred("capped", reason) for place, reason in reasons.items() if reason is not None}

    async def left(self, under_way: BatchUnderWay) -> None:
        """Nothing is held of a batch but by its list."""

    def _look(self) -> Mapping[int, str]:
        try:
            if self._lists is None:
                self._lists = self._make()
            return self._lists.look()
        except CallListError as error:
            raise NotAddedError(f"{error}. What was to be sent since isn't", retryable=error.retryable) from None


def tell_capped(because: str, log: Log) -> None:
    """Tell in the log who isn't called, and the ways out."""
    log.warning("Not called, by only_new: %s. %s.", because, way_out(because))


def way_out(because: str) -> str:
    """What to do about people whom lists of other runs called, or hold, in words.

    :param because: why they aren't called; of whom is held nobody is told to start another run, for both would call
    """
    if "held by " in because:
        return "A list that isn't over calls whom it holds by itself; if its task failed, clear that one"
    when = "from then on" if "call_again" in because else f"{CALL_AGAIN_AFTER / 60:.0f} minutes after that, or later"
    return f"To call them again, start a run that says call_again, {when}"


def capped_because(call_list: CallList, shard: int | None = None) -> str:
    """Why people of a list are called by none of its calls, in words; empty if no list of another run is the reason.

    :param shard: whose calls were settled; None for a list of which nothing was sent yet
    :raises CallListError: if a file of the list is gone or unreachable
    """
    if not any(cap.by == "lists" for cap in call_list.manifest.caps):
        return ""
    reasons = capped_by_lists(call_list)
    for batch in call_list.batches(shard) if shard is not None else ():
        reasons.update(one.reason for one in call_list.outcomes(batch) if one.outcome == "capped" and one.reason)
    if [*reasons.values()] == [call_list.manifest.rows]:
        [(reason, rows)] = reasons.items()
        return f"all {rows:,} {'were' if reason.startswith('called') else 'are'} {reason}" if rows > 1 else reason
    return most_frequent(reasons)
