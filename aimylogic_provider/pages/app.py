"""The pages' app: its routes, the one dependency before all of them, the headers of answers, and errors as pages."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from aimylogic_provider.pages.access import Right, authorise, needs
from aimylogic_provider.pages.call_lists.routes import router as call_lists
from aimylogic_provider.pages.campaigns.routes import router as campaigns
from aimylogic_provider.pages.rendering import FRAGMENT, STATIC, airflow_of, page, path_of, root_of
from aimylogic_provider.pages.request_bounds import BoundedBodies
from aimylogic_provider.pages.waiting.routes import router as waiting

__all__ = ["make_app"]

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
_NOBODY = "You are not signed in to Airflow, or no longer: sign in, in another tab perhaps, and load this page again"
_HEADERS = {
    b"content-security-policy": _CSP.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
}


def make_app() -> FastAPI:
    """Make the app that Airflow's API server mounts.

    Every route of it passes :func:`access.authorise`, but that of the pages' own scripts and styles: they are the same
    for everybody, and whoever isn't signed in, or no longer, is told so by a page that needs them.
    """
    app = FastAPI(
        title="Aimylogic's pages", dependencies=[Depends(authorise)], docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_middleware(BoundedBodies)
    app.add_middleware(_Headers)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(Exception, _failed)
    app.add_api_route("/", _first_page)
    app.router.add_route("/static/{name}", _static)
    for router in (campaigns, call_lists, waiting):
        app.include_router(router)
    return app


@needs(Right.SIGNED_IN)
def _first_page(request: Request) -> Response:
    return RedirectResponse(f"{root_of(request)}/lists")


def _static(request: Request) -> Response:
    path = next((path for path in STATIC.iterdir() if path.name == request.path_params["name"]), None)
    if path is None:
        raise HTTPException(404, "There is no such file")
    return FileResponse(path, headers={"Cache-Control": "private, max-age=86400"})


async def _refused(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    told = _NOBODY if status == 401 else str(getattr(error, "detail", "")) or "The page failed"
    return _told(request, status, told)


async def _not_understood(request: Request, error: Exception) -> Response:
    """What of a request can't be read: where, and why. What was sent isn't repeated."""
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    told = "; ".join(f"{_place(one.get('loc', ()))}: {one.get('msg', '')}" for one in found[:3])
    return _told(request, 422, f"What was asked for can't be read ({told}). Load the page again")


def _place(parts: Iterable[object]) -> str:
    """Where in a request something stands; names of a sender's own as plain letters."""
    *_, name = parts or ("request",)
    return str(name)[:40].encode("ascii", "replace").decode()


async def _failed(request: Request, error: Exception) -> Response:
    logging.getLogger(__name__).error("A page of Aimylogic's failed: %s", type(error).__name__)
    return _told(request, 500, "The page failed. The log of Airflow's API server tells why")


def _told(request: Request, status: int, told: str) -> Response:
    if request.headers.get(FRAGMENT) or request.method not in ("GET", "HEAD"):
        return JSONResponse({"detail": told}, status)
    after = _after_sign_in(request)
    return page(request, None, "error.html", title="Not shown", status=status, told=told, code=status, after=after)


def _after_sign_in(request: Request) -> str:
    """Where whoever signs in goes on: at the same page, or, of one in a frame, at Airflow's page around the first."""
    if request.headers.get("sec-fetch-dest") == "document":
        return path_of(request)
    return f"{airflow_of(request)}/plugin/aimylogic"


def _beneath_host(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers, where one that leads on names no host and scheme: behind a proxy, they are others than are seen here."""
    return [
        (name, urlsplit(value)._replace(scheme=b"", netloc=b"").geturl() if name == b"location" else value)
        for name, value in headers
    ]


def _guarded(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """An answer's headers, and those of every answer. What is one person's is kept by nobody on the way."""
    own = _beneath_host(headers)
    kept = [] if any(name == b"cache-control" for name, _ in own) else [(b"cache-control", b"no-store")]
    return [*own, *kept, *_HEADERS.items()]


class _Headers:
    """Puts the headers that keep strangers out into each answer."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _guarded(message.get("headers", []))
            await send(message)

        await self._app(scope, receive, send_with_headers)
