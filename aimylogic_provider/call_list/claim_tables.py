"""The shape of the two tables by which rows are claimed, in any database that SQLAlchemy knows."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine, Table

__all__ = ["claim_tables", "create"]


def claim_tables(engine: Engine, results_table: str) -> tuple[Table, Table, Table]:
    """The tables of lists and of claims, and as much of the results table as matters here."""
    schema, _, name = results_table.rpartition(".")
    return _described(schema, name, _beside(engine, name, "_lists"), _beside(engine, name, "_claims"))


@lru_cache(maxsize=8)  # so that what is asked of them is compiled once
def _described(schema: str, name: str, lists_name: str, claims_name: str) -> tuple[Table, Table, Table]:
    import sqlalchemy as sa

    made = sa.MetaData(schema=schema or None)
    big = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # which counts up by itself only so
    lists = sa.Table(
        lists_name,
        made,
        sa.Column("number", big, primary_key=True, autoincrement=True),
        sa.Column("call_list", sa.String(64), nullable=False, unique=True),
        sa.Column("dag_id", sa.String(250), nullable=False),
        sa.Column("task_id", sa.String(250), nullable=False),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("map_index", sa.Integer, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,  # a number is never given twice, also if its row was deleted
    )
    claims = sa.Table(
        claims_name,
        made,
        sa.Column("row_key", sa.String(64), primary_key=True),
        sa.Column("map_index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("call_list", sa.String(64), nullable=False, index=True),
        sa.Column("row_number", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
    )
    results = sa.Table(name, made, sa.Column("call_list", sa.String(64)), sa.Column("outcome", sa.String(16)))
    return lists, claims, results


def create(engine: Engine, *tables: Table) -> None:
    """Make tables that aren't there."""
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    for table in tables:
        if sa.inspect(engine).has_table(table.name, table.schema):
            continue
        try:
            table.create(engine, checkfirst=True)
        except DBAPIError:
            if not sa.inspect(engine).has_table(table.name, table.schema):
                raise  # else another task made it at the same moment


def _beside(engine: Engine, name: str, ending: str) -> str:
    """The name of a table beside another one; shortened where the database would not take it whole."""
    most = engine.dialect.max_identifier_length - len(f"_{ending}_call_list_key")  # those of its keys are longer
    if len(name.encode()) <= most:
        return f"{name}{ending}"
    digest = sha256(name.encode()).hexdigest()[:8]
    kept = name.encode()[: most - len(digest) - 1].decode(errors="ignore")
    return f"{kept}_{digest}{ending}"
