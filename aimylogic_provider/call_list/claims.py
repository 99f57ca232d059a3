"""Which rows of a query are held by which call list: so that of two runs at once only one calls a person.

Two tables beside the results table hold it. ``<results table>_lists`` has a row for each list that was begun;
``<results table>_claims`` one for each row of the query that a list holds, unique by DAG, task and key columns (else
phone). A list is told of there before its query is asked, claims its rows in one transaction once the query has ended,
and holds each until that is settled.

What a query saw is no proof: the other run may have called somebody since, and finished. So a claim that has ended is
kept for as long as a list is being frozen that was begun before that end, and that one heeds it still.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aimylogic_provider.call_list.claim_tables import claim_tables, create
from aimylogic_provider.call_list.manifest import CallListError
from aimylogic_provider.idempotence.keys import begun_digest, digest_after

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Claimed", "Claims", "Holder", "Person", "Unfinished"]

T = TypeVar("T")
_AT_ONCE = 500
"""Rows that a statement names: more, some databases don't take."""
_TRIES = 5
_LONGEST_FREEZE = timedelta(days=3)
"""A list that was begun longer ago is frozen by nobody any more: no ended claim is kept for it."""


class Person(NamedTuple):
    """Who a row of a query is.

    :param row: its number
    :param keys: its key columns
    """

    row: int
    keys: Mapping[str, object]
    phone: str


@dataclass(frozen=True, slots=True)
class Holder:
    """A list, and the task instance that freezes it.

    :param call_list: its id
    :param path: the address of its folder
    """

    call_list: str
    path: str
    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1

    @property
    def words(self) -> str:
        """The list and its run, as a reason names them."""
        mapped = f", map index {self.map_index}" if self.map_index >= 0 else ""
        return f"the call list {self.call_list} of run {self.run_id}{mapped}"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Another list that holds rows.

    :param rows: how many
    :param begun_at: when it was begun
    """

    holder: Holder
    rows: int
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a list has got.

    :param marks: for each row in its order 0 if it is the list's, else which of *others* holds it, from 1
    """

    marks: array[int]
    others: list[Holder]


