"""Readings of pages, compared: what is to be read again, and when nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from aimylogic_provider.campaign_report.agreed_pages import Readings
from aimylogic_provider.campaign_report.report_kinds import ATTEMPTS, JOBS
from aimylogic_provider.campaign_report.report_pages import ReadPage


def read(readings: Readings, *pages: str, numbers: tuple[int, ...] | None = None) -> str:
    """Take a reading in, a letter for each row; return the rows that are new."""
    new = ""
    for number, page in zip(numbers or range(len(pages)), pages, strict=True):
        rows: Any = page
        new += "".join(map(str, readings.note(ReadPage(number, tuple(map(ord, page)), rows))))
    readings.end_round()
    return new


def test_two_that_agree_are_enough() -> None:
    readings = Readings(2)
    assert read(readings, "abc", "de", "") == "abcde"
    assert readings.due() == [0, 1, 2]
    assert read(readings, "cba", "ed", "") == "", "in whatever order"
    assert readings.due() == []


def test_a_page_that_differs_is_read_until_it_reads_the_same_and_what_is_new_is_told() -> None:
    readings = Readings(2)
    read(readings, "abc", "de", "")
    assert read(readings, "abc", "ef", "") == "f"
    assert readings.due() == [0, 1, 2], "d stands on no page"
    assert read(readings, "abc", "def", "") == ""
    assert readings.due() == [1]
    assert read(readings, "fed", numbers=(1,)) == ""
    assert readings.due() == []


def test_a_row_on_two_pages_has_all_of_them_read_more_often() -> None:
    readings = Readings(2)
    for _ in range(3):
        read(readings, "abc", "cde", "")
        assert readings.due() == [0, 1, 2]
    read(readings, "abc", "cde", "")
    assert readings.due() == []


def test_a_row_that_is_gone_too() -> None:
    readings = Readings(2)
    read(readings, "abc", "de", "")
    for _ in range(4):
        assert readings.due()
        read(readings, "abc", "d", "")
    assert readings.due() == []


def test_pages_behind_the_first_empty_one_count_no_more() -> None:
    readings = Readings(2)
    read(readings, "abc", "d", "")
    read(readings, "abc", "", "")
    assert readings.pages == 2


def test_a_page_at_the_end_that_is_there_now() -> None:
    readings = Readings(2)
    read(readings, "abc", "")
    assert read(readings, "abc", "d", "") == "d"
    assert readings.due() == [1, 2]


def test_when_all_pages_always_change_it_is_in_vain() -> None:
    readings = Readings(2)
    for reading in ("abc", "bcd", "cde", "def"):
        assert not readings.always_change
        read(readings, reading)
    assert readings.always_change


@pytest.mark.parametrize("kind", [JOBS, ATTEMPTS], ids=["jobs", "attempts"])
def test_rows_are_told_apart_alike_whether_they_are_read_or_only_their_ids(kind: Any) -> None:
    body = (
        b'{"items": [{"callJobId": 12, "attemptNumber": 1}, {"callJobId": "012", "attemptNumber": 1},'
        b'{"callJobId": "12", "attemptNumber": 2}, {"callJobId": "12", "startedAt": 7}, {"callJobId": "12"},'
        b'{"callJobId": "12", "startedAt": 8, "attemptNumber": -1}, {"callJobId": "12", "attemptNumber": 9999999},'
        b'{"callJobId": "123456789012345678901234567890"}], "pagination": {}}'
    )
    rows = kind.by_id(["12"]).parse(body)
    identities = kind.identities(body)
    assert identities == [kind.identity(row) for row in rows]
    assert len(set(identities)) == (3 if kind is JOBS else 7)
