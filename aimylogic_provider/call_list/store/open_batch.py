"""What is open of a batch that was begun and isn't done: frozen values, and the moves that lead from one to the next.

A move is told by its name and gives the next value; it writes nothing and asks nobody. All that changes what is open
stands here, and what is decided by it does not. ``docs/batches.md`` tells the theory: what is durable after each step,
what a kill leaves there, and what the next try makes of that.

A *place* is that of a call in its batch, from 0. The calls that aren't settled fall into parts. One part is *under
way*: its calls go into the next request together. The others are set apart, or come after it.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Annotated

import msgspec
from msgspec.structs import replace

from aimylogic_provider.idempotence.time_limits import ClockSource

__all__ = ["NotedSend", "OpenBatch", "OpenPart", "SendNote", "Span", "evenly_cut"]

SendNote = tuple[float, float, ClockSource, str]
"""A send whose answer isn't known, as ``[at, until, clock, campaign]``."""
Span = tuple[Annotated[int, msgspec.Meta(ge=0)], Annotated[int, msgspec.Meta(ge=1)]]
"""Places in a batch: from, and up to, the latter not included."""

_Count = Annotated[int, msgspec.Meta(ge=0)]
_LAST = 300
"""Characters that are kept of a last answer."""


@dataclass(frozen=True, slots=True)
class NotedSend:
    """A send that was noted, and whose answer is not known.

    :param at: when it was noted, before it left, at the earliest (Unix seconds)
    :param until: when it had taken effect, at the latest, or never would
    :param clock: whose clock told that
    :param campaign: digest of where it went
    """

    at: float
    until: float
    clock: ClockSource
    campaign: str


class OpenPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a batch that is set apart, so that it doesn't hold up the rest.

    :param places: whose calls it has
    :param sends: of all of its calls that aren't settled
    :param silent: after how many tries' requests for it there was no answer
    :param last: what the last of them ended with instead
    :param other_key: whether those sends had another key than its calls would be sent with now
    """

    places: tuple[Span, ...]
    sends: tuple[SendNote, ...] = ()
    silent: _Count = 0
    last: str = ""
    other_key: bool = False

    def open_places(self, settled: Container[int]) -> list[int]:
        """The places of its calls that aren't settled."""
        return [place for place in _places_of(self.places) if place not in settled]


class OpenBatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """A batch that was begun and isn't done.

    :param sends: those whose answer isn't known; each is of all the calls of its part that aren't settled
    :param progress: the name of what is known of its settled calls
    :param parts: how many parts what isn't settled falls into, for it was too large for one request
    :param key_lost: whether an answer showed that the idempotence key got lost on the way
    :param again: the reference of the question on which a person said to send again: keys are others since
    :param part: the places of the part that is under way, if it is one that was set apart before; else it is the
        first of *parts*
    :param silent: of that part, as ``last`` and ``other_key``: see :class:`OpenPart`
    :param apart: the parts that are set apart
    """

    sends: tuple[SendNote, ...] = ()
    progress: str | None = None
    parts: Annotated[int, msgspec.Meta(ge=1, le=2**53)] = 1
    key_lost: bool = False
    again: str = ""
    part: tuple[Span, ...] = ()
    silent: _Count = 0
    last: str = ""
    other_key: bool = False
    apart: tuple[OpenPart, ...] = ()

    @classmethod
    def perhaps_sent(cls, send: SendNote, progress: str | None, *, key_lost: bool) -> OpenBatch:
        """Of an entry that was lost, and may have noted a send of it.

        :param key_lost: whether that send may have had another key than it would have now
        """
        return cls(sends=(send,), progress=progress, key_lost=key_lost)

    @property
    def says_anything(self) -> bool:
        """Whether anything of it is to be kept in the task's entry."""
        return bool(self.sends or self.apart) or self.progress is not None

    @property
    def silent_in_all(self) -> int:
        """After how many tries' requests there was no answer, for all of its parts together."""
        return self.silent + sum(part.silent for part in self.apart)

    @property
    def last_place(self) -> int:
        """The last place that it names; -1 if it names none."""
        spans = [*self.part, *(span for part in self.apart for span in part.places)]
        return max((stop for _, stop in spans), default=0) - 1

    def under_way_of(self, rest: Collection[int]) -> set[int]:
        """Which of the calls that are in no part set apart are surely in the part that is under way.

        :param rest: the places of those calls that aren't settled, or may not be
        """
        if self.part:
            return {*rest}.intersection(_places_of(self.part))
        return {*rest} if self.parts == 1 else set()

    @property
    def open_sends(self) -> list[NotedSend]:
        """The sends of the part that is under way."""
        return _as_values(self.sends)

    def sends_of(self, place: int) -> list[NotedSend]:
        """The sends of a call whose answer isn't known."""
        for part in self.apart:
            if any(start <= place < stop for start, stop in part.places):
                return _as_values(part.sends)
        return self.open_sends

    def under_way(self, calls: int, settled: Container[int]) -> list[int]:
        """The places of the part that is under way: they go into the next request together.

        :param calls: how many the batch has
        :param settled: the places of those that are settled
        """
        if self.part:
            return [place for place in _places_of(self.part) if place not in settled]
        apart = {place for part in self.apart for place in _places_of(part.places)}
        rest = [place for place in range(calls) if place not in settled and place not in apart]
        return rest[: ceil(len(rest) / self.parts)]

    def noted(self, send: SendNote) -> OpenBatch:
        """With one more send of the part under way, not yet answered."""
        return replace(self, sends=(*self.sends, send))

    def withdrawn(self) -> OpenBatch:
        """Without the last send: it was noted, and then surely did not leave."""
        return replace(self, sends=self.sends[:-1])

    def answered(self) -> OpenBatch:
        """Without the last send: it took effect where it was answered with a job, and nowhere else."""
        return replace(self, sends=self.sends[:-1])

    def unanswered(self, last: str) -> OpenBatch:
        """The part under way was sent as often as it may be in a try, and not answered.

        :param last: what the last request ended with instead
        """
        return replace(self, silent=self.silent + 1, last=last[:_LAST])

    def key_missed(self) -> OpenBatch:
        """An answer showed that the idempotence key got lost on the way."""
        return replace(self, key_lost=True)

    def added_in_part(self) -> OpenBatch:
        """Some of the part's calls were found in the report: the rest has another key than it was sent with."""
        return replace(self, other_key=True)

    def refused(self) -> OpenBatch:
        """The part under way was refused, and nothing came of its earlier sends."""
        return replace(self, sends=(), key_lost=False)

    def none_came(self) -> OpenBatch:
        """The report shows that nothing came of the sends of the part under way: it is as if it was never sent."""
        return replace(self, sends=(), key_lost=False, other_key=False)

    def settled(self) -> OpenBatch:
        """The part under way is settled: what was noted of its sends is no longer of use. The next one is under way."""
        return replace(self, sends=(), part=(), parts=self._parts_after_this, silent=0, last="", other_key=False)

    def without_settled(self, settled: Container[int]) -> OpenBatch:
        """Without the parts set apart whose calls are settled by now."""
        return replace(self, apart=tuple(part for part in self.apart if part.open_places(settled)))

    def set_apart(self, places: Sequence[int]) -> OpenBatch:
        """With the part that is under way set apart, as the last one, with what is noted of it.

        The next one is under way then.

        :param places: those of its calls that aren't settled
        """
        other_key = self.other_key or self.key_lost
        apart = OpenPart(_spans_of(places), self.sends, self.silent, self.last, other_key)
        return replace(self.settled(), key_lost=False, apart=(*self.apart, apart))

    def split_off(self, places: Sequence[int], others: Sequence[int]) -> OpenBatch:
        """With *places* alone in the part under way, and the *others* of it set apart, as the last part.

        What was sent of it was sent with a key that is neither's.
        """
        other_key = bool(self.sends)
        apart = OpenPart(_spans_of(others), self.sends, self.silent, self.last, other_key)
        return replace(
            self,
            parts=self._parts_after_this,
            part=_spans_of(places),
            other_key=other_key,
            apart=(*self.apart, apart),
        )

    def taken_up(self, part: OpenPart) -> OpenBatch:
        """With a part that was set apart under way, where no other one is."""
        return replace(
            self,
            apart=tuple(other for other in self.apart if other != part),
            part=part.places,
            sends=part.sends,
            silent=part.silent,
            last=part.last,
            other_key=part.other_key,
        )

    def cut(self, places: Sequence[int], pieces: int) -> OpenBatch:
        """With the part under way, of which nothing is open, cut into so many: the first is under way then.

        :param places: those of its calls that aren't settled
        """
        first, *others = evenly_cut(places, pieces)
        return replace(
            self,
            sends=(),
            parts=self._parts_after_this,
            part=_spans_of(first),
            silent=0,
            last="",
            other_key=False,
            apart=(*self.apart, *(OpenPart(_spans_of(piece)) for piece in others)),
        )

    def halved(self) -> OpenBatch:
        """With twice as many parts: the one under way, of which nothing is open, is too large, as the others are."""
        return replace(self, parts=self.parts * 2)

    def sent_again(self, question: str) -> OpenBatch:
        """A person said to send again whatever isn't settled: with new keys, and as one.

        :param question: the reference of what was answered
        """
        return replace(self.settled(), apart=(), parts=1, key_lost=False, again=question)

    def recorded(self, progress: str) -> OpenBatch:
        """With the name of what is known of its settled calls, which is written down by now."""
        return replace(self, progress=progress)

    @property
    def _parts_after_this(self) -> int:
        """How many parts are left once the one under way is none of them: one that was set apart was none before."""
        return self.parts if self.part else max(1, self.parts - 1)


def evenly_cut(places: Sequence[int], pieces: int) -> list[Sequence[int]]:
    """Places, cut into so many pieces of nearly the same size, or into single ones."""
    pieces = min(pieces, len(places))
    limits = [len(places) * number // pieces for number in range(pieces + 1)]
    return [places[start:stop] for start, stop in pairwise(limits)]


def _as_values(sends: Sequence[SendNote]) -> list[NotedSend]:
    return [NotedSend(at, until, clock, campaign) for at, until, clock, campaign in sends]


def _spans_of(places: Sequence[int]) -> tuple[Span, ...]:
    """Ascending places, as few spans."""
    spans: list[Span] = []
    for place in places:
        if spans and spans[-1][1] == place:
            spans[-1] = (spans[-1][0], place + 1)
        else:
            spans.append((place, place + 1))
    return tuple(spans)


def _places_of(spans: Sequence[Span]) -> list[int]:
    """The places of some spans."""
    return [place for start, stop in spans for place in range(start, stop)]
