"""The table of attempts: which jobs have open ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aimylogic_provider.report_tables.jobs_table import JobsTable
from aimylogic_provider.report_tables.report_table import ReportTable
from aimylogic_provider.report_tables.table_shapes import ATTEMPTS_SHAPE

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["AttemptsTable"]

_LONGEST_ATTEMPT = timedelta(days=7)
"""An attempt that began longer ago and never ended is not looked at again: no call takes as long."""


class AttemptsTable(ReportTable):
    """The table of attempts, as :class:`ReportTable`."""

    def __init__(self, engine: Engine, name: str, *, migrate: bool = False) -> None:
        super().__init__(engine, name, ATTEMPTS_SHAPE, "attempts_table", migrate=migrate)

    def lacking(self, campaign: str, jobs: JobsTable, since: datetime) -> Iterator[list[str]]:
        """The ids of the jobs that were over since a time, and had more attempts than are here, up to 200 at a time.

        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        columns, job = self.table.columns, jobs.table.columns
        here = (
            sa.select(sa.func.count())
            .where(columns.campaign == job.campaign, columns.call_job_id == job.call_job_id)
            .scalar_subquery()
        )
        query = sa.select(job.call_job_id).where(
            job.campaign == campaign, job.finished_at >= self.moment(since), job.attempts > here
        )
        return jobs.ids(query)

    def open_ids(self, campaign: str, now: datetime, jobs: JobsTable | None) -> Iterator[list[str]]:
        """The ids of the jobs of which an attempt isn't finished, up to 200 at a time.

        :param now: an attempt that began a week before it is not looked at any more
        :param jobs: without those that aren't finished there, for they are looked at by that
        :raises TablesError: if the database fails
        """
        import sqlalchemy as sa

        columns = self.table.columns
        query = (
            sa.select(columns.call_job_id)
            .distinct()
            .where(*self._is_open(campaign), columns.started_at >= self.moment(now - _LONGEST_ATTEMPT))
        )
        if jobs is not None:
            job = jobs.table.columns
            of_open_job = sa.select(job.call_job_id).where(
                job.campaign == columns.campaign, job.call_job_id == columns.call_job_id, job.finished_at.is_(None)
            )
            query = query.where(~of_open_job.exists())
        return self.ids(query)
