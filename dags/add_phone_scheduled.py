"""Every morning, one call: the person on duty is told that the night's report is ready.

Needs the connection ``aimylogic_default``. A retry, at whatever time, finds the same call job, and so does a clear. Who
is called when:

- *Unpaused*: the person is called at once, for the last nine o'clock that has passed, as Airflow does with every
  schedule.
- *Triggered by hand*: called, once within an hour.
- *Backfill*, of whatever days: nobody is called. Nor for days that a scheduler comes to only a day later or more, as
  with ``catchup=True``.
- *A run is cleared*, on its day or any day after: the person is called if that run hasn't called yet, as after a
  failure, and nobody called within the last hour. Whom it did call it doesn't call again. A run that came too late is
  to be cleared as a whole: the call alone would be skipped again. A cleared backfill calls nobody, either.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, task

from aimylogic_provider.operators import AddPhoneOperator


@task.short_circuit
def not_for_days_gone_by(dag_run: Any = None) -> bool:
    """Whether somebody is to be called: a person triggered or cleared the run, or it comes within its day."""
    if dag_run.run_type in ("manual", "backfill"):
        return bool(dag_run.run_type == "manual")
    return bool(dag_run.clear_number) or datetime.now(UTC) - dag_run.run_after < timedelta(days=1)


with DAG(
    dag_id="add_phone_scheduled",
    schedule="0 9 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Moscow")),
    catchup=False,
    tags=["aimylogic", "example"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
):
    not_for_days_gone_by() >> AddPhoneOperator(
        task_id="call_person_on_duty",
        phone="{{ var.value.get('phone_on_duty', '+1 202 555 0123') }}",  # without the variable, nobody's number
        payload={"report": "nightly", "date": "{{ dag_run.run_after | ds }}"},
        gmt_zone="Europe/Moscow",
        only_new=timedelta(hours=1),
    )
