"""The journal: the last requests of the Calls API with their outcomes, and counts of all. Tokens never show."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from msgspec import Struct

from aimylogic_provider.emulator.world.jobs import ServedJob

__all__ = ["EXTERNAL_CHECK", "UNKNOWN_PATH", "Journal", "JournalLine"]

EXTERNAL_CHECK = "externalCheck"
UNKNOWN_PATH = "unknown path"
_SHOWN = 5
_LONGEST = 80


class JournalLine(Struct, gc=False):
    """One request.

    :param at: the emulator's time, in Unix seconds
    :param endpoint: the path behind the token; ``externalCheck`` for what the emulator itself asked before a ring
    :param phone: masked; of several the first
    :param key: the idempotence key that it bore
    :param outcome: the status that was answered, or which fault struck
    :param jobs: the ids of the jobs that it created, or that its key found, also when a fault kept them from the
        client; the first few of many
    :param numbers: how many jobs those are
    :param reason: the ``type`` of the error that it was answered with
    """

    at: float
    method: str
    endpoint: str
    phone: str
    key: str | None
    outcome: str
    jobs: tuple[str, ...] = ()
    numbers: int = 0
    reason: str = ""

    @property
    def job(self) -> str | None:
        """The first job's id."""
        return self.jobs[0] if self.jobs else None

    def set_jobs(self, jobs: Iterable[ServedJob]) -> None:
        """Note the jobs of the request."""
        all_jobs = list(jobs)
        self.jobs = tuple(job.id for job in all_jobs[:_SHOWN])
        self.numbers = len(all_jobs)


class Journal:
    """The last *size* requests, and counts of all by endpoint and by outcome."""

    def __init__(self, size: int = 10_000) -> None:
        self.lines: deque[JournalLine] = deque(maxlen=size)
        self.counts: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    def note(self, line: JournalLine) -> JournalLine:
        """Note a request."""
        if line.key is not None and len(line.key) > _LONGEST:
            line.key = line.key[:_LONGEST] + "…"
        self.lines.append(line)
        self.counts[line.endpoint] += 1
        self.outcomes[line.outcome] += 1
        return line
