"""The table of jobs: which are open, have vanished, were created or rung when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from aimylogic_provider.report_tables.report_table import ReportTable
from aimylogic_provider.report_tables.table_shapes import JOBS_SHAPE
from aimylogic_provider.sql_database.later_reading import WRONG_BY

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Engine

__all__ = ["JobsTable"]


class JobsTable(ReportTable):
    """The table of jobs, as :class:`ReportTable`."""

    def __init__(self, engine: Engine, name: str, *, migrate: bool = False) -> None:
        super().__init__(engine, name, JOBS_SHAPE, "jobs_table", migrate=migrate)

    def open_ids(self, campaign: str, created: tuple[datetime, datetime] | None = None) -> Iterator[list[str]]:
        """The ids of the jobs that aren't finished, and haven't vanished, up to 200 at a time.

        :param created: within this range alone, its ends with it
        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        query = sa.select(self.table.columns.call_job_id).where(*self._is_open(campaign))
        return self.ids(query if created is None else query.where(self._is_created(*created)))

    def vanished_ids(self, campaign: str, most: int) -> list[str]:
        """The ids of open jobs that the report didn't know last time: the latest ones, in any order.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        columns = self.table.columns
        query = (
            sa.select(columns.call_job_id)
            .where(*super()._is_open(campaign), columns.vanished_at.is_not(None))
            .order_by(columns.vanished_at.desc(), columns.call_job_id)
            .limit(most)
        )
        return self._transactions.act("read", lambda connection: list(connection.execute(query).scalars()))

    def known_ids(self, campaign: str, start: datetime, end: datetime) -> Iterator[list[str]]:
        """The ids of the jobs created within a time range, its ends with it, up to 200 at a time.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        columns = self.table.columns
        query = sa.select(columns.call_job_id).where(columns.campaign == campaign, self._is_created(start, end))
        return self.ids(query)

    def rung_ids(self, campaign: str, start: datetime, end: datetime) -> Iterator[list[str]]:
        """The ids of the jobs of which attempts may have begun within a time range, up to 200 at a time.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        columns = self.table.columns
        query = sa.select(columns.call_job_id).where(
            columns.campaign == campaign,
            sa.or_(columns.created_at.is_(None), columns.created_at <= self.moment(end)),
            sa.or_(columns.finished_at.is_(None), columns.finished_at >= self.moment(start)),
            sa.or_(columns.attempts.is_(None), columns.attempts > 0),
        )
        return self.ids(query)

    def count_added(self, campaign: str) -> int:
        """How many jobs there are that were added, and that the report knows: no repeats of the script's.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        columns = self.table.columns
        query = sa.select(sa.func.count()).where(
            columns.campaign == campaign, columns.redial_number.is_(None), columns.vanished_at.is_(None)
        )
        return self._transactions.act("read", lambda connection: int(connection.execute(query).scalar_one()))

    def note_vanished(self, campaign: str, ids: Iterable[str], read_at: datetime) -> int:
        """Note of jobs that are there, and open, that the report doesn't know them any more; return of how many.

        :param read_at: when the server told so
        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        columns, at = self.table.columns, self.moment(read_at)
        statement = (
            sa.update(self.table)
            .where(
                *self._is_open(campaign),
                columns.call_job_id.in_([*ids]),
                sa.or_(
                    columns.updated_at.is_(None),
                    columns.updated_at <= at,
                    columns.updated_at > self.moment(read_at + WRONG_BY),
                ),
            )
            .values(vanished_at=at, updated_at=at)
        )
        return self._transactions.act("written", lambda connection: connection.execute(statement).rowcount)

    def _is_created(self, start: datetime, end: datetime) -> ColumnElement[bool]:
        created = self.table.columns.created_at
        within: ColumnElement[bool] = created.between(self.moment(start), self.moment(end))
        return within

    def _is_open(self, campaign: str) -> list[ColumnElement[bool]]:
        return [*super()._is_open(campaign), self.table.columns.vanished_at.is_(None)]
