"""The server: sockets, connections and bodies. Each request goes to the Calls API or to the emulator's own paths.

What is answered stands in ``calls_exchange`` and in ``admin_routes``.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from aiohttp import ClientError, StreamReader, web
from aiohttp.http import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from aimylogic_provider.emulator.http.admin_routes import AdminApi
from aimylogic_provider.emulator.http.calls_exchange import CallsExchange
from aimylogic_provider.emulator.http.exchange import Target, error_answer
from aimylogic_provider.emulator.http.external_checks import ExternalChecks
from aimylogic_provider.emulator.http.fault_effects import is_gone
from aimylogic_provider.emulator.http.pending_requests import PendingRequests
from aimylogic_provider.emulator.http.responses import http_response
from aimylogic_provider.emulator.world.refusal import Refusal, bad_request
from aimylogic_provider.emulator.world.state import EmulatorState

__all__ = ["EmulatorServer"]

_BODY_TIMEOUT = 60.0
_SNAPSHOT = 2**31
_BROKEN = (HttpProcessingError, RequestPayloadError)
_log = logging.getLogger(__name__)


class _Connection(web.RequestHandler):
    """A connection. What is no HTTP is refused in words of our own: aiohttp's quote the request, token and all."""

    content: StreamReader | None = None
    """The body of the request that was begun last."""

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.content is not None:  # else aiohttp waits for the rest of a refused body though its client is gone
            self.content.feed_eof()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if not isinstance(exc, _BROKEN):
            return super().handle_error(request, status, exc, message)
        answer = error_answer(bad_request(f"this isn't HTTP that the server understands: {type(exc).__name__}"))
        response = web.Response(status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type})
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        if not isinstance(kw.get("exc_info"), _BROKEN):  # else a broken body, which was refused already
            super().log_exception(*args, **kw)


class _Connections(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class EmulatorServer:
    """Serves a state.

    :param state: what is served
    """

    def __init__(self, state: EmulatorState) -> None:
        self.state = state
        self._pending = PendingRequests()
        self._calls = CallsExchange(state, self._pending, self._body)
        self._admin = AdminApi(state, self._pending)
        self._checks = ExternalChecks(state, self._pending)
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Begin to serve; return the port."""
        server = _Connections(self._serve, access_log=None, logger=_log)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, backlog=1024).start()
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop serving. What faults still hold back never takes effect."""
        self._pending.drop()
        await self._checks.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        cast(_Connection, request.protocol).content = request.content
        target = Target.of(request.raw_path)
        if request.headers.get("Expect", "").lower() == "100-continue" and not is_gone(request):
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # type: ignore[union-attr]  # of WriteTransport
        if self._admin.serves(target):
            try:
                _only_from_our_own_page(request)
                body = await self._body(request, _SNAPSHOT if target.path.endswith("/snapshot") else None)
                return http_response(self._admin.answer(request.method, target, body), self.state.clock)
            except Refusal as refusal:
                return http_response(error_answer(refusal), self.state.clock, last=True)
            finally:
                self._checks.begin()
        try:
            return await self._calls.answer(request, target)
        finally:
            self._checks.begin()

    async def _body(self, request: web.BaseRequest, limit: int | None = None) -> bytes:
        """Read the body, within its limit: the setting's, if no other is given.

        :raises Refusal: 413 if it is larger, 408 if it doesn't come, 400 if it is broken
        """
        if not request.body_exists:
            return b""
        limit = limit or self.state.settings.max_body
        too_large = bad_request(f"the body is larger than {limit:,} bytes: see the setting max_body", 413)
        try:
            if request.content_length is not None and request.content_length > limit:
                raise too_large
            body = bytearray()
            async with asyncio.timeout(_BODY_TIMEOUT):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > limit:
                        raise too_large
        except TimeoutError:
            raise bad_request(f"the body did not come within {_BODY_TIMEOUT:.0f} seconds", 408) from None
        except (ValueError, ConnectionError, ClientError, *_BROKEN):  # a ConnectionError: the client left halfway
            raise bad_request("the body is broken: its length or its encoding is wrong") from None
        return bytes(body)


def _only_from_our_own_page(request: web.BaseRequest) -> None:
    """Refuse what the page of another site sends through somebody's browser: the emulator asks for no password.

    :raises Refusal: if the request comes from another page
    """
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("Host"):
        raise bad_request("the request comes from the page of another site", 403)
