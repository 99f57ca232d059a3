"""The last look before a request leaves: which of its calls a rule of the user's forbids by now.

Whoever has been called, or has said no, since the list was frozen is not called. What is looked at, and where, is told
by whoever looks: see ``call_list_task``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.progress import SyncProgress
from aimylogic_provider.call_list.send.send_notes import SendNotes
from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.idempotence.server_time import Clock, Reading

__all__ = ["Barred", "BarredCalls", "LastLook"]


_SOON = 5.0
"""Seconds after which what the first look told is looked at again, before anything leaves by it."""
_LOOKS = 3


class Barred(NamedTuple):
    """That a call must not be made.

    :param outcome: of the call, once nothing that was sent of it is open
    :param reason: in words
    """

    outcome: Literal["excluded", "capped"]
    reason: str


class LastLook(Protocol):
    """Looks whether calls may be made."""

    async def barred(self, under_way: BatchUnderWay, places: Sequence[int]) -> Mapping[int, Barred]:
        """Tell which calls must not be made, by their places; asked before each request for them.

        :raises NotAddedError: if it can't be known: then nothing leaves
        """

    async def left(self, under_way: BatchUnderWay) -> None:
        """A try is done with a batch, and what became of its calls is kept.

        :raises NotAddedError: if what it held of others can't be let go of
        """


class BarredCalls:
    """All last looks, one after the other; and what becomes of the calls that they forbid.

    :param progress: tells of them in the log
    """

    def __init__(
        self, looks: Sequence[LastLook], shard: Shard, notes: SendNotes, progress: SyncProgress, clock: Clock
    ) -> None:
        self._looks = looks
        self._shard = shard
        self._notes = notes
        self._progress = progress
        self._clock = clock
        self._looked: dict[str, Reading] = {}
        """Of each batch, the worker's clocks when the first of the last looks for it had ended."""

    async def among(self, under_way: BatchUnderWay, places: Sequence[int]) -> dict[int, Barred]:
        """Which of some calls must not be made.

        :raises NotAddedError: if it can't be known
        """
        found: dict[int, Barred] = {}
        for _ in range(_LOOKS):
            readings = []
            for look in self._looks:
                if rest := [place for place in places if place not in found]:
                    found.update(await look.barred(under_way, rest))
                    readings.append(Reading.of(self._clock))
            if readings:
                self._looked[under_way.batch.name] = readings[0]
            # What one look told gets old while the next one waits for others, as for their claims.
            if not readings or readings[0].is_within(_SOON, self._clock):
                break
        return found

    def fresh_since(self, under_way: BatchUnderWay, reading: Reading) -> Reading:
        """Since when what a request is decided by must be fresh: the last looks, or what came before those.

        :param reading: the worker's clocks when the server's time was told
        """
        looked = self._looked.get(under_way.batch.name, reading)
        return min(looked, reading, key=lambda one: one.monotonic)

    async def set_aside(self, under_way: BatchUnderWay, barred: Mapping[int, Barred]) -> None:
        """Take calls for what they are barred as, of which no send is open any more.

        :raises Exception: whatever the store raises
        """
        # What is settled by now is kept before the entry tells that no send is open, or it would be sent once more.
        await self._shard.keep(under_way)
        # The fence comes before the rest: a try that was replaced may not know what its successor has sent.
        await self._notes.save(under_way)
        for place, one in barred.items():
            under_way.barred(place, one.outcome, one.reason)
        for outcome, calls in Counter(one.outcome for one in barred.values()).items():
            self._progress.barred(outcome, calls)
        await self._shard.keep(under_way)
        await self._notes.save(under_way)

    async def left(self, under_way: BatchUnderWay) -> None:
        """A try is done with a batch, and what became of its calls is kept.

        :raises NotAddedError: if what a look held of others can't be let go of
        """
        self._looked.pop(under_way.batch.name, None)
        for look in self._looks:
            await look.left(under_way)
