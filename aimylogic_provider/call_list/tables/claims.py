"""Which rows of a query are held by which call list: so that of two runs at once only one calls a person.

Two tables in the results table's database hold it: one has a row for each list that was begun, the other one for each
row of a query that a list holds. A list is told of there before its query is asked, claims its rows in one transaction
once the query has ended, and holds each until that is settled.

A list is *begun*, *claimed*, *sending* and *ended*, or *given up*. One that is being sent is given up by nobody but who
knows that nothing of it was sent: the change to either happens in one transaction, so that only one of them does.

What a query saw is no proof: the other run may have called somebody since, and finished. So a claim that has ended is
kept for as long as a list is being frozen that was begun before that end, and that one heeds it still.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.tables.claim_holders import ListHolder, UnfinishedList, holder_of
from aimylogic_provider.call_list.tables.claim_tables import claim_tables, create, results_of
from aimylogic_provider.call_list.tables.person_tables import PersonClaims
from aimylogic_provider.call_list.tables.row_claims import Claimed, claim_rows, some
from aimylogic_provider.call_list.tables.row_keys import Person, RowKeys
from aimylogic_provider.sql_database.transactions import Transactions

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

__all__ = ["Claimed", "Claims", "ListHolder", "Person", "UnfinishedList"]

T = TypeVar("T")
_LONGEST_FREEZE = timedelta(days=3)
"""A list that was begun longer ago is frozen by nobody any more: no ended claim is kept for it."""


class Claims:
    """The two tables, open; made if there are none.

    :param engine: of the results table's database
    :param results_table: its name, after its schema and a dot where it has one
    :raises CallListError: if the database can't be reached, or the tables can't be made
    """

    def __init__(self, engine: Engine, results_table: str) -> None:
        self._engine = engine
        self._results_table = results_table
        self._lists, self._claims = claim_tables(results_table.rpartition(".")[0])
        self.persons = PersonClaims(results_table.rpartition(".")[0])
        """Persons' calls that lists have claimed."""
        self._transactions = Transactions(engine, self._failed)
        self._act = self._transactions.act
        self._transactions.repeat("made or read", lambda: create(engine, self._lists, self._claims))

    @property
    def tables(self) -> tuple[Table, Table]:
        """Those of lists and of claims."""
        return self._lists, self._claims

    @property
    def lists_table(self) -> str:
        """The name of the table of lists, for people."""
        return str(self._lists.fullname)

    def read(self, act: Callable[[Connection], T]) -> T:
        """Read something in one transaction.

        :raises CallListError: if the database fails; another try can help
        """
        return self._act("read", act)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _failed(self, what: str, kind: str) -> CallListError:
        return CallListError(
            f"{self._claims.fullname} and {self._lists.fullname}, by which two runs don't call the same people, can't "
            f"be {what} ({kind}): the next try goes on",
            retryable=True,
        )

    def begin(self, holder: ListHolder) -> None:
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
                self._claims.c.ended >= 0,
                self._claims.c.call_list.in_(
                    self._lists.select().with_only_columns(lists.call_list).where(*self._of_task(holder))
                ),
            ))  # fmt: skip

        self._act("written", act)

    def claim(self, holder: ListHolder, people: Callable[[], Iterable[Person]]) -> Claimed:
        """Claim the rows of a query that no other run's list holds, in one transaction.

        :param people: begins to go through the rows; may be called again
        :raises CallListError: if the list was given up meanwhile, or the database fails; another try can help
        """

        def act(connection: Connection) -> Claimed:
            if self._state(connection, holder.call_list) != "begun":
                raise _given_up(holder.path)
            claimed = claim_rows(connection, self._lists, self._claims, holder, people)
            self._set_state(connection, holder.call_list, "claimed")
            return claimed

        return self.in_turn(holder, act)

    def in_turn(self, holder: ListHolder, act: Callable[[Connection], T]) -> T:
        """Do something in one transaction, while no other list of the task claims its rows."""
        # Looked for before, for the first thing that a transaction does must be to wait for the others.
        first = self._act("read", lambda connection: connection.execute(
            self._lists.select().with_only_columns(self._lists.c.number).where(*self._of_task(holder))
            .order_by(self._lists.c.number).limit(1)
        ).scalar_one())  # fmt: skip

        def acting(connection: Connection) -> T:
            connection.execute(self._lists.update().where(self._lists.c.number == first).values(task_id=holder.task_id))
            return act(connection)

        return self._act("written", acting)

    def holder(self, call_list: str) -> ListHolder | None:
        """Whose a list is; None if it never claimed anything here."""
        asked = self._lists.select().where(self._lists.c.call_list == call_list)
        row = self._act("read", lambda connection: connection.execute(asked).one_or_none())
        return None if row is None else holder_of(row)

    def begin_sending(self, call_list: str, path: str) -> bool:
        """A list is about to be sent, and is given up by no other try from now on. Safe to repeat.

        :returns: whether it has claimed its rows; not if it was frozen without a results table
        :raises CallListError: if it was given up
        """

        def act(connection: Connection) -> str | None:
            lists = self._lists.c
            connection.execute(
                self._lists.update()
                .where(lists.call_list == call_list, lists.state.in_(("begun", "claimed")))
                .values(state="sending")
            )
            return self._state(connection, call_list)

        if (state := self._act("written", act)) == "given up":
            raise CallListError(
                f"the call list in {path} was given up before it was sent to its end, so that other runs may call its "
                "people: nothing more of it is sent. Start a new DAG run to have another list frozen"
            )
        return state is not None

    def settled(
        self, holder: ListHolder, people: Iterable[Person], others: Iterable[Person], *, aside: bool = False
    ) -> None:
        """Some rows of a list are settled, and told so in the results table: it holds them no more.

        :param others: those that are not settled, some of whose keys may be the same
        :param aside: whether other rows were set aside because of some: they go once all calls of their phone do
        """
        row_keys = RowKeys(holder.dag_id, holder.task_id)
        open_keys = {"", *(one for key in row_keys.of(others) for one in key)}
        for one in some(people):
            keys = list(row_keys.of(one))
            names = {name for key in keys for name in (key.by_keys, key.by_both)} - open_keys
            phones = {key.by_phone for key in keys} - open_keys if aside else set()

            def act(connection: Connection, names: set[str] = names, phones: set[str] = phones) -> None:
                self._let_go(connection, holder, self._claims.c.row_key.in_(names))
                if phones:
                    self._let_go(connection, holder, self._claims.c.phone_key.in_(phones))

            self._act("written", act)

    def ended(self, holder: ListHolder) -> None:
        """All rows of a list are settled, and told so in the results table."""

        def act(connection: Connection) -> None:
            if self._state(connection, holder.call_list) not in (None, "given up"):
                self._let_go(connection, holder)
                self._set_state(connection, holder.call_list, "ended")
                ours = self._claims.c.call_list == holder.call_list
                connection.execute(self._claims.delete().where(ours, self._claims.c.ended < 0))
                results = results_of(holder.results_table or self._results_table)
                if _is_there(connection, results):
                    self.persons.let_go_of_jobless(connection, holder.call_list, results)

        self._act("written", act)

    def give_up(self, holder: ListHolder, *, unless_sending: bool = False, may_be_sent: bool = False) -> None:
        """A list comes to nothing, and nothing of it was sent: nobody is held by it, and it is never sent.

        What the results table says of its rows goes, too, or queries would leave its people out. Safe to repeat.

        :param unless_sending: whether nothing is done if somebody has begun to send it
        :param may_be_sent: whether it may have been sent and lost, so that its persons' calls still count: another
            list of the same task instance finds out about them, and takes them over
        """
        lists = self._lists.c
        kept = ("ended", "sending") if unless_sending else ("ended",)

        def act(connection: Connection) -> None:
            connection.execute(
                self._lists.update()
                .where(lists.call_list == holder.call_list, lists.state.not_in(kept))
                .values(state="given up")
            )
            state = self._state(connection, holder.call_list)
            if state is None:
                self._insert(connection, holder, "given up")  # so that a late try of it finds that
            elif state != "given up":
                return
            connection.execute(self._claims.delete().where(self._claims.c.call_list == holder.call_list))
            if not may_be_sent:
                self.persons.let_go(connection, holder.call_list)
            results = results_of(holder.results_table or self._results_table)
            if _is_there(connection, results):
                held = results.c.outcome.in_(("pending", "double", "claimed", "capped", "excluded", "held_out"))
                connection.execute(results.delete().where(results.c.call_list == holder.call_list, held))

        self._act("written", act)

    def of_instance(self, holder: ListHolder) -> list[ListHolder]:
        """The lists that this task instance began before this one, and that nobody has begun to send."""
        import sqlalchemy as sa

        lists = self._lists.c
        this = self._lists.alias("this")
        number = sa.select(this.c.number).where(this.c.call_list == holder.call_list).scalar_subquery()
        asked = self._lists.select().where(
            lists.number < number,
            *self._of_instance(holder),
            lists.state.in_(("begun", "claimed")),
        )  # fmt: skip
        return self._act("read", lambda connection: [holder_of(row) for row in connection.execute(asked)])

    def being_sent(self, holder: ListHolder) -> list[UnfinishedList]:
        """The lists of this task instance that somebody began to send."""
        asked = self._lists.select().where(*self._of_instance(holder), self._lists.c.state == "sending")
        return self._act("read", lambda connection: [
            UnfinishedList(holder_of(row), 0, row.begun_at, being_sent=True) for row in connection.execute(asked)
        ])  # fmt: skip

    def unfinished(self, holder: ListHolder, tasks: Collection[str] | None = None) -> list[UnfinishedList]:
        """The other lists of the task that hold rows, but for those that are told apart on purpose.

        :param tasks: all that the DAG has now, if they are known: the lists of those that it had before are told, too
        """
        import sqlalchemy as sa

        lists, claims = self._lists.c, self._claims.c
        held = (
            sa.select(claims.call_list, sa.func.count().label("held"))
            .where(claims.ended.is_(None))
            .group_by(claims.call_list)
            .subquery()
        )
        this = self._lists.alias("this")
        number = sa.select(this.c.number).where(this.c.call_list == holder.call_list).scalar_subquery()
        asked = (
            sa.select(self._lists, held.c.held, sa.func.coalesce(lists.number < number, sa.true()).label("earlier"))
            .join_from(self._lists, held, held.c.call_list == lists.call_list)
            .where(lists.dag_id == holder.dag_id, *(() if tasks is not None else self._of_task(holder)))
            .where(lists.call_list != holder.call_list, lists.state != "given up")
            .order_by(lists.number)
        )
        found = self._act("read", lambda connection: [
            UnfinishedList(holder_of(row), row.held, row.begun_at, row.state == "sending", earlier=row.earlier)
            for row in connection.execute(asked)
        ])  # fmt: skip
        return [
            other for other in found
            if (other.holder.is_of_task(holder) and not other.holder.is_beside(holder))
            or (tasks is not None and other.holder.task_id not in {*tasks, holder.task_id})
        ]  # fmt: skip

    # Beneath

    def _of_task(self, holder: ListHolder) -> tuple[Any, Any]:
        return self._lists.c.dag_id == holder.dag_id, self._lists.c.task_id == holder.task_id

    def _of_instance(self, holder: ListHolder) -> tuple[Any, ...]:
        lists = self._lists.c
        mapped = lists.map_index == holder.map_index, lists.iteration == holder.iteration
        return *self._of_task(holder), lists.run_id == holder.run_id, *mapped

    def _state(self, connection: Connection, call_list: str) -> str | None:
        columns = self._lists.c
        asked = self._lists.select().with_only_columns(columns.state).where(columns.call_list == call_list)
        state: str | None = connection.execute(asked).scalar()
        return state

    def _insert(self, connection: Connection, holder: ListHolder, state: str) -> None:
        connection.execute(self._lists.insert().values(
            call_list=holder.call_list, path=holder.path, dag_id=holder.dag_id, task_id=holder.task_id,
            run_id=holder.run_id, map_index=holder.map_index, iteration=holder.iteration,
            results_table=holder.results_table or self._results_table, state=state, begun_at=datetime.now(UTC),
        ))  # fmt: skip

    def _set_state(self, connection: Connection, call_list: str, state: str) -> None:
        connection.execute(self._lists.update().where(self._lists.c.call_list == call_list).values(state=state))

    def _begun(self, holder: ListHolder) -> tuple[Any, ...]:
        lists = self._lists.c
        return *self._of_task(holder), lists.state == "begun", lists.begun_at > datetime.now(UTC) - _LONGEST_FREEZE

    def _least_begun(self, connection: Connection, holder: ListHolder) -> int:
        """The number of the first list that is being frozen: what had ended before it was begun, its query sees."""
        import sqlalchemy as sa

        least: int | None = connection.execute(
            sa.select(sa.func.min(self._lists.c.number)).where(*self._begun(holder))
        ).scalar()
        return least or 0

    def _let_go(self, connection: Connection, holder: ListHolder, *which: Any) -> None:
        """End claims of a list: they go, unless one is being frozen whose query may not have seen what came of them."""
        import sqlalchemy as sa

        ours = (self._claims.c.call_list == holder.call_list, *which)
        if not self._least_begun(connection, holder):
            connection.execute(self._claims.delete().where(*ours))
            return
        last = connection.execute(sa.select(sa.func.max(self._lists.c.number))).scalar_one()
        connection.execute(self._claims.update().where(*ours, self._claims.c.ended.is_(None)).values(ended=last))

    def forget(
        self, connection: Connection, holder: ListHolder, outcomes: Sequence[str], rows: Sequence[int] | None = None
    ) -> None:
        """Have the results table say nothing of rows with some outcomes, or queries would leave their people out.

        :param rows: their numbers; all of the list's if left out
        """
        import sqlalchemy as sa

        results = results_of(holder.results_table or self._results_table)
        columns: list[Any] = [sa.column(name) for name in ("call_list", "row_number", "outcome")]
        table = sa.table(results.name, *columns, schema=results.schema)
        which = [table.c.call_list == holder.call_list, table.c.outcome.in_(outcomes)]
        if rows is not None:
            which.append(table.c.row_number.in_(rows))
        if _is_there(connection, results):
            connection.execute(table.delete().where(*which))


def _is_there(connection: Connection, results: Any) -> bool:
    """Whether there is such a table; asked within the transaction, for its locks may keep any other connection out."""
    import sqlalchemy as sa

    return sa.inspect(connection).has_table(results.name, results.schema)


def _given_up(path: str) -> CallListError:
    return CallListError(
        f"another try of this task has given up the list in {path} meanwhile, and freezes one of its own: nothing is "
        "sent by this one",
        retryable=True,
    )
