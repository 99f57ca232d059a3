"""Reading and writing a thousand persons' calls by one statement, in whichever way a database does so at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list.tables.row_claims import some

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["called_calls", "claimed_rows", "insert_calls"]


def called_calls(
    connection: Connection, calls: Table, persons: Collection[str], since: datetime | None
) -> Iterator[Any]:
    """Give the rows of some persons' calls.

    :param since: those claimed later; None for all
    """
    import msgspec
    import sqlalchemy as sa

    columns = calls.c
    if not persons:
        return
    asked = sa.select(columns.person, columns.claimed_at, columns.call_list, columns.row_number)
    if since is not None:
        asked = asked.where(columns.claimed_at > since)
    # One value for all: drivers would write hundreds of them into the statement, many times slower.
    match connection.dialect.name:
        case "postgresql":
            given = sa.func.json_array_elements_text(sa.text("cast(:persons as json)")).table_valued("person")
            given = given.render_derived("given")
            asked = asked.join(given, columns.person == given.c.person)
        case "sqlite":
            given = sa.func.json_each(sa.text(":persons")).table_valued("value")
            asked = asked.where(columns.person.in_(sa.select(given.c.value)))
        case _:
            for few in some(persons):
                yield from connection.execute(asked.where(columns.person.in_(few)))
            return
    yield from connection.execute(asked, {"persons": msgspec.json.encode([*persons]).decode()})


def claimed_rows(connection: Connection, calls: Table, call_list: str, rows: Sequence[int]) -> set[int]:
    """The numbers of a list's rows whose calls are claimed, among some that follow each other more or less."""
    columns = calls.c
    asked = calls.select().with_only_columns(columns.row_number).where(
        columns.call_list == call_list, columns.row_number.between(min(rows), max(rows))
    )  # fmt: skip
    return {*connection.execute(asked).scalars()}


def insert_calls(
    connection: Connection, calls: Table, call_list: str, rows: Sequence[tuple[int, str]], at: datetime
) -> None:
    """Insert calls of a list.

    :param rows: their numbers, and the persons
    """
    import msgspec
    import sqlalchemy as sa

    if not rows:
        return
    names = ["call_list", "row_number", "person", "claimed_at"]
    match connection.dialect.name:
        case "postgresql":
            given = sa.func.json_to_recordset(sa.text("cast(:rows as json)")).table_valued(
                sa.column("row_number", sa.BigInteger), sa.column("person", sa.String(64))
            )
            columns = given.render_derived("given", with_types=True).c
            told = sa.select(
                sa.literal(call_list, sa.String(64)), columns.row_number, columns.person,
                sa.literal(at, sa.DateTime(timezone=True)),
            )  # fmt: skip
            content = msgspec.json.encode([{"row_number": row, "person": person} for row, person in rows])
            connection.execute(calls.insert().from_select(names, told), {"rows": content.decode()})
        case "sqlite":
            written = at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
            table = connection.dialect.identifier_preparer.format_table(calls)
            connection.exec_driver_sql(
                f"insert into {table} ({', '.join(names)}) values (?, ?, ?, ?)",  # noqa: S608 - of our own names
                [(call_list, row, person, written) for row, person in rows],
            )
        case _:
            connection.execute(calls.insert(), [
                {"call_list": call_list, "row_number": row, "person": person, "claimed_at": at} for row, person in rows
            ])  # fmt: skip