class Claims:
    """The two tables, open; made if there are none.

    :param engine: of the results table's database
    :param results_table: its name, after its schema and a dot where it has one
    :raises CallListError: if the database can't be reached
    """

    def __init__(self, engine: Engine, results_table: str) -> None:
        self._engine = engine
        self._lists, self._claims, self._results = claim_tables(engine, results_table)
        self._try("made or read", lambda: create(engine, self._lists, self._claims))

    @property
    def lists_table(self) -> str:
        """The name of the table of lists, for people."""
        return str(self._lists.fullname)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def begin(self, holder: Holder) -> None:
        """Tell of a list, before its query is asked.

        :raises CallListError: if it was given up already, by a later try
        """
        lists = self._lists.c

        def act(connection: Connection) -> None:
            if self._state(connection, holder.call_list) is not None:
                raise _given_up(holder.path)
            self._insert(connection, holder, "begun")
            connection.execute(self._claims.delete().where(
                self._claims.c.ended < self._least_begun(connection, holder),
                self._claims.c.call_list.in_(
                    self._lists.select().with_only_columns(lists.call_list).where(*self._of_task(holder))
                ),
            ))  # fmt: skip

        self._transact("written", act)

    def claim(self, holder: Holder, people: Callable[[], Iterable[Person]]) -> Claimed:
        """Claim the rows of a query that no other run's list holds, in one transaction.

        :param people: begins to go through the rows; may be called again
        :raises CallListError: if the list was given up meanwhile, or the database fails; another try can help
        """
        # Looked for before, for the first thing that a transaction does must be to wait for the others.
        first = self._transact("read", lambda connection: connection.execute(
            self._lists.select().with_only_columns(self._lists.c.number).where(*self._of_task(holder))
            .order_by(self._lists.c.number).limit(1)
        ).scalar_one())  # fmt: skip

        def act(connection: Connection) -> Claimed:
            # Of one task, one list at a time claims its rows.
            connection.execute(self._lists.update().where(self._lists.c.number == first).values(task_id=holder.task_id))
            if self._state(connection, holder.call_list) != "begun":
                raise _given_up(holder.path)
            claiming = _Claiming(connection, self, holder)
            for some in _some(people()):
                claiming.take(some)
            self._set_state(connection, holder.call_list, "claimed")
            return Claimed(claiming.marks, claiming.others)

        return self._transact("written", act)

    def holder(self, call_list: str) -> Holder | None:
        """Whose a list is; None if it never claimed anything here."""
        asked = self._lists.select().where(self._lists.c.call_list == call_list)
        row = self._transact("read", lambda connection: connection.execute(asked).one_or_none())
        return None if row is None else _holder(row)

    def settled(self, holder: Holder, people: Iterable[Person], others: Iterable[Person]) -> None:
        """Some rows of a list are settled, and told so in the results table: it holds them no more.

        :param others: those that are not settled, some of whose keys may be the same
        """
        open_keys = set(_row_keys(holder, others))
        for some in _some(people):
            keys = [key for key in _row_keys(holder, some) if key not in open_keys]

            def act(connection: Connection, keys: list[str] = keys) -> None:
                self._let_go(connection, holder, self._claims.c.row_key.in_(keys))

            self._transact("written", act)

    def ended(self, holder: Holder) -> None:
        """All rows of a list are settled, and told so in the results table."""

        def act(connection: Connection) -> None:
            if self._state(connection, holder.call_list) not in (None, "given up"):
                self._let_go(connection, holder)
                self._set_state(connection, holder.call_list, "ended")

        self._transact("written", act)

    def give_up(self, holder: Holder) -> None:
        """A list comes to nothing, and nothing of it was sent: nobody is held by it, and it is never sent.

        What the results table says of its rows goes, too, or queries would leave its people out. Safe to repeat.
        """

        def act(connection: Connection) -> None:
            state = self._state(connection, holder.call_list)
            if state == "ended":
                return
            if state is None:
                self._insert(connection, holder, "given up")  # so that a late try of it finds that
            self._set_state(connection, holder.call_list, "given up")
            connection.execute(self._claims.delete().where(self._claims.c.call_list == holder.call_list))
            if self._has_results():
                results = self._results.c
                connection.execute(self._results.delete().where(
                    results.call_list == holder.call_list, results.outcome.in_(("pending", "double", "claimed"))
                ))  # fmt: skip

        self._transact("written", act)

    def check(self, call_list: str, path: str) -> None:
        """Make sure that a list was not given up.

        :raises CallListError: if it was
        """
        if self._transact("read", lambda connection: self._state(connection, call_list)) == "given up":
            raise CallListError(
                f"the call list in {path} was given up before it was sent, so that other runs may call its people: "
                "nothing of it is sent. Start a new DAG run to have the rows queried anew"
            )

    def of_instance(self, holder: Holder) -> list[Holder]:
        """The lists that this task instance began before this one, and that have not come to an end."""
        import sqlalchemy as sa

        lists = self._lists.c
        this = self._lists.alias("this")
        number = sa.select(this.c.number).where(this.c.call_list == holder.call_list).scalar_subquery()
        asked = self._lists.select().where(
            lists.number < number,
            *self._of_task(holder), lists.run_id == holder.run_id, lists.map_index == holder.map_index,
            lists.state.in_(("begun", "claimed")),
        )  # fmt: skip
        return self._transact("read", lambda connection: [_holder(row) for row in connection.execute(asked)])

    def unfinished(self, holder: Holder) -> list[Unfinished]:
        """The lists of other runs of the task that hold rows."""
        import sqlalchemy as sa

        lists, claims = self._lists.c, self._claims.c
        held = (
            sa.select(claims.call_list, sa.func.count().label("held"))
            .where(claims.ended.is_(None))
            .group_by(claims.call_list)
            .subquery()
        )
        asked = (
            sa.select(self._lists, held.c.held)
            .join_from(self._lists, held, held.c.call_list == lists.call_list)
            .where(*self._of_task(holder), lists.run_id != holder.run_id, lists.state != "given up")
            .order_by(lists.number)
        )
        return self._transact("read", lambda connection: [
            Unfinished(_holder(row), row.held, row.begun_at) for row in connection.execute(asked)
        ])  # fmt: skip

    # Beneath

    def _of_task(self, holder: Holder) -> tuple[Any, Any]:
        return self._lists.c.dag_id == holder.dag_id, self._lists.c.task_id == holder.task_id

    def _state(self, connection: Connection, call_list: str) -> str | None:
        columns = self._lists.c
        asked = self._lists.select().with_only_columns(columns.state).where(columns.call_list == call_list)
        state: str | None = connection.execute(asked).scalar()
        return state

    def _insert(self, connection: Connection, holder: Holder, state: str) -> None:
        connection.execute(self._lists.insert().values(
            call_list=holder.call_list, path=holder.path, dag_id=holder.dag_id, task_id=holder.task_id,
            run_id=holder.run_id, map_index=holder.map_index, state=state, begun_at=datetime.now(UTC),
        ))  # fmt: skip

    def _set_state(self, connection: Connection, call_list: str, state: str) -> None:
        connection.execute(self._lists.update().where(self._lists.c.call_list == call_list).values(state=state))

    def _begun(self, holder: Holder) -> tuple[Any, ...]:
        lists = self._lists.c
        return *self._of_task(holder), lists.state == "begun", lists.begun_at > datetime.now(UTC) - _LONGEST_FREEZE

    def _least_begun(self, connection: Connection, holder: Holder) -> int:
        """The number of the first list that is being frozen: what had ended before it was begun, its query sees."""
        import sqlalchemy as sa

        least: int | None = connection.execute(
            sa.select(sa.func.min(self._lists.c.number)).where(*self._begun(holder))
        ).scalar()
        return least or 0

    def _let_go(self, connection: Connection, holder: Holder, *which: Any) -> None:
        """End claims of a list: they go, unless one is being frozen whose query may not have seen what came of them."""
        import sqlalchemy as sa

        ours = (self._claims.c.call_list == holder.call_list, *which)
        if not self._least_begun(connection, holder):
            connection.execute(self._claims.delete().where(*ours))
            return
        last = connection.execute(sa.select(sa.func.max(self._lists.c.number))).scalar_one()
        connection.execute(self._claims.update().where(*ours, self._claims.c.ended.is_(None)).values(ended=last))

    def _has_results(self) -> bool:
        import sqlalchemy as sa

        return sa.inspect(self._engine).has_table(self._results.name, self._results.schema)

    def _transact(self, what: str, act: Callable[[Connection], T]) -> T:
        def transact() -> T:
            with self._engine.begin() as connection:
                return act(connection)

        return self._try(what, transact)

    def _try(self, what: str, act: Callable[[], T]) -> T:
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

        retrying = Retrying(
            retry=retry_if_exception_type(DBAPIError),  # locked, or two at once
            stop=stop_after_attempt(_TRIES),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            reraise=True,
        )
        try:
            return retrying(act)
        except SQLAlchemyError as error:
            kind = type(getattr(error, "orig", None) or error).__name__
            raise CallListError(
                f"{self._claims.fullname} and {self._lists.fullname}, by which two runs don't call the same people, "
                f"can't be {what} ({kind}): the next try goes on",
                retryable=True,
            ) from None


