"""Whenever a sync has added calls to the campaign: waits until they are over, and brings home how they ended.

Starts by the event of the campaign's asset, which any task makes that has added calls to it: in this folder, those of
``warehouse_to_campaign``, say. A sync that found nobody to call makes none, so nothing starts for nothing. Needs the
connections ``aimylogic_default`` and ``warehouse``, as they do.

An event tells the counts and the list. One without a list is of a single call, and is only counted; if there is no
other, the rest is skipped. So it is if you trigger the DAG by hand: there is no event then. A task that is cleared
makes its event again: its calls are over by then, and what is home already stays as it is.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, task

from aimylogic_provider.assets import campaign
from aimylogic_provider.sensors import CallJobSensor
from aimylogic_provider.transfers import AimylogicToSqlOperator

SENT = campaign("aimylogic_default")

with DAG(
    dag_id="after_campaign_sent",
    schedule=[SENT],
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=4,
    tags=["aimylogic", "example"],
    default_args={"retries": 4, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
) as dag:

    @task
    def what_was_sent(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        """The reports of the syncs that started this run."""
        told = [event.extra for event in triggering_asset_events[SENT]]
        reports = [one for one in told if "call_list" in one]
        single = sum(one.get("created", 0) for one in told if "call_list" not in one)
        logging.getLogger(__name__).info(
            "%d calls were created of the %d rows of %d lists, and %d single ones.",
            sum(one["created"] for one in reports), sum(one["rows"] for one in reports), len(reports), single,
        )  # fmt: skip
        return reports  # of an empty list, Airflow skips whatever is mapped over it

    over = CallJobSensor.partial(
        task_id="until_they_are_over",
        poke_interval=timedelta(minutes=1),
        timeout=timedelta(days=2),
        deferrable=True,
    ).expand(call_list=what_was_sent())
    over >> AimylogicToSqlOperator(task_id="bring_reports_home", sql_conn_id="warehouse")
