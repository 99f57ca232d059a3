"""What reports show of jobs, attempts and campaigns. Neither payload nor key: a job is found by phone and time only.

Rows as plain values; which of them a request is answered with is for ``http.calls_routes``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from aimylogic_provider.emulator.world.campaign import ServedCampaign
from aimylogic_provider.emulator.world.dialling.dialler import finished_at, started_at
from aimylogic_provider.emulator.world.jobs import Attempt, Result, ServedJob, Span, State
from aimylogic_provider.emulator.world.phones import phone_in_reports
from aimylogic_provider.emulator.world.settings import Settings

__all__ = [
    "attempt_row",
    "attempts_by_date",
    "campaign_row",
    "campaign_status",
    "counts_by_status",
    "job_row",
    "job_status",
    "jobs_by_date",
    "unfinished",
]


T = TypeVar("T")


def job_row(job: ServedJob, now: float, settings: Settings) -> dict[str, object]:
    """A job as callJob reports show it."""
    attempts = job.attempts_by(now)
    ended = [attempt for attempt in attempts if attempt.ended <= now]
    return {
        "callJobId": job.id,
        "phone": phone_in_reports(job.phone, settings.phones_as),
        "createdAt": _time(job.created, settings),
        "finishedAt": _time(job.finished_by(now), settings),
        "jobStatus": job_status(job, now, settings),
        "attemptsCount": len(attempts),
        "callDuration": sum(attempt.talk for attempt in ended),
        **_script_fields(job, ended[-1] if ended else None),
    }


def attempt_row(job: ServedJob, attempt: Attempt, now: float, settings: Settings) -> dict[str, object]:
    """An attempt as callAttempt reports show it."""
    is_over = attempt.ended <= now
    return {
        "callJobId": job.id,
        "phone": phone_in_reports(job.phone, settings.phones_as),
        "attemptNumber": attempt.number,
        "startedAt": _time(attempt.started, settings),
        "finishedAt": _time(attempt.ended if is_over else None, settings),
        "callResult": _answer(job) if is_over and _has_answer(attempt) else None,
        "callDuration": attempt.talk if is_over else None,
        "jobStatus": job_status(job, now, settings),
        **_script_fields(job, attempt if is_over else None),
    }


def jobs_by_date(
    campaign: ServedCampaign, now: float, created: Span, finished: Span, start: int, size: int
) -> list[ServedJob]:
    """A page of the jobs created, or finished, in a time range (in both, if both are given)."""
    begin, end = created.until(now - campaign.settings.report_lag)
    if finished == Span():
        jobs = campaign.jobs
        first, last = bisect_left(jobs, begin, key=_created), bisect_right(jobs, end, key=_created)
        return _page(campaign, jobs, first, last, start, size)
    after, before = finished.until(now)
    ended = campaign.dialler.finished
    chosen = [
        job
        for job in ended[bisect_left(ended, after, key=finished_at) : bisect_right(ended, before, key=finished_at)]
        if begin <= job.created <= end
    ]
    return _page(campaign, chosen, 0, len(chosen), start, size)


def unfinished(campaign: ServedCampaign, now: float, start: int, size: int) -> list[ServedJob]:
    """A page of the jobs that are open."""
    shown = now - campaign.settings.report_lag
    held, ended = campaign.dialler.open, campaign.dialler.finished
    order: Iterable[ServedJob] = held.values() if _oldest_first(campaign) else reversed(held.values())
    if ended and finished_at(ended[-1]) > now:  # the clock was set back: they are open again, as far as reports tell
        again = ended[bisect_right(ended, now, key=finished_at) :]
        order = sorted([*held.values(), *again], key=lambda job: job.number, reverse=not _oldest_first(campaign))
    return list(islice((job for job in order if job.created <= shown), start, start + size))


def attempts_by_date(
    campaign: ServedCampaign, now: float, begun: Span, ended: Span, start: int, size: int
) -> list[dict[str, object]]:
    """A page of the attempts begun, or ended, in a time range (in both, if both are given)."""
    settings, attempts = campaign.settings, campaign.dialler.attempts
    shown = now - settings.report_lag
    after, before = begun.until(now)
    first, last = bisect_left(attempts, after, key=started_at), bisect_right(attempts, before, key=started_at)
    if ended == Span() and (first == last or attempts[last - 1][1].started <= shown):
        chosen = attempts  # no job begins before it was created, so that all of them show
    else:
        chosen = [
            (job, attempt)
            for job, attempt in attempts[first:last]
            if job.created <= shown and ended.holds(attempt.ended if attempt.ended <= now else None)
        ]
        first, last = 0, len(chosen)
    page = _page(campaign, chosen, first, last, start, size)
    return [attempt_row(job, attempt, now, settings) for job, attempt in page]


def campaign_row(campaign: ServedCampaign, now: float) -> dict[str, object]:
    """A campaign as the server shows it."""
    dialler, settings = campaign.dialler, campaign.settings
    return {
        "id": campaign.number,
        "name": campaign.name,
        "projectName": "Emulator",
        "creationDate": _time(campaign.created, settings),
        "botId": "emulator",
        "status": campaign_status(campaign),
        "startTime": _time(campaign.created, settings),
        "endTime": _time(campaign.ended, settings),
        "maxSimultaneousCalls": dialler.lines,
        "shortReport": {
            "totalNumbers": len(campaign.jobs),
            "processedNumbers": bisect_right(dialler.finished, now, key=finished_at),
            "usedTalkingTime": dialler.talk,
            "usedAsrSeconds": dialler.talk,
            "inProcessCalls": dialler.busy_lines,
            "retryCalls": len(dialler.retried_phones),
        },
    }


def job_status(job: ServedJob, now: float, settings: Settings) -> str:
    """A job's ``jobStatus``, in the words of the source that is served."""
    return _status(job.state(now), settings)


