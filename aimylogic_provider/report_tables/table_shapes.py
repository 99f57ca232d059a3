"""The tables of jobs, of attempts and of marks, described once: their columns, and what those are in a database."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sqlalchemy import Dialect, Table

__all__ = ["ATTEMPTS_SHAPE", "JOBS_SHAPE", "MARKS", "MARKS_SHAPE", "ColumnKind", "TableShape", "described"]

ColumnKind = Literal["name", "id", "text", "whole number", "time", "JSON"]
MARKS = "aimylogic_read_until"
"""The table of marks: beside each table of jobs or attempts, in its schema."""

_LONGEST_INDEX = 60
"""Characters of an index's name: PostgreSQL takes 63."""
_NAME = 250
_ID = 64


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table's columns, in their order, and its key.

    :param columns: their kinds by their names
    :param key: the first of them, by which a row is known
    """

    columns: dict[str, ColumnKind]
    key: tuple[str, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """What the report tells of a row: neither its key nor when that was."""
        return tuple(name for name in self.columns if name not in (*self.key, "updated_at"))


_SCRIPT: dict[str, ColumnKind] = {
    "redial_number": "whole number",
    "tag_name": "text",
    "tag_payload": "JSON",
    "report_data": "JSON",
    "other_fields": "JSON",
}

JOBS_SHAPE = TableShape(
    {
        "campaign": "name",
        "call_job_id": "id",
        "campaign_name": "text",
        "phone": "text",
        "created_at": "time",
        "finished_at": "time",
        "job_status": "text",
        "attempts": "whole number",
        "call_seconds": "whole number",
        **_SCRIPT,
        "vanished_at": "time",
        "updated_at": "time",
    },
    key=("campaign", "call_job_id"),
)
ATTEMPTS_SHAPE = TableShape(
    {
        "campaign": "name",
        "call_job_id": "id",
        "attempt_number": "whole number",
        "phone": "text",
        "started_at": "time",
        "finished_at": "time",
        "call_result": "text",
        "job_status": "text",
        "call_seconds": "whole number",
        **_SCRIPT,
        "updated_at": "time",
    },
    key=("campaign", "call_job_id", "attempt_number"),
)
MARKS_SHAPE = TableShape(
    {
        "table_name": "name",
        "campaign": "name",
        "reading": "id",
        "read_from": "time",
        "read_until": "time",
        "moves": "whole number",
        "updated_at": "time",
    },
    key=("table_name", "campaign", "reading"),
)


def described(shape: TableShape, name: str, schema: str | None, dialect: Dialect, *, json_as_text: bool) -> Table:
    """Return a table as SQLAlchemy describes it.

    :param json_as_text: whether values of its JSON columns are given, and taken, as JSON's text
    """
    import sqlalchemy as sa

    def column(name: str, kind: ColumnKind) -> Any:
        type = _type("text" if kind == "JSON" and json_as_text else kind, dialect)
        return sa.Column(name, type, primary_key=name in shape.key, autoincrement=False)

    columns = [column(name, kind) for name, kind in shape.columns.items()]
    table = sa.Table(name, sa.MetaData(), *columns, schema=schema)
    if "finished_at" in shape.columns:
        _index_open(table, dialect)
    return table


def _index_open(table: Table, dialect: Dialect) -> None:
    """Have open rows be found without reading all others: each run looks at them."""
    import sqlalchemy as sa

    name = f"{table.name}_open"
    if len(name) > _LONGEST_INDEX or not name.isascii():
        name = f"{sha256(table.name.encode()).hexdigest()[:16]}_open"
    columns = table.columns
    is_open = columns.finished_at.is_(None)
    if dialect.name in ("postgresql", "sqlite"):
        sa.Index(name, columns.campaign, columns.call_job_id, postgresql_where=is_open, sqlite_where=is_open)
    else:
        sa.Index(name, columns.campaign, columns.finished_at, columns.call_job_id)


def _type(kind: ColumnKind, dialect: Dialect) -> Any:
    import sqlalchemy as sa

    mysql = dialect.name in ("mysql", "mariadb")
    match kind:
        case "name":
            return sa.String(_NAME)
        case "id":
            return sa.String(_ID)
        case "whole number":
            return sa.BigInteger()
        case "time" if mysql:  # where a time has whole seconds unless told otherwise
            from sqlalchemy.dialects.mysql import DATETIME

            return DATETIME(fsp=6)
        case "time":
            return sa.DateTime(timezone=True)
        case "text" if mysql:  # where a text has 65,535 bytes unless told otherwise
            from sqlalchemy.dialects.mysql import LONGTEXT

            return LONGTEXT()
        case "text":
            return sa.Text()
    if dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import JSONB

        return JSONB()
    # SQLite takes text of a column that isn't said to hold text for a number, where it looks like one.
    return sa.JSON(none_as_null=True) if dialect.name != "sqlite" and _has_json(dialect) else sa.Text()


def _has_json(dialect: Dialect) -> bool:
    import sqlalchemy as sa
    from sqlalchemy.exc import CompileError

    try:
        sa.JSON().compile(dialect=dialect)
    except CompileError:
        return False
    return True
