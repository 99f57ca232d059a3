"""Marks: until when a report was read into a table. Whoever read on moves them, and an emptied table begins anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from aimylogic_provider.report_tables.jobs_table import JobsTable
from aimylogic_provider.report_tables.read_marks import ReadMark, ReadMarks
from tests.report_tables.test_report_tables import OVER, ROWS, jobs_of

T0 = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def table(engine: sa.Engine) -> JobsTable:
    made = jobs_of(engine)
    made.write([ROWS.job(OVER)], T0)
    return made


def marks_of(table: JobsTable, campaign: str = "17", reading: str = "since_last") -> ReadMarks:
    return ReadMarks(table, campaign, reading)


def test_a_mark_is_read_as_it_was_moved(table: JobsTable) -> None:
    marks = marks_of(table)
    assert marks.read() is None
    first = marks.move(None, ReadMark(None, T0 + timedelta(seconds=1, microseconds=900_000), T0))
    assert first is not None
    assert marks_of(table).read() == ReadMark(None, T0 + timedelta(seconds=1), T0, 1)
    assert marks.move(first, ReadMark(T0, T0 + HOUR, T0 + HOUR)) is not None
    assert marks_of(table).read() == ReadMark(T0, T0 + HOUR, T0 + HOUR, 2)


def test_of_two_that_read_at_once_only_one_moves_it(table: JobsTable) -> None:
    one, other = marks_of(table), marks_of(table)
    mine = one.move(None, ReadMark(None, T0, T0))
    assert mine is not None
    assert other.move(None, ReadMark(None, T0 + HOUR, T0)) is None
    theirs = other.read()
    assert other.move(theirs, ReadMark(None, T0 + 2 * HOUR, T0)) is not None
    assert one.move(mine, ReadMark(None, T0 + HOUR, T0)) is None
    known = marks_of(table).read()
    assert known is not None
    assert known.read_until == T0 + 2 * HOUR


def test_each_campaign_table_and_reading_has_its_own(table: JobsTable) -> None:
    marks_of(table).move(None, ReadMark(None, T0, T0))
    other = JobsTable(table.engine, "others")
    other.write([ROWS.job(OVER)], T0)
    for marks in (marks_of(table, "18"), marks_of(table, reading="a/b"), marks_of(other)):
        assert marks.read() is None
    assert marks_of(table).read() is not None
    marks_of(table).forget()
    assert marks_of(table).read() is None


def test_a_mark_of_a_table_that_was_emptied_is_forgotten_for_good(table: JobsTable) -> None:
    marks = marks_of(table)
    marks.move(None, ReadMark(None, T0, T0))
    with table.engine.begin() as connection:
        connection.exec_driver_sql("delete from aimylogic_jobs")
    assert marks.read() is None
    table.write([ROWS.job(OVER)], T0)  # and then the worker was killed
    assert marks.read() is None
