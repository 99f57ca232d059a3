"""Writing rows of the report, new ones and those that changed, in whichever way a database knows.

A row is changed only where it goes on: if what is told of it differs, was read no earlier than what stands there, and
doesn't have open again what was over. Of two readings of one second, which is all that a server's time tells, the one
goes on that tells of more attempts, or of a job that is over. What was read more than a day later than a reading that
is written now was told by a clock that was wrong. PostgreSQL and SQLite see to that in one statement; in MariaDB and
MySQL, the rows that are there are read, and locked, before; any other database is told to update, or to insert.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aimylogic_provider.report_tables.report_rows import Row
from aimylogic_provider.report_tables.table_shapes import TableShape

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Table

__all__ = ["WRONG_BY", "Upsert", "Written", "moment", "upsert_for"]

WRONG_BY = timedelta(days=1)
"""No reading is written as late."""
_OPEN = ("planned", "inprocess", "onretry")
"""What a job's status is before it is over, in small letters."""
_SAME_TIME = timedelta(seconds=1)
"""Two times are one if they are no further apart: a table that somebody made may keep whole seconds."""


@dataclass(slots=True)
class Written:
    """What became of rows that were written, as counts."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def add(self, other: Written) -> None:
        """Count others in."""
        self.new += other.new
        self.changed += other.changed
        self.unchanged += other.unchanged


Upsert = Callable[["Connection", "Table", TableShape, Sequence[Row]], Written]
"""Writes rows of one campaign, each key once; in a transaction that is open."""


def upsert_for(dialect: str) -> Upsert:
    """Return how rows are written in a database, by the name of SQLAlchemy's dialect.

    Of ``postgresql`` the table's JSON columns are JSON, of all others text.
    """
    return {"postgresql": in_postgresql, "sqlite": in_sqlite}.get(dialect, in_others)


def moment(value: datetime, dialect: str) -> datetime:
    """A time as a parameter: in UTC, and without a zone for drivers that would drop it."""
    moment = value.astimezone(UTC)
    return moment.replace(tzinfo=None) if dialect in ("mysql", "mariadb", "sqlite") else moment


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
    known = len(_known(connection, table, shape, rows, shape.key))
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


def in_others(connection: Connection, table: Table, shape: TableShape, rows: Sequence[Row]) -> Written:
    """By what is there: of two tasks at once, one that fails on the key repeats."""
    dialect = connection.dialect.name
    known = _known(connection, table, shape, rows, tuple(shape.columns), locks=True)
    keys = [tuple(row[name] for name in shape.key) for row in rows]
    new = [row for row, key in zip(rows, keys, strict=True) if key not in known]
    changed = [row for row, key in zip(rows, keys, strict=True) if key in known and _goes_on(row, known[key], shape)]
    ready = [_as_parameters(row, dialect) for row in (*new, *changed)]
    if ready:
        if dialect in ("mysql", "mariadb"):
            _in_mariadb(connection, table, shape, ready[: len(new)], ready[len(new) :])
        else:
            _insert_and_update(connection, table, shape, ready[: len(new)], ready[len(new) :])
    return Written(len(new), len(changed), len(rows) - len(new) - len(changed))


def _going_on(statement: Any, table: Table, shape: TableShape, wrong_after: Any) -> Any:
    """Have a statement that inserts change what it finds, where that goes on from what was known.

    :param wrong_after: a day after the row was read, in the database's words
    """
    import sqlalchemy as sa

    new, old = statement.excluded, table.columns
    return statement.on_conflict_do_update(
        index_elements=[*shape.key],
        set_={name: new[name] for name in (*shape.told, "updated_at")},
        where=sa.and_(_not_earlier(new, old, wrong_after), _differs(new, old, shape)),
    )


def _not_earlier(new: Any, old: Any, wrong_after: Any) -> ColumnElement[bool]:
    """Whether a row was read no earlier than what stands there, as a condition.

    :param wrong_after: after which no row was read by a clock that is right
    """
    import sqlalchemy as sa

    told_later = sa.or_(
        old.updated_at.is_(None),
        new.updated_at > old.updated_at,
        old.updated_at > wrong_after,
        sa.and_(new.updated_at == old.updated_at, *_no_less(new, old)),
    )
    return sa.and_(told_later, sa.or_(old.finished_at.is_(None), new.finished_at.is_not(None)))


def _no_less(new: Any, old: Any) -> list[ColumnElement[bool]]:
    """Of two readings of one second: that one doesn't tell of an earlier state than the other."""
    import sqlalchemy as sa

    def is_open(status: Any) -> ColumnElement[bool]:
        # As literals: a statement that the driver is given as text has no parameters but the row's.
        return sa.or_(status.is_(None), *(sa.func.lower(status) == sa.literal_column(f"'{one}'") for one in _OPEN))

    conditions: list[ColumnElement[bool]] = [sa.or_(is_open(old.job_status), sa.not_(is_open(new.job_status)))]
    if "attempts" in old:
        conditions.append(sa.or_(old.attempts.is_(None), new.attempts >= old.attempts))
    return conditions


