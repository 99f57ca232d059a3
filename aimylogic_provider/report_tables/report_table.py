"""A table of jobs or of attempts: its rows are written, those that are open are told, and none is set back.

A page is one transaction, cut into statements of a few megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.report_tables.report_rows import Row
from aimylogic_provider.report_tables.shape_check import check_name, make
from aimylogic_provider.report_tables.table_shapes import (
    MARKS,
    TableShape,
    described,
)
from aimylogic_provider.report_tables.upserts import upsert_for
from aimylogic_provider.report_tables.written_rows import Written, moment
from aimylogic_provider.sql_database.errors import TablesError, kind_of
from aimylogic_provider.sql_database.transactions import Transactions

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine, Select, Table

__all__ = ["ReportTable"]

_BYTES = 4_000_000
"""Of a statement's rows: MariaDB takes 16 MB."""
_ROWS = 500
_IDS = 200
"""Ids that are read at a time: as many as a request of the report takes."""


class ReportTable:
    """One table, open; made if there is none.

    :param engine: of its database
    :param name: after its schema and a dot where it has one
    :param shape: its columns
    :param argument: which gives the name, for errors
    :param migrate: add columns that it lacks
    :raises RejectedError: if the name can't be used, or there is a table of another shape, with the difference
    :raises TablesError: if the database can't be reached, or the table can't be made
    """

    def __init__(self, engine: Engine, name: str, shape: TableShape, argument: str, *, migrate: bool = False) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        schema, _, plain = name.rpartition(".")
        if not plain.strip():
            raise RejectedError(f"{argument} {name!r} isn't a table's name: give table, or schema.table")
        if plain.casefold() == MARKS:
            raise RejectedError(f"{argument} {name!r} is the name of the table of marks: give another one")
        check_name(argument, plain, engine)
        self.engine = engine
        self.name = plain
        self.schema = schema or None
        self.shape = shape
        self._dialect = engine.dialect.name
        typed = described(shape, plain, self.schema, engine.dialect, json_as_text=False)
        in_postgresql = self._dialect == "postgresql"
        as_text = described(shape, plain, self.schema, engine.dialect, json_as_text=True)
        self.table: Table = typed if in_postgresql else as_text
        self._upsert = upsert_for(self._dialect)
        self._transactions = Transactions(engine, self._failed)
        try:
            self.was_made = make(engine, typed, shape, argument, migrate=migrate)
        except SQLAlchemyError as error:
            raise self._failed("made or read", kind_of(error)) from None

    def write(self, rows: Sequence[Row], read_at: datetime) -> Written:
        """Write rows of one campaign, in one transaction; return how many are new, changed or neither.

        :param rows: as :class:`.ReportRows` makes them; of one that comes twice the last counts
        :param read_at: when the server told them
        :raises TablesError: if the database doesn't take them; another try can help
        """
        by_key = {tuple(row[name] for name in self.shape.key): {**row, "updated_at": read_at} for row in rows}
        # In one order, so that of two tasks at once none waits for the other that waits for it.
        pieces = list(_pieces([by_key[key] for key in sorted(by_key)]))

        def act(connection: Connection) -> Written:
            written = Written()
            for piece in pieces:
                written.add(self._upsert(connection, self.table, self.shape, piece))
            return written

        written: Written = self._transactions.act("written", act)
        written.unchanged += len(rows) - len(by_key)
        return written

    def has_rows(self, campaign: str) -> bool:
        """Whether there is a row of a campaign.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        columns = self.table.columns
        query = sa.select(columns.call_job_id).where(columns.campaign == campaign).limit(1)
        return self._transactions.act("read", lambda connection: connection.execute(query).first() is not None)

    def count_open(self, campaign: str) -> int:
        """How many rows of a campaign aren't finished, as far as is known.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        query = sa.select(sa.func.count()).select_from(self.table).where(*self._is_open(campaign))
        return self._transactions.act("read", lambda connection: int(connection.execute(query).scalar_one()))

    def _is_open(self, campaign: str) -> list[ColumnElement[bool]]:
        columns = self.table.columns
        return [columns.campaign == campaign, columns.finished_at.is_(None)]

    def ids(self, query: Select[Any]) -> Iterator[list[str]]:
        """What a query of ids gives, by the hundreds, in their text's order; what changes meanwhile moves none of them.

        :param query: of this table's ids
        :raises TablesError: if the database fails
        """
        column, last = self.table.columns.call_job_id, ""
        while True:
            page = query.where(column > last).order_by(column).limit(_IDS)
            ids = self._transactions.act("read", lambda connection: list(connection.execute(page).scalars()))  # noqa: B023
            if ids:
                last = ids[-1]
                yield ids
            if len(ids) < _IDS:
                return

    @property
    def shown(self) -> str:
        """Its name, for people."""
        return str(self.table.fullname)

    def moment(self, at: datetime) -> datetime:
        """A time as a parameter of this database."""
        return moment(at, self._dialect)

    def _failed(self, what: str, kind: str) -> TablesError:
        return TablesError(f"the table {self.shown} can't be {what} ({kind}): the next try goes on")


def _pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows, cut by their count and by their bytes; one that is larger stands alone."""
    piece: list[Row] = []
    size = 0
    for row in rows:
        more = _size(row)
        if piece and (len(piece) == _ROWS or size + more > _BYTES):
            yield piece
            piece, size = [], 0
        piece.append(row)
        size += more
    if piece:
        yield piece


def _size(row: Mapping[str, object]) -> int:
    return 200 + sum(len(value) * 2 for value in row.values() if isinstance(value, str))
