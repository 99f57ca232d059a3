"""What is written into a frozen list's folder while it is sent, and how the list is deleted: see ``list_reader``.

What is written is there for good, and says the same whichever try writes it. When it counts, the task's entry tells.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from aimylogic_provider.call_list.store.list_reader import ListReader, never_sent
from aimylogic_provider.call_list.store.manifest import (
    Batch,
    Claim,
    Manifest,
    Pointer,
    Tombstone,
)
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.open_batch import SendNote
from aimylogic_provider.call_list.store.outcomes import CallOutcome, Counts, name_of_done
from aimylogic_provider.call_list.store.read_objects import names_of
from aimylogic_provider.call_list.store.traces.sent_traces import name_of, traces_among
from aimylogic_provider.idempotence.time_limits import send_window

__all__ = ["CallList"]

_CLAIM_HOLDS = 60.0
"""Seconds for which a claim tells that its task is at it."""


class CallList(ListReader):
    """A frozen list, read and written. Make it with :meth:`open`.

    :param token: what marks the objects that this try writes
    """

    def __init__(self, pointer: Pointer, folder: Folder, manifest: Manifest, names: Iterable[str]) -> None:
        super().__init__(pointer, folder, manifest, names)
        self.token = secrets.token_hex(4)

    @classmethod
    def discard(cls, pointer: Pointer, because: str, said_no: str | None = None) -> bool:
        """Delete a list that nobody began to send; return whether it is deleted. Safe to repeat.

        :param because: why, as the end of "it was deleted before it was sent, "
        :param said_no: who said no to it, in words
        :raises CallListError: if it is gone without a trace, unreachable, or not the list that was frozen
        """
        if cls.tombstone(pointer) is not None:
            # Somebody may have died while deleting it.
            Folder(pointer.path).delete_all_but("deleted.json", last="list.json")
            return True
        call_list = cls.open(pointer)
        return not call_list.claims() and call_list.delete(because, said_no)

    def write_sent(self, batch: Batch, send: SendNote) -> None:
        """Write that a batch is about to be sent, before that is noted: other tasks can't read this one's notes."""
        self.folder.write(name_of(batch.name, send, secrets.token_hex(4)), b"{}\n")

    def write_progress(self, batch: Batch, outcomes: Sequence[CallOutcome]) -> str:
        """Write what became of a part of a batch; return the name by which it counts, once it is noted."""
        name = f"{batch.name}.{len(outcomes):07}.{secrets.token_hex(4)}.jsonl"
        self.folder.write(f"progress/{name}", _jsonl(outcomes))
        return name

    def write_done(self, batch: Batch, outcomes: Sequence[CallOutcome]) -> Counts:
        """Write what became of all calls of a batch: it is done."""
        counts = Counts.of(outcomes)
        name = name_of_done(batch.name, counts, self.token)
        ordered = sorted(outcomes, key=lambda outcome: outcome.row)
        self.folder.write(name, _jsonl(ordered))
        self._names.append(name)
        return counts

    def write_unknown(self, lines: Iterable[Mapping[str, object]]) -> str:
        """Write for a person which numbers it can't be known of; return the file's address."""
        name = f"unknown/{self.token}.jsonl"
        self.folder.write(name, _jsonl(lines))
        return f"{self.folder.address}/{name}"

    def claim(self, claim: Claim) -> None:
        """Have a shard belong to a task instance, for good.

        :raises CallListError: if it belongs to another one, or the list is being deleted
        """
        if self.claimed(claim.shard, claim.task) is None:
            self.folder.write(f"claimed/{claim.shard}.{self.token}.json", msgspec.json.encode(claim))
            self._names = names_of(self.folder)
            self.claimed(claim.shard, claim.task)
            if "deleted.json" in self._names or "list.json" not in self._names:
                tombstone = self.tombstone(self.pointer)
                raise never_sent(self.folder.address, tombstone)

    def claim_anew(self, shard: int, now: float) -> None:
        """Have other tasks know that the one whose shard it is goes on with it now.

        :param now: by the server's clock, at the earliest
        :raises CallListError: if what is there can't be read
        """
        claims = [claim for claim in self.claims() if claim.shard == shard]
        if claims and now - (last := max(claims, key=lambda claim: claim.at)).at > _CLAIM_HOLDS:
            name = f"claimed/{shard}.{secrets.token_hex(4)}.json"
            self.folder.write(name, msgspec.json.encode(replace(last, at=now)))
            self._names.append(name)

    def write_report(self, shard: int, report: Mapping[str, object]) -> None:
        """Write the counts, once all is known."""
        self.folder.write(f"report-{shard}.json", msgspec.json.format(msgspec.json.encode(report), indent=1))

    def delete(self, because: str | None = None, said_no: str | None = None) -> bool:
        """Delete the list, but for its counts; return whether that was done.

        It isn't if somebody sends it, or begins to, or if somebody else is just deleting it.

        :param because: why, if not for its age
        :param said_no: who said no to it, in words
        """
        claimed, claims = self._claimed, self.claims()
        reports = self.reports()
        if claims and len(reports) < self.manifest.shards:
            return False
        self._names = names_of(self.folder)
        if "deleted.json" in self._names:  # what was read above may lack what that one has deleted
            return False
        times = [send_window(trace.send) for trace in traces_among(self._names)]
        sent = (min(start for start, _ in times), max(end for _, end in times)) if times else None
        tombstone = Tombstone(
            self.pointer.sha256, tuple(claims), reports, because, self.manifest.source, said_no=said_no, sent=sent,
            created_in={shard: self.created_in(shard) for shard in reports},
        )  # fmt: skip
        self.folder.write("deleted.json", msgspec.json.format(msgspec.json.encode(tombstone), indent=1))
        self._names = names_of(self.folder)
        if not {*self._claimed} <= {*claimed}:
            self.folder.delete("deleted.json")
            return False
        self.folder.delete_all_but("deleted.json", last="list.json")
        return True


def _jsonl(lines: Iterable[object]) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
