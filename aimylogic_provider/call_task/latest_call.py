"""``only_new`` of one call: whom another run of the task called lately, and what it takes to call again on purpose."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aimylogic_provider.airflow_task.argument_checks import YEAR, says_yes

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.idempotence.keys import Intent
    from aimylogic_provider.idempotence.record.latest_call import LatestCall
    from aimylogic_provider.operators.add_phone import AddPhoneOperator

__all__ = ["check_only_new", "latest_call"]


def check_only_new(only_new: object) -> None:
    """Check the argument ``only_new`` of one call.

    :raises ValueError: if it can't be used
    """
    if only_new is None:
        return
    if not isinstance(only_new, timedelta) or not 0 < only_new.total_seconds() <= YEAR:
        raise ValueError(
            f"only_new {only_new!r} can't be used: give a timedelta of up to a year, as in timedelta(hours=1), or None"
        )


def latest_call(task: AddPhoneOperator, context: Context, intent: Intent) -> LatestCall | None:
    """Return who called the person last, if other runs of the task are heeded.

    :raises Exception: if it can't be reached
    """
    if task.only_new is None:
        return None
    from aimylogic_provider.airflow_task.second_record_stores import rows_of_all_runs
    from aimylogic_provider.idempotence.record.latest_call import LatestCall, Lifted, OnlyNew
    from aimylogic_provider.idempotence.server_time import SystemClock
    from aimylogic_provider.idempotence.time_limits import CALL_AGAIN_AFTER

    ti, run_after = context["ti"], context["dag_run"].run_after
    lifted, unclear = None, ""
    try:
        if says_yes(intent.call_again):
            lifted = Lifted(CALL_AGAIN_AFTER, None if run_after is None else run_after.timestamp())
    except ValueError as error:
        unclear = f"{error}"  # told where it would decide: as part of the key it may be any text
    index = -1 if ti.map_index is None else ti.map_index
    return LatestCall(
        rows_of_all_runs(context, task.call_list_path),
        intent,
        OnlyNew(task.only_new.total_seconds(), CALL_AGAIN_AFTER, lifted, unclear),
        instance=f"{index}, {intent.iteration}",
        try_number=ti.try_number,
        clock=SystemClock(),
        log=task.log,
    )
