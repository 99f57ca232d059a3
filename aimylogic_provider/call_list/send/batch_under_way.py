"""A batch under way: its calls, what became of them so far, and what was sent of the rest.

What is open of it is a value with moves of its own, ``store.open_batch``. Nothing is decided here, nor sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aimylogic_provider.call_list.freeze.finish_times import sendable_until
from aimylogic_provider.call_list.report.reconcile import CreatedJob
from aimylogic_provider.call_list.store.manifest import FORMAT, Batch
from aimylogic_provider.call_list.store.open_batch import NotedSend, OpenBatch, OpenPart
from aimylogic_provider.call_list.store.outcomes import CallOutcome
from aimylogic_provider.call_list.store.read_objects import unreadable
from aimylogic_provider.call_list.store.stored_call import CallLine
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list.store.sync_entry import ListRuling
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.idempotence.keys import as_uuid, begun_digest, digest_after

if TYPE_CHECKING:
    from _hashlib import HASH

__all__ = ["BatchUnderWay"]


@dataclass(slots=True)
class BatchUnderWay:
    """A batch under way.

    A *place* is that of a call in the batch, from 0.

    :param state: as it is noted in the entry
    :param list_id: of the batch's list
    :param campaign: digest of where it is sent
    :param outcomes: of the calls that are settled, by their place in the batch
    """

    batch: Batch
    lines: list[CallLine]
    state: OpenBatch
    list_id: str
    campaign: str
    outcomes: dict[int, CallOutcome] = field(default_factory=dict)
    _kept: int = field(init=False, default=0)
    _until: dict[int, float] = field(init=False, default_factory=dict)
    _key_begun: HASH = field(init=False)

    def __post_init__(self) -> None:
        self._key_begun = begun_digest("call list", str(FORMAT), self.list_id, self.campaign, self.batch.name)

    @classmethod
    def load(cls, call_list: CallList, batch: Batch, state: OpenBatch, campaign: str) -> BatchUnderWay:
        """Read a batch, and what is known of it.

        :raises CallListError: if a file of either is gone, unreachable, or not what was written
        """
        lines = call_list.lines(batch)
        under_way = cls(batch, lines, state, call_list.manifest.id, campaign)
        if state.last_place >= len(lines):
            raise unreadable(call_list.folder, batch.file, f"the task's state tells of calls beyond its {len(lines):,}")
        if state.progress is not None:
            places = {line.row: place for place, line in enumerate(lines)}
            told = call_list.progress(state.progress)
            if not {one.row for one in told} <= places.keys():
                raise unreadable(
                    call_list.folder, f"progress/{state.progress}", f"it tells of rows beyond {batch.file}"
                )
            under_way.outcomes = {places[one.row]: one for one in told}
            under_way._kept = len(under_way.outcomes)
        return under_way

    @property
    def unsettled(self) -> list[int]:
        """The places of the calls that aren't settled."""
        return [place for place in range(len(self.lines)) if place not in self.outcomes]

    def open_sends_of(self, places: Sequence[int]) -> set[tuple[object, ...]]:
        """The sends of some calls whose answer isn't known, as they are noted."""
        return {(send.at, send.until, send.clock, send.campaign) for place in places for send in self.sends_of(place)}

    def sends_of(self, place: int) -> list[NotedSend]:
        """The sends of a call whose answer isn't known."""
        return self.state.sends_of(place)

    @property
    def part(self) -> list[int]:
        """The places of the part that is under way: they go into the next request together."""
        return self.state.under_way(len(self.lines), self.outcomes)

    def phone(self, place: int) -> str:
        """The phone at a place."""
        return self.lines[place].phone

    def jobs(self) -> Iterator[tuple[str, str]]:
        """The jobs of its settled calls, and their phones."""
        for place, outcome in self.outcomes.items():
            if outcome.job is not None:
                yield outcome.job, self.phone(place)

    def sendable_until(self, place: int) -> float:
        """Until when the call at a place may be sent, as :func:`.finish_times.sendable_until` tells."""
        if place not in self._until:
            self._until[place] = sendable_until(bytes(self.lines[place].call))
        return self._until[place]

    def key(self, places: Sequence[int]) -> str:
        """The idempotence key of a request for the calls at *places*: the same calls have the same, others another."""
        again = (self.state.again,) if self.state.again else ()
        return as_uuid(digest_after(self._key_begun, ",".join(map(str, places)), *again))

    def created(self, place: int, job: str) -> None:
        """A job was created for a call."""
        self.outcomes[place] = CallOutcome(self.lines[place].row, "created", job=job)

    def adopted(self, place: int, job: str, by: Literal["report", "person"] = "report") -> None:
        """The report showed a call's job, or a person said that it is one."""
        self.outcomes[place] = CallOutcome(self.lines[place].row, "created", job=job, by=by)

    def follow(self, ruling: ListRuling, places: Sequence[int], jobs: Mapping[str, Sequence[CreatedJob]]) -> None:
        """Do what a person said: jobs that the report shows are the calls', and the others are sent with new keys."""
        for place in places:
            if found := jobs.get(self.phone(place)):
                self.adopted(place, found[0].id, "person")
        self.state = self.state.sent_again(ruling.question.reference)
        self._kept = -1  # a trace is kept even if no job was found, in case that the entry is lost: keys are others now

    def refused(self, place: int, reason: str) -> None:
        """The server refused a call for good."""
        self.outcomes[place] = CallOutcome(self.lines[place].row, "refused", reason=reason)

    def expired(self, place: int, reason: str) -> None:
        """A call is too late to be sent, for good: nothing that was sent of it is open."""
        self.outcomes[place] = CallOutcome(self.lines[place].row, "expired", reason=reason)

    def barred(self, place: int, outcome: Literal["excluded", "capped"], reason: str) -> None:
        """A call must not be made: nothing that was sent of it is open."""
        self.outcomes[place] = CallOutcome(self.lines[place].row, outcome, reason=reason)

    def part_settled(self) -> None:
        """The calls of the part that is under way are settled. Another one is under way then."""
        self.state = self.state.settled()

    def unanswered(self, error: ApiError) -> None:
        """The part under way was sent as often as it may be in a try, and not answered."""
        self.state = self.state.unanswered(f"{error}")

    def set_apart(self) -> OpenPart:
        """Set the part that is under way apart, with what is noted of it; return it. Another one is under way then."""
        self.state = self.state.set_apart(self.part)
        return self.state.apart[-1]

    def split_off(self, places: Sequence[int]) -> OpenPart:
        """Leave but *places* of the part that is under way, and set the others apart; return those."""
        chosen = {*places}
        self.state = self.state.split_off(places, [place for place in self.part if place not in chosen])
        return self.state.apart[-1]

    def take_up(self, part: OpenPart) -> None:
        """Have a part that was set apart be under way, where no other one is."""
        self.state = self.state.taken_up(part)

    def cut(self, pieces: int) -> None:
        """Cut the part that is under way into so many, of which nothing is open: the first is under way then."""
        self.state = self.state.cut(self.part, pieces)

    def keep(self, call_list: CallList, *, parted: bool = False) -> None:
        """Write down what became of settled calls, if that is new, so that the entry can name it.

        :param parted: whether the batch was parted, so that it is written even if nothing is settled
        """
        if len(self.outcomes) != self._kept or parted:
            name = call_list.write_progress(self.batch, list(self.outcomes.values()))
            self.state = self.state.recorded(name)  # the state of after the writing, whatever moved it meanwhile
            self._kept = len(self.outcomes)
