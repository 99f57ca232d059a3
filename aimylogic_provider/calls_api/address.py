"""A campaign's host and token, and the URLs made of them. The one place that puts a token into a URL.

Where a connection's settings come from is for the hook to know.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from aimylogic_provider.calls_api.errors import ConnectionRejectedError, RejectedError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.phones.phone import shown

__all__ = ["DEFAULT_HOST", "MAX_URL", "CampaignAddress", "is_loopback"]

DEFAULT_HOST = "https://app.aimylogic.com"
MAX_URL = 8000
"""Characters. Longer URLs are cut or refused by servers and proxies on the way."""

_UNGUESSED = 8
"""Characters of a token's part that tells one campaign from all others."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_LONGEST_NAME = 253
"""Characters of a host's name, by DNS."""


@dataclass(frozen=True, slots=True)
class CampaignAddress:
    """A campaign's host and token. Make it with :meth:`of`, which validates.

    :param base_url: scheme, host and port, without a slash at the end
    :param token: the campaign's token: its only credential
    """

    base_url: str
    token: str = field(repr=False)

    @classmethod
    def of(
        cls,
        host: str | None,
        token: str | None,
        *,
        port: int | None = None,
        scheme: str | None = None,
        allow_plain_http: bool = False,
    ) -> CampaignAddress:
        """Validate connection settings.

        :param host: a host name, or a URL of scheme and host; None for Aimylogic's own
        :param port: overrides a port in *host*
        :param scheme: ``https`` (the default) or ``http``, where *host* doesn't say
        :param allow_plain_http: permit http beyond this machine
        :raises ConnectionRejectedError: naming the setting, the rule and the way out
        """
        token = (token or "").strip()
        if not token:
            raise ConnectionRejectedError(
                "the connection has no campaign token: put it into the password field (in Aimylogic: Outbound calls → "
                "Create in Campaign from CRM system, or the campaign → Integration → Get token)"
            )
        if not (token.isascii() and token.isprintable()) or any(c in token for c in " /\\?#") or not token.strip("."):
            raise ConnectionRejectedError(
                "the campaign token holds characters that no token has (spaces, slashes, control characters), or dots "
                "alone: copy it again from Aimylogic, Integration → Get token"
            )
        base = _base_url((host or DEFAULT_HOST).strip(), port or None, scheme)
        parts = urlsplit(base)
        if parts.scheme == "http" and not allow_plain_http and not is_loopback(parts.hostname or ""):
            raise ConnectionRejectedError(
                f"host {base!r} would send the token unencrypted: use https, or set allow_plain_http in the "
                "connection's extra if the network between is yours"
            )
        return cls(base, token)

    def url(self, request: Request[Any]) -> str:
        """Return the full URL of *request*, percent-encoded.

        :raises RejectedError: if it is longer than :data:`MAX_URL` characters
        """
        url = _place(self.base_url, request.endpoint.path, self.token)
        if request.query:
            url += "?" + "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in request.query])
        if len(url) > MAX_URL:
            raise RejectedError(
                f"the request's URL would have {len(url):,} characters, more than the {MAX_URL:,} that pass every "
                "proxy: shorten the payload, or use addPhones, which sends it in the body"
            )
        return url

    def secrets(self) -> tuple[str, ...]:
        """Return the forms in which the token could show, to be masked."""
        return tuple({self.token, quote(self.token, safe=""), quote(self.token)})

    def is_given_away_by(self, text: str) -> bool:
        """Whether *text*, as a server wrote it, holds the token, or the part of it that nobody can guess."""
        parts = [part for part in self.token.split(".") if len(part) >= _UNGUESSED]
        return any(secret in text for secret in (*self.secrets(), *parts))


def is_loopback(host: str) -> bool:
    """Whether *host*, a name or an address, is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=64)
def _place(base_url: str, path: str, token: str) -> str:
    return base_url + path.replace("{token}", quote(token, safe=""))


def _quoted(text: str) -> str:
    return text if text.isascii() and text.isalnum() else _escaped(text)


@lru_cache(maxsize=1024)
def _escaped(text: str) -> str:
    """Of many calls all names are the same, and some values."""
    return quote(text, safe="")


def _base_url(host: str, port: int | None, scheme: str | None) -> str:
    wrong = ConnectionRejectedError(
        f"host {_shown(host)!r} isn't a host name or address of the form https://app.aimylogic.com: give scheme, host "
        "and port at most, without a path"
    )
    try:
        parts = urlsplit(host if "://" in host else f"{scheme or 'https'}://{host}")
        port = port or parts.port
    except ValueError:
        raise wrong from None
    name = (parts.hostname or "").lower()
    if (
        parts.scheme not in ("http", "https")
        or not name
        or parts.username is not None
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or not all(c.isalnum() or c in "-._:" for c in name)
        or not _is_reachable_name(name)
    ):
        raise wrong
    if not 0 < (port or 1) < 65536:
        raise ConnectionRejectedError(f"port {shown(port)} isn't a port: give a number from 1 to 65535, or none")
    if ":" in name:
        name = f"[{name}]"
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{name}" + (f":{port}" if port and port != default else "")


def _is_reachable_name(name: str) -> bool:
    """Whether a request can be sent to it: else it would be noted as sent, and be of unknown outcome ever after."""
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        if ":" not in name:
            name.encode("idna")  # as a socket does
        return parse_url(f"https://[{name}]" if ":" in name else f"https://{name}").host is not None
    except (UnicodeError, LocationParseError):
        return False


def _shown(host: str) -> str:
    """A host setting as it may be shown: a URL that was pasted whole holds the token in its path."""
    scheme = match[0] if (match := _SCHEME.match(host)) else ""
    rest = host.removeprefix(scheme)
    name = re.split(r"[/?#\\\s]", rest, maxsplit=1)[0].rpartition("@")[2]
    return scheme + name[:_LONGEST_NAME] + ("…" if len(name[:_LONGEST_NAME]) < len(rest) else "")
