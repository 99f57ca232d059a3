"""Sending a frozen list: which batch comes when, and how it all ends.

How one batch is sent stands in ``by_add_phones`` (a batch is a request) and ``by_add_phone`` (a number is).

No request is made here, and nothing is decided about a batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from aimylogic_provider.call_list.garbage_collection import seldom_collected
from aimylogic_provider.call_list.report.jobs_of_other_tasks import JobsOfOtherTasks
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.by_endpoint.batch_sender import BatchSender, SendContext
from aimylogic_provider.call_list.send.by_endpoint.by_add_phone import AddPhoneSender
from aimylogic_provider.call_list.send.by_endpoint.by_add_phones import AddPhonesSender
from aimylogic_provider.call_list.send.expired_calls import ExpiredCalls
from aimylogic_provider.call_list.send.last_look import BarredCalls, LastLook
from aimylogic_provider.call_list.send.progress import SyncProgress
from aimylogic_provider.call_list.send.refusals import Refusals
from aimylogic_provider.call_list.send.request_rate import RequestRate
from aimylogic_provider.call_list.send.send_notes import SendNotes
from aimylogic_provider.call_list.send.server_time_and_report import ServerQuestions
from aimylogic_provider.call_list.send.settings import SendSettings
from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.call_list.send.unanswered_sends import UnansweredSends
from aimylogic_provider.call_list.send.unsettled_calls import (
    NONE_PARKED,
    Parked,
    ParkedCalls,
    UnansweredCalls,
    UnsettledBatches,
    WaitingCalls,
)
from aimylogic_provider.call_list.store.manifest import Batch
from aimylogic_provider.call_list.store.open_batch import OpenBatch
from aimylogic_provider.call_list.store.outcomes import CallOutcome, Counts, SettledBatch
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list.store.sync_entry import EntryKeeper
from aimylogic_provider.calls_api.client import AsyncCampaignClient, CampaignClient
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.next_try import NextTry
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.server_time import Clock, Reading
from aimylogic_provider.idempotence.time_limits import SLACK

__all__ = ["Sending"]


class Sending:
    """Sends a shard of a list, in one try.

    :param call_list: read afresh in this try
    :param client: for what is only asked
    :param settled: is told of each batch, once what became of its calls is kept; quick, and never raises
    :param looks: tell, before each request, which of its calls must not be made
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
        settled: Callable[[SettledBatch], None] = lambda batch: None,
        looks: Sequence[LastLook] = (),
    ) -> None:
        self.call_list = call_list
        self._settled = settled
        self._keeper = keeper
        self._client = client
        self._clock = clock
        self._settings = settings
        self._log = log
        self._shard = Shard(call_list, shard, keeper=keeper, settings=settings)
        self.progress = SyncProgress(sum(batch.calls for batch in self._shard.batches), log)
        self._request_rate = RequestRate(settings.requests_per_second)
        self._others_jobs = JobsOfOtherTasks(
            call_list.manifest.task_folder.rsplit("/", 2)[0],  # of <call_list_path>/<dag>/<task>
            own_list=call_list.folder.address,
            campaign=settings.campaign,
            log=log,
        )
        self._questions = ServerQuestions(
            client, self._shard, self._others_jobs, request_rate=self._request_rate, clock=clock, log=log
        )
        self._notes = SendNotes(self._shard, keeper, self._questions, self.progress, clock=clock, settings=settings)
        self._refusals = Refusals(call_list.pointer.rejected, settings.most_set_aside, self.progress)
        self._barred_calls = BarredCalls(looks, self._shard, self._notes, self.progress, clock)
        self._unsettled = UnsettledBatches()
        self._gone_on_with: dict[str, set[float]] = {}
        """Of each batch that this try is done with: as :meth:`.UnansweredSends.gone_on_with` tells it."""

    def end(self) -> str:
        """Send nothing from now on. For use in a signal's handler."""
        self._notes.stop("the task is being ended")
        under_way = len(self._keeper.entry.open)
        return f"{self.progress.summary()}. Nothing more is sent; of {under_way} begun batches the next try finds out."

    def server_time(self) -> float:
        """The server's time, at the earliest; by the worker's clock as long as it isn't known."""
        return self._questions.last_time()

    def leave(self, batches: frozenset[str]) -> None:
        """Send nothing of some batches: they were let go of, and others call their people."""
        self._shard.others = batches

    def hold_back(self, batches: frozenset[str]) -> None:
        """Send nothing of some batches yet: they wait for what becomes of the first calls."""
        self._shard.held_back = batches

    def known(self, batch: Batch) -> tuple[Iterable[CallOutcome], Collection[int]]:
        """What is known of a batch now: its settled calls, and which of the other rows are parked."""
        for under_way, _ in self._unsettled.parked:
            if under_way.batch.name == batch.name:
                return under_way.outcomes.values(), self._unsettled.rows_parked(batch.name)
        return self._shard.outcomes(batch), frozenset()

    def run(self, task: str, *, begun_now: bool) -> Counts:
        """Send all that isn't settled; return what became of all calls.

        :param task: the task instance, in words
        :param begun_now: whether its entry is new, so that what it had noted before may be lost
        :raises NotAddedError: if something isn't settled, with what is known and the ways out
        :raises CallListError: if the list can't be gone on with
        :raises Exception: whatever the store raises
        """
        self._others_jobs.task = task
        self.progress.add(self._shard.begin(task), earlier=True)
        self._shard.check_created_here(self._log, settled=not self.progress.left)
        self._refusals.check()
        if self.progress.left:
            try:
                with seldom_collected():
                    asyncio.run(self._run(task, begun_now))
            except BaseExceptionGroup as group:
                raise self._told_when(_first(group)) from None
            except (ApiError, NotAddedError) as error:
                raise self._told_when(error) from None
        self._unsettled.conclude(
            self.call_list,
            self.progress,
            self._questions.last_time(),
            next_try=self._next_try(),
            stopped=self._notes.stopped,
            ruling=self._keeper.entry.ruling,
            before=self._keeper.entry.before,
            campaign=self._settings.campaign,
        )
        if self._shard.others and not self._shard.held_back:
            raise NotAddedError(
                f"{self.progress.left:,} calls of this list are not sent by it any more: they were let go of when this "
                f"task ended for good, and another run's list has taken people of them. {self.progress.summary()}. "
                "Whom that run doesn't call either, a new DAG run calls that has them among its rows",
                retryable=False,
            )
        return self.progress.counts

    def _told_when(self, error: BaseException) -> BaseException:
        """An error that ends the try before its batches were settled, with when the next one can help."""
        ended = _not_asked(error) if isinstance(error, ApiError) else error
        if isinstance(ended, NotAddedError) and ended.retryable:
            asked = 0.0 if ended.next_try is None else ended.next_try.asked
            ended.next_try = replace(self._next_try(), asked=asked)
        return ended

    def _next_try(self) -> NextTry:
        """When a next try can help, by what is left to be done: nothing of that waits for what others need."""
        parked = {under_way.batch.name for under_way, _ in self._unsettled.parked}
        opened = [one for name, one in self._keeper.entry.open.items() if name not in parked]
        sends = self._unanswered_sends()
        within = sends.keys_live_until(opened)
        times = sorted(self._times()) if self._questions.knows_time else []
        now, first = self._questions.last_time(), times[0] if times else 0.0
        waits = first > now
        if waits and not self._questions.time_is_servers and sends.keys_wait_for_the_time(opened, now):
            first = now
        return NextTry.at(
            now,
            Reading.of(self._clock),
            shown=max((time for time in times if time <= first + SLACK), default=first) if waits else None,
            all_shown=times[-1] if waits else None,
            within=within,
        )

    def _times(self) -> set[float]:
        """The server's times from which on something can be done, each for some calls; 0 for now."""
        times: set[float] = set()
        for batch in self._shard.left:
            known = self._gone_on_with.get(batch.name)
            if known is None:
                # This try didn't come to it. What is settled of it counts as left: its wait may be none, not too long.
                state = self._keeper.entry.open.get(batch.name, OpenBatch())
                known = self._unanswered_sends().gone_on_with(state, range(batch.calls), {})
            times |= known
        return times

    def _unanswered_sends(self) -> UnansweredSends:
        return UnansweredSends(
            self.call_list.manifest.method,
            self._settings.campaign,
            self._settings.limits,
            time_is_known=self._questions.knows_time,
        )

    async def _run(self, task: str, begun_now: bool) -> None:
        settings = self._settings
        async with AiohttpTransport(settings.transport, connections=settings.concurrency) as transport:
            context = SendContext(
                settings=settings,
                shard=self._shard,
                questions=self._questions,
                notes=self._notes,
                request_rate=self._request_rate,
                refusals=self._refusals,
                expired_calls=ExpiredCalls(
                    self._shard, self._notes, self.progress, self._questions, settings.limits.send_timeout
                ),
                barred_calls=self._barred_calls,
                client=AsyncCampaignClient(self._client.address, transport),
            )
            sender = (
                AddPhonesSender(context) if self.call_list.manifest.method == "addPhones" else AddPhoneSender(context)
            )
            # The token is proved, and the clocks are told, before anything is sent.
            time, _ = await self._questions.time()
            self._shard.claim(task, time, begun_now=begun_now)
            telling = asyncio.create_task(self.progress.tell(self._keeper.entry))
            try:
                await self._settle_all(sender, context.held)
            finally:
                telling.cancel()
            await self._notes.save()

    async def _settle_all(self, sender: BatchSender, held: set[str]) -> None:
        """Settle the batches, turn by turn: those of one turn share no phone. What was never sent comes first."""
        for _, of_turn in groupby(self._shard.left, key=lambda batch: batch.turn):
            batches = iter(sorted(of_turn, key=self._shard.silent))
            async with asyncio.TaskGroup() as group:
                for _ in range(sender.workers):
                    group.create_task(self._settle_each(sender, batches, held))
            if self._notes.stopped is not None:
                return

    async def _settle_each(self, sender: BatchSender, batches: Iterator[Batch], held: set[str]) -> None:
        for batch in batches:
            if self._notes.stopped is not None:
                return
            await self._settle(sender, batch, held)

    async def _settle(self, sender: BatchSender, batch: Batch, held: set[str]) -> None:
        began = int(self._clock.wall() * 1e9)
        under_way = await self._shard.load(batch)
        before = Counts.of(under_way.outcomes.values())
        self.progress.add(before, earlier=True)
        held_by_others = frozenset(held)
        parked = NONE_PARKED
        waits: Mapping[int, float] = {}
        try:
            await sender.settle(under_way)
        except ParkedCalls as end:
            parked = end.parked
            self._unsettled.park(under_way, parked)
        except (WaitingCalls, UnansweredCalls) as end:
            parked, waits = end.parked, end.waits
            if isinstance(end, UnansweredCalls):
                self._unsettled.left += [(under_way, left) for left in end.left]
            if waits:
                self._unsettled.waiting[batch.name] = max(waits.values())
            self._leave(under_way, parked, held)
        except NotAddedError as error:
            self._fail(error)
        except ApiError as error:
            self._fail(_not_asked(error))
        await self._shard.put_away(under_way)
        try:
            await self._barred_calls.left(under_way)
        except NotAddedError as error:
            self._fail(error)
        left = {place for place in under_way.unsettled if under_way.phone(place) not in held_by_others}
        left.difference_update(parked.places)
        self._gone_on_with[batch.name] = self._unanswered_sends().gone_on_with(under_way.state, left, waits)
        # What was refused is counted already.
        after = Counts.of(under_way.outcomes.values())
        now = after - before
        self.progress.add(now - Counts(refused=now.refused))
        self._settled(SettledBatch(batch.name, batch.calls, began, now))

    def _leave(self, under_way: BatchUnderWay, parked: Parked, held: set[str]) -> None:
        """Leave a batch to a later try: what that may yet settle, a later turn must not send to, nor wait for more."""
        self._unsettled.park(under_way, parked)
        held.update(under_way.phone(place) for place in {*under_way.unsettled} - {*parked.places})

    def _fail(self, error: NotAddedError) -> None:
        """End the try once what is under way has ended."""
        self._unsettled.errors.append(error)
        self._notes.stop(str(error))


def _not_asked(error: ApiError) -> NotAddedError:
    """The try ends, for the server did not say what must be known before anything is sent."""
    next_try = NextTry(asked=error.retry_after or 0.0)
    return NotAddedError(f"{error}", retryable=error.retryable, next_try=next_try if error.retryable else None)


def _first(error: BaseException) -> BaseException:
    """The first error of a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
