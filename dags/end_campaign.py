"""A campaign comes to its end, when a person says so and names it: stopped, seen to be over, and counted.

Needs the connection ``aimylogic_default``. A stopped campaign takes no numbers any more, and what it has not called yet
ends as ``notDone``; only in Aimylogic it can be started again. To have it only rest, pause it. So its name is asked for
in the form: whoever only clicks *Trigger* stops nothing. Each step can be tried again, or cleared, without harm.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

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
    params={
        "campaign": Param(
            "",
            type="string",
            title="Campaign that ends for good",
            description="Its name, as Aimylogic and the page Campaigns show it. It calls nobody any more then.",
        )
    },
):

    @task
    def is_meant(campaign: dict[str, Any], params: Any = None) -> None:
        """Go on only if the connection's campaign is the one that was named."""
        from airflow.providers.common.compat.sdk import AirflowFailException

        named = params["campaign"].strip()
        if named != campaign["name"]:
            raise AirflowFailException(
                f"the campaign of aimylogic_default is {campaign['name']!r}, and {named!r} is named in the form: "
                "nothing is stopped. Trigger the DAG again with its name, if that one is to end"
            )

    meant = is_meant(GetCampaignOperator(task_id="find").output)
    stop = StopCampaignOperator(task_id="stop")
    over = CampaignStatusSensor(task_id="is_over", status="finished", timeout=timedelta(hours=1))
    meant >> stop >> over >> GetCampaignOperator(task_id="look")
