"""Whether the job that a person names can be adopted as a call's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from aimylogic_provider.calls_api.phones.phone import mask_phone, same_phone
from aimylogic_provider.idempotence.human_answer import Choice, Ruling
from aimylogic_provider.idempotence.keys import Intent
from aimylogic_provider.idempotence.record.records import Record

__all__ = ["shown_job", "unfit", "without_phone"]

_LONGEST_ID = 10
"""Digits. A longer one could be a phone, for people mistake one for the other."""


def unfit(
    ruling: Ruling,
    intent: Intent,
    record: Record,
    others: Iterable[Record],
    jobs_of_the_phone: Callable[[], Iterable[str]],
) -> str | None:
    """Return why a ruling can't be followed, or None if it can, as all can but some adoptions.

    :param record: of the call
    :param others: the task instance's other records
    :param jobs_of_the_phone: asks the campaign's report, for a job that the question did not name
    """
    if ruling.choice is not Choice.ADOPT:
        return None
    if ruling.job is None:
        return "no call job was named"
    if _is_phone(ruling.job, intent):
        return "that is the phone, not a call job"
    if any(other.job and other.job.id == ruling.job and other.person != intent.person for other in others):
        return f"call job {shown_job(ruling)} is another call's"
    if ruling.job in ruling.question.candidates:
        return None
    if record.parameters.campaign != intent.parameters.campaign:
        return None  # a campaign that can't be asked from here is the person's to look into
    if ruling.job in jobs_of_the_phone():
        return None
    return f"the campaign's report shows no job {shown_job(ruling)} for this phone"


def shown_job(ruling: Ruling) -> str:
    """Return the job that a person named, as it may be shown."""
    if ruling.job is None:
        return "(none named)"
    plain = ruling.job.isascii() and ruling.job.isdigit() and len(ruling.job) <= _LONGEST_ID
    return ruling.job if plain or ruling.job in ruling.question.candidates else mask_phone(ruling.job)


def without_phone(ruling: Ruling, intent: Intent) -> Ruling:
    """Return a ruling to be shown: if it names the call's phone for a job, with that masked."""
    named = ruling.job
    return ruling if named is None or not _is_phone(named, intent) else replace(ruling, job=mask_phone(named))


def _is_phone(job: str, intent: Intent) -> bool:
    """Whether what was named is the call's phone, with its country code or without."""
    phone = intent.call.phone
    return same_phone(job, phone) or (len(job) >= 7 and phone.endswith(job))
