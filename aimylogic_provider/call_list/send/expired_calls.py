"""Calls that are too late to be sent: found before each request, and set aside as *expired*, for good.

For good, and so not by a single answer's time: the server must have told it twice alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from aimylogic_provider.call_list.freeze.finish_times import Arrival
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.progress import SyncProgress
from aimylogic_provider.call_list.send.send_notes import SendNotes
from aimylogic_provider.call_list.send.server_time_and_report import ServerQuestions
from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.time_limits import Time

__all__ = ["ExpiredCalls"]

_ASKED = 3
"""How often the time is asked for again, until two answers in a row agree."""


class ExpiredCalls:
    """Sets late calls aside.

    :param progress: tells of them in the log
    :param questions: ask for the server's time
    :param send_timeout: seconds that a send takes at most
    """

    def __init__(
        self, shard: Shard, notes: SendNotes, progress: SyncProgress, questions: ServerQuestions, send_timeout: float
    ) -> None:
        self._shard = shard
        self._notes = notes
        self._progress = progress
        self._questions = questions
        self._send_timeout = send_timeout
        self._disagreed = 0

    def late(self, under_way: BatchUnderWay, places: Sequence[int], time: Time) -> list[int]:
        """The places of those that are too late, if they were sent now."""
        latest = Arrival(time, self._send_timeout).latest
        return [place for place in places if under_way.sendable_until(place) < latest]

    async def surely_late(self, under_way: BatchUnderWay, late: Sequence[int]) -> tuple[list[int], Time]:
        """Those of late calls that are late by a time that was told twice alike, and that; none if it isn't sure yet.

        :raises NotAddedError: if the server goes on telling other times
        """
        agreed = await self._questions.time_is_agreed()
        time, _ = await self._questions.time()
        if agreed:
            self._disagreed = 0
            return self.late(under_way, late, time), time
        self._disagreed += 1
        if self._disagreed >= _ASKED:
            raise NotAddedError(
                "The server tells its time otherwise with each answer, and by one of them calls are too late to be "
                "sent: nothing of them is set aside. The next try asks again",
                retryable=True,
            )
        return [], time

    async def set_aside(self, under_way: BatchUnderWay, late: Sequence[int], time: Time) -> None:
        """Take calls for expired, of which no send is open any more.

        :raises Exception: whatever the store raises
        """
        under_way.state = under_way.state.none_came()
        # What is settled by now is kept before the entry tells that no send is open, or it would be sent once more.
        await self._shard.keep(under_way)
        # The fence comes before the rest: a try that was replaced may not know what its successor has sent.
        await self._notes.save(under_way)
        arrival = Arrival(time, self._send_timeout)
        for place in late:
            under_way.expired(place, arrival.why_late(bytes(under_way.lines[place].call)))
        reason = under_way.outcomes[late[0]].reason
        self._progress.expired(f"row {under_way.lines[late[0]].row}: {reason}", len(late))
        await self._shard.keep(under_way)
        await self._notes.save(under_way)
