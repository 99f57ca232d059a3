"""Whether a row of the report changes what stands in a table: if it tells something else, and goes on from that.

Which of two readings counts stands in ``sql_database.later_reading``, in SQL; here the same of rows that were read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aimylogic_provider.report_tables.report_rows import Row
from aimylogic_provider.report_tables.table_shapes import TableShape
from aimylogic_provider.sql_database.later_reading import OPEN_STATUSES, WRONG_BY

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

__all__ = ["differs", "goes_on"]

_SAME_TIME = timedelta(seconds=1)
"""Two times are one if they are no further apart: a table that somebody made may keep whole seconds."""


def differs(new: Any, old: Any, shape: TableShape) -> ColumnElement[bool]:
    """Whether a row tells something else than what stands there, as a condition."""
    import sqlalchemy as sa

    return sa.or_(*(new[name].is_distinct_from(old[name]) for name in shape.told))


def goes_on(row: Row, known: Mapping[str, Any], shape: TableShape) -> bool:
    """Whether a row goes on from what is known of it."""
    before, now = _as_time(known["updated_at"]), row["updated_at"]
    earlier = before is not None and (now < before <= now + WRONG_BY or (now == before and not _is_no_less(row, known)))
    opens = known["finished_at"] is not None and row["finished_at"] is None
    return not (earlier or opens) and any(
        not _same(row[name], known[name], kind) for name, kind in shape.columns.items() if name in shape.told
    )


def _is_no_less(row: Row, known: Mapping[str, Any]) -> bool:
    """As :func:`.later_reading.no_less`."""
    before, status = known["job_status"], row["job_status"]
    closed = before is not None and before.lower() not in OPEN_STATUSES
    opens = closed and (status is None or status.lower() in OPEN_STATUSES)
    fewer = known.get("attempts") is not None and (row["attempts"] is None or row["attempts"] < known["attempts"])
    return not opens and not fewer


def _same(value: Any, known: Any, kind: str) -> bool:
    if value is None or known is None:
        return value in (None, "") and known in (None, "")  # where empty text is NULL
    match kind:
        case "time":
            known = _as_time(known)
            return bool(abs(value - known) < _SAME_TIME)
        case "JSON":
            return bool(json.loads(value) == (json.loads(known) if isinstance(known, (str, bytes)) else known))
    return bool(value == known)


def _as_time(known: Any) -> Any:
    return known.replace(tzinfo=UTC) if isinstance(known, datetime) and known.tzinfo is None else known
