"""Which phones have a job in the report: read page by page, in pieces that fit, until two readings agree."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from aimylogic_provider.call_list.reconcile import CreatedJob, jobs_created
from aimylogic_provider.calls_api.client import Answer
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.idempotence.not_added import NotAddedError
from tests.call_list.sync import phone

BEGAN = 1_800_000_000.0
OURS = phone(0)


def job(number: int, at: float = 0.0, written: str | None = None) -> CallJob:
    """A job of a phone of its own, created *at* seconds."""
    return CallJob(str(number), written or phone(number), datetime.fromtimestamp(BEGAN + at, UTC))


class Report:
    """A campaign whose jobs are asked for by the time of their creation, both limits included.

    :param shift: called after each request, as jobs come and go meanwhile
    """

    def __init__(self, jobs: Iterable[CallJob], shift: Callable[[Report], None] = lambda report: None) -> None:
        self.jobs = list(jobs)
        self.shift = shift
        self.asked: list[tuple[float, float, int]] = []
        self.sizes: set[int] = set()

    def ask(self, request: Any) -> Answer[tuple[CallJob, ...]]:
        assert request.endpoint.name == "callJob/getReportByDate"
        limits, page = request.json["filter"], request.json["pagination"]
        assert set(limits) == {"createdAtFrom", "createdAtTo"}
        start, end = limits["createdAtFrom"] / 1000, limits["createdAtTo"] / 1000
        self.asked.append((start - BEGAN, end - BEGAN, page["page"]))
        self.sizes.add(page["pageSize"])
        first = page["page"] * page["pageSize"]
        rows = self.within(start, end)[first : first + page["pageSize"]]
        self.shift(self)
        return Answer(tuple(rows), None)

    def within(self, start: float, end: float) -> list[CallJob]:
        return [one for one in self.jobs if one.created_at is None or start <= one.created_at.timestamp() <= end]

    @property
    def windows(self) -> list[tuple[float, float]]:
        """The ranges that were asked for, each once, in their order."""
        return list(dict.fromkeys((start, end) for start, end, _ in self.asked))


class LargeReport(Report):
    """The same of jobs by the tens of thousands, in the order of their creation."""

    def __init__(self, jobs: Iterable[CallJob]) -> None:
        super().__init__(sorted(jobs, key=lambda one: one.created_at or datetime.min))
        self.times = [one.created_at.timestamp() for one in self.jobs if one.created_at is not None]

    def within(self, start: float, end: float) -> list[CallJob]:
        return self.jobs[bisect_left(self.times, start) : bisect_right(self.times, end)]


def found(report: Report, phones: Iterable[str] = (OURS,), *ranges: tuple[float, float]) -> dict[str, list[CreatedJob]]:
    spans = [(BEGAN + start, BEGAN + end) for start, end in ranges or ((0, 100),)]
    return jobs_created(report, spans, set(phones))  # type: ignore[arg-type]  # it asks, and nothing else


def ids(jobs: dict[str, list[CreatedJob]]) -> dict[str, list[str]]:
    return {one: [made.id for made in of_one] for one, of_one in jobs.items()}


# Which jobs


def test_the_jobs_of_our_phones_are_found_and_no_others() -> None:
    report = Report([job(0, 5.5), job(1, 6), job(2, 7), job(99, 8, written=OURS)])
    assert found(report, [OURS, phone(2), phone(3)]) == {
        OURS: [CreatedJob("0", BEGAN + 5.5), CreatedJob("99", BEGAN + 8)],
        phone(2): [CreatedJob("2", BEGAN + 7)],
    }


def test_jobs_that_were_created_at_other_times_are_not_found() -> None:
    assert found(Report([job(0, 101), job(1, -1)]), [phone(0), phone(1)]) == {}


def test_a_job_whose_time_the_report_does_not_tell_is_told_without_one() -> None:
    assert found(Report([CallJob("7", OURS)])) == {OURS: [CreatedJob("7", None)]}


@pytest.mark.parametrize(
    "written", [f"+{OURS}", "+7 (912) 000-00-00", "7.912.000.00.00", "7 912 000\u201100\u201100", "\uff17912 0000000"]
)
def test_a_phone_that_the_server_writes_otherwise_is_ours(written: str) -> None:
    assert ids(found(Report([job(5, written=written)]))) == {OURS: ["5"]}


def test_the_jobs_of_a_phone_in_two_writings_are_told_together() -> None:
    assert ids(found(Report([job(5, written=OURS), job(6, written=f"+{OURS}")]))) == {OURS: ["5", "6"]}


@pytest.mark.parametrize("written", ["", "anonymous", "+7912***0000", "89120000000", "12"])
def test_what_is_no_phone_is_not_ours(written: str) -> None:
    assert found(Report([job(5, written=written)])) == {}


# Pages


@pytest.mark.parametrize(("jobs", "pages"), [(0, 1), (1, 1), (199, 1), (200, 2), (201, 2), (450, 3)])
def test_pages_of_200_are_read_until_one_is_not_full(jobs: int, pages: int) -> None:
    report = Report(job(number) for number in range(jobs))
    assert len(found(report, [phone(number) for number in range(jobs)])) == jobs
    assert report.sizes == {200}
    assert [page for _, _, page in report.asked] == [*range(pages)] * 2, "once more, to see that it reads the same"


def test_a_job_that_slips_from_page_to_page_is_found_by_reading_again() -> None:
    """After the first page, its last job is shown first: the second page then passes over it."""

    def shift(report: Report) -> None:
        if len(report.asked) == 1:
            report.jobs.insert(0, report.jobs.pop())

    report = Report([job(number) for number in range(250)], shift)
    assert ids(found(report, [phone(249)])) == {phone(249): ["249"]}
    assert len(report.asked) == 3 * 2, "the first reading lacks it; the second and the third agree"


def test_a_job_that_shows_twice_counts_once() -> None:
    """After the first page, a job of another comes first, and what stood last on that page is on the next one too."""

    def shift(report: Report) -> None:
        if len(report.asked) == 1:
            report.jobs.insert(0, job(1000))

    report = Report([job(number) for number in range(250)], shift)
    assert ids(found(report, [phone(199)])) == {phone(199): ["199"]}


def test_readings_of_as_many_jobs_that_are_not_the_same_do_not_agree() -> None:
    def shift(report: Report) -> None:
        if len(report.asked) == 1:
            report.jobs = [job(0)]

    report = Report([job(1)], shift)
    assert ids(found(report, [phone(0), phone(1)])) == {phone(0): ["0"]}
    assert len(report.asked) == 3


def test_a_report_that_never_reads_the_same_twice_is_asked_again_by_the_next_try() -> None:
    report = Report([job(0)], lambda report: report.jobs.append(job(len(report.jobs))))
    with pytest.raises(NotAddedError, match="changed through 6 readings") as error:
        found(report)
    assert error.value.retryable
    assert len(report.asked) == 6


def test_a_report_that_grew_and_then_stands_still_is_read_to_its_end() -> None:
    def shift(report: Report) -> None:
        if len(report.asked) < 5:
            report.jobs.append(job(len(report.jobs)))

    assert ids(found(Report([job(0)], shift), [phone(4)])) == {phone(4): ["4"]}


def test_a_report_that_is_not_answered_is_no_report() -> None:
    def broken(report: Report) -> None:
        if len(report.asked) == 2:
            raise ApiError("the server did not answer", known=Known.UNANSWERED, retryable=True)

    with pytest.raises(ApiError):
        found(Report([job(number) for number in range(250)], broken))


# More than can be shown


def test_a_range_with_more_jobs_than_can_be_shown_is_split() -> None:
    total = 45_000
    report = LargeReport(job(number, 100 * number / (total - 1)) for number in range(total))
    wanted = [phone(number) for number in (0, 1, 22_499, 22_500, 22_501, total - 1)]
    assert {one: len(jobs) for one, jobs in found(report, wanted).items()} == dict.fromkeys(wanted, 1)
    assert report.windows == [(0, 100), (0, 50), (50, 100)]


def test_pages_end_with_the_200th() -> None:
    """The server shows no more of them."""
    report = LargeReport(job(number, number % 100) for number in range(45_000))
    found(report)
    assert max(page for _, _, page in report.asked) == 199


def test_the_halves_of_a_range_overlap_in_one_moment_and_leave_none_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimylogic_provider.call_list.reconcile._PAGES", 1)
    report = Report([*(job(number, 50) for number in range(150)), *(job(150 + number, 80) for number in range(100))])
    assert ids(found(report, [phone(number) for number in range(250)])) == {
        phone(number): [str(number)] for number in range(250)
    }
    assert report.windows == [(0, 100), (0, 50), (50, 100), (50, 75), (75, 100)]


def test_a_range_that_fills_while_it_is_read_is_split_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimylogic_provider.call_list.reconcile._PAGES", 1)

    def shift(report: Report) -> None:
        if len(report.asked) == 1:
            report.jobs += [job(number, number % 100) for number in range(1, 250)]

    report = Report([job(0)], shift)
    assert len(found(report, [phone(number) for number in range(250)])) == 250
    assert report.windows == [(0, 100), (0, 50), (50, 100)]


def test_more_jobs_of_one_second_than_can_be_shown_are_left_to_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimylogic_provider.call_list.reconcile._PAGES", 1)
    report = Report(job(number, 30) for number in range(200))
    with pytest.raises(NotAddedError, match="no more than 40,000 jobs of one second") as error:
        found(report)
    assert not error.value.retryable
    assert min(end - start for start, end in report.windows) < 1


# Ranges


@pytest.mark.parametrize(
    ("ranges", "windows"),
    [
        ([(0, 10), (20, 30)], [(0, 10), (20, 30)]),
        ([(20, 30), (0, 10)], [(0, 10), (20, 30)]),
        ([(0, 10), (5, 30)], [(0, 30)]),
        ([(0, 10), (10, 30)], [(0, 30)]),
        ([(0, 30), (5, 10), (40, 50)], [(0, 30), (40, 50)]),
        ([(0, 30), (5, 10), (20, 40)], [(0, 40)]),
        ([(0, 10)] * 3, [(0, 10)]),
    ],
)
def test_ranges_that_meet_are_asked_for_as_one(
    ranges: list[tuple[float, float]], windows: list[tuple[float, float]]
) -> None:
    report = Report([job(0, 5)])
    assert ids(found(report, [OURS], *ranges)) == {OURS: ["0"]}
    assert report.windows == windows


def test_without_a_range_nothing_is_asked() -> None:
    report = Report([job(0)])
    assert jobs_created(report, [], {OURS}) == {}  # type: ignore[arg-type]
    assert report.asked == []
