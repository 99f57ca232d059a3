"""What became of one call job, as a task returns it: plain values, without the phone."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.reports import CallJob
    from aimylogic_provider.hooks.aimylogic import AimylogicHook
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["report_of_job"]

_LONGEST = 20_000
"""Characters of JSON of what a script wrote; Airflow's database keeps it."""


def report_of_job(conn_id: str, job: str, log: Log) -> dict[str, Any]:
    """Ask the report for a job that is over, and for the repeats that the campaign's script made of it.

    :raises AirflowFailException: if it can't be asked
    :raises AirflowException: if another try may help
    """
    from aimylogic_provider.calls_api.errors import AimylogicError, ApiError
    from aimylogic_provider.calls_api.statuses import job_status, shown_status
    from aimylogic_provider.hooks.aimylogic import AimylogicHook
    from aimylogic_provider.retries.task_failures import failed

    hook = AimylogicHook(conn_id)
    try:
        found = next((one for one in hook.get_call_jobs(ids=[job]) if one.id == job), None)
        if found is None:
            raise AirflowException(
                f"The report doesn't show call job {job} any more, which was over: the next try asks"
            )
    except ApiError as error:
        raise failed(error) from None
    except AimylogicError as error:
        raise AirflowFailException(str(error)) from None
    redials = _redials(hook, found, log)
    if redials:
        log.info("The campaign's script called again: call jobs %s.", ", ".join(redials))
    log.info("The call is over: %s.", found)
    return {
        "call_job_id": job,
        "status": job_status(shown_status(found.status) or "unknown"),
        "created_at": _moment(found.created_at),
        "finished_at": _moment(found.finished_at),
        "attempts": found.attempts_count,
        "call_seconds": found.call_duration,
        "tag_name": _bounded("tagName", found.more.get("tagName"), log),
        "tag_payload": _bounded("tagPayload", found.more.get("tagPayload"), log),
        "report_data": _bounded("reportData", found.more.get("reportData"), log),
        "redials": redials,
    }


def _redials(hook: AimylogicHook, of: CallJob, log: Log) -> list[str] | None:
    """The repeats of a job: of its phone, made by the script, and no earlier. None if they can't be known."""
    from aimylogic_provider.calls_api.errors import AimylogicError

    try:
        jobs = hook.get_call_jobs(phones=[of.phone])
    except AimylogicError as error:
        log.warning("Whether the campaign's script called again can't be told: %s.", error)
        return None
    return [
        one.id for one in jobs
        if one.id != of.id and one.redial_number is not None
        and (one.created_at is None or of.created_at is None or one.created_at >= of.created_at)
    ]  # fmt: skip


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _bounded(name: str, value: object, log: Log) -> object:
    """What a script wrote, unless it is too long for Airflow's database."""
    if (length := len(json.dumps(value, default=str))) <= _LONGEST:
        return value
    log.warning("%s has %s characters of JSON, and is left out: ask for it by the hook.", name, f"{length:,}")
    return None
