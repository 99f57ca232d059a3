"""Tables as they stand, whole, so that two moments can be compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

__all__ = ["JSON_COLUMNS", "told", "whole"]

JSON_COLUMNS = ("tag_payload", "report_data", "other_fields")


def whole(engine: sa.Engine, name: str = "aimylogic_jobs") -> list[dict[str, Any]]:
    """All rows, by their keys; times in UTC, JSON as values."""
    table = sa.Table(name, sa.MetaData(), autoload_with=engine)
    keys = [table.c[key] for key in ("campaign", "call_job_id", "attempt_number") if key in table.c]
    of_text = {one.name for one in table.c if one.name in JSON_COLUMNS and not isinstance(one.type, sa.JSON)}
    with engine.connect() as connection:
        rows = connection.execute(sa.select(table).order_by(*keys)).mappings()
        return [{name: _value(value, name in of_text) for name, value in row.items()} for row in rows]


def told(engine: sa.Engine, *columns: str, table: str = "aimylogic_jobs") -> list[Any]:
    """Some columns of all rows: tuples, or values if it is one column."""
    rows: Sequence[tuple[Any, ...]] = [tuple(row[name] for name in columns) for row in whole(engine, table)]
    return [row[0] for row in rows] if len(columns) == 1 else list(rows)


def _value(value: Any, is_json: bool) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return json.loads(value) if is_json and value is not None else value
