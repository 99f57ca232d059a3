"""The two tables that tell which persons were called when, for whatever DAG, in any database that SQLAlchemy knows.

They lie in the schema of the results table, beside those of the row claims. What is asked of them, and when a claim is
made, is ``persons``'s affair; what goes here with a list, or with rows of it, goes in the transactions of ``claims``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["PERSON_CALLS", "PERSON_KEYS", "PersonClaims", "person_tables"]

PERSON_KEYS, PERSON_CALLS = "aimylogic_person_keys", "aimylogic_person_calls"
_WITHOUT_JOB = ("refused", "rejected", "expired", "excluded", "capped", "held_out")
"""The outcomes of rows for which there is no job, and never will be."""


@lru_cache(maxsize=8)  # so that what is asked of them is compiled once
def person_tables(schema: str) -> tuple[Table, Table]:
    """The tables of the key, and of the persons' calls.

    :param schema: empty for the database's own choice
    """
    import sqlalchemy as sa

    made = sa.MetaData(schema=schema or None)
    keys = sa.Table(
        PERSON_KEYS,
        made,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # always 1: there is one key
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uses", sa.BigInteger, nullable=False),
    )
    calls = sa.Table(
        PERSON_CALLS,
        made,
        sa.Column("call_list", sa.String(64), primary_key=True),
        sa.Column("row_number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Index(f"{PERSON_CALLS}_person", "person", "claimed_at"),
    )
    return keys, calls


class PersonClaims:
    """The persons' calls that a list claimed, to be let go of in a transaction of another's; if there is the table."""

    def __init__(self, schema: str) -> None:
        self._table = person_tables(schema)[1]
        self._is_there = False

    def let_go(self, connection: Connection, call_list: str, rows: Sequence[int] | None = None) -> None:
        """A list's rows count as nobody's call any more, for surely nothing was sent for them.

        :param rows: their numbers, few enough for a statement; all of the list's if left out
        """
        calls = self._table.c
        if rows == [] or not self._found(connection):
            return
        which = [calls.call_list == call_list, *([] if rows is None else [calls.row_number.in_(rows)])]
        connection.execute(self._table.delete().where(*which))

    def let_go_of_jobless(self, connection: Connection, call_list: str, results: Table) -> None:
        """As :meth:`let_go`, of the rows for which there is no job, as the results table tells."""
        import sqlalchemy as sa

        calls = self._table.c
        if not self._found(connection):
            return
        told = sa.table(
            results.name, *(sa.column(name) for name in ("call_list", "row_number", "outcome")), schema=results.schema
        )
        jobless = sa.select(told.c.row_number).where(
            told.c.call_list == call_list, told.c.outcome.in_(_WITHOUT_JOB)
        )  # fmt: skip
        connection.execute(self._table.delete().where(calls.call_list == call_list, calls.row_number.in_(jobless)))

    def _found(self, connection: Connection) -> bool:
        import sqlalchemy as sa

        if not self._is_there:
            self._is_there = sa.inspect(connection).has_table(self._table.name, self._table.schema)
        return self._is_there
