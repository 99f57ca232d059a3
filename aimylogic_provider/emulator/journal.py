"""What was asked of the Calls API: the last requests with their outcomes, and counts of all. Tokens never show."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass

__all__ = ["Journal", "Line"]


@dataclass(frozen=True, slots=True)
class Line:
    """One request.

    :param at: the emulator's time, in Unix seconds
    :param endpoint: the path behind the token
    :param phone: masked
    :param key: the idempotence key that it bore
    :param outcome: the status that was answered, or what a fault did instead
    :param job: the id of the job that it created, or that its key found; also when a fault kept it from the client
    """

    at: float
    method: str
    endpoint: str
    phone: str
    key: str | None
    outcome: str
    job: str | None = None


class Journal:
    """The last *size* requests, and counts of all by endpoint."""

    def __init__(self, size: int = 10_000) -> None:
        self.lines: deque[Line] = deque(maxlen=size)
        self.counts: Counter[str] = Counter()

    def note(self, line: Line) -> None:
        """Note a request."""
        self.lines.append(line)
        self.counts[line.endpoint] += 1

    def as_json(self) -> dict[str, object]:
        """Return lines, oldest first, and counts."""
        return {"counts": dict(self.counts), "requests": [asdict(line) for line in self.lines]}

    def reset(self) -> None:
        """Forget all."""
        self.lines.clear()
        self.counts.clear()
