"""The requests that only read: the campaign, its status, and the reports of jobs and of attempts.

A function for each row of the table; the fields are those of the vendor's page "Calls API". How what is answered is
read stands in ``reports``. What changes something is for ``endpoints``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aimylogic_provider.calls_api.endpoint_table import (
    CALL_ATTEMPT_REPORT,
    CALL_ATTEMPT_REPORT_BY_DATE,
    CALL_JOB_REPORT,
    CALL_JOB_REPORT_BY_DATE,
    CAMPAIGN,
    STATUS,
    UNFINISHED_CALL_JOBS,
)
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.reports import (
    CallAttempt,
    CallJob,
    Campaign,
    parse_call_attempts,
    parse_call_jobs,
    parse_campaign,
    parse_status,
)
from aimylogic_provider.calls_api.request_fields import (
    pagination,
    phones_and_ids,
    post_json,
    time_range,
)

__all__ = [
    "call_attempt_report",
    "call_attempt_report_by_date",
    "call_job_report",
    "call_job_report_by_date",
    "campaign",
    "status",
    "unfinished_call_jobs",
]


def status() -> Request[str]:
    """The campaign's status. Asks past every cache, for the answer's ``Date`` tells the server's time."""
    return Request(STATUS, "GET", parse_status, headers={"Cache-Control": "no-cache"})


def campaign() -> Request[Campaign]:
    """The campaign itself."""
    return Request(CAMPAIGN, "GET", parse_campaign)


def call_job_report(*, phones: Sequence[str] = (), ids: Sequence[str | int] = ()) -> Request[tuple[CallJob, ...]]:
    """The jobs of some phones, or with some ids, or both.

    :param phones: in canonical form
    :param ids: decimal strings, or integers
    :raises RejectedError: if neither is given, or an id is none
    """
    return post_json(CALL_JOB_REPORT, parse_call_jobs, phones_and_ids(phones, ids))


def call_job_report_by_date(
    *,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    finished_from: datetime | None = None,
    finished_to: datetime | None = None,
    page: int = 0,
    page_size: int = 200,
) -> Request[tuple[CallJob, ...]]:
    """A page of the jobs created, or finished, in a time range.

    :param page: 0 to 199
    :param page_size: rows, 1 to 200
    :raises RejectedError: for a time without a zone, or a page out of range
    """
    limits = {
        "createdAtFrom": created_from,
        "createdAtTo": created_to,
        "finishedAtFrom": finished_from,
        "finishedAtTo": finished_to,
    }
    body = {"filter": time_range(limits), "pagination": pagination(page, page_size)}
    return post_json(CALL_JOB_REPORT_BY_DATE, parse_call_jobs, body)


def unfinished_call_jobs(*, page: int = 0, page_size: int = 200) -> Request[tuple[CallJob, ...]]:
    """A page of the jobs that are not finished. The body is the pagination itself.

    :param page: 0 to 199
    :param page_size: rows, 1 to 200
    :raises RejectedError: for a page out of range
    """
    return post_json(UNFINISHED_CALL_JOBS, parse_call_jobs, pagination(page, page_size))


def call_attempt_report(
    *, phones: Sequence[str] = (), ids: Sequence[str | int] = ()
) -> Request[tuple[CallAttempt, ...]]:
    """The attempts at calling some phones, or of the jobs with some ids, or both.

    :param phones: in canonical form
    :param ids: decimal strings, or integers
    :raises RejectedError: if neither is given, or an id is none
    """
    return post_json(CALL_ATTEMPT_REPORT, parse_call_attempts, phones_and_ids(phones, ids))


def call_attempt_report_by_date(
    *,
    started_from: datetime | None = None,
    started_to: datetime | None = None,
    finished_from: datetime | None = None,
    finished_to: datetime | None = None,
    page: int = 0,
    page_size: int = 200,
) -> Request[tuple[CallAttempt, ...]]:
    """A page of the attempts started, or finished, in a time range.

    :param page: 0 to 199
    :param page_size: rows, 1 to 200
    :raises RejectedError: for a time without a zone, or a page out of range
    """
    limits = {
        "startedAtFrom": started_from,
        "startedAtTo": started_to,
        "finishedAtFrom": finished_from,
        "finishedAtTo": finished_to,
    }
    body = {"filter": time_range(limits), "pagination": pagination(page, page_size)}
    return post_json(CALL_ATTEMPT_REPORT_BY_DATE, parse_call_attempts, body)
