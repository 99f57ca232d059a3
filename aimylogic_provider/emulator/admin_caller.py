"""How the emulator's own paths are called: a request out, JSON back, and what went wrong as an error.

What there is to ask for stands in ``client``.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

__all__ = ["AdminCaller", "EmulatorError"]

T = TypeVar("T")


class EmulatorError(Exception):
    """What the emulator refused, with its reason."""


class AdminCaller:
    """Calls the own paths of the emulator at a URL.

    :param url: scheme, host and port
    """

    def __init__(self, url: str) -> None:
        self._url = (url if "://" in url else f"http://{url}").rstrip("/")

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self._url

    def _ask(
        self, method: str, path: str, kind: type[T], body: object = None, query: Mapping[str, object] | None = None
    ) -> T:
        chosen = {name: value for name, value in (query or {}).items() if value is not None}
        content = self._send(
            method,
            path + (f"?{urlencode(chosen)}" if chosen else ""),
            None if body is None else msgspec.json.encode(body),
        )
        return msgspec.json.decode(content, type=kind)

    def _send(self, method: str, path: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the emulator's own address
            f"{self.url}/_emulator{path}", method=method, data=body, headers={"Content-Type": "application/json"}
        )
        # A proxy of the environment has no business with the emulator.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                answer = error.read().decode("utf-8", "replace")
            try:
                reason = str(json.loads(answer)["error"])
            except (ValueError, KeyError, TypeError):
                reason = answer[:200]
            raise EmulatorError(reason) from None
        except OSError as error:
            raise EmulatorError(f"no emulator answers at {self.url}: {getattr(error, 'reason', error)}") from None
