"""Which connections the page lists: those of Airflow's database, of the server's environment, and of DAGs' assets."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from airflow.models.asset import AssetActive, AssetModel
from airflow.models.connection import Connection
from sqlalchemy import select
from sqlalchemy.orm import Session

from aimylogic_provider.airflow_task.assets import CAMPAIGNS
from aimylogic_provider.pages.connection_lookup import CONN_TYPE

__all__ = ["ListedConnection", "listed_connections"]

_VARIABLE = "AIRFLOW_CONN_"


@dataclass(frozen=True, slots=True)
class ListedConnection:
    """A connection of the page's list.

    :param place: where it is known from, in words
    """

    conn_id: str
    place: str


def listed_connections(session: Session, environment: Mapping[str, str] = os.environ) -> list[ListedConnection]:
    """Return all connections that lead to campaigns, as far as they can be known, by their ids.

    No secrets backend can be asked what it holds; of what stands there alone, that is known which a DAG names.
    """
    places = dict.fromkeys(_named_by_dags(session), "named by a DAG")
    types = dict(iter(session.execute(select(Connection.conn_id, Connection.conn_type))))
    for conn_id, conn_type in types.items():
        if conn_type == CONN_TYPE:
            places[conn_id] = "in Airflow's database"
    by_variable = {conn_id.upper(): conn_id for conn_id in (*types, *places)}
    for variable, value in environment.items():
        if variable.startswith(_VARIABLE) and _type_of(value) == CONN_TYPE:
            name = variable.removeprefix(_VARIABLE)
            places[by_variable.get(name, name.lower())] = f"in the environment, as {variable}"
    return [ListedConnection(conn_id, place) for conn_id, place in sorted(places.items())]


def _named_by_dags(session: Session) -> set[str]:
    """Ids that tasks name which declare their campaign as an asset."""
    uris = session.scalars(
        select(AssetModel.uri)
        .join(AssetActive, (AssetActive.name == AssetModel.name) & (AssetActive.uri == AssetModel.uri))
        .where(AssetModel.uri.startswith(f"{CAMPAIGNS}/"))
    )
    return {unquote(uri.removeprefix(f"{CAMPAIGNS}/")) for uri in uris}


def _type_of(value: str) -> str:
    """The type of a connection that is written as JSON or as a URI; nothing else of it is looked at."""
    if not value.lstrip().startswith("{"):
        return value.partition("://")[0].strip().lower()
    try:
        return str(json.loads(value).get("conn_type", "")).lower()
    except ValueError:
        return ""
