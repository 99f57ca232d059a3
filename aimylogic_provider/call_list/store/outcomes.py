"""What became of calls: a line for each in a batch's file, and the counts, of a batch, a shard or a list.

The counts of a batch stand in its file's name, so that listing a folder tells how far a list came:
``done/00001.created-998.refused-2.<token>.jsonl``, with ``.expired-1``, ``.excluded-1`` and ``.capped-1`` where a call
did. Those of a shard stand in the report that its task returns. All counting is done here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from aimylogic_provider.call_list.store.manifest import Pointer

__all__ = [
    "CallOutcome",
    "Counts",
    "Outcome",
    "RowCounts",
    "SettledBatch",
    "decode_outcomes",
    "name_of_done",
    "told_by_name",
]

Outcome = Literal["created", "refused", "expired", "excluded", "capped"]

_DONE = re.compile(
    r"done/(?P<batch>[^.]+)\.created-(?P<created>\d+)\.refused-(?P<refused>\d+)"
    r"(?:\.expired-(?P<expired>\d+))?(?:\.excluded-(?P<excluded>\d+))?(?:\.capped-(?P<capped>\d+))?\..*"
)


class Counts(msgspec.Struct, frozen=True):
    """Calls by outcome.

    :param excluded: calls that must not be made: the phone stood on the exclusion list right before they were sent
    :param capped: calls to people who were called as often as may be, right before they were sent
    """

    created: int = 0
    refused: int = 0
    expired: int = 0
    excluded: int = 0
    capped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(one + another for one, another in zip(self.told(), other.told(), strict=True)))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(one - another for one, another in zip(self.told(), other.told(), strict=True)))

    @classmethod
    def of(cls, outcomes: Iterable[CallOutcome]) -> Counts:
        """Count outcomes."""
        counted = Counter(one.outcome for one in outcomes)
        return cls(counted["created"], counted["refused"], counted["expired"], counted["excluded"], counted["capped"])

    def told(self) -> list[int]:
        """The counts, in their order."""
        return [getattr(self, name) for name in Counts.__struct_fields__]

    @property
    def settled(self) -> int:
        """Calls of any outcome."""
        return sum(self.told())


class SettledBatch(NamedTuple):
    """What one try settled of a batch.

    :param calls: of the batch
    :param began: when the try took it up, by the system's clock, in nanoseconds
    :param counts: of this try alone
    """

    name: str
    calls: int
    began: int
    counts: Counts


class RowCounts(msgspec.Struct, frozen=True):
    """Rows by what became of them, in the order in which a report tells them; together they are its *rows*.

    :param unknown: calls of which nobody knows whether their jobs exist
    :param claimed: rows that another run's list held
    :param capped: rows whose phone is called for others already, or was called by others, as often as may be
    :param excluded: rows whose phone stands on the exclusion list
    :param held_out: rows that aren't called for measuring what calling does
    """

    rows: int
    created: int
    doubles: int
    rejected: int
    refused: int
    unknown: int
    expired: int = 0
    claimed: int = 0
    capped: int = 0
    excluded: int = 0
    held_out: int = 0

    @classmethod
    def of_shard(cls, pointer: Pointer, shard: int, calls: int, settled: Counts) -> RowCounts:
        """Those of a shard all of whose calls are settled. What is set aside of a list is counted in the first of them.

        :param calls: of the shard
        """
        of_calls = cls(
            calls,
            created=settled.created,
            doubles=0,
            rejected=0,
            refused=settled.refused,
            unknown=0,
            expired=settled.expired,
            capped=settled.capped,
            excluded=settled.excluded,
        )
        if shard:
            return of_calls
        aside = cls(
            pointer.aside,
            created=0,
            doubles=pointer.doubles,
            rejected=pointer.rejected,
            refused=0,
            unknown=0,
            claimed=pointer.claimed,
            capped=pointer.capped,
            excluded=pointer.excluded,
            held_out=pointer.held_out,
        )
        return of_calls + aside

    @classmethod
    def of_report(cls, report: Mapping[str, Any]) -> RowCounts:
        """Those of a report, which may be one of an earlier version."""
        return cls(*(report[name] for name in cls.__struct_fields__[:6]),
                   *(report.get(name, 0) for name in cls.__struct_fields__[6:]))  # fmt: skip

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(*(one + another for one, another in zip(self.told(), other.told(), strict=True)))

    def told(self) -> list[int]:
        """The counts, in their order."""
        return [getattr(self, name) for name in RowCounts.__struct_fields__]

    def as_report(self) -> dict[str, Any]:
        """Return them by their names."""
        return dict(zip(RowCounts.__struct_fields__, self.told(), strict=True))

    @classmethod
    def of_frozen(cls, pointer: Pointer) -> RowCounts:
        """Those of a list without calls, of which nothing is left to be sent."""
        return cls.of_shard(pointer, 0, 0, Counts())

    @property
    def spared(self) -> int:
        """Rows that another run calls, or that a rule of the user's spares: nobody meant them to be called here."""
        return self.claimed + self.capped + self.excluded + self.held_out

    @property
    def reached_nobody(self) -> bool:
        """Whether rows were to be called, and none was.

        Rows that are rejected beside some that are spared are what a table holds on any day when nobody is left to be
        called; whether they are too many for that, is told when the list is frozen. But if all that was left to be
        called was refused, or came too late, nobody was reached, however many were spared.
        """
        missed = self.refused + self.expired or (self.rejected and not self.spared)
        return not self.created and bool(missed) and not self.unknown

    @property
    def set_aside_in_words(self) -> str:
        """What became of rows that aren't called, for an error."""
        told = f"{self.rejected:,} are rejected, {self.refused:,} refused by the server, and {self.expired:,} expired"
        spared = {
            "held by other runs' lists": self.claimed,
            "capped": self.capped,
            "excluded": self.excluded,
            "held out": self.held_out,
        }
        others = ", ".join(f"{count:,} {words}" for words, count in spared.items() if count)
        return f"{told}; the others are spared: {others}" if others else told


class CallOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a call.

    :param row: of the query
    :param job: the call job's id, of a created one
    :param reason: of one that isn't created
    :param by: how a job became known as ours, if not by the answer to our request
    """

    row: int
    outcome: Outcome
    job: str | None = None
    reason: str | None = None
    by: Literal["answer", "report", "person"] = "answer"


_lines = msgspec.json.Decoder(CallOutcome)


def decode_outcomes(content: bytes) -> list[CallOutcome]:
    """Read the lines of a file.

    :raises ValueError: if they are not what was written
    """
    outcomes: list[CallOutcome] = _lines.decode_lines(content)
    for one in outcomes:
        if one.outcome == "created" and not one.job:
            raise ValueError(f"the call of row {one.row} is created, and has no job")
    return outcomes


def name_of_done(batch: str, counts: Counts, token: str) -> str:
    """The name of the file of a batch that is done."""
    seldom = {"expired": counts.expired, "excluded": counts.excluded, "capped": counts.capped}
    more = "".join(f".{outcome}-{count}" for outcome, count in seldom.items() if count)
    return f"done/{batch}.created-{counts.created}.refused-{counts.refused}{more}.{token}.jsonl"


def told_by_name(name: str) -> tuple[str, Counts] | None:
    """The batch that a file tells is done, and its counts; None for a file of another kind."""
    found = _DONE.fullmatch(name)
    if found is None:
        return None
    return found["batch"], Counts(**{name: int(found[name] or 0) for name in Counts.__struct_fields__})
