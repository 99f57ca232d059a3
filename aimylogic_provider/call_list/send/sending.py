"""Sending a frozen list: which batch comes when, and how it all ends.

How one batch is sent stands in ``by_list`` (addPhones: a batch is a request) and ``by_number`` (addPhone: a number is).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby

from aimylogic_provider.call_list.report.jobs_of_other_tasks import Neighbours
from aimylogic_provider.call_list.report.server_questions import Questions
from aimylogic_provider.call_list.send.batch_progress import Work
from aimylogic_provider.call_list.send.batch_sender import Means, Way
from aimylogic_provider.call_list.send.by_add_phone import ByNumber
from aimylogic_provider.call_list.send.by_add_phones import ByList
from aimylogic_provider.call_list.send.expired_calls import Expiries
from aimylogic_provider.call_list.send.garbage_collection import seldom_collected
from aimylogic_provider.call_list.send.progress import Progress
from aimylogic_provider.call_list.send.refusals import Refusals
from aimylogic_provider.call_list.send.request_rate import Pace
from aimylogic_provider.call_list.send.send_notes import Notes
from aimylogic_provider.call_list.send.settings import SendSettings
from aimylogic_provider.call_list.send.unsettled_calls import (
    Endings,
    Parked,
    ParkedCalls,
    UnansweredCalls,
    WaitingCalls,
)
from aimylogic_provider.call_list.store.manifest import Batch
from aimylogic_provider.call_list.store.outcomes import Counts, Outcome
from aimylogic_provider.call_list.store.shard import Shard
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list.store.sync_entry import EntryKeeper
from aimylogic_provider.calls_api.client import AsyncCampaignClient, CampaignClient
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.server_time import Clock

__all__ = ["Sending"]


class Sending:
    """Sends a shard of a list, in one try.

    :param call_list: read afresh in this try
    :param client: for what is only asked
    """

    def __init__(
        self,
        call_list: CallList,
        shard: int,
        *,
        keeper: EntryKeeper,
        client: CampaignClient,
        clock: Clock,
        settings: SendSettings,
        log: Log,
    ) -> None:
        self.call_list = call_list
        self._keeper = keeper
        self._client = client
        self._settings = settings
        self._shard = Shard(call_list, shard, keeper=keeper, settings=settings)
        self.progress = Progress(sum(batch.calls for batch in self._shard.batches), log)
        self._pace = Pace(settings.requests_per_second)
        self._neighbours = Neighbours(
            call_list.manifest.task_folder.rsplit("/", 2)[0],  # of <call_list_path>/<dag>/<task>
            own_list=call_list.folder.address,
            campaign=settings.campaign,
            log=log,
        )
        self._questions = Questions(client, self._shard, self._neighbours, pace=self._pace, clock=clock, log=log)
        self._notes = Notes(self._shard, keeper, self._questions, self.progress, clock=clock, settings=settings)
        self._refusals = Refusals(call_list.pointer.rejected, settings.most_set_aside, self.progress)
        self._endings = Endings()

    def end(self) -> str:
        """Send nothing from now on. For use in a signal's handler."""
        self._notes.stop("the task is being ended")
        under_way = len(self._keeper.entry.open)
        return f"{self.progress.summary()}. Nothing more is sent; of {under_way} begun batches the next try finds out."

    def leave(self, batches: frozenset[str]) -> None:
        """Send nothing of some batches: they were let go of, and others call their people."""
        self._shard.others = batches

    def known(self, batch: Batch) -> tuple[Iterable[Outcome], Collection[int]]:
        """What is known of a batch now: its settled calls, and which of the other rows are parked."""
        for work, _ in self._endings.parked:
            if work.batch.name == batch.name:
                return work.outcomes.values(), self._endings.rows_parked(batch.name)
        return self._shard.outcomes(batch), frozenset()

    def run(self, task: str, *, begun_now: bool) -> Counts:
        """Send all that isn't settled; return what became of all calls.

        :param task: the task instance, in words
        :param begun_now: whether its entry is new, so that what it had noted before may be lost
        :raises NotAddedError: if something isn't settled, with what is known and the ways out
        :raises CallListError: if the list can't be gone on with
        :raises Exception: whatever the store raises
        """
        self._neighbours.task = task
        self.progress.add(self._shard.begin(task), earlier=True)
        self._refusals.check()
        if self.progress.left:
            try:
                with seldom_collected():
                    asyncio.run(self._run(task, begun_now))
            except BaseExceptionGroup as group:
                raise _first(group) from None
            except ApiError as error:
                raise _not_asked(error) from None
        self._endings.conclude(
            self.call_list,
            self.progress,
            self._questions.last_time(),
            stopped=self._notes.stopped,
            ruling=self._keeper.entry.ruling,
            before=self._keeper.entry.before,
            campaign=self._settings.campaign,
        )
        if self._shard.others:
            raise NotAddedError(
                f"{self.progress.left:,} calls of this list are not sent by it any more: they were let go of when this "
                f"task ended for good, and another run's list has taken people of them. {self.progress.summary()}. "
                "Whom that run doesn't call either, a new DAG run calls whose query selects them",
                retryable=False,
            )
        return self.progress.counts

    async def _run(self, task: str, begun_now: bool) -> None:
        settings = self._settings
        async with AiohttpTransport(settings.transport, connections=settings.concurrency) as transport:
            means = Means(
                settings=settings,
                shard=self._shard,
                questions=self._questions,
                notes=self._notes,
                pace=self._pace,
                refusals=self._refusals,
                expiries=Expiries(
                    self._shard, self._notes, self.progress, self._questions, settings.limits.send_timeout
                ),
                client=AsyncCampaignClient(self._client.address, transport),
            )
            way = ByList(means) if self.call_list.manifest.method == "addPhones" else ByNumber(means)
            # The token is proved, and the clocks are told, before anything is sent.
            time, _ = await self._questions.time()
            self._shard.claim(task, time, begun_now=begun_now)
            telling = asyncio.create_task(self.progress.tell(self._keeper.entry))
            try:
                await self._settle_all(way, means.held)
            finally:
                telling.cancel()
            await self._notes.save()

    async def _settle_all(self, way: Way, held: set[str]) -> None:
        """Settle the batches, turn by turn: those of one turn share no phone. What was never sent comes first."""
        for _, of_turn in groupby(self._shard.left, key=lambda batch: batch.turn):
            batches = iter(sorted(of_turn, key=self._shard.silent))
            async with asyncio.TaskGroup() as group:
                for _ in range(way.workers):
                    group.create_task(self._settle_each(way, batches, held))
            if self._notes.stopped is not None:
                return

    async def _settle_each(self, way: Way, batches: Iterator[Batch], held: set[str]) -> None:
        for batch in batches:
            if self._notes.stopped is not None:
                return
            await self._settle(way, batch, held)

    async def _settle(self, way: Way, batch: Batch, held: set[str]) -> None:
        work = await self._shard.load(batch)
        before = Counts.of(work.outcomes.values())
        self.progress.add(before, earlier=True)
        try:
            await way.settle(work)
        except ParkedCalls as end:
            self._endings.park(work, end.parked)
        except WaitingCalls as waiting:
            self._endings.waiting[batch.name] = waiting.until
            self._leave(work, waiting.parked, held)
        except UnansweredCalls as unanswered:
            self._endings.left += [(work, left) for left in unanswered.left]
            if unanswered.until:
                self._endings.waiting[batch.name] = unanswered.until
            self._leave(work, unanswered.parked, held)
        except NotAddedError as error:
            self._fail(error)
        except ApiError as error:
            self._fail(_not_asked(error))
        await self._shard.put_away(work)
        # What was refused is counted already.
        after = Counts.of(work.outcomes.values())
        self.progress.add(Counts(created=after.created - before.created, expired=after.expired - before.expired))

    def _leave(self, work: Work, parked: Parked, held: set[str]) -> None:
        """Leave a batch to a later try: what that may yet settle, a later turn must not send to, nor wait for more."""
        self._endings.park(work, parked)
        held.update(work.phone(place) for place in {*work.unsettled} - {*parked.places})

    def _fail(self, error: NotAddedError) -> None:
        """End the try once what is under way has ended."""
        self._endings.errors.append(error)
        self._notes.stop(str(error))


def _not_asked(error: ApiError) -> NotAddedError:
    """The try ends, for the server did not say what must be known before anything is sent."""
    return NotAddedError(f"{error}", retryable=error.retryable)


def _first(error: BaseException) -> BaseException:
    """The first error of a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
