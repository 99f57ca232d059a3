"""Writing a list's files while its rows are read: lines of what isn't called, and calls, cut into batches.

What a line says, and why, is told by whoever adds it; when the list is a list at all, by ``freeze``.
"""

from __future__ import annotations

import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import msgspec

from aimylogic_provider.call_list.freeze.request_room import BRACKETS
from aimylogic_provider.call_list.freeze.spool import SpooledCall
from aimylogic_provider.call_list.store.manifest import Batch, sha256
from aimylogic_provider.call_list.store.objects import Folder

__all__ = ["BatchCutter", "Cut", "LineFiles", "ListWriter"]

_LINES_PER_PART = 10_000
_WRITES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Cut:
    """How a list is cut.

    :param batch_size: calls in a batch, at most
    :param max_bytes: of a batch's request, at most
    :param shards: parts that can be sent apart
    :param calls_per_phone: of one phone, at most; None for any number
    """

    batch_size: int = 1000
    max_bytes: int = 1_000_000
    shards: int = 1
    calls_per_phone: int | None = None


class ListWriter:
    """Writes objects, a few at a time, while rows are read on."""

    def __init__(self, folder: Folder) -> None:
        self.address = folder.address
        self._folder = folder
        self._threads = ThreadPoolExecutor(_WRITES_AT_ONCE)
        self._writes: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._threads.shutdown()

    def write(self, name: str, content: bytes) -> None:
        """Begin to write an object; wait for earlier ones, so that not many are in memory.

        :raises OSError: if an earlier one could not be written
        """
        while len(self._writes) >= _WRITES_AT_ONCE:
            self._writes.popleft().result()
        self._writes.append(self._threads.submit(self._folder.write, name, content))

    def wait(self) -> None:
        """Wait until all is written.

        :raises OSError: if something could not be
        """
        while self._writes:
            self._writes.popleft().result()


class LineFiles:
    """Lines of JSON, in files of some thousands each."""

    def __init__(self, folder: ListWriter, name: str) -> None:
        self._folder = folder
        self._name = name
        self._lines: list[bytes] = []
        self._digests: dict[str, str] = {}
        self.count = 0

    def add(self, line: dict[str, object]) -> None:
        """Add a line."""
        self.count += 1
        self._lines.append(msgspec.json.encode(line))
        if len(self._lines) >= _LINES_PER_PART:
            self._write()

    def close(self) -> dict[str, str]:
        """Write the rest; return the digests of all files by name."""
        if self._lines:
            self._write()
        return self._digests

    def _write(self) -> None:
        name = f"{self._name}/{len(self._digests) + 1:05}.jsonl"
        content = b"\n".join(self._lines) + b"\n"
        self._folder.write(name, content)
        self._digests[name] = sha256(content)
        self._lines.clear()


class BatchCutter:
    """Cuts calls into batches: of one shard and one turn each, so that no phone is in a batch twice."""

    def __init__(self, folder: ListWriter, cut: Cut) -> None:
        self._folder = folder
        self._cut = cut
        self._open: dict[tuple[int, int], list[bytes]] = {}
        self._bytes: dict[tuple[int, int], int] = {}
        self._batches: list[Batch] = []
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
        if lines and full:
            self._write(group)
            lines = self._open[group] = []
        self._bytes[group] = self._bytes.get(group, 0) + size
        lines.append(call.line)

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
