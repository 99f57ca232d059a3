"""What other lists own: which jobs are another list's on record, and which could be, for it has unanswered sends too.

Looked at only when the report shows jobs that might be taken for this list's. All lists beneath one ``call_list_path``
know of each other so; one list, and one of its batches, is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from aimylogic_provider.call_list.manifest import (
    CallListError,
    Claim,
    Pointer,
    decode_claim,
    decode_manifest,
    decode_tombstone,
)
from aimylogic_provider.call_list.objects import Folder
from aimylogic_provider.call_list.reading import decoded, names_of
from aimylogic_provider.call_list.reconcile import Row
from aimylogic_provider.call_list.sent import SentTrace, traces_among
from aimylogic_provider.call_list.stored import CallList
from aimylogic_provider.idempotence.ports import Log

__all__ = ["Neighbours", "Owned"]


@dataclass(slots=True)
class Owned:
    """What others own.

    :param jobs: that are another list's on record
    :param doubtful: that may be another's, each with the phone that it would be of; None for any
    """

    jobs: set[str] = field(default_factory=set)
    doubtful: set[tuple[str, str | None]] = field(default_factory=set)

    def could_own(self, row: Row, phone: str) -> bool:
        """Whether another may own a job that may be a phone's."""
        return (row.job.id, phone) in self.doubtful or (row.job.id, None) in self.doubtful


class _Phone(msgspec.Struct):
    phone: str


_phone = msgspec.json.Decoder(_Phone)


class Neighbours:
    """The other lists beneath one folder.

    :param of_task: the address of the folder of the task that froze this list: ``<call_list_path>/<dag>/<task>``
    :param own: the address of this list
    :param campaign: digest of where it is sent
    """

    def __init__(self, of_task: str, own: str, *, campaign: str, log: Log) -> None:
        self._base = Folder(of_task.rsplit("/", 2)[0])
        self._own = own
        self.task = ""
        """The task instance that sends it, in words."""
        self._campaign = campaign
        self._log = log

    def owned(self, rows: Sequence[Row], phones: Collection[str]) -> Owned:
        """Return which of the jobs of *rows* are, or could be, other lists'.

        :param phones: of the calls that the jobs might be of
        """
        found = Owned()
        if rows:
            for folder in _lists_beneath(self._base):
                if folder.address != self._own:
                    self._look_at(folder, rows, phones, found)
        return found

    def _look_at(self, folder: Folder, rows: Sequence[Row], phones: Collection[str], found: Owned) -> None:
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

    def _look_at_deleted(self, folder: Folder, rows: Sequence[Row], found: Owned) -> None:
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
        rows: Sequence[Row],
        phones: Collection[str],
        found: Owned,
        *,
        same: bool,
    ) -> None:
        """Look into the batches of a list that were sent in the times of which the jobs are.

        :param same: whether it is another list of this very task, whose jobs may be these calls'
        """
        manifest = decoded(folder, "list.json", decode_manifest)
        call_list = CallList(Pointer(folder.address, "", 0, 0, 0, 0), folder, manifest, names)
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
                phone
                for line in call_list.lines(batch)
                if line.row not in settled and (phone := _phone.decode(line.call).phone) in phones
            }
            found.doubtful.update(
                (row.job.id, phone)
                for row in rows
                if any(trace.could_have_made(row.created) for trace in of_batch)
                for phone in open_phones
                if row.meant.could_be(phone)
            )


def _is_of(claim: Claim, campaign: str) -> bool:
    return claim.campaign == campaign


def _lists_beneath(folder: Folder) -> Iterator[Folder]:
    """The folders of lists beneath a folder."""
    from aimylogic_provider.call_list.task_folder import is_list_id

    for name in folder.folders():
        inner = folder / name
        if is_list_id(name) and any(file in ("list.json", "deleted.json") for file in names_of(inner)):
            yield inner
        else:
            yield from _lists_beneath(inner)
