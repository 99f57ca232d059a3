"""One list's claiming of its rows, in one transaction: which of them are free, and who holds the others.

When a list claims, and when it lets go, is ``claims``'s affair.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from aimylogic_provider.call_list.tables.claim_holders import ListHolder, holder_of
from aimylogic_provider.call_list.tables.row_keys import Person, RowKey, RowKeys, key_names

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["FREE", "Claimed", "claim_rows", "some"]

T = TypeVar("T")
_AT_ONCE = 400
"""Rows that a statement names by one key, or two: more, some databases don't take."""

FREE = -1
"""As a claim's end: the row was surely not sent, and another run's list may take it; until then its own may do so."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a list has got.

    :param marks: for each row in its order 0 if it is the list's, else which of *others* holds it, from 1
    """

    marks: array[int]
    others: list[ListHolder]


def claim_rows(
    connection: Connection, lists: Table, claims: Table, holder: ListHolder, people: Callable[[], Iterable[Person]]
) -> Claimed:
    """Claim those who are free.

    :param people: begins to go through the rows; may be called again
    """
    claiming = _Claiming(connection, lists, claims, holder)
    claiming.begin(people)
    for one in some(people()):
        claiming.take(one)
    return Claimed(claiming.marks, claiming.others)


class _Claiming:
    def __init__(self, connection: Connection, lists: Table, claims: Table, holder: ListHolder) -> None:
        self.marks = array("H")
        self.others: list[ListHolder] = []
        self._connection = connection
        self._lists = lists
        self._claims = claims
        self._holder = holder
        self._row_keys = RowKeys(holder.dag_id, holder.task_id)
        self._known: dict[str, tuple[ListHolder, str, int] | None] = {}
        self._places: dict[str, int] = {}
        self._groups: set[str] = set()
        self._free: list[Any] = []
        """Claims of lists with other key columns, which this one may take over."""
        self._known_otherwise: list[str] = []
        """The lists of the task that hold rows by other key columns."""
        found = self._list(holder.call_list)
        assert found is not None, "it was begun"
        self._number = found[2]

    def begin(self, people: Callable[[], Iterable[Person]]) -> None:
        """Learn by what the rows are claimed."""
        first = next(iter(people()), None)
        if first is None:
            return
        self._groups = self._row_keys.of_groups(people)
        lists, names = self._lists.c, key_names(first.keys)
        self._connection.execute(
            self._lists.update().where(lists.call_list == self._holder.call_list).values(key_names=names)
        )
        holding = self._claims.select().with_only_columns(self._claims.c.call_list).distinct()
        self._known_otherwise = [one for (one,) in self._connection.execute(
            self._lists.select().with_only_columns(lists.call_list).where(
                lists.dag_id == self._holder.dag_id, lists.task_id == self._holder.task_id, lists.key_names != names,
                lists.call_list.in_(holding),
            )
        )]  # fmt: skip

    def take(self, people: Sequence[Person]) -> None:
        """Take those who are free."""
        claims = self._claims.c
        keys = list(self._row_keys.of(people))
        mine: set[str] = set()
        held: dict[str, list[tuple[str, ListHolder]]] = {}
        over: list[Any] = []
        wanted = {one for key in keys for one in (key.by_keys, key.by_both) if one}
        for row in self._connection.execute(self._claims.select().where(claims.row_key.in_(wanted))).all():
            if row.call_list == self._holder.call_list:
                mine.add(row.row_key)
            elif (other := self._heeded(row)) is None:
                over.append(row)
            elif not other.is_beside(self._holder):
                held.setdefault(row.row_key, []).append((row.phone_key, other))
        phones = self._held_phones(keys)
        new: dict[str, tuple[int, str]] = {}
        taken: set[str] = set()
        for key, person in zip(keys, people, strict=True):
            other = self._other(key, held) or phones.get(key.by_phone)
            self.marks.append(0 if other is None else self._place(other))
            row_key = key.by_both if not key.by_keys or key.by_keys in self._groups else key.by_keys
            if other is None:
                taken |= {key.by_keys, key.by_both, key.by_phone}
            if other is None and row_key not in mine:
                new[row_key] = (person.row, key.by_phone)
        for row in [*over, *self._free]:
            # Without its claim, whoever let go of a row doesn't take it back.
            let_go = row.ended == FREE and (row.row_key in taken or row.phone_key in taken)
            index = self._holder.map_index, self._holder.iteration
            if let_go:  # and whom it set aside because of that row, or that one because of them
                self._connection.execute(self._claims.delete().where(
                    claims.call_list == row.call_list, claims.phone_key == row.phone_key, claims.ended == FREE,
                ))  # fmt: skip
            if let_go or (row.row_key in new and (row.map_index, row.iteration) == index):
                self._connection.execute(self._claims.delete().where(
                    claims.row_key == row.row_key, claims.map_index == row.map_index,
                    claims.iteration == row.iteration,
                ))  # fmt: skip
        if new:
            self._connection.execute(self._claims.insert(), [
                {"row_key": row_key, "map_index": self._holder.map_index, "iteration": self._holder.iteration,
                 "phone_key": phone_key, "call_list": self._holder.call_list, "row_number": row, "ended": None}
                for row_key, (row, phone_key) in new.items()
            ])  # fmt: skip

    def _other(self, key: RowKey, held: dict[str, list[tuple[str, ListHolder]]]) -> ListHolder | None:
        """Who holds a row, by its keys; where those name a group in this list, or in that one, by the phone besides."""
        for _, other in held.get(key.by_both, ()):
            return other
        for phone_key, other in held.get(key.by_keys, ()):
            if key.by_keys not in self._groups or phone_key == key.by_phone:
                return other
        return None

    def _held_phones(self, keys: Iterable[RowKey]) -> dict[str, ListHolder]:
        """Of lists with other key columns, only the phones can be compared."""
        claims = self._claims.c
        found: dict[str, ListHolder] = {}
        self._free = []
        for lists in some(self._known_otherwise):
            rows = self._connection.execute(self._claims.select().where(
                claims.phone_key.in_({key.by_phone for key in keys}), claims.call_list.in_(lists)
            ))  # fmt: skip
            for row in rows.all():
                other = self._heeded(row)
                if other is None and row.ended == FREE:
                    self._free.append(row)
                if other is not None and not other.is_beside(self._holder):
                    found[row.phone_key] = other
        return found

    def _heeded(self, claim: Any) -> ListHolder | None:
        """Whose a claim is; None if it counts no more."""
        found = self._list(claim.call_list)
        if found is None or found[1] == "given up":
            return None
        if claim.ended == FREE:  # to the other lists of its own run it isn't: that goes on with it when it is cleared
            return found[0] if found[0].run_id == self._holder.run_id else None
        return found[0] if claim.ended is None or claim.ended >= self._number else None

    def _place(self, other: ListHolder) -> int:
        if other.call_list not in self._places:
            self.others.append(other)
            self._places[other.call_list] = len(self.others)
        return self._places[other.call_list]

    def _list(self, call_list: str) -> tuple[ListHolder, str, int] | None:
        if call_list not in self._known:
            row = self._connection.execute(
                self._lists.select().where(self._lists.c.call_list == call_list)
            ).one_or_none()
            self._known[call_list] = None if row is None else (holder_of(row), row.state, row.number)
        return self._known[call_list]


def some(of: Iterable[T], at_once: int = _AT_ONCE) -> Iterator[list[T]]:
    """As many at a time as a statement names."""
    iterator = iter(of)
    while found := list(islice(iterator, at_once)):
        yield found
