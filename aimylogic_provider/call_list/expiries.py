"""Calls that are too late to be sent: found before each request, and set aside as *expired*, for good."""

from __future__ import annotations

from collections.abc import Sequence

from aimylogic_provider.call_list.finishes import Arrival
from aimylogic_provider.call_list.noting import Notes
from aimylogic_provider.call_list.progress import Progress
from aimylogic_provider.call_list.shard import Shard
from aimylogic_provider.call_list.work import Work
from aimylogic_provider.idempotence.situation import Time

__all__ = ["Expiries"]


class Expiries:
    """Sets late calls aside.

    :param progress: tells of them in the log
    :param send_timeout: seconds that a send takes at most
    """

    def __init__(self, shard: Shard, notes: Notes, progress: Progress, send_timeout: float) -> None:
        self._shard = shard
        self._notes = notes
        self._progress = progress
        self._send_timeout = send_timeout

    def late(self, work: Work, places: Sequence[int], time: Time) -> list[int]:
        """The places of those that are too late, if they were sent now."""
        latest = Arrival(time, self._send_timeout).latest
        return [place for place in places if work.sendable_until(place) < latest]

    async def set_aside(self, work: Work, late: Sequence[int], time: Time) -> None:
        """Take calls for expired, of which no send is open any more.

        :raises Exception: whatever the store raises
        """
        work.state.sends, work.state.key_lost, work.state.other_key = [], False, False
        # The fence comes first: a try that was replaced may not know what its successor has sent.
        await self._notes.save(work)
        arrival = Arrival(time, self._send_timeout)
        for place in late:
            work.expired(place, arrival.why_late(bytes(work.lines[place].call)))
        reason = work.outcomes[late[0]].reason
        self._progress.expired(f"row {work.lines[late[0]].row}: {reason}", len(late))
        await self._shard.keep(work)
        await self._notes.save(work)
