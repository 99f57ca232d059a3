"""What became of a results table's rows: those whose call jobs are open are looked up, and told what the report shows.

A row never goes from later to earlier, as ``job_writes`` says; what shows the same changes nothing. Each transaction is
short, and a repeat harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.tables.job_columns import FormerShapeError, lacking, migrate, statements
from aimylogic_provider.call_list.tables.job_state import JobState
from aimylogic_provider.call_list.tables.job_writes import TOLD, aware, known_states, write_states
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.sql_database.alterations import is_for_good
from aimylogic_provider.sql_database.transactions import Transactions

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["JobResults", "NoSuchTableError", "OpenRow", "RowsOf"]

_PAGE = 2000
_NEEDED = ("call_list", "row_number", "dag_id", "task_id", "outcome", "call_job_id", "frozen_at", "settled_at")


class NoSuchTableError(RejectedError):
    """There is no table of that name."""


@dataclass(frozen=True, slots=True)
class RowsOf:
    """Whose rows are meant; what is left out limits nothing.

    :param dag_ids: of the tasks that sent them
    :param task_ids: likewise
    :param call_list: the id of a list
    """

    dag_ids: tuple[str, ...] = ()
    task_ids: tuple[str, ...] = ()
    call_list: str | None = None


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A row that has a call job which isn't over, as far as the table tells.

    :param told_at: when it was told that the job was created
    """

    row_number: int
    job: str
    told_at: datetime


