"""The plugin by which Airflow shows the provider's pages: where they stand in its UI, and the app that answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin

from aimylogic_provider.airflow_task.airflow_imports import conf

__all__ = ["PREFIX", "AimylogicPlugin", "PagesOnFirstRequest", "external_views"]

PREFIX = "/aimylogic"
"""Where the pages lie, beneath the address of Airflow's API server."""

_LIST_OPERATORS = [
    "SqlToAimylogicOperator", "AddPhonesOperator", "CallsDecoratedOperator", "PrepareCallListOperator",
    "PrepareCallsOperator", "ApproveCallListOperator", "SendCallListOperator",
]  # fmt: skip
"""Whose task instances have a tab, on an Airflow that can tell them apart (3.4); elsewhere all have it.

Names of classes, as the field ``operator`` of a task instance has them: a class made of one of these has no tab there.
"""

_Scope = MutableMapping[str, Any]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[_Scope, Any, _Send], Awaitable[None]]


class PagesOnFirstRequest:
    """The pages' app (ASGI), made once somebody asks for a page: no other process of Airflow has to load it.

    Whatever keeps it from being made is told to whoever asks, and in the log; Airflow itself goes on.
    """

    def __init__(self) -> None:
        self._app: _App | None = None
        self._making: asyncio.Lock | None = None

    async def __call__(self, scope: _Scope, receive: Any, send: _Send) -> None:
        """Answer a request."""
        try:
            app = self._app or await self._made()
        except Exception:
            logging.getLogger(__name__).exception("Aimylogic's pages can't be shown by this Airflow.")
            await _unavailable(scope, send)
            return
        await app(scope, receive, send)

    async def _made(self) -> _App:
        from aimylogic_provider.pages.app import make_app

        self._making = self._making or asyncio.Lock()
        async with self._making:
            if self._app is not None:
                return self._app
            made: _App = await asyncio.to_thread(make_app)
            self._app = made
            return made


async def _unavailable(scope: _Scope, send: _Send) -> None:
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    text = b"Aimylogic's pages can't be shown by this Airflow: the log of the API server tells why."
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def external_views(version: tuple[int, int], base_url: str) -> list[dict[str, Any]]:
    """Where the pages stand in the UI of an Airflow.

    Only destinations that this version knows: a single one that it doesn't know drops the whole plugin, in silence.

    :param version: of Airflow, as (3, 4)
    :param base_url: of its API server, which may lie beneath a path
    """
    root = f"{urlsplit(base_url).path.rstrip('/')}{PREFIX}"
    views: list[dict[str, Any]] = [
        {"name": "Aimylogic", "href": f"{root}/", "destination": "nav", "url_route": "aimylogic", "category": "browse"},
        {
            "name": "Calls",
            "href": f"{root}/lists/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "aimylogic_run",
        },
        {
            "name": "Calls",
            "href": f"{root}/lists/{{DAG_ID}}/{{RUN_ID}}/{{TASK_ID}}/{{MAP_INDEX}}",
            "destination": "task_instance",
            "url_route": "aimylogic_task",
        },
    ]
    if version >= (3, 3):
        views[0]["nav_top_level"] = True
        del views[0]["category"]
    if version >= (3, 4):
        views[2]["applies_to"] = {"operator": _LIST_OPERATORS}
    return views


def _version() -> tuple[int, int]:
    from airflow.providers.common.compat.version_compat import get_base_airflow_version_tuple

    major, minor, _ = get_base_airflow_version_tuple()
    return major, minor


class AimylogicPlugin(AirflowPlugin):
    """Pages in Airflow's UI: campaigns, call lists, and what waits for a person."""

    name = "aimylogic"
    fastapi_apps = [  # noqa: RUF012 - as Airflow reads it
        {"app": PagesOnFirstRequest(), "url_prefix": PREFIX, "name": "Aimylogic's pages"}
    ]
    external_views = external_views(_version(), conf.get("api", "base_url", fallback="") or "")
