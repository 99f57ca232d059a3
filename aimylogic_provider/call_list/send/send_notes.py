"""What must be durable before a request leaves, and whether one may leave at all.

What may create a job is noted in the task's entry first, and any error of the store ends the try, for the store refuses
the writes of a try that was replaced.

Whether to send is decided elsewhere, and no request leaves here.
"""

from __future__ import annotations

from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.progress import SyncProgress
from aimylogic_provider.call_list.send.server_time_and_report import ServerQuestions
from aimylogic_provider.call_list.send.settings import SendSettings
from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.call_list.store.sync_entry import EntryKeeper
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.server_time import Clock, Reading
from aimylogic_provider.idempotence.time_limits import Time

__all__ = ["SendNotes"]


class SendNotes:
    """Notes sends before they leave, until the try is stopped.

    :param progress: told in the same writes
    """

    def __init__(
        self,
        shard: Shard,
        keeper: EntryKeeper,
        questions: ServerQuestions,
        progress: SyncProgress,
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

    async def note(self, under_way: BatchUnderWay, time: Time, reading: Reading) -> None:
        """Note a send of a batch, before it leaves.

        :param time: the server's time by which it was decided to send
        :param reading: the worker's clocks then
        :raises NotAddedError: if nothing more is to be sent, or the worker stood still: then nothing leaves
        :raises Exception: whatever the store raises
        """
        self._check_stopped()
        await self._shard.keep(under_way)
        # What leaves, leaves while it is fresh, or not on this note.
        until = time.latest + self._settings.limits.send_timeout
        send = (time.earliest, until, time.clock, self._settings.campaign)
        await self._shard.tell(under_way, send)
        under_way.state = under_way.state.noted(send)
        await self.save(under_way)
        if not self.is_fresh(reading):
            under_way.state = under_way.state.withdrawn()
            await self.save(under_way)
            self._check_stopped()
            self._questions.forget_time()
            raise NotAddedError(
                f"More than {self._settings.FRESH:g} seconds passed between deciding to send batch "
                f"{under_way.batch.name} and doing so: it was not sent. The next try decides anew",
                retryable=True,
            )

    def is_fresh(self, reading: Reading) -> bool:
        """Whether a request may still leave that was decided by a time told then."""
        return self.stopped is None and reading.is_within(self._settings.FRESH, self._clock)

    async def save(self, under_way: BatchUnderWay | None = None) -> None:
        """Write the entry: how far the sync is, and what is noted of a batch."""
        if under_way is not None:
            self._shard.enter(under_way)
        self._progress.note(self._keeper.entry)
        await self._keeper.save()

    def _check_stopped(self) -> None:
        if self.stopped is not None:
            raise NotAddedError(f"Nothing more is sent: {self.stopped}", retryable=True)
