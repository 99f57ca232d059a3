"""Which part of a campaign's report a task brings home: a time range, a call list, or what is new. Asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aimylogic_provider.call_list.runs.list_of_result import pointer_of
from aimylogic_provider.call_list.store.manifest import Pointer
from aimylogic_provider.calls_api.calls.text_values import as_value
from aimylogic_provider.calls_api.errors import RejectedError

__all__ = ["ReportSelection", "aware_time", "of_call_list", "of_data_interval", "of_range", "since_last"]

_WITHOUT = (
    "Set incremental_by='since_last', which goes on where the last run ended, or schedule the DAG by intervals, as by "
    "CronDataIntervalTimetable, or give start and end"
)
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""What is earlier, or later, stands for ever: datetimes end there, so that they can't be moved."""


@dataclass(frozen=True, slots=True)
class ReportSelection:
    """What of a report is read.

    :param kind: by which rule
    :param start: from when on; None for all that the report has
    :param end: until when; None for now
    :param call_list: whose jobs alone are read
    """

    kind: Literal["range", "call_list", "data_interval", "since_last"]
    start: datetime | None = None
    end: datetime | None = None
    call_list: Pointer | None = None

    @property
    def is_incremental(self) -> bool:
        """Whether what was open last time is looked at again."""
        return self.kind in ("data_interval", "since_last")


def aware_time(name: str, given: Any) -> datetime | None:
    """Return a time that a field holds, or that its text says, in UTC; None for nothing, and for blank text.

    :param name: the field's, for errors
    :raises RejectedError: if it is none, or has no time zone
    """
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    moment = given
    if isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given.strip())
        except ValueError:
            moment = None
    if not isinstance(moment, datetime):
        raise RejectedError(
            f"{name} {str(given)[:60]!r} isn't a time: give an aware datetime, or ISO 8601 text, as "
            "'{{ data_interval_start }}' makes it"
        )
    if moment.utcoffset() is None:
        raise RejectedError(
            f"{name} {str(given)[:60]!r} has no time zone: give an aware datetime, or text with one, as in "
            "'2026-01-31T00:00:00+03:00'"
        )
    if moment.year < _EARLIEST.year:
        return _EARLIEST
    return _LATEST if moment.year > _LATEST.year else moment.astimezone(UTC)


def of_range(start: Any, end: Any) -> ReportSelection:
    """What was created in a range, by its fields as they were rendered.

    :raises RejectedError: if it doesn't say from when on, or ends before it begins
    """
    start, end = aware_time("start", start), aware_time("end", end)
    if start is None:
        raise RejectedError("start gives nothing: give a time, or leave both out for what is new")
    if end is not None and end < start:
        raise RejectedError(f"end {end.isoformat()} is before start {start.isoformat()}: turn them round")
    return ReportSelection("range", start, end)


def of_call_list(given: Any) -> ReportSelection:
    """The jobs of a call list, as a field gives it after rendering.

    :raises RejectedError: if it gives nothing
    :raises CallListError: if it tells of no call list, or of one that is gone
    """
    value = as_value(given)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise RejectedError(
            "call_list gives nothing: the task that is to return it returned None, or was skipped. Give its .output"
        )
    return ReportSelection("call_list", call_list=pointer_of(value))


def of_data_interval(start: Any, end: Any, lag: timedelta) -> ReportSelection:
    """What was created in a run's data interval, and in twice the report's lag before it.

    Once for what did not show yet when the one before was read, and once for a server whose clock was behind then.

    :param lag: by which the interval may end ahead of the server's clock, too
    :raises RejectedError: if the run has none, or an empty one
    """
    if start is None or end is None:
        raise RejectedError(f"This run has no data interval, as when it was triggered by hand. {_WITHOUT}")
    if not start < end:
        raise RejectedError(
            f"This run's data interval is empty, from {start.isoformat()} to {end.isoformat()}, as a cron schedule's "
            f"is since Airflow 3. {_WITHOUT}"
        )
    return ReportSelection("data_interval", start.astimezone(UTC) - 2 * lag, end.astimezone(UTC))


def since_last(first_from: Any) -> ReportSelection:
    """What is new since the last time.

    :param first_from: from when on the first time, as its field was rendered
    :raises RejectedError: if that isn't a time
    """
    return ReportSelection("since_last", aware_time("first_from", first_from))
