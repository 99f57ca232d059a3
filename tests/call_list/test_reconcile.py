"""Which phones have a job in the report: by time where the server shows that it reads limits, else by phone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from aimylogic_provider.call_list.report.reconcile import CampaignReport, CreatedJob, ShownJobs, jobs_created
from aimylogic_provider.call_list.report.shown_jobs import NotUnderstoodError
from aimylogic_provider.calls_api.client import Answer
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.idempotence.errors import NotAddedError
from tests.call_list.sync import phone

BEGAN = 1_800_000_000.0
OURS = phone(0)


def job(number: int, at: float = 0.0, written: str | None = None) -> CallJob:
    """A job of a phone of its own, created *at* seconds."""
    return CallJob(str(number), phone(number) if written is None else written, datetime.fromtimestamp(BEGAN + at, UTC))


class Report:
    """A campaign whose jobs are asked for by the time of their creation, both limits included, or by phone.

    :param shift: called after each request for a range, as jobs come and go meanwhile
    :param names_the_unknown: whether the refusal for a phone that it doesn't know names that phone
    :param cap: rows of a page, at most
    :param reads: what it makes of the limits
    """

    def __init__(
        self,
        jobs: Iterable[CallJob],
        shift: Callable[[Report], None] = lambda report: None,
        *,
        names_the_unknown: bool = False,
        cap: int = 200,
        reads: Callable[[float, float], tuple[float, float]] = lambda start, end: (start, end),
        knows_phones: bool = True,
    ) -> None:
        self.jobs = list(jobs)
        self.shift = shift
        self.names_the_unknown = names_the_unknown
        self.cap = cap
        self.reads = reads
        self.knows_phones = knows_phones
        self.asked: list[tuple[float, float, int]] = []
        self.sizes: list[int] = []
        self.requests: Counter[str] = Counter()

    def ask(self, request: Any) -> Answer[tuple[CallJob, ...]]:
        name, body = request.endpoint.name, request.json
        self.requests[name] += 1
        match name:
            case "callJob/getReport":
                return Answer(tuple(self.of(body.get("phones", ()), body.get("ids", ()))), None)
            case "callJob/getUnfinished":
                return Answer(tuple(self.jobs[: min(self.cap, body["pageSize"])]), None)
            case "callJob/getReportByDate":
                return Answer(tuple(self.by_date(body.get("filter", {}), **body["pagination"])), None)
            case other:
                raise AssertionError(other)

    def by_date(self, limits: dict[str, str], page: int, pageSize: int) -> list[CallJob]:
        times = [
            datetime.fromisoformat(limits[name]).timestamp() if name in limits else default
            for name, default in (("createdAtFrom", -1e12), ("createdAtTo", 1e12))
        ]
        size = min(pageSize, self.cap)
        shown = self.within(*self.reads(*times))[page * size : (page + 1) * size]
        if times[1] - times[0] not in (4.0, 8.0):  # else it is to show that it reads the limits
            self.asked.append((round(times[0] - BEGAN, 3), round(times[1] - BEGAN, 3), page))
            self.sizes.append(pageSize)
            self.shift(self)
        return shown

    def of(self, phones: Iterable[str], ids: Iterable[str]) -> list[CallJob]:
        found = [one for one in self.jobs if one.id in ids]
        for wanted in phones:
            if not self.knows_phones:
                continue
            jobs = [one for one in self.jobs if one.phone == wanted]
            if not jobs:
                named = wanted if self.names_the_unknown else None
                raise ApiError("no", known=Known.REFUSED, retryable=False, type="phone.not.found", phone=named)
            found += jobs
        return found

    def within(self, start: float, end: float) -> list[CallJob]:
        return [one for one in self.jobs if one.created_at is None or start <= one.created_at.timestamp() <= end]

    @property
    def windows(self) -> list[tuple[float, float]]:
        """The ranges that were asked for, each once, in their order."""
        return list(dict.fromkeys((start, end) for start, end, _ in self.asked))


class LargeReport(Report):
    """The same of jobs by the tens of thousands, in the order of their creation."""

    def __init__(self, jobs: Iterable[CallJob], **more: Any) -> None:
        super().__init__(sorted(jobs, key=lambda one: one.created_at or datetime.min), **more)
        self.times = [one.created_at.timestamp() for one in self.jobs if one.created_at is not None]

    def within(self, start: float, end: float) -> list[CallJob]:
        return self.jobs[bisect_left(self.times, start) : bisect_right(self.times, end)]


def found(report: Report, phones: Iterable[str] = (OURS,), *ranges: tuple[float, float]) -> ShownJobs:
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
    "written",
    [f"+{OURS}", "+7 (912) 000-00-00", "7.912.000.00.00", "7 912 000\u201100\u201100", "\uff17912 0000000",
     "89120000000", "8 (912) 000-00-00", "0079120000000", "81079120000000"],
)  # fmt: skip
def test_a_phone_that_the_server_writes_otherwise_is_ours(written: str) -> None:
    assert ids(found(Report([job(5, written=written)]))) == {OURS: ["5"]}


def test_the_jobs_of_a_phone_in_two_writings_are_told_together() -> None:
    assert ids(found(Report([job(5, written=OURS), job(6, written=f"+{OURS}")]))) == {OURS: ["5", "6"]}


@pytest.mark.parametrize(
    "written",
    ["", "anonymous", "+7912***0000", "7912***00", "8912*******", "***0000", "+7 (912) ***-**-00", "7912\u20260000",
     "12", "79120000000 ext. 5", "79120000000x5", "79120000000.0", "7.912E10", "9120000000", "+89120000000", "\u00b9",
     "null"],
)  # fmt: skip
def test_what_can_not_be_read_may_be_ours_and_is_not_adopted(written: str) -> None:
    shown = found(Report([job(5, 7, written=written)]))
    assert shown == {OURS: [CreatedJob("5", BEGAN + 7, ours=False)]}
    assert not shown[OURS][0].adoptable


@pytest.mark.parametrize(
    "written",
    ["79120000001", "+79120000001", "89120000001", "7912***0001", "***01", "375291234567", "79120000001 ext. 5"],
)
def test_what_is_surely_another_phone_is_not_ours(written: str) -> None:
    assert found(Report([job(5, written=written)])) == {}


def test_digits_that_are_a_number_of_two_countries_may_be_ours() -> None:
    """8 4951 234567 is of Vietnam, too, with its country code."""
    vietnam, moscow = "84912345678", "74912345678"
    assert found(Report([job(5, written=vietnam)]), [moscow])[moscow][0].ours is False
    assert ids(found(Report([job(5, written=vietnam)]), [moscow, vietnam])) == {vietnam: ["5"]}


def test_a_masked_phone_may_be_each_that_shows_the_same_digits() -> None:
    report = Report([job(5, written="7912***0001"), job(6, written="7912***")])
    phones = [phone(0), phone(1), "79120010001", "79150000001"]
    assert ids(found(report, phones)) == {phone(0): ["6"], phone(1): ["5", "6"], "79120010001": ["5", "6"]}


def test_what_can_not_be_read_at_all_may_be_anybodys_and_a_few_of_them_are_told() -> None:
    shown = found(Report([job(number, written="") for number in range(50)]), [phone(0), phone(1)])
    assert {one: len(jobs) for one, jobs in shown.items()} == {phone(0): 5, phone(1): 5}


@pytest.mark.parametrize("number", [0, 1, 5])
def test_repeats_that_the_script_makes_are_nobodys(number: int) -> None:
    ours, repeat = job(5, written=OURS), CallJob("6", OURS, datetime.fromtimestamp(BEGAN, UTC), redial_number=number)
    assert ids(found(Report([ours, repeat]))) == {OURS: ["5"]}
    assert found(Report([repeat])) == {}


# What is believed


_OTHERS = [job(7, 50), job(8, 300), job(9, -500)]
_MISREADINGS: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "not at all": lambda start, end: (-1e12, 1e12),
    "as seconds": lambda start, end: (start * 1000, end * 1000),
    "of another place": lambda start, end: (start + 3 * 3600, end + 3 * 3600),
    "of another place, behind": lambda start, end: (start - 3 * 3600, end - 3 * 3600),
    "by the day": lambda start, end: (start // 86400 * 86400, end // 86400 * 86400 + 86400),
    "the first alone": lambda start, end: (start, 1e12),
    "the second alone": lambda start, end: (-1e12, end),
}


@pytest.mark.parametrize("reads", _MISREADINGS.values(), ids=_MISREADINGS)
@pytest.mark.parametrize("others", [[], _OTHERS], ids=["alone", "among others"])
def test_a_server_that_reads_the_limits_otherwise_is_asked_by_phone(reads: Any, others: list[CallJob]) -> None:
    report = Report([job(0, 5.5), *others], reads=reads)
    assert found(report, [OURS, phone(1)]) == {OURS: [CreatedJob("0", BEGAN + 5.5)]}
    assert report.requests["callJob/getReport"]


@pytest.mark.parametrize("reads", [*_MISREADINGS.values(), lambda start, end: (start, end)])
def test_an_empty_page_is_believed_only_if_jobs_that_are_there_would_have_shown(reads: Any) -> None:
    report = Report([job(7, 5000)], reads=reads)
    assert found(report) == {}
    shown = report.requests["callJob/getReport"] == 0
    assert shown == (reads(1.5, 2.5) == (1.5, 2.5)), "by the job of others that is not finished"


def test_a_known_job_has_the_server_show_that_it_reads_limits() -> None:
    finished = Report([job(7, 5000)])
    finished.ask = _without(finished.ask, "callJob/getUnfinished")  # type: ignore[method-assign]
    rows = CampaignReport(finished, lambda: ["5", "7"]).rows([(BEGAN, BEGAN + 100)], {OURS})  # type: ignore[arg-type]
    assert rows == []
    assert finished.requests["callJob/getReport"] == 2, "by their ids, of which the first is unknown"


def _without(ask: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    def asked(request: Any) -> Any:
        if request.endpoint.name == name:
            raise AssertionError(f"{name} is not asked where a job is known")
        if request.json.get("ids") == ["5"]:
            ask(request)
            raise ApiError("no", known=Known.REFUSED, retryable=False, type="id.not.found")
        return ask(request)

    return asked


def test_what_was_shown_once_is_not_asked_again_within_a_try() -> None:
    report = Report([job(0, 5.5)])
    of_a_try = CampaignReport(report)  # type: ignore[arg-type]
    for _ in range(3):
        of_a_try.rows([(BEGAN, BEGAN + 100)], {OURS})
    assert report.requests == {"callJob/getReportByDate": 3 * 4 + 3}


def test_a_server_that_understands_none_of_the_forms_proves_nothing() -> None:
    report = Report([job(0, 5.5)], reads=lambda start, end: (1e12, 1e13), knows_phones=False)
    with pytest.raises(NotUnderstoodError, match=r"showed none.*doesn't read time limits.*; and .*of phones"):
        found(report)


def test_a_server_that_shows_others_when_it_is_asked_for_phones_proves_nothing() -> None:
    report = Report([job(0, 5.5), job(7, 6)], reads=lambda start, end: (1e12, 1e13))
    report.of = lambda phones, ids: report.jobs  # type: ignore[method-assign]
    with pytest.raises(NotUnderstoodError, match="showed those of others"):
        found(report)


# By phone


@pytest.mark.parametrize("names_the_unknown", [False, True])
@pytest.mark.parametrize("known", [[], [0], [5], range(0, 250, 7), range(250)])
def test_phones_that_the_campaign_does_not_know_have_no_job(names_the_unknown: bool, known: Iterable[int]) -> None:
    report = Report([job(number) for number in known], reads=_MISREADINGS["not at all"], knows_phones=True)
    report.names_the_unknown = names_the_unknown
    report.jobs.append(job(999, 9999))
    assert ids(found(report, [phone(number) for number in range(250)])) == {
        phone(number): [str(number)] for number in known
    }


def test_a_fresh_campaign_is_asked_by_phone() -> None:
    report = Report([])
    assert found(report, [phone(number) for number in range(4)]) == {}
    assert report.requests["callJob/getReport"] == 4 + 2 + 1


def test_an_error_that_names_another_phone_is_no_answer() -> None:
    report = Report([], reads=_MISREADINGS["not at all"])

    def of(phones: Iterable[str], ids: Iterable[str]) -> list[CallJob]:
        raise ApiError("no", known=Known.REFUSED, retryable=False, type="phone.not.found", phone="79150000000")

    report.of = of  # type: ignore[method-assign]
    with pytest.raises(ApiError):
        found(report)


# Pages


@pytest.mark.parametrize(("jobs", "pages"), [(1, 2), (199, 2), (200, 2), (201, 3), (450, 4)])
def test_pages_of_200_are_read_until_one_is_empty(jobs: int, pages: int) -> None:
    report = Report(job(number) for number in range(jobs))
    assert len(found(report, [phone(number) for number in range(jobs)])) == jobs
    assert {*report.sizes} == {200}
    assert [page for _, _, page in report.asked] == [*range(pages)] * 2, "once more, to see that it reads the same"


@pytest.mark.parametrize("cap", [1, 20, 50, 199])
def test_a_server_that_serves_fewer_rows_is_asked_for_as_many_as_it_serves(cap: int) -> None:
    report = Report((job(number) for number in range(180)), cap=cap)
    assert len(found(report, [phone(number) for number in range(180)])) == 180
    assert {*report.sizes[2:]} <= {cap, 200}


def test_a_job_that_slips_from_page_to_page_is_found_by_reading_again() -> None:
    """After the first page, its last job is shown first: the second page then passes over it."""

    def shift(report: Report) -> None:
        if len(report.asked) == 1:
            report.jobs.insert(0, report.jobs.pop())

    report = Report([job(number) for number in range(250)], shift)
    assert ids(found(report, [phone(249)])) == {phone(249): ["249"]}
    assert len(report.asked) == 3 * 3, "the first reading lacks it; the second and the third agree"


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
    assert len(report.asked) == 3 * 2


def test_a_report_that_never_reads_the_same_twice_is_asked_again_by_the_next_try() -> None:
    report = Report([job(0)], lambda report: report.jobs.append(job(len(report.jobs))))
    with pytest.raises(NotAddedError, match="changed through 6 readings") as error:
        found(report)
    assert error.value.retryable
    assert {page for _, _, page in report.asked} == {0, 1}
    assert sum(page == 0 for _, _, page in report.asked) == 6


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


@pytest.fixture
def few_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pages are shown of a range, and phones are no way."""
    monkeypatch.setattr("aimylogic_provider.call_list.report.report_by_date._PAGES", 2)
    monkeypatch.setattr("aimylogic_provider.call_list.report.report_by_date._SPLIT", 0)


