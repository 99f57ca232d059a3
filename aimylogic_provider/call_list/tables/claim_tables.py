"""The two tables by which rows are claimed, in any database that SQLAlchemy knows.

They lie in the schema of the results table and have names of their own, so that lists find each other whichever results
tables they tell of: one a day, or one that was renamed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.tables.row_keys import NO_KEYS
from aimylogic_provider.sql_database.alterations import is_for_good, making

if TYPE_CHECKING:
    from sqlalchemy import Engine, Table

__all__ = ["CLAIMS", "LISTS", "claim_tables", "create", "results_of"]

LISTS, CLAIMS = "aimylogic_lists", "aimylogic_claims"


@lru_cache(maxsize=8)  # so that what is asked of them is compiled once
def claim_tables(schema: str) -> tuple[Table, Table]:
    """The tables of lists and of claims.

    :param schema: empty for the database's own choice
    """
    import sqlalchemy as sa

    made = sa.MetaData(schema=schema or None)
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # which counts up by itself only so
    lists = sa.Table(
        LISTS,
        made,
        sa.Column("number", big, sa.Identity(), primary_key=True),
        sa.Column("call_list", sa.String(64), nullable=False, unique=True),
        sa.Column("dag_id", sa.String(250), nullable=False),
        sa.Column("task_id", sa.String(250), nullable=False),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("map_index", sa.Integer, nullable=False),
        sa.Column("iteration", sa.Integer, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("results_table", sa.String(250), nullable=False),
        sa.Column("key_names", sa.String(1000), nullable=False, default=NO_KEYS),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,  # a number is never given twice, also if its row was deleted
    )
    claims = sa.Table(
        CLAIMS,
        made,
        sa.Column("row_key", sa.String(64), primary_key=True),
        sa.Column("map_index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("iteration", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("phone_key", sa.String(64), nullable=False, index=True),
        sa.Column("call_list", sa.String(64), nullable=False, index=True),
        sa.Column("row_number", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger, index=True),
    )
    return lists, claims


@lru_cache(maxsize=8)
def results_of(results_table: str) -> Table:
    """As much of a results table as matters here."""
    import sqlalchemy as sa

    schema, _, name = results_table.rpartition(".")
    columns = sa.Column("call_list", sa.String(64)), sa.Column("outcome", sa.String(16))
    return sa.Table(name, sa.MetaData(schema=schema or None), *columns)


def create(engine: Engine, *tables: Table) -> None:
    """Make tables that aren't there.

    :raises CallListError: if that isn't allowed, with what is to be made by who may
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    for table in tables:
        if sa.inspect(engine).has_table(table.name, table.schema):
            continue
        try:
            table.create(engine, checkfirst=True)
        except DBAPIError as error:
            if sa.inspect(engine).has_table(table.name, table.schema):
                continue  # another task made it at the same moment
            if is_for_good(error):
                raise _forbidden(engine, tables, error) from None
            raise


def _forbidden(engine: Engine, tables: tuple[Table, ...], error: Any) -> CallListError:
    statements = ";\n".join(making(engine, *tables))
    return CallListError(
        f"{' and '.join(table.fullname for table in tables)}, by which two runs don't call the same people, are not "
        f"there, and can't be made ({type(error.orig).__name__}): nothing is sent. Have somebody make them who may, "
        "let this connection's user select, insert, update and delete there, and clear the task:\n"
        f"{statements}"
    )
