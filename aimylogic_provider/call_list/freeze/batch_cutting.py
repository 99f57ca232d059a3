"""Cutting a list's calls into batches: by their count and by bytes, each phone once in a batch, and by shards."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass

from aimylogic_provider.call_list.freeze.list_files import ListWriter
from aimylogic_provider.call_list.freeze.request_size import BRACKETS
from aimylogic_provider.call_list.freeze.spool import SpooledCall
from aimylogic_provider.call_list.store.manifest import Batch, sha256

__all__ = ["BatchCutter", "Cut"]


@dataclass(frozen=True, slots=True)
class Cut:
    """How a list is cut.

    :param batch_size: calls in a batch, at most
    :param max_bytes: of a batch's request, at most
    :param shards: parts that can be sent apart
    :param calls_per_phone: of one phone, at most; None for any number
    :param first: after so many calls a batch ends, so that those can be sent apart, before all others; None for
        wherever batches end
    """

    batch_size: int = 1000
    max_bytes: int = 1_000_000
    shards: int = 1
    calls_per_phone: int | None = None
    first: int | None = None


class BatchCutter:
    """Cuts calls into batches: of one shard and one turn each, so that no phone is in a batch twice."""

    def __init__(self, folder: ListWriter, cut: Cut) -> None:
        self._folder = folder
        self._cut = cut
        self._open: dict[tuple[int, int], list[bytes]] = {}
        self._bytes: dict[tuple[int, int], int] = {}
        self._batches: list[Batch] = []
        self._of_first_turn: Counter[int] = Counter()
        self.calls = 0

    def add_batch(self, calls: int, content: bytes) -> None:
        """Add calls that are a batch as they stand."""
        self._write_batch(calls, content, turn=0, shard=0)

    def add(self, call: SpooledCall) -> None:
        """Add a call to the batch of its turn and shard."""
        shard = zlib.crc32(b"%d" % call.phone) % self._cut.shards if self._cut.shards > 1 else 0
        group = (call.turn, shard)
        lines = self._open.setdefault(group, [])
        size = len(call.line)
        full = len(lines) >= self._cut.batch_size or self._bytes.get(group, 0) + size > self._cut.max_bytes - BRACKETS
        if lines and (full or (call.turn == 0 and self._of_first_turn[shard] == self._cut.first)):
            self._write(group)
            lines = self._open[group] = []
        self._bytes[group] = self._bytes.get(group, 0) + size
        lines.append(call.line)
        self._of_first_turn[shard] += call.turn == 0

    def close(self) -> list[Batch]:
        """Write the rest; return all batches, those of an earlier turn first."""
        for group in sorted(self._open):
            self._write(group)
        return sorted(self._batches, key=lambda batch: (batch.turn, int(batch.name)))

    def _write(self, group: tuple[int, int]) -> None:
        lines = self._open.pop(group)
        self._bytes.pop(group)
        turn, shard = group
        self._write_batch(len(lines), b"".join(lines), turn=turn, shard=shard)

    def _write_batch(self, calls: int, content: bytes, *, turn: int, shard: int) -> None:
        batch = Batch(f"{len(self._batches) + 1:05}", calls, turn, shard, sha256(content))
        self._folder.write(batch.file, content)
        self._batches.append(batch)
        self.calls += calls
