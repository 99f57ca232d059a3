"""Whether the job that a person names can be adopted as a call's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aimylogic_provider.calls_api.phone import same_phone
from aimylogic_provider.idempotence.keys import Intent
from aimylogic_provider.idempotence.records import Record
from aimylogic_provider.idempotence.rulings import Choice, Ruling

__all__ = ["unfit"]


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
    if same_phone(ruling.job, intent.call.phone):
        return "that is the phone, not a call job"
    if any(other.job and other.job.id == ruling.job and other.person != intent.person for other in others):
        return f"call job {ruling.job} is another call's"
    if ruling.job in ruling.question.candidates:
        return None
    if record.parameters.campaign != intent.parameters.campaign:
        return None  # a campaign that can't be asked from here is the person's to look into
    if ruling.job in jobs_of_the_phone():
        return None
    return f"the campaign's report shows no job {ruling.job} for this phone"
