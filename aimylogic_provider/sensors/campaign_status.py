"""CampaignStatusSensor: waits until a campaign is in one of some states."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Unpack

from aimylogic_provider.airflow_task.airflow_imports import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
)
from aimylogic_provider.airflow_task.argument_checks import DEFAULT_CONN_ID, check_deferrable, is_deferrable
from aimylogic_provider.task_end.tells_end import TellsEnd
from aimylogic_provider.waiting_task.wait_or_defer import longest_deferral

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.base_operator_arguments import SensorArguments
    from aimylogic_provider.waiting.campaign_wait import CampaignWait

__all__ = ["CampaignStatusSensor"]


class CampaignStatusSensor(TellsEnd, BaseSensorOperator):
    """Wait until a campaign's status is one of some. Sends nothing.

    Returns the status as the server writes it. Calls API, "campaign status".

    :param status: to wait for: one, or a list, of ``new``, ``planned``, ``inProgress``, ``paused``, ``finished``,
        ``deleted``
    :param aimylogic_conn_id: the connection: one campaign. (templated)
    :param deferrable: wait in the triggerer; as Airflow's configuration says if left out
    """

    template_fields: Sequence[str] = ("aimylogic_conn_id",)
    ui_color = "#e6f2ff"

    def __init__(
        self,
        *,
        status: str | Sequence[str],
        aimylogic_conn_id: str = "aimylogic_default",
        deferrable: bool | None = None,
        **kwargs: Unpack[SensorArguments],
    ) -> None:
        from aimylogic_provider.calls_api.statuses import checked_campaign_statuses

        super().__init__(**kwargs)
        check_deferrable(deferrable)
        checked_campaign_statuses(status)
        self.status = status
        self.aimylogic_conn_id = aimylogic_conn_id
        self.deferrable = deferrable
        self._met: str | None = None
        self._wait: CampaignWait | None = None

    def execute(self, context: Context) -> str | None:
        """Wait; return the status that was met.

        :raises AirflowFailException: if it can't be met, or not be asked for
        :raises AirflowSensorTimeout: if the time is up; with ``soft_fail`` the task is skipped
        """
        self._take_blank_as_nothing()
        if is_deferrable(self.deferrable) and not self.poke(context):
            self._defer()
        elif not is_deferrable(self.deferrable):
            super().execute(context)
        return self._met

    def poke(self, context: Context) -> bool:
        """Ask once; whether the wait is over."""
        from aimylogic_provider.calls_api.errors import AimylogicError, ApiError
        from aimylogic_provider.calls_api.statuses import checked_campaign_statuses
        from aimylogic_provider.hooks.aimylogic import AimylogicHook
        from aimylogic_provider.waiting.campaign_wait import CampaignWait

        try:
            status = AimylogicHook(self.aimylogic_conn_id).get_campaign_status()
            if self._wait is None:
                self._wait = CampaignWait(checked_campaign_statuses(self.status), self.log)
            if self._wait.is_over(status):
                self._met = status
        except ApiError as error:
            if not error.retryable:
                raise AirflowFailException(str(error)) from None
            self.log.warning("%s. Asking again later.", error)
        except AimylogicError as error:
            raise AirflowFailException(str(error)) from None
        return self._met is not None

    def execute_after_wait(self, context: Context, event: dict[str, Any]) -> str:
        """Go on once the trigger has waited. Airflow calls it.

        :param event: how the wait ended
        :raises AirflowFailException: as :meth:`execute`
        :raises AirflowSensorTimeout: as :meth:`execute`
        """
        if event["error"]:
            raise AirflowFailException(event["error"])
        if event["status"] is None:
            raise (AirflowSkipException if self.soft_fail else AirflowSensorTimeout)(
                f"The campaign's status was none of those that are waited for in {timedelta(seconds=self.timeout)}"
                f"{event.get('failed', '')}. "
                "Clear the task to wait on"
            )
        return str(event["status"])

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.calls_api.statuses import shown_status

        return f"the campaign is {(result and shown_status(result)) or 'in a state of no known name'}"

    def _defer(self) -> None:
        from aimylogic_provider.calls_api.statuses import checked_campaign_statuses
        from aimylogic_provider.triggers.campaign_status import CampaignStatusTrigger

        trigger = CampaignStatusTrigger(
            aimylogic_conn_id=self.aimylogic_conn_id,
            statuses=checked_campaign_statuses(self.status),
            poll_interval=max(1.0, float(self.poke_interval)),
            until=time.time() + self.timeout,
        )
        self.log.info("Waiting in the triggerer.")
        self.defer(
            trigger=trigger,
            method_name="execute_after_wait",
            timeout=longest_deferral(trigger.until),
        )

    def _take_blank_as_nothing(self) -> None:
        from aimylogic_provider.airflow_task.template_values import blank_as_nothing

        blank_as_nothing(self, aimylogic_conn_id=DEFAULT_CONN_ID)
