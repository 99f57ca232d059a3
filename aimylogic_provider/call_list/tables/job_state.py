"""What a results table tells of a call job, by the campaign's report: values that the columns of any database take."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime

from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.calls_api.statuses import job_status, shown_status
from aimylogic_provider.sql_database.held_values import held_json, held_text

__all__ = ["JobState", "json_text"]

_MOST = 2**31 - 1
_BEYOND = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as a report showed it, by the names of the columns.

    :param job_status: one word, in its one writing
    :param finished_at: aware, to the millisecond; None while the job is open
    :param report_data: text of JSON; None if there is none
    """

    job_status: str
    attempts: int | None
    finished_at: datetime | None
    call_seconds: int | None
    tag_name: str | None
    report_data: str | None

    @classmethod
    def of(cls, job: CallJob) -> JobState:
        """Take what a report shows; what no column can hold is left out, or brought to what one can."""
        return cls(
            job_status=job_status(shown_status(job.status) or "unknown"),
            attempts=_count(job.attempts_count),
            finished_at=_to_the_millisecond(job.finished_at),
            call_seconds=_count(job.call_duration),
            tag_name=held_text(job.more.get("tagName")),
            report_data=json_text(job.more.get("reportData")),
        )

    @property
    def is_over(self) -> bool:
        """Whether the job is over."""
        return self.finished_at is not None

    def is_told_by(self, known: JobState) -> bool:
        """Whether a table tells just this: two writings of one JSON are the same."""
        mine, other = self.report_data, known.report_data
        same_data = mine == other or (mine is not None and other is not None and _parsed(mine) == _parsed(other))
        return same_data and self._columns() == known._columns()

    def _columns(self) -> tuple[object, ...]:
        return self.job_status, self.attempts, self.finished_at, self.call_seconds, self.tag_name


def json_text(value: object) -> str | None:
    """A value as JSON that every database takes; None for None. As ``held_values`` has it in the tables of reports.

    What is written by more than two bytes, as an emoji, is escaped, for some columns take no such characters.
    """
    text = held_json(value)
    return None if text is None else _BEYOND.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _count(value: int | None) -> int | None:
    return value if value is not None and -_MOST <= value <= _MOST else None


def _to_the_millisecond(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(microsecond=moment.microsecond // 1000 * 1000)
