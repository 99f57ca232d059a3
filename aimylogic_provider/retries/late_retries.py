"""A warning while a DAG is parsed: its retries go on for longer than a key protects, and nothing is recorded."""

from __future__ import annotations

import warnings

from aimylogic_provider.retries.task_delays import RetrySettings

__all__ = ["warn_of_late_retries"]


def warn_of_late_retries(task_id: object, settings: object, *, recorded: bool) -> None:
    """Warn if retries may come too late to be safe by the idempotence key. For an Airflow that keeps no record alone.

    :param settings: what has the task's ``retries`` and ``retry_delay`` as attributes
    :param recorded: whether this package keeps a record of its own
    """
    from aimylogic_provider.idempotence.time_limits import KEY_WINDOW

    found = RetrySettings.of(settings)
    if recorded or found is None or not _outlast(found, KEY_WINDOW):
        return
    warnings.warn(
        f"Task {task_id}: its retries go on for more than 24 hours, for which an idempotence key protects, and this "
        "Airflow keeps no record of what was sent (3.3 does): later retries are parked if the campaign holds jobs for "
        "the phone. Set call_list_path, with second_record, or have retries and retry_delay end within the day",
        UserWarning,
        stacklevel=3,
    )


def _outlast(settings: RetrySettings, seconds: float) -> bool:
    waited = 0.0
    for delay in settings.all_delays():
        waited += delay
        if waited > seconds:
            return True
    return False
