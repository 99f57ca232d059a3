"""A campaign comes to its end, when a person says so: stopped, seen to be over, and counted.

Needs the connection ``aimylogic_default``. A stopped campaign takes no numbers any more, and what it has not called yet
ends as ``notDone``: to have it only rest, pause it. Each step can be tried again, or cleared, without harm.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from aimylogic_provider.operators import GetCampaignOperator, StopCampaignOperator
from aimylogic_provider.sensors import CampaignStatusSensor

with DAG(
    dag_id="end_campaign",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["aimylogic", "example"],
    default_args={"retries": 4, "retry_delay": timedelta(minutes=15)},
    doc_md=__doc__,
):
    stop = StopCampaignOperator(task_id="stop")
    over = CampaignStatusSensor(task_id="is_over", status="finished", timeout=timedelta(hours=1))
    stop >> over >> GetCampaignOperator(task_id="look")
