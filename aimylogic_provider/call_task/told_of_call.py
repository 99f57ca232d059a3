"""What a task's end tells of its one call: in words, and counted as in a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.idempotence.errors import ParkedError, RefusedCallError

if TYPE_CHECKING:
    from aimylogic_provider.idempotence.attempt import AddPhoneAttempt

__all__ = ["counts_in_words", "counts_of_call", "result_in_words"]


def result_in_words(result: Any, attempt: AddPhoneAttempt | None, *, is_new: bool) -> str:
    """What the task returns: the job's id, or what became of the job.

    :param is_new: whether this try found out that the job is created
    """
    if isinstance(result, Mapping):
        told = f"call job {result['call_job_id']} is over: {result['status']}"
        return told if result["attempts"] is None else f"{told}, {result['attempts']} attempts"
    phone = "" if attempt is None else f" for {attempt.intent.call.masked_phone}"
    return f"call job {result}{phone} {'is created' if is_new else 'was created before'}"


def counts_of_call(attempt: AddPhoneAttempt | None, error: BaseException | None) -> Mapping[str, Any]:
    """Of the one call: what it is, as a report counts it; none if it is not known to be any of that."""
    record = None if attempt is None else attempt.call.record
    is_created = record is not None and record.job is not None
    is_unknown = isinstance(error, ParkedError) or bool(record is not None and record.unanswered)
    return {} if error is None and not is_created else {
        "created": int(is_created),
        "rejected": int(isinstance(error, RejectedError)),
        "refused": int(isinstance(error, RefusedCallError)),
        "unknown": int(is_unknown),
    }  # fmt: skip


def counts_in_words(counts: Mapping[str, Any]) -> str:
    """The same in a few words."""
    told = [name for name in ("created", "rejected", "refused", "unknown") if counts[name]]
    return f"1 call: {', '.join(told) or 'not created'}"
