"""Which call a task means, by its fields as they were rendered, and the attempt to add it, of all that a try knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider.airflow_task.argument_checks import report_lag_seconds
from aimylogic_provider.airflow_task.run_context import (
    clear_number,
    is_first_try,
    is_last_try,
    is_mapped,
    run_began,
    was_cleared,
)
from aimylogic_provider.airflow_task.second_record_stores import other_tasks, second_record
from aimylogic_provider.airflow_task.task_loops import iteration
from aimylogic_provider.airflow_task.task_state import entry_store, warn_of_store
from aimylogic_provider.airflow_task.template_values import as_mapping, blank_as_nothing, check_rendered
from aimylogic_provider.call_task.latest_call import latest_call
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.hooks.aimylogic import AimylogicHook
from aimylogic_provider.idempotence import server_time
from aimylogic_provider.idempotence.attempt import AddPhoneAttempt
from aimylogic_provider.idempotence.keys import Intent, campaign_digest

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.operators.add_phone import AddPhoneOperator

__all__ = ["attempt_of"]


def attempt_of(task: AddPhoneOperator, context: Context, *, resumed: bool) -> AddPhoneAttempt:
    """Return an attempt to add the call that is meant.

    :param resumed: whether an earlier run of this try asked a person
    """
    call = _call(task)
    hook = AimylogicHook(task.aimylogic_conn_id)
    client = hook.get_conn()
    # Made once for its checks (the length of the URL), before anything is noted.
    client.address.url(endpoints.add_phone(call, test_call=task.test_call))
    if not resumed:
        warn_of_store(context, task.log)
    intent = _intent(task, context, call, campaign_digest(client.address))
    return AddPhoneAttempt(
        intent,
        store=entry_store(context),
        campaign=client,
        clock=server_time.SystemClock(),
        # Without a store, a try that goes on after a question would else be taken for one that sent nothing.
        first_try=is_first_try(context) and not resumed,
        clear_number=clear_number(context),
        run_began=run_began(context, resumed=resumed),
        report_lag=report_lag_seconds(task.report_lag),
        send_timeout=hook.send_timeout,
        log=task.log,
        second=second_record(context, task.call_list_path, task.log, wanted=task.second_record),
        cleared=was_cleared(context),
        others=other_tasks(context, intent.campaign, task.call_list_path, task.log),
        last=is_last_try(context),
        time_limit=None if task.execution_timeout is None else task.execution_timeout.total_seconds(),
        latest=latest_call(task, context, intent),
    )


def _call(task: AddPhoneOperator) -> Call:
    """The call, of the fields as they were rendered.

    :raises RejectedError: if one can't be used
    """
    blank_as_nothing(task, phone=task.phone, aimylogic_conn_id=AimylogicHook.default_conn_name)
    check_rendered(task._noted)
    payload = as_mapping("payload", task.payload)
    if not isinstance(task.test_call, bool):
        raise RejectedError(f"test_call {task.test_call!r} can't be used: give True or False")
    return Call.of(
        task.phone,
        payload,
        task.gmt_zone,
        phone_region=task.phone_region,
        phone_reading=task.phone_reading,
        phone_check=task.phone_check,
        countries=task.countries,
    )


def _intent(task: AddPhoneOperator, context: Context, call: Call, campaign: str) -> Intent:
    """Which call this is, among all of all tasks.

    :param campaign: its digest
    """
    ti = context["ti"]
    return Intent(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        campaign=campaign,
        call=call,
        test_call=task.test_call,
        call_again="" if task.call_again is None else str(task.call_again),
        mapped=is_mapped(context),
        iteration=iteration(context),
    )
