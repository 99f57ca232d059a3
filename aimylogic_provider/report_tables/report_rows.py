"""Rows of the tables, made of jobs and attempts as the report shows them. What no source names is kept besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aimylogic_provider.calls_api.masking import mask_phone
from aimylogic_provider.calls_api.reports import CallAttempt, CallJob
from aimylogic_provider.calls_api.statuses import job_status
from aimylogic_provider.sql_database.held_values import held_json, held_number, held_text

__all__ = ["ReportRows", "Row"]

Row = dict[str, Any]
"""A row: its values by the names of columns, JSON as its text."""

_NAMED = ("redialNumber", "tagName", "tagPayload", "reportData")


class ReportRows:
    """Makes rows of one campaign's jobs and attempts.

    :param campaign: its id
    :param name: its name
    :param full_phones: whether phones are kept in full, and not masked
    """

    def __init__(self, campaign: str, name: str | None, *, full_phones: bool) -> None:
        self.campaign = campaign
        self._name = held_text(name)
        self._full_phones = full_phones

    def job(self, job: CallJob) -> Row:
        """The row of a job."""
        counts = {"attempts": job.attempts_count, "call_seconds": job.call_duration, "redial_number": job.redial_number}
        sent = {"attempts": "attemptsCount", "call_seconds": "callDuration", "redial_number": "redialNumber"}
        return {
            "campaign": self.campaign,
            "call_job_id": job.id,
            "campaign_name": self._name,
            "phone": self._phone(job.phone),
            "created_at": job.created_at,
            "finished_at": job.finished_at,
            "job_status": _status(job.status),
            **_script(job.more, counts, sent),
            "vanished_at": None,
        }

    def attempt(self, attempt: CallAttempt) -> Row | None:
        """The row of an attempt; None if it has no number by which to know it again."""
        number = held_number(attempt.attempt_number)
        if number is None:
            return None
        counts = {"call_seconds": attempt.call_duration, "redial_number": attempt.more.get("redialNumber")}
        sent = {"call_seconds": "callDuration", "redial_number": "redialNumber"}
        return {
            "campaign": self.campaign,
            "call_job_id": attempt.call_job_id,
            "attempt_number": number,
            "phone": self._phone(attempt.phone),
            "started_at": attempt.started_at,
            "finished_at": attempt.finished_at,
            "call_result": held_text(attempt.result),
            "job_status": _status(attempt.job_status),
            **_script(attempt.more, counts, sent),
        }

    def _phone(self, phone: str) -> str | None:
        if not phone:
            return None
        return held_text(phone if self._full_phones else mask_phone(phone))


def _status(written: str | None) -> str | None:
    """A job's status, by one word, in whichever of its writings the server tells it."""
    text = held_text(written)
    return None if text is None else job_status(text)


def _script(more: Mapping[str, object], counts: Mapping[str, object], sent: Mapping[str, str]) -> Row:
    """Whole numbers, what the campaign's script tells, and all else: also a number that no column holds.

    :param counts: by columns
    :param sent: what the server calls them, by columns
    """
    others = {name: value for name, value in more.items() if name not in _NAMED}
    row: Row = {}
    for column, value in counts.items():
        row[column] = held_number(value)
        if row[column] is None and value is not None:
            others[sent[column]] = value
    return {
        **row,
        "tag_name": held_text(more.get("tagName")),
        "tag_payload": held_json(more.get("tagPayload")),
        "report_data": held_json(more.get("reportData")),
        "other_fields": held_json(others or None),
    }
