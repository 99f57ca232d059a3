"""What became of calls: a line for each in a batch's file, and the counts, which stand in that file's name.

So listing a folder tells how far a list came: ``done/00001.created-998.refused-2.<token>.jsonl``, with ``.expired-1``
where a call did.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec

__all__ = ["Counts", "Outcome", "decode_outcomes", "name_of_done", "told_by_name"]

_DONE = re.compile(
    r"done/(?P<batch>[^.]+)\.created-(?P<created>\d+)\.refused-(?P<refused>\d+)(?:\.expired-(?P<expired>\d+))?\..*"
)


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls by outcome."""

    created: int = 0
    refused: int = 0
    expired: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.created + other.created, self.refused + other.refused, self.expired + other.expired)

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Counts:
        """Count outcomes."""
        counted = Counter(one.outcome for one in outcomes)
        return cls(counted["created"], counted["refused"], counted["expired"])

    @property
    def settled(self) -> int:
        """Calls of any outcome."""
        return self.created + self.refused + self.expired


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a call.

    :param row: of the query
    :param job: the call job's id, of a created one
    :param reason: of one that isn't created
    :param by: how a job became known as ours, if not by the answer to our request
    """

    row: int
    outcome: Literal["created", "refused", "expired"]
    job: str | None = None
    reason: str | None = None
    by: Literal["answer", "report", "person"] = "answer"


_lines = msgspec.json.Decoder(Outcome)


def decode_outcomes(content: bytes) -> list[Outcome]:
    """Read the lines of a file.

    :raises ValueError: if they are not what was written
    """
    outcomes: list[Outcome] = _lines.decode_lines(content)
    for one in outcomes:
        if one.outcome == "created" and not one.job:
            raise ValueError(f"the call of row {one.row} is created, and has no job")
    return outcomes


def name_of_done(batch: str, counts: Counts, token: str) -> str:
    """The name of the file of a batch that is done."""
    expired = f".expired-{counts.expired}" if counts.expired else ""
    return f"done/{batch}.created-{counts.created}.refused-{counts.refused}{expired}.{token}.jsonl"


def told_by_name(name: str) -> tuple[str, Counts] | None:
    """The batch that a file tells is done, and its counts; None for a file of another kind."""
    found = _DONE.fullmatch(name)
    if found is None:
        return None
    return found["batch"], Counts(int(found["created"]), int(found["refused"]), int(found["expired"] or 0))
