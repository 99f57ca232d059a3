"""Calls that are too late to be sent: found before each request, and set aside as *expired*, for good.

For good, and so not by a single answer's time: the server must have told it twice alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from aimylogic_provider.call_list.freeze.finishes import Arrival
from aimylogic_provider.call_list.report.server_questions import Questions
from aimylogic_provider.call_list.send.batch_progress import Work
from aimylogic_provider.call_list.send.progress import Progress
from aimylogic_provider.call_list.send.send_notes import Notes
from aimylogic_provider.call_list.store.shard import Shard
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.situation import Time

__all__ = ["Expiries"]

_ASKED = 3
"""How often the time is asked for again, until two answers in a row agree."""


class Expiries:
    """Sets late calls aside.

    :param progress: tells of them in the log
    :param questions: ask for the server's time
    :param send_timeout: seconds that a send takes at most
    """

    def __init__(
        self, shard: Shard, notes: Notes, progress: Progress, questions: Questions, send_timeout: float
    ) -> None:
        self._shard = shard
        self._notes = notes
        self._progress = progress
        self._questions = questions
        self._send_timeout = send_timeout
        self._disagreed = 0

    def late(self, work: Work, places: Sequence[int], time: Time) -> list[int]:
        """The places of those that are too late, if they were sent now."""
        latest = Arrival(time, self._send_timeout).latest
        return [place for place in places if work.sendable_until(place) < latest]

    async def surely_late(self, work: Work, late: Sequence[int]) -> tuple[list[int], Time]:
        """Those of late calls that are late by a time that was told twice alike, and that; none if it isn't sure yet.

        :raises NotAddedError: if the server goes on telling other times
        """
        agreed = await self._questions.time_is_agreed()
        time, _ = await self._questions.time()
        if agreed:
            self._disagreed = 0
            return self.late(work, late, time), time
        self._disagreed += 1
        if self._disagreed >= _ASKED:
            raise NotAddedError(
                "The server tells its time otherwise with each answer, and by one of them calls are too late to be "
                "sent: nothing of them is set aside. The next try asks again",
                retryable=True,
            )
        return [], time

    async def set_aside(self, work: Work, late: Sequence[int], time: Time) -> None:
        """Take calls for expired, of which no send is open any more.

        :raises Exception: whatever the store raises
        """
        work.state = work.state.none_came()
        # The fence comes first: a try that was replaced may not know what its successor has sent.
        await self._notes.save(work)
        arrival = Arrival(time, self._send_timeout)
        for place in late:
            work.expired(place, arrival.why_late(bytes(work.lines[place].call)))
        reason = work.outcomes[late[0]].reason
        self._progress.expired(f"row {work.lines[late[0]].row}: {reason}", len(late))
        await self._shard.keep(work)
        await self._notes.save(work)
