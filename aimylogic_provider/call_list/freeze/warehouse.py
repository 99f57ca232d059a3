"""Rows of a query, streamed from any database that an Airflow hook reaches, by the hook's own connection.

So the query sees what the hook's ``get_records`` sees: its schemas, roles, time zone, timeouts and encryption are the
connection's. Rows stay with the server, and a thousand at a time are here.

What differs between drivers stands in ``database_drivers``; what a value means, in ``rows``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list.freeze import database_drivers
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.masking import shown

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from aimylogic_provider.idempotence.ports import Log

__all__ = ["Parameters", "Ran", "UnreadableRowError", "has_column_types", "is_nothing", "streamed"]

Parameters = Mapping[str, Any] | Sequence[Any] | None
Ran = Callable[[str, Any, int | None], None]
"""Is told of a statement that ran, of the cursor that ran it, and how many rows it gave, if all of them were read."""


class UnreadableRowError(RejectedError):
    """A row holds what its driver can't read.

    :param where: and what, in words that are none of the driver's, which may quote it
    """

    def __init__(self, where: str, told: str, way_out: str) -> None:
        super().__init__(f"{where} ({shown(told.strip()[:200])}): {way_out}")
        self.where = f"{where}: {way_out}"


_ROWS_AT_ONCE = 1000
_CURSOR = "aimylogic_call_list"
_SAVEPOINT = "aimylogic_call_list"
_NOT_DECLARED = ("42601", "0A000", "42P11")
"""PostgreSQL's states of an error for a statement that no cursor can be declared for."""
_NO_TEXT = ("22P05", "22021")
"""Its states of an error for text that has no writing in the connection's encoding, or isn't in the database's."""
_NO_VALUE = ("22003", "22007", "22008")
"""And for numbers, dates and times that are out of range, or none."""
_NOTHING = re.compile(r"--[^\n]*|/\*.*?\*/|[\s;]", re.DOTALL)
_READS = ("select", "with", "values", "table", "show", "(")


@contextmanager
def streamed(
    hook: DbApiHook, sql: str, parameters: Parameters, log: Log, ran: Ran = lambda sql, cursor, rows: None
) -> Iterator[tuple[list[str], Iterable[Sequence[Any]]]]:
    """Run a query; the columns' names, and the rows as they come in.

    Of several statements the last one gives the rows. What they write is kept once the rows are read without an error.

    :param parameters: in the driver's own style
    :param ran: is told of each statement, without parameters; raises nothing
    :raises RejectedError: if the statement gives no rows at all, as an UPDATE does, or a row that can't be read
    :raises Exception: whatever the database raises
    """
    *before, last = _statements(hook, sql.removeprefix("\ufeff"))  # with which some editors begin a file
    connection: Any = hook.get_conn()
    ending = ExitStack()
    try:
        database_drivers.keep_writing(connection)
        for statement in before:
            preparing = database_drivers.plain_cursor(connection)
            preparing.execute(statement, *_passed(parameters if isinstance(parameters, Mapping) else None))
            ran(statement, preparing, None)
        cursor, batches = _run(connection, last, parameters, bool(before))
        tally = _Tally()
        rows = _readable(connection, cursor, batches, tally)
        ending.callback(lambda: ran(last, cursor, tally.rows if tally.is_whole else None))
        first = next(rows, ())
        names = [str(column[0]) for column in cursor.description or ()]
        if cursor.description is None and not (
            names := database_drivers.columns_of(connection, last, _passed(parameters))
        ):
            raise _no_rows(last)
        converters = database_drivers.converters(connection, cursor.description or ())
        read = chain.from_iterable(chain([first], rows))
        yield names, _as_tuples(read, names) if not converters else _converted(read, names, converters)
        if before or (
            not database_drivers.streams(cursor)
            and (database_drivers.has_declared_cursors(connection) or not last.lstrip().lower().startswith(_READS))
        ):
            connection.commit()
    finally:
        with ending:
            connection.close()


class _Tally:
    """How many rows were read, and whether those are all."""

    rows = 0
    is_whole = False


def is_nothing(sql: str) -> bool:
    """Whether a text holds no statement, but blanks, comments and semicolons at most."""
    return not _NOTHING.sub("", sql)


def has_column_types(hook: DbApiHook) -> bool:
    """Whether a column of this database has one type: SQLite's values have types of their own."""
    return getattr(hook, "conn_type", "") != "sqlite"


def _statements(hook: DbApiHook, sql: str) -> list[str]:
    """The statements of a text, mostly one; whatever comes before the last one prepares it."""
    if ";" not in sql.rstrip().rstrip(";") or not hasattr(hook, "split_sql_string"):
        return [sql]
    return [one for one in hook.split_sql_string(sql) if not is_nothing(one)] or [sql]


