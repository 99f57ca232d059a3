"""GetCampaignOperator: a campaign's name, status and counts, for the tasks that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.campaign_task.campaign_base import CampaignBase
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments
    from aimylogic_provider.calls_api.client import CampaignClient
    from aimylogic_provider.calls_api.reports import Campaign

__all__ = ["GetCampaignOperator"]


class GetCampaignOperator(CampaignBase, BaseOperator):
    """Ask for an Aimylogic campaign, and change nothing.

    Returns a dictionary: ``id``, ``name``, ``status`` (as the server words it: ``new``, ``planned``, ``inProgress`` or
    ``inProcess``, ``paused``, ``finished``, ``deleted``; the list may grow), and the counts ``total_numbers``,
    ``processed_numbers``, ``in_process_calls``, ``retry_calls`` (numbers tried more than once) and
    ``max_simultaneous_calls``. What the server doesn't tell is None. Calls API, "campaign".

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
        """Ask for the campaign.

        :raises AirflowFailException: if there is none, or the connection can't be used
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.calls_api import endpoints
        from aimylogic_provider.campaign_task.action_errors import asked
        from aimylogic_provider.hooks.connection_test_message import in_words

        with self._ending():
            client = self._client()
            campaign = asked(client, endpoints.campaign()).value
        self._in_words = in_words(campaign, client.address)
        return _as_json(campaign, client)

    def _result_in_words(self, result: Any) -> str:
        return self._in_words[:1].lower() + self._in_words[1:]


def _as_json(campaign: Campaign, client: CampaignClient) -> dict[str, Any]:
    """A campaign as plain values, without a text that holds the token."""
    short = campaign.more.get("shortReport")
    report = short if isinstance(short, Mapping) else {}
    told = {"id": campaign.id, "name": campaign.name, "status": campaign.status}
    return {
        **{
            name: None if text is None or client.address.is_given_away_by(text) else text for name, text in told.items()
        },
        "total_numbers": campaign.total_numbers,
        "processed_numbers": campaign.processed_numbers,
        "in_process_calls": _count(report.get("inProcessCalls")),
        "retry_calls": _count(report.get("retryCalls")),
        "max_simultaneous_calls": _count(campaign.more.get("maxSimultaneousCalls")),
    }


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
