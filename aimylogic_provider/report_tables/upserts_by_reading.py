"""Writing rows by what is there, which is read before: in MariaDB and MySQL, locked then, and in any other database.

Of two tasks at once, one that fails on the key repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.report_tables.later_row import differs, goes_on
from aimylogic_provider.report_tables.report_rows import Row
from aimylogic_provider.report_tables.table_shapes import TableShape
from aimylogic_provider.report_tables.written_rows import Written, known_rows, moment
from aimylogic_provider.sql_database.later_reading import WRONG_BY

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["in_others"]


def in_others(connection: Connection, table: Table, shape: TableShape, rows: Sequence[Row]) -> Written:
    """By what is there: of two tasks at once, one that fails on the key repeats."""
    dialect = connection.dialect.name
    known = known_rows(connection, table, shape, rows, tuple(shape.columns), locks=True)
    keys = [tuple(row[name] for name in shape.key) for row in rows]
    new = [row for row, key in zip(rows, keys, strict=True) if key not in known]
    changed = [row for row, key in zip(rows, keys, strict=True) if key in known and goes_on(row, known[key], shape)]
    ready = [_as_parameters(row, dialect) for row in (*new, *changed)]
    if ready:
        if dialect in ("mysql", "mariadb"):
            _in_mariadb(connection, table, shape, ready[: len(new)], ready[len(new) :])
        else:
            _insert_and_update(connection, table, shape, ready[: len(new)], ready[len(new) :])
    return Written(len(new), len(changed), len(rows) - len(new) - len(changed))


def _in_mariadb(
    connection: Connection,
    table: Table,
    shape: TableShape,
    new: Sequence[Mapping[str, Any]],
    changed: Sequence[Mapping[str, Any]],
) -> None:
    """Those that change are locked since they were read. One that is new may have been written meanwhile.

    Then MariaDB sets one column after the other, each by what those before are already: so ``updated_at`` comes first,
    and says whether the row goes on, and the others read it as their own.
    """
    import sqlalchemy as sa
    from sqlalchemy.dialects.mysql import insert

    if changed:
        statement = insert(table)
        told = statement.inserted
        connection.execute(
            statement.on_duplicate_key_update([(name, told[name]) for name in (*shape.told, "updated_at")]), [*changed]
        )
    if new:
        statement = insert(table)
        told, old = statement.inserted, table.columns
        later = sa.and_(
            sa.or_(old.updated_at.is_(None), told.updated_at >= old.updated_at),
            sa.or_(old.finished_at.is_(None), told.finished_at.is_not(None)),
        )
        goes_on = sa.and_(later, differs(told, old, shape))
        setting = [("updated_at", sa.func.if_(goes_on, told.updated_at, old.updated_at))]
        setting += [(name, sa.func.if_(later, told[name], old[name])) for name in shape.told]
        connection.execute(statement.on_duplicate_key_update(setting), [*new])


def _insert_and_update(
    connection: Connection,
    table: Table,
    shape: TableShape,
    new: Sequence[Mapping[str, Any]],
    changed: Sequence[Mapping[str, Any]],
) -> None:
    import sqlalchemy as sa

    if new:
        connection.execute(sa.insert(table), [*new])
    columns = table.columns
    for row in changed:
        guard = [
            sa.or_(
                columns.updated_at.is_(None),
                columns.updated_at <= row["updated_at"],
                columns.updated_at > row["updated_at"] + WRONG_BY,
            )
        ]
        if row["finished_at"] is None:
            guard.append(columns.finished_at.is_(None))
        connection.execute(
            sa.update(table)
            .where(*(columns[name] == row[name] for name in shape.key), *guard)
            .values({name: row[name] for name in (*shape.told, "updated_at")})
        )


def _as_parameters(row: Row, dialect: str) -> dict[str, Any]:
    return {name: moment(one, dialect) if isinstance(one, datetime) else one for name, one in row.items()}