@pytest.mark.parametrize("names_the_unknown", [pytest.param(False, marks=pytest.mark.long), True])
def test_100_000_jobs_around_a_lost_batch_are_not_read_where_phones_take_fewer_requests(
    names_the_unknown: bool,
) -> None:
    total = 100_000
    report = LargeReport(
        (job(number, 100 * number / (total - 1)) for number in range(total)), names_the_unknown=names_the_unknown
    )
    wanted = [phone(number) for number in range(0, 500)]
    assert {one: len(jobs) for one, jobs in found(report, wanted).items()} == dict.fromkeys(wanted, 1)
    assert report.requests.total() < 30


def test_more_jobs_of_one_second_than_can_be_shown_are_asked_for_by_phone() -> None:
    report = LargeReport(job(number, 30) for number in range(45_000))
    wanted = [phone(number) for number in (0, 44_999, 50_000)]
    assert {one: len(jobs) for one, jobs in found(report, wanted).items()} == dict.fromkeys(wanted[:2], 1)
    assert report.requests.total() < 30


def test_a_range_that_has_many_pages_is_read_where_phones_take_more_requests() -> None:
    """Of 400 phones none is known, and no refusal names one: it would take a request for each, and more."""
    report = LargeReport(job(number, 30) for number in range(3_000))
    assert found(report, [phone(number) for number in range(5_000, 5_400)]) == {}
    assert report.requests["callJob/getReport"] <= 2 * 16
    assert {page for _, _, page in report.asked} >= {*range(16)}, "to the empty one"


def test_a_range_with_more_jobs_than_can_be_shown_is_split(few_pages: None) -> None:
    report = Report([job(number, 100 * number / 999) for number in range(1_000)])
    wanted = [phone(number) for number in (0, 1, 499, 500, 501, 999, 2_000)]
    assert {one: len(jobs) for one, jobs in found(report, wanted).items()} == dict.fromkeys(wanted[:-1], 1)
    assert report.windows[:4] == [(0, 100), (0, 50), (0, 25), (0, 12.5)]


def test_the_halves_of_a_range_overlap_in_one_moment_and_leave_none_out(few_pages: None) -> None:
    report = Report([*(job(number, 50) for number in range(150)), *(job(150 + number, 80) for number in range(100))])
    report.cap = 199
    assert ids(found(report, [phone(number) for number in range(251)])) == {
        phone(number): [str(number)] for number in range(250)
    }
    assert report.windows[:3] == [(0, 100), (0, 50), (50, 100)]


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
