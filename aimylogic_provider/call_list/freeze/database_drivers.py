"""What differs between database drivers, where rows are read: cursors that don't hold all rows, and their own values.

A driver is known by its connections, for those are the user's: an Airflow hook made them as its connection says.

No statement of the query is looked at here; ``warehouse`` runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from aimylogic_provider.calls_api.calls.database_values import interval_text, time_text

__all__ = [
    "can_stream_anything", "columns_of", "converters", "driver_of", "has_declared_cursors", "keep_writing", "may_hold",
    "of_driver", "plain_cursor", "state_of", "streaming_cursor", "streams",
]  # fmt: skip

_POSTGRESQL = ("psycopg", "psycopg2")
_PG_DATES = frozenset(
    {1082, 1083, 1114, 1184, 1266, 1182, 1183, 1115, 1185, 1270}  # and their arrays
)
_PG_TEXTS = frozenset({18, 19, 25, 1042, 1043, 114, 3802, 1002, 1003, 1009, 1014, 1015})
_PG_RANGES = ("int4", "int8", "num", "date", "ts", "tstz")
_PG_WRITTEN = (
    "interval", "inet", "cidr", *(f"{of}{kind}" for of in _PG_RANGES for kind in ("range", "multirange")),
)  # fmt: skip
"""Types of which Python's values say less, or otherwise, than PostgreSQL's own writing does: a month isn't 30 days."""
_PG_WRITTEN_OIDS = (1186, 3904, 3906, 3908, 3910, 3912, 3926)
"""Those of them that psycopg2 makes anything of; the number after each is its array's."""
_PG_INFINITE = {1082: "PYDATE", 1114: "PYDATETIME", 1184: "PYDATETIMETZ"}
_MYSQL = ("MySQLdb", "pymysql", "mysql")
_MYSQL_TIME, _MYSQL_BIT = 11, 16
_MYSQL_DATES = frozenset({7, 10, _MYSQL_TIME, 12, 14, 17, 18, 19})
_MYSQL_TEXTS = frozenset({15, 249, 250, 251, 252, 253, 254})


def driver_of(connection: object) -> str:
    """The package of a connection's driver, as in ``psycopg2``, ``MySQLdb`` or ``sqlite3``."""
    return type(connection).__module__.lstrip("_").partition(".")[0]


def of_driver(module: str) -> Any:
    """A module of a driver that is there, for it made a connection; this package needs none of them by itself."""
    return import_module(module)


def has_declared_cursors(connection: object) -> bool:
    """Whether rows are streamed by a cursor that must be declared, which not all statements can be."""
    return driver_of(connection) in _POSTGRESQL


def can_stream_anything(connection: object) -> bool:
    """Whether the rows of any statement can be had one by one, where no cursor can be declared."""
    return driver_of(connection) == "psycopg"


def streaming_cursor(connection: Any, name: str) -> Any:
    """A cursor that gives tuples and leaves rows with the server, whatever kind the connection gives by itself.

    :param name: where it must have one
    """
    match driver_of(connection):
        case "psycopg":
            rows = of_driver("psycopg.rows").tuple_row
            return connection.cursor(name, row_factory=rows, withhold=connection.autocommit)
        case "psycopg2":
            kind = of_driver("psycopg2.extensions").cursor
            return connection.cursor(name, cursor_factory=kind, withhold=connection.autocommit)
        case "MySQLdb" | "pymysql" as driver:
            return connection.cursor(of_driver(f"{driver}.cursors").SSCursor)
    return plain_cursor(connection)


def keep_writing(connection: Any) -> None:
    """Have a connection give some values as its database writes them, where it would make others of them."""
    match driver_of(connection):
        case "psycopg":
            loader = of_driver("psycopg.types.string").TextLoader
            for name in _PG_WRITTEN:
                connection.adapters.register_loader(name, loader)
        case "psycopg2":
            kinds = of_driver("psycopg2.extensions")
            for oid in _PG_WRITTEN_OIDS:
                written = kinds.new_type((oid,), "WRITTEN", lambda value, _: value)
                kinds.register_type(written, connection)
                kinds.register_type(kinds.new_array_type((oid + 1,), "WRITTEN[]", written), connection)
            for oid, name in _PG_INFINITE.items():
                kinds.register_type(kinds.new_type((oid,), name, _finite(getattr(kinds, name))), connection)


def _finite(read: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """What reads a date, but no infinite one: psycopg2 would take that for the last day of the year 9999."""

    def finite(value: Any, cursor: Any) -> Any:
        if value in ("infinity", "-infinity"):
            raise ValueError(f"it is {value}")
        return read(value, cursor)

    return finite


def columns_of(connection: Any, sql: str, parameters: tuple[Any, ...]) -> list[str]:
    """The names of the columns that a statement would give, without executing it; by psycopg 3 alone, else none."""
    if not can_stream_anything(connection):
        return []
    text = of_driver("psycopg").ClientCursor(connection).mogrify(sql, *parameters)
    server = connection.pgconn
    server.prepare(b"", text.encode(connection.info.encoding))
    told = server.describe_prepared(b"")
    return [told.fname(place).decode(connection.info.encoding) for place in range(told.nfields)]


def plain_cursor(connection: Any) -> Any:
    """A cursor for one statement of any kind."""
    match driver_of(connection):
        case "psycopg":
            return connection.cursor(row_factory=of_driver("psycopg.rows").tuple_row)
        case "psycopg2":
            return connection.cursor(cursor_factory=of_driver("psycopg2.extensions").cursor)
        case "mysql":
            return connection.cursor(buffered=False, dictionary=False)
        case "duckdb":
            return connection  # whose cursors are connections of their own, without its temporary tables
    return connection.cursor()


def converters(connection: object, description: Sequence[Sequence[Any]]) -> Mapping[int, Callable[[Any], Any]]:
    """What brings a column's values to the database's own writing, by the column's place; none for most."""
    driver = driver_of(connection)
    found: dict[int, Callable[[Any], Any]] = {}
    for place, column in enumerate(description):
        kind = column[1] if len(column) > 1 else None
        if driver == "duckdb" and str(kind) == "INTERVAL":
            found[place] = _interval
        elif driver in _MYSQL and kind == _MYSQL_TIME:
            found[place] = _time
        elif driver in _MYSQL and kind == _MYSQL_BIT:
            found[place] = _bits
    return found


def may_hold(connection: object, description: Sequence[Sequence[Any]], *, text: bool) -> list[str]:
    """The names of the columns that hold text, or else dates and times, as far as the driver tells."""
    driver = driver_of(connection)
    if driver in _POSTGRESQL:
        kinds = _PG_TEXTS if text else _PG_DATES
    elif driver in _MYSQL:
        kinds = _MYSQL_TEXTS if text else _MYSQL_DATES
    else:
        return []
    return [str(column[0]) for column in description if column[1] in kinds]


def _interval(value: Any) -> Any:
    return interval_text(value) if isinstance(value, timedelta) else value


def _time(value: Any) -> Any:
    return time_text(value) if isinstance(value, timedelta) else value


def _bits(value: Any) -> Any:
    return int.from_bytes(value) if isinstance(value, (bytes, bytearray)) else value


def streams(cursor: Any) -> bool:
    """Whether a cursor was declared, and so can't have written anything."""
    return driver_of(cursor) in _POSTGRESQL and bool(getattr(cursor, "name", None))


def state_of(error: Exception) -> str:
    """The server's state of an error (SQLSTATE); empty if it isn't one of PostgreSQL's."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
