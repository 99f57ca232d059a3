"""Why a task failed, in one line of at most 200 characters: what happened, and what to do.

The error itself tells all, and stands below the line in Airflow's log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import AirflowSensorTimeout, AirflowTaskTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.task_end.tells_end import TellsEnd

__all__ = ["LONGEST", "Failure", "cause_of", "failure_of", "first_words", "is_ours"]

LONGEST = 200
"""Characters of a line."""
_ROW = 88
"""Characters that Airflow's page of a log has in sight where the window is 1,280 pixels wide: it breaks no rows."""
_ENDS = ((". ", "", 0.5), ("; ", "…", 0.6), (", ", "…", 0.6), (": ", "…", 0.6), (" ", "…", 0.0))
"""After what a text may be cut, what is put in its place, and from which share on of what there is room for."""
_WAYS_OUT = ("clear", "start a new", "the next try")
_TO_DO = {
    "parked": "A person must decide: the ways out stand below",
    "called": "If two calls were meant: {way_out}",
    "refused": "Mend what that names, and clear the task",
    "rejected": "Correct it, and clear the task",
    "connection": "Correct the connection{conn_id}, and clear the task",
    "nobody": "Correct what the reasons name, and start a new run",
    "held": "Once that list is over, clear the task, which looks again",
    "no_row": "Correct the rows or the query, and clear the task",
    "unanswered": "No further try comes by itself: clear the task{harmless}",
    "timeout": "No further try comes by itself: clear the task{harmless}",
    "failed": "What to do stands below",
    "other": "Mend what that names, and clear the task{harmless}",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """How a try failed.

    :param kind: of its end
    :param line: what happened and what to do
    :param tried_again: whether a further try comes by itself
    :param is_of_try: whether it is known to be this try's end: not if Airflow refused it something, for it may have
        been replaced by another one
    """

    kind: str
    line: str
    tried_again: bool
    is_of_try: bool


def failure_of(error: BaseException, context: Context, operator: TellsEnd) -> Failure:
    """Return how a try failed."""
    kind = _kind(error)
    when = _next_try(error, context)
    begins, to_do = "Failed", _TO_DO[kind]
    if kind in ("rejected", "no_row") and operator._to_correct:
        to_do = operator._to_correct
    if when is not None:
        begins, to_do = "Failed for now", f"Nothing to do: the next try comes {when}"
    conn_id = getattr(operator, "aimylogic_conn_id", None)
    to_do = to_do.format(
        conn_id=f" {conn_id}" if isinstance(conn_id, str) and len(conn_id) <= 60 else "",
        way_out=getattr(cause_of(error), "way_out", ""),
        harmless=", which calls nobody twice" if operator._adds_calls else "",
    )
    return Failure(kind, _line(begins, _reason(error, kind), to_do, always=when is not None), when is not None,
                   type(error).__name__ != "AirflowRuntimeError")  # fmt: skip


def cause_of(error: BaseException) -> BaseException:
    """Return the error of ours that was put for Airflow; the error itself if it is none of those."""
    from aimylogic_provider.calls_api.errors import AimylogicError

    return next((one for one in _chain(error) if isinstance(one, AimylogicError)), error)


def is_ours(error: BaseException) -> bool:
    """Whether this package raised it, so that its words bear no token, and no phone in full."""
    from aimylogic_provider.calls_api.errors import AimylogicError

    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    by = "" if frame is None else str(frame.tb_frame.f_globals.get("__name__"))
    # A database's driver raises where it is called: errors of its kind are its own.
    kind = type(error).__module__
    ours = by.startswith("aimylogic_provider.") and kind.startswith(("airflow.", "aimylogic_provider."))
    return isinstance(error, AimylogicError) or ours


def first_words(text: str, most: int) -> str:
    """Return the beginning of a text: whole sentences where they fill most of the room, without the last full stop."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text.rstrip(".")
    for end, sign, share in _ENDS:
        found = text.rfind(end, 0, most - len(sign) + len(end))
        if found > most * share:
            return text[:found] + sign
    return text[: most - 1] + "…"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those during whose handling it was raised."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _kind(error: BaseException) -> str:
    from aimylogic_provider.call_list.freeze.rejected.rejected_limit import TooManyRejectedError
    from aimylogic_provider.call_list.freeze.rejected.rejections import NobodyToCallError
    from aimylogic_provider.call_list.send.nobody_reached import NobodyReachedError
    from aimylogic_provider.call_list.send.unsettled_calls import UnknownCallsError
    from aimylogic_provider.calls_api.errors import ConnectionRejectedError, RejectedError
    from aimylogic_provider.idempotence.errors import CalledLatelyError, ParkedError, RefusedCallError

    if isinstance(error, (AirflowTaskTimeout, AirflowSensorTimeout)):
        return "timeout"
    cause = cause_of(error)
    if isinstance(cause, (ParkedError, UnknownCallsError)):
        return "parked"
    if isinstance(cause, NobodyReachedError):
        return "held" if cause.retryable else "nobody"
    if isinstance(cause, (NobodyToCallError, TooManyRejectedError)):
        return "no_row"
    if any(isinstance(one, ConnectionRejectedError) for one in _chain(error)) or _is_of_token(error):
        return "connection"
    if isinstance(cause, CalledLatelyError):
        return "called"
    if isinstance(cause, RefusedCallError):
        return "refused"
    if isinstance(cause, RejectedError):
        return "rejected"
    if not is_ours(error):
        return "other"
    return "unanswered" if getattr(cause, "retryable", False) else "failed"


def _is_of_token(error: BaseException) -> bool:
    """Whether the server knows no campaign of this token, or lets nobody in: told by what it answered, or in words."""
    return any(
        re.search(r"\binvalid\.token\b|answered with 40[13]\b", str(one)) for one in _chain(error) if is_ours(one)
    )


def _reason(error: BaseException, kind: str) -> str:
    if isinstance(error, AirflowTaskTimeout):
        return "execution_timeout is over. What is sent so far is on record"
    if isinstance(error, AirflowSensorTimeout) and not is_ours(error):
        return "what was waited for didn't come in time (timeout)"
    if kind == "other" or not is_ours(error):
        # Its text may hold whatever rows hold.
        return f"{type(error).__name__} of {type(error).__module__.partition('.')[0]}, which says below what it is"
    return str(error)


def _line(begins: str, reason: str, to_do: str, *, always: bool) -> str:
    """Put them together.

    :param always: whether what to do is told though the reason tells a way out
    """
    room = LONGEST - len(begins) - len(": ") - len(".")
    whole = first_words(reason, room)
    if not always and any(way in whole.casefold() for way in _WAYS_OUT):
        return _rows(f"{begins}: {_ended(whole)}")
    short = first_words(reason, room - len(to_do) - len(". "))
    return f"{_rows(f'{begins}: {_ended(short)}')}\n{to_do}."


def _rows(text: str) -> str:
    from textwrap import fill

    return fill(text, _ROW, break_long_words=False, break_on_hyphens=False)


def _ended(text: str) -> str:
    return text if text.endswith("…") else f"{text}."


def _next_try(error: BaseException, context: Context) -> str | None:
    """When the next try comes, in words; None if none comes by itself."""
    from aimylogic_provider.airflow_task.run_context import is_last
    from aimylogic_provider.retries.retry_policy import AimylogicRetryPolicy
    from aimylogic_provider.retries.task_delays import RetrySettings

    ti: Any = context["ti"]
    from_server = getattr(ti, "_ti_context_from_server", None)
    if is_last(context, error) or isinstance(error, AirflowSensorTimeout):
        return None
    if getattr(from_server, "should_retry", True) is False:
        return None
    task = getattr(ti, "task", None)
    policy = getattr(task, "retry_policy", None)
    settings = RetrySettings.of(task)
    own = None if settings is None else settings.after(ti.try_number)
    if policy is None:
        return "by itself" if own is None else _at(own.least, own.most)
    if not isinstance(policy, AimylogicRetryPolicy):
        return "by itself"  # it alone knows when, or whether
    decision: Any = policy.evaluate(error, ti.try_number, getattr(ti, "max_tries", 0), context)
    if decision.action.value == "fail":
        return None
    delay = getattr(decision, "retry_delay", None)
    if delay is not None and decision.action.value == "retry":
        return _at(delay.total_seconds(), delay.total_seconds())
    return "by itself" if own is None else _at(own.least, own.most)


def _at(least: float, most: float) -> str:
    """A time of this machine's clock, from now."""
    if most < 60:
        return "within a minute"
    now = datetime.now(UTC)
    first, last = (now + timedelta(seconds=seconds) for seconds in (least, most))
    shown = "%H:%M" if last - now < timedelta(hours=20) else "%d %b %H:%M"
    if last - first < timedelta(minutes=1):
        return f"at {first.strftime(shown)} UTC"
    return f"from {first.strftime(shown)} to {last.strftime(shown)} UTC"
