"""Jobs, campaigns, statuses and times, as different sources write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aimylogic_provider.calls_api.endpoints import call_job_report, call_job_report_by_date
from aimylogic_provider.calls_api.errors import RejectedError, UnreadableError
from aimylogic_provider.calls_api.json_values import read_time
from aimylogic_provider.calls_api.reports import parse_call_attempts, parse_call_jobs, parse_campaign, parse_status

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB: dict[str, Any] = {
    "callJobId": "5665334669",
    "phone": "79123456789",
    "createdAt": 1767323045000,
    "finishedAt": None,
    "jobStatus": "planned",
    "attemptsCount": 0,
    "tagName": "x",
}
ATTEMPT: dict[str, Any] = {
    "callJobId": 5665334669,
    "phone": "79123456789",
    "attemptNumber": 2,
    "startedAt": 1767323045000,
    "finishedAt": "2026-01-02T03:04:35Z",
    "callResult": "noAnswer",
    "callDuration": 30,
    "jobStatus": "onRetry",
    "tagName": "x",
    "redialNumber": 1,
}


@pytest.mark.parametrize(
    "written",
    [1767323045000, 1767323045000.0, "1767323045000", "2026-01-02T03:04:05Z", "2026-01-02T06:04:05+03:00",
     "2026-01-02T03:04:05", "2026-01-02 03:04:05.000"],
)  # fmt: skip
def test_times_in_every_form(written: object) -> None:
    assert read_time(written) == MOMENT


@pytest.mark.parametrize("written", [True, "soon", [], {}, 1e300, float("nan"), "9" * 40])
def test_no_times(written: object) -> None:
    with pytest.raises(UnreadableError):
        read_time(written)


@pytest.mark.parametrize("wrap", [lambda jobs: jobs, lambda jobs: {"items": jobs, "pagination": {}}])
def test_jobs(wrap: Any) -> None:
    (job,) = parse_call_jobs(json.dumps(wrap([JOB])).encode())
    assert (job.id, job.phone, job.created_at, job.finished) == ("5665334669", "79123456789", MOMENT, False)
    assert job.more == {"tagName": "x"}
    assert "7912***6789" in str(job)
    assert "79123456789" not in str(job) + repr(job)


def test_an_id_as_a_number_is_text_without_loss() -> None:
    (job,) = parse_call_jobs(json.dumps([{**JOB, "callJobId": 12345678901234567890}]).encode())
    assert job.id == "12345678901234567890"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"[1]", b"[{}]", b"<html>",
     json.dumps([{**JOB, "callJobId": None}]).encode(), json.dumps([{**JOB, "callJobId": 1.5}]).encode(),
     json.dumps([{**JOB, "createdAt": "soon"}]).encode(), json.dumps([JOB, {**JOB, "callJobId": ""}]).encode()],
)  # fmt: skip
def test_a_report_is_read_whole_or_not_at_all(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        parse_call_jobs(body)


@pytest.mark.parametrize(
    ("written", "read"),
    [(None, ""), ("", ""), (True, ""), ({}, ""), (["79123456789"], ""), (79123456789, "79123456789"), (7.9e10, ""),
     ("7912***6789", "7912***6789")],
)  # fmt: skip
def test_a_job_whose_phone_is_none_is_read_all_the_same(written: object, read: str) -> None:
    """It may be anybody's: a report that left it out would say that nobody has it."""
    (job,) = parse_call_jobs(json.dumps([{**JOB, "phone": written}]).encode())
    assert (job.id, job.phone) == ("5665334669", read)
    del (bare := dict(JOB))["phone"]
    assert parse_call_jobs(json.dumps([bare]).encode())[0].phone == ""


@pytest.mark.parametrize(
    ("written", "read"), [(None, None), (0, 0), (1, 1), ("3", 3), ("", None), ("x", None), (True, None), (1.5, None)]
)
def test_which_repeat_of_the_script_a_job_is(written: object, read: int | None) -> None:
    (job,) = parse_call_jobs(json.dumps([{**JOB, "redialNumber": written}]).encode())
    assert job.redial_number == read
    assert parse_call_jobs(json.dumps([JOB]).encode())[0].redial_number is None


@pytest.mark.parametrize("wrap", [lambda items: items, lambda items: {"items": items, "pagination": {}}])
def test_attempts(wrap: Any) -> None:
    (attempt,) = parse_call_attempts(json.dumps(wrap([ATTEMPT])).encode())
    assert (attempt.call_job_id, attempt.phone, attempt.attempt_number) == ("5665334669", "79123456789", 2)
    assert attempt.started_at == MOMENT
    assert attempt.finished_at is not None
    assert (attempt.finished_at - MOMENT).total_seconds() == attempt.call_duration == 30
    assert (attempt.result, attempt.job_status) == ("noAnswer", "onRetry")
    assert attempt.more == {"tagName": "x", "redialNumber": 1}
    assert "79123456789" not in repr(attempt)


