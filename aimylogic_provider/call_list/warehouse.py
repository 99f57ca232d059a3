"""Rows of a query, streamed from any database that an Airflow hook reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.errors import RejectedError

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from aimylogic_provider.idempotence.ports import Log

__all__ = ["Parameters", "streamed"]

Parameters = Mapping[str, Any] | Sequence[Any] | None

_ROWS_AT_ONCE = 1000


@contextmanager
def streamed(
    hook: DbApiHook, sql: str, parameters: Parameters, log: Log
) -> Iterator[tuple[list[str], Iterable[Sequence[Any]]]]:
    """Run a query; the columns' names, and the rows as they come in.

    By SQLAlchemy with a cursor on the server's side, for most drivers else read all rows first.

    :param parameters: in the driver's own style
    :raises RejectedError: if the statement gives no rows at all, as an UPDATE does
    :raises Exception: whatever the database raises
    """
    try:
        engine = hook.get_sqlalchemy_engine()
    except Exception as error:  # noqa: BLE001 - a hook may lack it in many ways; nothing was asked yet
        log.warning(
            "The connection has no SQLAlchemy engine (%s): the driver's own cursor is used, and may hold all rows in "
            "memory.", type(error).__name__,
        )  # fmt: skip
        with _by_driver(hook, sql, parameters) as found:
            yield found
        return
    try:
        with engine.connect() as connection:
            result = connection.execution_options(
                stream_results=True,
                yield_per=_ROWS_AT_ONCE,
                no_parameters=True,  # where there are none, a percent sign is a percent sign
            ).exec_driver_sql(sql, _passed(parameters))
            if not result.returns_rows:
                raise _no_rows(sql)
            yield list(result.keys()), chain.from_iterable(result.partitions(_ROWS_AT_ONCE))
    finally:
        engine.dispose()


@contextmanager
def _by_driver(
    hook: DbApiHook, sql: str, parameters: Parameters
) -> Iterator[tuple[list[str], Iterable[Sequence[Any]]]]:
    with closing(hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(sql, *(() if not parameters else (parameters,)))
        if cursor.description is None:
            raise _no_rows(sql)
        names = [column[0] for column in cursor.description]
        yield names, chain.from_iterable(_fetched(cursor))


def _fetched(cursor: Any) -> Iterator[Sequence[Sequence[Any]]]:
    """Rows, some at a time, until there are none: an empty list by one driver, an empty tuple by another."""
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield rows


def _passed(parameters: Parameters) -> Any:
    """As SQLAlchemy takes them: a dictionary, or a tuple."""
    if not parameters:
        return None
    return dict(parameters) if isinstance(parameters, Mapping) else tuple(parameters)


def _no_rows(sql: str) -> RejectedError:
    return RejectedError(f"the statement {sql.split(maxsplit=1)[0]!r} … gives no rows: give a query, as in SELECT …")