class JobResults:
    """A results table, open for what became of calls.

    :param engine: of the database
    :param name: of the table, after its schema and a dot where it has one
    :param migrates: whether columns that a table of the former shape lacks are added
    :raises NoSuchTableError: if there is none
    :raises FormerShapeError: if it lacks columns, with the statements that add them
    :raises RejectedError: if it is no results table, or one of another shape
    :raises CallListError: if the database can't be reached
    """

    def __init__(self, engine: Engine, name: str, *, migrates: bool = False) -> None:
        import sqlalchemy as sa

        self._engine = engine
        self._shown = name
        self._transactions = Transactions(engine, self._failed)
        schema, _, plain = name.rpartition(".")
        if not plain:
            raise RejectedError(f"results_table {name!r} isn't a table's name: give table, or schema.table")
        self._table = sa.Table(plain, sa.MetaData(), schema=schema or None)
        self._transactions.repeat("read", lambda: self._open(migrates))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def lists(self, of: RowsOf) -> list[str]:
        """The ids of the lists that have open rows, the youngest first.

        :raises CallListError: if the database fails; another try can help
        """
        import sqlalchemy as sa

        columns = self._table.c
        frozen = sa.func.max(columns.frozen_at)
        asked = (
            sa.select(columns.call_list).where(*self._are_open(of)).group_by(columns.call_list).order_by(frozen.desc())
        )
        return self._transactions.act("read", lambda connection: [*connection.execute(asked).scalars()])

    def open_rows(self, call_list: str, of: RowsOf) -> Iterator[list[OpenRow]]:
        """The open rows of a list, some at a time.

        :raises CallListError: as :meth:`lists`
        """
        import sqlalchemy as sa

        columns = self._table.c
        told_at = sa.func.coalesce(columns.settled_at, columns.frozen_at)
        for rows in self._pages(call_list, self._are_open(of), columns.call_job_id, told_at):
            yield [OpenRow(number, job, aware(moment)) for number, job, moment in rows]

    def _pages(self, call_list: str, which: Sequence[Any], *values: Any) -> Iterator[Sequence[Any]]:
        """The number of each row of a list, and some values beside it, some rows at a time.

        :param which: conditions of SQL
        """
        import sqlalchemy as sa

        columns = self._table.c
        asked = (
            sa.select(columns.row_number, *values)
            .where(columns.call_list == call_list, *which)
            .order_by(columns.row_number)
            .limit(_PAGE)
        )
        after: Any = sa.true()

        def page(connection: Connection) -> Sequence[Any]:
            return connection.execute(asked.where(after)).fetchall()

        while rows := self._transactions.act("read", page):
            yield rows
            if len(rows) < _PAGE:
                return
            after = columns.row_number > rows[-1][0]

    def has_rows(self, of: RowsOf) -> bool:
        """Whether there are such rows, open or not.

        :raises CallListError: as :meth:`lists`
        """
        import sqlalchemy as sa

        asked = sa.select(self._table.c.row_number).where(*self._are(of)).limit(1)
        return self._transactions.act("read", lambda connection: connection.execute(asked).first() is not None)

    def open_of_other_dags(self, of: RowsOf, before: datetime) -> dict[str, int]:
        """How many open rows of lists that were frozen before a time are of DAGs that aren't chosen, by DAG.

        :raises CallListError: as :meth:`lists`
        """
        import sqlalchemy as sa

        columns = self._table.c
        asked = (
            sa.select(columns.dag_id, sa.func.count())
            .where(*self._are_open(RowsOf()), columns.frozen_at < before, columns.dag_id.not_in(of.dag_ids))
            .group_by(columns.dag_id)
            .order_by(columns.dag_id)
        )
        found = self._transactions.act("read", lambda connection: connection.execute(asked).fetchall())
        return {str(dag_id): int(count) for dag_id, count in found}

    def update(self, call_list: str, shown: Mapping[int, JobState], read_at: datetime) -> int:
        """Tell of rows of a list what the report shows of their jobs, in one transaction; return how many changed.

        :param shown: by the numbers of the rows, a few hundred
        :param read_at: when the report was read, by the server's time
        :raises CallListError: as :meth:`lists`
        """

        def act(connection: Connection) -> int:
            known = known_states(connection, self._table, call_list, [*shown])
            changed = {
                number: state for number, state in shown.items()
                if number in known and not state.is_told_by(known[number])
            }  # fmt: skip
            return write_states(connection, self._table, call_list, changed, read_at) if changed else 0

        return self._transactions.act("written", act)

    # Beneath

    def _are_open(self, of: RowsOf) -> list[Any]:
        columns = self._table.c
        is_open = [columns.outcome == "created", columns.call_job_id.is_not(None), columns.finished_at.is_(None)]
        return [*is_open, *self._are(of)]

    def _are(self, of: RowsOf) -> list[Any]:
        columns = self._table.c
        found: list[Any] = []
        if of.dag_ids:
            found.append(columns.dag_id.in_(of.dag_ids))
        if of.task_ids:
            found.append(columns.task_id.in_(of.task_ids))
        if of.call_list is not None:
            found.append(columns.call_list == of.call_list)
        return found

    def _open(self, migrates: bool) -> None:
        """See that the table is one of ours, with all columns."""
        import sqlalchemy as sa

        table, place = self._table, (self._table.name, self._table.schema)
        inspector = sa.inspect(self._engine)
        if not inspector.has_table(*place):
            raise NoSuchTableError(
                f"there is no table {self._shown!r} in the database of results_conn_id: name the results_table of the "
                "task that sends, which makes it"
            )
        found = {column["name"]: column for column in inspector.get_columns(*place)}
        if strange := [name for name in _NEEDED if name not in found]:
            raise RejectedError(
                f"results_table {self._shown!r} is no results table, for it lacks the column {strange[0]!r}: name the "
                "results_table of the task that sends"
            )
        if names := lacking(self._shown, found):
            if not migrates:
                raise FormerShapeError(self._shown, statements(self._engine, table, names))
            self._add(names)
            found = {column["name"]: column for column in sa.inspect(self._engine).get_columns(*place)}
        for name in dict.fromkeys((*_NEEDED, *TOLD, "updated_at")):
            table.append_column(sa.Column(name, _type(self._engine, found[name]["type"])), replace_existing=True)

    def _add(self, names: Sequence[str]) -> None:
        from sqlalchemy.exc import DBAPIError

        try:
            migrate(self._engine, self._table, names)
        except DBAPIError as error:
            if is_for_good(error):
                to_do = statements(self._engine, self._table, names)
                raise FormerShapeError(self._shown, to_do, f"can't be altered ({type(error.orig).__name__})") from None
            raise

    def _failed(self, what: str, kind: str) -> CallListError:
        return CallListError(
            f"the results table {self._shown} can't be {what} ({kind}): what is written stays, and the next try goes "
            "on",
            retryable=True,
        )


def _type(engine: Engine, found: Any) -> Any:
    """A column's type, as values are given and read: JSON as its text, and times with their zone."""
    import sqlalchemy as sa

    if engine.dialect.name != "postgresql" and isinstance(found, sa.JSON):
        return sa.Text()
    return found
