"""The oracle: what the emulator knows and the Calls API doesn't tell. Whole jobs, who would be rung, the page.

It makes the types of ``admin_types`` from the world; the paths that serve them stand in ``admin_routes``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.phone import canonical_phone, mask_phone
from aimylogic_provider.emulator.http.admin_types import CampaignView, JobView, Overview, Requests, Rings
from aimylogic_provider.emulator.world.campaign import ServedCampaign
from aimylogic_provider.emulator.world.job_search import JobSearch, found_jobs
from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.phones import canonical_if_phone
from aimylogic_provider.emulator.world.reports import campaign_status, counts_by_status, job_status
from aimylogic_provider.emulator.world.state import EmulatorState

__all__ = ["campaign_view", "job_views", "jobs_of", "journal_view", "overview", "read_payload", "rings"]

_SHOWN = 50
_LONG_NUMBER = re.compile(r"[0-9]{9,}")
K = TypeVar("K", str, str | None)


def campaign_view(state: EmulatorState, campaign: ServedCampaign) -> CampaignView:
    """A campaign."""
    campaign.dialler.run(state.clock.now())
    return CampaignView(
        number=campaign.number,
        name=campaign.name,
        token=_masked_token(campaign.token),
        status=campaign_status(campaign),
        lines=campaign.dialler.lines,
        jobs=len(campaign.jobs),
        by_status=counts_by_status(campaign),
    )


def job_views(state: EmulatorState, jobs: Sequence[ServedJob]) -> list[JobView]:
    """Jobs as they are now."""
    now = state.clock.now()
    for campaign in state.campaigns:
        campaign.dialler.run(now)
    return [
        JobView(
            id=job.id,
            campaign=job.campaign,
            phone=job.phone,
            payload=read_payload(job.payload or "{}"),
            gmt_zone=job.gmt_zone,
            key=job.key,
            test=job.test,
            created=job.created,
            finished=job.finished_by(now),
            status=job_status(job, now, state.settings),
            attempts=len(job.attempts_by(now)),
            rings=job.rings(),
            redial=job.redial,
            checks=job.checks or [],
        )
        for job in jobs
    ]


def jobs_of(state: EmulatorState, campaigns: Sequence[ServedCampaign], phone: str) -> list[ServedJob]:
    """The jobs of a person in some campaigns, oldest first.

    :raises ValueError: if none is known and *phone* isn't a number in use: a test would else pass for nothing
    """
    written = f"+{phone[1:]}" if phone.startswith(" ") else phone  # a raw plus in an address is read as a space
    now = state.clock.now()
    for campaign in campaigns:
        campaign.dialler.run(now)
    jobs = [job for campaign in campaigns for job in campaign.of_phone(canonical_if_phone(written))]
    if not jobs:
        try:
            canonical_phone(written)
        except RejectedError:
            raise ValueError(
                "phone isn't a number with a country code, so nobody can be rung by it: write it as in +79123456789"
            ) from None
    return sorted(jobs, key=lambda job: job.number)


def rings(jobs: Sequence[ServedJob], payload: dict[str, Any] | None) -> Rings:
    """Those jobs that have rung their person, or may yet.

    :param payload: count only those with just this one
    """
    wanted = None if payload is None else _sorted_text(payload)
    ids = [
        job.id
        for job in jobs
        if job.rings() and (wanted is None or wanted == _sorted_text(read_payload(job.payload or "{}")))
    ]
    return Rings(jobs=len(ids), ids=ids)


def _sorted_text(payload: dict[str, Any]) -> bytes:
    """Text, for to Python True is 1."""
    return msgspec.json.encode(payload, order="sorted")


def journal_view(state: EmulatorState, pending: int, last: int) -> Requests:
    """The journal's last lines."""
    lines = list(state.journal.lines)
    return Requests(
        counts=dict(state.journal.counts),
        outcomes=dict(state.journal.outcomes),
        pending=pending,
        requests=lines[max(0, len(lines) - last) :],
    )


def overview(state: EmulatorState, pending: int, wanted: JobSearch, start: int) -> Overview:
    """What the page shows: phones masked, also those that stand in keys; payloads left out.

    :param wanted: which jobs are looked for
    :param start: how many of them, from the newest on, were on the pages before
    """
    now = state.clock.now()
    for campaign in state.campaigns:
        campaign.dialler.run(now)
    found = found_jobs(state.campaigns, wanted, now)
    end = max(0, len(found) - start)
    jobs = job_views(state, found[max(0, end - _SHOWN) : end])
    all_jobs = state.campaigns.all_jobs()
    journal = journal_view(state, pending, _SHOWN)
    journal.requests = [replace(line, key=_masked_key(line.key)) for line in journal.requests]
    return Overview(
        clock=state.clock.reading(),
        campaigns=[campaign_view(state, campaign) for campaign in state.campaigns],
        jobs=[
            replace(job, phone=mask_phone(job.phone), key=_masked_key(job.key), payload={}) for job in reversed(jobs)
        ],
        found=len(found),
        newest=all_jobs[-1].id if all_jobs else "",
        journal=journal,
        faults=[
            replace(rule, phone=mask_phone(rule.phone) if rule.phone else "", key=_masked_key(rule.key))
            for rule in state.faults.rules
        ],
    )


def _masked_key(key: K) -> K:
    return key and _LONG_NUMBER.sub(lambda found: mask_phone(found[0]), key)


def _masked_token(token: str) -> str:
    """A token as it may be shown."""
    return f"{token[:4]}…{token[-2:]}" if len(token) >= 12 else "…"


def read_payload(text: str) -> dict[str, Any]:
    """Read a payload.

    :raises ValueError: if it isn't a JSON object
    """
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("payload isn't a JSON object") from None
