"""Rules by which people aren't called, applied once all rows of a list are read: what each of them tells.

The rules themselves stand where what they ask is known: see ``call_list_task``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Literal, NamedTuple, Protocol, get_args, runtime_checkable

from aimylogic_provider.call_list.tables.row_keys import Person

__all__ = ["FreezeRule", "Marked", "PhoneRule", "SparedKind", "in_order"]

SparedKind = Literal["excluded", "capped", "held_out"]
"""Why a row isn't called: also its outcome, and the folder in which the list tells of it."""


class Marked(NamedTuple):
    """Who isn't called.

    :param marks: one for each person, in their order: 0 for who is called, n for the nth of *reasons*
    :param reasons: in words
    """

    marks: Sequence[int]
    reasons: Sequence[str]


class FreezeRule(Protocol):
    """Says who of a list isn't called."""

    kind: SparedKind

    def marked(self, people: Callable[[], Iterable[Person]]) -> Marked:
        """Mark who isn't called.

        :param people: begins to go through them, in the order of rows; may be called again
        :raises CallListError: if it can't be known; then nothing is sent
        :raises RejectedError: if what is asked can't be used
        """


@runtime_checkable
class PhoneRule(Protocol):
    """Says which phones of a list aren't called: what else stands in their rows needn't be read for it."""

    kind: SparedKind

    @property
    def starts(self) -> Collection[str]:
        """The first three digits of the phones that were looked for, where a later look must know them; else empty."""

    def marked_phones(self, phones: Callable[[], Iterable[int]]) -> Marked:
        """As :meth:`FreezeRule.marked`, by the rows' phones."""


def in_order(rules: Iterable[FreezeRule | PhoneRule]) -> list[FreezeRule | PhoneRule]:
    """Rules in the order in which they are applied: by their kinds, and as they came among one kind."""
    kinds = get_args(SparedKind)
    return sorted(rules, key=lambda rule: kinds.index(rule.kind))
