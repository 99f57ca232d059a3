"""Who may see and do what on the pages: each route says which right it needs, and one dependency holds all to it.

Airflow puts no login before a plugin's app. So a route that names no right is closed to everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.core_api.security import get_user
from airflow.models.connection import Connection
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import Depends, HTTPException, Request
from sqlalchemy import select

from aimylogic_provider.pages.csrf import HEADER, is_of
from aimylogic_provider.pages.request_bounds import check_characters

__all__ = ["Right", "User", "asked_dags", "authorise", "campaigns_among", "has_right", "needs", "readable_runs"]

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
_MARK = "__aimylogic_right__"
_SECRETS_IN_QUERY = frozenset({"token", "access_token", "jwt", "password", "csrf"})


class Right(Enum):
    """What one may do, by the rights that Airflow's auth manager knows."""

    SIGNED_IN = "sign in to Airflow"
    """See Airflow's website: the frame of a page. What is listed on it is chosen by the other rights."""

    SEE_RUN = "read this DAG's runs"
    """See its call lists, phones masked."""

    CHANGE_RUN = "change this DAG's runs"
    """See phones whole, as in a download; cancel calls of a list."""

    ANSWER = "answer this DAG's required actions"
    """Answer what waits for a person, as Airflow's own page lets one."""

    SEE_CAMPAIGN = "read this connection"
    """See how its campaign stands."""

    CHANGE_CAMPAIGN = "edit this connection"
    """Pause, resume and stop its campaign."""


def needs(right: Right) -> Callable[[_Endpoint], _Endpoint]:
    """Say which right a route needs. Its path names ``dag_id``, or ``conn_id``, where the right is one to those."""

    def marked(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _MARK, right)
        return endpoint

    return marked


def has_right(user: BaseUser, right: Right, *, dag_id: str | None = None, conn_id: str | None = None) -> bool:
    """Whether a user has a right: to a DAG, or to a connection, or at all."""
    manager = get_auth_manager()
    if right is Right.SIGNED_IN:
        return bool(manager.is_authorized_view(access_view=AccessView.WEBSITE, user=user))
    if right in (Right.SEE_RUN, Right.CHANGE_RUN, Right.ANSWER):
        if not dag_id:
            return False
        dag = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
        entity = DagAccessEntity.HITL_DETAIL if right is Right.ANSWER else DagAccessEntity.RUN
        return bool(manager.is_authorized_dag(method=_method(right), access_entity=entity, details=dag, user=user))
    if not conn_id:
        return False
    connection = ConnectionDetails(conn_id=conn_id, team_name=Connection.get_team_name(conn_id))
    return bool(manager.is_authorized_connection(method=_method(right), details=connection, user=user))


def _method(right: Right) -> Literal["GET", "PUT"]:
    return "PUT" if right in (Right.CHANGE_RUN, Right.ANSWER, Right.CHANGE_CAMPAIGN) else "GET"


def _readable_dags(user: BaseUser) -> set[str]:
    """The ids of the DAGs that a user may read."""
    return set(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


def _may_read_any(user: BaseUser, entity: DagAccessEntity) -> bool:
    """Whether a user may read something of DAGs, whichever DAGs these are."""
    manager = get_auth_manager()
    return bool(manager.is_authorized_dag(method="GET", access_entity=entity, details=DagDetails(), user=user))


def readable_runs(user: BaseUser) -> set[str]:
    """The ids of the DAGs whose runs a user may read: of whoever may read a DAG, not all may read its runs."""
    dags = _readable_dags(user)
    if _may_read_any(user, DagAccessEntity.RUN):
        return dags
    return {dag_id for dag_id in dags if has_right(user, Right.SEE_RUN, dag_id=dag_id)}


def asked_dags(user: BaseUser) -> set[str]:
    """The ids of the DAGs whose required actions a user may read, as Airflow's own list of them chooses them."""
    return _readable_dags(user) if _may_read_any(user, DagAccessEntity.HITL_DETAIL) else set()


def campaigns_among(user: BaseUser, conn_ids: set[str]) -> set[str]:
    """Those of some connections that a user may read."""
    teams = _teams_of(conn_ids)
    manager = get_auth_manager()
    return {
        conn_id
        for conn_id in conn_ids
        if manager.is_authorized_connection(
            method=_method(Right.SEE_CAMPAIGN),
            details=ConnectionDetails(conn_id=conn_id, team_name=teams.get(conn_id)),
            user=user,
        )
    }


def _teams_of(conn_ids: set[str]) -> dict[str, str | None]:
    """The team of each connection of Airflow's database, by one query: there may be hundreds."""
    ask_all = getattr(Connection, "get_conn_id_to_team_name_mapping", None)
    if ask_all is not None:
        return dict(ask_all(list(conn_ids)))
    from airflow.models.team import Team  # Airflow 3.1, which can't tell so by itself

    teams: Any = Team
    with create_session() as session:
        found = session.execute(
            select(Connection.conn_id, teams.name).join(teams, teams.id == getattr(Connection, "team_id"))  # noqa: B009
        )
        return {conn_id: team for conn_id, team in found if conn_id in conn_ids}


def authorise(request: Request, user: Annotated[BaseUser, Depends(get_user)]) -> BaseUser:
    """Return who asks, if the route's right is theirs, and if the request is theirs, too.

    :raises HTTPException: 400 for a secret in the address, or a NUL, 401 for nobody, 403 for anybody else
    """
    if found := _SECRETS_IN_QUERY & {name.lower() for name in request.query_params}:
        raise HTTPException(
            400, f"The address bears {', '.join(sorted(found))}: what is secret would stand in logs. Leave it out"
        )
    check_characters(request)
    right = getattr(request.scope.get("endpoint"), _MARK, None)
    if right is None:
        raise HTTPException(403, "This page says not who may see it, so nobody may")
    path = request.path_params
    if not has_right(user, Right.SIGNED_IN) or not (
        right is Right.SIGNED_IN or has_right(user, right, dag_id=path.get("dag_id"), conn_id=path.get("conn_id"))
    ):
        raise HTTPException(403, f"You may not {right.value}: ask whoever gives out rights in this Airflow")
    if request.method not in ("GET", "HEAD") and not _is_meant(request, user):
        raise HTTPException(403, "This was not asked by a page of today: load the page again, and repeat it")
    return user


def _is_meant(request: Request, user: BaseUser) -> bool:
    """Whether a request that changes something was made by a page of ours, and not by another site in the user's name.

    Whoever sends the token of the REST API has to know it; the cookie comes along by itself. With both, some versions
    of Airflow go by the cookie, and never look at the other.
    """
    bears_token = request.headers.get("authorization", "").lower().startswith("bearer ")
    if bears_token and COOKIE_NAME_JWT_TOKEN not in request.cookies:
        return True
    site = request.headers.get("sec-fetch-site", "same-origin")
    return site == "same-origin" and is_of(request.headers.get(HEADER, ""), str(user.get_id()))


User = Annotated[BaseUser, Depends(authorise)]
"""Who asks, for a route."""
