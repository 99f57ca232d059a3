"""StopCampaignOperator: a campaign is stopped, however often that is asked for."""

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

__all__ = ["StopCampaignOperator"]


class StopCampaignOperator(CampaignBase, BaseOperator):
    """Stop an Aimylogic campaign, for good: it takes no numbers, and starts no call any more.

    Its status is looked at before and after: a campaign that is stopped already is a success, and so a repeat is
    harmless. A request whose answer is lost is settled by that look, and repeated where it had no effect. To have it
    only rest, use :class:`~aimylogic_provider.operators.PauseCampaignOperator`.

    Returns a dictionary: ``status`` and ``was``, the campaign's status now and before, and ``changed``, whether this
    try had it changed. Calls API, "control/stop".

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
        """Have the campaign be stopped, and return its status now and before.

        :raises AirflowFailException: if it can't be, or the server refuses
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.campaign_task.status_control import STOPPED, reach

        with self._ending():
            return reach(STOPPED, self._client(), self.log)

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.campaign_task.status_control import STOPPED, reached_in_words

        return reached_in_words(STOPPED, result)
