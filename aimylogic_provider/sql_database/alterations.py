"""Making tables and adding columns, in a database's own words: to be executed, or to be shown to somebody who may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Column, Engine, Table

__all__ = ["add_columns", "adding", "is_for_good", "making"]

_FORBIDDEN = (1044, 1142, 1227)
"""What MySQL and MariaDB call a lack of rights, among what may go over by itself."""
_LOCK_WAITS = {
    "postgresql": "set local lock_timeout = '60s'",
    "mysql": "set session lock_wait_timeout = 60",
    "mariadb": "set session lock_wait_timeout = 60",
}
"""How long an alteration waits for others, who may read the table for hours."""


def is_for_good(error: Any) -> bool:
    """Whether a database's error tells that something isn't allowed, and no passing failure."""
    from sqlalchemy.exc import InterfaceError, InternalError, OperationalError

    passing = isinstance(error, (InterfaceError, InternalError, OperationalError))
    return not passing or getattr(error.orig, "args", ())[:1] in [(code,) for code in _FORBIDDEN]


def making(engine: Engine, *tables: Table) -> list[str]:
    """What makes tables and their indexes, a statement each."""
    from sqlalchemy.schema import CreateIndex, CreateTable

    made: list[Any] = []
    for table in tables:
        made += [CreateTable(table), *map(CreateIndex, sorted(table.indexes, key=lambda index: str(index.name)))]
    return [" ".join(str(one.compile(dialect=_shown_by(engine))).split()) for one in made]


def adding(engine: Engine, table: Table, columns: Sequence[Column[Any]]) -> list[str]:
    """What adds columns to a table, a statement each, in the order of the columns."""
    from sqlalchemy.schema import CreateColumn

    dialect = _shown_by(engine)
    add = "add" if dialect.name in ("mssql", "oracle") else "add column"
    shown = dialect.identifier_preparer.format_table(table)
    return [f"alter table {shown} {add} {CreateColumn(column).compile(dialect=dialect)}" for column in columns]


def add_columns(engine: Engine, table: Table, columns: Sequence[Column[Any]]) -> None:
    """Add columns to a table; those that another task adds at the same moment are there, too.

    :raises SQLAlchemyError: if that isn't allowed, or the database fails
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    for column, statement in zip(columns, adding(engine, table, columns), strict=True):
        try:
            with engine.begin() as connection:
                if engine.dialect.name in _LOCK_WAITS:
                    connection.exec_driver_sql(_LOCK_WAITS[engine.dialect.name])
                connection.execute(sa.text(statement.replace(":", r"\:")))
        except DBAPIError:
            if column.name not in {one["name"] for one in sa.inspect(engine).get_columns(table.name, table.schema)}:
                raise


def _shown_by(engine: Engine) -> Any:
    """The database's words as people write them: with other parameters, a driver's % stands twice in names."""
    of_database: Any = type(engine.dialect)
    return of_database(paramstyle="named")
