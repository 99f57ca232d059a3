"""Making a table, or seeing that the one that is there has its shape; and columns that it lacks, added or told how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.errors import RejectedError

if TYPE_CHECKING:
    from sqlalchemy import Column, Engine, Table

    from aimylogic_provider.report_tables.table_shapes import TableShape

__all__ = ["check_name", "make"]


def check_name(argument: str, name: str, engine: Engine) -> None:
    """Check that a table may have a name.

    :param argument: which gives it, for errors
    :param name: without its schema
    :raises RejectedError: if not
    """
    dialect = engine.dialect
    length = len(name.encode()) if dialect.name == "postgresql" else len(name)  # which counts bytes
    # SQLAlchemy tells of MySQL and MariaDB how long an alias may be.
    longest = 64 if dialect.name in ("mysql", "mariadb") else dialect.max_identifier_length
    if length > longest:
        raise RejectedError(
            f"{argument} {name!r} is too long for a name in this database, which takes {longest}: give another one"
        )


def make(engine: Engine, table: Table, shape: TableShape, argument: str, *, migrate: bool) -> bool:
    """Make a table if there is none; else see that it is one of ours. Return whether it was made.

    :param argument: which names it, for errors
    :param migrate: add columns that it lacks
    :raises RejectedError: if it has another shape, with the differences
    :raises SQLAlchemyError: if the database doesn't do it
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    made = False
    if not sa.inspect(engine).has_table(table.name, table.schema):
        try:
            table.create(engine, checkfirst=True)
            made = True
        except DBAPIError:
            if not sa.inspect(engine).has_table(table.name, table.schema):
                raise  # else another task made it at the same moment
    lacking, differences = _compared(engine, table, shape)
    if lacking and not differences and migrate:
        _add(engine, table, lacking)
        lacking, differences = _compared(engine, table, shape)
    if lacking or differences:
        raise RejectedError(_told(engine, table, argument, lacking, differences))
    return made


def _compared(engine: Engine, table: Table, shape: TableShape) -> tuple[list[Column[Any]], list[str]]:
    """The columns that a table lacks and that can be added; and how it differs besides, in words."""
    import sqlalchemy as sa

    inspector, place = sa.inspect(engine), (table.name, table.schema)
    found = {column["name"]: column for column in inspector.get_columns(*place)}
    lacking, told = [], []
    for column in table.columns:
        if column.name in found:
            told += _of_type(column, found[column.name], engine.dialect.name)
        elif column.name in shape.key:
            told.append(f"it lacks the column {column.name!r}, by which rows are known")
        else:
            lacking.append(column)
    for name, one in found.items():
        if name not in table.columns and not one["nullable"] and one.get("default") is None:
            told.append(f"its column {name!r} must have a value, and no row has one")
    unique = [inspector.get_pk_constraint(*place)["constrained_columns"]]
    unique += [one["column_names"] for one in inspector.get_unique_constraints(*place)]
    if {*shape.key} not in [{*columns} for columns in unique] and {*shape.key} <= {*found}:
        told.append(f"{' and '.join(shape.key)} are not unique in it")
    return lacking, told


def _of_type(column: Column[Any], found: Mapping[str, Any], dialect: str) -> list[str]:
    """How a column's type differs, in words."""
    if (kind := _kind(found["type"], dialect)) != (wanted := _kind(column.type, dialect)):
        return [f"its column {column.name!r} holds {kind}, and not {wanted}"]
    room, needed = getattr(found["type"], "length", None), getattr(column.type, "length", None)
    if isinstance(room, int) and isinstance(needed, int) and 0 < room < needed:
        return [f"its column {column.name!r} holds {room:,} characters at most, and not {needed:,}"]
    return []


def _kind(type: Any, dialect: str) -> str:
    import sqlalchemy as sa

    if dialect == "postgresql":
        if isinstance(type, sa.JSON):
            return str(type).lower()  # of which json can't be compared
        if isinstance(type, sa.DateTime):
            return "times with a time zone" if type.timezone else "times without a time zone"
    kinds = (("text", (sa.String, sa.JSON)), ("whole numbers", sa.Integer), ("times", sa.DateTime))
    return next((kind for kind, of in kinds if isinstance(type, of)), str(type).lower())


def _statements(engine: Engine, table: Table, columns: Sequence[Column[Any]]) -> list[str]:
    """What adds columns to a table, in the database's own words."""
    from sqlalchemy.schema import CreateColumn

    shown = engine.dialect.identifier_preparer.format_table(table)
    add = "add" if engine.dialect.name in ("mssql", "oracle") else "add column"
    return [f"alter table {shown} {add} {CreateColumn(one).compile(dialect=engine.dialect)}" for one in columns]


def _add(engine: Engine, table: Table, columns: Sequence[Column[Any]]) -> None:
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    for column, statement in zip(columns, _statements(engine, table, columns), strict=True):
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(statement.replace("%", "%%"))
        except DBAPIError:
            if column.name not in {one["name"] for one in sa.inspect(engine).get_columns(table.name, table.schema)}:
                raise  # else another task added it at the same moment


def _told(
    engine: Engine, table: Table, argument: str, lacking: Sequence[Column[Any]], differences: Sequence[str]
) -> str:
    named = f"{argument} {table.fullname!r}"
    if differences:
        told = [*(f"it lacks the column {one.name!r}" for one in lacking), *differences]
        return f"{named} has another shape: {'; '.join(told)}. Give another name, or rename that table"
    names = ", ".join(repr(str(one.name)) for one in lacking)
    statements = "; ".join(_statements(engine, table, lacking))
    return (
        f"{named} lacks {names}: run {statements}; or set migrate_tables=True, and the task does it. Rows that are "
        "there keep NULL in what is added until they are read again"
    )
