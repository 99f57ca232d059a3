"""Sending a frozen list: which batch comes when, what every send has in common, and how it all ends.

How one batch is sent stands in ``by_list`` (addPhones: a batch is a request) and ``by_number`` (addPhone: a number is).
Two rules hold in both: what may create a job is noted in the task's entry before it leaves, and any error of the store
ends the try, for the store refuses the writes of a try that was replaced.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from aimylogic_provider.call_list.decision import window
from aimylogic_provider.call_list.endings import Endings, ParkedCalls, WaitingCalls
from aimylogic_provider.call_list.entry import EntryKeeper, ListRuling, OpenBatch
from aimylogic_provider.call_list.garbage import seldom_collected
from aimylogic_provider.call_list.manifest import Batch, CallListError, Claim
from aimylogic_provider.call_list.progress import Progress
from aimylogic_provider.call_list.reconcile import CreatedJob, jobs_created
from aimylogic_provider.call_list.stored import CallList, Counts, Outcome
from aimylogic_provider.call_list.work import Work
from aimylogic_provider.calls_api.async_transport import AiohttpTransport
from aimylogic_provider.calls_api.client import AsyncCampaignClient, CampaignClient
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.calls_api.phone import mask_phone
from aimylogic_provider.calls_api.transport import TransportSettings
from aimylogic_provider.idempotence.clocks import Clock, Reading
from aimylogic_provider.idempotence.decision import AIRFLOW_SLACK
from aimylogic_provider.idempotence.not_added import NotAddedError
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.repetitions import MAX_PAUSE, SENDS_PER_TRY, repeated
from aimylogic_provider.idempotence.server_view import ServerView
from aimylogic_provider.idempotence.situation import Terms, Time

__all__ = ["FRESH", "Method", "SendSettings", "Sending"]

FRESH = 30.0
"""Seconds that may pass between a decision and the request that it led to."""

_OF_THE_CAMPAIGN = frozenset({"invalid.token", "invalid.call.task.state"})
"""What refuses a request whatever numbers it holds: no outcome of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """How a list is sent.

    :param campaign: digest of where
    :param concurrency: requests under way at a time, at most
    :param requests_per_second: at most; None for as many as go
    :param report_lag: seconds until a new job shows in the report, at most
    :param most_set_aside: how many rows may be rejected or refused; None for any number
    """

    transport: TransportSettings
    campaign: str
    concurrency: int
    requests_per_second: float | None
    report_lag: float
    most_set_aside: int | None

    @property
    def terms(self) -> Terms:
        """The limits by which a send is decided."""
        return Terms(self.report_lag, self.transport.total_timeout + FRESH, SENDS_PER_TRY, MAX_PAUSE)


