"""A frozen list in its folder, as it is read: its batches, what became of them, and its end. Writes nothing.

Layout, all write-once::

    list.json                                      what it is; digests of all that was frozen
    batches/00001.jsonl                            a call a line
    rejected/00001.jsonl, doubles/00001.jsonl      rows that aren't called, and why
    held/00001.jsonl                               rows that another run's list held, and which
    capped/00001.jsonl                             rows whose phone is called for another row already, or was by others
    excluded/00001.jsonl, held_out/00001.jsonl     rows that aren't called by a rule of the user's, and why
    claimed/0.<token>.json                         the task that sends shard 0
    sent/00007.<from>.<to>.server.<campaign>.<token>.json   that a batch is about to be sent, for other tasks to know
    progress/00007.0000998.<token>.jsonl           what became of so many calls of a batch
    done/00001.created-998.refused-2.<token>.jsonl what became of a batch, a call a line (.expired-1 … too)
    unknown/<token>.jsonl                          numbers of which it can't be known
    report-0.json                                  the counts of a shard, once all of it is known
    deleted.json                                   the same, once all else was deleted

Names that hold a token may exist twice, by two tries at once; both say the same of the same server.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal, Self

import msgspec

from aimylogic_provider.call_list.store.approval_denied import BECAUSE, SaidNoError
from aimylogic_provider.call_list.store.manifest import (
    FORMAT,
    Batch,
    CallListError,
    CappedLine,
    Claim,
    DoubleLine,
    Manifest,
    Pointer,
    RejectedLine,
    Tombstone,
    decode_claim,
    decode_manifest,
    decode_tombstone,
    sha256,
)
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.outcomes import CallOutcome, Counts, decode_outcomes, told_by_name
from aimylogic_provider.call_list.store.read_objects import decoded, decoded_as, names_of, read_from, unreadable
from aimylogic_provider.call_list.store.stored_call import CallLine, decode_lines
from aimylogic_provider.call_list.store.traces.sent_traces import traces_among

__all__ = ["ListReader", "PartKind", "jobs_forgotten", "never_sent", "reports_among", "told_of"]

PartKind = Literal["rejected", "doubles", "held", "capped", "excluded", "held_out"]

_REPORT = re.compile(r"report-([0-9]+)\.json")
_report = msgspec.json.Decoder(dict[str, Any])
_set_aside: Mapping[str, msgspec.json.Decoder[Any]] = {
    "rejected": msgspec.json.Decoder(RejectedLine),
    "doubles": msgspec.json.Decoder(DoubleLine),
    "held": msgspec.json.Decoder(RejectedLine),
    "capped": msgspec.json.Decoder(CappedLine),
    "excluded": msgspec.json.Decoder(RejectedLine),
    "held_out": msgspec.json.Decoder(RejectedLine),
}


class _Formatted(msgspec.Struct):
    format: int


_formatted = msgspec.json.Decoder(_Formatted)
"""Of a list of whichever version, its format alone."""


def reports_among(names: Iterable[str]) -> dict[int, str]:
    """The reports among a list's files, by shard."""
    return {int(found[1]): name for name in names if (found := _REPORT.fullmatch(name))}


