"""A connection looked up by the API server, as a task would find it, and read into where its campaign is.

Only of type ``aimylogic``: another one's password must not be sent as a token.
"""

from __future__ import annotations

import logging

from airflow.exceptions import AirflowNotFoundException  # type: ignore[attr-defined]
from airflow.models.connection import Connection
from airflow.utils.session import create_session
from sqlalchemy import select

from aimylogic_provider.calls_api.errors import ConnectionRejectedError
from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection, campaign_of_connection

__all__ = ["CONN_TYPE", "NoCampaignThereError", "campaign_behind"]

CONN_TYPE = "aimylogic"
_log = logging.getLogger(__name__)


class NoCampaignThereError(ConnectionRejectedError):
    """There is none of this id, or it is of another type."""


def campaign_behind(conn_id: str) -> CampaignOfConnection:
    """Return where a connection's campaign is. May ask a secrets backend, and so take its time.

    :raises NoCampaignThereError: if there is none that leads to a campaign
    :raises ConnectionRejectedError: if it can't be used, saying what to set; its token isn't told
    """
    connection = _found(conn_id)
    if connection.conn_type != CONN_TYPE:
        raise NoCampaignThereError(
            f"connection {conn_id!r} is of another type than {CONN_TYPE!r}: it leads to no campaign"
        )
    try:
        # Airflow's own class for its server has all that is read of the one for tasks.
        return campaign_of_connection(conn_id, connection, _log)
    except ConnectionRejectedError:
        raise
    except ValueError:
        raise _unreadable(conn_id) from None


def _found(conn_id: str) -> Connection:
    team = Connection.get_team_name(conn_id)
    try:
        # Airflow 3.1 knows no teams.
        return Connection.get_connection_from_secrets(conn_id, **({"team_name": team} if team else {}))
    except AirflowNotFoundException:
        pass
    with create_session() as session:
        if session.scalar(select(Connection.id).where(Connection.conn_id == conn_id)) is not None:
            raise _unreadable(conn_id)  # what Airflow can't read, it says isn't there
    raise NoCampaignThereError(
        f"there is no connection {conn_id!r} where the API server looks (environment, secrets backends, database): "
        "add it, or mend the DAG that names it"
    )


def _unreadable(conn_id: str) -> ConnectionRejectedError:
    return ConnectionRejectedError(
        f"connection {conn_id!r} can't be read: its extra isn't a JSON object, or it was encrypted by another fernet "
        "key. Edit it, and enter extra and token anew"
    )
