"""Writing rows of the report, new ones and those that changed, in whichever way a database knows.

Which of them are changed stands in ``later_row``. PostgreSQL and SQLite see to that in one statement; of all others,
the rows that are there are read before (``upserts_by_reading``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.report_tables.later_row import differs
from aimylogic_provider.report_tables.report_rows import Row
from aimylogic_provider.report_tables.table_shapes import TableShape
from aimylogic_provider.report_tables.upserts_by_reading import in_others
from aimylogic_provider.report_tables.written_rows import Written, known_rows
from aimylogic_provider.sql_database.later_reading import WRONG_BY, not_earlier

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["Upsert", "upsert_for"]

Upsert = Callable[["Connection", "Table", TableShape, Sequence[Row]], Written]
"""Writes rows of one campaign, each key once; in a transaction that is open."""


def upsert_for(dialect: str) -> Upsert:
    """Return how rows are written in a database, by the name of SQLAlchemy's dialect.

    Of ``postgresql`` the table's JSON columns are JSON, of all others text.
    """
    return {"postgresql": in_postgresql, "sqlite": in_sqlite}.get(dialect, in_others)


def in_postgresql(connection: Connection, table: Table, shape: TableShape, rows: Sequence[Row]) -> Written:
    """All rows are one value: the driver would write thousands of them into the statement, many times slower."""
    import msgspec

    of_json = [name for name, kind in shape.columns.items() if kind == "JSON"]
    whole = [
        {**row, **{name: msgspec.Raw(row[name].encode()) for name in of_json if row[name] is not None}} for row in rows
    ]
    statement = _kept(table, lambda: _for_postgresql(table, shape))
    written = connection.execute(statement, {"rows": msgspec.json.encode(whole).decode()}).scalars().all()
    return Written(sum(written), len(written) - sum(written), len(rows) - len(written))


def _for_postgresql(table: Table, shape: TableShape) -> Any:
    """Tells of each row that it wrote whether it was not there."""
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql import insert

    given = sa.func.json_to_recordset(sa.text("cast(:rows as json)"))
    values = given.table_valued(*(sa.column(column.name, column.type) for column in table.columns))
    selected = sa.select(*values.render_derived("given", with_types=True).columns)
    inserted: Any = insert(table).from_select([*shape.columns], selected)
    wrong_after = inserted.excluded.updated_at + WRONG_BY
    return _going_on(inserted, table, shape, wrong_after).returning(sa.literal_column("(xmax = 0)"))


def in_sqlite(connection: Connection, table: Table, shape: TableShape, rows: Sequence[Row]) -> Written:
    """By the driver itself: SQLAlchemy would look at each value."""
    known = len(known_rows(connection, table, shape, rows, shape.key))
    times = {name for name, kind in shape.columns.items() if kind == "time"}
    plain = [
        tuple([_as_sqlite_has_it(row[name]) if name in times else row[name] for name in shape.columns]) for row in rows
    ]
    statement = _kept(table, lambda: _for_sqlite(connection, table, shape))
    written = connection.exec_driver_sql(statement, plain).rowcount
    new = len(rows) - known
    return Written(new, written - new, len(rows) - written)


def _for_sqlite(connection: Connection, table: Table, shape: TableShape) -> str:
    import sqlalchemy as sa
    from sqlalchemy.dialects.sqlite import insert

    wrong_after = sa.literal_column("strftime('%Y-%m-%d %H:%M:%f000', excluded.updated_at, '+1 day')", sa.String())
    statement = _going_on(insert(table), table, shape, wrong_after)
    return str(statement.compile(dialect=connection.dialect, column_keys=[*shape.columns]))


def _kept(table: Table, make: Callable[[], Any]) -> Any:
    """A table's statement, which takes longer to be made than a page to be written."""
    if "upsert" not in table.info:
        table.info["upsert"] = make()
    return table.info["upsert"]


def _going_on(statement: Any, table: Table, shape: TableShape, wrong_after: Any) -> Any:
    """Have a statement that inserts change what it finds, where that goes on from what was known.

    :param wrong_after: a day after the row was read, in the database's words
    """
    import sqlalchemy as sa

    new, old = statement.excluded, table.columns
    return statement.on_conflict_do_update(
        index_elements=[*shape.key],
        set_={name: new[name] for name in (*shape.told, "updated_at")},
        where=sa.and_(not_earlier(new, old, wrong_after), differs(new, old, shape)),
    )


def _as_sqlite_has_it(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
