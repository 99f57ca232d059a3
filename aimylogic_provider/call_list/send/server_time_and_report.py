"""What the server is asked by all batches of a try: its time, and the jobs that its report shows. One at a time.

What to do with an answer is decided elsewhere; nothing that creates a job goes through here.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from itertools import chain

from aimylogic_provider.call_list.report.jobs_of_other_tasks import JobsOfOtherTasks
from aimylogic_provider.call_list.report.jobs_shown_before import JobsShownBefore
from aimylogic_provider.call_list.report.reconcile import CampaignReport, ReportRow, ShownJobs, jobs_by_phone
from aimylogic_provider.call_list.report.shown_jobs import NotUnderstoodError
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.request_rate import RateLimitedClient, RequestRate
from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.calls_api.client import CampaignClient
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.calls_api.phones.report_phones import WrittenPhones
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.retry import repeated
from aimylogic_provider.idempotence.server_time import Clock, Reading
from aimylogic_provider.idempotence.server_view import ServerView
from aimylogic_provider.idempotence.time_limits import ClockSource, Time, send_window

__all__ = ["ServerQuestions"]


class ServerQuestions:
    """Asks the server, in threads, so that requests under way go on meanwhile.

    :param shard: tells which of the jobs are other batches'
    :param others_jobs: tells which are other lists'
    :param request_rate: at which requests go, those that ask too
    """

    def __init__(
        self,
        client: CampaignClient,
        shard: Shard,
        others_jobs: JobsOfOtherTasks,
        *,
        request_rate: RequestRate,
        clock: Clock,
        log: Log,
    ) -> None:
        self._others_jobs = others_jobs
        self._shard = shard
        self._clock = clock
        self._log = log
        self._view = ServerView(client, clock, log, turn=lambda: request_rate.hold(clock))
        self._report = CampaignReport(RateLimitedClient(client, request_rate, clock), shard.settled_jobs)
        self._shown_before = JobsShownBefore(shard.call_list)
        self._order_is_wrong = False
        self._asking = asyncio.Lock()
        self._thread = threading.Lock()
        """A question that was cancelled has left the first lock, while its thread goes on to use the client."""

    async def time(self) -> tuple[Time, Reading]:
        """The server's time, asked for once a minute; and the worker's clocks, read just before it was told."""
        async with self._asking:
            return await asyncio.to_thread(self._ask_time)

    async def time_is_agreed(self) -> bool:
        """Whether the server told its time twice alike; else it is asked, and goes by its last answer from now on."""
        async with self._asking:
            return await asyncio.to_thread(self._ask_time_again)

    @property
    def knows_time(self) -> bool:
        """Whether the server was asked for its time in this try, and answered."""
        return self._view.now() is not None

    @property
    def time_is_servers(self) -> bool:
        """Whether that answer told it, rather than this worker's clock."""
        now = self._view.now()
        return now is not None and now.clock is ClockSource.SERVER

    def last_time(self) -> float:
        """The server's time, at the earliest, by what it last told; by the worker's clock if it told nothing."""
        now = self._view.now()
        return self._clock.wall() if now is None else now.earliest

    def forget_time(self) -> None:
        """Rely no more on what was told before."""
        self._view.forget_time()

    async def jobs(self, under_way: BatchUnderWay, places: Sequence[int]) -> tuple[ShownJobs, float]:
        """Ask the report for the jobs of some calls, within the times of their sends, and no other calls' jobs.

        :returns: the jobs by phone, and the server's time, at the earliest, when they were asked for
        """
        asked = (await self.time())[0].earliest
        phones = {under_way.phone(place) for place in places}
        async with self._asking:
            found = await asyncio.to_thread(self._ask_report, under_way, phones)
            await asyncio.to_thread(self._check_lacks_none, under_way, places, found)
        shown = sum(map(bool, found.values()))
        self._log.info(
            "Batch %s: the report shows jobs of %s of its %s phones.", under_way.batch.name, shown, len(phones)
        )
        return found, asked

    def _ask_time(self) -> tuple[Time, Reading]:
        def told(attempt: int) -> tuple[Time, Reading]:
            self._view.fresh_time()  # asks, if need be, and may take long
            before = Reading.of(self._clock)
            return self._view.fresh_time(), before

        with self._thread:
            return repeated(told, self._clock.sleep)

    def _ask_time_again(self) -> bool:
        with self._thread:
            return repeated(lambda attempt: self._view.told_alike(), self._clock.sleep)

    def _ask_report(self, under_way: BatchUnderWay, phones: set[str]) -> ShownJobs:
        ranges = [send_window(send) for send in under_way.state.open_sends]
        with self._thread:
            try:
                rows = repeated(lambda attempt: self._report.rows(ranges, phones), self._clock.sleep)
            except NotUnderstoodError as error:
                self._log.warning("Batch %s: the report proves nothing: %s.", under_way.batch.name, error.why)
                return ShownJobs(fault=error.why)
        self._check_order(under_way)
        others = self._shard.jobs_of_others(under_way.batch, {row.job.id for row in rows})
        others |= {
            one.job for one in under_way.outcomes.values() if one.job is not None
        }  # of what else is in this batch
        others |= self._shard.job_of_trial()
        rows = [row for row in rows if row.job.id not in others]
        owned = self._others_jobs.owned(rows, phones)

        def unadoptable(row: ReportRow, phone: str) -> bool:
            return owned.could_own(row, phone) or self._shard.could_be_trial(phone)

        return jobs_by_phone((row for row in rows if row.job.id not in owned.jobs), unadoptable)

    def _check_lacks_none(self, under_way: BatchUnderWay, places: Sequence[int], found: ShownJobs) -> None:
        """Have the report prove nothing if it lacks a job that it showed before of a call that has none now."""
        if found.fault:
            return
        jobs = {
            under_way.lines[place].row: [job.id for job in found.get(under_way.phone(place), [])] for place in places
        }
        lacking = self._shown_before.lacking(
            under_way.batch.name, under_way.state.open_sends, jobs, self._report.read.keys()
        )
        if lacking:
            more = f" and {len(lacking) - 1:,} more" if len(lacking) > 1 else ""
            found.fault = f"it showed call job {lacking[0]}{more} before, and lacks it now"
            self._log.warning("Batch %s: the report proves nothing: %s.", under_way.batch.name, found.fault)

    def _check_order(self, under_way: BatchUnderWay) -> None:
        """Warn, once, if ids were answered in another order than they are taken in: so says what the report told."""
        if self._order_is_wrong:
            return
        told = self._report.read
        for job, phone in chain(under_way.jobs(), self._shard.jobs_with_phones(told.keys())):
            if job in told and not WrittenPhones([phone]).meant(told[job]).could_be(phone):
                self._order_is_wrong = True
                self._log.warning(
                    "The ids of call jobs in the results may be of other people of the same request: job %s was taken "
                    "for %s, and the report shows it for %s. The server answers ids in another order than that of the "
                    "request; whoever is called is not changed by it. Go by the report, and not by these ids.",
                    job, mask_phone(phone), mask_phone(told[job]),
                )  # fmt: skip
                return