class ListReader:
    """A frozen list, as it is read. Make it with :meth:`open`."""

    def __init__(self, pointer: Pointer, folder: Folder, manifest: Manifest, names: Iterable[str]) -> None:
        self.pointer = pointer
        self.manifest = manifest
        self.folder = folder
        self._names = list(names)
        self._listed = frozenset(self._names)

    @classmethod
    def open(cls, pointer: Pointer) -> Self:
        """Read what the list says of itself.

        :raises CallListError: if it is gone, unreachable, or not the list that was frozen
        """
        folder = Folder(pointer.path)
        try:
            content = read_from(folder, "list.json")
        except CallListError:
            if cls.tombstone(pointer) is None:
                raise
            # Whoever opens a list has looked for what is left of it: it was there a moment ago.
            raise CallListError(
                f"the call list in {pointer.path} was deleted while it was looked at: the next try looks again",
                retryable=True,
            ) from None
        if sha256(content) != pointer.sha256:
            raise CallListError(
                f"{folder.address}/list.json is not what was frozen: it was changed or replaced, and nothing of it is "
                "sent. Put back the list of that digest, or start a new DAG run to have another list frozen"
            )
        told = decoded_as(folder, "list.json", content, _formatted.decode).format
        if told != FORMAT:
            raise CallListError(
                f"{folder.address} has format {told}, and this version of the provider knows {FORMAT}: "
                "finish the list with the version that froze it"
            )
        manifest = decoded_as(folder, "list.json", content, decode_manifest)
        if fault := manifest.fault(pointer):
            raise CallListError(
                f"{folder.address}/list.json is of no list that was frozen there: {fault}. Nothing is sent"
            )
        return cls(pointer, folder, manifest, names_of(folder))

    @staticmethod
    def tombstone(pointer: Pointer) -> Tombstone | None:
        """What is left of a list that was deleted; None of any other list.

        :raises CallListError: if it can't be read
        """
        folder = Folder(pointer.path)
        try:
            content = folder.read("deleted.json")
        except (OSError, ValueError):  # as of an address that no store has; opening the list tells of it
            return None
        tombstone = decoded_as(folder, "deleted.json", content, decode_tombstone)
        return tombstone if tombstone.sha256 == pointer.sha256 else None

    @property
    def names(self) -> list[str]:
        """The names of its files, as they were when it was opened."""
        return list(self._names)

    def batches(self, shard: int) -> list[Batch]:
        """The batches of a shard, in the order in which they are sent."""
        return [batch for batch in self.manifest.batches if batch.shard == shard]

    def done(self) -> dict[str, Counts]:
        """The batches that are done, by name, and what became of their calls."""
        found: dict[str, Counts] = {}
        for name in self._names:
            if (told := told_by_name(name)) is not None:
                found.setdefault(*told)
        return found

    def created_in(self, shard: int) -> dict[str, int]:
        """How many calls of a shard were created in which campaign, by its digest.

        Of a batch that was sent to several, as after a refusal by all but the last, the last one counts; each of those
        that it was sent to within one second, which servers' times don't tell apart.
        """
        sent: dict[str, dict[str, float]] = {}
        for trace in traces_among(self._names):
            times = sent.setdefault(trace.batch, {})
            times[trace.send.campaign] = max(trace.send.at, times.get(trace.send.campaign, trace.send.at))
        done, created = self.done(), Counter[str]()
        for batch in self.batches(shard):
            times = sent.get(batch.name, {}) if batch.name in done else {}
            for campaign, at in times.items():
                if at > max(times.values()) - 1:
                    created[campaign] += done[batch.name].created
        return {campaign: count for campaign, count in created.items() if count}

    def created_none(self) -> bool:
        """Whether all batches of all shards are done, and none of them created a job."""
        done = self.done()
        return all(batch.name in done and not done[batch.name].created for batch in self.manifest.batches)

    def lines(self, batch: Batch) -> list[CallLine]:
        """The calls of a batch.

        :raises CallListError: if its file is gone, unreachable, or not what was frozen
        """
        content = self._frozen(batch.file, batch.sha256)
        lines: list[CallLine] = decoded_as(self.folder, batch.file, content, decode_lines)
        if len(lines) != batch.calls:
            raise CallListError(
                f"{self.folder.address}/{batch.file} holds {len(lines):,} calls, and not {batch.calls:,}: nothing of "
                "it is sent"
            )
        return lines

    def check_there(self, name: str) -> None:
        """Make sure that a file is there, though it may not be listed yet.

        :raises CallListError: if it is not, or can't be reached
        """
        if name not in self._listed:
            read_from(self.folder, name)

    def _frozen(self, name: str, digest: str) -> bytes:
        content = read_from(self.folder, name)
        if sha256(content) != digest:
            raise CallListError(
                f"{self.folder.address}/{name} is not what was frozen: nothing of it is sent. Put back the file "
                "of that digest, and clear the task"
            )
        return content

    def outcomes(self, batch: Batch) -> list[CallOutcome]:
        """What became of a batch that is done; empty for any other.

        :raises CallListError: if its file is gone, unreachable, or not what was written
        """
        start = f"done/{batch.name}."
        name = next((name for name in self._names if name.startswith(start)), None)
        if name is None:
            return []
        outcomes = decoded(self.folder, name, decode_outcomes)
        counts = Counts.of(outcomes)
        if told_by_name(name) != (batch.name, counts):
            raise unreadable(
                self.folder, name, f"it tells of {len(outcomes):,} calls, {counts.created:,} of them created"
            )
        return outcomes

    def parts(self, kind: PartKind) -> Iterator[list[dict[str, Any]]]:
        """The rows that aren't called, a file at a time.

        :raises CallListError: if a file is gone, unreachable, or not what was frozen
        """
        for name, digest in self.manifest.parts.items():
            if name.startswith(f"{kind}/"):
                yield decoded_as(self.folder, name, self._frozen(name, digest), _set_aside[kind].decode_lines)

    def progress(self, name: str) -> list[CallOutcome]:
        """What became of a part of a batch.

        :param name: as :meth:`write_progress` returned it
        :raises CallListError: if its file is gone, unreachable, or not what was written
        """
        file = f"progress/{name}"
        outcomes = decoded(self.folder, file, decode_outcomes)
        if f".{len(outcomes):07}." not in name or len({one.row for one in outcomes}) < len(outcomes):
            raise unreadable(self.folder, file, f"it tells of {len(outcomes):,} calls, or of one of them twice")
        return outcomes

    def furthest_progress(self, batch: Batch) -> str | None:
        """The name that tells of most of a batch's calls, whether or not it came to count."""
        start = f"progress/{batch.name}."
        return max((name.removeprefix("progress/") for name in self._names if name.startswith(start)), default=None)

    def told_so_far(self, batch: Batch) -> int:
        """Of how many calls of a batch that isn't done it is written what became of them."""
        name = self.furthest_progress(batch)
        return 0 if name is None else int(name.split(".")[1])

    def person_followed(self, batch: Batch) -> bool:
        """Whether some calls of a batch were sent again for a person said so, so that their keys are others since.

        Of numbers that are sent one by one: only then is progress written of no call at all, or tells of a person.
        """
        if any(name.startswith(f"progress/{batch.name}.{0:07}.") for name in self._names):
            return True
        name = self.furthest_progress(batch)
        return name is not None and any(outcome.by == "person" for outcome in self.progress(name))

    def has_traces(self, batches: Collection[Batch]) -> bool:
        """Whether any of some batches was sent, or was just about to be."""
        names = {batch.name for batch in batches}
        return any(trace.batch in names for trace in traces_among(self._names))

    def claimed(self, shard: int, task: str) -> Claim | None:
        """Since when a shard belongs to a task instance; None if to nobody.

        :raises CallListError: if it belongs to another one
        """
        found = [claim for claim in self.claims() if claim.shard == shard]
        for claim in found:
            if claim.task != task:
                raise CallListError(
                    f"this call list is sent by {claim.task}, and by no other task: two of them would not know of each "
                    "other's requests. Clear that task, or freeze a list of its own for this one"
                )
        return min(found, key=lambda claim: claim.at, default=None)

    def claims(self) -> list[Claim]:
        """Who sends the list.

        :raises CallListError: if that can't be read
        """
        return [decoded(self.folder, name, decode_claim) for name in self._claimed]

    @property
    def _claimed(self) -> list[str]:
        return [name for name in self._names if name.startswith("claimed/")]

    def reports(self) -> dict[int, dict[str, Any]]:
        """The reports of the shards that are reported, as they were when it was opened.

        :raises CallListError: if one can't be read
        """
        return {shard: decoded(self.folder, name, _report.decode) for shard, name in reports_among(self._names).items()}

    def is_reported(self) -> bool:
        """Whether the counts of all shards are written."""
        return len(reports_among(names_of(self.folder))) == self.manifest.shards


