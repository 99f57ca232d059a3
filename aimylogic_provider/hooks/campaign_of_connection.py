"""An Airflow connection read into what a client of its campaign needs: where it is, and how requests are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Connection
    from aimylogic_provider.calls_api.address import CampaignAddress
    from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["CampaignOfConnection", "campaign_of_connection", "person_secret_of"]


@dataclass(frozen=True, slots=True)
class CampaignOfConnection:
    """Where a campaign is, and how it is asked."""

    address: CampaignAddress
    settings: TransportSettings


def campaign_of_connection(conn_id: str, connection: Connection, log: Log) -> CampaignOfConnection:
    """Read a connection, and have Airflow mask its token.

    :param log: is told of extras that mean nothing
    :raises ConnectionRejectedError: if the connection can't be used, saying what to set
    """
    from airflow.sdk.log import mask_secret

    from aimylogic_provider.calls_api.address import CampaignAddress
    from aimylogic_provider.hooks.connection_extra import EXTRAS, ConnectionExtra

    extra = ConnectionExtra.of(conn_id, connection.extra_dejson)
    if extra.unknown:
        log.warning(
            "Connection %s has extras that mean nothing here: %s. Known are: %s.",
            conn_id, extra.unknown_in_words(), ", ".join(sorted(EXTRAS)),
        )  # fmt: skip
    address = CampaignAddress.of(
        connection.host,
        connection.password,
        port=connection.port,
        scheme=connection.schema if connection.schema in ("http", "https") else None,
        allow_plain_http=extra.flag("allow_plain_http", False),
    )
    for secret in address.secrets():
        mask_secret(secret)
    return CampaignOfConnection(address, extra.transport_settings())


def person_secret_of(conn_id: str) -> str | None:
    """Return the secret by which persons are known without their phones, and have Airflow mask it; None if none is set.

    :raises ConnectionRejectedError: if it can't be used, saying what to set
    """
    from airflow.sdk.log import mask_secret

    from aimylogic_provider.airflow_task.airflow_imports import BaseHook
    from aimylogic_provider.hooks.connection_extra import ConnectionExtra

    secret = ConnectionExtra.of(conn_id, BaseHook.get_connection(conn_id).extra_dejson).person_secret()
    if secret is not None:
        mask_secret(secret)
    return secret
