"""AimylogicHook: an Airflow connection made into a campaign's client."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from aimylogic_provider.airflow_task.airflow_imports import BaseHook

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.calls.call import ListedCall
    from aimylogic_provider.calls_api.client import Answer, CampaignClient
    from aimylogic_provider.calls_api.http_messages import Request
    from aimylogic_provider.calls_api.phones.phone import PhoneCheck, PhoneReading
    from aimylogic_provider.calls_api.reports import CallAttempt, CallJob, Campaign
    from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
    from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection

__all__ = ["AimylogicHook"]

T = TypeVar("T")


class AimylogicHook(BaseHook):
    """One Aimylogic campaign, by an Airflow connection of type ``aimylogic``.

    The connection's password is the campaign's token; host and port say where it is, Aimylogic's own host if left
    empty. Its extra may hold ``connect_timeout`` and ``read_timeout`` (seconds), ``verify`` (true, false or the path of
    certificates), ``proxies`` (URL by scheme), ``allow_plain_http`` (true, to send the token unencrypted beyond
    this machine) and ``person_secret`` (what caps know persons by, instead of Airflow's fernet key).

    Reading methods (``get_…``) repeat a request that failed for a passing reason, three times in all. All others send
    once, for a repeat could call a person twice: :class:`~aimylogic_provider.operators.AddPhoneOperator` knows when it
    is safe.

    :param aimylogic_conn_id: the connection
    """

    conn_name_attr = "aimylogic_conn_id"
    default_conn_name = "aimylogic_default"
    conn_type = "aimylogic"
    hook_name = "Aimylogic"

    def __init__(self, aimylogic_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.aimylogic_conn_id = aimylogic_conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the connection's form looks, for Airflow 3.1, which reads it here and not in the provider info."""
        from aimylogic_provider.hooks.connection_form import field_behaviour

        return field_behaviour()

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's further fields, for Airflow 3.1 as well."""
        from aimylogic_provider.hooks.connection_form import widgets

        return widgets()

    def get_conn(self) -> CampaignClient:
        """Return the campaign's client, which asks and sends without repeating.

        :raises ConnectionRejectedError: if the connection can't be used, saying what to set
        """
        return self._client

    @property
    def transport_settings(self) -> TransportSettings:
        """How requests are sent."""
        return self.campaign.settings

    @property
    def send_timeout(self) -> float:
        """Seconds after which a request has been given up."""
        return self.campaign.settings.total_timeout

    def add_phone(
        self,
        phone: str | int,
        payload: Mapping[str, object] | None = None,
        gmt_zone: str | None = None,
        *,
        idempotence_key: str | None = None,
        method: str = "POST",
        test_call: bool = False,
        phone_region: str | None = None,
        phone_reading: PhoneReading = "either",
        phone_check: PhoneCheck = "in use",
        countries: Collection[str] | None = None,
    ) -> str:
        """Add one number to the campaign, by one request, and return its call job's id.

        Calls API, "Adding phone numbers from CRM systems".

        :param phone: in any writing, with country code, or national with *phone_region*
        :param payload: flat names and values, which the campaign's script reads
        :param gmt_zone: the person's time zone, as in ``+03:30`` or ``Europe/Moscow``; None for the number's own
        :param idempotence_key: sent as given; a repeat with the same key is safe for 24 hours from its first use, and
            calls the person again after that. Without one, the server itself refuses a duplicate for 24 hours
        :param method: ``POST`` or ``GET``
        :param test_call: use the address for testing, which knows no duplicates
        :param phone_region: and the other rules of phones: as of
            :meth:`ListedCall.of <aimylogic_provider.calls_api.calls.call.ListedCall.of>`
        :raises RejectedError: if the call can't be sent as it is
        :raises ApiError: if it was not answered with an id; its ``known`` says whether it may have been added
        """
        from aimylogic_provider.calls_api.calls.call import Call

        call = Call.of(
            phone,
            payload,
            gmt_zone,
            phone_region=phone_region,
            phone_reading=phone_reading,
            phone_check=phone_check,
            countries=countries,
        )
        return self._client.add_phone(call, idempotence_key=idempotence_key, method=method, test_call=test_call).value

    def add_phones(self, calls: Sequence[ListedCall], *, idempotence_key: str | None = None) -> tuple[str, ...]:
        """Add many numbers to the campaign, all or none, by one request, and return the ids of their call jobs.

        Calls API, "addPhones". The server doesn't look for duplicates of what was added before.

        :param calls: at least one, each with another phone; see
            :meth:`ListedCall.of <aimylogic_provider.calls_api.calls.call.ListedCall.of>`
        :param idempotence_key: sent as given; a repeat with the same key is safe for 24 hours from its first use, and
            calls everybody again after that, as every repeat without one does
        :returns: an id for each of *calls*, in their order
        :raises RejectedError: if the list can't be sent as it is
        :raises ApiError: if it was not answered with an id for each; its ``known`` says whether it may have been added
        """
        return self._client.add_phones(calls, idempotence_key=idempotence_key).value

    def cancel_call_jobs(
        self,
        *,
        phones: Sequence[str | int] = (),
        ids: Sequence[str | int] = (),
        idempotence_key: str | None = None,
    ) -> tuple[str, ...]:
        """Cancel call jobs, of some phones, or with some ids, or both, and return the ids of those cancelled.

        Calls API, "callJob/cancel". Only jobs that were added by the Calls API can be cancelled; a call that is under
        way is ended, and no new attempt starts.

        :param phones: in any writing, with country code
        :param idempotence_key: sent as given
        :raises RejectedError: if neither is given, or one can't be sent as it is
        :raises ApiError: ``phone.not.found`` or ``id.not.found`` if one is unknown in the campaign; or if it was not
            answered, and then its ``known`` says whether jobs may have been cancelled
        """
        from aimylogic_provider.calls_api import endpoints
        from aimylogic_provider.calls_api.request_fields import canonical_phones

        return self._client.ask(
            endpoints.cancel_call_jobs(phones=canonical_phones(phones), ids=ids, idempotence_key=idempotence_key)
        ).value

    def pause_campaign(self, *, idempotence_key: str | None = None) -> None:
        """Pause the campaign. Calls API, "control/pause".

        :param idempotence_key: sent as given
        :raises RejectedError: for a key that no header can bear
        :raises ApiError: if the server refused, with its word for it as ``type``, or did not answer
        """
        from aimylogic_provider.calls_api import endpoints

        self._client.ask(endpoints.pause_campaign(idempotence_key=idempotence_key))

    def resume_campaign(self, *, idempotence_key: str | None = None) -> None:
        """Resume the campaign. Calls API, "control/resume". Parameters and errors as :meth:`pause_campaign`."""
        from aimylogic_provider.calls_api import endpoints

        self._client.ask(endpoints.resume_campaign(idempotence_key=idempotence_key))

    def stop_campaign(self, *, idempotence_key: str | None = None) -> None:
        """Stop the campaign, so that it takes no numbers. Calls API, "control/stop". Else as :meth:`pause_campaign`."""
        from aimylogic_provider.calls_api import endpoints

        self._client.ask(endpoints.stop_campaign(idempotence_key=idempotence_key))

    def get_campaign(self) -> Campaign:
        """Return the campaign: name, status, counts. Calls API, "campaign".

        :raises ApiError: if it was not answered
        """
        from aimylogic_provider.calls_api import endpoints

        return self._read(endpoints.campaign())

    def get_campaign_status(self) -> str:
        """Return the campaign's status, as in ``inProgress``. Calls API, "campaign status".

        :raises ApiError: if it was not answered
        """
        from aimylogic_provider.calls_api import endpoints

        return self._read(endpoints.status())

    def get_call_jobs(self, *, phones: Sequence[str | int] = (), ids: Sequence[str | int] = ()) -> tuple[CallJob, ...]:
        """Return the call jobs of some phones, or with some ids, or both. Calls API, "callJob/getReport".

        :param phones: in any writing, with country code
        :raises RejectedError: if neither is given, or one can't be asked for
        :raises ApiError: ``phone.not.found`` or ``id.not.found`` if one is unknown in the campaign
        """
        from aimylogic_provider.calls_api import endpoints
        from aimylogic_provider.calls_api.request_fields import canonical_phones

        return self._read(endpoints.call_job_report(phones=canonical_phones(phones), ids=ids))

    def get_call_jobs_by_date(
        self,
        *,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        finished_from: datetime | None = None,
        finished_to: datetime | None = None,
        page: int = 0,
        page_size: int = 200,
    ) -> tuple[CallJob, ...]:
        """Return one page of the call jobs created, or finished, in a time range. Calls API, "callJob/getReportByDate".

        :param created_from: this and the other times: aware
        :param page: 0 to 199
        :param page_size: rows, 1 to 200
        :raises RejectedError: for a time without a zone, or a page out of range
        :raises ApiError: if it was not answered
        """
        from aimylogic_provider.calls_api import endpoints

        return self._read(
            endpoints.call_job_report_by_date(
                created_from=created_from,
                created_to=created_to,
                finished_from=finished_from,
                finished_to=finished_to,
                page=page,
                page_size=page_size,
            )
        )

    def get_unfinished_call_jobs(self, *, page: int = 0, page_size: int = 200) -> tuple[CallJob, ...]:
        """Return one page of the call jobs that are not finished. Calls API, "callJob/getUnfinished".

        :param page: 0 to 199; in what order pages come is not stated, and they shift as jobs are added and finish
        :param page_size: rows, 1 to 200
        :raises RejectedError: for a page out of range
        :raises ApiError: if it was not answered
        """
        from aimylogic_provider.calls_api import endpoints

        return self._read(endpoints.unfinished_call_jobs(page=page, page_size=page_size))

    def get_call_attempts(
        self, *, phones: Sequence[str | int] = (), ids: Sequence[str | int] = ()
    ) -> tuple[CallAttempt, ...]:
        """Return the attempts at calling some phones, or with some ids, or both. Calls API, "callAttempt/getReport".

        :param phones: in any writing, with country code
        :param ids: of call jobs
        :raises RejectedError: if neither is given, or one can't be asked for
        :raises ApiError: ``phone.not.found`` or ``id.not.found`` if one is unknown in the campaign
        """
        from aimylogic_provider.calls_api import endpoints
        from aimylogic_provider.calls_api.request_fields import canonical_phones

        return self._read(endpoints.call_attempt_report(phones=canonical_phones(phones), ids=ids))

    def get_call_attempts_by_date(
        self,
        *,
        started_from: datetime | None = None,
        started_to: datetime | None = None,
        finished_from: datetime | None = None,
        finished_to: datetime | None = None,
        page: int = 0,
        page_size: int = 200,
    ) -> tuple[CallAttempt, ...]:
        """Return one page of the attempts in a time range. Calls API, "callAttempt/getReportByDate".

        :param started_from: this and the other times: aware
        :param page: 0 to 199
        :param page_size: rows, 1 to 200
        :raises RejectedError: for a time without a zone, or a page out of range
        :raises ApiError: if it was not answered
        """
        from aimylogic_provider.calls_api import endpoints

        return self._read(
            endpoints.call_attempt_report_by_date(
                started_from=started_from,
                started_to=started_to,
                finished_from=finished_from,
                finished_to=finished_to,
                page=page,
                page_size=page_size,
            )
        )

    def test_connection(self) -> tuple[bool, str]:
        """Ask for the campaign, for the button *Test*; adds nothing and never tells the token."""
        from aimylogic_provider.calls_api.errors import AimylogicError
        from aimylogic_provider.hooks.connection_test_message import in_words

        try:
            return True, in_words(self.get_campaign(), self._client.address)
        except AimylogicError as error:
            return False, str(error)

    @cached_property
    def campaign(self) -> CampaignOfConnection:
        """Where the campaign is, and how requests are sent, as the connection said when it was looked up first."""
        from aimylogic_provider.hooks.campaign_of_connection import campaign_of_connection

        return campaign_of_connection(self.aimylogic_conn_id, self.get_connection(self.aimylogic_conn_id), self.log)

    @cached_property
    def _client(self) -> CampaignClient:
        from aimylogic_provider.calls_api.client import CampaignClient
        from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport

        return CampaignClient(self.campaign.address, RequestsTransport(self.campaign.settings))

    def _read(self, request: Request[T]) -> T:
        """Ask, and ask again after a failure that passes by itself."""
        from tenacity import Retrying

        from aimylogic_provider.hooks.repeated_reads import reading_again

        answer: Answer[T] = Retrying(**reading_again())(self._client.ask, request)
        return answer.value
