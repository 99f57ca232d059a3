"""AddPhoneOperator: one call, added exactly once per DAG run, however often its task is tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from aimylogic_provider.idempotence.one_try import Try

__all__ = ["AddPhoneOperator"]


class AddPhoneOperator(BaseOperator):
    """Add one phone number to an Aimylogic campaign, exactly once per DAG run.

    However the task fails, and whenever its retry comes, the person is not called twice and not missed. What can't be
    known is parked: the task fails without further retries and says what is known and which ways out there are.

    Returns the call job's id, as text. Calls API, "Adding phone numbers from CRM systems".

    :param phone: the number, in any writing with country code: ``+7 912 345-67-89``, ``79123456789``. (templated)
    :param payload: flat names and values, which the campaign's script reads. (templated)
    :param gmt_zone: the person's time zone, as in ``+03:30`` or ``Europe/Moscow``; the number's own if left out.
        (templated)
    :param phone_region: two-letter code of the country whose national numbers are understood, as in ``RU``
    :param aimylogic_conn_id: the connection: one campaign. (templated)
    :param test_call: use the campaign's address for testing, which lets the same number be added again and again
    :param call_again: any text; changing it is the one deliberate way to have the same DAG run call the same person
        again. (templated)
    :param report_lag: how long a new job may take to show in the campaign's report; a timedelta, or seconds
    """

    template_fields: Sequence[str] = ("phone", "payload", "gmt_zone", "call_again", "aimylogic_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"payload": "json"}
    ui_color = "#e6f2ff"

    def __init__(
        self,
        *,
        phone: str | int,
        payload: Mapping[str, object] | None = None,
        gmt_zone: str | None = None,
        phone_region: str | None = None,
        aimylogic_conn_id: str = "aimylogic_default",
        test_call: bool = False,
        call_again: str | None = None,
        report_lag: timedelta | float = timedelta(minutes=10),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.phone = phone
        self.payload = payload
        self.gmt_zone = gmt_zone
        self.phone_region = phone_region
        self.aimylogic_conn_id = aimylogic_conn_id
        self.test_call = test_call
        self.call_again = call_again
        self.report_lag = report_lag

    def execute(self, context: Context) -> str:
        """Add the number, or find that it was added; return the call job's id.

        :raises AirflowFailException: if another try can't help by itself: rejected, refused, parked
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.idempotence.one_try import NotAddedError
        from aimylogic_provider.idempotence.records import RecordError

        try:
            return self._try(context).run()
        except (RejectedError, RecordError) as error:
            raise AirflowFailException(f"Rejected before any request: {error}") from None
        except NotAddedError as error:
            raise (AirflowException if error.retryable else AirflowFailException)(str(error)) from None

    def _try(self, context: Context) -> Try:
        from aimylogic_provider.calls_api import endpoints
        from aimylogic_provider.calls_api.call import Call
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.hooks.aimylogic import AimylogicHook
        from aimylogic_provider.idempotence.keys import Intent, campaign_digest
        from aimylogic_provider.idempotence.one_try import Try
        from aimylogic_provider.operators.airflow_ports import (
            SystemClock,
            clear_number,
            entry_store,
            is_first_try,
            is_mapped,
            run_began,
        )

        if not isinstance(self.test_call, bool):
            raise RejectedError(f"test_call {self.test_call!r} can't be used: give True or False")
        hook = AimylogicHook(self.aimylogic_conn_id)
        client = hook.get_conn()
        call = Call.of(self.phone, self.payload, self.gmt_zone, phone_region=self.phone_region)
        # Made once for its checks (the length of the URL), before anything is noted.
        client.address.url(endpoints.add_phone(call, test_call=self.test_call))
        ti = context["ti"]
        return Try(
            Intent(
                dag_id=ti.dag_id,
                run_id=ti.run_id,
                task_id=ti.task_id,
                campaign=campaign_digest(client.address),
                call=call,
                test_call=self.test_call,
                call_again="" if self.call_again is None else str(self.call_again),
                mapped=is_mapped(context),
            ),
            store=entry_store(context, self.log),
            campaign=client,
            clock=SystemClock(),
            first_try=is_first_try(context),
            clear_number=clear_number(context),
            run_began=run_began(context),
            report_lag=self._report_lag_seconds(),
            send_timeout=hook.send_timeout,
            log=self.log,
        )

    def _report_lag_seconds(self) -> float:
        from aimylogic_provider.calls_api.errors import RejectedError

        lag = self.report_lag
        seconds = lag.total_seconds() if isinstance(lag, timedelta) else lag
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 12 * 3600:
            raise RejectedError(f"report_lag {lag!r} can't be used: give a timedelta from 0 to under 12 hours")
        return float(seconds)