def test_an_attempt_under_way_lacks_its_end() -> None:
    (attempt,) = parse_call_attempts(b'[{"callJobId": "1", "phone": "79123456789", "finishedAt": null}]')
    assert (attempt.finished_at, attempt.result, attempt.call_duration) == (None, None, None)


@pytest.mark.parametrize(("written", "read"), [(None, ""), (79123456789, "79123456789"), ([], "")])
def test_an_attempt_whose_phone_is_none_is_read_all_the_same(written: object, read: str) -> None:
    (attempt,) = parse_call_attempts(json.dumps([{**ATTEMPT, "phone": written}]).encode())
    assert (attempt.call_job_id, attempt.phone) == ("5665334669", read)


@pytest.mark.parametrize("bad", [{"callJobId": None}, {"callJobId": 1.5}, {"startedAt": "soon"}, {"finishedAt": True}])
def test_attempts_are_read_whole_or_not_at_all(bad: dict[str, object]) -> None:
    with pytest.raises(UnreadableError):
        parse_call_attempts(json.dumps([ATTEMPT, {**ATTEMPT, **bad}]).encode())


def test_campaign() -> None:
    content = {
        "id": 12, "name": "Winter sale", "status": "inProgress",
        "shortReport": {"totalNumbers": 5000, "processedNumbers": 120},
    }  # fmt: skip
    campaign = parse_campaign(json.dumps(content).encode())
    assert (campaign.id, campaign.name, campaign.status) == ("12", "Winter sale", "inProgress")
    assert (campaign.total_numbers, campaign.processed_numbers) == (5000, 120)
    with pytest.raises(UnreadableError):
        parse_campaign(b'{"name": "x"}')


@pytest.mark.parametrize("body", [b"inProgress", b'"inProgress"', b"inProgress\n"])
def test_status(body: bytes) -> None:
    assert parse_status(body) == "inProgress"


@pytest.mark.parametrize(
    "status", ["in_progress", "IN_PROGRESS", "in-progress", "inProgress2", "Running", "something_that_no_source_names"]
)
@pytest.mark.parametrize("body", ["{}", '"{}"', ' "{}"\n', "\ufeff{}"])
def test_a_status_in_another_writing_is_passed_on(body: str, status: str) -> None:
    assert parse_status(body.format(status).encode()) == status


@pytest.mark.parametrize("status", ["in progress", "завершена", "0"])
def test_any_json_string_is_a_status(status: str) -> None:
    assert parse_status(json.dumps(status).encode()) == status
    assert parse_status(json.dumps(status, ensure_ascii=False).encode()) == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"in progress",
        b"\xff",
        b'""',
        b'"',
        b'"a\\nb"',
        b"{}",
        b"3",
        b'"x" "y"',
        b'"' + b"x" * 41 + b'"',
    ],
)
def test_no_status(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        parse_status(body)


def test_report_requests() -> None:
    assert call_job_report(phones=["1"], ids=["2"]).json == {"phones": ["1"], "ids": ["2"]}
    request = call_job_report_by_date(created_from=MOMENT, page=3)
    assert request.json == {
        "filter": {"createdAtFrom": "2026-01-02T03:04:05.000Z"},
        "pagination": {"page": 3, "pageSize": 200},
    }
    with pytest.raises(RejectedError, match="at least one"):
        call_job_report()
    with pytest.raises(RejectedError, match="0 to 199"):
        call_job_report_by_date(page=200)
    with pytest.raises(RejectedError, match="time zone"):
        call_job_report_by_date(created_from=datetime(2026, 1, 1))


def test_text_cut_within_a_character_can_be_written_on() -> None:
    """A lone surrogate could go into no table, no log and no message; a pair is a character."""
    body = json.dumps([{**JOB, "jobStatus": "a\ud83d", "reportData": {"b": ["\ud83d\ude00", "\ude00"]}}]).encode()
    (job,) = parse_call_jobs(body)
    assert job.status == "a?"
    assert job.more["reportData"] == {"b": ["\U0001f600", "?"]}
    assert str(job).encode()


@pytest.mark.parametrize("status", ["79123456789", "of 79123456789", "", "x" * 41])
def test_a_status_that_is_no_word_is_not_shown(status: str) -> None:
    (job,) = parse_call_jobs(json.dumps([{**JOB, "jobStatus": status}]).encode())
    assert job.status == status
    assert "(status unknown, created" in str(job)
    assert "79123456789" not in str(job)
