"""A time range of a report is read without a gap: whatever pages do, however many rows there are, whatever fails."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest

from aimylogic_provider.calls_api.errors import ApiError, RejectedError
from aimylogic_provider.campaign_report.report_errors import ReportNotReadError
from aimylogic_provider.campaign_report.report_pages import PageBounds
from aimylogic_provider.campaign_report.report_reader import ATTEMPTS, JOBS, ReportKind, Window
from aimylogic_provider.emulator import Emulator
from tests.campaign_report.reading import FEW, START, Asking, Trimming, add, identities, read, reader, rows_of, there
from tests.conftest import OTHER_TOKEN

both = pytest.mark.parametrize("kind", [JOBS, ATTEMPTS], ids=["jobs", "attempts"])
BY_DATE = {"jobs": "callJob/getReportByDate", "attempts": "callAttempt/getReportByDate"}
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@both
class TestAllIsRead:
    @pytest.mark.parametrize("order", ["newest_first", "oldest_first"])
    @pytest.mark.parametrize("at_once", [1, 4])
    def test_more_than_pages_show_is_split(
        self, lived: Emulator, kind: ReportKind[Any], order: Any, at_once: int
    ) -> None:
        lived.settings(page_order=order)
        assert len(there(kind, lived)) > 40
        assert read(kind, Asking(lived), at_once=at_once) == there(kind, lived)

    def test_oldest_first_and_each_window_of_its_own_time(self, lived: Emulator, kind: ReportKind[Any]) -> None:
        windows = list(reader(kind, Asking(lived)).windows(START - HOUR, START + 12 * HOUR))
        assert len(windows) > 5
        for window in windows:
            for rows in window.pages():
                assert all(window.start <= kind.time(row) <= window.end for row in rows)
                assert rows.date == pytest.approx(lived.now().timestamp(), abs=1)  # type: ignore[attr-defined]

    def test_a_part_of_the_time_alone(self, lived: Emulator, kind: ReportKind[Any]) -> None:
        start, end = START + timedelta(minutes=70), START + timedelta(hours=4, microseconds=1)
        found = rows_of_all(kind, lived)
        wanted = {one for one, moment in found.items() if start <= moment <= end}
        assert 5 < len(wanted) < len(found)
        assert set(identities(kind, (row for window in reader(kind, Asking(lived)).windows(start, end)
                                     for rows in window.pages() for row in rows))) == wanted  # fmt: skip

    @pytest.mark.parametrize(
        "settings", [{"page_cap": 1}, {"page_cap": 2}, {"times_as": "text"}, {"phones_as": "none"}], ids=str
    )
    def test_a_server_of_another_kind(self, lived: Emulator, kind: ReportKind[Any], settings: dict[str, Any]) -> None:
        lived.settings(**settings)
        assert read(kind, Asking(lived), bounds=PageBounds(rows=5, pages=12)) == there(kind, lived)

    def test_a_server_that_serves_fewer_rows_and_counts_pages_as_they_were_asked_for(
        self, lived: Emulator, kind: ReportKind[Any]
    ) -> None:
        """A page of 5 has the first 2 of its rows: so 2 are asked for."""
        assert read(kind, Trimming(lived), bounds=PageBounds(rows=5, pages=20)) == there(kind, lived)

    def test_by_pages_as_the_contract_has_them_it_is_one_window(self, lived: Emulator, kind: ReportKind[Any]) -> None:
        asking = Asking(lived)
        assert read(kind, asking, bounds=PageBounds()) == there(kind, lived)
        assert asking.requests <= 12

    def test_several_pages_are_asked_for_at_a_time(self, lived: Emulator, kind: ReportKind[Any]) -> None:
        lived.fault("before_commit", "delay", seconds=0.02, path=BY_DATE[kind.name], times=None)
        asking = Asking(lived)
        assert read(kind, asking, bounds=PageBounds(rows=10), at_once=4) == there(kind, lived)
        assert asking.most_at_once == 4
        assert asking.at_once == 0


def rows_of_all(kind: ReportKind[Any], emulator: Emulator) -> dict[Any, Any]:
    every = list(rows_of(reader(kind, Asking(emulator), bounds=PageBounds()), START - HOUR, START + 12 * HOUR))
    return dict(zip(identities(kind, every), map(kind.time, every), strict=True))


@both
class TestNothing:
    def test_an_empty_campaign_is_no_error(self, emulator: Emulator, kind: ReportKind[Any]) -> None:
        add(emulator, 3, token=OTHER_TOKEN)
        assert read(kind, Asking(emulator)) == set()

    def test_neither_is_a_time_in_which_nobody_was_called(self, lived: Emulator, kind: ReportKind[Any]) -> None:
        assert list(rows_of(reader(kind, Asking(lived)), START - 9 * DAY, START - DAY)) == []

    def test_neither_are_jobs_that_were_not_rung(self, emulator: Emulator, kind: ReportKind[Any]) -> None:
        emulator.campaign(lines=0)
        add(emulator, 7)
        assert read(kind, Asking(emulator)) == there(kind, emulator)

    def test_a_moment_is_a_range(self, emulator: Emulator, kind: ReportKind[Any]) -> None:
        add(emulator, 7)
        assert read(kind, Asking(emulator), START, START) == there(kind, emulator)


@both
@pytest.mark.parametrize("limits", ["text_elsewhere", "ignored", "empty"])
@pytest.mark.parametrize("days", [(-1, 1), (1, 3), (-3, -1)], ids=["within", "after", "before"])
def test_a_server_that_misreads_time_limits_is_never_believed(
    lived: Emulator, kind: ReportKind[Any], limits: Any, days: tuple[int, int]
) -> None:
    lived.settings(limits_by_date=limits)
    with pytest.raises(ReportNotReadError, match=r"time limits.* Bring them home by their call list") as told:
        read(kind, Asking(lived), START + days[0] * DAY, START + days[1] * DAY)
    assert told.value.retryable == (limits == "empty")  # as if all of them were too young


@both
def test_by_ids_that_are_known_it_shows_that_it_misreads_them(emulator: Emulator, kind: ReportKind[Any]) -> None:
    """Neither total nor open job tells that rows are there."""
    ids = add(emulator, 3)
    emulator.advance(hours=9)
    emulator.settings(limits_by_date="empty")
    emulator.fault(
        "before_commit", "status", status=200, path="campaign", body={"name": "a", "status": "b"}, times=None
    )
    assert read(kind, Asking(emulator)) == set()
    with pytest.raises(ReportNotReadError, match="one that is known"):
        read(kind, Asking(emulator), known_ids=lambda range: ["1", *ids])


def test_times_are_to_be_aware_and_in_order(emulator: Emulator) -> None:
    some = reader(JOBS, Asking(emulator))
    with pytest.raises(RejectedError, match="isn't a datetime with a time zone"):
        next(some.windows(START.replace(tzinfo=None), START))
    with pytest.raises(RejectedError, match="before it begins"):
        next(some.windows(START, START - DAY))


@both
class TestAdversity:
    @pytest.mark.parametrize("seed", range(3))
    def test_pages_that_shift_at_random(self, lived: Emulator, kind: ReportKind[Any], seed: int) -> None:
        lived.settings(page_shifts=0.05, seed=seed)
        assert read(kind, Asking(lived), bounds=PageBounds(rows=5, pages=20)) == there(kind, lived)

    @pytest.mark.parametrize("seed", range(3))
    def test_a_single_page_that_is_off_whichever_it_is(self, lived: Emulator, kind: ReportKind[Any], seed: int) -> None:
        """The last one, too: what it lacks then stands on no page twice."""
        lived.settings(seed=seed)
        asking, bounds = Asking(lived), PageBounds(rows=10)
        (window,) = reader(kind, asking, bounds=bounds).windows(START - HOUR, START + 12 * HOUR)
        for page in range(1, -(-len(there(kind, lived)) // 10)):
            asking.requests = 0
            asking.before = lambda number, page=page: lived.settings(page_shifts=float(number == page + 1))  # type: ignore[misc]
            some = reader(kind, asking, bounds=bounds)
            found = {one for rows in Window(window.start, window.end, some).pages() for one in identities(kind, rows)}
            assert found == there(kind, lived), page

    @pytest.mark.parametrize("seed", range(3))
    def test_all_of_it_at_once(self, lived: Emulator, kind: ReportKind[Any], seed: int) -> None:
        """Pages shift, fail and are capped, more is there than they show, and several are asked for at a time."""
        lived.settings(page_shifts=0.05, page_cap=4, seed=seed, page_order=("newest_first", "oldest_first")[seed % 2])
        for number, (phase, action) in enumerate(
            [("before_commit", "status"), ("after_commit", "truncated"), ("in_body", "reset"), ("after_commit", "html")]
        ):
            lived.fault(phase, action, path=BY_DATE[kind.name], probability=0.05, seed=seed * 10 + number)  # type: ignore[arg-type]
        bounds = PageBounds(rows=5, pages=6)
        assert read(kind, Asking(lived), at_once=1 + seed, bounds=bounds) == there(kind, lived)

    def test_a_page_that_fails_for_good_is_told_and_a_window_before_it_is_whole(
        self, lived: Emulator, kind: ReportKind[Any]
    ) -> None:
        asking = Asking(lived, times=1)
        windows = reader(kind, asking, at_once=4).windows(START - HOUR, START + 12 * HOUR)
        whole = [row for _ in range(3) for rows in next(windows).pages() for row in rows]
        window = next(windows)
        lived.fault("before_commit", "status", status=503, path=BY_DATE[kind.name], times=None)
        with pytest.raises(ApiError):
            list(window.pages())
        lived.clear_faults()
        rest = reader(kind, asking).windows(window.start, START + 12 * HOUR)
        read = [*whole, *(row for window in rest for rows in window.pages() for row in rows)]
        assert set(identities(kind, read)) == there(kind, lived)

    def test_another_order_in_each_reading(self, lived: Emulator, kind: ReportKind[Any]) -> None:
        asking = Asking(lived)
        some = reader(kind, asking, bounds=PageBounds(rows=40))
        windows = list(some.windows(START - HOUR, START + 12 * HOUR))
        orders = iter(["newest_first", "oldest_first"] * 20)
        pages = -(-len(there(kind, lived)) // 40) + 1
        asking.requests = 0
        asking.before = lambda number: lived.settings(page_order=next(orders)) if number % pages == 1 else None  # type: ignore[arg-type]
        found = {one for window in windows for rows in window.pages() for one in identities(kind, rows)}
        assert found == there(kind, lived)
        assert asking.requests == 2 * pages


class TestRowsThatAreAdded:
    """While they are read, newest first: each shifts all pages."""

    def test_what_was_there_before_is_read(self, lived: Emulator) -> None:
        before = there(JOBS, lived)
        lived.run()
        asking = Asking(lived)
        asking.before = lambda number: add(lived, 1, 10_000 + number) if number % 7 == 0 else None
        assert read(JOBS, asking, START - HOUR, lived.now()) == before

    def test_a_window_that_grows_beyond_what_is_shown_is_halved(self, lived: Emulator) -> None:
        windows = list(reader(JOBS, Asking(lived)).windows(START - HOUR, START + 12 * HOUR))
        for number in range(7):
            add(lived, 5, 1000 + 5 * number)
            lived.advance(minutes=1)
        assert windows[-1].end > lived.now()
        found = {job.id for rows in windows[-1].pages() for job in rows}
        assert found >= {job.id for job in lived.jobs()[-35:]}

    def test_until_now_all_is_read_that_was_there_at_the_beginning(self, lived: Emulator) -> None:
        before = there(JOBS, lived)
        lived.run()
        asking = Asking(lived)
        asking.before = lambda number: add(lived, 1, 10_000 + number) if number % 3 == 0 and number < 300 else None
        assert read(JOBS, asking) >= before


class TestOneMoment:
    """Of addPhones, all jobs have one ``createdAt``; more of them than pages show."""

    def test_those_that_are_over_are_split_by_their_end(self, emulator: Emulator) -> None:
        add(emulator, 60)
        emulator.advance(hours=5)
        assert not [job for job in emulator.jobs() if job.finished is None]
        assert read(JOBS, Asking(emulator)) == there(JOBS, emulator)
        assert read(JOBS, Asking(emulator), at_once=4) == there(JOBS, emulator)

    def test_the_open_ones_are_among_all_that_are_open(self, emulator: Emulator) -> None:
        add(emulator, 60)
        while sum(job.finished is None for job in emulator.jobs()) > 5:
            emulator.advance(seconds=20)
        add(emulator, 3, 100)  # open, too, and of another moment
        assert read(JOBS, Asking(emulator), START, START) == there(JOBS, emulator) - {
            job.id for job in emulator.jobs()[60:]
        }

    def test_more_open_ones_than_can_be_shown_are_read_by_ids_that_are_known(
        self, emulator: Emulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        ids = add(emulator, 60)
        emulator.advance(seconds=100)
        others = add(emulator, 3, 100)
        with pytest.raises(
            ReportNotReadError, match=r"More than 10 jobs were created at 2030-01-07 09:00:00\.000 UTC"
        ) as told:
            read(JOBS, Asking(emulator))
        assert not told.value.retryable
        assert "Bring them home by their call list" in str(told.value)
        assert read(JOBS, Asking(emulator), known_ids=lambda range: ids) == {*ids, *others}
        assert "read by the ids that are known" in caplog.text

    def test_ids_of_others_do_not_help(self, emulator: Emulator) -> None:
        add(emulator, 60)
        emulator.advance(seconds=1)
        others = add(emulator, 3, 100)
        with pytest.raises(ReportNotReadError, match="More than 10 jobs"):
            read(JOBS, Asking(emulator), known_ids=lambda range: others)

    def test_attempts_that_began_at_once(self, emulator: Emulator) -> None:
        emulator.campaign(lines=60)
        ids = add(emulator, 60)
        emulator.advance(hours=5)
        assert len(there(ATTEMPTS, emulator)) > 40
        with pytest.raises(ReportNotReadError, match=r"More than 10 attempts were started at 2030-01-07 09:00:00\.000"):
            read(ATTEMPTS, Asking(emulator))
        assert read(ATTEMPTS, Asking(emulator), known_ids=lambda range: ids) == there(ATTEMPTS, emulator)

    def test_two_moments_side_by_side(self, emulator: Emulator) -> None:
        add(emulator, 13)
        emulator.advance(seconds=0.001)
        add(emulator, 13, 100)
        emulator.advance(hours=3)
        assert read(JOBS, Asking(emulator)) == there(JOBS, emulator)


class TestLargeRows:
    def test_answers_that_are_too_large_are_asked_for_in_smaller_pages(self, lived: Emulator) -> None:
        asking = Asking(lived, max_body=3000)
        assert read(JOBS, asking, bounds=PageBounds(rows=200)) == there(JOBS, lived)

    def test_of_a_page_nothing_is_kept_but_ids(self, emulator: Emulator) -> None:
        add(emulator, 1)
        (window,) = reader(JOBS, Asking(emulator), bounds=PageBounds(rows=3)).windows(START, START)
        row = {"phone": "7912", "createdAt": int(START.timestamp() * 1000), "reportData": "x" * 10**6}
        for page in range(25):
            rows = [{**row, "callJobId": f"{page}{number}"} for number in range(3)]
            emulator.fault("before_commit", "status", status=200, path=BY_DATE["jobs"], body={"items": rows})
        held = []
        tracemalloc.start()
        try:
            for page_rows in islice(window.pages(), 20):
                assert len(page_rows[0].more["reportData"]) == 10**6
                held.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        assert len(held) == 20
        assert max(held) < 25 * 10**6, "of 60 MB that were read, and as many in the emulator, which is in this process"


def test_few_is_less_than_the_contract_has() -> None:
    assert (FEW.rows, FEW.pages) < (PageBounds().rows, PageBounds().pages)
