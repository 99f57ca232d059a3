"""The transport over ``aiohttp``, for many requests at a time: like the other, it follows and repeats nothing."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from aimylogic_provider.calls_api.transport import TransportSettings
from aimylogic_provider.calls_api.wire import NoResponse, Request, Response, Silence

if TYPE_CHECKING:
    import aiohttp

__all__ = ["AiohttpTransport"]

_UNKNOWN = "not looked up yet"


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
        self._proxy_of_host: str | None = _UNKNOWN

    async def __aenter__(self) -> Self:
        import aiohttp
        from yarl import URL

        from aimylogic_provider import __version__

        self._url = URL
        settings = self.settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=_checks(settings.verify)),
            cookie_jar=aiohttp.DummyCookieJar(),
            # No timer of its own for the answer: it would cost a tenth of all throughput, and the total bounds it too.
            timeout=aiohttp.ClientTimeout(total=settings.total_timeout, sock_connect=settings.connect_timeout),
            headers={"User-Agent": f"airflow-provider-aimylogic/{__version__}"},
            # Not by trust_env: it would also look into ~/.netrc, and the token is the only credential.
            trust_env=False,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _proxy(self, url: str) -> str | None:
        if self._proxy_of_host is _UNKNOWN:  # one host alone is asked, so once is enough
            self._proxy_of_host = _proxy(self.settings.proxies, url)
        return self._proxy_of_host

    async def send(self, request: Request[Any], url: str) -> Response:
        """Send one request once, and read its answer whole.

        :raises NoResponse: if no whole answer came
        """
        import aiohttp

        assert self._session is not None, "used outside its context"
        try:
            # The session repeats no POST, and a GET only where it changes nothing here: none of ours does.
            async with self._session.request(
                request.method,
                self._url(url, encoded=True),
                headers=request.all_headers,
                data=request.body,
                allow_redirects=False,
                proxy=self._proxy(url),
            ) as answer:
                content = bytearray()
                while chunk := await answer.content.readany():
                    content += chunk
                    if len(content) > self.settings.max_body:
                        raise NoResponse(Silence.TOO_LARGE, f"over {self.settings.max_body:,} bytes")
                # Its headers are found by names in small letters too.
                return Response(answer.status, answer.headers, bytes(content))
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            no_response = NoResponse(_silence(error), type(error).__name__)
        # Errors beneath carry the URL, and so token and phone: none of them goes along as the context of ours.
        raise no_response


def _checks(verify: bool | str) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify


def _proxy(proxies: Mapping[str, str], url: str) -> str | None:
    """The proxy for *url*: of the settings or, where they name none, what the environment says."""
    parts = urlsplit(url)
    if proxies:
        return proxies.get(parts.scheme)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _silence(error: Exception) -> Silence:
    import aiohttp

    match error:
        case TimeoutError():
            return Silence.TIMEOUT
        case aiohttp.ClientConnectorCertificateError():
            return Silence.CERTIFICATE
        case aiohttp.ClientSSLError():
            return Silence.TLS
        case aiohttp.ClientHttpProxyError() | aiohttp.ClientProxyConnectionError():
            return Silence.PROXY
        case aiohttp.ClientConnectorError():
            return Silence.UNREACHABLE
        case aiohttp.ContentTypeError() | aiohttp.ClientPayloadError():
            return Silence.UNDECODABLE if "encoding" in str(error).lower() else Silence.RESET
        case _:
            return Silence.RESET