def _run(
    connection: Any, sql: str, parameters: Parameters, after_others: bool
) -> tuple[Any, Iterator[Sequence[Sequence[Any]]]]:
    """Run a statement; its cursor, and its rows, some at a time."""
    if not database_drivers.has_declared_cursors(connection):
        cursor = database_drivers.streaming_cursor(connection, _CURSOR)
        cursor.execute(sql, *_passed(parameters))
        return cursor, _fetched(cursor)
    in_transaction = after_others and not connection.autocommit
    if in_transaction:
        database_drivers.plain_cursor(connection).execute(f"savepoint {_SAVEPOINT}")
    cursor = database_drivers.streaming_cursor(connection, _CURSOR)
    try:
        cursor.execute(sql, *_passed(parameters))
        return cursor, _fetched(cursor)
    except Exception as error:
        if database_drivers.state_of(error) not in _NOT_DECLARED:
            raise
        told = str(error).partition("\n")[0]
    if in_transaction:
        database_drivers.plain_cursor(connection).execute(f"rollback to savepoint {_SAVEPOINT}")
    elif not connection.autocommit:
        connection.rollback()
    if not database_drivers.can_stream_anything(connection):
        raise RejectedError(
            f"the statement {_beginning(sql)} … is one that PostgreSQL declares no cursor for, and by any other the "
            f"driver {database_drivers.driver_of(connection)} would hold all rows in memory, unless it is a mistake "
            f"({shown(told[:200])}): give one SELECT, behind whatever prepares it, or install psycopg (version 3)"
        )
    cursor = database_drivers.plain_cursor(connection)
    return cursor, _one_by_one(cursor, sql, parameters)


def _fetched(cursor: Any) -> Iterator[Sequence[Sequence[Any]]]:
    """Rows, some at a time, until there are none: an empty list by one driver, an empty tuple by another."""
    if not database_drivers.streams(cursor) and cursor.description is None:
        return
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield rows


def _one_by_one(cursor: Any, sql: str, parameters: Parameters) -> Iterator[Sequence[Sequence[Any]]]:
    """Rows of a statement of any kind, as the server sends them."""
    try:
        for row in cursor.stream(sql, *_passed(parameters)):
            yield (row,)
    except Exception as error:
        if type(error).__name__ == "ProgrammingError" and not database_drivers.state_of(error):
            raise _no_rows(sql) from None
        raise


def _readable(
    connection: Any, cursor: Any, batches: Iterator[Sequence[Sequence[Any]]], tally: _Tally
) -> Iterator[Sequence[Sequence[Any]]]:
    """The same rows, and the reason if the driver can't read one: another try would find it again."""
    description = None
    while True:
        description = cursor.description or description  # psycopg2 forgets it with an error of the server
        try:
            rows = next(batches, None)
        except Exception as error:
            text = (
                isinstance(error, UnicodeError)
                or "decode" in str(error)
                or database_drivers.state_of(error) in _NO_TEXT
            )
            if not text and not _is_unreadable(error):
                raise
            columns = database_drivers.may_hold(connection, cursor.description or description or (), text=text)
            raise _unreadable(columns, error, tally.rows, text=text) from None
        if rows is None:
            tally.is_whole = True
            return
        tally.rows += len(rows)
        yield rows


def _is_unreadable(error: Exception) -> bool:
    """Whether it is the driver that can't make a value of what the server sent, and not the server that failed."""
    if state := database_drivers.state_of(error):
        return state in _NO_VALUE
    if isinstance(error, RejectedError):
        return False
    return isinstance(error, (ValueError, OverflowError)) or type(error).__name__ == "DataError"


def _unreadable(columns: Sequence[str], error: Exception, read: int, *, text: bool) -> UnreadableRowError:
    told = error.reason if isinstance(error, UnicodeDecodeError) else str(error).partition(" with text ")[0]
    where = f" in {', '.join(map(repr, columns))}" if columns else ""
    way_out = (
        "convert the text in the query, give the connection the right client encoding, or leave the column out"
        if text
        else "such as infinity, or a year before 1 or after 9999: cast the column to text in the query, write "
        "nullif(…) around it, or leave the column out"
    )
    what = "text that can't be decoded" if text else "a date or number that Python has no value for"
    return UnreadableRowError(
        f"a row after the first {read:,} of the query ({read + 1:,} to {read + _ROWS_AT_ONCE:,}) holds {what}{where}",
        told,
        way_out,
    )


def _as_tuples(rows: Iterable[Any], names: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Rows in the order of their columns, also of a connection that gives them as dictionaries."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return iter(())
    rows = chain([first], rows)
    return (tuple(row[name] for name in names) for row in rows) if isinstance(first, Mapping) else rows


def _converted(
    rows: Iterable[Any], names: Sequence[str], converters: Mapping[int, Callable[[Any], Any]]
) -> Iterator[Sequence[Any]]:
    for row in _as_tuples(rows, names):
        values = list(row)
        for place, convert in converters.items():
            values[place] = convert(values[place])
        yield values


def _passed(parameters: Parameters) -> tuple[Any, ...]:
    """What a cursor's ``execute`` is given besides the statement; nothing, or a percent sign would be none."""
    if not parameters:
        return ()
    return (dict(parameters) if isinstance(parameters, Mapping) else tuple(parameters),)


def _beginning(sql: str) -> str:
    return repr((sql.split(maxsplit=1) or [""])[0][:40])


def _no_rows(sql: str) -> RejectedError:
    return RejectedError(f"the statement {_beginning(sql)} … gives no rows: give a query, as in SELECT …")
