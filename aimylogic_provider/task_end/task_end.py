"""How a try's end is told: a summary as the last line of the log, and before an error one short line of why.

It only tells: whatever goes wrong here, the task ends as it would have without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from aimylogic_provider.airflow_task.airflow_imports import AirflowSkipException
from aimylogic_provider.task_end.failure_line import Failure, cause_of, failure_of, first_words, is_ours

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.task_end.tells_end import TellsEnd

__all__ = ["REPORT", "told"]

REPORT = "report"
"""The key of the XCom that a try leaves which failed: its counts, by the names that the result has for them."""

_WAITS = ("TaskDeferred", "TaskAwaitingInput", "AirflowRescheduleException")
"""What is raised by a try that goes on later. By name, for each stands elsewhere in another Airflow, or not at all."""
_ENDS_WELL = ("DownstreamTasksSkipped",)
_INTERRUPTIONS = ("AirflowTaskTimeout", "AirflowTaskTerminated")
"""What ends a try, is no Exception, and leaves the time to tell of it."""
_TIMEOUT = "AirflowTaskTimeout"
_MOST_OF_SKIP = 160

T = TypeVar("T")


def told(operator: TellsEnd, context: Context, run: Callable[[], T], *, is_resumed: bool = False) -> T:
    """Return what *run* returns, or raise what it raises, once its end was told.

    :param is_resumed: whether the try has waited, and goes on
    """
    if operator._tells_now:
        return run()
    operator._tells_now = True
    end = _TaskEnd(operator, context, is_resumed=is_resumed)
    try:
        result = run()
    except BaseException as error:
        end.raised(error)
        raise
    finally:
        operator._tells_now = False
    end.done(result)
    return result


class _TaskEnd:
    """Tells how a try ends; never raises."""

    def __init__(self, operator: TellsEnd, context: Context, *, is_resumed: bool) -> None:
        self._operator = operator
        self._context = context
        self._is_resumed = is_resumed
        self._began = time.monotonic()

    def done(self, result: object) -> None:
        """It ended well."""
        try:
            self._tell("Done in", self._operator._result_in_words(result))
        except BaseException as error:
            # A limit that passes while a task that is done is told of doesn't undo it.
            if not isinstance(error, Exception) and type(error).__name__ != _TIMEOUT:
                raise
            self._give_up(error)

    def raised(self, error: BaseException) -> None:
        """It ended by raising something, which need be no failure."""
        kinds = {kind.__name__ for kind in type(error).__mro__}
        try:
            if kinds.intersection(_WAITS):
                self._waits()
            elif kinds.intersection(_ENDS_WELL):
                self._tell("Done in", self._operator._result_in_words(None))
            elif isinstance(error, AirflowSkipException):
                why = first_words(str(error), _MOST_OF_SKIP) if is_ours(error) else ""
                self._tell("Skipped after", why or "see below")
            elif isinstance(error, Exception) or kinds.intersection(_INTERRUPTIONS):
                self._failed(error)
        except BaseException as another:  # noqa: BLE001 - the task ends by the first one, which says whether it is tried again
            self._give_up(another)

    def _waits(self) -> None:
        if counts := self._operator._counts_so_far(None):
            self._tell("Waiting, after", self._operator._counts_in_words(counts))

    def _failed(self, error: BaseException) -> None:
        seconds, counts = self._seconds, self._counts(error)
        failure = failure_of(error, self._context, self._operator)
        if counts:
            self._tell("Ended after", self._operator._counts_in_words(counts))
        (self._operator.log.warning if failure.tried_again else self._operator.log.error)("%s", failure.line)
        if failure.is_of_try:
            self._push(failure, counts, seconds)

    def _counts(self, error: BaseException) -> Mapping[str, Any]:
        try:
            return self._operator._counts_so_far(cause_of(error))
        except Exception as another:  # noqa: BLE001 - why it failed is to be told all the same
            self._give_up(another)
            return {}

    def _push(self, failure: Failure, counts: Mapping[str, Any], seconds: float) -> None:
        """Leave the counts where Airflow's pages show them. Airflow deletes them before the next try."""
        if not getattr(self._operator, "do_xcom_push", True):
            return
        value = {
            "ended": "to be tried again" if failure.tried_again else "failed",
            "kind": failure.kind,
            "reason": failure.line,
            "seconds": round(seconds, 1),
            **counts,
        }
        ti: Any = self._context["ti"]
        ti.xcom_push(key=REPORT, value=value)

    def _tell(self, how: str, words: str) -> None:
        self._operator.log.info("%s %s: %s.", how, _span(self._seconds), words.rstrip("."))

    @property
    def _seconds(self) -> float:
        """For how long the try runs, its waits included."""
        here = time.monotonic() - self._began
        began = getattr(self._context["ti"], "start_date", None) if self._is_resumed else None
        return here if not isinstance(began, datetime) else max(here, (datetime.now(UTC) - began).total_seconds())

    def _give_up(self, error: BaseException) -> None:
        self._operator.log.debug("How the task ended can't be told: %s.", type(error).__name__)


def _span(seconds: float) -> str:
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
