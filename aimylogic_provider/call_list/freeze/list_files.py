"""Writing a list's files while its rows are read: lines of what isn't called, and calls, cut into batches.

What a line says, and why, is told by whoever adds it; when the list is a list at all, by ``freeze``.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import msgspec

from aimylogic_provider.call_list.store.manifest import sha256
from aimylogic_provider.call_list.store.objects import Folder

__all__ = ["LineFiles", "ListWriter"]

_LINES_PER_PART = 10_000
_WRITES_AT_ONCE = 4


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
