"""PauseCampaignOperator: a campaign is paused, however often that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.campaign_task.campaign_base import CampaignBase
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments

__all__ = ["PauseCampaignOperator"]


class PauseCampaignOperator(CampaignBase, BaseOperator):
    """Pause an Aimylogic campaign: no new call starts until it is resumed; one that is under way goes on.

    Its status is looked at before and after: a campaign that is paused already is a success, and so a repeat is
    harmless. A request whose answer is lost is settled by that look, and repeated where it had no effect. A stopped
    campaign can't be paused: that fails without retries.

    Returns a dictionary: ``status`` and ``was``, the campaign's status now and before, and ``changed``, whether this
    try had it changed. Calls API, "control/pause".

    :param aimylogic_conn_id: the connection: one campaign. (templated)
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    def __init__(
        self,
        *,
        aimylogic_conn_id: str = "aimylogic_default",
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Unpack[RetriedTaskArguments],
    ) -> None:
        super().__init__(aimylogic_conn_id=aimylogic_conn_id, **policy_argument(retry_policy), **kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        """Have the campaign be paused, and return its status now and before.

        :raises AirflowFailException: if it can't be, or the server refuses
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.campaign_task.status_control import PAUSED, reach

        with self._ending():
            return reach(PAUSED, self._client(), self.log)

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.campaign_task.status_control import PAUSED, reached_in_words

        return reached_in_words(PAUSED, result)