class _Claiming:
    """One list's claiming, in one transaction."""

    def __init__(self, connection: Connection, tables: Claims, holder: Holder) -> None:
        self.marks = array("H")
        self.others: list[Holder] = []
        self._connection = connection
        self._lists = tables._lists
        self._claims = tables._claims
        self._holder = holder
        self._known: dict[str, tuple[Holder, str, int] | None] = {}
        self._places: dict[str, int] = {}
        found = self._list(holder.call_list)
        assert found is not None, "it was begun"
        self._number = found[2]

    def take(self, people: Sequence[Person]) -> None:
        """Take those who are free."""
        claims = self._claims.c
        keys = list(_row_keys(self._holder, people))
        found = self._connection.execute(self._claims.select().where(claims.row_key.in_({*keys}))).all()
        mine: set[str] = set()
        held: dict[str, int] = {}
        over: list[Any] = []
        for row in found:
            if row.call_list == self._holder.call_list:
                mine.add(row.row_key)
            elif (other := self._heeded(row)) is None:
                over.append(row)
            elif not self._of_same_run(other):
                held[row.row_key] = self._place(other)
        for row in over:
            if row.map_index == self._holder.map_index:
                self._connection.execute(self._claims.delete().where(
                    claims.row_key == row.row_key, claims.map_index == row.map_index
                ))  # fmt: skip
        self.marks.extend(held.get(key, 0) for key in keys)
        new = {key: person.row for key, person in zip(keys, people, strict=True) if key not in held and key not in mine}
        if new:
            self._connection.execute(self._claims.insert(), [
                {"row_key": key, "map_index": self._holder.map_index, "call_list": self._holder.call_list,
                 "row_number": row, "ended": None}
                for key, row in new.items()
            ])  # fmt: skip

    def _heeded(self, claim: Any) -> Holder | None:
        """Whose a claim is; None if it counts no more."""
        found = self._list(claim.call_list)
        if found is None or found[1] == "given up":
            return None
        return found[0] if claim.ended is None or claim.ended >= self._number else None

    def _of_same_run(self, other: Holder) -> bool:
        """Whether it is of another map index of this very run, which is told apart on purpose."""
        return other.run_id == self._holder.run_id and other.map_index != self._holder.map_index

    def _place(self, other: Holder) -> int:
        if other.call_list not in self._places:
            self.others.append(other)
            self._places[other.call_list] = len(self.others)
        return self._places[other.call_list]

    def _list(self, call_list: str) -> tuple[Holder, str, int] | None:
        if call_list not in self._known:
            row = self._connection.execute(
                self._lists.select().where(self._lists.c.call_list == call_list)
            ).one_or_none()
            self._known[call_list] = None if row is None else (_holder(row), row.state, row.number)
        return self._known[call_list]


def _holder(row: Any) -> Holder:
    return Holder(row.call_list, row.path, row.dag_id, row.task_id, row.run_id, row.map_index)


def _row_keys(holder: Holder, people: Iterable[Person]) -> Iterator[str]:
    """What a row is known by: DAG, task and key columns; by the phone besides where one of those says nothing."""
    from aimylogic_provider.call_list.results_table import key_as_text

    begun = begun_digest("claim", holder.dag_id, holder.task_id)
    for _, keys, phone in people:
        told = [(name, key_as_text(value) or "") for name, value in sorted(keys.items())]
        whole = told and all(value for _, value in told)
        fields = [one for pair in told for one in pair] if whole else [*(one for pair in told for one in pair), phone]
        yield digest_after(begun, *fields).hex()


def _some(people: Iterable[Person]) -> Iterator[list[Person]]:
    iterator = iter(people)
    while some := list(islice(iterator, _AT_ONCE)):
        yield some


def _given_up(path: str) -> CallListError:
    return CallListError(
        f"another try of this task has given up the list in {path} meanwhile, and freezes one of its own: nothing is "
        "sent by this one",
        retryable=True,
    )
