"""The metrics of this provider, each described once: name, kind, unit, tags, and what it counts.

Names stay as they are: dashboards and alerts are built on them. ``docs/metrics.md`` shows this table, held by a test.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = [
    "ADD_PHONE_DURATION",
    "CALLS_CAPPED",
    "CALLS_CLAIMED",
    "CALLS_CREATED",
    "CALLS_DOUBLES",
    "CALLS_EXPIRED",
    "CALLS_FROZEN",
    "CALLS_PARKED",
    "CALLS_REFUSED",
    "CALLS_REJECTED",
    "FREEZE_DURATION",
    "METRICS",
    "REPORT_ATTEMPTS",
    "REPORT_DURATION",
    "REPORT_JOBS",
    "RESULTS_DURATION",
    "RESULTS_UPDATED",
    "SEND_DURATION",
    "Metric",
]

_ALL_TAGS = ("dag_id", "task_id", "conn_id")


class Metric(NamedTuple):
    """A metric.

    :param name: without the prefix that Airflow puts before it
    :param tags: of them, those whose value is known
    """

    name: str
    kind: Literal["counter", "timer"]
    unit: str
    meaning: str
    tags: tuple[str, ...] = _ALL_TAGS


def _counter(name: str, unit: str, meaning: str) -> Metric:
    return Metric(f"aimylogic.{name}", "counter", unit, meaning)


def _timer(name: str, meaning: str) -> Metric:
    return Metric(f"aimylogic.{name}", "timer", "ms", meaning)


CALLS_CREATED = _counter("calls.created", "calls", "calls whose job this try created, or found to be created")
CALLS_REFUSED = _counter("calls.refused", "calls", "calls that the server refused, definitely")
CALLS_REJECTED = _counter("calls.rejected", "rows", "rows, or calls of `AddPhoneOperator`, that can't be called")
CALLS_PARKED = _counter("calls.parked", "calls", "calls left to a person, when the task parks them")
CALLS_EXPIRED = _counter("calls.expired", "calls", "calls whose finish passed before they were sent")
CALLS_DOUBLES = _counter("calls.doubles", "rows", "rows that repeat another row's call")
CALLS_CAPPED = _counter("calls.capped", "rows", "rows, or calls, whose phone has as many calls as allowed")
CALLS_EXCLUDED = _counter("calls.excluded", "rows", "rows, or calls, whose phone stands on the exclusion list")
CALLS_HELD_OUT = _counter("calls.held_out", "rows", "rows that are not called for measuring what calling does")
CALLS_CLAIMED = _counter("calls.claimed", "rows", "rows that another run's unfinished list holds")
CALLS_FROZEN = _counter("calls.frozen", "calls", "calls of lists that were frozen, to be sent")
FREEZE_DURATION = _timer("freeze.duration", "a list's freezing, the query included")
SEND_DURATION = _timer("send.duration", "sending a list in one try, if there was anything left to send")
ADD_PHONE_DURATION = _timer("add_phone.duration", "one try of `AddPhoneOperator` to add its call, repetitions included")
REPORT_JOBS = _counter("report.jobs", "rows", "rows of the jobs table that are new, or changed")
REPORT_ATTEMPTS = _counter("report.attempts", "rows", "rows of the attempts table that are new, or changed")
REPORT_DURATION = _timer("report.duration", "bringing a campaign's report home in one try")
RESULTS_UPDATED = _counter("results.updated", "rows", "rows of a results table that tell something new of their jobs")
RESULTS_DURATION = _timer("results.duration", "bringing home in one try what became of a results table's jobs")

METRICS = (
    CALLS_CREATED, CALLS_REFUSED, CALLS_REJECTED, CALLS_PARKED, CALLS_EXPIRED, CALLS_DOUBLES, CALLS_CAPPED,
    CALLS_EXCLUDED, CALLS_HELD_OUT, CALLS_CLAIMED, CALLS_FROZEN, FREEZE_DURATION, SEND_DURATION, ADD_PHONE_DURATION,
    REPORT_JOBS, REPORT_ATTEMPTS, REPORT_DURATION, RESULTS_UPDATED, RESULTS_DURATION,
)  # fmt: skip
