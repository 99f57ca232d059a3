"""What all operators have that act on a campaign, or look at it: its connection, its fields' templates, their ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException
from aimylogic_provider.airflow_task.masked_rendering import RendersMasked
from aimylogic_provider.retries.policy_argument import HasRetryPolicy
from aimylogic_provider.task_end.tells_end import TellsEnd

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.client import CampaignClient

__all__ = ["CampaignBase"]


class CampaignBase(HasRetryPolicy, TellsEnd, RendersMasked):
    """A task that asks a campaign for something, and adds no call.

    :param aimylogic_conn_id: the connection: one campaign. (templated)
    """

    template_fields: Sequence[str] = ("aimylogic_conn_id",)
    ui_color = "#e6f2ff"

    def __init__(self, *, aimylogic_conn_id: str = "aimylogic_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.aimylogic_conn_id = aimylogic_conn_id

    def _client(self) -> CampaignClient:
        """The client of the campaign that is meant."""
        from aimylogic_provider.airflow_task.template_values import blank_as_nothing
        from aimylogic_provider.hooks.aimylogic import AimylogicHook

        blank_as_nothing(self, aimylogic_conn_id=AimylogicHook.default_conn_name)
        return AimylogicHook(self.aimylogic_conn_id).get_conn()

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """End the task as Airflow's users expect it: with a retry where one can help, and without where none can."""
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.calls_api.errors import ApiError, RejectedError
        from aimylogic_provider.campaign_report.report_errors import ReportNotReadError
        from aimylogic_provider.campaign_task.action_errors import ActionError, in_words
        from aimylogic_provider.retries.task_failures import failed
        from aimylogic_provider.sql_database.errors import TablesError

        try:
            yield
        except RejectedError as error:
            raise AirflowFailException(f"Rejected before any request: {error}") from None
        except ApiError as error:
            raise failed(error, in_words(error)) from None
        except (ActionError, CallListError, ReportNotReadError, TablesError) as error:
            raise failed(error) from None
