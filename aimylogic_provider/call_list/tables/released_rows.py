"""Rows that a list lets go of, for its task ended for good and surely sent nothing for them; and that it takes back.

Whoever ends may have been replaced meanwhile: so it *enters* first, then notes in its task's entry, which Airflow
refuses to a try that it replaced, and then lets go only if nobody has taken back since. Whoever goes on with a list
takes back before it sends: all that was let go by then is its own again, but for what another list took.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.rows_beside import RowNumbers
from aimylogic_provider.call_list.tables.claim_holders import ListHolder
from aimylogic_provider.call_list.tables.claims import Claims
from aimylogic_provider.call_list.tables.row_claims import FREE, some
from aimylogic_provider.call_list.tables.row_keys import Person, RowKey, RowKeys

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["UnsentRows"]

_People = Callable[[], Iterable[Person]]
_ASIDE = ("double", "capped")
"""The outcomes of rows that were set aside because of a call of the list."""
_LET_GO = -2
"""As the end of a shard's mark: some of its rows were let go, and not all of them taken back since."""


class UnsentRows:
    """The unsent rows of a shard.

    :param claims: hold them
    :param holder: the list
    """

    def __init__(self, claims: Claims, holder: ListHolder, shard: int) -> None:
        self._claims = claims
        self._holder = holder
        self._mark = f"shard {shard} of {holder.call_list}"
        self._table = claims.tables[1]
        self._keys = RowKeys(holder.dag_id, holder.task_id)

    def take_back(self, batches: Callable[[], Iterable[tuple[str, list[Person]]]]) -> frozenset[str]:
        """Hold again what was let go; return the batches of which another list has taken somebody, or this list less.

        Rows that were set aside because of a call are taken back with it, by its phone; who takes one, takes all.

        :param batches: goes through the names of batches, and whom they have left; may be called again
        :raises CallListError: if the database fails, or a file of the list can't be read
        """
        claims = self._table.c

        def act(connection: Connection) -> frozenset[str]:
            if not self._put_mark(connection, 0):
                return frozenset()
            taken = set()
            for name, people in batches():
                names: set[str] = set()
                phones: set[str] = set()
                for one in some(people):
                    ours = self._claimed(connection, keys := list(self._keys.of(one)))
                    names.update(filter(None, (_claim_of(key, ours) for key in keys)))
                    phones.update(key.by_phone for key in keys)
                    if not all(_claim_of(key, ours) for key in keys):
                        taken.add(name)
                        break
                else:
                    for few in some(names):
                        self._set_end(connection, claims.row_key.in_(few), FREE, None)
                    for few in some(phones):
                        self._set_end(connection, claims.phone_key.in_(few), FREE, None)
            if not taken:
                connection.execute(self._table.update().where(self._is_mark).values(ended=FREE))
            return frozenset(taken)

        return self._claims.in_turn(self._holder, act)

    def enter(self) -> int:
        """Return a number with which this try may let rows go, until somebody takes them back."""
        number = secrets.randbits(62) + 1

        def act(connection: Connection) -> None:
            self._put_mark(connection, number)

        self._claims.in_turn(self._holder, act)
        return number

    def let_go(
        self,
        number: int,
        unsent: _People,
        others: _People,
        beside: Callable[[Container[int]], Iterable[int]],
        *,
        unbegun: bool,
    ) -> int:
        """Hold people no more to whom nothing was sent, and have the results table say nothing of them.

        :param number: as :meth:`enter` returned it
        :param unsent: goes through them; may be called again
        :param others: goes through the list's other people who aren't settled
        :param beside: goes through the rows that were set aside because of some calls, by row numbers
        :param unbegun: whether nobody has begun to send the list, so that it may be given up
        :returns: how many rows
        :raises CallListError: if a later try goes on with the list, or the database fails
        """
        claims = self._table.c

        def act(connection: Connection) -> int:
            self._check_entered(connection, number)
            kept = {one for key in self._keys.of(others()) for one in key}
            gone, called = 0, RowNumbers()
            for one in some(unsent()):
                ours = self._claimed(connection, keys := list(self._keys.of(one)))
                claimed = [
                    (_claim_of(key, ours), key.by_phone, person.row) for key, person in zip(keys, one, strict=True)
                ]
                free = [told for told in claimed if told[0] and told[0] not in kept]
                whole = [(phone, row) for _, phone, row in free if phone not in kept]
                self._set_end(connection, claims.row_key.in_([name for name, _, _ in free]), None, FREE)
                self._set_end(connection, claims.phone_key.in_([phone for phone, _ in whole]), None, FREE)
                self._claims.forget(connection, self._holder, ["pending"], [row for _, _, row in free])
                self._claims.persons.let_go(connection, self._holder.call_list, [person.row for person in one])
                for _, row in whole:
                    called.add(row)
                gone += len(free)
            for rows in some(beside(called)):
                self._claims.forget(connection, self._holder, _ASIDE, rows)
            if unbegun:
                lists = self._claims.tables[0]
                sending = lists.c.call_list == self._holder.call_list, lists.c.state == "sending"
                connection.execute(lists.update().where(*sending).values(state="claimed"))
            return gone

        return self._claims.in_turn(self._holder, act)

    def let_all_go(self, number: int) -> None:
        """As :meth:`let_go`, of a list in one shard of which nothing at all was sent, if nobody can read it."""
        claims = self._table.c

        def act(connection: Connection) -> None:
            self._check_entered(connection, number)
            ours = (claims.call_list == self._holder.call_list, claims.ended.is_(None))
            connection.execute(self._table.update().where(*ours).values(ended=FREE))
            self._claims.forget(connection, self._holder, ["pending", *_ASIDE])
            self._claims.persons.let_go(connection, self._holder.call_list)

        self._claims.in_turn(self._holder, act)

    @property
    def _is_mark(self) -> Any:
        return self._table.c.row_key == self._mark

    def _check_entered(self, connection: Connection, number: int) -> None:
        entered = self._table.update().where(self._is_mark, self._table.c.row_number == number)
        if not connection.execute(entered.values(ended=_LET_GO)).rowcount:
            raise CallListError("a later try goes on with it")

    def _claimed(self, connection: Connection, keys: Iterable[RowKey]) -> set[str]:
        """The names among some keys by which this list claimed rows, and that no other list took."""
        claims = self._table.c
        names = {name for key in keys for name in (key.by_keys, key.by_both) if name}
        asked = self._table.select().with_only_columns(claims.row_key)
        of_ours = claims.call_list == self._holder.call_list, claims.row_key.in_(names)
        return {*connection.execute(asked.where(*of_ours)).scalars()}

    def _set_end(self, connection: Connection, which: Any, before: int | None, after: int | None) -> None:
        claims = self._table.c
        of_ours = claims.call_list == self._holder.call_list, which
        so_far = claims.ended.is_(None) if before is None else claims.ended == before
        connection.execute(self._table.update().where(*of_ours, so_far).values(ended=after))

    def _put_mark(self, connection: Connection, number: int) -> bool:
        """Note who may let go of the shard's rows; return whether some were let go."""
        ended = connection.execute(self._table.select().with_only_columns(self._table.c.ended).where(self._is_mark))
        if (told := ended.scalar()) is None:
            connection.execute(self._table.insert().values(
                row_key=self._mark, map_index=self._holder.map_index, iteration=self._holder.iteration, phone_key="",
                call_list=self._holder.call_list, row_number=number, ended=FREE,
            ))  # fmt: skip
        else:
            connection.execute(self._table.update().where(self._is_mark).values(row_number=number))
        return bool(told == _LET_GO)


def _claim_of(key: RowKey, ours: set[str]) -> str:
    """The name by which a row is claimed; empty if it isn't any more."""
    return next((name for name in (key.by_keys, key.by_both) if name in ours), "")
