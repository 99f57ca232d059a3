"""What a results table's rows tell of their jobs: read and changed within a transaction that is open.

A row never goes from later to earlier: which of two readings counts stands in ``sql_database.later_reading``. And what
is over is later than what is open, whatever the clocks say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list.tables.job_state import JobState
from aimylogic_provider.sql_database.later_reading import WRONG_BY, not_earlier

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["TOLD", "aware", "known_states", "write_states"]

TOLD = ("job_status", "attempts", "finished_at", "call_seconds", "tag_name", "report_data")
"""The columns that a job's state is written into."""


def known_states(connection: Connection, table: Table, call_list: str, numbers: Sequence[int]) -> dict[int, JobState]:
    """What the table tells of some rows, which nobody else changes until the transaction ends.

    :param numbers: of rows of the list; those that aren't there are left out
    """
    import sqlalchemy as sa

    columns = table.c
    if connection.dialect.name == "sqlite":  # which locks all, and by nothing but a change
        connection.execute(sa.update(table).values(call_list=columns.call_list).where(sa.false()))
    data: Any = columns.report_data
    if connection.dialect.name == "postgresql":
        data = sa.cast(data, sa.Text)
    told: list[Any] = [columns.row_number, *(columns[name] for name in TOLD[:-1]), data]
    asked = (
        sa.select(*told)
        .where(columns.call_list == call_list, columns.row_number.in_(numbers))
        .order_by(columns.row_number)
        .with_for_update()
    )
    return {
        number: JobState(status, attempts, None if over is None else aware(over), seconds, tag, data)
        for number, status, attempts, over, seconds, tag, data in connection.execute(asked).fetchall()
    }


def write_states(
    connection: Connection, table: Table, call_list: str, states: Mapping[int, JobState], read_at: datetime
) -> int:
    """Change rows where that goes on from what is known; return how many changed.

    :param states: by the numbers of the rows
    :param read_at: when the report was read, by the server's time
    """
    import sqlalchemy as sa

    if connection.dialect.name == "postgresql":
        return _in_postgresql(connection, table, call_list, states, read_at)
    columns = table.c
    given = {name: sa.bindparam(f"new_{name}", type_=columns[name].type) for name in TOLD}
    statement = _going_on(table, given, read_at).where(
        columns.call_list == sa.bindparam("of_list"), columns.row_number == sa.bindparam("of_row")
    )
    rows = [
        {"of_list": call_list, "of_row": number} | {f"new_{name}": getattr(state, name) for name in TOLD}
        for number, state in states.items()
    ]
    written = connection.execute(statement, rows).rowcount
    return written if written >= 0 else len(rows)  # which not every driver says


def _in_postgresql(
    connection: Connection, table: Table, call_list: str, states: Mapping[int, JobState], read_at: datetime
) -> int:
    """All rows are one value, as in the results table: one statement, whatever the driver."""
    import msgspec
    import sqlalchemy as sa

    columns = table.c
    rows = [{"number": number, **{name: getattr(state, name) for name in TOLD}} for number, state in states.items()]
    types: list[Any] = [("number", sa.BigInteger()), *((name, columns[name].type) for name in TOLD[:-1])]
    described = [*(sa.column(name, type) for name, type in types), sa.column("report_data", sa.Text())]
    values = sa.func.json_to_recordset(sa.text("cast(:rows as json)")).table_valued(*described)
    given = values.render_derived("given", with_types=True).c
    new: dict[str, Any] = {name: given[name] for name in TOLD[:-1]}
    new["report_data"] = sa.cast(given.report_data, columns.report_data.type)
    statement = _going_on(table, new, read_at).where(
        columns.call_list == sa.bindparam("of_list"),
        columns.row_number == given.number,
        columns.row_number.between(min(states), max(states)),  # by the key, also before the table is analysed
    )
    written = connection.execute(statement, {"rows": msgspec.json.encode(rows).decode(), "of_list": call_list})
    return max(0, written.rowcount)


def _going_on(table: Table, new: Mapping[str, Any], read_at: datetime) -> Any:
    """A statement that changes what it finds, where that goes on from what was known.

    What is over goes on from what is open, whatever the clocks say.
    """
    import sqlalchemy as sa

    columns, at = table.c, sa.literal(read_at, table.c.updated_at.type)
    ends = sa.and_(columns.finished_at.is_(None), new["finished_at"].is_not(None))
    wrong_after = sa.literal(read_at + min(WRONG_BY, datetime.max.replace(tzinfo=UTC) - read_at), at.type)
    goes_on = not_earlier(SimpleNamespace(**new, updated_at=at), columns, wrong_after)
    return sa.update(table).values({**new, "updated_at": read_at}).where(sa.or_(ends, goes_on))


def aware(moment: datetime) -> datetime:
    """A time as a database tells it, in UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
