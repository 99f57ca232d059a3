"""Marks: until when the report was read into a table, durable beside it, so that another try or run goes on from there.

A mark is moved once all rows before it are committed, by whoever read on from it and by nobody else: of two tasks at
once only one moves it, and what the other one read is read again. A mark of a table that was emptied, or made anew,
counts for nothing: whoever begins to write there forgets them all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.report_tables.report_table import ReportTable
from aimylogic_provider.report_tables.shape_check import make
from aimylogic_provider.report_tables.table_shapes import MARKS, MARKS_SHAPE, described
from aimylogic_provider.report_tables.written_rows import moment
from aimylogic_provider.sql_database.errors import TablesError, kind_of
from aimylogic_provider.sql_database.transactions import Transactions

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["ReadMark", "ReadMarks"]


@dataclass(frozen=True, slots=True)
class ReadMark:
    """Until when a report was read.

    :param read_from: where that began; None for all that the report has
    :param read_until: all before is in the table
    :param noted_at: when it was moved last, by the server's time
    :param moves: how often it was moved
    """

    read_from: datetime | None
    read_until: datetime
    noted_at: datetime
    moves: int = 0


class ReadMarks:
    """The marks of one reading into one table.

    :param table: of the rows; the marks' own is made beside it if there is none
    :param campaign: its id
    :param reading: what is read, in a few words, as the bounds of a range
    :raises TablesError: if the database can't be reached, or the table can't be made
    """

    def __init__(self, table: ReportTable, campaign: str, reading: str) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        self._key = {"table_name": table.name, "campaign": campaign, "reading": reading}
        self._rows = table
        self._dialect = table.engine.dialect.name
        self._table: Table = described(MARKS_SHAPE, MARKS, table.schema, table.engine.dialect, json_as_text=False)
        self._transactions = Transactions(table.engine, self._failed)
        try:
            make(table.engine, self._table, MARKS_SHAPE, "the table of marks", migrate=False)
        except SQLAlchemyError as error:
            raise self._failed("made or read", kind_of(error)) from None

    def read(self) -> ReadMark | None:
        """The mark; None if there is none, or none that counts, and then it is forgotten for good.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        columns = self._table.columns
        query = sa.select(columns.read_from, columns.read_until, columns.updated_at, columns.moves).where(
            *self._is_it()
        )
        row = self._transactions.act("read", lambda connection: connection.execute(query).first())
        if row is None:
            return None
        if self.forget_of_empty_table():
            return None
        since, until, noted, moves = row
        return ReadMark(_in_utc(since), _in_utc(until), _in_utc(noted), moves)

    def move(self, before: ReadMark | None, after: ReadMark) -> ReadMark | None:
        """Move the mark; return it as it stands then, or None if another task has moved it meanwhile.

        :param before: as this task knows it
        :param after: where it is to be
        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        moves = 1 if before is None else before.moves + 1
        values = {
            "read_from": self._parameter(after.read_from),
            "read_until": self._parameter(after.read_until.replace(microsecond=0)),
            "updated_at": self._parameter(after.noted_at),
            "moves": moves,
        }

        def act(connection: Connection) -> bool:
            if before is not None:
                mine = (*self._is_it(), self._table.columns.moves == before.moves)
                return connection.execute(sa.update(self._table).where(*mine).values(values)).rowcount > 0
            if connection.execute(sa.select(self._table.columns.moves).where(*self._is_it())).first() is not None:
                return False
            connection.execute(sa.insert(self._table).values({**self._key, **values}))
            return True

        return replace(after, moves=moves) if self._transactions.act("written", act) else None

    def forget_of_empty_table(self) -> bool:
        """Delete the marks of all readings if the table has no row of the campaign; return whether that is so.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        if self._rows.has_rows(self._key["campaign"]):
            return False
        columns = self._table.columns
        all_of_them = [columns[name] == self._key[name] for name in ("table_name", "campaign")]
        statement = sa.delete(self._table).where(*all_of_them)
        self._transactions.act("written", lambda connection: connection.execute(statement).rowcount)
        return True

    def forget(self) -> None:
        """Delete the mark: what it stands for is read from the beginning.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        statement = sa.delete(self._table).where(*self._is_it())
        self._transactions.act("written", lambda connection: connection.execute(statement).rowcount)

    def _is_it(self) -> list[Any]:
        return [self._table.columns[name] == value for name, value in self._key.items()]

    def _parameter(self, at: datetime | None) -> datetime | None:
        return None if at is None else moment(at, self._dialect)

    def _failed(self, what: str, kind: str) -> TablesError:
        return TablesError(f"the table {self._table.fullname} can't be {what} ({kind}): the next try goes on")


def _in_utc(at: Any) -> Any:
    """A time as a database told it."""
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
