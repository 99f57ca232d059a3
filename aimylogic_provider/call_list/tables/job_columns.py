"""The columns of a results table that tell what became of each row's call job: their types, and how a table gets them.

A table of the former shape has none of them. Its key columns may have their names: what was a key stays one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.sql_database.alterations import add_columns, adding

if TYPE_CHECKING:
    from sqlalchemy import Column, Engine, Index, Table

__all__ = [
    "JOB_COLUMNS", "FormerShapeError", "are_taken", "has_all", "index_of_open", "job_columns", "kind_of", "lacking",
    "migrate", "statements",
]  # fmt: skip

JOB_COLUMNS = ("job_status", "attempts", "finished_at", "call_seconds", "tag_name", "report_data", "updated_at")

_LONGEST_NAME = 63
"""Bytes, in PostgreSQL; others take more."""
_FIRST = "call_seconds"
"""The one that is added first: where it is a number, the others are ours, too; a key column is text."""


class FormerShapeError(RejectedError):
    """A results table of the former shape, which lacks columns.

    :param table: its name, for people
    :param to_do: the statements that add them
    :param because: why they could not be added, if that was tried
    """

    def __init__(self, table: str, to_do: Sequence[str], because: str = "") -> None:
        way_out = "" if because else ", or UpdateResultsOperator, by add_columns=True"
        super().__init__(
            f"results_table {table!r} {because or 'is of the former shape'}, and lacks columns for what became of "
            f"calls. Have somebody add them who may{way_out}:\n" + ";\n".join(to_do) + ";"
        )
        self.to_do = tuple(to_do)


def job_columns() -> list[Column[Any]]:
    """The columns, as a new table has them."""
    import sqlalchemy as sa
    from sqlalchemy.dialects import mysql, postgresql

    text = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
    moment = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=3), "mysql", "mariadb")
    # As in the tables of reports: as text of JSON, where the database's own type doesn't take all that is JSON.
    content = sa.Text().with_variant(sa.JSON(), "mysql", "mariadb").with_variant(postgresql.JSONB(), "postgresql")
    types: tuple[Any, ...] = (sa.String(64), sa.Integer(), moment, sa.Integer(), text, content, moment)
    return [sa.Column(name, type) for name, type in zip(JOB_COLUMNS, types, strict=True)]


def index_of_open(table: Table) -> Index:
    """An index of a new table that has the columns, by which its open rows are found: small where it can be of those.

    :param table: to which it is added
    """
    import sqlalchemy as sa

    name = f"ix_{table.name}_open_jobs"
    if len(name.encode()) > _LONGEST_NAME:
        name = f"ix_{hashlib.sha256(table.name.encode()).hexdigest()[:20]}_open_jobs"
    columns = table.c
    is_open = columns.finished_at.is_(None)
    of = (columns.finished_at, columns.call_list, columns.row_number)
    return sa.Index(name, *of, postgresql_where=is_open, sqlite_where=is_open)


def are_taken(keys: Collection[str]) -> bool:
    """Whether a key column has the name of one of them: its table then goes without them all."""
    return not {key.casefold() for key in keys}.isdisjoint(JOB_COLUMNS)


def has_all(found: Mapping[str, Any]) -> bool:
    """Whether a table has all of them. As :func:`lacking`."""
    return all(one.name in found and kind_of(found[one.name]["type"]) in _kinds(one) for one in job_columns())


def lacking(table: str, found: Mapping[str, Any]) -> list[str]:
    """Which of the columns a results table lacks, in the order in which they are to be added.

    :param table: its name, for errors
    :param found: its columns, as SQLAlchemy's inspector tells of them, by name
    :raises RejectedError: if one of their names is another column's
    """
    folded = {name.casefold(): name for name in found}
    ours = {column.name: _kinds(column) for column in job_columns()}
    there = [name for name in ours if name in folded]
    is_begun = _FIRST in found and kind_of(found[_FIRST]["type"]) in ours[_FIRST]
    for name in there:
        if not is_begun or name not in found or kind_of(found[name]["type"]) not in ours[name]:
            raise _taken(table, folded[name])
    return sorted(ours.keys() - {*there}, key=lambda name: (name != _FIRST, JOB_COLUMNS.index(name)))


def statements(engine: Engine, table: Table, names: Sequence[str]) -> list[str]:
    """What adds columns to a table, a statement each, in the order of the names."""
    columns = {column.name: column for column in job_columns()}
    return adding(engine, table, [columns[name] for name in names])


def migrate(engine: Engine, table: Table, names: Sequence[str]) -> None:
    """Add columns to a table; those that another task adds at the same moment are there, too.

    :raises SQLAlchemyError: if that isn't allowed, or the database fails
    """
    columns = {column.name: column for column in job_columns()}
    add_columns(engine, table, [columns[name] for name in names])


def kind_of(type: Any) -> str:
    """What a column holds, in words."""
    import sqlalchemy as sa

    kinds = (("text", sa.String), ("whole numbers", sa.Integer), ("times", sa.DateTime), ("JSON", sa.JSON))
    return next((kind for kind, of in kinds if isinstance(type, of)), str(type).lower())


def _kinds(column: Column[Any]) -> tuple[str, ...]:
    return ("text", "JSON") if column.name == "report_data" else (kind_of(column.type),)


def _taken(table: str, name: str) -> RejectedError:
    other = f"customer_{name}"
    return RejectedError(
        f"results_table {table!r} has a column {name!r} that is none of those for what became of calls: probably a "
        f'key column of the query. Nothing is written there. Rename it in the table, by "alter table {table} rename '
        f'column {name} to {other}", and in the query and key_columns of the task that writes it, by "{name} as '
        f'{other}"; or give that task another results_table. Then clear this task'
    )
