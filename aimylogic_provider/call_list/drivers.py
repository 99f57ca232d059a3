"""What differs between database drivers, where rows are read: cursors that don't hold all rows, and their own values.

A driver is known by its connections, for those are the user's: an Airflow hook made them as its connection says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from aimylogic_provider.calls_api.database_values import interval_text, time_text

__all__ = [
    "can_stream_anything", "converters", "driver_of", "has_declared_cursors", "may_hold", "of_driver", "plain_cursor",
    "state_of", "streaming_cursor", "streams",
]  # fmt: skip

_POSTGRESQL = ("psycopg", "psycopg2")
_PG_INTERVAL = 1186
_PG_DATES = frozenset({1082, 1083, 1114, 1184, 1266, _PG_INTERVAL})
_PG_TEXTS = frozenset({18, 19, 25, 1042, 1043})
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


def plain_cursor(connection: Any) -> Any:
    """A cursor for one statement of any kind."""
    match driver_of(connection):
        case "psycopg":
            return connection.cursor(row_factory=of_driver("psycopg.rows").tuple_row)
        case "psycopg2":
            return connection.cursor(cursor_factory=of_driver("psycopg2.extensions").cursor)
        case "mysql":
            return connection.cursor(buffered=False, dictionary=False)
    return connection.cursor()


def converters(connection: object, description: Sequence[Sequence[Any]]) -> Mapping[int, Callable[[Any], Any]]:
    """What brings a column's values to the database's own writing, by the column's place; none for most."""
    driver = driver_of(connection)
    found: dict[int, Callable[[Any], Any]] = {}
    for place, column in enumerate(description):
        kind = column[1] if len(column) > 1 else None
        if (driver in _POSTGRESQL and kind == _PG_INTERVAL) or (driver == "duckdb" and str(kind) == "INTERVAL"):
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
