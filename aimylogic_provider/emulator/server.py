"""The emulator put together: state, routes, faults and journal as one application, and a thread to run it in."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Sequence
from email.utils import formatdate

from aiohttp import web

from aimylogic_provider.calls_api.endpoints import ENDPOINTS
from aimylogic_provider.calls_api.phone import mask_phone
from aimylogic_provider.emulator import DEFAULT_TOKEN
from aimylogic_provider.emulator.admin_routes import PREFIX, AdminRoutes
from aimylogic_provider.emulator.calls_routes import Added, CallsRoutes, Handler, form_fields
from aimylogic_provider.emulator.faults import Action, Fault, Phase
from aimylogic_provider.emulator.journal import Line
from aimylogic_provider.emulator.state import State

__all__ = ["Emulator", "application", "start"]


def application(state: State) -> web.Application:
    """Return the emulator as an aiohttp application."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(PREFIX):
            return await handler(request)
        return await _served(state, request, handler)

    async def dated(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(state.clock.now(), usegmt=True)

    app = web.Application(middlewares=[middleware])
    app.on_response_prepare.append(dated)
    app.add_routes(CallsRoutes(state.campaigns, state.clock).routes())
    app.add_routes(AdminRoutes(state).routes())
    return app


async def _served(state: State, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Serve a request of the Calls API, through the faults, into the journal."""
    await request.read()
    struck = state.faults.strike(Phase.BEFORE_COMMIT, request.method, request.path)
    response: web.StreamResponse | None = None
    if struck is None:
        try:
            response = await handler(request)
        except web.HTTPNotFound:
            response = _unknown_path()
        except web.HTTPException as error:
            response = web.json_response({"error": error.reason}, status=error.status)
        if response.status < 400:  # else nothing was committed
            struck = state.faults.strike(Phase.AFTER_COMMIT, request.method, request.path)
    if struck is not None:
        outcome = f"{struck.action} {struck.phase}"
    else:
        assert response is not None
        outcome = str(response.status)
    fields = await form_fields(request)
    query_key = fields.get("Idempotence-Key") if request.method == "GET" else None
    state.journal.note(
        Line(
            at=state.clock.now(),
            method=request.method,
            endpoint=_endpoint(request),
            phone=mask_phone(fields["phone"]) if "phone" in fields else "",
            key=request.headers.get("Idempotence-Key") or query_key,
            outcome=outcome,
            job=response.job if isinstance(response, Added) else None,
        )
    )
    if struck is not None:
        return await _strike(struck, request)
    assert response is not None
    return response


def _answer(fault: Fault, body: bytes, content_type: str) -> web.Response:
    return web.Response(status=fault.status, body=body, headers={"Content-Type": content_type, **fault.headers})


async def _strike(fault: Fault, request: web.Request) -> web.StreamResponse:
    match fault.action:
        case Action.RESET | Action.HANG:
            if fault.action is Action.HANG:
                await asyncio.sleep(fault.seconds)
            _reset(request)
            return web.Response()  # goes nowhere
        case Action.STATUS:
            body = json.dumps(fault.body).encode() if fault.body is not None else b""
            return _answer(fault, body, "application/json" if body else "text/plain")
        case Action.GARBAGE:
            return _answer(fault, bytes(range(256)), "application/octet-stream")
        case Action.HTML:
            page = b"<!doctype html><html><body><h1>Please sign in</h1></body></html>"
            return _answer(fault, page, "text/html; charset=utf-8")
        case Action.REDIRECT:
            return web.Response(status=fault.status, headers={"Location": "/elsewhere", **fault.headers})


def _reset(request: web.Request) -> None:
    """Break the connection off, so that the client sees a reset and no proper end."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _endpoint(request: web.Request) -> str:
    """The path behind the token, which never shows."""
    parts = request.path.split("/")
    if request.match_info.get("token") and len(parts) >= 5:
        return "/".join(parts[5:]) or "campaign"
    return "unknown path"


def _unknown_path() -> web.Response:
    paths = [f"{', '.join(endpoint.methods)} {endpoint.path}" for endpoint in ENDPOINTS]
    return web.json_response({"error": "unknown path", "paths": paths}, status=404)


class Emulator:
    """The emulator in a thread of its own, as a context manager.

    :param port: 0 for any free one
    :param tokens: one campaign each
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, tokens: Sequence[str] = (DEFAULT_TOKEN,)) -> None:
        self.host = host
        self.port = port
        self.state = State(tokens)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="aimylogic-emulator", daemon=True)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Emulator:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _start(self) -> None:
        self._runner, self.port = await start(self.state, self.host, self.port)

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


async def start(state: State, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Serve *state*; return what stops it, and the port."""
    runner = web.AppRunner(application(state), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner, runner.addresses[0][1]
