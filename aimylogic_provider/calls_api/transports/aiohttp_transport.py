"""The transport over ``aiohttp``, for many requests at a time: like the other, it follows and repeats nothing."""

from __future__ import annotations

import asyncio
import os
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind, Request, Response
from aimylogic_provider.calls_api.transports.content_coding import ACCEPTED, Body
from aimylogic_provider.calls_api.transports.deadlines import Deadlines
from aimylogic_provider.calls_api.transports.proxies import authorities, no_authorities, proxy_for
from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

__all__ = ["AiohttpTransport"]


class AiohttpTransport:
    """A session of ``aiohttp``, as an async context manager.

    Every request ends within the settings' total timeout, looking the host up and connecting included: what has not
    left by then never leaves.

    :param settings: how to send
    :param connections: open at a time, at most
    """

    def __init__(self, settings: TransportSettings, *, connections: int) -> None:
        self.settings = settings
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._deadlines = Deadlines(settings.total_timeout)
        self._endpoints: dict[str, tuple[str, str, str, str | None]] = {}

    async def __aenter__(self) -> Self:
        import aiohttp
        from yarl import URL

        from aimylogic_provider import __version__

        self._build = URL.build
        settings = self.settings
        checks = await asyncio.to_thread(_checks, settings.verify)  # reading certificates would hold the loop up
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=checks),
            cookie_jar=aiohttp.DummyCookieJar(),
            # No timers for the whole of each request: they cost a tenth of all throughput. See Deadlines.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout),
            headers={"User-Agent": f"airflow-provider-aimylogic/{__version__}", "Accept-Encoding": ACCEPTED},
            auto_decompress=False,
            trust_env=False,  # see `surroundings`
        )
        self._deadlines.watch()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._deadlines.stop()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _target(self, url: str) -> tuple[URL, str | None]:
        """The URL as the session takes it, and the proxy. All of an endpoint's URLs are the same but for the query."""
        endpoint, _, query = url.partition("?")
        parsed = self._endpoints.get(endpoint)
        if parsed is None:
            parts = urlsplit(endpoint)
            proxy = proxy_for(endpoint, self.settings.proxies)
            if proxy is not None and not self.settings.proxies and urlsplit(proxy).scheme not in ("http", "https"):
                proxy = None  # one of SOCKS, which aiohttp can't go by, and which nobody named for this connection
            parsed = self._endpoints[endpoint] = parts.scheme, parts.netloc, parts.path, proxy
        scheme, authority, path, proxy = parsed
        return self._build(scheme=scheme, authority=authority, path=path, query_string=query, encoded=True), proxy

    async def send(self, request: Request[Any], url: str) -> Response:
        """Send one request once, and read its answer whole.

        :raises NoResponse: if no whole answer came
        """
        import aiohttp

        try:
            with self._deadlines:
                return await self._exchange(request, url)
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            no_response = NoResponse(_kind_of(error), type(error).__name__)
        # Errors beneath carry the URL, and so token and phone: none of them goes along as the context of ours.
        raise no_response

    async def _exchange(self, request: Request[Any], url: str) -> Response:
        assert self._session is not None, "used outside its context"
        made, proxy = self._target(url)
        # The session repeats no POST, and a GET only where it changes nothing here: none of ours does.
        answer = await self._session.request(
            request.method, made, headers=request.all_headers, data=request.body, allow_redirects=False, proxy=proxy
        )
        try:
            body = Body(answer.headers.get("Content-Encoding", ""), self.settings.max_body)
            while not answer.content.at_eof():
                body.add(await answer.content.readany())
        finally:
            answer.close()  # its connection is kept if the answer was read whole
        # Its headers are found by names in small letters too.
        return Response(answer.status, answer.headers, body.whole())


def _checks(verify: bool | str) -> ssl.SSLContext | bool:
    path = authorities(verify)
    if isinstance(path, bool):
        return path
    try:
        return _context(path, os.stat(path).st_mtime)
    except OSError:  # it holds no certificates
        raise no_authorities(path) from None


@lru_cache(maxsize=8)
def _context(path: str, changed: float) -> ssl.SSLContext:
    """Made once for each state of a file: it takes some 40 ms, in which the event loop does nothing else."""
    is_folder = os.path.isdir(path)
    return ssl.create_default_context(cafile=None if is_folder else path, capath=path if is_folder else None)


def _kind_of(error: Exception) -> NoResponseKind:
    import aiohttp

    match error:
        case TimeoutError():
            return NoResponseKind.TIMEOUT
        case aiohttp.ClientConnectorCertificateError():
            return NoResponseKind.CERTIFICATE
        case aiohttp.ClientSSLError():
            return NoResponseKind.TLS
        case aiohttp.ClientHttpProxyError() | aiohttp.ClientProxyConnectionError():
            return NoResponseKind.PROXY
        case aiohttp.ClientConnectorError():
            return NoResponseKind.UNREACHABLE
        case _:
            return NoResponseKind.RESET
