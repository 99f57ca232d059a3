"""The transport over ``requests``: sends once, follows nothing, repeats nothing, reads within limits.

What is made of the libraries beneath it stands in ``requests_connections``.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind, Request, Response
from aimylogic_provider.calls_api.transports.content_coding import ACCEPTED, Body
from aimylogic_provider.calls_api.transports.proxies import authorities, proxy_for

if TYPE_CHECKING:
    import requests

__all__ = ["RequestsTransport", "TransportSettings"]


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How to send.

    :param connect_timeout: seconds to wait for a connection to each of the host's addresses; after twice as long in
        all, no request leaves
    :param read_timeout: seconds to wait for the answer
    :param verify: whether to check certificates, or the path of the authorities' certificates, a file or a folder
    :param proxies: proxy URL by scheme; empty means what the environment says
    :param max_body: bytes of an answer that are read at most, after decoding
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    verify: bool | str = True
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_body: int = 32 * 2**20

    @property
    def total_timeout(self) -> float:
        """Seconds after which a request has been given up: it takes effect by then or, we assume, never."""
        return 2 * self.connect_timeout + self.read_timeout


class RequestsTransport:
    """A pooled session of ``requests``, which several threads may use at once: nothing of it changes as it sends."""

    def __init__(self, settings: TransportSettings) -> None:
        self.settings = settings
        self._session: requests.Session | None = None
        self._opening = threading.Lock()

    def send(self, request: Request[Any], url: str) -> Response:
        """Send one request once, and read its answer whole.

        :raises NoResponse: if no whole answer came
        """
        import requests
        from urllib3.exceptions import HTTPError
        from urllib3.util import Timeout

        from aimylogic_provider.calls_api.transports.requests_connections import sending

        settings = self.settings
        proxy = proxy_for(url, settings.proxies)
        session = self._open()
        try:
            with (
                sending(2 * settings.connect_timeout, settings.total_timeout),
                session.request(
                    request.method,
                    url,
                    headers=request.all_headers,
                    data=request.body,
                    # The total bounds connecting and each wait for bytes; `sending` bounds the trickle of them.
                    timeout=Timeout(  # type: ignore[arg-type]  # requests passes urllib3's own through
                        total=settings.total_timeout, connect=settings.connect_timeout, read=settings.read_timeout
                    ),
                    allow_redirects=False,
                    stream=True,
                    proxies={} if proxy is None else {"all": proxy},
                ) as answer,
            ):
                body = Body(answer.headers.get("Content-Encoding", ""), settings.max_body)
                while part := answer.raw.read1(64 * 1024, decode_content=False):
                    body.add(part)
                return Response(
                    answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body.whole()
                )
        except (requests.exceptions.RequestException, HTTPError, OSError, ValueError) as error:
            no_response = NoResponse(_kind_of(error), type(error).__name__)
        # The errors beneath carry the URL, and so token and phone: they are named by their kind alone, and none of them
        # goes along as the context of ours.
        raise no_response

    def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self) -> requests.Session:
        with self._opening:
            if self._session is None:
                self._session = self._new_session()
            return self._session

    def _new_session(self) -> requests.Session:
        from aimylogic_provider import __version__
        from aimylogic_provider.calls_api.transports.requests_connections import PlainSession, PunctualAdapter

        session = PlainSession()
        for scheme in ("http://", "https://"):
            session.mount(scheme, PunctualAdapter())
        session.headers["Accept-Encoding"] = ACCEPTED
        session.headers["User-Agent"] = f"airflow-provider-aimylogic/{__version__}"
        session.trust_env = False  # see `surroundings`
        session.verify = authorities(self.settings.verify)
        return session


def _kind_of(error: Exception) -> NoResponseKind:
    from requests import exceptions
    from urllib3 import exceptions as beneath

    match error:
        case beneath.TimeoutError():
            return NoResponseKind.TIMEOUT
        case exceptions.ProxyError():
            return NoResponseKind.PROXY
        case exceptions.SSLError():
            return NoResponseKind.CERTIFICATE if "CERTIFICATE_VERIFY_FAILED" in str(error) else NoResponseKind.TLS
        case exceptions.Timeout():
            return NoResponseKind.TIMEOUT
        case exceptions.ConnectionError():
            text = str(error)
            if "Failed to establish" in text or "Failed to resolve" in text or "NewConnectionError" in text:
                return NoResponseKind.UNREACHABLE
            return NoResponseKind.RESET
        case _:
            return NoResponseKind.RESET
