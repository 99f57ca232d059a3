"""What a task tells of its work as metrics and spans together: one call, a list that is frozen and sent, or a report.

Counts are of what this very try found out. What a try looks at once more, and found settled, isn't told again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from aimylogic_provider.airflow_task.argument_checks import conn_id_of
from aimylogic_provider.airflow_task.telemetry import metric_names as names
from aimylogic_provider.airflow_task.telemetry.task_metrics import TaskMetrics
from aimylogic_provider.airflow_task.telemetry.task_spans import TaskSpan, span

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.outcomes import Counts, SettledBatch

__all__ = ["ListTelemetry", "TaskTelemetry"]

_BATCH_SPANS = 1000
"""Batches of a try that have a span each: exporters drop what comes in floods."""


class TaskTelemetry:
    """Metrics and spans of a task.

    :param conn_id: the connection of its campaign, as it was rendered; None if it has none
    """

    def __init__(self, task: BaseOperator, conn_id: object) -> None:
        self._conn_id = "" if conn_id is None else conn_id_of(str(conn_id))
        try:
            dag_id = task.dag_id
        except AttributeError:
            dag_id = ""  # what stands for a DAG may know next to nothing, and metrics fail no task
        tags = {"dag_id": dag_id, "task_id": task.task_id, "conn_id": self._conn_id}
        self._metrics = TaskMetrics(tags, task.log)

    def count(self, metric: names.Metric, number: int = 1) -> None:
        """Add to a counter."""
        self._metrics.count(metric, number)

    @contextmanager
    def during(self, name: str, metric: names.Metric) -> Iterator[TaskSpan]:
        """Have the block be a span, and tell how long it took, however it ended.

        :param name: of the span
        """
        began = time.monotonic()
        with span(name) as told:
            if self._conn_id:
                told.tell(conn_id=self._conn_id)
            try:
                yield told
            finally:
                self._metrics.time(metric, time.monotonic() - began)


class ListTelemetry(TaskTelemetry):
    """Metrics and spans of a task that freezes a call list, or sends one."""

    _sent = TaskSpan()
    _batches = 0
    _counts: Counts | None = None

    def freezing(self) -> AbstractContextManager[TaskSpan]:
        """A list is being frozen."""
        return self.during("aimylogic.freeze", names.FREEZE_DURATION)

    def frozen(self, pointer: Pointer) -> None:
        """A list was frozen, and is the task's from now on."""
        self.count(names.CALLS_FROZEN, pointer.calls)
        self.count(names.CALLS_DOUBLES, pointer.doubles)
        self.rejected(pointer.rejected)
        self.count(names.CALLS_CLAIMED, pointer.claimed)
        self.count(names.CALLS_CAPPED, pointer.capped)
        self.count(names.CALLS_EXCLUDED, pointer.excluded)
        self.count(names.CALLS_HELD_OUT, pointer.held_out)

    def rejected(self, rows: int) -> None:
        """Rows can't be called, and are set aside."""
        self.count(names.CALLS_REJECTED, rows)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """A list, or a shard, is being sent."""
        began = time.monotonic()
        self._batches, self._counts = 0, None
        with span("aimylogic.send") as self._sent:
            self._sent.tell(conn_id=self._conn_id)
            try:
                yield
            finally:
                if self._batches:
                    self._metrics.time(names.SEND_DURATION, time.monotonic() - began)
                self._sent.tell(batches=self._batches, **_told(self._counts))

    def settled(self, batch: SettledBatch) -> None:
        """A batch is under way no more, and what this try settled of it is kept."""
        self._batches += 1
        self._counts = batch.counts if self._counts is None else self._counts + batch.counts
        self.count(names.CALLS_CREATED, batch.counts.created)
        self.count(names.CALLS_REFUSED, batch.counts.refused)
        self.count(names.CALLS_EXPIRED, batch.counts.expired)
        self.count(names.CALLS_EXCLUDED, batch.counts.excluded)
        self.count(names.CALLS_CAPPED, batch.counts.capped)
        if self._batches <= _BATCH_SPANS:
            self._sent.tell_past(
                "aimylogic.batch", batch.began, batch=batch.name, calls=batch.calls, **_told(batch.counts)
            )

    def parked(self, calls: int) -> None:
        """The task ends with calls of which it can't be known whether they were added."""
        self.count(names.CALLS_PARKED, calls)
        self._sent.tell(calls__parked=calls)


def _told(counts: Counts | None) -> dict[str, int]:
    if counts is None:
        return {}
    return {
        "calls__created": counts.created, "calls__refused": counts.refused, "calls__expired": counts.expired,
        "calls__excluded": counts.excluded, "calls__capped": counts.capped,
    }  # fmt: skip
