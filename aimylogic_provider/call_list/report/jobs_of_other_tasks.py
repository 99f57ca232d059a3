"""What others own: which jobs are another task's on record, and which could be, for it has unanswered sends too.

Looked at only when the report shows jobs that might be taken for one's own. All lists and calls beneath one
``call_list_path`` know of each other so; one list, and one of its batches, is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from aimylogic_provider.call_list.report.reconcile import ReportRow
from aimylogic_provider.call_list.runs.lists_in_folder import is_list_id
from aimylogic_provider.call_list.store.list_reader import ListReader
from aimylogic_provider.call_list.store.manifest import (
    CallListError,
    Claim,
    decode_claim,
    decode_manifest,
    decode_tombstone,
)
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.open_batch import NotedSend
from aimylogic_provider.call_list.store.read_objects import decoded, names_of
from aimylogic_provider.call_list.store.traces.call_traces import CALLS, calls_to
from aimylogic_provider.call_list.store.traces.sent_traces import SentTrace, traces_among
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.calls_api.phones.report_phones import Meant, WrittenPhones
from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.idempotence.keys import phone_digest
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.idempotence.record.record_json import RecordError
from aimylogic_provider.idempotence.record.records import Record
from aimylogic_provider.idempotence.time_limits import send_window

__all__ = ["JobsOfOtherTasks", "OtherTasksJobsOfPhone", "OwnedJobs"]


@dataclass(slots=True)
class OwnedJobs:
    """What others own.

    :param jobs: that are another list's on record
    :param doubtful: that may be another's, each with the phone that it would be of; None for any
    """

    jobs: set[str] = field(default_factory=set)
    doubtful: set[tuple[str, str | None]] = field(default_factory=set)

    def could_own(self, row: ReportRow, phone: str) -> bool:
        """Whether another may own a job that may be a phone's."""
        return (row.job.id, phone) in self.doubtful or (row.job.id, None) in self.doubtful


