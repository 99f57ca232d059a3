"""Which of two readings of a job counts, as a condition of SQL: of reports' tables and of results tables alike.

What stands in a row goes on where the report was read no earlier, and never from over to open. Of two readings of one
second, which is all that a server's time tells, the one goes on that tells of more attempts, or of a job that is over.
What was read more than a day later than a reading that is written now was told by a clock that was wrong.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

__all__ = ["OPEN_STATUSES", "WRONG_BY", "no_less", "not_earlier"]

WRONG_BY = timedelta(days=1)
"""No reading is written as late."""
OPEN_STATUSES = ("planned", "inprocess", "onretry")
"""What a job's status is before it is over, in small letters."""


def not_earlier(new: Any, old: Any, wrong_after: Any) -> ColumnElement[bool]:
    """Whether a row goes on from what stands there, as a condition.

    :param new: the row's ``updated_at``, ``finished_at``, ``job_status`` and perhaps ``attempts``
    :param old: the same of what stands there
    :param wrong_after: after which no row was read by a clock that is right
    """
    import sqlalchemy as sa

    told_later = sa.or_(
        old.updated_at.is_(None),
        old.updated_at < new.updated_at,
        old.updated_at > wrong_after,
        sa.and_(old.updated_at == new.updated_at, *no_less(new, old)),
    )
    return sa.and_(told_later, sa.or_(old.finished_at.is_(None), new.finished_at.is_not(None)))


def no_less(new: Any, old: Any) -> list[ColumnElement[bool]]:
    """That of two readings of one second the one doesn't tell of an earlier state than the other, as conditions."""
    import sqlalchemy as sa

    def is_open(status: Any) -> ColumnElement[bool]:
        # As literals: a statement that the driver is given as text has no parameters but the row's.
        written: list[ColumnElement[str]] = [sa.literal_column(f"'{one}'") for one in OPEN_STATUSES]
        return sa.or_(status.is_(None), *(sa.func.lower(status) == one for one in written))

    conditions: list[ColumnElement[bool]] = [sa.or_(is_open(old.job_status), sa.not_(is_open(new.job_status)))]
    if hasattr(old, "attempts"):
        conditions.append(sa.or_(old.attempts.is_(None), new.attempts >= old.attempts))
    return conditions
