"""A batch under way: its calls, what became of them so far, and what was sent of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Literal

import msgspec

from aimylogic_provider.call_list.entry import ListRuling, OpenBatch
from aimylogic_provider.call_list.manifest import FORMAT, Batch, Line
from aimylogic_provider.call_list.reading import unreadable
from aimylogic_provider.call_list.reconcile import CreatedJob
from aimylogic_provider.call_list.stored import CallList, Outcome
from aimylogic_provider.idempotence.keys import as_uuid, begun_digest, digest_after

if TYPE_CHECKING:
    from _hashlib import HASH

__all__ = ["Work"]


class _Phone(msgspec.Struct):
    phone: str


_phone = msgspec.json.Decoder(_Phone)


@dataclass(slots=True)
class Work:
    """A batch under way.

    A *place* is that of a call in the batch, from 0.

    :param state: as it is noted in the entry
    :param list_id: of the batch's list
    :param campaign: digest of where it is sent
    :param outcomes: of the calls that are settled, by their place in the batch
    """

    batch: Batch
    lines: list[Line]
    state: OpenBatch
    list_id: str
    campaign: str
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    _kept: int = field(init=False, default=0)
    _key_begun: HASH = field(init=False)

    def __post_init__(self) -> None:
        self._key_begun = begun_digest("call list", str(FORMAT), self.list_id, self.campaign, self.batch.name)

    @classmethod
    def load(cls, call_list: CallList, batch: Batch, state: OpenBatch, campaign: str) -> Work:
        """Read a batch, and what is known of it.

        :raises CallListError: if a file of either is gone, unreachable, or not what was written
        """
        lines = call_list.lines(batch)
        work = cls(batch, lines, state, call_list.manifest.id, campaign)
        if state.progress is not None:
            places = {line.row: place for place, line in enumerate(lines)}
            told = call_list.progress(state.progress)
            if not {one.row for one in told} <= places.keys():
                raise unreadable(
                    call_list.folder, f"progress/{state.progress}", f"it tells of rows beyond {batch.file}"
                )
            work.outcomes = {places[one.row]: one for one in told}
            work._kept = len(work.outcomes)
        return work

    @property
    def unsettled(self) -> list[int]:
        """The places of the calls that aren't settled."""
        return [place for place in range(len(self.lines)) if place not in self.outcomes]

    @property
    def part(self) -> list[int]:
        """The places that go into the next request together."""
        rest = self.unsettled
        return rest[: ceil(len(rest) / self.state.parts)]

    def phone(self, place: int) -> str:
        """The phone at a place."""
        return _phone.decode(self.lines[place].call).phone

    def key(self, places: Sequence[int]) -> str:
        """The idempotence key of a request for the calls at *places*: the same calls have the same, others another."""
        again = (self.state.again,) if self.state.again else ()
        return as_uuid(digest_after(self._key_begun, ",".join(map(str, places)), *again))

    def created(self, place: int, job: str) -> None:
        """A job was created for a call."""
        self.outcomes[place] = Outcome(self.lines[place].row, "created", job=job)

    def adopted(self, place: int, job: str, by: Literal["report", "person"] = "report") -> None:
        """The report showed a call's job, or a person said that it is one."""
        self.outcomes[place] = Outcome(self.lines[place].row, "created", job=job, by=by)

    def follow(self, ruling: ListRuling, places: list[int], jobs: Mapping[str, Sequence[CreatedJob]]) -> None:
        """Do what a person said: jobs that the report shows are the calls', and the others are sent with new keys."""
        for place in places:
            if found := jobs.get(self.phone(place)):
                self.adopted(place, found[0].id, "person")
        self.state.sends, self.state.key_lost, self.state.again = [], False, ruling.question.reference
        self._kept = -1  # a trace is kept even if no job was found, in case that the entry is lost: keys are others now

    def refused(self, place: int, reason: str) -> None:
        """The server refused a call for good."""
        self.outcomes[place] = Outcome(self.lines[place].row, "refused", reason=reason)

    def part_settled(self) -> None:
        """The calls of a part are settled: what was noted of its sends is no longer of use."""
        self.state.sends = []
        self.state.parts = max(1, self.state.parts - 1)

    def keep(self, call_list: CallList, *, parted: bool = False) -> None:
        """Write down what became of settled calls, if that is new, so that the entry can name it.

        :param parted: whether the batch was parted, so that it is written even if nothing is settled
        """
        if len(self.outcomes) != self._kept or parted:
            self.state.progress = call_list.write_progress(self.batch, list(self.outcomes.values()))
            self._kept = len(self.outcomes)
