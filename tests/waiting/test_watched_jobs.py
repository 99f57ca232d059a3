"""WatchedJobs: every job is told once, ids that are not known hold nobody up, and polls ask for little."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST
from aimylogic_provider.waiting.watched_jobs import MORE_REQUESTS, WatchedJobs

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Report:
    """A server's report of jobs by id: it refuses a request that names one which it doesn't know."""

    def __init__(self, ends: dict[str, str | None], *, omits: bool = False) -> None:
        self.ends = ends
        self.omits = omits
        """Whether it leaves out ids that it doesn't know, instead of refusing the request."""
        self.asked: list[tuple[str, ...]] = []

    def answer(self, ids: Sequence[str]) -> list[CallJob] | None:
        self.asked.append(tuple(ids))
        if not self.omits and not all(id in self.ends for id in ids):
            return None
        return [
            CallJob(id, "79120000001", NOW, NOW if self.ends[id] else None, self.ends[id] or "planned")
            for id in ids
            if id in self.ends
        ]

    def poll(self, jobs: WatchedJobs, *, must_show: bool = True) -> int:
        """One poll; how many requests it took."""
        before = len(self.asked)
        questions = jobs.poll(must_show=must_show)
        try:
            ids = next(questions)
            while True:
                ids = questions.send(self.answer(ids))
        except StopIteration:
            return len(self.asked) - before


def ids(count: int) -> list[str]:
    return [str(5665334669 + number) for number in range(count)]


def test_each_job_is_asked_for_until_it_is_over() -> None:
    report = Report(dict.fromkeys(ids(450)))
    jobs = WatchedJobs(ids(450))
    assert (report.poll(jobs), jobs.open) == (3, 450)
    report.ends.update(dict.fromkeys(ids(440), "noAnswer"))
    assert (report.poll(jobs), jobs.ends) == (3, {"noAnswer": 440})
    assert report.poll(jobs) == 1, "only those that are open"
    report.ends.update(dict.fromkeys(ids(450), "longCallWithResult"))
    report.poll(jobs)
    assert (jobs.open, jobs.ends) == (0, {"noAnswer": 440, "longCallWithResult": 10})
    assert report.poll(jobs) == 0


def test_an_id_that_is_not_known_holds_nobody_up() -> None:
    wanted = ids(1000)
    report = Report(dict.fromkeys(set(wanted) - {wanted[617]}, "noAnswer"))
    jobs = WatchedJobs(wanted)
    taken = [report.poll(jobs) for _ in range(3)]
    assert (jobs.over, jobs.not_found, jobs.open) == (999, [wanted[617]], 0)
    assert max(taken) <= 5 + MORE_REQUESTS


def test_a_new_job_that_the_report_does_not_show_yet_is_waited_for() -> None:
    report = Report({})
    jobs = WatchedJobs(["1"])
    report.poll(jobs, must_show=False)
    assert (jobs.open, jobs.not_found) == (1, [])
    report.ends["1"] = "noAnswer"
    report.poll(jobs, must_show=True)
    assert (jobs.open, jobs.ends) == (0, {"noAnswer": 1})


def test_of_another_campaign_none_is_known_and_that_is_soon_told() -> None:
    report = Report({})
    jobs = WatchedJobs(ids(10_000))
    taken = [report.poll(jobs), report.poll(jobs)]
    assert (len(jobs.not_found), jobs.open) == (10_000, 0)
    assert sum(taken) < 40


def test_that_the_first_are_not_known_proves_nothing_of_the_others() -> None:
    wanted = ids(200)
    report = Report(dict.fromkeys(wanted[40:]))
    jobs = WatchedJobs(wanted)
    for _ in range(100):
        report.poll(jobs)
    assert (sorted(jobs.not_found), jobs.open) == (sorted(wanted[:40]), 160)


@pytest.mark.parametrize("unknown", [1, 8, 60])
def test_a_poll_that_no_later_one_goes_on_with_finds_all_that_are_not_known(unknown: int) -> None:
    wanted = ids(1000)
    strangers = set(Random(unknown).sample(wanted, unknown))
    report = Report(dict.fromkeys(set(wanted) - strangers, "noAnswer"))
    jobs = WatchedJobs(wanted)
    questions = jobs.poll(must_show=True, more_requests=2000)
    asked = next(questions)
    try:
        while True:
            asked = questions.send(report.answer(asked))
    except StopIteration:
        pass
    assert (set(jobs.not_found), jobs.over) == (strangers, 1000 - unknown)
    assert len(report.asked) <= 5 + 17 * unknown


def test_what_was_answered_before_a_failure_counts_and_the_rest_is_asked_for_again() -> None:
    report = Report(dict.fromkeys(ids(600), "noAnswer"))
    jobs = WatchedJobs(ids(600))
    questions = jobs.poll(must_show=True)
    questions.send(report.answer(next(questions)))
    questions.close()
    assert (jobs.over, jobs.open) == (200, 400)
    assert (report.poll(jobs), jobs.over) == (2, 600)


def test_two_writings_of_a_status_are_one_and_an_unknown_one_is_told() -> None:
    report = Report({"1": "canceled", "2": "cancelledByUser", "3": "leftMessage", "4": "<b>7912 345 67 89"})
    jobs = WatchedJobs(["1", "2", "3", "4", "1"])
    report.poll(jobs)
    assert jobs.ends == {"cancelledByUser": 2, "leftMessage": 1, "unknown": 1}


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(0, 900), st.integers(0, 12), st.booleans(), st.booleans())
def test_whatever_happens_each_is_told_once(seed: int, count: int, unknown: int, omits: bool, fails: bool) -> None:
    random = Random(seed)
    wanted = ids(count)
    strangers = set(random.sample(wanted, min(unknown, count)))
    report = Report(dict.fromkeys(set(wanted) - strangers), omits=omits)
    jobs = WatchedJobs(wanted)
    for poll in range(400):
        if not jobs.open:
            break
        for id in wanted:
            if id not in strangers and random.random() < 0.3:
                report.ends[id] = "noAnswer"
        open_before = jobs.open
        if fails and poll < 5:
            questions = jobs.poll(must_show=poll > 3)
            if (first := next(questions, None)) is not None and random.random() < 0.5:
                questions.send(report.answer(first)) if jobs.open > IDS_PER_REQUEST else None
            questions.close()
            continue
        assert report.poll(jobs, must_show=poll > 3) <= ceil(open_before / IDS_PER_REQUEST) + MORE_REQUESTS
    assert (jobs.open, sorted(jobs.not_found), jobs.over) == (0, sorted(strangers), count - len(strangers))


@pytest.mark.parametrize("count", [1, 200, 201, 10_000])
def test_a_poll_takes_no_more_than_it_must(count: int) -> None:
    report = Report(dict.fromkeys(ids(count)))
    assert report.poll(WatchedJobs(ids(count))) == ceil(count / 200)