def _differs(new: Any, old: Any, shape: TableShape) -> ColumnElement[bool]:
    import sqlalchemy as sa

    return sa.or_(*(new[name].is_distinct_from(old[name]) for name in shape.told))


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
        statement = insert(table).values([*changed])
        told = statement.inserted
        connection.execute(
            statement.on_duplicate_key_update([(name, told[name]) for name in (*shape.told, "updated_at")])
        )
    if new:
        statement = insert(table).values([*new])
        told, old = statement.inserted, table.columns
        later = sa.and_(
            sa.or_(old.updated_at.is_(None), told.updated_at >= old.updated_at),
            sa.or_(old.finished_at.is_(None), told.finished_at.is_not(None)),
        )
        goes_on = sa.and_(later, _differs(told, old, shape))
        setting = [("updated_at", sa.func.if_(goes_on, told.updated_at, old.updated_at))]
        setting += [(name, sa.func.if_(later, told[name], old[name])) for name in shape.told]
        connection.execute(statement.on_duplicate_key_update(setting))


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


def _known(
    connection: Connection,
    table: Table,
    shape: TableShape,
    rows: Sequence[Row],
    names: Sequence[str],
    *,
    locks: bool = False,
) -> dict[tuple[Any, ...], Any]:
    """Those of some rows that are there, by their keys.

    :param locks: whether nobody else may change them until all is written, where the database can see to that
    """
    import sqlalchemy as sa

    columns, ids = table.columns, sorted({row["call_job_id"] for row in rows})
    query = sa.select(*(columns[name] for name in names)).where(
        columns.campaign == rows[0]["campaign"], columns.call_job_id.in_(ids)
    )
    if locks and connection.dialect.name in ("mysql", "mariadb"):
        query = query.with_for_update()
    wanted = {tuple(row[name] for name in shape.key) for row in rows}
    found = ((tuple(one[: len(shape.key)]), one._mapping) for one in connection.execute(query))
    return {key: one for key, one in found if key in wanted}


def _goes_on(row: Row, known: Mapping[str, Any], shape: TableShape) -> bool:
    """Whether a row goes on from what is known of it."""
    before, now = _as_time(known["updated_at"]), row["updated_at"]
    earlier = before is not None and (now < before <= now + WRONG_BY or (now == before and not _is_no_less(row, known)))
    opens = known["finished_at"] is not None and row["finished_at"] is None
    return not (earlier or opens) and any(
        not _same(row[name], known[name], kind) for name, kind in shape.columns.items() if name in shape.told
    )


def _is_no_less(row: Row, known: Mapping[str, Any]) -> bool:
    """As :func:`_no_less`."""
    before, status = known["job_status"], row["job_status"]
    opens = before is not None and before.lower() not in _OPEN and (status is None or status.lower() in _OPEN)
    fewer = known.get("attempts") is not None and (row["attempts"] is None or row["attempts"] < known["attempts"])
    return not opens and not fewer


def _same(value: Any, known: Any, kind: str) -> bool:
    if value is None or known is None:
        return value in (None, "") and known in (None, "")  # where empty text is NULL
    match kind:
        case "time":
            known = _as_time(known)
            return bool(abs(value - known) < _SAME_TIME)
        case "JSON":
            return bool(json.loads(value) == (json.loads(known) if isinstance(known, (str, bytes)) else known))
    return bool(value == known)


def _as_time(known: Any) -> Any:
    return known.replace(tzinfo=UTC) if isinstance(known, datetime) and known.tzinfo is None else known


def _as_parameters(row: Row, dialect: str) -> dict[str, Any]:
    return {name: moment(one, dialect) if isinstance(one, datetime) else one for name, one in row.items()}


def _as_sqlite_has_it(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
