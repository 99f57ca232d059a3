"""What upserts have in common: what became of rows, those that are there, and a time as a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.report_tables.report_rows import Row
from aimylogic_provider.report_tables.table_shapes import TableShape

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["Written", "known_rows", "moment"]


@dataclass(slots=True)
class Written:
    """What became of rows that were written, as counts."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def add(self, other: Written) -> None:
        """Count others in."""
        self.new += other.new
        self.changed += other.changed
        self.unchanged += other.unchanged


def moment(value: datetime, dialect: str) -> datetime:
    """A time as a parameter: in UTC, and without a zone for drivers that would drop it."""
    moment = value.astimezone(UTC)
    return moment.replace(tzinfo=None) if dialect in ("mysql", "mariadb", "sqlite") else moment


def known_rows(
    connection: Connection,
    table: Table,
    shape: TableShape,
    rows: Sequence[Row],
    names: Sequence[str],
    *,
    locks: bool = False,
) -> dict[tuple[Any, ...], Any]:
    """Those of some rows that are there, by their keys.

    :param locks: whether nobody else may change them until all is written, where the database can see to that
    """
    import sqlalchemy as sa

    columns, ids = table.columns, sorted({row["call_job_id"] for row in rows})
    query = sa.select(*(columns[name] for name in names)).where(
        columns.campaign == rows[0]["campaign"], columns.call_job_id.in_(ids)
    )
    if locks and connection.dialect.name in ("mysql", "mariadb"):
        query = query.with_for_update()
    wanted = {tuple(row[name] for name in shape.key) for row in rows}
    found = ((tuple(one[: len(shape.key)]), one._mapping) for one in connection.execute(query))
    return {key: one for key, one in found if key in wanted}
