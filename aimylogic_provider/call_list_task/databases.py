"""The databases of a sync, by their Airflow connections: each is reached as the hook's own ``get_conn`` reaches it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.errors import RejectedError

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from sqlalchemy import Engine

__all__ = ["NoSuchConnectionError", "check_query", "database_hook", "engine_of"]

_DIALECTS = {
    "psycopg": "postgresql+psycopg",
    "psycopg2": "postgresql+psycopg2",
    "MySQLdb": "mysql+mysqldb",
    "pymysql": "mysql+pymysql",
    "mysql": "mysql+mysqlconnector",
    "sqlite3": "sqlite+pysqlite",
}
"""SQLAlchemy's dialect for connections of a driver."""


class NoSuchConnectionError(RejectedError):
    """Airflow has no connection of that id."""


def check_query(sql: object) -> None:
    """Check that there is a query.

    :raises RejectedError: if there is none
    """
    from aimylogic_provider.call_list.freeze.warehouse import is_nothing

    if not isinstance(sql, str):
        raise RejectedError(f"sql is of type {type(sql).__name__}: give one query as text, or the name of a .sql file")
    if is_nothing(sql):
        raise RejectedError("sql is empty, as of a file without a query: give one SELECT")


def database_hook(argument: str, conn_id: str) -> DbApiHook:
    """Return the hook of a database.

    :param argument: which argument names the connection, for errors
    :raises RejectedError: if there is no such connection, or it is none of a database
    """
    from aimylogic_provider.airflow_task.airflow_imports import AirflowException, AirflowNotFoundException, BaseHook

    if not isinstance(conn_id, str) or not conn_id.strip():
        raise RejectedError(f"{argument} is missing: give the id of a database's connection in Airflow")
    try:
        hook: Any = BaseHook.get_hook(conn_id)
    except AirflowException as error:
        if "isn't defined" not in str(error) and "Unknown hook type" not in str(error):
            raise
        told = f"{argument} {conn_id!r} can't be used: {error}. Name a database's connection"
        raise (NoSuchConnectionError if isinstance(error, AirflowNotFoundException) else RejectedError)(told) from None
    if not hasattr(hook, "get_records") and not hasattr(hook, "get_sqlalchemy_engine"):
        kind = getattr(hook, "conn_type", "") or type(hook).__name__
        raise RejectedError(
            f"{argument} {conn_id!r} is a connection of type {kind!r}, which isn't a database's: name one whose hook "
            "is a DbApiHook, as of postgres, mysql, sqlite, snowflake"
        )
    database: DbApiHook = hook
    return database


def engine_of(argument: str, conn_id: str) -> Engine:
    """Return SQLAlchemy's engine of a database, over connections that the hook makes.

    :raises RejectedError: as :func:`database_hook` does, and if SQLAlchemy doesn't know the database
    """
    hook: Any = database_hook(argument, conn_id)
    if not hasattr(hook, "get_conn") or getattr(hook, "conn_type", "") == "sqlite":  # whose address says all
        plain: Engine = hook.get_sqlalchemy_engine()
        return plain
    try:
        return _engine(hook)
    except (ImportError, NotImplementedError, _no_such_dialect()) as error:
        raise RejectedError(
            f"{argument} {conn_id!r} is of a database that SQLAlchemy doesn't know here ({type(error).__name__}): "
            f"install its dialect, or have {argument} name another database"
        ) from None


def _no_such_dialect() -> type[Exception]:
    from sqlalchemy.exc import NoSuchModuleError

    return NoSuchModuleError


def _engine(hook: Any) -> Engine:
    from aimylogic_provider.call_list.freeze.database_drivers import driver_of

    opened: list[Any] = []
    connect = _plain_rows(hook.get_conn)

    def creator() -> Any:
        return opened.pop() if opened else connect()

    engine: Engine = hook.get_sqlalchemy_engine({"creator": creator})
    try:
        connection = connect()
    except Exception:  # noqa: BLE001 - SQLAlchemy tries again, and tells it as its own errors
        return engine
    driver = driver_of(connection)
    if driver not in _DIALECTS or engine.dialect.driver == _DIALECTS[driver].partition("+")[2]:
        opened.append(connection)  # SQLAlchemy's first
        return engine
    # The hook's address names another driver than its connections have.
    from sqlalchemy import create_engine

    opened.append(connection)
    return create_engine(f"{_DIALECTS[driver]}://", creator=creator)


def _plain_rows(connect: Callable[[], Any]) -> Callable[[], Any]:
    """Connections whose cursors give tuples, as SQLAlchemy needs them, whatever the connection's extra asks for."""
    from aimylogic_provider.call_list.freeze.database_drivers import driver_of, of_driver

    def plain() -> Any:
        connection = connect()
        match driver_of(connection):
            case "psycopg":
                connection.row_factory = of_driver("psycopg.rows").tuple_row
            case "psycopg2":
                connection.cursor_factory = None
            case "MySQLdb":
                connection.cursorclass = of_driver("MySQLdb.cursors").Cursor
        return connection

    return plain
