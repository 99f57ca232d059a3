"""Transactions in any database, repeated where others were in the way.

What is done in one, and which error tells that it failed, is said by whoever acts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from aimylogic_provider.sql_database.errors import kind_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Transactions"]

T = TypeVar("T")
_TRIES = 5
_TRIES_AMONG_OTHERS = 15
"""Of what a database gave up for another's sake: each time somebody else got on."""
_AMONG_OTHERS = (1205, 1213, "1205", "1213", "40001", "40P01")
"""What MySQL and MariaDB, SQL Server, and PostgreSQL call a deadlock, or a lock that was waited for too long."""


class Transactions:
    """Acts upon tables.

    :param engine: of their database
    :param failed: makes the error, of what becomes of the tables, in a word, and of the kind of the database's error
    """

    def __init__(self, engine: Engine, failed: Callable[[str, str], Exception]) -> None:
        # There each transaction would go by what it saw first, and lock what lies between the rows that it changes.
        mysql = engine.dialect.name in ("mysql", "mariadb")
        self._engine = engine.execution_options(isolation_level="READ COMMITTED") if mysql else engine
        self._failed = failed

    def act(self, what: str, act: Callable[[Connection], T]) -> T:
        """Do something in one transaction.

        :param what: becomes of the tables by it, in a word
        :raises Exception: what *failed* makes, if the database fails; another try can help
        """

        def transact() -> T:
            with self._engine.begin() as connection:
                return act(connection)

        return self.repeat(what, transact)

    def repeat(self, what: str, act: Callable[[], T]) -> T:
        """Do something, again if need be. As :meth:`act`."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError
        from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

        def is_enough(state: RetryCallState) -> bool:
            error = None if state.outcome is None else state.outcome.exception()
            return state.attempt_number >= (_TRIES_AMONG_OTHERS if _is_among_others(error) else _TRIES)

        retrying = Retrying(
            retry=retry_if_exception_type(DBAPIError),  # locked, or two at once
            stop=is_enough,
            wait=wait_random_exponential(multiplier=0.2, max=5),
            reraise=True,
        )
        try:
            return retrying(act)
        except SQLAlchemyError as error:
            raise self._failed(what, kind_of(error)) from None


def _is_among_others(error: BaseException | None) -> bool:
    """Whether a database gave up what others were in the way of."""
    original = getattr(error, "orig", None)
    told = (getattr(original, "pgcode", None), getattr(original, "sqlstate", None), *getattr(original, "args", ())[:1])
    return any(one in _AMONG_OTHERS for one in told if isinstance(one, (int, str)))