class Method(Protocol):
    """One way to send a batch."""

    workers: int

    async def settle(self, work: Work) -> None:
        """Send what isn't settled of a batch.

        :raises WaitingCalls: if a later try must
        :raises ParkedCalls: if a person must
        :raises NotAddedError: if the whole try is to end
        """


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
        self.settings = settings
        self.keeper = keeper
        self.clock = clock
        self.log = log
        self._shard = shard
        self._client = client
        self._view = ServerView(client, clock, log)
        self._asking = asyncio.Lock()
        self._thread = threading.Lock()
        self._pace = _Pace(settings.requests_per_second)
        self._endings = Endings()
        self._stopped: str | None = None
        self._batches = call_list.batches(shard)
        self._done = call_list.done()
        self.progress = Progress(sum(batch.calls for batch in self._batches), log)

    def end(self) -> str:
        """Send nothing from now on. For use in a signal's handler."""
        self._stopped = "the task is being ended"
        under_way = len(self.keeper.entry.open)
        return f"{self.progress.summary()}. Nothing more is sent; of {under_way} begun batches the next try finds out."

    def run(self, task: str, *, begun_now: bool) -> Counts:
        """Send all that isn't settled; return what became of all calls.

        :param task: the task instance, in words
        :param begun_now: whether its entry is new, so that what it had noted before may be lost
        :raises NotAddedError: if something isn't settled, with what is known and the ways out
        :raises CallListError: if the list can't be gone on with
        :raises Exception: whatever the store raises
        """
        self.call_list.claimed(self._shard, task)  # or raises
        done = sum(batch.name in self._done for batch in self._batches)
        if done < self.keeper.entry.done:
            raise CallListError(
                f"{self.call_list.folder.address} shows {done:,} batches that are done, and {self.keeper.entry.done:,} "
                "were: some of its files are missing, and nothing is sent. Put them back, and clear the task"
            )
        self.keeper.entry.done = done
        for batch in self._batches:
            if batch.name in self._done:
                self.keeper.entry.open.pop(batch.name, None)
                self.progress.add(self._done[batch.name], earlier=True)
        self._check_set_aside()
        if self.progress.left:
            try:
                with seldom_collected():
                    asyncio.run(self._run(task, begun_now))
            except BaseExceptionGroup as group:
                raise _first(group) from None
            except ApiError as error:
                raise _not_asked(error) from None
        self._endings.conclude(
            self.call_list, self.progress, self._now(), stopped=self._stopped, ruling=self.keeper.entry.ruling
        )
        return self.progress.counts

    @property
    def largest_batch(self) -> int:
        """Calls of the largest batch."""
        return max((batch.calls for batch in self._batches), default=0)

    def known(self, batch: Batch) -> tuple[Iterable[Outcome], bool]:
        """What is known of a batch now: its settled calls, and whether the others are parked."""
        for work, _ in self._endings.parked:
            if work.batch.name == batch.name:
                return work.outcomes.values(), True
        outcomes = self.call_list.outcomes(batch)
        begun = self.keeper.entry.open.get(batch.name)
        if not outcomes and begun is not None and begun.progress is not None:
            outcomes = self.call_list.progress(begun.progress)
        return outcomes, False

    async def time(self) -> Time:
        """The server's time; asked for once a minute."""
        async with self._asking:
            return await asyncio.to_thread(self._ask_time)

    async def jobs(self, work: Work, places: Sequence[int]) -> tuple[dict[str, list[CreatedJob]], float]:
        """Ask the report for the jobs of some calls, within the times of their sends, and no other calls' jobs.

        :returns: the jobs by phone, and the server's time, at the earliest, when they were asked for
        """
        asked = (await self.time()).earliest
        phones = {work.phone(place) for place in places}
        ranges = [window(send) for send in work.state.noted]
        async with self._asking:
            found = await asyncio.to_thread(self._ask_report, ranges, phones)
            owned = await asyncio.to_thread(
                self._owned, work.batch, {job.id for jobs in found.values() for job in jobs}
            )
        found = {phone: [job for job in jobs if job.id not in owned] for phone, jobs in found.items()}
        shown = sum(map(bool, found.values()))
        self.log.info("Batch %s: the report shows jobs of %s of its %s phones.", work.batch.name, shown, len(phones))
        return found, asked

    async def note(self, work: Work, time: Time) -> Reading:
        """Note a send of a batch, before it leaves; return when it was decided.

        :raises NotAddedError: if nothing more is to be sent, or the worker stood still: then nothing leaves
        """
        decided = Reading.of(self.clock)
        self._check_stopped()
        await asyncio.to_thread(work.keep, self.call_list)
        # What leaves, leaves within FRESH, or not on this note.
        until = time.latest + FRESH + self.settings.transport.total_timeout
        work.state.sends.append((time.earliest, until, time.clock.value, self.settings.campaign))
        self._open(work)
        await self.keeper.save()
        if not self.is_fresh(decided):
            work.state.sends.pop()
            self._open(work)
            await self.keeper.save()
            self._view.forget_time()
            raise NotAddedError(
                f"More than {FRESH:g} seconds passed between deciding to send batch {work.batch.name} and doing so: it "
                "was not sent. The next try decides anew",
                retryable=True,
            )
        return decided

    def is_fresh(self, decided: Reading) -> bool:
        """Whether a request may still leave that was decided then."""
        return self._stopped is None and decided.is_within(FRESH, self.clock)

    def most_at_once(self, places: list[int]) -> list[int]:
        """As many of *places* as the rate of requests lets go on one note."""
        rate = self.settings.requests_per_second
        return places if rate is None else places[: max(1, int(rate * FRESH * 0.8))]

    async def wait_for_turn(self) -> None:
        """Keep to the rate of requests."""
        await self._pace.wait()

    def set_aside(self, work: Work, places: Iterable[int], reason: str) -> None:
        """Take calls for refused.

        :raises NotAddedError: if that are more than allowed
        """
        for place in places:
            work.refused(place, reason)
            self.progress.refused(f"row {work.lines[place].row}: {mask_phone(work.phone(place))}, {reason}")
        self._check_set_aside()

    def ruling_for(self, work: Work) -> ListRuling | None:
        """What a person said of a batch's parked calls, if that was to send them, and is not yet followed."""
        ruling = self.keeper.entry.ruling
        if ruling is None or not ruling.send or work.batch.name not in ruling.question.batches:
            return None
        return None if work.state.again == ruling.question.reference else ruling

    def refused_campaign(self, error: ApiError) -> None:
        """End the try if the campaign takes no numbers at all.

        :raises NotAddedError: then
        """
        if error.type in _OF_THE_CAMPAIGN:
            raise NotAddedError(f"{error}. What is not sent yet is sent when the task is cleared", retryable=False)

    def failed(self, error: ApiError, sends_left: int) -> float:
        """What a send without an answer means: the pause after which it may be repeated.

        :raises NotAddedError: if this try repeats it no more
        """
        asked = error.retry_after or 0.0
        if not error.retryable or sends_left <= 0 or asked > MAX_PAUSE:
            wait = f" The server asks to wait {asked:g} seconds." if asked and error.retryable else ""
            raise NotAddedError(f"{error}.{wait}", retryable=error.retryable)
        return max(asked, self._jitter(SENDS_PER_TRY - sends_left))

    def client(self) -> AsyncCampaignClient:
        """What sends."""
        return self._sender

    async def _run(self, task: str, begun_now: bool) -> None:
        from aimylogic_provider.call_list.by_list import ByList
        from aimylogic_provider.call_list.by_number import ByNumber

        concurrency = self.settings.concurrency
        async with AiohttpTransport(self.settings.transport, connections=concurrency) as transport:
            self._sender = AsyncCampaignClient(self._client.address, transport)
            method: Method = ByList(self) if self.call_list.manifest.method == "addPhones" else ByNumber(self)
            # The token is proved, and the clocks are told, before anything is sent.
            self._claim(task, await self.time(), begun_now)
            telling = asyncio.create_task(self.progress.tell(self.keeper.entry))
            try:
                left = [batch for batch in self._batches if batch.name not in self._done]
                for _, turn in groupby(left, key=lambda batch: batch.turn):
                    batches = iter(list(turn))
                    async with asyncio.TaskGroup() as group:
                        for _ in range(method.workers):
                            group.create_task(self._work(method, batches))
                    if self._stopped is not None or self._endings.waiting:
                        break  # a later turn may hold the same phones
            finally:
                telling.cancel()
            self.progress.note(self.keeper.entry)
            await self.keeper.save()

    def _claim(self, task: str, now: Time, begun_now: bool) -> None:
        """Have the shard belong to this task instance; know by that if it was begun, and its entry lost."""
        entry = self.keeper.entry
        until = now.latest + FRESH + self.settings.transport.total_timeout
        claim = self.call_list.claimed(self._shard, task)
        if claim is None:
            campaign = self.settings.campaign
            self.call_list.claim(Claim(task, self._shard, now.earliest, now.clock.value, campaign))
        elif begun_now:
            entry.before = (claim.at, until, claim.clock, claim.campaign)
        if entry.doubtful_since is not None and entry.before is None:
            entry.before = (entry.doubtful_since - AIRFLOW_SLACK, until, now.clock.value, self.settings.campaign)
        if begun_now:
            self.keeper.save_now()

    async def _work(self, method: Method, batches: Iterator[Batch]) -> None:
        for batch in batches:
            if self._stopped is not None:
                return
            await self._settle(method, batch)

    async def _settle(self, method: Method, batch: Batch) -> None:
        work = await asyncio.to_thread(self._load, batch)
        before = _settled(work)
        self.progress.add(before, earlier=True)
        try:
            await method.settle(work)
        except ParkedCalls as parked:
            self._endings.parked.append((work, parked.jobs))
        except WaitingCalls as waiting:
            self._endings.waiting[batch.name] = waiting.until
        except NotAddedError as error:
            self._fail(error)
        except ApiError as error:
            self._fail(_not_asked(error))
        await self._keep(work)
        counts = _settled(work)
        self.progress.add(Counts(counts.created - before.created, 0))

    async def _keep(self, work: Work) -> None:
        """Write down what became of a batch, and have the entry's next write tell of it."""
        if work.unsettled:
            await asyncio.to_thread(work.keep, self.call_list)
            self._open(work)
            return
        await asyncio.to_thread(self.call_list.write_done, work.batch, list(work.outcomes.values()))
        self.keeper.entry.open.pop(work.batch.name, None)
        self.keeper.entry.done += 1

    def _fail(self, error: NotAddedError) -> None:
        self._endings.errors.append(error)
        self._stopped = self._stopped or str(error)

    def _load(self, batch: Batch) -> Work:
        entry = self.keeper.entry
        state = entry.open.get(batch.name)
        if state is None:
            state = OpenBatch()
            if entry.before is not None:
                # An entry that was lost may have noted a send of it.
                state.sends = [entry.before]
                state.progress = self.call_list.furthest_progress(batch)
                # In what parts it was sent is then not known, and so no key of its.
                parted = state.progress is not None and self.call_list.manifest.method == "addPhones"
                state.key_lost = parted or entry.doubtful_since is not None
        return Work.load(self.call_list, batch, state.copy())

    def _open(self, work: Work) -> None:
        """Have the entry's next write tell of a batch, once what it names is durable."""
        if work.state.sends or work.state.progress is not None:
            # A copy: another batch's write must not take along what is not durable yet.
            self.keeper.entry.open[work.batch.name] = work.state.copy()
        else:
            self.keeper.entry.open.pop(work.batch.name, None)
        self.progress.note(self.keeper.entry)

    def _ask_time(self) -> Time:
        with self._thread:
            return repeated(lambda attempt: self._view.fresh_time(), self.clock.sleep)

    def _ask_report(self, ranges: list[tuple[float, float]], phones: Collection[str]) -> dict[str, list[CreatedJob]]:
        with self._thread:
            return repeated(lambda attempt: jobs_created(self._client, ranges, phones), self.clock.sleep)

    def _owned(self, batch: Batch, jobs: Collection[str]) -> set[str]:
        """Those of *jobs* that are known to be of other batches, which may hold the same phones."""
        owned: set[str] = set()
        if not jobs or all(other.turn == batch.turn for other in self._batches):
            return owned
        for other in self._batches:
            if other.turn == batch.turn:
                continue
            outcomes = self.call_list.outcomes(other)
            begun = self.keeper.entry.open.get(other.name)
            if begun is not None and begun.progress is not None:
                outcomes = self.call_list.progress(begun.progress)
            owned.update(one.job for one in outcomes if one.job in jobs)  # type: ignore[misc]
        return owned

    def _jitter(self, repetition: int) -> float:
        from tenacity import RetryCallState, wait_random_exponential

        state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]
        state.attempt_number = max(1, repetition)
        return wait_random_exponential(multiplier=1, max=MAX_PAUSE)(state)

    def _check_stopped(self) -> None:
        if self._stopped is not None:
            raise NotAddedError(f"Nothing more is sent: {self._stopped}", retryable=True)

    def _check_set_aside(self) -> None:
        most, aside = self.settings.most_set_aside, self.call_list.pointer.rejected + self.progress.counts.refused
        if most is not None and aside > most:
            raise NotAddedError(
                f"{aside:,} rows are rejected or refused, more than the {most:,} that max_rejected allows: nothing "
                f"more is sent. {self.progress.summary()}. {self.progress.reasons()} Raise max_rejected and clear the "
                "task to go on with this very list, or correct the rows and start a new DAG run",
                retryable=False,
            )

    def _now(self) -> float:
        now = self._view.now()
        return self.clock.wall() if now is None else now.earliest


def _not_asked(error: ApiError) -> NotAddedError:
    """The try ends, for the server did not say what must be known before anything is sent."""
    return NotAddedError(f"{error}", retryable=error.retryable)


def _settled(work: Work) -> Counts:
    created = sum(one.outcome == "created" for one in work.outcomes.values())
    return Counts(created, len(work.outcomes) - created)


class _Pace:
    """Lets requests go at a rate."""

    def __init__(self, per_second: float | None) -> None:
        self._gap = 0.0 if per_second is None else 1.0 / per_second
        self._next = 0.0

    async def wait(self) -> None:
        if self._gap:
            now = asyncio.get_running_loop().time()
            at = max(now, self._next)
            self._next = at + self._gap
            await asyncio.sleep(at - now)


def _first(error: BaseException) -> BaseException:
    """The first error of a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
