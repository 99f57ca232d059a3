"""Spans beneath the one that Airflow makes of a task, by OpenTelemetry's API as Airflow has it.

Where Airflow traces no task, nothing is made, and nothing is imported. A span tells counts and names: never a phone, a
payload, an address or an error's message.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["TaskSpan", "span"]


class TaskSpan:
    """A span, or nothing in its place; never raises.

    :param made: OpenTelemetry's, or None
    """

    def __init__(self, made: Any = None) -> None:
        self._made = made

    def tell(self, **attributes: str | int) -> None:
        """Tell attributes, of which the names get the prefix ``aimylogic.``, and a dot for two underscores."""
        if self._made is not None:
            with suppress(Exception):
                self._made.set_attributes(_named(attributes))

    def tell_past(self, name: str, began: int, **attributes: str | int) -> None:
        """Have a span beneath this one of what has just ended.

        :param began: by the system's clock, in nanoseconds
        """
        if self._made is not None:
            with suppress(Exception):
                tracer = sys.modules["opentelemetry.trace"].get_tracer("aimylogic_provider")
                tracer.start_span(name, start_time=began, attributes=_named(attributes)).end()

    def failed(self, error: BaseException) -> None:
        """Tell that it ended in an error, by whose name alone: messages may tell of people."""
        if self._made is not None:
            with suppress(Exception):
                code = sys.modules["opentelemetry.trace"].StatusCode.ERROR
                self._made.set_status(code, type(error).__name__)


@contextmanager
def span(name: str) -> Iterator[TaskSpan]:
    """Have the block be a span, if Airflow traces the task."""
    made, token = _begun(name)
    told = TaskSpan(made)
    try:
        yield told
    except BaseException as error:  # execution_timeout is no Exception
        told.failed(error)
        raise
    finally:
        if made is not None:
            with suppress(Exception):
                made.end()
            with suppress(Exception):
                sys.modules["opentelemetry.context"].detach(token)


def _begun(name: str) -> tuple[Any, Any]:
    """A span that is the current one now, and what ends that; or nothing."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    try:
        if trace is None or not trace.get_current_span().is_recording():
            return None, None
        made = trace.get_tracer("aimylogic_provider").start_span(name)
        return made, sys.modules["opentelemetry.context"].attach(trace.set_span_in_context(made))
    except Exception:  # noqa: BLE001 - what only looks on holds up nothing
        return None, None


def _named(attributes: dict[str, str | int]) -> dict[str, str | int]:
    return {f"aimylogic.{name.replace('__', '.')}": value for name, value in attributes.items()}
