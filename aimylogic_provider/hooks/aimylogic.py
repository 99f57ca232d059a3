"""AimylogicHook: an Airflow connection made into a campaign's client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import BaseHook

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from aimylogic_provider.calls_api.client import CampaignClient
    from aimylogic_provider.calls_api.reports import CallJob, Campaign
    from aimylogic_provider.calls_api.transport import TransportSettings

__all__ = ["AimylogicHook"]

T = TypeVar("T")

_READS_PER_CALL = 3
_EXTRAS = {"connect_timeout", "read_timeout", "verify", "proxies", "allow_plain_http"}


class AimylogicHook(BaseHook):
    """One Aimylogic campaign, by an Airflow connection of type ``aimylogic``.

    The connection's password is the campaign's token; host and port say where it is, Aimylogic's own host if left
    empty. Its extra may hold ``connect_timeout`` and ``read_timeout`` (seconds), ``verify`` (true, false or the path of
    certificates), ``proxies`` (URL by scheme) and ``allow_plain_http`` (true, to send the token unencrypted beyond
    this machine).

    Reading methods repeat a request that failed for a passing reason, three times in all. :meth:`add_phone` sends once,
    for a repeat could call the person twice: :class:`~aimylogic_provider.operators.AddPhoneOperator` knows when it is
    safe.

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
        from aimylogic_provider.get_provider_info import get_provider_info

        (connection_type,) = get_provider_info()["connection-types"]
        behaviour = connection_type["ui-field-behaviour"]
        return {name.replace("-", "_"): value for name, value in behaviour.items()}

    def get_conn(self) -> CampaignClient:
        """Return the campaign's client, which asks and sends without repeating.

        :raises ConnectionRejectedError: if the connection can't be used, saying what to set
        """
        return self._client

    @property
    def send_timeout(self) -> float:
        """Seconds after which a request has been given up."""
        return self._settings.total_timeout

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
        :raises RejectedError: if the call can't be sent as it is
        :raises ApiError: if it was not answered with an id; its ``known`` says whether it may have been added
        """
        from aimylogic_provider.calls_api.call import Call

        call = Call.of(phone, payload, gmt_zone, phone_region=phone_region)
        return self._client.add_phone(call, idempotence_key=idempotence_key, method=method, test_call=test_call).value

    def get_campaign(self) -> Campaign:
        """Return the campaign: name, status, counts."""
        from aimylogic_provider.calls_api import endpoints

        return self._read(lambda: self._client.ask(endpoints.campaign()).value)

    def get_campaign_status(self) -> str:
        """Return the campaign's status, as in ``inProgress``."""
        return self._read(lambda: self._client.status().value)

    def get_call_jobs(self, *, phones: Sequence[str] = (), ids: Sequence[str] = ()) -> tuple[CallJob, ...]:
        """Return the call jobs of some phones, or with some ids, or both.

        :raises ApiError: ``phone.not.found`` or ``id.not.found`` if one is unknown in the campaign
        """
        from aimylogic_provider.calls_api import endpoints
        from aimylogic_provider.calls_api.phone import canonical_phone

        request = endpoints.call_job_report(phones=[canonical_phone(phone) for phone in phones], ids=ids)
        return self._read(lambda: self._client.ask(request).value)

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
        """Return one page of the call jobs created, or finished, in a time range.

        :param page: 0 to 199
        :param page_size: rows, 1 to 200
        """
        from aimylogic_provider.calls_api import endpoints

        request = endpoints.call_job_report_by_date(
            created_from=created_from,
            created_to=created_to,
            finished_from=finished_from,
            finished_to=finished_to,
            page=page,
            page_size=page_size,
        )
        return self._read(lambda: self._client.ask(request).value)

    def test_connection(self) -> tuple[bool, str]:
        """Ask for the campaign, for the button *Test*; adds nothing and never tells the token."""
        from aimylogic_provider.calls_api.errors import AimylogicError

        try:
            campaign = self.get_campaign()
        except AimylogicError as error:
            return False, str(error)
        numbers = ""
        if campaign.total_numbers is not None and campaign.processed_numbers is not None:
            numbers = f": {campaign.processed_numbers:,} of {campaign.total_numbers:,} numbers done"
        return True, f"Campaign {campaign.name!r} {_STATUS.get(campaign.status, f'is {campaign.status}')}{numbers}"

    @cached_property
    def _connection(self) -> Connection:
        return self.get_connection(self.aimylogic_conn_id)

    @cached_property
    def _extra(self) -> dict[str, Any]:
        from aimylogic_provider.calls_api.errors import ConnectionRejectedError

        extra = self._connection.extra_dejson
        if not isinstance(extra, dict):
            raise ConnectionRejectedError(
                f"the extra of connection {self.aimylogic_conn_id!r} is no JSON object: give one, or leave it empty"
            )
        if unknown := extra.keys() - _EXTRAS:
            self.log.warning(
                "Connection %s has extras that mean nothing here: %s. Known are: %s.",
                self.aimylogic_conn_id, ", ".join(sorted(unknown)), ", ".join(sorted(_EXTRAS)),
            )  # fmt: skip
        # The form saves fields that nobody touched as null, and empty ones as empty text.
        return {name: value for name, value in extra.items() if value not in (None, "")}

    @cached_property
    def _settings(self) -> TransportSettings:
        from aimylogic_provider.calls_api.transport import TransportSettings

        default = TransportSettings()
        return TransportSettings(
            connect_timeout=self._seconds("connect_timeout", default.connect_timeout),
            read_timeout=self._seconds("read_timeout", default.read_timeout),
            verify=self._verify(),
            proxies=self._proxies(),
        )

    @cached_property
    def _client(self) -> CampaignClient:
        from airflow.sdk.log import mask_secret

        from aimylogic_provider.calls_api.address import CampaignAddress
        from aimylogic_provider.calls_api.client import CampaignClient
        from aimylogic_provider.calls_api.transport import RequestsTransport

        connection = self._connection
        address = CampaignAddress.of(
            connection.host,
            connection.password,
            port=connection.port,
            scheme=connection.schema if connection.schema in ("http", "https") else None,
            allow_plain_http=self._flag("allow_plain_http", False),
        )
        for secret in address.secrets():
            mask_secret(secret)
        return CampaignClient(address, RequestsTransport(self._settings))

    def _read(self, ask: Callable[[], T]) -> T:
        """Ask, and ask again after a failure that passes by itself."""
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        from aimylogic_provider.calls_api.errors import ApiError

        return Retrying(
            stop=stop_after_attempt(_READS_PER_CALL),
            wait=wait_random_exponential(multiplier=0.5, max=10),
            retry=retry_if_exception(lambda error: isinstance(error, ApiError) and error.retryable),
            reraise=True,
        )(ask)

    def _seconds(self, name: str, default: float) -> float:
        value = self._extra.get(name, default)
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = 0.0
        if isinstance(value, bool) or not 0 < seconds <= 600:
            raise self._wrong(name, value, "seconds, more than 0 and at most 600")
        return seconds

    def _flag(self, name: str, default: bool) -> bool:
        value = self._extra.get(name, default)
        match value:
            case bool():
                return value
            case str() if value.lower() in ("true", "false"):
                return value.lower() == "true"
        raise self._wrong(name, value, "true or false")

    def _verify(self) -> bool | str:
        value = self._extra.get("verify", True)
        if isinstance(value, str) and value.lower() not in ("true", "false"):
            return value
        return self._flag("verify", True)

    def _proxies(self) -> dict[str, str]:
        value = self._extra.get("proxies", {})
        if isinstance(value, dict) and all(isinstance(url, str) for url in value.values()):
            return value
        raise self._wrong("proxies", value, "an object of proxy URL by scheme")

    def _wrong(self, name: str, value: object, rule: str) -> Exception:
        from aimylogic_provider.calls_api.errors import ConnectionRejectedError

        shown = "" if name == "proxies" else f" {value!r}"
        return ConnectionRejectedError(
            f"{name}{shown} in the extra of connection {self.aimylogic_conn_id!r} can't be used: give {rule}"
        )


_STATUS = {
    "new": "has not been started yet",
    "planned": "is planned",
    "inProgress": "is running",
    "inProcess": "is running",
    "paused": "is paused",
    "finished": "is stopped, and a stopped campaign takes no numbers: start it in Aimylogic",
    "deleted": "was deleted",
}
