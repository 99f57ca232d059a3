"""Metrics of a task, told by Airflow's own stats: to StatsD, Datadog or OpenTelemetry, as Airflow is configured.

They are an aid, and the task's report is the truth: whatever is wrong with them, the task goes on without.
"""

from __future__ import annotations

import re
import time
from hashlib import sha256
from typing import Any, Protocol

from aimylogic_provider.airflow_task.telemetry.metric_names import METRICS, Metric

__all__ = ["TaskMetrics"]

_MOST_SECONDS = 1.0
"""For all metrics of a try. Airflow's own clients send a datagram, or count in memory, in microseconds."""
_LONGEST = 250
"""Characters of a StatsD metric with its tags, as Airflow allows them."""
_SHORTENED = 60


class DebugLog(Protocol):
    """Where it is told that metrics are given up."""

    def debug(self, message: str, /, *args: object) -> object:
        """Tell what only whoever looks for it should see."""


class TaskMetrics:
    """Tells a task's metrics; never raises, and gives up for this try once it can't.

    :param tags: by their names; empty ones are left out
    """

    def __init__(self, tags: dict[str, str], log: DebugLog) -> None:
        self._tags = _fitting({name: _plain(value) for name, value in tags.items() if value})
        self._log = log
        self._has_given_up = False
        self._seconds = 0.0

    def count(self, metric: Metric, number: int) -> None:
        """Add to a counter; nothing for 0."""
        if number > 0:
            self._tell("incr", metric, number)

    def time(self, metric: Metric, seconds: float) -> None:
        """Tell how long something took."""
        self._tell("timing", metric, seconds * 1000.0)

    def _tell(self, how: str, metric: Metric, value: float) -> None:
        if self._has_given_up:
            return
        try:
            from aimylogic_provider.airflow_task.airflow_imports import Stats

            stats: Any = Stats
            began = time.perf_counter()
            getattr(stats, how)(metric.name, value, tags=self._tags)
            self._seconds += time.perf_counter() - began
        except Exception as error:  # noqa: BLE001 - an alien backend, which may raise anything
            self._give_up(f"{metric.name} ended in {type(error).__name__}")
        else:
            if self._seconds > _MOST_SECONDS:
                self._give_up(f"they took more than {_MOST_SECONDS:g} seconds")

    def _give_up(self, why: str) -> None:
        self._has_given_up = True
        self._log.debug("This try tells no more metrics: %s.", why)


def _plain(value: str) -> str:
    """A tag's value of those characters that all of Airflow's backends take; another for another value."""
    plain = re.sub(r"[^a-zA-Z0-9_.-]", "_", value)
    return plain if plain == value else f"{plain}-{_mark(value)}"


def _fitting(tags: dict[str, str]) -> dict[str, str]:
    """Tags that fit into a StatsD metric with any of our names, which Airflow would else drop."""
    longest = max(len(metric.name) for metric in METRICS)
    if longest + sum(len(name) + len(value) + 2 for name, value in tags.items()) <= _LONGEST:
        return tags
    return {
        name: value if len(value) <= _SHORTENED else f"{value[: _SHORTENED - 7]}-{_mark(value)}"
        for name, value in tags.items()
    }


def _mark(value: str) -> str:
    return sha256(value.encode(errors="backslashreplace")).hexdigest()[:6]
