"""What must be durable before a request leaves, and whether one may leave at all.

What may create a job is noted in the task's entry first, and any error of the store ends the try, for the store refuses
the writes of a try that was replaced.
"""

from __future__ import annotations

from aimylogic_provider.call_list.report.server_questions import Questions
from aimylogic_provider.call_list.send.batch_progress import Work
from aimylogic_provider.call_list.send.progress import Progress
from aimylogic_provider.call_list.send.settings import SendSettings
from aimylogic_provider.call_list.store.shard import Shard
from aimylogic_provider.call_list.store.sync_entry import EntryKeeper
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.server_time import Clock, Reading
from aimylogic_provider.idempotence.situation import Time

__all__ = ["Notes"]


class Notes:
    """Notes sends before they leave, until the try is stopped.

    :param progress: told in the same writes
    """

    def __init__(
        self,
        shard: Shard,
        keeper: EntryKeeper,
        questions: Questions,
        progress: Progress,
        *,
        clock: Clock,
        settings: SendSettings,
    ) -> None:
        self._shard = shard
        self._keeper = keeper
        self._questions = questions
        self._progress = progress
        self._clock = clock
        self._settings = settings
        self.stopped: str | None = None
        """Why nothing leaves any more, if so."""

    def stop(self, reason: str) -> None:
        """Have nothing leave from now on. For use in a signal's handler too."""
        self.stopped = self.stopped or reason

    async def note(self, work: Work, time: Time, told: Reading) -> None:
        """Note a send of a batch, before it leaves.

        :param time: the server's time by which it was decided to send
        :param told: the worker's clocks then
        :raises NotAddedError: if nothing more is to be sent, or the worker stood still: then nothing leaves
        :raises Exception: whatever the store raises
        """
        self._check_stopped()
        await self._shard.keep(work)
        # What leaves, leaves while it is fresh, or not on this note.
        until = time.latest + self._settings.terms.send_timeout
        send = (time.earliest, until, time.clock, self._settings.campaign)
        await self._shard.tell(work, send)
        work.state = work.state.noted(send)
        await self.save(work)
        if not self.is_fresh(told):
            work.state = work.state.withdrawn()
            await self.save(work)
            self._check_stopped()
            self._questions.forget_time()
            raise NotAddedError(
                f"More than {self._settings.FRESH:g} seconds passed between deciding to send batch {work.batch.name} "
                "and doing so: it was not sent. The next try decides anew",
                retryable=True,
            )

    def is_fresh(self, told: Reading) -> bool:
        """Whether a request may still leave that was decided by a time told then."""
        return self.stopped is None and told.is_within(self._settings.FRESH, self._clock)

    async def save(self, work: Work | None = None) -> None:
        """Write the entry: how far the sync is, and what is noted of a batch."""
        if work is not None:
            self._shard.enter(work)
        self._progress.note(self._keeper.entry)
        await self._keeper.save()

    def _check_stopped(self) -> None:
        if self.stopped is not None:
            raise NotAddedError(f"Nothing more is sent: {self.stopped}", retryable=True)
