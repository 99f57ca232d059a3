"""Looking for call jobs among all: by id, phone, key, status and campaign."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aimylogic_provider.emulator.world.campaigns import ServedCampaigns
from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.phones import canonical_if_phone
from aimylogic_provider.emulator.world.reports import job_status

__all__ = ["JobSearch", "found_jobs"]

_NUMBER = re.compile(r"\+?[0-9 ()./\-]+")
_MASKED = re.compile(r"\+?([0-9]*)\*+([0-9]*)")


@dataclass(frozen=True, slots=True)
class JobSearch:
    """Which jobs are looked for; all that is given must hold.

    :param text: an id, a part of a phone (or one that is masked, as pages show it), or of an idempotence key
    :param status: as reports show it
    :param campaign: its number
    :param newest: the number of the newest job that counts; None for all
    """

    text: str = ""
    status: str = ""
    campaign: int | None = None
    newest: int | None = None


def found_jobs(campaigns: ServedCampaigns, wanted: JobSearch, now: float) -> Sequence[ServedJob]:
    """Return the jobs that are looked for, oldest first, as they are at a moment up to which calls were worked out."""
    jobs = campaigns.all_jobs()
    if wanted.newest is not None and jobs:
        jobs = jobs[: max(0, wanted.newest - jobs[0].number + 1)]
    if wanted.campaign is not None:
        jobs = [job for job in jobs if job.campaign == wanted.campaign]
    if text := wanted.text.strip():
        is_meant = _matcher(text)
        jobs = [job for job in jobs if is_meant(job)]
    if wanted.status:
        settings = campaigns.settings
        jobs = [job for job in jobs if job_status(job, now, settings) == wanted.status]
    return jobs


def _matcher(text: str) -> Callable[[ServedJob], bool]:
    if masked := _MASKED.fullmatch(text):
        begins, ends = masked.groups()
        return lambda job: job.phone.startswith(begins) and job.phone.endswith(ends)
    if _NUMBER.fullmatch(text):
        digits = re.sub("[^0-9]", "", canonical_if_phone(text))
        return lambda job: digits in job.phone or digits == str(job.number) or text in (job.key or "")
    return lambda job: text in (job.key or "")
