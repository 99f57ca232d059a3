"""Which of two readings of a row counts: as a condition of SQL, and of rows that were read.

A row is changed only where it goes on: if what is told of it differs, was read no earlier than what stands there, and
doesn't have open again what was over. Of two readings of one second, which is all that a server's time tells, the one
goes on that tells of more attempts, or of a job that is over. What was read more than a day later than a reading that
is written now was told by a clock that was wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aimylogic_provider.report_tables.report_rows import Row
from aimylogic_provider.report_tables.table_shapes import TableShape

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

__all__ = ["WRONG_BY", "differs", "goes_on", "not_earlier"]

WRONG_BY = timedelta(days=1)
"""No reading is written as late."""
_OPEN = ("planned", "inprocess", "onretry")
"""What a job's status is before it is over, in small letters."""
_SAME_TIME = timedelta(seconds=1)
"""Two times are one if they are no further apart: a table that somebody made may keep whole seconds."""


def not_earlier(new: Any, old: Any, wrong_after: Any) -> ColumnElement[bool]:
    """Whether a row was read no earlier than what stands there, as a condition.

    :param wrong_after: after which no row was read by a clock that is right
    """
    import sqlalchemy as sa

    told_later = sa.or_(
        old.updated_at.is_(None),
        new.updated_at > old.updated_at,
        old.updated_at > wrong_after,
        sa.and_(new.updated_at == old.updated_at, *_no_less(new, old)),
    )
    return sa.and_(told_later, sa.or_(old.finished_at.is_(None), new.finished_at.is_not(None)))


def _no_less(new: Any, old: Any) -> list[ColumnElement[bool]]:
    """Of two readings of one second: that one doesn't tell of an earlier state than the other."""
    import sqlalchemy as sa

    def is_open(status: Any) -> ColumnElement[bool]:
        # As literals: a statement that the driver is given as text has no parameters but the row's.
        return sa.or_(status.is_(None), *(sa.func.lower(status) == sa.literal_column(f"'{one}'") for one in _OPEN))

    conditions: list[ColumnElement[bool]] = [sa.or_(is_open(old.job_status), sa.not_(is_open(new.job_status)))]
    if "attempts" in old:
        conditions.append(sa.or_(old.attempts.is_(None), new.attempts >= old.attempts))
    return conditions


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
    """As :func:`_no_less`."""
    before, status = known["job_status"], row["job_status"]
    opens = before is not None and before.lower() not in _OPEN and (status is None or status.lower() in _OPEN)
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