class JobsOfOtherTasks:
    """The other lists, and the calls, beneath one ``call_list_path``.

    :param base: its address
    :param own_list: the address of the list that asks, if one does
    :param own_calls: whose calls ask, if any do, as :func:`.call_traces.whose` has it
    :param campaign: digest of where is sent
    """

    def __init__(self, base: str, *, own_list: str = "", own_calls: str = "", campaign: str, log: Log) -> None:
        self._base = Folder(base)
        self._own_list = own_list
        self._own_calls = own_calls
        self.task = ""
        """The task instance that sends the list, in words."""
        self._campaign = campaign
        self._log = log

    def owned(self, rows: Sequence[ReportRow], phones: Collection[str]) -> OwnedJobs:
        """Return which of the jobs of *rows* are, or could be, others'.

        :param phones: of the calls that the jobs might be of
        """
        found = OwnedJobs()
        if rows:
            for folder in _lists_beneath(self._base):
                if folder.address != self._own_list:
                    self._look_at(folder, rows, phones, found)
            for phone in phones:
                if of_phone := [row for row in rows if row.meant.could_be(phone)]:
                    self._look_at_calls(of_phone, phone, found)
        return found

    def _look_at_calls(self, rows: Sequence[ReportRow], phone: str, found: OwnedJobs) -> None:
        """See what AddPhone's tasks know of their calls to a phone.

        :param rows: those that are the phone's, or may be
        """
        created = [row.created for row in rows if row.created is not None]
        since = min(created) if len(created) == len(rows) else None
        try:
            for call in calls_to(self._base, self._campaign, phone_digest(phone), since=since, but=self._own_calls):
                if call.job is not None:
                    found.jobs |= {row.job.id for row in rows} & {call.job.id}
                found.doubtful.update((row.job.id, phone) for row in rows if _could_have_made(call, row.created))
        except (RecordError, OSError) as error:
            self._log.warning("What other tasks own of %s can't be read: %s.", mask_phone(phone), error)
            found.doubtful.update((row.job.id, phone) for row in rows)

    def _look_at(self, folder: Folder, rows: Sequence[ReportRow], phones: Collection[str], found: OwnedJobs) -> None:
        names = names_of(folder)
        traces = [
            trace for trace in traces_among(names, self._campaign)
            if any(trace.could_have_made(row.created) for row in rows)
        ]  # fmt: skip
        try:
            if "deleted.json" in names:
                self._look_at_deleted(folder, rows, found)
            elif traces:
                claims = [decoded(folder, name, decode_claim) for name in names if name.startswith("claimed/")]
                same = any(claim.task == self.task for claim in claims)
                self._look_into(folder, names, traces, rows, phones, found, same=same)
        except (CallListError, OSError) as error:
            # What it owns can't be known: it may be any of these.
            self._log.warning("What the call list in %s owns can't be read: %s.", folder.address, error)
            found.doubtful.update(
                (row.job.id, None) for row in rows if any(trace.could_have_made(row.created) for trace in traces)
            )

    def _look_at_deleted(self, folder: Folder, rows: Sequence[ReportRow], found: OwnedJobs) -> None:
        tombstone = decoded(folder, "deleted.json", decode_tombstone)
        if tombstone.sent is None or not any(_is_of(claim, self._campaign) for claim in tombstone.claims):
            return
        first, last = tombstone.sent
        found.doubtful.update(
            (row.job.id, None) for row in rows if row.created is None or first <= row.created <= last
        )  # fmt: skip

    def _look_into(
        self,
        folder: Folder,
        names: list[str],
        traces: list[SentTrace],
        rows: Sequence[ReportRow],
        phones: Collection[str],
        found: OwnedJobs,
        *,
        same: bool,
    ) -> None:
        """Look into the batches of a list that were sent in the times of which the jobs are.

        :param same: whether it is another list of this very task, whose jobs may be these calls'
        """
        manifest = decoded(folder, "list.json", decode_manifest)
        call_list = ListReader(manifest.pointer(folder.address, ""), folder, manifest, names)
        ids = {row.job.id for row in rows}
        for batch in manifest.batches:
            of_batch = [trace for trace in traces if trace.batch == batch.name]
            if not of_batch:
                continue
            outcomes = call_list.outcomes(batch)
            if not outcomes and (furthest := call_list.furthest_progress(batch)) is not None:
                outcomes = call_list.progress(furthest)
            jobs = {one.job for one in outcomes if one.job is not None and one.job in ids}
            if same:
                found.doubtful.update((job, None) for job in jobs)
            else:
                found.jobs |= jobs
            if len(outcomes) == batch.calls:
                continue
            settled = {one.row for one in outcomes}
            open_phones = {
                phone for line in call_list.lines(batch) if line.row not in settled and (phone := line.phone) in phones
            }
            found.doubtful.update(
                (row.job.id, phone)
                for row in rows
                if any(trace.could_have_made(row.created) for trace in of_batch)
                for phone in open_phones
                if row.meant.could_be(phone)
            )


class OtherTasksJobsOfPhone:
    """The lists and calls of other tasks, for a call of AddPhone's.

    :param base: ``call_list_path``
    :param whose: whose call it is, as :func:`.call_traces.whose` has it
    :param campaign: digest of where it is sent
    """

    def __init__(self, base: str, *, whose: str, campaign: str, log: Log) -> None:
        self._others_jobs = JobsOfOtherTasks(base, own_calls=whose, campaign=campaign, log=log)

    def owned(self, jobs: Sequence[CallJob], phone: str) -> tuple[set[str], set[str]]:
        """Return the ids of those of a phone's jobs that are another task's on record, and of those that may be.

        :raises OSError: if the folder can't be listed
        """
        written = WrittenPhones([phone])
        rows = [ReportRow(job, Meant(written.meant(job.phone).surely, (phone,))) for job in jobs]
        owned = self._others_jobs.owned(rows, [phone])
        return owned.jobs, {row.job.id for row in rows if owned.could_own(row, phone)}


def _could_have_made(call: Record, created: float | None) -> bool:
    """Whether a job of that time may have come of a call's unanswered sends."""
    if created is None:
        return bool(call.unanswered)
    windows = [send_window(NotedSend(send.at, send.until, send.clock, "")) for send in call.unanswered]
    return any(start <= created <= end for start, end in windows)


def _is_of(claim: Claim, campaign: str) -> bool:
    return claim.campaign == campaign


def _lists_beneath(folder: Folder) -> Iterator[Folder]:
    """The folders of lists beneath a folder."""
    for name in folder.folders():
        inner = folder / name
        if name == CALLS:
            continue
        if is_list_id(name) and any(file in ("list.json", "deleted.json") for file in names_of(inner)):
            yield inner
        else:
            yield from _lists_beneath(inner)
