"""A shard of a list as the task that sends it knows it: whose it is, and what became of each of its batches.

Two things hold that: the list's folder, and the task's entry. What the entry names is in the folder before the entry is
written. Nothing here writes the entry but to say that the shard was begun; see ``send_notes``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence

from aimylogic_provider.call_list.report.campaign_ids import check_created_here
from aimylogic_provider.call_list.runs.sent_lists import note_begun
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.settings import SendSettings
from aimylogic_provider.call_list.store.done_batches import DoneBatches
from aimylogic_provider.call_list.store.manifest import Batch, CallListError, Claim
from aimylogic_provider.call_list.store.open_batch import OpenBatch, SendNote
from aimylogic_provider.call_list.store.outcomes import CallOutcome, Counts
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, ListRuling
from aimylogic_provider.idempotence.keys import phone_digest
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.time_limits import AIRFLOW_SLACK, Time

__all__ = ["Shard"]


class Shard:
    """A shard of a list.

    :param call_list: read afresh in this try
    :param number: of the shard, from 0
    """

    def __init__(self, call_list: CallList, number: int, *, keeper: EntryKeeper, settings: SendSettings) -> None:
        self.call_list = call_list
        self.batches = call_list.batches(number)
        self._number = number
        self._keeper = keeper
        self._settings = settings
        self._done = call_list.done()
        self._named = DoneBatches([batch.name for batch in self.batches])
        self.others: frozenset[str] = frozenset()
        """Names of batches that are other lists' by now: nothing more of them is sent."""
        self.held_back: frozenset[str] = frozenset()
        """Names of batches that wait for what becomes of the first calls: nothing of them is sent yet."""

    @property
    def left(self) -> list[Batch]:
        """The batches that were not done when this try began, in the order in which they are sent."""
        aside = self._done.keys() | self.others | self.held_back
        return [batch for batch in self.batches if batch.name not in aside]

    @property
    def largest_batch(self) -> int:
        """Calls of the largest batch."""
        return max((batch.calls for batch in self.batches), default=0)

    def begin(self, task: str) -> Counts:
        """Check that the shard can be gone on with; return what became of the batches that are done.

        :param task: the task instance, in words
        :raises CallListError: if it is another task's, or some of its files are missing
        """
        entry = self._keeper.entry
        if self.call_list.claimed(self._number, task) is None and entry.fence:
            raise self._missing("has nothing in claimed/, though this task began to send it")
        done = [batch.name for batch in self.batches if batch.name in self._done]
        self._check_none_missing(done)
        for name in done:
            self._named.add(name)
        entry.note_done(done, len(done), self._named.text)
        return sum((self._done[name] for name in done), Counts())

    def _check_none_missing(self, done: Sequence[str]) -> None:
        """Make sure that what the entry names, and what is left to be sent, is there.

        :raises CallListError: if a file is missing
        """
        entry = self._keeper.entry
        self._named = DoneBatches([batch.name for batch in self.batches], entry.done_batches)
        if missing := self._named.missing_in(done):
            shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
            raise self._missing(f"has nothing in done/ of {len(missing):,} batches that were done ({shown})")
        # An entry of before they were named has only counted them: those that it doesn't hold for open.
        counted = sum(name not in entry.open for name in done)
        if counted < entry.done:
            raise self._missing(f"has nothing in done/ of {entry.done - counted:,} batches that were done")
        for state in entry.open.values():
            if state.progress is not None:
                self.call_list.check_there(f"progress/{state.progress}")
        for batch in self.left:
            self.call_list.check_there(batch.file)

    def _missing(self, what: str) -> CallListError:
        return CallListError(
            f"{self.call_list.folder.address} {what}: some of its files are missing, or can't be seen yet, "
            "and nothing is sent. Put them back, and clear the task"
        )

    def claim(self, task: str, now: Time, *, begun_now: bool) -> None:
        """Have the shard belong to this task instance; know by that if it was begun, and its entry lost.

        :param begun_now: whether the entry is new, so that what it had noted before may be lost
        """
        entry, campaign = self._keeper.entry, self._settings.campaign
        until = now.latest + self._settings.limits.send_timeout
        claim = self.call_list.claimed(self._number, task)
        if claim is None:
            campaign_id = dict(entry.campaigns).get(campaign, "")
            self.call_list.claim(Claim(task, self._number, now.earliest, now.clock, campaign, campaign_id))
        elif begun_now and not self._surely_unsent():
            entry.before = (claim.at, until, claim.clock, claim.campaign)
        if entry.doubtful_since is not None and entry.before is None:
            entry.before = (entry.doubtful_since - AIRFLOW_SLACK, until, now.clock, campaign)
        note_begun(self.call_list)
        if begun_now:
            self._keeper.save_now()

    def _surely_unsent(self) -> bool:
        """Whether nothing of the shard can have been sent, though it was claimed: a try died between that and its note.

        An entry of before any send proves it if it was kept since, and that must be seen: a task instance that was
        deleted, and made again, begins with such an entry, too. Each send leaves its trace before it is noted.
        """
        return self._keeper.entry.sure and not self.call_list.has_traces(self.batches)

    def check_created_here(self, log: Log, *, settled: bool) -> None:
        """As :func:`.check_created_here`, of what was created by the time at which this try began."""
        created_in, campaign = self.call_list.created_in(self._number), self._settings.campaign
        path = self.call_list.folder.address
        check_created_here(created_in, self._keeper.entry, campaign, path, log, settled=settled)

    def silent(self, batch: Batch) -> int:
        """How long a batch went unanswered: 0 for one that was never sent, and the less, the sooner it is sent."""
        state = self._keeper.entry.open.get(batch.name)
        return 0 if state is None else 1 + state.silent_in_all

    async def load(self, batch: Batch) -> BatchUnderWay:
        """Read a batch, and what is known of it."""
        return await asyncio.to_thread(self._load, batch)

    def _load(self, batch: Batch) -> BatchUnderWay:
        entry = self._keeper.entry
        state = entry.open.get(batch.name)
        if state is None:
            state = OpenBatch()
            if entry.before is not None:
                # An entry that was lost may have noted a send of it.
                progress = self.call_list.furthest_progress(batch)
                # In what parts it was sent, or after whose answer, is then not known, and so no key of its.
                parted = progress is not None and self.call_list.manifest.method == "addPhones"
                key_lost = parted or entry.doubtful_since is not None or self.call_list.person_followed(batch)
                state = OpenBatch.perhaps_sent(entry.before, progress, key_lost=key_lost)
        return BatchUnderWay.load(self.call_list, batch, state, self._settings.campaign)

    async def keep(self, under_way: BatchUnderWay, *, parted: bool = False) -> None:
        """Write down what became of a batch's calls so far, if that is new, before the entry names it.

        :param parted: whether it was parted, so that it is written even if nothing became of any of them
        """
        await asyncio.to_thread(under_way.keep, self.call_list, parted=parted)

    async def tell(self, under_way: BatchUnderWay, send: SendNote) -> None:
        """Have other tasks know that a batch is about to be sent, before that is noted."""
        await asyncio.to_thread(self.call_list.write_sent, under_way.batch, send)

    def enter(self, under_way: BatchUnderWay) -> None:
        """Have the entry's next write tell of a batch, once what it names is kept."""
        self._keeper.entry.note_open(under_way.batch.name, under_way.state)

    async def put_away(self, under_way: BatchUnderWay) -> None:
        """A batch is under way no more: write down what became of it, and have the entry's next write tell of that."""
        if under_way.unsettled:
            await self.keep(under_way)
            self.enter(under_way)
            return
        await asyncio.to_thread(self.call_list.write_done, under_way.batch, list(under_way.outcomes.values()))
        entry = self._keeper.entry
        self._named.add(under_way.batch.name)
        entry.note_done([under_way.batch.name], entry.done + 1, self._named.text)

    def outcomes(self, batch: Batch) -> list[CallOutcome]:
        """What is durably known of a batch's calls."""
        outcomes = self.call_list.outcomes(batch)
        begun = self._keeper.entry.open.get(batch.name)
        if not outcomes and begun is not None and begun.progress is not None:
            outcomes = self.call_list.progress(begun.progress)
        return outcomes

    def settled_jobs(self) -> Iterator[str]:
        """Jobs that are known to be calls' of this shard, those of the first batches first."""
        for batch in self.batches:
            yield from (one.job for one in self.outcomes(batch) if one.job is not None)

    def jobs_of_others(self, batch: Batch, jobs: Collection[str]) -> set[str]:
        """Those of *jobs* that are known to be of other batches: of the same phones, or of what can't be read."""
        others = [other for other in self.batches if other.name != batch.name] if jobs else []
        return {one.job for other in others for one in self.outcomes(other) if one.job is not None and one.job in jobs}

    def job_of_trial(self) -> set[str]:
        """The job of the call to one's own phone by which the list was tried, if there is one."""
        trial = self._keeper.entry.own_phone
        return set() if trial is None or not trial.job else {trial.job}

    def could_be_trial(self, phone: str) -> bool:
        """Whether a job of a phone may be that of such a call, of which it isn't known whether it was created."""
        trial = self._keeper.entry.own_phone
        return trial is not None and not (trial.job or trial.refused) and phone_digest(phone) == trial.phone

    def jobs_with_phones(self, jobs: Collection[str]) -> Iterator[tuple[str, str]]:
        """Those of *jobs* that stand in the results of batches that are done, and the phones that they are for there.

        :raises CallListError: if a file of the list is gone, unreachable, or not what was written
        """
        for batch in self.batches if jobs else ():
            of_row = {one.row: one.job for one in self.outcomes(batch) if one.job is not None and one.job in jobs}
            for line in self.call_list.lines(batch) if of_row else ():
                if (job := of_row.get(line.row)) is not None:
                    yield job, line.phone

    def ruling_for(self, under_way: BatchUnderWay, *, elsewhere: bool = False) -> ListRuling | None:
        """What a person said of a batch's parked calls, if that was to send them, and is not yet followed.

        :param elsewhere: whether they were sent to another campaign than that of now: the person must have known it
        """
        ruling = self._keeper.entry.ruling
        if ruling is None or not ruling.send or under_way.batch.name not in ruling.question.batches:
            return None
        if elsewhere and ruling.question.campaign != self._settings.campaign:
            return None
        return None if under_way.state.again == ruling.question.reference else ruling
