"""What requests and urllib3 are made to keep to, beneath the transport.

To leave in time or never; to read no longer than allowed; to follow nothing; to log neither token nor phone.
"""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from socket import socket
from typing import Any

from requests import Response, Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError

from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind

__all__ = ["PlainSession", "PunctualAdapter", "sending"]

_LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry")


class _Sending(threading.local):
    """What holds while this thread sends: when a request may leave at the latest, by two clocks, and be answered."""

    monotonic: float | None = None
    wall: float = 0.0
    answered: float = 0.0
    total: float = 0.0

    def is_late(self) -> bool:
        return self.monotonic is not None and (time.monotonic() > self.monotonic or time.time() > self.wall)


_now_sending = _Sending()


@contextmanager
def sending(seconds: float, total: float) -> Iterator[None]:
    """Let no request of this thread leave after *seconds*, none be read after *total*, and urllib3 not log any.

    Looking the host up has no limit of its own, and each of its addresses gets the whole connect timeout: a request
    could else leave long after it was noted. And the read timeout bounds each wait for bytes alone: a server could
    else keep a worker for days, by a byte of a header now and then, or by interim answers without end.
    """
    now = time.monotonic()
    _now_sending.monotonic = now + seconds
    _now_sending.wall = time.time() + seconds
    _now_sending.answered = now + total
    _now_sending.total = total
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_not_ours)
    try:
        yield
    finally:
        _now_sending.monotonic = None


def _not_ours(record: logging.LogRecord) -> bool:
    """Urllib3 logs whole URLs, with token and phone: not while this thread sends."""
    return _now_sending.monotonic is None


class _PunctualReader(io.RawIOBase):
    """What comes over a socket, until the time for the whole answer is over."""

    def __init__(self, stream: io.RawIOBase, connected: socket) -> None:
        self._stream = stream
        self._socket = connected

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if _now_sending.monotonic is None:
            return self._stream.readinto(buffer)
        too_slow = NoResponse(NoResponseKind.TOO_SLOW, f"over {_now_sending.total:g} s")
        left = _now_sending.answered - time.monotonic()
        if left <= 0:
            raise too_slow
        timeout = self._socket.gettimeout()
        if timeout is not None and timeout <= left:
            return self._stream.readinto(buffer)
        self._socket.settimeout(left)
        try:
            return self._stream.readinto(buffer)
        except TimeoutError:
            raise too_slow from None

    def close(self) -> None:
        self._stream.close()
        super().close()


class _PunctualResponse(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp = io.BufferedReader(_PunctualReader(self.fp.detach(), sock))


class _Punctual:
    """Mixed into urllib3's connections: once connected too late, nothing is sent."""

    response_class: Any = _PunctualResponse

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # of HTTPConnection
        if _now_sending.is_late():
            self.close()  # type: ignore[attr-defined]
            raise ConnectTimeoutError(self, "connecting took too long")


class _PunctualHTTPConnection(_Punctual, HTTPConnection):
    pass


class _PunctualHTTPSConnection(_Punctual, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _PunctualHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _PunctualHTTPSConnection


class PlainSession(Session):
    """A session that does what it is told, and no more: it keeps no cookies, and follows nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def get_redirect_target(self, resp: Response) -> None:
        """Name none: only to tell what would come next, ``requests`` reads all of a redirect's body, without end."""
        return


class PunctualAdapter(HTTPAdapter):
    """An adapter of ``requests`` whose connections keep to :func:`sending`; it repeats nothing."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of such connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Make the pools behind a proxy of such connections too."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        if manager.pool_classes_by_scheme.get("http") is HTTPConnectionPool:  # and not a SOCKS proxy's, say
            manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager
