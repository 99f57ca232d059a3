"""Making a table, or seeing that the one that is there has its shape; and columns that it lacks, added or told how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.sql_database.alterations import add_columns, adding, is_for_good, making
from aimylogic_provider.sql_database.errors import TablesError, kind_of

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
    :raises TablesError: if it may not be made or altered, with the statements
    :raises SQLAlchemyError: if the database doesn't do it
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    made = False
    if not sa.inspect(engine).has_table(table.name, table.schema):
        try:
            table.create(engine, checkfirst=True)
            made = True
        except DBAPIError as error:
            if not sa.inspect(engine).has_table(table.name, table.schema):
                if is_for_good(error):
                    what = "isn't there, and can't be made"
                    raise _denied(table, argument, what, error, making(engine, table)) from None
                raise  # else another task made it at the same moment
    lacking, differences = _compared(engine, table, shape)
    if lacking and not differences and migrate:
        try:
            add_columns(engine, table, lacking)
        except DBAPIError as error:
            if is_for_good(error):
                what = f"lacks {_names(lacking)}, and can't be altered"
                raise _denied(table, argument, what, error, adding(engine, table, lacking)) from None
            raise
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


def _denied(table: Table, argument: str, what: str, error: Any, statements: Sequence[str]) -> TablesError:
    return TablesError(
        f"{argument} {table.fullname!r} {what} ({kind_of(error)}). Have somebody do it who may, and let this "
        "connection's user select, insert, update and delete there:\n" + ";\n".join(statements) + ";",
        retryable=False,
    )


def _told(
    engine: Engine, table: Table, argument: str, lacking: Sequence[Column[Any]], differences: Sequence[str]
) -> str:
    named = f"{argument} {table.fullname!r}"
    if differences:
        told = [*(f"it lacks the column {one.name!r}" for one in lacking), *differences]
        return f"{named} has another shape: {'; '.join(told)}. Give another name, or rename that table"
    statements = "; ".join(adding(engine, table, lacking))
    return (
        f"{named} lacks {_names(lacking)}: run {statements}; or set add_columns=True, and the task does it. "
        "Rows that are there keep NULL in what is added until they are read again"
    )


def _names(columns: Sequence[Column[Any]]) -> str:
    return ", ".join(repr(str(one.name)) for one in columns)