def told_of(tombstone: Tombstone, shard: int, path: str, task: str) -> dict[str, Any]:
    """What is left of a shard of a deleted list: its report, for the task instance that sent it.

    :param task: the one that asks, in words
    :raises CallListError: if it was never sent, or another one sent it
    """
    if shard not in tombstone.reports:
        raise never_sent(path, tombstone)
    senders = [claim.task for claim in tombstone.claims if claim.shard == shard]
    if senders and task not in senders:
        raise CallListError(
            f"the call list in {path} was sent by {senders[0]}, and deleted since. A list is sent by one task alone: "
            "this one sends nothing of it, and has called nobody. Freeze a list of its own for this task; or clear "
            "that one, which tells its report"
        )
    return tombstone.reports[shard]


def jobs_forgotten(path: str) -> CallListError:
    """The error for a list that was deleted after it was sent, and whose jobs are asked for."""
    return CallListError(
        f"the call list in {path} was deleted, but for its counts: which call jobs its calls have is not known there "
        "any more. Take their ids from the results table, or from the campaign's report; and keep lists longer "
        "(keep_call_list) whose jobs are asked for later"
    )


def never_sent(path: str, tombstone: Tombstone | None) -> CallListError:
    """The error for a list that was deleted before it was sent."""
    because = None if tombstone is None else tombstone.because
    way_out = "" if because else ", and keep lists longer if they wait for an approval"
    by = None if tombstone is None or because != BECAUSE else tombstone.said_no or "a person"
    told = (
        f"the call list in {path} was deleted before it was sent, {because or 'for it was older than keep_call_list'}: "
        f"nobody was called. {'' if by is None else f'{by} said so. '}Start a new DAG run to have the rows queried "
        f"anew{way_out}"
    )
    return CallListError(told) if by is None else SaidNoError(told, by)