def campaign_status(campaign: ServedCampaign) -> str:
    """The campaign's status, in the words of the source that is served."""
    return campaign.settings.running_status if campaign.status == "inProgress" else campaign.status


def counts_by_status(campaign: ServedCampaign) -> dict[str, int]:
    """How many jobs are of each status, at the moment to which the campaign's calls were worked out."""
    dialler, settings = campaign.dialler, campaign.settings
    counts = {
        State.PLANNED.value: len(dialler.open) - dialler.busy_lines - dialler.waiting_for_retry,
        State.IN_PROCESS.value: dialler.busy_lines,
        State.ON_RETRY.value: dialler.waiting_for_retry,
    }
    counts.update((_status(ending, settings), number) for ending, number in dialler.finished_by_result.items())
    return {status: number for status, number in counts.items() if number}


def _oldest_first(campaign: ServedCampaign) -> bool:
    return campaign.settings.page_order == "oldest_first"


def _page(campaign: ServedCampaign, rows: Sequence[T], first: int, last: int, start: int, size: int) -> list[T]:
    if _oldest_first(campaign):
        return list(rows[min(first + start, last) : min(first + start + size, last)])
    end = max(last - start, first)
    return list(reversed(rows[max(end - size, first) : end]))


def _created(job: ServedJob) -> float:
    return job.created


def _status(state: str, settings: Settings) -> str:
    return settings.cancelled_status if state == State.CANCELLED else state


def _time(moment: float | None, settings: Settings) -> int | str | None:
    if moment is None:
        return None
    milliseconds = round(moment * 1000)
    if settings.times_as == "milliseconds":
        return milliseconds
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _has_answer(attempt: Attempt) -> bool:
    """Whether the campaign's script set a result in an attempt."""
    return attempt.result is Result.LONG_CALL_WITH_RESULT and not attempt.cut


def _answer(job: ServedJob) -> str:
    """What the script set, as by ``setCallResult()``."""
    return "agreed" if job.number * 2654435761 % 3 else "declined"


def _script_fields(job: ServedJob, attempt: Attempt | None) -> dict[str, object]:
    """What the campaign's script tells of an attempt; drawn from the job's number, so that it is always the same."""
    has_answer = attempt is not None and _has_answer(attempt)
    answer = _answer(job)
    return {
        "redialNumber": None if job.redial is None else str(job.redial),
        "tagName": answer if has_answer else None,
        "tagPayload": None,
        "reportData": {"answer": answer} if has_answer else None,
    }
