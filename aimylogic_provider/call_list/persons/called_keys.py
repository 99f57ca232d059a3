"""Whom a results table tells to be called already, by key columns: what ``only_new`` leaves out.

The table is read once, in a stream, and compared with the list's own keys, of which 8 bytes each are in memory: it
needs no index, and may be longer than any list. A short list asks for its keys instead.

Called is who has a job, may have one, or is about to; so is who repeats such a one's call.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from aimylogic_provider.call_list.freeze.rules import Marked, SparedKind
from aimylogic_provider.call_list.persons.caps_in_force import is_keyless
from aimylogic_provider.call_list.store.caps import Cap
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.tables.results_table import key_as_text
from aimylogic_provider.call_list.tables.row_claims import some
from aimylogic_provider.call_list.tables.row_keys import Person
from aimylogic_provider.call_list.tables.row_results import DOUBLE_OF
from aimylogic_provider.sql_database.errors import kind_of

if TYPE_CHECKING:
    from sqlalchemy import Engine, Select

__all__ = ["CalledKeys"]

_CALLED = ("created", "pending", "unknown")
_SHORT = 1000
"""A list of so many people asks for its keys."""
_AT_ONCE = 5000


class _ByWhom(NamedTuple):
    at: datetime
    words: str


class CalledKeys:
    """A :class:`.FreezeRule`: who was called, by the results table.

    :param engine: of its database
    :param results_table: its name, after its schema and a dot where it has one
    :param names: the key columns that tell who a row is
    :param cap: says within which time
    """

    kind: SparedKind = "capped"

    def __init__(self, engine: Engine, results_table: str, names: Sequence[str], cap: Cap) -> None:
        import sqlalchemy as sa

        schema, _, name = results_table.rpartition(".")
        self._engine = engine
        self._shown = results_table
        self._names = [*names]
        self._cap = cap
        own: list[Any] = [
            sa.column(one) for one in ("call_list", "row_number", "outcome", "reason", "dag_id", "run_id")
        ]
        own.append(sa.column("frozen_at", sa.DateTime(timezone=True)))
        self._table = sa.table(name, *own, *(sa.column(one, sa.Text) for one in names), schema=schema or None)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def marked(self, people: Callable[[], Iterable[Person]]) -> Marked:
        """Mark who was called.

        :raises CallListError: if the database fails; another try can help
        """
        from sqlalchemy.exc import SQLAlchemyError

        keys = array("q", (self._hash(one.keys) for one in people()))
        lists: dict[str, int] = {}
        told_of = [_ByWhom(datetime.min.replace(tzinfo=UTC), "")]
        known = array("q", sorted(keys))
        found = array("L", bytes(len(known) * array("L").itemsize))
        firsts = [key_as_text(one.keys.get(self._names[0])) or "" for one in people()] if len(keys) <= _SHORT else None
        try:
            for *told, call_list in self._called(firsts):
                key = hash(tuple(told))
                place = bisect_left(known, key)
                if place < len(known) and known[place] == key:
                    if (number := lists.setdefault(call_list, len(told_of))) == len(told_of):
                        told_of.append(self._told_of(call_list))
                    if told_of[number].at > told_of[found[place]].at:
                        found[place] = number
            reasons = [f"{one.words}: {self._cap.words}" for one in told_of[1:]]
        except SQLAlchemyError as error:
            raise CallListError(
                f"the results table {self._shown} doesn't tell who was called ({kind_of(error)}), as only_new asks it: "
                "nothing is sent",
                retryable=True,
            ) from None
        marks = array("L", (found[bisect_left(known, key)] for key in keys))
        for number, one in enumerate(people()):
            if is_keyless(self._told(one.keys)):
                marks[number] = 0
        return Marked(marks, reasons)

    def _told(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        return {name: keys.get(name) for name in self._names}

    def _hash(self, keys: Mapping[str, Any]) -> int:
        """A number that stands for a row's keys, in this process."""
        return hash(tuple([key_as_text(keys.get(name)) for name in self._names]))

    def _called(self, firsts: Sequence[str] | None) -> Iterator[Any]:
        """The keys of all who were called, each with the list; or of those at least that have some first keys."""
        asked = [*self._statements()]
        if firsts is not None:
            of = self._table.c[self._names[0]]
            asked = [one.where(of.in_(few)) for few in some(sorted({*filter(None, firsts)})) for one in asked]
        with self._engine.connect() as connection:
            streamed = connection.execution_options(stream_results=True, yield_per=_AT_ONCE)
            for statement in asked:
                with streamed.execute(statement) as result:
                    yield from result

    def _statements(self) -> Iterator[Select[Any]]:
        import sqlalchemy as sa

        table, called = self._table.c, self._table.alias("called")
        columns = [*(table[name] for name in self._names), table.call_list]
        within: list[Any] = []
        if self._cap.seconds is not None:
            within = [table.frozen_at > datetime.now(UTC) - timedelta(seconds=self._cap.seconds)]
        yield sa.select(*columns).where(table.outcome.in_(_CALLED), *within)
        number = sa.case(
            (sa.and_(table.outcome == "double", table.reason.like(f"{DOUBLE_OF}%")),
             sa.cast(sa.func.substr(table.reason, len(DOUBLE_OF) + 1), sa.BigInteger)),
        )  # fmt: skip
        yield (
            sa.select(*columns)
            .join(called, sa.and_(called.c.call_list == table.call_list, called.c.row_number == number))
            .where(table.outcome == "double", called.c.outcome.in_(_CALLED), *within)
        )

    def _told_of(self, call_list: str) -> _ByWhom:
        import sqlalchemy as sa

        table = self._table.c
        asked = sa.select(table.frozen_at, table.dag_id, table.run_id).where(table.call_list == call_list).limit(1)
        with self._engine.connect() as connection:
            at, dag_id, run_id = connection.execute(asked).one()
        at = at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return _ByWhom(at, f"called by the list of {at:%Y-%m-%d %H:%M} UTC of DAG {dag_id}, run {run_id}")
